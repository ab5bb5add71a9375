/* SPDX-License-Identifier: MIT
 *
 * The inner loops on blocked maps (nn/layout.h) that are no matrix product, one table of
 * functions for each instruction set. Private to lib/nn.
 *
 * A pixel is 16 floats; n counts pixels, lying one after another unless said otherwise.
 */
#ifndef DET_BLOCK_H
#define DET_BLOCK_H

#include <stddef.h>

#include "nn/conv.h"
#include "nn/layout.h"

/* Windows of a map: output pixel x sees `rows` rows, each `ld` floats after the one before,
 * of `cols` pixels from x * step on. All are inside the map. */
struct det_block_window {
	const float *in;
	size_t ld, rows, cols, step;
};

/* A column of an output between two of the input: pixel `lo`, and `part` of the way to
 * pixel `hi`. */
struct det_block_column {
	size_t lo, hi;
	float part;
};

/* A row of the output of a depthwise convolution: pixel x sees `rows` rows of the input,
 * in_row floats apart, each at `cols` pixels, x * step + j * dilate - pad, of which those
 * below 0 or from `width` on are no pixels and count as 0. */
struct det_block_depthwise {
	float *out;
	const float *in; /* column 0 of the first row */
	size_t in_row, rows, cols, step, dilate, pad, width, n;
	/* 16 for each row and column, rows weight_row floats apart */
	const float *weight;
	size_t weight_row;
	const float *scale, *shift; /* 16 */
	const float *residual;      /* as out, or NULL */
	enum det_act act;
	float alpha;
};

/* Dot products of pieces of rows, added to what is there: the sum of
 * acc (inputs, rows, 16) over its lanes += in (inputs, n) . weight (rows, n)^T. */
struct det_block_dots {
	float *acc;
	const float *in, *weight;
	size_t in_row, weight_row; /* floats from row to row */
	size_t inputs, rows, n;
};

struct det_block_kernels {
	/* out (n,16) = in (c,n), its rows `plane` apart; 1 <= c <= 16, further lanes 0 */
	void (*turn_in)(float *out, const float *in, size_t plane, size_t c, size_t n);
	/* out (c,n), its rows `plane` apart, = in (n,16) */
	void (*turn_out)(float *out, size_t plane, const float *in, size_t c, size_t n);
	/* out (n,c), its rows `row` apart, with zeros to the end of the kernels' vector, =
	 * in (c,n), its rows `plane` apart, behind which `after` more will be wanted */
	void (*turn_rows)(float *out, size_t row, const float *in, size_t plane,
	    size_t c, size_t n, size_t after);

	/* n floats: y = act(x[0] + x[1] + ... + x[terms - 1]), the sum from the left; y may
	 * be any of them */
	void (*sum)(float *y, const float *const *x, size_t terms, size_t n,
	    enum det_act act, float alpha);
	/* y = act(scale * x + shift), 16 of each; y may be x */
	void (*affine)(float *y, const float *x, size_t n, const float *scale,
	    const float *shift, enum det_act act, float alpha);

	/* out[x] = the largest of the window, or its sum / div: rows by themselves, then
	 * the rows' sums; x < n */
	void (*largest)(float *out, const struct det_block_window *w, size_t n);
	void (*average)(
	    float *out, const struct det_block_window *w, size_t n, float div);

	/* Each pixel times gain, `times` of it: out (n * times, 16) */
	void (*repeat)(float *out, const float *in, size_t n, size_t times, float gain);
	/* out[x] = gain * the point at[x] along rows r0 and r1, `part` between them */
	void (*between)(float *out, const float *r0, const float *r1,
	    const struct det_block_column *at, size_t n, float part, float gain);

	/* acc[p] += (mask * x[p])^2 */
	void (*squares)(float *acc, const float *x, const float *mask, size_t n);
	/* y[p] = x[p] * each[p] * scale; y may be x */
	void (*multiply)(
	    float *y, const float *x, const float *each, const float *scale, size_t n);
	/* sum += x - from, square += (x - from)^2, over all pixels, a lane for itself */
	void (*moments)(
	    double *sum, double *square, const float *x, const float *from, size_t n);

	/* n floats: y = x / (from + gain * sum)^(3/4); y may be x */
	void (*roots)(float *y, const float *x, const float *sum, size_t n, float gain,
	    float from);

	void (*depthwise)(const struct det_block_depthwise *d);
	void (*dots)(const struct det_block_dots *d);
	/* sum[i] = the sum of the lanes of acc (n,16) that dots() left */
	void (*fold)(float *sum, const float *acc, size_t n);
};

extern const struct det_block_kernels det_block_kernels_c;
#ifdef __x86_64__
extern const struct det_block_kernels det_block_kernels_avx2, det_block_kernels_avx512;
#endif

/* of[i] = v[first + i] while there are any of n, then `rest`: the 16 numbers of a block from
 * an array with one for each channel; v NULL is `rest` everywhere. */
static inline void
det_block_lanes(float of[DET_BLOCK], const float *v, size_t first, size_t n, float rest)
{
	size_t i;

	for (i = 0; i < DET_BLOCK; i++)
		of[i] = v && first + i < n ? v[first + i] : rest;
}

/* Rows of `row` pixels that make a thread's share of a blocked map, at most oh. */
static inline size_t
det_block_band(size_t row, size_t oh)
{
	size_t n = row < 1024 ? 1024 / row : 1;

	return n < oh ? n : oh;
}

/* Those for det_cpu_level(). */
const struct det_block_kernels *det_block_kernels(void);

#endif
