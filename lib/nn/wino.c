/* SPDX-License-Identifier: MIT
 *
 * 3x3 convolution of stride 1 by Winograd's F(m x m, 3x3), m = 2, 4 or 6, on blocked maps:
 * m x m outputs from (m+2) x (m+2) inputs with (m+2)^2 multiplications where 9 m^2 are
 * written. For a tile d of the image and a filter g
 *
 *   out = A' [ (G g G') * (B' d B) ] A      (* element by element)
 *
 * and as the sum over channels can be taken between the brackets, the middle is (m+2)^2
 * matrix products, one for each place in the tile:
 *
 *   M[place] (tiles, K) = V[place] (tiles, C) . U[place] (C, K).
 *
 * The matrices and where they are from: wino_simd.h. Each of V, M is stored as a map of
 * blocked channels with tiles for pixels, place after place, and U in panels, so the product
 * is the one that direct convolutions use (nn/product.h).
 *
 * Weights are kept as nine taps a filter, sixteen filters side by side, and transformed as
 * they are needed: that is 9 vectors read from memory and (m+2)^2 written to a cache, for
 * (m+2)^2 multiply-adds a tile. Kept transformed they would be 1.8 to 7 times as large, and
 * of a network's layers few would still be in a cache at the next run: 38 MB for 512 x 512
 * channels and m = 4, all from memory, for 16 tiles. (That is a count, not a measurement.)
 *
 * Two orders of the work, chosen by the sizes of V and U and the number of tiles:
 *
 *   by tiles     all of U is made first; then each thread takes some tiles whose V, all
 *                channels, stays in its second cache together with the M of a few panels.
 *   by channels  all threads make V of many tiles; then each takes some output channels:
 *                makes their U, some input channels at a time, multiplies, and transforms
 *                back.
 *
 * The order in which an output is summed depends on the problem alone.
 */
#include "nn/wino.h"

#include <string.h>

#include "base/cpu.h"
#include "base/parallel.h"
#include "base/size.h"
#include "nn/conv_algo.h"
#include "nn/product.h"

struct work {
	const struct det_conv *c;
	const struct det_wino_kernels *ker;
	struct det_wino_plan p;
	float *out;
	const float *in, *taps;
	const struct det_epilogue *e;
	float *shared, *own;
	size_t block; /* of tiles, by channels */
};

const struct det_wino_kernels *
det_wino_kernels(int m)
{
#ifdef __x86_64__
	switch (det_cpu_level()) {
	case DET_CPU_AVX512: return &det_wino_avx512[m / 2 - 1];
	case DET_CPU_AVX2: return &det_wino_avx2[m / 2 - 1];
	case DET_CPU_C: break;
	}
#endif
	return &det_wino_c[m / 2 - 1];
}

/* --- what is fetched ahead ------------------------------------------------------------ */

/* Memory that will be wanted, fetched to the second cache while products keep the processor
 * busy: `outer` times `inner` rows of `lines` vectors, from `at` on, outer_step and
 * inner_step floats from one to the next. Products take equal shares of it, `left` of
 * `shares` so far. (What moves between memory and a cache while nothing is computed is what
 * the transforms' time is made of otherwise.) */
struct ahead {
	const float *at;
	size_t outer, outer_step, inner, inner_step, lines;
	size_t share, shares;
};

/* A product's share: what lies in the row that it begins with is left to the product, the
 * rest asked for at once. */
static void
fetch(struct det_panel *q, struct ahead *a)
{
	size_t all = a->outer * a->inner * a->lines, at, end, n, row, i;
	const float *from;

	if (a->share >= a->shares)
		return;
	at = all * a->share / a->shares;
	end = all * ++a->share / a->shares;
	for (; at < end; at += n) {
		row = at / a->lines;
		n = det_least(end - at, a->lines - at % a->lines);
		from = a->at + row / a->inner * a->outer_step +
		       row % a->inner * a->inner_step + at % a->lines * DET_BLOCK;
		if (q->ahead)
			for (i = 0; i < n; i++)
				__builtin_prefetch(from + i * DET_BLOCK, 0, 2);
		else {
			q->ahead = from;
			q->ahead_lines = n;
		}
	}
}

/* Products of `blocks` output blocks with all places. */
static size_t
products(const struct det_wino_plan *p, size_t blocks)
{
	size_t wide = det_kernels()->wide;

	return p->places * ((blocks + wide - 1) / wide);
}

/* The tiles from `tile` on, before `end`, that are of one image: how many, which image and
 * which of its tiles is the first. */
static size_t
of_image(const struct det_wino_plan *p, size_t tile, size_t end, size_t *image,
    size_t *first)
{
	*image = tile / p->image;
	*first = tile % p->image;
	return det_least(end - tile, p->image - *first);
}

/* Pixels of a map of h x w, `blocks` blocks an image: where tiles from .. end begin, moved
 * by `move` to the right and down; of all blocks from b to b+take. */
