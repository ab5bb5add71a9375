/* SPDX-License-Identifier: MIT
 *
 * JPEG (ITU T.81, B.1): segments of a marker and a length, walked up to the first frame
 * header SOF0..SOF15 (C4, C8 and CC are none), which holds height and width; an APP1 that
 * begins with "Exif" before it may turn the picture. PNG (W3C, 11.2 and 11.3): the chunk IHDR
 * comes first, eXIf before IDAT or not at all as far as this is concerned.
 */
#include "image/picture_head.h"

#include <string.h>

#include "base/file.h"
#include "image/codec.h"

static size_t
big(const unsigned char *p, int n)
{
	size_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

static enum det_err
early(void)
{
	return det_fail(DET_TRUNCATED, "the picture ends within its head");
}

static enum det_err
jpeg(struct det_image_info *info, const unsigned char *p, size_t size)
{
	size_t at = 2, n;
	int marker;

	for (;;) {
		while (at < size && p[at] != 0xff)
			at++; /* decoders pass over stray bytes too */
		while (at < size && p[at] == 0xff)
			at++;
		if (size - at < 3)
			return early();
		marker = p[at++];
		if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8))
			continue; /* stands alone */
		if (marker == 0xd9 || marker == 0xda)
			return det_fail(DET_CORRUPT, "a JPEG without a frame header");
		n = big(p + at, 2);
		if (n < 2)
			return det_fail(DET_CORRUPT, "a JPEG segment of length %zu", n);
		if (n > size - at)
			return early();
		if (marker == 0xe1 && n >= 8 && !memcmp(p + at + 2, "Exif\0\0", 6))
			info->orientation = det_exif_orientation(p + at + 8, n - 8);
		if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 &&
		    marker != 0xc8 && marker != 0xcc) {
			if (n < 8)
				return det_fail(
				    DET_CORRUPT, "a JPEG frame header too short");
			info->h = big(p + at + 3, 2);
			info->w = big(p + at + 5, 2);
			return DET_OK;
		}
		at += n;
	}
}

static enum det_err
png(struct det_image_info *info, const unsigned char *p, size_t size)
{
	size_t at = 8, n;

	if (size < 33)
		return early();
	if (memcmp(p + 12, "IHDR", 4) != 0)
		return det_fail(DET_CORRUPT, "a PNG that does not begin with IHDR");
	info->w = big(p + 16, 4);
	info->h = big(p + 20, 4);
	while (size - at >= 12 && memcmp(p + at + 4, "IDAT", 4) != 0) {
		n = big(p + at, 4);
		if (n > size - at - 12)
			return early();
		if (!memcmp(p + at + 4, "eXIf", 4))
			info->orientation = det_exif_orientation(p + at + 8, n);
		at += n + 12;
	}
	return DET_OK;
}

static enum det_err
ppm(struct det_image_info *info, const unsigned char *p, size_t size)
{
	struct det_ppm_head h = { 0 };
	size_t need = 0;
	enum det_err e;

	if ((e = det_ppm_head(&h, &need, p, size)))
		return e;
	if (need == 0)
		return early();
	info->w = h.w;
	info->h = h.h;
	return DET_OK;
}

enum det_err
det_image_head(struct det_image_info *info, size_t *stored_w, size_t *stored_h,
    const unsigned char *data, size_t size)
{
	enum det_err e;

	*info = (struct det_image_info){ det_image_format(data, size), 0, 0, 1 };
	switch (info->format) {
	case DET_FORMAT_JPEG: e = jpeg(info, data, size); break;
	case DET_FORMAT_PNG: e = png(info, data, size); break;
	case DET_FORMAT_PPM: e = ppm(info, data, size); break;
	default: return det_fail(DET_UNSUPPORTED, "JPEG, PNG or PPM expected");
	}
	if (e)
		return e;
	if (info->w == 0 || info->h == 0)
		return det_fail(DET_CORRUPT, "a picture of %zux%zu", info->w, info->h);
	if (stored_w)
		*stored_w = info->w;
	if (stored_h)
		*stored_h = info->h;
	if (info->orientation >= 5 && info->orientation <= 8) {
		size_t w = info->w;

		info->w = info->h;
		info->h = w;
	}
	return DET_OK;
}

enum det_err
det_image_head_file(
    struct det_image_info *info, size_t *stored_w, size_t *stored_h, const char *path)
{
	struct det_map m;
	enum det_err e;

	if ((e = det_map_open(&m, path)))
		return e;
	if ((e = det_image_head(info, stored_w, stored_h, m.data, m.size)))
		e = det_fail_in(e, "%s", path);
	det_map_close(&m);
	return e;
}
