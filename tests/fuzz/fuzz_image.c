/* SPDX-License-Identifier: MIT
 *
 * Pictures from hostile bytes: cut out of a stream and decoded, as `det-image -` does; what
 * decodes is resized by the kernel that its size chooses, drawn upon and written again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/draw.h"
#include "image/prep.h"
#include "image/split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t n;
};

/* In pieces whose sizes come from the bytes themselves. */
static enum det_err
pour(void *ctx, void *buf, size_t n, size_t *got)
{
	struct input *in = ctx;
	size_t k = in->n ? (size_t)in->p[0] * 16 + 1 : 0;

	k = k < in->n ? k : in->n;
	k = k < n ? k : n;
	if (k)
		memcpy(buf, in->p, k);
	in->p += k;
	in->n -= k;
	*got = k;
	return DET_OK;
}

static void
use(struct det_image *im)
{
	struct det_prep p = DET_PREP_DEFAULTS;
	struct det_draw_params draw = DET_DRAW_DEFAULTS;
	struct det_box box = { 1, -3, (double)im->w, 9, .5, 0, 3, 0, 0 };
	const struct det_boxes boxes = { &box, 1, 1, DET_SPACE_IMAGE };
	struct det_place at;
	struct det_buf out = { 0 };
	float *x;

	p.kernel = (enum det_kernel)(im->w % 4);
	p.fit.kind = im->h % 2 ? DET_FIT_LETTERBOX : DET_FIT_STRETCH;
	p.fit.w = 31;
	p.fit.h = 17;
	p.norm_first = im->w % 3 == 0 && p.kernel != DET_KERNEL_PIL;
	x = malloc(31 * 17 * 3 * sizeof *x);
	if (det_fit_place(&at, &p.fit, p.kernel, im->w, im->h) ||
	    det_prep_run(x, &p, &at, im))
		abort();
	for (size_t i = 0; i < 31 * 17 * 3; i++)
		if (!(x[i] >= 0 && x[i] <= 1.0001f))
			abort();
	free(x);
	if (im->w * im->h > 10000)
		return;
	if (det_draw_boxes(im, &boxes, NULL, &draw) ||
	    det_image_encode(&out, im, DET_FORMAT_PPM, 0))
		abort();
	det_buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	const struct det_bytes src = { pour, &in };
	struct det_image_params p = DET_IMAGE_DEFAULTS;
	struct det_split *s;
	struct det_image im;
	const unsigned char *piece;
	size_t n;

	p.max_pixels = 1 << 20;
	if (det_split_new(&s, &src, 1 << 20))
		abort();
	while (!det_split_next(s, &piece, &n) && n > 0) {
		if (det_image_decode(&im, NULL, piece, n, &p))
			continue;
		use(&im);
		det_image_release(&im);
	}
	det_split_free(s);
	return 0;
}
