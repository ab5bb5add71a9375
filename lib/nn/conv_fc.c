/* SPDX-License-Identifier: MIT
 *
 * Fully connected layers. With few inputs the weights are the work: each is read once,
 * at the speed of memory, as dot products of rows. With more, a matrix product: weights are
 * turned into panels of B, a block at a time on the stack, and meet all inputs there.
 * Threads share the rows of the weights.
 */
#include "nn/gemm.h"

#include "base/parallel.h"

#include <string.h>

enum { FEW = 12, DEPTH = 192, WIDE = 48 };

typedef float vec4 __attribute__((vector_size(16)));

static vec4
load4(const float *p)
{
	vec4 x;

	memcpy(&x, p, sizeof x);
	return x;
}

/* b[i * ldb + j] = a[j * lda + i], 4 by 4. */
static void
turn4(float *b, size_t ldb, const float *a, size_t lda)
{
	vec4 a0 = load4(a), a1 = load4(a + lda), a2 = load4(a + 2 * lda),
	     a3 = load4(a + 3 * lda), x, y, t;

	x = __builtin_shufflevector(a0, a1, 0, 4, 1, 5);
	y = __builtin_shufflevector(a2, a3, 0, 4, 1, 5);
	t = __builtin_shufflevector(x, y, 0, 1, 4, 5), memcpy(b, &t, sizeof t);
	t = __builtin_shufflevector(x, y, 2, 3, 6, 7), memcpy(b + ldb, &t, sizeof t);
	x = __builtin_shufflevector(a0, a1, 2, 6, 3, 7);
	y = __builtin_shufflevector(a2, a3, 2, 6, 3, 7);
	t = __builtin_shufflevector(x, y, 0, 1, 4, 5),
	memcpy(b + 2 * ldb, &t, sizeof t);
	t = __builtin_shufflevector(x, y, 2, 3, 6, 7),
	memcpy(b + 3 * ldb, &t, sizeof t);
}

/* One panel of `cols` weight rows, elements k0 .. k0+kc, turned. */
static void
turn(float *b, const struct det_kernels *ker, const float *weight, size_t cols,
    size_t k, size_t k0, size_t kc)
{
	size_t wide = (cols + ker->lanes - 1) / ker->lanes * ker->lanes, i, j;

	for (j = 0; j + 4 <= cols; j += 4) {
		for (i = 0; i + 4 <= kc; i += 4)
			turn4(b + i * wide + j, wide, weight + j * k + k0 + i, k);
		for (; i < kc; i++) {
			b[i * wide + j] = weight[j * k + k0 + i];
			b[i * wide + j + 1] = weight[(j + 1) * k + k0 + i];
			b[i * wide + j + 2] = weight[(j + 2) * k + k0 + i];
			b[i * wide + j + 3] = weight[(j + 3) * k + k0 + i];
		}
	}
	for (; j < wide; j++)
		for (i = 0; i < kc; i++)
			b[i * wide + j] = j < cols ? weight[j * k + k0 + i] : 0;
}

/* Panels from .. to, block by block of k, so that the block of the inputs stays near. */
static void
product_range(const struct det_kernels *ker, float *out, const float *in,
    const float *weight, const struct det_epilogue *e, size_t m, size_t n, size_t k,
    size_t from, size_t to)
{
	_Alignas(64) float b[DEPTH * WIDE];
	size_t wide = ker->lanes * ker->vecs, p, k0, kc;

	for (k0 = 0; k0 < k; k0 += kc) {
		kc = k - k0 < DEPTH ? k - k0 : DEPTH;
		for (p = from; p < to; p++) {
			size_t j = p * wide, cols = n - j < wide ? n - j : wide;
			struct det_tile t = { .a = in + k0,
				.lda = k,
				.b = b,
				.kc = kc,
				.c = out + j,
				.ldc = n,
				.rows = m,
				.cols = cols,
				.first = k0 == 0,
				.last = k0 + kc == k,
				.e = *e };

			if (e->scale)
				t.e.scale += j;
			if (e->shift)
				t.e.shift += j;
			turn(b, ker, weight + j * k, cols, k, k0, kc);
			det_gemm_block(ker, &t);
		}
	}
}

/* A fully connected layer, for the threads. */
struct fc {
	const struct det_kernels *ker;
	float *out;
	const float *in, *weight;
	const struct det_epilogue *e;
	size_t m, n, k, panels, parts;
};

static void
product_part(const void *ctx, size_t p, int worker)
{
	const struct fc *f = ctx;

	(void)worker;
	product_range(f->ker, f->out, f->in, f->weight, f->e, f->m, f->n, f->k,
	    f->panels * p / f->parts, f->panels * (p + 1) / f->parts);
}

static void
product(struct fc *f, int threads)
{
	size_t wide = f->ker->lanes * f->ker->vecs;

	f->panels = (f->n + wide - 1) / wide;
	f->parts = (size_t)threads < f->panels ? (size_t)threads : f->panels;
	det_parallel(threads, f->parts, product_part, f);
}

#define SOME ((size_t)32) /* outputs that a thread takes at a time */

static void
dots_part(const void *ctx, size_t c, int worker)
{
	const struct fc *f = ctx;
	const struct det_epilogue *e = f->e;
	size_t j0 = c * SOME, cols = f->n - j0 < SOME ? f->n - j0 : SOME, i, j;

	(void)worker;
	f->ker->dots(f->out + j0, f->n, f->in, f->k, f->weight + j0 * f->k, f->k, f->m,
	    cols, f->k);
	for (i = 0; i < f->m; i++) {
		float *o = f->out + i * f->n + j0;

		for (j = 0; j < cols; j++)
			o[j] = o[j] * (e->scale ? e->scale[j0 + j] : 1) +
			       (e->shift ? e->shift[j0 + j] : 0);
		f->ker->act(o, o, cols, e->act, e->alpha);
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

	struct fc f = { det_kernels(), out, in, weight, &e, m, n, k, 0, 0 };

	if (m <= FEW)
		det_parallel(threads, (n + SOME - 1) / SOME, dots_part, &f);
	else
		product(&f, threads);
}
