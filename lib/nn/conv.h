/* SPDX-License-Identifier: MIT
 *
 * Two-dimensional convolution, forward, with its epilogue fused:
 *
 *   out[n,k,y,x] = act(scale[k] * sum_{c,i,j} weight[k,c,i,j] * in[n,c,y*s+i*d-p,x*s+j*d-p]
 *                      + shift[k] + residual[n,k,y,x])
 *
 * in (N,C,H,W), weight (K,C/groups,KH,KW), out and residual (N,K,OH,OW), all f32.
 */
#ifndef DET_CONV_H
#define DET_CONV_H

#include <stddef.h>

#include "base/err.h"

enum det_act {
	DET_ACT_LINEAR,
	DET_ACT_RELU,
	DET_ACT_RELU6,
	DET_ACT_LEAKY, /* max(x, alpha x), alpha .1 unless given */
	DET_ACT_SIGMOID,
	DET_ACT_MISH,
	DET_ACT_SILU,
};

struct det_conv {
	size_t n, c, h, w; /* input */
	size_t k, kh, kw;  /* output channels, kernel */
	size_t oh, ow;     /* output; det_conv_shape computes them */
	size_t stride_y, stride_x;
	size_t dilate_y, dilate_x;
	size_t pad_top, pad_left, pad_bottom, pad_right;
	size_t groups;
	enum det_act act;
	float alpha; /* of DET_ACT_LEAKY */
	int direct; /* sum the products as written: no Winograd, which rounds differently */
};

/* Fills oh and ow: floor((h + pads - dilate*(k-1) - 1) / stride) + 1. DET_INVALID where
 * nothing fits, groups do not divide, or a size is 0 or overflows. */
enum det_err det_conv_shape(struct det_conv *c) DET_MUST_USE;

/* Bytes of scratch memory that det_conv_run wants for this problem and thread count (64
 * byte aligned); and the name of the algorithm chosen ("1x1 gemm", "implicit
 * gemm", "winograd", "depthwise", ...), for reports. The choice depends on the problem, the thread count and
 * the processor, never on timing. */
size_t det_conv_scratch(const struct det_conv *c, int threads);
const char *det_conv_algorithm(const struct det_conv *c, int threads);

/* scale may be NULL (all 1), shift may be NULL (all 0), residual may be NULL; residual may
 * be out itself. The sum order is fixed by the problem, the thread count and the
 * processor: equal calls give equal bits. */
void det_conv_run(const struct det_conv *c, float *out, const float *in,
    const float *weight, const float *scale, const float *shift, const float *residual,
    void *scratch, int threads);

/* out (M,N) = in (M,K) . weight (N,K)^T, then the epilogue per column: fully connected
 * layers. scratch: det_fc_scratch bytes, 64 byte aligned. */
size_t det_fc_scratch(size_t m, size_t n, size_t k, int threads);
void det_fc_run(float *out, const float *in, const float *weight, const float *scale,
    const float *shift, size_t m, size_t n, size_t k, enum det_act act, float alpha,
    void *scratch, int threads);

/* y = act(x) over n floats, the same function that the epilogues use. */
void det_act_run(float *y, const float *x, size_t n, enum det_act act, float alpha);

#endif
