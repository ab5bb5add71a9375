/* SPDX-License-Identifier: MIT */
#include "image/original.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define MAX_BYTES ((size_t)1 << 30)

enum det_err
det_original_read(struct det_image *out, const struct det_item *it,
    const unsigned char *bytes, size_t size)
{
	const struct det_image_params p = DET_IMAGE_DEFAULTS;
	struct det_image_info info;
	char *file = NULL;
	enum det_err e;

	*out = (struct det_image){ 0 };
	if (size == 0) {
		if (!it->path || strcmp(it->path, "-") == 0)
			return det_fail(DET_INVALID,
			    "its picture came by standard input, and the stream has no "
			    "tensor 'source'");
		if ((e = det_file_read(&file, &size, it->path, MAX_BYTES)))
			return e;
		bytes = (unsigned char *)file;
	}
	e = det_image_decode(out, &info, bytes, size, &p);
	free(file);
	if (!e && it->width > 0 &&
	    (info.w != (size_t)it->width || info.h != (size_t)it->height)) {
		det_image_release(out);
		e = det_fail(DET_INVALID,
		    "a picture of %ldx%ld expected, found %zux%zu: was it changed?",
		    it->width, it->height, info.w, info.h);
	}
	return e;
}