static struct ahead
pixels(const struct det_wino_plan *p, const float *map, size_t h, size_t w,
    size_t blocks, size_t b, size_t take, size_t from, size_t end, size_t move_y,
    size_t move_x)
{
	size_t image, first, n, y, x = move_x, rows, cols = w;

	if (from >= end)
		return (struct ahead){ 0 };
	n = of_image(p, from, end, &image, &first);
	y = first / p->grid.across * p->m + move_y;
	rows = (first + n - 1) / p->grid.across * p->m + p->m + move_y - y;
	if (rows == p->m) { /* one row of tiles */
		x += first % p->grid.across * p->m;
		cols = n * p->m;
	}
	if (y >= h || x >= w)
		return (struct ahead){ 0 };
	return (struct ahead){
		.at = map + (((image * blocks + b) * h + y) * w + x) * DET_BLOCK,
		.outer = take,
		.outer_step = h * w * DET_BLOCK,
		.inner = det_least(rows, h - y),
		.inner_step = w * DET_BLOCK,
		.lines = det_least(cols, w - x),
	};
}

/* --- the three transforms and the product --------------------------------------------- */

/* Input block b of tiles from .. end. */
static void
input(const struct work *w, float *v, size_t b, size_t from, size_t end)
{
	const struct det_conv *c = w->c;
	size_t tile, n, image, first, hw = c->h * c->w * DET_BLOCK;

	v += b * (end - from) * DET_BLOCK;
	for (tile = from; tile < end; tile += n, v += n * DET_BLOCK) {
		n = of_image(&w->p, tile, end, &image, &first);
		w->ker->input(v, w->p.v, w->in + (image * w->p.in + b) * hw, &w->p.grid,
		    first, n);
	}
}

/* Output blocks k .. k+blocks of tiles from .. end. */
static void
output(const struct work *w, const float *m, size_t k, size_t blocks, size_t from,
    size_t end)
{
	const struct det_conv *c = w->c;
	const struct det_epilogue *e = w->e;
	size_t b, tile, image, hw = c->oh * c->ow * DET_BLOCK;
	struct det_wino_output o = {
		.place = w->p.mm, .grid = &w->p.grid, .act = e->act, .alpha = e->alpha
	};

	for (b = k; b < k + blocks; b++) {
		o.m = m + (b - k) * (end - from) * DET_BLOCK;
		o.scale = e->scale ? e->scale + b * DET_BLOCK : NULL;
		o.shift = e->shift ? e->shift + b * DET_BLOCK : NULL;
		for (tile = from; tile < end; tile += o.n, o.m += o.n * DET_BLOCK) {
			o.n = of_image(&w->p, tile, end, &image, &o.first);
			o.out = w->out + (image * w->p.out + b) * hw;
			if (e->residual)
				o.residual = e->residual + (image * w->p.out + b) * hw;
			w->ker->output(&o);
		}
	}
}

/* Weights of output blocks k .. k+blocks, input blocks d .. d+depth, to be transformed. */
struct piece {
	size_t k, blocks, d, depth;
};

/* Input block d by output block k of such a piece, which u holds in panels. */
static void
weights(const struct work *w, float *u, const struct piece *q, size_t k, size_t d)
{
	size_t wide = det_kernels()->wide, in = w->c->c, i, r, n;
	size_t panel = (k - q->k) / wide * wide;
	size_t row = det_least(q->blocks - panel, wide) * DET_BLOCK;
	float *at = u + det_panel_at(wide, q->depth, q->blocks, (d - q->d) * DET_BLOCK,
			    (k - q->k) * DET_BLOCK);
	const float *taps = w->taps + (k * in + d * DET_BLOCK) * DET_WINO_TAPS;

	n = det_least(in - d * DET_BLOCK, DET_BLOCK);
	w->ker->weight(at, w->p.u, row, taps, n);
	for (r = n; r < DET_BLOCK; r++) /* of no channel */
		for (i = 0; i < w->p.places; i++)
			memset(at + i * w->p.u + r * row, 0, DET_BLOCK * sizeof(float));
}

/* The products of `tiles` tiles with the weights u of a piece: the first of those that are
 * summed, or one to be added. a: n of what to fetch meanwhile, by turns. */
static void
multiply(const struct det_wino_plan *p, float *m, const float *v, const float *u,
    size_t tiles, const struct piece *s, struct ahead *a, size_t n)
{
	const struct det_kernels *ker = det_kernels();
	size_t block = tiles * DET_BLOCK, i, k, turn = 0;

	for (i = 0; i < p->places; i++)
		for (k = 0; k < s->blocks; k += ker->wide) {
			struct det_panel q = { .a = v + i * p->v + s->d * block,
				.a_row = DET_BLOCK,
				.taps = 1,
				.blocks = s->depth,
				.a_block = block,
				.rows = tiles,
				.b = u + i * p->u +
				     det_panel_at(ker->wide, s->depth, s->blocks, 0,
					 k * DET_BLOCK),
				.wide = det_least(s->blocks - k, ker->wide),
				.c = m + i * p->mm + k * block,
				.c_block = block,
				.sum_block = block };

			if (s->d > 0)
				q.sum = q.c;
			fetch(&q, &a[turn++ % n]);
			ker->panel(&q);
		}
}

