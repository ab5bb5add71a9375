/* SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "nn/conv.h"

static enum det_err
side(size_t *out, size_t in, size_t a, size_t b, size_t k, size_t stride, size_t dilate)
{
	enum det_err e;
	size_t span, padded;

	if ((e = det_mul(&span, dilate, k - 1)) || (e = det_add(&padded, a, b)) ||
	    (e = det_add(&padded, padded, in)))
		return e;
	if (span >= padded)
		return det_fail(DET_INVALID,
		    "a kernel that spans %zu was expected to fit an input of %zu with "
		    "padding",
		    span + 1, padded);
	*out = (padded - span - 1) / stride + 1;
	return DET_OK;
}

/* Whether so many floats can be counted in bytes, `more` times as many where channels are
 * filled up to whole blocks. */
static enum det_err
fits(size_t a, size_t b, size_t c, size_t d, size_t more)
{
	enum det_err e;
	size_t n;

	if ((e = det_mul(&n, a, b)) || (e = det_mul(&n, n, c)) ||
	    (e = det_mul(&n, n, d)) || (e = det_mul(&n, n, more)))
		return e;
	return det_mul(&n, n, sizeof(float));
}

enum det_err
det_conv_shape(struct det_conv *c)
{
	enum det_err e;

	if (!c->n || !c->c || !c->h || !c->w || !c->k || !c->kh || !c->kw ||
	    !c->stride_y || !c->stride_x || !c->dilate_y || !c->dilate_x || !c->groups)
		return det_fail(DET_INVALID, "sizes, strides and groups of a "
					     "convolution were expected to be above "
					     "0");
	if (c->c % c->groups || c->k % c->groups)
		return det_fail(DET_INVALID,
		    "groups were expected to divide %zu input and %zu output channels, "
		    "found %zu",
		    c->c, c->k, c->groups);
	if ((e = side(&c->oh, c->h, c->pad_top, c->pad_bottom, c->kh, c->stride_y,
		 c->dilate_y)) ||
	    (e = side(&c->ow, c->w, c->pad_left, c->pad_right, c->kw, c->stride_x,
		 c->dilate_x)))
		return e;
	if ((e = fits(c->oh, c->ow, c->k, c->n, DET_BLOCK)) ||
	    (e = fits(c->h, c->w, c->c, c->n, DET_BLOCK)))
		return e;
	return fits(c->kh, c->kw, c->c, c->k, DET_BLOCK * DET_BLOCK);
}
