/* SPDX-License-Identifier: MIT
 *
 * Copies with a stride, the inner loop of depthwise convolution, and dot products, on
 * vectors; and the table of all kernels.
 */
#ifndef DET_GEMM_MOVE_H
#define DET_GEMM_MOVE_H

#include "nn/act_simd.h"
#include "nn/gemm.h"
#include "nn/gemm_pack.h"
#include "nn/gemm_tile.h"
#include "nn/product_simd.h"

TARGET static void
copy_run(float *dst, const float *src, size_t n, size_t stride)
{
	size_t i = 0;

	if (stride == 1) {
		for (; i + LANES <= n; i += LANES)
			v_store(dst + i, v_load(src + i));
		if (i < n)
			v_store_n(dst + i, v_load_n(src + i, n - i), n - i);
		return;
	}
	/* the last of 2 * LANES read is not used and may not exist: keep one in hand */
	if (stride == 2)
		for (; i + LANES < n; i += LANES)
			v_store(dst + i,
			    v_even(v_load(src + 2 * i), v_load(src + 2 * i + LANES)));
	for (; i < n; i++)
		dst[i] = src[i * stride];
}

/* A patch of the output, rows x nv vectors; the last vector has `tail` lanes. at: its
 * place in the output, src: what its first tap reads. */
INLINE void
depthwise_patch(const struct det_depthwise *d, const float *src, size_t at, int rows,
    int nv, size_t tail)
{
	vec acc[4][4], alpha = v_set(d->alpha), scale = v_set(d->scale);
	size_t k;
	int r, v;

	EACH_ROW EACH_VEC acc[r][v] = v_zero();
	for (k = 0; k < d->taps; k++) {
		const float *s = src + d->tap[k];
		vec w = v_set(d->weight[k]);

		EACH_ROW EACH_VEC acc[r][v] =
		    v_fma(w, v_load(s + (size_t)r * d->step + v * LANES), acc[r][v]);
	}
	EACH_ROW EACH_VEC
	{
		size_t here = at + (size_t)r * d->cols;
		vec x = v_set(d->shift);

		if (d->residual)
			x = x + load_part(d->residual + here, v, nv, tail);
		x = v_fma(acc[r][v], scale, x);
		/* the long ones come later, the row being in the cache */
		if (d->act == DET_ACT_RELU || d->act == DET_ACT_RELU6)
			x = v_max(v_zero(), x);
		if (d->act == DET_ACT_RELU6)
			x = v_min(v_set(6), x);
		if (d->act == DET_ACT_LEAKY)
			x = v_if_neg(x, x * alpha, x);
		store_part(d->out + here, x, v, nv, tail);
	}
}

TARGET static void
depthwise_run(const struct det_depthwise *d)
{
	size_t y = 0, x, vecs = d->cols / LANES, tail = d->cols % LANES;

	/* two rows of two vectors, or four of one where rows are short: enough sums at
	 * once to hide the time that an addition takes */
	for (; y + 4 <= d->rows; y += 4) {
		const float *src = d->src + y * d->step;
		size_t at = y * d->cols, v;

		for (v = 0; v + 2 <= vecs; v += 2) {
			x = v * LANES;
			depthwise_patch(d, src + x, at + x, 2, 2, LANES);
			depthwise_patch(d, src + 2 * d->step + x, at + 2 * d->cols + x,
			    2, 2, LANES);
		}
		if (v < vecs)
			x = v * LANES, depthwise_patch(d, src + x, at + x, 4, 1, LANES);
		if (tail)
			x = vecs * LANES,
			depthwise_patch(d, src + x, at + x, 4, 1, tail);
	}
	for (; y < d->rows; y++)
		for (x = 0; x < d->cols; x += LANES)
			depthwise_patch(d, d->src + y * d->step + x, y * d->cols + x, 1,
			    1, d->cols - x < LANES ? d->cols - x : LANES);
	if (d->act == DET_ACT_SIGMOID || d->act == DET_ACT_MISH ||
	    d->act == DET_ACT_SILU)
		act_run(d->out, d->out, d->rows * d->cols, d->act, d->alpha);
}

INLINE void
dots_part(
    float *sum, const float *x, const float *weight, size_t ldw, int rows, size_t k)
{
	vec acc[4];
	size_t i;
	int r;

	UNROLL
	for (r = 0; r < rows; r++)
		acc[r] = v_zero();
	for (i = 0; i + LANES <= k; i += LANES) {
		vec v = v_load(x + i);

		UNROLL
		for (r = 0; r < rows; r++)
			acc[r] = v_fma(v_load(weight + (size_t)r * ldw + i), v, acc[r]);
	}
	UNROLL
	for (r = 0; r < rows; r++) {
		if (i < k)
			acc[r] = v_fma(v_load_n(weight + (size_t)r * ldw + i, k - i),
			    v_load_n(x + i, k - i), acc[r]);
		sum[r] = v_sum(acc[r]);
	}
}

TARGET static void
dots_run(
    float *sum, const float *x, const float *weight, size_t ldw, size_t n, size_t k)
{
	size_t j;

	for (j = 0; j + 4 <= n; j += 4)
		dots_part(sum + j, x, weight + j * ldw, ldw, 4, k);
	for (; j < n; j++)
		dots_part(sum + j, x, weight + j * ldw, ldw, 1, k);
}

#define DET_KERNELS                                                           \
	{                                                                     \
		LANES, ROWS, VECS, tile_run, act_run, copy_run, pack_run,     \
		    pack_scratch, depthwise_run, dots_run, WIDE, product_run, \
		    panel_run                                                 \
	}

#endif
