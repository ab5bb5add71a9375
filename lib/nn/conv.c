/* SPDX-License-Identifier: MIT */
#include "nn/conv.h"

#include "base/mem.h"
#include "nn/gemm.h"

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

enum det_err
det_conv_shape(struct det_conv *c)
{
	enum det_err e;
	size_t n;

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
	if ((e = det_mul(&n, c->oh, c->ow)) || (e = det_mul(&n, n, c->k)) ||
	    (e = det_mul(&n, n, c->n)) || (e = det_mul(&n, n, sizeof(float))))
		return e;
	if ((e = det_mul(&n, c->h, c->w)) || (e = det_mul(&n, n, c->c)) ||
	    (e = det_mul(&n, n, c->n)) || (e = det_mul(&n, n, sizeof(float))))
		return e;
	if ((e = det_mul(&n, c->kh, c->kw)) || (e = det_mul(&n, n, c->c)) ||
	    (e = det_mul(&n, n, c->k)) || (e = det_mul(&n, n, sizeof(float))))
		return e;
	return DET_OK;
}

/* Each output channel sees one input channel, and few outputs share it. */
static int
is_depthwise(const struct det_conv *c)
{
	return c->c == c->groups && c->k / c->groups <= 4 && c->c > 1;
}

/* The kernel covers all of the image: each output is one product of a row of weights with
 * all inputs, as they lie. */
static int
is_connected(const struct det_conv *c)
{
	return c->oh == 1 && c->ow == 1 && c->kh == c->h && c->kw == c->w &&
	       c->groups == 1 && !c->pad_top && !c->pad_left &&
	       (c->dilate_y == 1 || c->kh == 1) && (c->dilate_x == 1 || c->kw == 1);
}

size_t
det_conv_scratch(const struct det_conv *c, int threads)
{
	size_t fc, gemm;

	if (is_connected(c)) { /* with a residual it is a plain product after all */
		fc = det_fc_scratch(c->n, c->k, c->c * c->kh * c->kw, threads);
		gemm = det_conv_gemm_scratch(c, threads);
		return fc > gemm ? fc : gemm;
	}
	if (is_depthwise(c))
		return det_conv_depthwise_scratch(c, threads);
	if (det_conv_winograd_fits(c))
		return det_conv_winograd_scratch(c, threads);
	return det_conv_gemm_scratch(c, threads);
}

const char *
det_conv_algorithm(const struct det_conv *c, int threads)
{
	return is_connected(c)             ? "fully connected"
	       : is_depthwise(c)           ? "depthwise"
	       : det_conv_winograd_fits(c) ? "winograd"
					   : det_conv_gemm_name(c, threads);
}

void
det_conv_run(const struct det_conv *c, float *out, const float *in, const float *weight,
    const float *scale, const float *shift, const float *residual, void *scratch,
    int threads)
{
	struct det_epilogue e = { .scale = scale,
		.shift = shift,
		.residual = residual,
		.act = c->act,
		.alpha = c->alpha };

	if (is_connected(c) && !residual)
		det_fc_run(out, in, weight, scale, shift, c->n, c->k,
		    c->c * c->kh * c->kw, c->act, c->alpha, scratch, threads);
	else if (is_connected(c))
		det_conv_gemm_run(c, out, in, weight, &e, scratch, threads);
	else if (is_depthwise(c))
		det_conv_depthwise_run(c, out, in, weight, &e, scratch, threads);
	else if (det_conv_winograd_fits(c))
		det_conv_winograd_run(c, out, in, weight, &e, scratch, threads);
	else
		det_conv_gemm_run(c, out, in, weight, &e, scratch, threads);
}
