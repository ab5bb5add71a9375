/* SPDX-License-Identifier: MIT
 *
 * Convolution as a matrix product: for each image and group, with M = K/groups output
 * channels, D = C/groups * KH * KW and P = OH * OW,
 *
 *   out (M,P) = weight (M,D) . columns (D,P),
 *
 * where row (c,i,j) of `columns` is channel c of the image shifted by tap (i,j). The whole
 * of `columns` never exists: blocks of some hundred rows by some hundred columns are packed
 * straight from the image into the second cache, multiplied by all the weights that meet
 * them, and forgotten. Weights are read where they lie.
 *
 * Two ways of sharing the work, chosen by the shape and the number of threads:
 *
 *   wide   (many columns to a thread)  each takes tiles of columns and packs its own blocks
 *   tall   (few: deep layers on small maps)  all pack the whole of `columns` together, then
 *          each takes ranges of output channels
 *
 * Each output is summed over the same blocks of D in the same order in both, so results
 * are the same whatever the number of threads.
 */
#include "nn/gemm.h"

#include "base/mem.h"
#include "base/parallel.h"
#include "base/size.h"

enum {
	BLOCK = 384 * 384, /* floats of B in the second cache, about: 576 KiB */
	NARROW = 192,      /* fewer columns than this to a thread: tall */
};

struct plan {
	const struct det_conv *c;
	const struct det_kernels *ker;
	size_t m, depth, cols; /* M, D, P */
	size_t kc;             /* rows of a block */
	size_t nc, tiles;      /* columns of a tile, tiles */
	size_t jobs;           /* images * groups */
	size_t line;           /* floats of a line buffer */
	int tall, direct;      /* direct: rows of the image are rows of `columns` */
};

static struct plan
make_plan(const struct det_conv *c, int threads)
{
	struct plan p = { .c = c, .ker = det_kernels() };
	size_t t = (size_t)threads, most;

	p.m = c->k / c->groups;
	p.depth = c->c / c->groups * c->kh * c->kw;
	p.cols = c->oh * c->ow;
	p.jobs = c->n * c->groups;
	p.kc = det_gemm_depth(p.depth);
	p.direct = c->kh == 1 && c->kw == 1 && c->stride_y == 1 && c->stride_x == 1 &&
		   !c->pad_top && !c->pad_left && !c->pad_bottom && !c->pad_right;
	p.tall = threads > 1 && p.jobs < t && p.cols * p.jobs / t < NARROW &&
		 p.m >= 2 * p.ker->rows;
	/* tiles: as wide as the cache allows, all alike, and a multiple of the threads */
	most = BLOCK / p.kc < 3072 ? BLOCK / p.kc : 3072;
	p.tiles = (p.cols + most - 1) / most;
	if (!p.tall && p.jobs % t != 0)
		p.tiles = det_round_up(p.tiles, t);
	p.nc = det_round_up((p.cols + p.tiles - 1) / p.tiles, p.ker->lanes);
	p.tiles = (p.cols + p.nc - 1) / p.nc;
	return p;
}

/* Bytes of packed columns (one block, or all of them), and of one thread's table for packing. */
static size_t
packed_bytes(const struct plan *p)
{
	size_t rows = p->tall ? p->depth : p->kc;

	return det_pad(rows * p->nc * (p->tall ? p->tiles : 1) * sizeof(float));
}

static size_t
table_bytes(const struct plan *p)
{
	return p->direct ? 0 : det_pad(p->ker->pack_scratch(p->nc, p->c->ow, p->c->kw));
}

size_t
det_conv_gemm_scratch(const struct det_conv *c, int threads)
{
	struct plan p = make_plan(c, threads);
	size_t t = (size_t)threads;

	return packed_bytes(&p) * (p.tall ? 1 : t) + table_bytes(&p) * t;
}

const char *
det_conv_gemm_name(const struct det_conv *c, int threads)
{
	struct plan p = make_plan(c, threads);

	if (p.direct)
		return p.tall ? "1x1 gemm, by rows" : "1x1 gemm";
	return p.tall ? "implicit gemm, by rows" : "implicit gemm";
}

/* Rows k0 .. k0+kc of `columns`, outputs p0 .. p0+n, packed in panels. */
static void
pack(float *b, const struct plan *p, const float *in, size_t k0, size_t kc, size_t p0,
    size_t n, void *table)
{
	const struct det_conv *c = p->c;
	struct det_pack job = { .b = b,
		.in = in,
		.k0 = k0,
		.kc = kc,
		.p0 = p0,
		.n = n,
		.h = c->h,
		.w = c->w,
		.ow = c->ow,
		.kh = c->kh,
		.kw = c->kw,
		.stride_y = c->stride_y,
		.stride_x = c->stride_x,
		.dilate_y = c->dilate_y,
		.dilate_x = c->dilate_x,
		.pad_top = (ptrdiff_t)c->pad_top,
		.pad_left = (ptrdiff_t)c->pad_left,
		.direct = p->direct,
		.scratch = table };

	p->ker->pack(&job);
}