/* --- by tiles ------------------------------------------------------------------------- */

static void
work_weights(const void *ctx, size_t i, int worker)
{
	const struct work *w = ctx;
	struct piece all = { 0, w->p.out, 0, w->p.in };

	(void)worker;
	weights(w, w->shared, &all, i / w->p.in, i % w->p.in);
}

static void
work_tiles(const void *ctx, size_t i, int worker)
{
	const struct work *w = ctx;
	const struct det_wino_plan *p = &w->p;
	const struct det_conv *c = w->c;
	float *v = w->own + (size_t)worker * p->own, *m = v + p->places * p->v;
	size_t from = i * p->block, end = det_least(from + p->block, p->tiles);
	size_t next = det_least(end + p->block, p->tiles), b;
	/* the next block's pixels, but for the rows that this one has; then outputs */
	struct ahead a[2] = { pixels(
	    p, w->in, c->h, c->w, p->in, 0, p->in, end, next, 1, 0) };

	a[0].shares = products(p, p->out) / 2;
	for (b = 0; b < p->in; b++)
		input(w, v, b, from, end);
	for (b = 0; b < p->out; b += p->take) {
		struct piece s = { b, det_least(p->take, p->out - b), 0, p->in };

		a[1] = pixels(
		    p, w->out, c->oh, c->ow, p->out, b, s.blocks, from, end, 0, 0);
		a[1].shares = products(p, s.blocks) / 2;
		multiply(p, m, v, w->shared + b * DET_BLOCK * p->in * DET_BLOCK,
		    end - from, &s, a, 2);
		output(w, m, b, s.blocks, from, end);
	}
}

/* --- by channels ---------------------------------------------------------------------- */

static size_t
block_end(const struct work *w)
{
	return det_least((w->block + 1) * w->p.block, w->p.tiles);
}

static void
work_input(const void *ctx, size_t b, int worker)
{
	const struct work *w = ctx;

	(void)worker;
	input(w, w->shared, b, w->block * w->p.block, block_end(w));
}

/* The taps of the piece after s. */
static struct ahead
taps(const struct work *w, const struct piece *s)
{
	const struct det_wino_plan *p = &w->p;
	size_t k = s->k, d = s->d + s->depth;
	size_t one = w->c->c * DET_WINO_TAPS; /* floats of an output block */

	if (d >= p->in) { /* of the next part, which is this thread's if it has any */
		k += s->blocks;
		d = 0;
	}
	if (k >= p->out)
		return (struct ahead){ 0 };
	return (struct ahead){
		.at = w->taps + k * one + d * DET_BLOCK * DET_WINO_TAPS,
		.outer = det_least(p->take, p->out - k),
		.outer_step = one,
		.inner = 1,
		.lines = det_least(p->depth * DET_BLOCK, w->c->c - d * DET_BLOCK) *
			 (DET_WINO_TAPS / DET_BLOCK),
		.shares = products(p, s->blocks),
	};
}

static void
work_channels(const void *ctx, size_t i, int worker)
{
	const struct work *w = ctx;
	const struct det_wino_plan *p = &w->p;
	float *u = w->own + (size_t)worker * p->own, *m = u + p->places * p->u;
	size_t from = w->block * p->block, end = block_end(w), k, d;
	struct piece s = { .k = i * p->take };

	s.blocks = det_least(p->take, p->out - s.k);
	for (s.d = 0; s.d < p->in; s.d += s.depth) {
		struct ahead a;

		s.depth = det_least(p->depth, p->in - s.d);
		for (d = s.d; d < s.d + s.depth; d++)
			for (k = s.k; k < s.k + s.blocks; k++)
				weights(w, u, &s, k, d);
		a = taps(w, &s);
		multiply(p, m, w->shared, u, end - from, &s, &a, 1);
	}
	output(w, m, s.k, s.blocks, from, end);
}

void
det_wino_run(const struct det_conv *c, int m, float *out, const float *in,
    const float *weight, const struct det_epilogue *e, void *scratch, int threads)
{
	struct work w = { .c = c,
		.ker = det_wino_kernels(m),
		.p = det_wino_plan_make(c, m, threads),
		.out = out,
		.in = in,
		.taps = weight,
		.e = e,
		.shared = scratch };

	w.own = w.shared + w.p.shared;
	if (!c->packed) {
		float *packed = w.own + (size_t)threads * w.p.own;

		det_wino_pack(c, m, packed, weight, threads);
		w.taps = packed;
	}
	if (w.p.alone) {
		det_parallel(threads, w.p.in * w.p.out, work_weights, &w);
		det_parallel(threads, w.p.blocks, work_tiles, &w);
		return;
	}
	for (w.block = 0; w.block < w.p.blocks; w.block++) {
		det_parallel(threads, w.p.in, work_input, &w);
		det_parallel(threads, w.p.parts, work_channels, &w);
	}
}
