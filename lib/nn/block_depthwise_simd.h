/* SPDX-License-Identifier: MIT
 *
 * A row of a depthwise convolution on blocked maps. Up to eight neighbouring pixels of the
 * output are summed at once, so that a sum needn't wait for the multiply-add before it and
 * a weight, once loaded, serves all of them.
 */
#ifndef DET_BLOCK_DEPTHWISE_SIMD_H
#define DET_BLOCK_DEPTHWISE_SIMD_H

#include "nn/act_simd.h"
#include "nn/block.h"

#define UNROLL32 _Pragma("GCC unroll 32")

/* Vector v of pixels x .. x+pixels. */
INLINE void
depthwise_finish(
    const struct det_block_depthwise *d, size_t x, int v, const vec *acc, int pixels)
{
	vec alpha = v_set(d->alpha), scale = v_load(d->scale + v * LANES);
	vec shift = v_load(d->shift + v * LANES);
	int t;

	UNROLL16
	for (t = 0; t < pixels; t++) {
		size_t at = (x + (size_t)t) * DET_BLOCK + (size_t)(v * LANES);
		vec s = shift;

		if (d->residual)
			s = s + v_load(d->residual + at);
		s = v_fma(acc[t], scale, s);
		/* the long ones come later, the row being in the cache */
		if (d->act == DET_ACT_RELU || d->act == DET_ACT_RELU6)
			s = v_max(v_zero(), s);
		if (d->act == DET_ACT_RELU6)
			s = v_min(v_set(6), s);
		if (d->act == DET_ACT_LEAKY)
			s = v_if_neg(s, s * alpha, s);
		v_store(d->out + at, s);
	}
}

/* --- any kernel --- */

/* Pixels x .. x+pixels: columns j0 .. j1 of the kernel. */
INLINE void
some_pixels(
    const struct det_block_depthwise *d, size_t x, int pixels, size_t j0, size_t j1)
{
	size_t at = x * d->step + j0 * d->dilate, first, i, j;
	int t, v;

	first = (at > d->pad ? at - d->pad : 0) * DET_BLOCK;
	for (v = 0; v < PARTS; v++) {
		const float *in = d->in + first + v * LANES;
		const float *weight = d->weight + v * LANES;
		vec acc[8];

		UNROLL16
		for (t = 0; t < pixels; t++)
			acc[t] = v_zero();
		for (i = 0; i < d->rows;
		     i++, in += d->in_row, weight += d->weight_row) {
			const float *p = in;

			for (j = j0; j < j1; j++, p += d->dilate * DET_BLOCK) {
				vec w = v_load(weight + j * DET_BLOCK);

				UNROLL16
				for (t = 0; t < pixels; t++)
					acc[t] = v_fma(w,
					    v_load(p + (size_t)t * d->step * DET_BLOCK),
					    acc[t]);
			}
		}
		depthwise_finish(d, x, v, acc, pixels);
	}
}

/* One pixel where columns of the kernel may lie outside of the image. */
INLINE void
edge_pixel(const struct det_block_depthwise *d, size_t x)
{
	size_t at = x * d->step, j0 = 0, j1 = d->cols;

	while (j0 < j1 && at + j0 * d->dilate < d->pad)
		j0++;
	while (j1 > j0 && at + (j1 - 1) * d->dilate >= d->pad + d->width)
		j1--;
	some_pixels(d, x, 1, j0, j1);
}

INLINE void
any_row(const struct det_block_depthwise *d)
{
	size_t span = (d->cols - 1) * d->dilate, x = 0;
	/* the first whole one, the last's next */
	size_t from = (d->pad + d->step - 1) / d->step;
	size_t to =
	    d->pad + d->width > span ? (d->pad + d->width - span - 1) / d->step + 1 : 0;

	if (to > d->n)
		to = d->n;
	for (; x < d->n && (x < from || x >= to); x++)
		edge_pixel(d, x);
	for (; x + 8 <= to; x += 8)
		some_pixels(d, x, 8, 0, d->cols);
	for (; x < to; x++)
		some_pixels(d, x, 1, 0, d->cols);
	for (; x < d->n; x++)
		edge_pixel(d, x);
}

/* --- kernels of three columns, undilated, that stick out of the image by one at most ---
 * A pixel of the input, once loaded, serves all sums that see it. One vector of the block
 * after the other, so that eight sums and three weights fit every register file. */

INLINE void
three_columns(const struct det_block_depthwise *d, size_t x, int pixels, size_t step)
{
	/* unsigned: what lies left of the image is beyond its width */
	size_t first = x * step - d->pad, i;
	int v, u, s = (int)step;

	for (v = 0; v < PARTS; v++) {
		vec acc[8];
		const float *in = d->in + v * LANES, *w = d->weight + v * LANES;

		UNROLL16
		for (u = 0; u < pixels; u++)
			acc[u] = v_zero();
		for (i = 0; i < d->rows; i++, in += d->in_row, w += d->weight_row) {
			vec w0 = v_load(w), w1 = v_load(w + DET_BLOCK);
			vec w2 = v_load(w + 2 * DET_BLOCK);

			UNROLL32
			for (u = 0; u < (pixels - 1) * s + 3; u++) {
				size_t at = first + (size_t)u;
				int end = u == 0 || u == (pixels - 1) * s + 2;
				vec p = end && at >= d->width
					    ? v_zero()
					    : v_load(in + at * DET_BLOCK);

				if (u % s == 0 && u / s < pixels)
					acc[u / s] = v_fma(w0, p, acc[u / s]);
				if (u >= 1 && (u - 1) % s == 0 && (u - 1) / s < pixels)
					acc[(u - 1) / s] =
					    v_fma(w1, p, acc[(u - 1) / s]);
				if (u >= 2 && (u - 2) % s == 0)
					acc[(u - 2) / s] =
					    v_fma(w2, p, acc[(u - 2) / s]);
			}
		}
		depthwise_finish(d, x, v, acc, pixels);
	}
}

/* A row in parts of nearly the same width. */
INLINE void
three_row(const struct det_block_depthwise *d, size_t step)
{
	size_t parts = (d->n + 7) / 8, i, x = 0, to;

	for (i = 1; i <= parts; i++, x = to) {
		to = d->n * i / parts;
		switch (to - x) {
		case 1: three_columns(d, x, 1, step); break;
		case 2: three_columns(d, x, 2, step); break;
		case 3: three_columns(d, x, 3, step); break;
		case 4: three_columns(d, x, 4, step); break;
		case 5: three_columns(d, x, 5, step); break;
		case 6: three_columns(d, x, 6, step); break;
		case 7: three_columns(d, x, 7, step); break;
		case 8: three_columns(d, x, 8, step); break;
		}
	}
}

TARGET static void
depthwise_row(const struct det_block_depthwise *d)
{
	int three = d->cols == 3 && d->dilate == 1 && d->pad <= 1 &&
		    (d->n - 1) * d->step + 2 <= d->pad + d->width;

	if (three && d->step == 1)
		three_row(d, 1);
	else if (three && d->step == 2)
		three_row(d, 2);
	else
		any_row(d);
	if (d->act == DET_ACT_SIGMOID || d->act == DET_ACT_MISH ||
	    d->act == DET_ACT_SILU)
		act_run(d->out, d->out, d->n * DET_BLOCK, d->act, d->alpha);
}

#endif