/* Rows m0 .. m0+m of one group's product with the block of columns p0 .. p0+n at k0. */
static void
multiply(const struct plan *p, const float *b, float *out, const float *weight,
    const struct det_epilogue *e, size_t job, size_t m0, size_t m, size_t k0, size_t kc,
    size_t p0, size_t n)
{
	size_t row = job % p->c->groups * p->m + m0;
	size_t at = (job / p->c->groups * p->c->k + row) * p->cols + p0;
	struct det_tile t = { .a = weight + row * p->depth + k0,
		.lda = p->depth,
		.b = b,
		.kc = kc,
		.c = out + at,
		.ldc = p->cols,
		.rows = m,
		.cols = n,
		.first = k0 == 0,
		.last = k0 + kc == p->depth,
		.e = *e };

	if (e->scale)
		t.e.scale += row;
	if (e->shift)
		t.e.shift += row;
	if (e->residual)
		t.e.residual += at;
	det_gemm_block(p->ker, &t);
}

static const float *
input_of(const struct plan *p, const float *in, size_t job)
{
	return in + job * (p->c->c / p->c->groups) * p->c->h * p->c->w;
}

/* One convolution, for the threads. */
struct work {
	const struct plan *p;
	float *out;
	const float *in, *weight;
	const struct det_epilogue *e;
	char *scratch;
	size_t job, range; /* run_tall: the job at hand, channels taken at a time */
};

static void
wide_tile(const void *ctx, size_t it, int worker)
{
	const struct work *w = ctx;
	const struct plan *p = w->p;
	char *mine = w->scratch + (size_t)worker * (packed_bytes(p) + table_bytes(p));
	float *b = (float *)mine;
	size_t job = it / p->tiles, p0 = it % p->tiles * p->nc, k0, kc;
	size_t n = det_least(p->cols - p0, p->nc);

	for (k0 = 0; k0 < p->depth; k0 += kc) {
		kc = det_least(p->depth - k0, p->kc);
		pack(b, p, input_of(p, w->in, job), k0, kc, p0, n,
		    mine + packed_bytes(p));
		multiply(p, b, w->out, w->weight, w->e, job, 0, p->m, k0, kc, p0, n);
	}
}

/* Where the block at (k0, tile) lies when all are packed. */
static float *
block_at(const struct plan *p, float *all, size_t k0, size_t kc, size_t tile)
{
	return all + k0 * p->nc * p->tiles + tile * p->nc * kc;
}

static void
tall_pack(const void *ctx, size_t it, int worker)
{
	const struct work *w = ctx;
	const struct plan *p = w->p;
	void *table = w->scratch + packed_bytes(p) + (size_t)worker * table_bytes(p);
	size_t k0 = it / p->tiles * p->kc, tile = it % p->tiles;
	size_t kc = det_least(p->depth - k0, p->kc), p0 = tile * p->nc;

	pack(block_at(p, (float *)w->scratch, k0, kc, tile), p,
	    input_of(p, w->in, w->job), k0, kc, p0, det_least(p->cols - p0, p->nc),
	    table);
}

static void
tall_multiply(const void *ctx, size_t it, int worker)
{
	const struct work *w = ctx;
	const struct plan *p = w->p;
	size_t m0 = it / p->tiles * w->range, tile = it % p->tiles, k0, kc;
	size_t m = det_least(p->m - m0, w->range), p0 = tile * p->nc;
	size_t n = det_least(p->cols - p0, p->nc);

	(void)worker;
	for (k0 = 0; k0 < p->depth; k0 += kc) {
		kc = det_least(p->depth - k0, p->kc);
		multiply(p, block_at(p, (float *)w->scratch, k0, kc, tile), w->out,
		    w->weight, w->e, w->job, m0, m, k0, kc, p0, n);
	}
}

static void
run_tall(struct work *w, int threads)
{
	const struct plan *p = w->p;
	size_t blocks = (p->depth + p->kc - 1) / p->kc, ranges;

	/* ranges of channels: four to a thread, so that one that is held up is helped */
	w->range = det_round_up(
	    (p->m + 4 * (size_t)threads - 1) / (4 * (size_t)threads), p->ker->rows);
	ranges = (p->m + w->range - 1) / w->range;
	for (w->job = 0; w->job < p->jobs; w->job++) {
		det_parallel(threads, blocks * p->tiles, tall_pack, w);
		det_parallel(threads, ranges * p->tiles, tall_multiply, w);
	}
}

void
det_conv_gemm_run(const struct det_conv *c, float *out, const float *in,
    const float *weight, const struct det_epilogue *e, void *scratch, int threads)
{
	struct plan p = make_plan(c, threads);
	struct work w = { &p, out, in, weight, e, scratch, 0, 0 };

	if (p.tall)
		run_tall(&w, threads);
	else
		det_parallel(threads, p.jobs * p.tiles, wide_tile, &w);
}
