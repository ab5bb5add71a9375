/* SPDX-License-Identifier: MIT
 *
 * The way back through convolutions and fully connected layers. Private to lib/nn.
 *
 * All maps and weights are plain, (N,C,H,W) and (K,C/groups,KH,KW); of struct det_conv the
 * layouts, algorithm, packing and activation are not looked at. Gradients are added to; that of
 * the input is set where `set` says so. Each sum is taken in an order that the problem alone decides.
 */
#ifndef DET_CONV_BACK_H
#define DET_CONV_BACK_H

#include <stddef.h>

#include "nn/conv.h"
#include "nn/wino.h"

/* Floats of A and B at which a run of n steps of a sum of outer products begins. */
struct det_outer_run {
	size_t a, b, n;
};

/* A tile C (rows, 16 * blocks) of a sum of outer products over all steps p of all runs:
 *   C[r][16 v + lane] = sum A[p][r] * B[p][v][lane]
 * Everything is told in floats. */
struct det_outer {
	const struct det_outer_run *run;
	size_t runs;
	const float *a; /* row r of step p: a + run.a + p * a_step + r */
	size_t a_step;
	const float *b; /* block v of it: b + run.b + p * b_step + v * b_block */
	size_t b_step, b_block;
	float *c; /* block v of row r: c + r * c_row + v * c_block */
	size_t c_row, c_block;
	size_t rows, blocks; /* 1 .. det_back_kernels.rows, .blocks */
	int add;             /* to what C has; else it is written */
};

struct det_back_kernels {
	size_t rows, blocks; /* of a tile at most */
	void (*outer)(const struct det_outer *o);
	/* Winograd's F(4x4,3x3), transposed: conv_back_wino.c. Sixteen channels of an image's
	 * outputs dy (oh,ow,16) to z[p * place + 16 (t - first) + lane], tiles first .. first+n */
	void (*spread)(float *z, size_t place, const float *dy,
	    const struct det_wino_grid *grid, size_t first, size_t n);
	/* taps (n,9,16) of u[p * place + 16 i + lane], i < n */
	void (*gather)(float *taps, const float *u, size_t place, size_t n);
};

extern const struct det_back_kernels det_back_kernels_c;
#ifdef __x86_64__
extern const struct det_back_kernels det_back_kernels_avx2, det_back_kernels_avx512;
#endif

/* Those for det_cpu_level(). conv_back.c */
const struct det_back_kernels *det_back_kernels(void);

/* dx (N,C,H,W) and dw of a convolution from dy (N,K,OH,OW), x and the weights; dx and dw may
 * be NULL, then what only they need may be too. scratch: det_conv_back_scratch bytes, 64 byte
 * aligned, enough for either or both. conv_back.c */
size_t det_conv_back_scratch(const struct det_conv *c, int threads);
void det_conv_back_run(const struct det_conv *c, float *dx, int set, float *dw,
    const float *dy, const float *x, const float *weight, void *scratch, int threads);

/* The same of out (M,N) = in (M,K) . weight (N,K)^T: dx (M,K), dw (N,K) from dy (M,N).
 * conv_back_fc.c */
size_t det_fc_back_scratch(size_t m, size_t n, size_t k, int threads);
void det_fc_back_run(float *dx, float *dw, const float *dy, const float *x,
    const float *weight, size_t m, size_t n, size_t k, void *scratch, int threads);

/* sum[k] += all of dy (n,k,area) at k: the gradient of a bias. conv_back.c */
void det_bias_back_run(
    float *sum, const float *dy, size_t n, size_t k, size_t area, int threads);

/* --- the parts of det_conv_back_run -------------------------------------------------- */

/* dx plain from dy blocked. conv_back_input.c */
size_t det_conv_back_input_scratch(const struct det_conv *c, int threads);
void det_conv_back_input(const struct det_conv *c, float *dx, int set, const float *dy,
    const float *weight, void *scratch, int threads);

/* dw from dy and x, both blocked; of groups whose channels fill no blocks, both plain.
 * conv_back_weight.c */
int det_conv_back_weight_blocked(const struct det_conv *c);
size_t det_conv_back_weight_scratch(const struct det_conv *c, int threads);
void det_conv_back_weight(const struct det_conv *c, float *dw, const float *dy,
    const float *x, void *scratch, int threads);

/* Rows l < lanes of dw, `row` floats apart, += sum (n,16), turned. */
void det_back_add_turned(
    float *dw, size_t row, const float *sum, size_t lanes, size_t n);

/* The same of a few channels, from dy blocked and x plain. conv_back_few.c */
int det_few_back_pays(const struct det_conv *c);
size_t det_few_back_scratch(const struct det_conv *c, int threads);
void det_few_back_run(const struct det_conv *c, float *dw, const float *dy,
    const float *x, void *scratch, int threads);

/* The same by Winograd's transforms, where that takes less. conv_back_wino.c */
int det_wino_back_pays(const struct det_conv *c);
size_t det_wino_back_scratch(const struct det_conv *c, int threads);
void det_wino_back_run(const struct det_conv *c, float *dw, const float *dy,
    const float *x, void *scratch, int threads);

#endif
