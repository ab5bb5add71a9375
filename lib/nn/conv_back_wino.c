/* SPDX-License-Identifier: MIT
 *
 * The gradient of the weights of 3x3 convolutions of stride 1 by Winograd's F(4x4,3x3). The
 * forward pass is, for a tile d of the input and a filter g (wino.c, wino_simd.h),
 *
 *   out = A' [ (G g G') * (B' d B) ] A,
 *
 * linear in g: so with a tile y of the gradient by the output,
 *
 *   dg = G' [ (A y A') * (B' d B) ] G,
 *
 * the transposed transforms, and the sum over all tiles can be taken within the brackets: 36
 * sums of outer products (conv_back_simd.h), one for each place in a tile,
 *
 *   U[place] (C,K) = sum over tiles of V[place] (tile,C) Z[place] (tile,K),
 *
 * 36 multiplications for the 144 that are written. V is the forward pass's own transform.
 *
 * All threads make V and Z of some hundred tiles; then each takes some blocks of C by some of
 * K, and of the last tiles transforms what has been summed. The order of a sum depends on
 * the problem alone.
 */
#include "nn/conv_back.h"

#include "base/mem.h"
#include "base/parallel.h"
#include "base/size.h"
#include "nn/product.h"

enum {
	SIDE = 4,
	PLACES = 36,
	TAPS = 9,
	SQUARE = DET_BLOCK * DET_BLOCK,
	TILES = 256, /* at a time at least, and bytes of their V and Z */
	BYTES = 10 << 20,
	KT = 6, /* blocks of K and C of an item at most */
	CT = 4,
	ITEMS = 4, /* to a thread */
};

struct plan {
	const struct det_conv *c;
	const struct det_back_kernels *ker;
	struct det_wino_grid grid;
	size_t kb, cb, image, tiles; /* tiles of an image, of all */
	size_t some;                 /* tiles at a time */
	size_t kt, ct, ks, cs;       /* blocks of an item, items */
	size_t v, z;                 /* floats from place to place */
	size_t sums;                 /* floats of U of an item */
};

int
det_wino_back_pays(const struct det_conv *c)
{
	size_t tiles = c->n * det_ceil_div(c->oh, SIDE) * det_ceil_div(c->ow, SIDE);
	size_t pixels = c->n * c->oh * c->ow,
	       squares = det_blocks(c->c) * det_blocks(c->k);

	if (c->direct || c->groups != 1 || c->kh != 3 || c->kw != 3 ||
	    c->stride_y != 1 || c->stride_x != 1 || c->dilate_y != 1 ||
	    c->dilate_x != 1 || c->c < DET_BLOCK / 2 ||
	    squares * PLACES * SQUARE * sizeof(float) > (size_t)160 << 20)
		return 0;
	/* steps of sixteen rows by a block; 3500: the sums' way through the caches */
	return tiles * PLACES * DET_BLOCK * 11 / 10 + 3500 <
	       pixels * TAPS * DET_BLOCK * 9 / 10;
}

/* What is a multiple of a page apart shares a cache's set. */
static size_t
apart(size_t n)
{
	return det_ceil_div(n, 1024) * 1024 + DET_BLOCK;
}

static struct plan
make_plan(const struct det_conv *c, int threads)
{
	struct plan p = { .c = c,
		.ker = det_back_kernels(),
		.grid = { c->h, c->w, c->oh, c->ow, c->pad_top, c->pad_left,
		    det_ceil_div(c->ow, SIDE), det_ceil_div(c->oh, SIDE) },
		.kb = det_blocks(c->k),
		.cb = det_blocks(c->c) };
	size_t need = threads > 1 ? ITEMS * (size_t)threads : 1, blocks;

	p.image = p.grid.across * p.grid.down;
	p.tiles = c->n * p.image;
	p.some = BYTES / (PLACES * (p.kb + p.cb) * DET_BLOCK * sizeof(float));
	p.some = p.some < TILES ? TILES : p.some;
	blocks = det_ceil_div(p.tiles, p.some);
	p.some = det_ceil_div(p.tiles, blocks);
	p.kt = det_least(p.kb, KT);
	p.ct = det_least(p.cb, CT);
	while (det_ceil_div(p.kb, p.kt) * det_ceil_div(p.cb, p.ct) < need) {
		if (p.ct > 1)
			p.ct = det_ceil_div(p.ct, 2);
		else if (p.kt > 1)
			p.kt = det_ceil_div(p.kt, 2);
		else
			break;
	}
	p.ks = det_ceil_div(p.kb, p.kt);
	p.cs = det_ceil_div(p.cb, p.ct);
	p.v = apart(p.cb * p.some * DET_BLOCK);
	p.z = apart(p.kb * p.some * DET_BLOCK);
	p.sums = PLACES * p.kt * p.ct * SQUARE;
	return p;
}

/* Floats of a thread's transformed sums. */
static size_t
own_floats(const struct plan *p)
{
	return p->ct * DET_BLOCK * TAPS * DET_BLOCK;
}

