/* SPDX-License-Identifier: MIT
 *
 * The pictures that regions are cut from: a network's input, or the original.
 */
#ifndef DET_CROPS_H
#define DET_CROPS_H

#include "base/tensor.h"
#include "image/norm.h"
#include "roi/warp.h"
#include "stream/item.h"

/* Start from {0}; ended by det_crops_release. */
struct det_crops {
	struct det_warp_picture im;
	float *own;
};

/* The picture that lies at x1 y1 x2 y2 (whole pixels) of an input f32 (1,C,H,W), whose data
 * must outlive im. DET_INVALID where the tensor is another, or smaller. */
enum det_err det_crops_picture(struct det_warp_picture *im, const struct det_tensor *t,
    const double rect[4]) DET_MUST_USE;

/* The tensor "image", f32 (1,C,H,W), of which only the picture counts, not its padding; for
 * boxes in the input's pixels. The tensor must outlive c. */
enum det_err det_crops_input(struct det_crops *c, const struct det_item *it,
    const struct det_tensor *t) DET_MUST_USE;

/* The original picture, from its encoded bytes or (size 0) the item's path, normalised; for
 * boxes in the original's pixels. */
enum det_err det_crops_original(struct det_crops *c, const struct det_item *it,
    const unsigned char *bytes, size_t size, const struct det_norm *norm) DET_MUST_USE;

void det_crops_release(struct det_crops *c);

#endif
