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
#include "base/size.h"
#include "nn/block.h"

enum {
	FEW = 24,  /* inputs: the weights are read at the speed of memory */
	GROUP = 4, /* panels of weights that the second cache holds, about */
};

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

static void
cut_product(struct fc *f, int threads)
{
	size_t t = (size_t)threads, most;

	f->wide = f->ker->lanes * f->ker->vecs;
	f->panels = (f->n + f->wide - 1) / f->wide;
	f->groups = ((f->panels + GROUP - 1) / GROUP + t - 1) / t * t;
	f->groups = det_least(f->groups, f->panels);
	f->ranges = det_least((t + f->groups - 1) / f->groups, (f->m + 63) / 64);
	most = (f->panels + f->groups - 1) / f->groups;
	f->b = most * f->wide * det_gemm_depth(f->k);
}

/* One panel: the rows of the weights from j on, `cols` of them, elements k0 .. k0+kc. */
static void
turn_panel(float *b, const struct fc *f, size_t j, size_t cols, size_t k0, size_t kc)
{
	size_t lanes = f->ker->lanes, wide = (cols + lanes - 1) / lanes * lanes;

	det_block_kernels()->turn_rows(
	    b, wide, f->weight + j * f->k + k0, f->k, cols, kc, f->n - j - cols);
}

/* One group of panels times one range of inputs, block by block of k. */
static void
product_part(const void *ctx, size_t it, int worker)
{
	const struct fc *f = ctx;
	size_t g = it / f->ranges, r = it % f->ranges;
	size_t from = f->panels * g / f->groups * f->wide;
	size_t to = det_least(f->panels * (g + 1) / f->groups * f->wide, f->n);
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

		kc = det_least(det_gemm_depth(f->k), f->k - k0);
		t.kc = kc;
		t.last = k0 + kc == f->k;
		if (t.e.scale)
			t.e.scale += from;
		if (t.e.shift)
			t.e.shift += from;
		for (j = from; j < to; j += f->wide)
			turn_panel(b + (j - from) * kc, f, j,
			    det_least(to - j, f->wide), k0, kc);
		det_gemm_block(f->ker, &t);
	}
}

/* --- few inputs --- */

/* Outputs that a thread takes at a time. */
enum { SOME = 16 };

/* How much of the rows is taken at a time: all, but where that much of all the inputs would
 * not stay in the second cache. */
static size_t
piece_of(const struct fc *f)
{
	return f->m * f->k <= 160 * 1024 ? f->k : 2048;
}

static void
dots_part(const void *ctx, size_t c, int worker)
{
	const struct fc *f = ctx;
	const struct det_epilogue *e = f->e;
	size_t j0 = c * SOME, cols = det_least(f->n - j0, SOME), i, j, k0, piece;
	float acc[SOME * FEW * DET_BLOCK] = { 0 };

	(void)worker;
	piece = piece_of(f);
	for (k0 = 0; k0 < f->k; k0 += piece) {
		struct det_block_dots d = { acc, f->in + k0, f->weight + j0 * f->k + k0,
			f->k, f->k, f->m, cols, det_least(f->k - k0, piece) };

		det_block_kernels()->dots(&d);
	}
	for (i = 0; i < f->m; i++) {
		float *o = f->out + i * f->n + j0;

		det_block_kernels()->fold(o, acc + i * cols * DET_BLOCK, cols);
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