size_t
det_wino_back_scratch(const struct det_conv *c, int threads)
{
	struct plan p = make_plan(c, threads);

	return (PLACES * (p.v + p.z) + p.ks * p.cs * p.sums +
		   (size_t)threads * own_floats(&p)) *
	       sizeof(float);
}

struct work {
	const struct plan *p;
	float *dw;
	const float *dy, *x;
	float *v, *z, *sum, *own;
	size_t from, end; /* tiles */
};

/* V of one block of C, or Z of one of K. */
static void
transform(const void *ctx, size_t it, int worker)
{
	const struct work *w = ctx;
	const struct plan *p = w->p;
	const struct det_conv *c = p->c;
	size_t all = w->end - w->from, tile, n, b = it < p->cb ? it : it - p->cb;

	(void)worker;
	for (tile = w->from; tile < w->end; tile += n) {
		size_t image = tile / p->image, first = tile % p->image;
		size_t at = (b * all + tile - w->from) * DET_BLOCK;

		n = det_least(w->end - tile, p->image - first);
		if (it < p->cb)
			det_wino_kernels(SIDE)->input(w->v + at, p->v,
			    w->x + (image * p->cb + b) * c->h * c->w * DET_BLOCK,
			    &p->grid, first, n);
		else
			p->ker->spread(w->z + at, p->z,
			    w->dy + (image * p->kb + b) * c->oh * c->ow * DET_BLOCK,
			    &p->grid, first, n);
	}
}

/* What an item works on. */
struct item {
	size_t k, kn, c, cn;
	float *sum; /* (places, kn, 16 cn, 16) */
};

/* Some blocks of K by one of C, at one place. */
static void
add_square(const struct work *w, const struct item *t, size_t place, size_t k,
    size_t blocks, size_t c)
{
	const struct plan *p = w->p;
	size_t all = w->end - w->from, i;
	size_t lanes = det_least(p->c->c - (t->c + c) * DET_BLOCK, DET_BLOCK);
	size_t parts = det_ceil_div(lanes, p->ker->rows);
	struct det_outer_run run = { 0, 0, all };
	float *sum = t->sum + ((place * t->kn + k) * t->cn + c) * SQUARE;
	struct det_outer o = { .run = &run,
		.runs = 1,
		.a_step = DET_BLOCK,
		.b = w->z + place * p->z + (t->k + k) * all * DET_BLOCK,
		.b_step = DET_BLOCK,
		.b_block = all * DET_BLOCK,
		.c_row = DET_BLOCK,
		.c_block = t->cn * SQUARE,
		.blocks = blocks,
		.add = w->from > 0 };

	for (i = 0; i < parts; i++) {
		size_t first = i * lanes / parts;

		o.a = w->v + place * p->v + (t->c + c) * all * DET_BLOCK + first;
		o.rows = (i + 1) * lanes / parts - first;
		o.c = sum + first * DET_BLOCK;
		p->ker->outer(&o);
	}
}

static void
add_sums(const struct work *w, const struct item *t, float *taps)
{
	const struct plan *p = w->p;
	size_t row = p->c->c * TAPS, k;
	size_t n = det_least(t->cn * DET_BLOCK, p->c->c - t->c * DET_BLOCK);

	for (k = 0; k < t->kn; k++) {
		size_t first = (t->k + k) * DET_BLOCK;

		p->ker->gather(
		    taps, t->sum + k * t->cn * SQUARE, t->kn * t->cn * SQUARE, n);
		det_back_add_turned(w->dw + first * row + t->c * DET_BLOCK * TAPS, row,
		    taps, det_least(DET_BLOCK, p->c->k - first), n * TAPS);
	}
}

static void
run_item(const void *ctx, size_t it, int worker)
{
	const struct work *w = ctx;
	const struct plan *p = w->p;
	struct item t = { .k = it / p->cs * p->kt,
		.c = it % p->cs * p->ct,
		.sum = w->sum + it * p->sums };
	size_t parts, place, i, c;

	t.kn = det_least(p->kt, p->kb - t.k);
	t.cn = det_least(p->ct, p->cb - t.c);
	parts = det_ceil_div(t.kn, p->ker->blocks);
	for (place = 0; place < PLACES; place++)
		for (i = 0; i < parts; i++) {
			size_t first = i * t.kn / parts;

			for (c = 0; c < t.cn; c++)
				add_square(w, &t, place, first,
				    (i + 1) * t.kn / parts - first, c);
		}
	if (w->end == p->tiles)
		add_sums(w, &t, w->own + (size_t)worker * own_floats(p));
}

void
det_wino_back_run(const struct det_conv *c, float *dw, const float *dy, const float *x,
    void *scratch, int threads)
{
	struct plan p = make_plan(c, threads);
	struct work w = { .p = &p, .dw = dw, .dy = dy, .x = x, .v = scratch };

	w.z = w.v + PLACES * p.v;
	w.sum = w.z + PLACES * p.z;
	w.own = w.sum + p.ks * p.cs * p.sums;
	for (w.from = 0; w.from < p.tiles; w.from = w.end) {
		w.end = det_least(p.tiles, w.from + p.some);
		det_parallel(threads, p.cb + p.kb, transform, &w);
		det_parallel(threads, p.ks * p.cs, run_item, &w);
	}
}
