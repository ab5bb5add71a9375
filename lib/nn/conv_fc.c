/* SPDX-License-Identifier: MIT
 *
 * Fully connected layers. With few inputs the weights are the work: each is read once,
 * at the speed of memory, as dot products of rows. With more, a matrix product: groups of
 * some panels of B, turned from the rows of the weights a block of k at a time, lie in the
 * second cache and meet all inputs there. Each weight is turned once. Threads share the
 * groups, and the inputs where there are fewer groups than threads.
 */
#include "nn/gemm.h"

#include "base/parallel.h"

#include <string.h>

enum {
	FEW = 12,  /* inputs: the weights are read at the speed of memory */
	GROUP = 4, /* panels of weights that the second cache holds, about */
};

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

/* Asks for the kc floats that begin four rows on, while four are worked on: they come from
 * memory, in runs too short for the processor to see where they lead. */
static void
fetch(const float *a, size_t k, size_t kc)
{
	const size_t line = 64 / sizeof *a;
	size_t j, i;

	for (j = 4; j < 8; j++)
		for (i = 0; i < kc; i += line)
			__builtin_prefetch(a + j * k + i, 0, 2);
}

/* One panel of `cols` weight rows, elements k0 .. k0+kc, turned; `after` rows follow it. */
static void
turn(float *b, const struct det_kernels *ker, const float *weight, size_t cols,
    size_t after, size_t k, size_t k0, size_t kc)
{
	size_t wide = (cols + ker->lanes - 1) / ker->lanes * ker->lanes, i, j;

	for (j = 0; j + 4 <= cols; j += 4) {
		if (j + 8 <= cols + after)
			fetch(weight + j * k + k0, k, kc);
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

/* A fully connected layer, for the threads. */
struct fc {
	const struct det_kernels *ker;
	float *out;
	const float *in, *weight;
	const struct det_epilogue *e;
	size_t m, n, k;
	size_t wide, panels; /* outputs of a panel of B, panels */
	size_t groups;       /* panels are turned and multiplied some at a time */
	size_t ranges; /* of inputs, where there are too few panels for the threads */
	size_t b;      /* floats of a group's block */
	float *scratch;
};

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void
cut_product(struct fc *f, int threads)
{
	size_t t = (size_t)threads, most;

	f->wide = f->ker->lanes * f->ker->vecs;
	f->panels = (f->n + f->wide - 1) / f->wide;
	f->groups = ((f->panels + GROUP - 1) / GROUP + t - 1) / t * t;
	f->groups = least(f->groups, f->panels);
	f->ranges = least((t + f->groups - 1) / f->groups, (f->m + 63) / 64);
	most = (f->panels + f->groups - 1) / f->groups;
	f->b = most * f->wide * det_gemm_depth(f->k);
}

/* One group of panels times one range of inputs, block by block of k. */
static void
product_part(const void *ctx, size_t it, int worker)
{
	const struct fc *f = ctx;
	size_t g = it / f->ranges, r = it % f->ranges;
	size_t from = f->panels * g / f->groups * f->wide;
	size_t to = least(f->panels * (g + 1) / f->groups * f->wide, f->n);
	size_t m0 = f->m * r / f->ranges, m1 = f->m * (r + 1) / f->ranges, j, k0, kc;
	float *b = f->scratch + (size_t)worker * f->b;

	for (k0 = 0; k0 < f->k; k0 += kc) {
		struct det_tile t = { .a = f->in + m0 * f->k + k0,
			.lda = f->k,
			.b = b,
			.c = f->out + m0 * f->n + from,
			.ldc = f->n,
			.rows = m1 - m0,
			.cols = to - from,
			.first = k0 == 0,
			.e = *f->e };

		kc = least(det_gemm_depth(f->k), f->k - k0);
		t.kc = kc;
		t.last = k0 + kc == f->k;
		if (t.e.scale)
			t.e.scale += from;
		if (t.e.shift)
			t.e.shift += from;
		for (j = from; j < to; j += f->wide)
			turn(b + (j - from) * kc, f->ker, f->weight + j * f->k,
			    least(to - j, f->wide), f->n - least(j + f->wide, f->n),
			    f->k, k0, kc);
		det_gemm_block(f->ker, &t);
	}
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

size_t
det_fc_scratch(size_t m, size_t n, size_t k, int threads)
{
	struct fc f = { .ker = det_kernels(), .m = m, .n = n, .k = k };

	if (m <= FEW)
		return 0;
	cut_product(&f, threads);
	return f.b * (size_t)threads * sizeof(float);
}

void
det_fc_run(float *out, const float *in, const float *weight, const float *scale,
    const float *shift, size_t m, size_t n, size_t k, enum det_act act, float alpha,
    void *scratch, int threads)
{
	struct det_epilogue e = { .scale = scale,
		.shift = shift,
		.per_column = 1,
		.act = act,
		.alpha = alpha };

	struct fc f = { .ker = det_kernels(),
		.out = out,
		.in = in,
		.weight = weight,
		.e = &e,
		.m = m,
		.n = n,
		.k = k,
		.scratch = scratch };

	if (m <= FEW) {
		det_parallel(threads, (n + SOME - 1) / SOME, dots_part, &f);
		return;
	}
	cut_product(&f, threads);
	det_parallel(threads, f.groups * f.ranges, product_part, &f);
}
