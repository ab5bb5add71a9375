/* SPDX-License-Identifier: MIT
 *
 * The inner loops of the engine, one table of functions for each instruction set, and the
 * blocked matrix product over them. Private to lib/nn.
 */
#ifndef DET_GEMM_H
#define DET_GEMM_H

#include <stddef.h>

#include "nn/conv.h"

/* What happens to a sum on its way out: v = sum * scale + shift + residual, then act. */
struct det_epilogue {
	const float *scale, *shift; /* NULL: 1 and 0 */
	int per_column;             /* scale and shift are indexed by column, not row */
	const float *residual;      /* NULL: 0; same layout as the output */
	enum det_act act;
	float alpha;
};

/* One tile of C += A . B: `rows` rows of A (distance lda) by one panel of B (kc rows of
 * ceil(cols/lanes)*lanes floats, ldb apart; 0 for ldb: one after another). The product over all k comes
 * in blocks: the first starts C, the others add to it, the last applies act. */
struct det_tile {
	const float *a;
	size_t lda;
	const float *b;
	size_t ldb, kc;
	float *c;
	size_t ldc;
	size_t rows, cols; /* 1 .. det_kernels.rows, 1 .. vecs * lanes */
	int first, last;
	struct det_epilogue e; /* pointers at the tile's first row and column */
};

/* A block of the matrix that a convolution multiplies its weights with: rows k0 .. k0+kc
 * (channel, tap's row, tap's column), columns p0 .. p0+n (outputs). Packed in panels of
 * vecs * lanes columns, the last of as many vectors as it takes; each panel kc rows. */
struct det_pack {
	float *b;
	const float *in; /* the group's first channel */
	size_t k0, kc, p0, n;
	size_t h, w, ow, kh, kw;
	size_t stride_y, stride_x, dilate_y, dilate_x;
	ptrdiff_t pad_top, pad_left;
	int direct; /* 1x1, stride 1, no padding */
	void *scratch;
};

/* One band of a depthwise convolution: see conv_depthwise.c. */
struct det_depthwise {
	const float *src; /* padded rows */
	size_t step; /* floats from what an output row reads to what the next does */
	const size_t *tap; /* where each of `taps` is, from the output's place in src */
	const float *weight;
	size_t taps;
	float scale, shift;
	const float *residual; /* or NULL */
	float *out;
	size_t rows, cols;
	enum det_act act;
	float alpha;
};

struct det_product; /* nn/product.h */
struct det_panel;

struct det_kernels {
	size_t lanes;      /* floats in a vector */
	size_t rows, vecs; /* largest tile: rows x (vecs * lanes) */
	void (*tile)(const struct det_tile *t);

	/* y = act(x) */
	void (*act)(float *y, const float *x, size_t n, enum det_act act, float alpha);

	/* dst[i] = src[i * stride], i < n; reads nothing else */
	void (*copy)(float *dst, const float *src, size_t n, size_t stride);

	void (*pack)(const struct det_pack *p);
	size_t (*pack_scratch)(size_t n, size_t ow, size_t kw); /* bytes */

	void (*depthwise)(const struct det_depthwise *d);

	/* sum[j] = x . weight row j, j < n; rows of k floats, ldw apart */
	void (*dots)(float *sum, const float *x, const float *weight, size_t ldw,
	    size_t n, size_t k);

	/* a blocked product, and the blocks of its panels */
	size_t wide;
	void (*product)(const struct det_product *p);
	void (*panel)(const struct det_panel *p);
};

extern const struct det_kernels det_kernels_c;
#ifdef __x86_64__
extern const struct det_kernels det_kernels_avx2, det_kernels_avx512;
#endif

/* Those for det_cpu_level(). */
const struct det_kernels *det_kernels(void);

/* How a sum over k is cut into blocks: depends on k alone, so that results don't depend on
 * the number of threads. */
size_t det_gemm_depth(size_t k);

/* Rows of A by a block of B of n columns packed as `spread` does; t holds everything but
 * the part that moves: a, c, e point at the first row and column, rows and cols are those
 * of the whole. */
void det_gemm_block(const struct det_kernels *ker, const struct det_tile *whole);

/* The convolution by matrix product, conv_gemm.c, and depthwise, conv_depthwise.c. */
size_t det_conv_gemm_scratch(const struct det_conv *c, int threads);
const char *det_conv_gemm_name(const struct det_conv *c, int threads);
void det_conv_gemm_run(const struct det_conv *c, float *out, const float *in,
    const float *weight, const struct det_epilogue *e, void *scratch, int threads);

size_t det_conv_depthwise_scratch(const struct det_conv *c, int threads);
void det_conv_depthwise_run(const struct det_conv *c, float *out, const float *in,
    const float *weight, const struct det_epilogue *e, void *scratch, int threads);

#endif
