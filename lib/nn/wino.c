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
 * (m+2)^2 multiply-adds a tile. To read them all from memory, transformed at load, takes
 * longer wherever they don't stay in a cache from one run to the next (and memory that is
 * 1.8 to 7 times as large).
 *
 * Two orders of the work, chosen by the size of V:
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
#include "nn/conv_algo.h"
#include "nn/product.h"

enum {
	PAGE = 1024, /* floats; what is a multiple apart shares a cache's set */
	LINE = 16,
	TAPS = 9 * DET_BLOCK,   /* floats of an input channel's sixteen filters */
	FEW_TILES = 24,         /* of a thread's, by tiles */
	V_ALONE = 128 * 1024,   /* floats of their V at most */
	V_SHARED = 1536 * 1024, /* of V of a block, by channels, about */
	TAKE = 4,
	DEPTH = 8,
};

struct plan {
	struct det_wino_grid grid;
	size_t places, in, out; /* places of a tile, blocks of channels */
	size_t image, tiles;    /* tiles of an image, and of all */
	int alone;              /* by tiles */
	size_t block, blocks;   /* tiles at a time */
	size_t take, parts;     /* output blocks at a time */
	size_t depth;           /* input blocks at a time */
	size_t u, v, m;         /* floats from place to place */
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

static size_t
ceil_div(size_t a, size_t b)
{
	return (a + b - 1) / b;
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Distance between the places of a matrix, which are written and read all at once: one
 * cache line more than a multiple of a page. */
static size_t
apart(size_t n)
{
	return ceil_div(n, PAGE) * PAGE + LINE;
}

#ifdef TUNE
#include <stdlib.h>
static size_t
tune(const char *n, size_t d)
{
	const char *s = getenv(n);
	return s ? (size_t)atol(s) : d;
}
#else
#define tune(n, d) (d)
#endif

static struct plan
make_plan(const struct det_conv *c, int m)
{
	size_t side = (size_t)m;
	struct plan p = { .grid = { c->h, c->w, c->oh, c->ow, c->pad_top, c->pad_left,
			      ceil_div(c->ow, side), ceil_div(c->oh, side) },
		.places = (side + 2) * (side + 2),
		.in = det_blocks(c->c),
		.out = det_blocks(c->k) };
	size_t each = p.places * p.in * DET_BLOCK; /* floats of V for a tile */

	p.image = p.grid.across * p.grid.down;
	p.tiles = c->n * p.image;
	p.alone = each * tune("FEW", FEW_TILES) <= tune("VALONE", V_ALONE);
	p.block = p.alone ? tune("FEW", FEW_TILES)
			  : least(tune("VSHARED", V_SHARED) / each, p.tiles);
	p.blocks = ceil_div(p.tiles, p.block > 0 ? p.block : 1);
	p.block = ceil_div(p.tiles, p.blocks);
	p.blocks = ceil_div(p.tiles, p.block);
	p.take = least(tune("TAKE", TAKE), p.out);
	p.parts = ceil_div(p.out, p.take);
	p.depth = p.alone ? p.in : ceil_div(p.in, ceil_div(p.in, tune("DEPTH", DEPTH)));
	p.u = apart((p.alone ? p.out : p.take) * p.depth * DET_BLOCK * DET_BLOCK);
	p.v = apart(p.block * p.in * DET_BLOCK);
	p.m = apart(p.block * p.take * DET_BLOCK);
	return p;
}

/* Floats of a thread's own scratch, and of what all share. */
static size_t
own_floats(const struct plan *p)
{
	return p->places * (p->m + (p->alone ? p->v : p->u));
}

static size_t
shared_floats(const struct plan *p)
{
	return p->places * (p->alone ? p->u : p->v);
}

static size_t
taps_floats(const struct det_conv *c)
{
	return det_blocks(c->k) * c->c * TAPS;
}

struct work {
	const struct det_conv *c;
	const struct det_wino_kernels *ker;
	struct plan p;
	float *out;
	const float *in, *taps;
	const struct det_epilogue *e;
	float *shared, *own;
	size_t block; /* of tiles, by channels */
};

/* The tiles from `tile` on, before `end`, that are of one image: how many, which image and
 * which of its tiles is the first. */
static size_t
of_image(const struct plan *p, size_t tile, size_t end, size_t *image, size_t *first)
{
	*image = tile / p->image;
	*first = tile % p->image;
	return least(end - tile, p->image - *first);
}

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
		.place = w->p.m, .grid = &w->p.grid, .act = e->act, .alpha = e->alpha
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

/* Input block d by output block k of the weights, where panels of output blocks first ..
 * first+blocks and of input blocks from .. from+depth are kept in u. */
static void
weights(const struct work *w, float *u, size_t first, size_t blocks, size_t from,
    size_t depth, size_t k, size_t d)
{
	size_t wide = det_kernels()->wide, in = w->c->c, i, r, n;
	size_t panel = (k - first) / wide * wide;
	size_t row = least(blocks - panel, wide) * DET_BLOCK;
	float *at = u + det_panel_at(wide, depth, blocks, (d - from) * DET_BLOCK,
			    (k - first) * DET_BLOCK);

	n = least(in - d * DET_BLOCK, DET_BLOCK);
	{
		const float *t = w->taps + (k * in + d * DET_BLOCK) * TAPS,
			    *nx = tune("PF", 1)
				      ? k + 1 < first + blocks
					    ? t + in * TAPS
					    : w->taps +
						  (first * in + (d + 1) * DET_BLOCK) *
						      TAPS
				      : t;
		w->ker->weight(at, w->p.u, row, t, nx, n);
	}
	for (r = n; r < DET_BLOCK; r++) /* of no channel */
		for (i = 0; i < w->p.places; i++)
			memset(at + i * w->p.u + r * row, 0, DET_BLOCK * sizeof(float));
}

/* The products of `tiles` tiles: input blocks d .. d+take by `blocks` output blocks, whose
 * weights are u, packed with input blocks from .. from+depth. */
static void
multiply(const struct plan *p, float *m, const float *v, const float *u, size_t tiles,
    size_t blocks, size_t from, size_t take)
{
	const struct det_kernels *ker = det_kernels();
	size_t i;

	for (i = 0; i < p->places; i++) {
		struct det_product q = { .a = v + i * p->v + from * tiles * DET_BLOCK,
			.a_block = tiles * DET_BLOCK,
			.b = u + i * p->u,
			.depth = take,
			.take = take,
			.c = m + i * p->m,
			.c_block = tiles * DET_BLOCK,
			.blocks = blocks,
			.rows = tiles,
			.first = from == 0 };

		ker->product(&q);
	}
}

/* --- by tiles ----------------------------------------------------------------------- */

static void
work_weights(const void *ctx, size_t i, int worker)
{
	const struct work *w = ctx;

	(void)worker;
	weights(w, w->shared, 0, w->p.out, 0, w->p.in, i / w->p.in, i % w->p.in);
}

static void
work_tiles(const void *ctx, size_t i, int worker)
{
	const struct work *w = ctx;
	const struct plan *p = &w->p;
	float *v = w->own + (size_t)worker * own_floats(p), *m = v + p->places * p->v;
	size_t from = i * p->block, end = least(from + p->block, p->tiles), b, n;

	for (b = 0; b < p->in; b++)
		input(w, v, b, from, end);
	for (b = 0; b < p->out; b += n) {
		n = least(p->take, p->out - b);
		multiply(p, m, v, w->shared + b * DET_BLOCK * p->in * DET_BLOCK,
		    end - from, n, 0, p->in);
		output(w, m, b, n, from, end);
	}
}

/* --- by channels -------------------------------------------------------------------- */

static size_t
block_end(const struct work *w)
{
	return least((w->block + 1) * w->p.block, w->p.tiles);
}

static void
work_input(const void *ctx, size_t b, int worker)
{
	const struct work *w = ctx;

	(void)worker;
	input(w, w->shared, b, w->block * w->p.block, block_end(w));
}

static void
work_channels(const void *ctx, size_t i, int worker)
{
	const struct work *w = ctx;
	const struct plan *p = &w->p;
	float *u = w->own + (size_t)worker * own_floats(p), *m = u + p->places * p->u;
	size_t from = w->block * p->block, end = block_end(w), first = i * p->take;
	size_t n = least(p->take, p->out - first), d, deep, k, j;

	for (d = 0; d < p->in; d += deep) {
		deep = least(p->depth, p->in - d);
		for (j = d; j < d + deep; j++)
			for (k = first; k < first + n; k++)
				weights(w, u, first, n, d, deep, k, j);
		multiply(p, m, w->shared, u, end - from, n, d, deep);
	}
	output(w, m, first, n, from, end);
}

/* --- what conv_algo.h declares ------------------------------------------------------- */

int
det_wino_can(const struct det_conv *c, int m)
{
	(void)m;
	return c->in_layout == DET_BLOCKED && c->out_layout == DET_BLOCKED &&
	       c->kh == 3 && c->kw == 3 && c->stride_y == 1 && c->stride_x == 1 &&
	       c->dilate_y == 1 && c->dilate_x == 1 && c->groups == 1;
}

double
det_wino_cost(const struct det_conv *c, int m, int threads)
{
	struct plan p = make_plan(c, m);
	double in = (double)p.in, out = (double)p.out, tiles = (double)p.tiles;
	double places = (double)p.places;
	double cycles = 1.08 * places * 16 * in * out * tiles;

	cycles += in * out * 16 * (p.alone ? 1 : (double)p.blocks) * places * 4;
	cycles += (in + out) * tiles * places * 6;
	return cycles / 3600 / threads;
}

size_t
det_wino_packed(const struct det_conv *c, int m, int threads)
{
	(void)m;
	(void)threads;
	return taps_floats(c) * sizeof(float);
}

void
det_wino_pack(
    const struct det_conv *c, int m, float *packed, const float *weight, int threads)
{
	(void)m;
	det_layout_block(packed, weight, 1, c->k, 9 * c->c, threads);
}

size_t
det_wino_scratch(const struct det_conv *c, int m, int threads)
{
	struct plan p = make_plan(c, m);

	return (shared_floats(&p) + (size_t)threads * own_floats(&p) +
		   (c->packed ? 0 : taps_floats(c))) *
	       sizeof(float);
}

void
det_wino_run(const struct det_conv *c, int m, float *out, const float *in,
    const float *weight, const struct det_epilogue *e, void *scratch, int threads)
{
	struct work w = { .c = c,
		.ker = det_wino_kernels(m),
		.p = make_plan(c, m),
		.out = out,
		.in = in,
		.taps = weight,
		.e = e,
		.shared = scratch };

	w.own = w.shared + shared_floats(&w.p);
	if (!c->packed) {
		float *taps = w.own + (size_t)threads * own_floats(&w.p);

		det_wino_pack(c, m, taps, weight, threads);
		w.taps = taps;
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
