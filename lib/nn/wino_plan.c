/* SPDX-License-Identifier: MIT
 *
 * How Winograd's convolutions are cut up (wino.c says into what), and what they cost.
 *
 * The sizes were measured on a Zen 4 with 1 MiB of second cache a core and some 16 MiB of
 * third for two; near the best the times are flat. By tiles pays where U stays in the third
 * cache, as every thread reads all of it for each of its blocks of tiles, and where a
 * block's V fits the second. By channels, V of a block of tiles is read once for each part
 * of the output channels from the third cache, and U is made again for each block.
 */
#include "nn/wino.h"

#include "nn/conv_algo.h"

#include "base/size.h"

enum {
	PAGE = 1024, /* floats; what is a multiple apart shares a cache's set */
	LINE = 16,
	/* by tiles: a thread's tiles at a time, about; floats of their V at most; floats of
	 * all of U at most, where there are many tiles and where not; output blocks at a
	 * time */
	FEW_TILES = 18,
	V_ALONE = 192 * 1024,
	MANY_TILES = 100,
	U_ALONE = 2560 * 1024,
	U_FEW = 160 * 1024,
	TAKE_ALONE = 4,
	/* by channels: floats of V, about; output and input blocks at a time */
	V_SHARED = 2048 * 1024,
	TAKE = 2,
	DEPTH = 8,
};

/* Distance between the places of a matrix, which are written and read all at once: one
 * cache line more than a multiple of a page. */
static size_t
apart(size_t n)
{
	return det_ceil_div(n, PAGE) * PAGE + LINE;
}

struct det_wino_plan
det_wino_plan_make(const struct det_conv *c, int m, int threads)
{
	size_t side = (size_t)m, workers = (size_t)threads, each;
	struct det_wino_plan p = { .grid = { c->h, c->w, c->oh, c->ow, c->pad_top,
				       c->pad_left, det_ceil_div(c->ow, side),
				       det_ceil_div(c->oh, side) },
		.m = side,
		.places = (side + 2) * (side + 2),
		.in = det_blocks(c->c),
		.out = det_blocks(c->k) };

	p.image = p.grid.across * p.grid.down;
	p.tiles = c->n * p.image;
	each = p.places * p.in * DET_BLOCK; /* floats of V for a tile */
	p.alone = each * FEW_TILES <= V_ALONE &&
		  each * p.out * DET_BLOCK <= (p.tiles < MANY_TILES ? U_FEW : U_ALONE);
	if (p.alone) { /* as many blocks for each thread */
		p.blocks =
		    det_ceil_div(det_ceil_div(p.tiles, FEW_TILES), workers) * workers;
		p.take = det_least(TAKE_ALONE, p.out);
		p.depth = p.in;
	} else {
		p.blocks = det_ceil_div(p.tiles, V_SHARED > each ? V_SHARED / each : 1);
		p.take = det_least(TAKE, p.out);
		p.depth = det_ceil_div(p.in, det_ceil_div(p.in, DEPTH));
	}
	p.block = det_ceil_div(p.tiles, p.blocks);
	p.blocks = det_ceil_div(p.tiles, p.block);
	p.parts = det_ceil_div(p.out, p.take);
	p.u = apart((p.alone ? p.out : p.take) * p.depth * DET_BLOCK * DET_BLOCK);
	p.v = apart(p.block * p.in * DET_BLOCK);
	p.mm = apart(p.block * p.take * DET_BLOCK);
	p.taps = p.out * c->c * DET_WINO_TAPS;
	p.shared = p.places * (p.alone ? p.u : p.v);
	p.own = p.places * (p.mm + (p.alone ? p.v : p.u));
	return p;
}

int
det_wino_can(const struct det_conv *c, int m)
{
	return (m == 2 || m == 4 || m == 6) && c->in_layout == DET_BLOCKED &&
	       c->out_layout == DET_BLOCKED && c->kh == 3 && c->kw == 3 &&
	       c->stride_y == 1 && c->stride_x == 1 && c->dilate_y == 1 &&
	       c->dilate_x == 1 && c->groups == 1;
}

/* The share of the busiest of some threads in n equal pieces of work. */
static double
busiest(size_t n, int threads)
{
	return (double)det_ceil_div(n, (size_t)threads) / (double)n;
}

/* Each transform moves one line for a place and does arithmetic of that order: its cost is
 * given in multiply-adds a place, measured, caches and all. */
double
det_wino_cost(const struct det_conv *c, int m, int threads)
{
	const struct det_costs *cost = det_costs();
	struct det_wino_plan p = det_wino_plan_make(c, m, threads);
	double tiles = (double)p.tiles, in = (double)p.in, out = (double)p.out;
	double pairs = DET_BLOCK * in * out, product = 1.07 * pairs * tiles, u, v, mm;

	if (p.alone) {
		double most = busiest(p.blocks, threads);

		u = 10 * pairs * busiest(p.in * p.out, threads);
		v = 9 * in * tiles * most;
		mm = 8 * out * tiles * most;
		product *= most;
	} else {
		double most = busiest(p.parts, threads);

		u = 6 * pairs * (double)p.blocks * most;
		v = 22 * in * tiles * busiest(p.in, threads);
		mm = 18 * out * tiles * most;
		product *= most;
	}
	return (double)p.places * (product + u + v + mm) * cost->fma +
	       cost->loop * 2 * (p.alone ? 1 : (double)p.blocks);
}

/* The same for every m. */
size_t
det_wino_packed(const struct det_conv *c, int m, int threads)
{
	return det_wino_plan_make(c, m, threads).taps * sizeof(float);
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
	struct det_wino_plan p = det_wino_plan_make(c, m, threads);

	return (p.shared + (size_t)threads * p.own + (c->packed ? 0 : p.taps)) *
	       sizeof(float);
}
