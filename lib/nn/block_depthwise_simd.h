/* SPDX-License-Identifier: MIT
 *
 * A row of a depthwise convolution on blocked maps. Some neighbouring pixels of the output
 * are summed at once, so that a sum needn't wait for the multiply-add before it and a
 * weight, once loaded, serves all of them. At the row's ends some columns of the kernel
 * stick out of the image: pixels there are done one by one with the columns that don't.
 */
#ifndef DET_BLOCK_DEPTHWISE_SIMD_H
#define DET_BLOCK_DEPTHWISE_SIMD_H

#include "nn/act_simd.h"
#include "nn/block.h"

enum { DEEP_PIXELS = 8 / PARTS }; /* eight sums */

INLINE void
depthwise_finish(
    const struct det_block_depthwise *d, size_t x, vec acc[8][PARTS], int pixels)
{
	vec alpha = v_set(d->alpha);
	int t, v;

	UNROLL16
	for (t = 0; t < pixels; t++)
		EACH_PART
		{
			size_t at = (x + (size_t)t) * DET_BLOCK + (size_t)(v * LANES);
			vec s = v_load(d->shift + v * LANES);

			if (d->residual)
				s = s + v_load(d->residual + at);
			s = v_fma(acc[t][v], v_load(d->scale + v * LANES), s);
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

/* Pixels x .. x+pixels: columns j0 .. j1 of the kernel. */
INLINE void
depthwise_pixels(const struct det_block_depthwise *d, size_t x, int pixels, size_t j0,
    size_t j1, size_t step)
{
	vec acc[8][PARTS];
	size_t at = x * step + j0 * d->dilate;
	const float *in = d->in + (at > d->pad ? at - d->pad : 0) * DET_BLOCK;
	const float *weight = d->weight;
	size_t i, j;
	int t, v;

	UNROLL16
	for (t = 0; t < pixels; t++)
		EACH_PART acc[t][v] = v_zero();
	for (i = 0; i < d->rows; i++, in += d->in_row, weight += d->weight_row) {
		const float *p = in;

		for (j = j0; j < j1; j++, p += d->dilate * DET_BLOCK)
			EACH_PART
			{
				vec w = v_load(weight + j * DET_BLOCK + v * LANES);

				UNROLL16
				for (t = 0; t < pixels; t++)
					acc[t][v] = v_fma(w,
					    v_load(p + (size_t)t * step * DET_BLOCK +
						   v * LANES),
					    acc[t][v]);
			}
	}
	depthwise_finish(d, x, acc, pixels);
}

/* One pixel where columns of the kernel may lie outside of the image. */
INLINE void
depthwise_edge(const struct det_block_depthwise *d, size_t x)
{
	size_t at = x * d->step, j0 = 0, j1 = d->cols;

	if (at < d->pad)
		j0 = (d->pad - at + d->dilate - 1) / d->dilate;
	if (j0 > j1)
		j0 = j1;
	while (j1 > j0 && at + (j1 - 1) * d->dilate >= d->pad + d->width)
		j1--;
	depthwise_pixels(d, x, 1, j0, j1, d->step);
}

/* Inlined with constant cols and step. */
INLINE void
depthwise_loop(const struct det_block_depthwise *d, size_t cols, size_t step)
{
	size_t span = (cols - 1) * d->dilate, x = 0;
	size_t from =
	    (d->pad + step - 1) / step; /* the first whole one, the last's next */
	size_t to =
	    d->pad + d->width > span ? (d->pad + d->width - span - 1) / step + 1 : 0;

	if (to > d->n)
		to = d->n;
	for (; x < d->n && (x < from || x >= to); x++)
		depthwise_edge(d, x);
	for (; x + DEEP_PIXELS <= to; x += DEEP_PIXELS)
		depthwise_pixels(d, x, DEEP_PIXELS, 0, cols, step);
	for (; DEEP_PIXELS > 2 && x + DEEP_PIXELS / 2 <= to; x += DEEP_PIXELS / 2)
		depthwise_pixels(d, x, DEEP_PIXELS / 2, 0, cols, step);
	for (; x < to; x++)
		depthwise_pixels(d, x, 1, 0, cols, step);
	for (; x < d->n; x++)
		depthwise_edge(d, x);
}

TARGET static void
depthwise_row(const struct det_block_depthwise *d)
{
	if (d->cols == 3 && d->step == 1)
		depthwise_loop(d, 3, 1);
	else if (d->cols == 3 && d->step == 2)
		depthwise_loop(d, 3, 2);
	else
		depthwise_loop(d, d->cols, d->step);
	if (d->act == DET_ACT_SIGMOID || d->act == DET_ACT_MISH ||
	    d->act == DET_ACT_SILU)
		act_run(d->out, d->out, d->n * DET_BLOCK, d->act, d->alpha);
}

#endif
