/* SPDX-License-Identifier: MIT
 *
 * Fully connected layers. With up to 4 inputs the weights are the work: each is read once,
 * at the speed of memory, as dot products of rows. With more, a matrix product: weights are
 * turned into panels of B, a block at a time on the stack, and meet all inputs there.
 * Threads share the rows of the weights.
 */
#include "nn/gemm.h"

#include <omp.h>

enum { FEW = 4, DEPTH = 192, WIDE = 48 };

/* One panel of `cols` weight rows, elements k0 .. k0+kc, turned. */
static void
turn(float *b, const struct det_kernels *ker, const float *weight, size_t cols,
    size_t k, size_t k0, size_t kc)
{
	size_t wide = (cols + ker->lanes - 1) / ker->lanes * ker->lanes, i, j;

	for (j = 0; j < wide; j++)
		for (i = 0; i < kc; i++)
			b[i * wide + j] = j < cols ? weight[j * k + k0 + i] : 0;
}

static void
product(const struct det_kernels *ker, float *out, const float *in, const float *weight,
    const struct det_epilogue *e, size_t m, size_t n, size_t k, int threads)
{
	size_t wide = ker->lanes * ker->vecs, panels = (n + wide - 1) / wide, p;

#pragma omp parallel for num_threads(threads) schedule(static)
	for (p = 0; p < panels; p++) {
		_Alignas(64) float b[DEPTH * WIDE];
		size_t j = p * wide, cols = n - j < wide ? n - j : wide, k0, kc;

		for (k0 = 0; k0 < k; k0 += kc) {
			struct det_tile t = { .a = in + k0,
				.lda = k,
				.b = b,
				.c = out + j,
				.ldc = n,
				.rows = m,
				.cols = cols,
				.e = *e };

			kc = k - k0 < DEPTH ? k - k0 : DEPTH;
			turn(b, ker, weight + j * k, cols, k, k0, kc);
			t.kc = kc;
			t.first = k0 == 0;
			t.last = k0 + kc == k;
			if (e->scale)
				t.e.scale += j;
			if (e->shift)
				t.e.shift += j;
			det_gemm_block(ker, &t);
		}
	}
}

static void
dots(const struct det_kernels *ker, float *out, const float *in, const float *weight,
    const struct det_epilogue *e, size_t m, size_t n, size_t k, int threads)
{
	const size_t some = 64;
	size_t chunks = (n + some - 1) / some, c;

#pragma omp parallel for num_threads(threads) schedule(static)
	for (c = 0; c < chunks; c++) {
		size_t j0 = c * some, cols = n - j0 < some ? n - j0 : some, i, j;

		ker->dots(out + j0, n, in, weight + j0 * k, m, cols, k);
		for (i = 0; i < m; i++) {
			float *o = out + i * n + j0;

			for (j = 0; j < cols; j++)
				o[j] = o[j] * (e->scale ? e->scale[j0 + j] : 1) +
				       (e->shift ? e->shift[j0 + j] : 0);
			ker->act(o, o, cols, e->act, e->alpha);
		}
	}
}

void
det_fc_run(float *out, const float *in, const float *weight, const float *scale,
    const float *shift, size_t m, size_t n, size_t k, enum det_act act, float alpha,
    int threads)
{
	struct det_epilogue e = { .scale = scale,
		.shift = shift,
		.per_column = 1,
		.act = act,
		.alpha = alpha };

	if (m <= FEW)
		dots(det_kernels(), out, in, weight, &e, m, n, k, threads);
	else
		product(det_kernels(), out, in, weight, &e, m, n, k, threads);
}
