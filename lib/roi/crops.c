/* SPDX-License-Identifier: MIT */
#include "roi/crops.h"

#include <stdlib.h>

#include "base/mem.h"
#include "box/map.h"
#include "image/original.h"

enum det_err
det_crops_picture(
    struct det_warp_picture *im, const struct det_tensor *t, const double rect[4])
{
	char shape[96];

	if (t->dtype != DET_F32 || t->rank != 4 || t->dims[0] != 1 || !t->dims[1] ||
	    !(rect[0] >= 0 && rect[1] >= 0) || (double)t->dims[2] < rect[3] ||
	    (double)t->dims[3] < rect[2])
		return det_fail(DET_INVALID,
		    "tensor 'image' is %s: f32 1xCxHxW of the size that the item tells "
		    "expected",
		    det_shape_text(shape, sizeof shape, t));
	*im = (struct det_warp_picture){ .c = t->dims[1],
		.h = (size_t)(rect[3] - rect[1]),
		.w = (size_t)(rect[2] - rect[0]),
		.stride = t->dims[3],
		.plane = t->dims[2] * t->dims[3],
		.x0 = rect[0],
		.y0 = rect[1] };
	im->data =
	    (const float *)t->data + (size_t)rect[1] * t->dims[3] + (size_t)rect[0];
	return DET_OK;
}

enum det_err
det_crops_input(
    struct det_crops *c, const struct det_item *it, const struct det_tensor *t)
{
	double rect[4];
	enum det_err e = det_item_picture(rect, it);

	return e ? e : det_crops_picture(&c->im, t, rect);
}

enum det_err
det_crops_original(struct det_crops *c, const struct det_item *it,
    const unsigned char *bytes, size_t size, const struct det_norm *norm)
{
	struct det_image im;
	float table[256];
	size_t pixels;
	enum det_err e;

	if ((e = det_norm_check(norm)) || (e = det_original_read(&im, it, bytes, size)))
		return e;
	pixels = im.w * im.h;
	if ((e = det_alloc(&c->own, pixels, 3 * sizeof *c->own)))
		goto out;
	for (size_t k = 0; k < 3; k++) {
		const unsigned char *from = im.rgb + (norm->bgr ? 2 - k : k);

		det_norm_table(table, norm, (int)k);
		for (size_t i = 0; i < pixels; i++)
			c->own[k * pixels + i] = table[from[3 * i]];
	}
	c->im = (struct det_warp_picture){ c->own, 3, im.h, im.w, im.w, pixels, 0, 0 };
out:
	det_image_release(&im);
	return e;
}

void
det_crops_release(struct det_crops *c)
{
	free(c->own);
	*c = (struct det_crops){ 0 };
}
