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

/* 4 vectors of one output row; the last has `tail` lanes. */
INLINE void
depthwise_part(const struct det_depthwise *d, const float *src, size_t at, int nv,
    size_t tail, float *out, const float *residual)
{
	vec acc[4], alpha = v_set(d->alpha);
	size_t i, j;
	int v;

	UNROLL
	for (v = 0; v < nv; v++)
		acc[v] = v_zero();
	for (i = 0; i < d->kh; i++)
		for (j = 0; j < d->kw; j++) {
			size_t step = j * d->dilate_x;
			const float *s = src + i * d->dilate_y * d->row +
					 step % d->stride_x * d->phase +
					 step / d->stride_x + at;
			vec w = v_set(d->weight[i * d->kw + j]);

			UNROLL
			for (v = 0; v < nv; v++)
				acc[v] = v_fma(w, v_load(s + v * LANES), acc[v]);
		}
	UNROLL
	for (v = 0; v < nv; v++) {
		vec x = v_set(d->shift);

		if (residual)
			x = x + load_part(residual + at, v, nv, tail);
		x = v_fma(acc[v], v_set(d->scale), x);
		store_part(out + at, v_act(x, d->act, alpha), v, nv, tail);
	}
}

TARGET static void
depthwise_run(const struct det_depthwise *d)
{
	size_t y, x;

	for (y = 0; y < d->rows; y++) {
		const float *src = d->src + y * d->stride_y * d->row;
		const float *res = d->residual ? d->residual + y * d->cols : NULL;
		float *out = d->out + y * d->cols;

		for (x = 0; x + 4 * LANES <= d->cols; x += 4 * LANES)
			depthwise_part(d, src, x, 4, LANES, out, res);
		for (; x + LANES <= d->cols; x += LANES)
			depthwise_part(d, src, x, 1, LANES, out, res);
		if (x < d->cols)
			depthwise_part(d, src, x, 1, d->cols - x, out, res);
	}
}

/* rows of weights times m inputs */
INLINE void
dots_part(float *sum, size_t ldsum, const float *in, const float *weight, int m,
    int rows, size_t k)
{
	vec acc[4][4];
	size_t i;
	int r, j;

	UNROLL
	for (r = 0; r < rows; r++)
		UNROLL
	for (j = 0; j < m; j++)
		acc[r][j] = v_zero();
	for (i = 0; i + LANES <= k; i += LANES) {
		vec x[4];

		UNROLL
		for (j = 0; j < m; j++)
			x[j] = v_load(in + (size_t)j * k + i);
		UNROLL
		for (r = 0; r < rows; r++) {
			vec w = v_load(weight + (size_t)r * k + i);

			UNROLL
			for (j = 0; j < m; j++)
				acc[r][j] = v_fma(w, x[j], acc[r][j]);
		}
	}
	UNROLL
	for (r = 0; r < rows; r++)
		UNROLL
	for (j = 0; j < m; j++) {
		vec a = acc[r][j];

		if (i < k)
			a = v_fma(v_load_n(weight + (size_t)r * k + i, k - i),
			    v_load_n(in + (size_t)j * k + i, k - i), a);
		sum[(size_t)j * ldsum + (size_t)r] = v_sum(a);
	}
}

INLINE void
dots_loop(float *sum, size_t ldsum, const float *in, const float *weight, int m,
    size_t n, size_t k)
{
	size_t j;

	for (j = 0; j + 4 <= n; j += 4)
		dots_part(sum + j, ldsum, in, weight + j * k, m, 4, k);
	for (; j < n; j++)
		dots_part(sum + j, ldsum, in, weight + j * k, m, 1, k);
}

TARGET static void
dots_run(float *sum, size_t ldsum, const float *in, const float *weight, size_t m,
    size_t n, size_t k)
{
	switch (m) {
	case 1: dots_loop(sum, ldsum, in, weight, 1, n, k); break;
	case 2: dots_loop(sum, ldsum, in, weight, 2, n, k); break;
	case 3: dots_loop(sum, ldsum, in, weight, 3, n, k); break;
	case 4: dots_loop(sum, ldsum, in, weight, 4, n, k); break;
	}
}

#define DET_KERNELS                                                       \
	{                                                                 \
		LANES, ROWS, VECS, tile_run, act_run, copy_run, pack_run, \
		    pack_scratch, depthwise_run, dots_run                 \
	}

#endif
