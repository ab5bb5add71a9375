/* SPDX-License-Identifier: MIT
 *
 * Two-dimensional convolution, forward, with its epilogue fused:
 *
 *   out[n,k,y,x] = act(scale[k] * sum_{c,i,j} weight[k,c,i,j] * in[n,c,y*s+i*d-p,x*s+j*d-p]
 *                      + shift[k] + residual[n,k,y,x])
 *
 * in (N,C,H,W), weight (K,C/groups,KH,KW), out and residual (N,K,OH,OW), all f32, each map
 * plain or blocked (nn/layout.h).
 */
#ifndef DET_CONV_H
#define DET_CONV_H

#include <stddef.h>

#include "base/err.h"
#include "nn/layout.h"

enum det_act {
	DET_ACT_LINEAR,
	DET_ACT_RELU,
	DET_ACT_RELU6,
	DET_ACT_LEAKY, /* max(x, alpha x), alpha .1 unless given */
	DET_ACT_SIGMOID,
	DET_ACT_MISH,
	DET_ACT_SILU,
};

/* The ways to compute it. Which are possible is a matter of the problem: det_conv_can. */
enum det_conv_algo {
	DET_CONV_AUTO, /* the one with the least modelled cost */
	DET_CONV_GEMM, /* columns packed from the image as they are needed: anything */
	DET_CONV_DIRECT, /* blocked pixels as they lie, packed weights */
	DET_CONV_WINO2,  /* Winograd's F(2x2,3x3), F(4x4,3x3), F(6x6,3x3) */
	DET_CONV_WINO4,
	DET_CONV_WINO6,
	DET_CONV_DEPTHWISE, /* an input channel each */
	DET_CONV_FC,        /* the kernel covers the image */
	DET_CONV_ALGOS
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
	enum det_layout in_layout, out_layout; /* the residual's is the output's */
	enum det_conv_algo algo;               /* forced, or DET_CONV_AUTO */
	int packed; /* `weight` is what det_conv_pack made for this problem */
};

/* Fills oh and ow: floor((h + pads - dilate*(k-1) - 1) / stride) + 1. DET_INVALID where
 * nothing fits, groups do not divide, or a size is 0 or overflows. */
enum det_err det_conv_shape(struct det_conv *c) DET_MUST_USE;

/* Whether the problem can be computed in this way, its layouts given (or, for algo, with
 * layouts of any kind where it can't). AUTO always can: det_conv_run converts maps and packs
 * weights itself, in scratch, where the best way wants it. */
int det_conv_can(const struct det_conv *c, enum det_conv_algo algo);
/* c->algo if that can be, in whatever layouts; else, and for AUTO, the one of least modelled
 * cost, conversions counted, and packing unless c->packed; Winograd only where !c->direct. It
 * depends on the problem and the processor's kind, neither on timing nor on threads. */
enum det_conv_algo det_conv_choose(const struct det_conv *c);
/* Modelled microseconds of a way that is possible, without conversions or packing. */
double det_conv_cost(const struct det_conv *c, enum det_conv_algo algo, int threads);

/* "gemm", "direct", "winograd2", ...: names for options and reports; and back, -1 where
 * there is none. */
const char *det_conv_algo_name(enum det_conv_algo algo);
int det_conv_algo_find(const char *name);
/* What the choice is called in a report: the algorithm with what is special about it here
 * ("1x1 gemm, by rows"). */
const char *det_conv_algorithm(const struct det_conv *c, int threads);

/* Weights prepared once for many runs: bytes that the chosen way wants them packed in (0:
 * it reads them as they lie), and the packing. The way is the one chosen where packing costs
 * nothing, as with c->packed set, whether it is or not. Packed for one problem they serve
 * every other that differs in n, h, w, layouts and epilogue alone, if its way is the same. */
size_t det_conv_packed_bytes(const struct det_conv *c, int threads);
void det_conv_pack(
    const struct det_conv *c, float *packed, const float *weight, int threads);

/* Bytes of scratch memory that det_conv_run wants for this problem and thread count (64
 * byte aligned). Where !c->packed this counts room for packing. */
size_t det_conv_scratch(const struct det_conv *c, int threads);

/* scale may be NULL (all 1), shift may be NULL (all 0), residual may be NULL; residual may
 * be out itself. For a blocked output scale and shift hold det_blocked_channels(k) floats.
 * The sum order is fixed by the problem and the processor: equal calls give equal bits on
 * any number of threads. */
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
