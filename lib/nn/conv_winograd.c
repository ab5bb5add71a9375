/* SPDX-License-Identifier: MIT
 *
 * 3x3 convolution of stride 1 by Winograd's F(4x4,3x3): 4x4 outputs from 6x6 inputs with 36
 * multiplications instead of 144. For a tile d of the image and a filter g
 *
 *   out = A' [ (G g G') * (B' d B) ] A      (* element by element)
 *
 * and as the sum over channels can be taken between the brackets, the middle is 36 matrix
 * products, one for each place in the tile:
 *
 *   M[place] (K, tiles) = U[place] (K, C) . V[place] (C, tiles).
 *
 * After S. Winograd, "Arithmetic complexity of computations", 1980, and A. Lavin and
 * S. Gray, "Fast algorithms for convolutional neural networks", CVPR 2016. The matrices come
 * from interpolation at 0, +-sqrt(1/2), +-sqrt(2) and infinity rather than Lavin's 0, +-1,
 * +-2: the powers stay nearer to 1 and the rounding error is about half (gemm_winograd.h has
 * the formulas; tests/unit/test_conv.c holds it to a bound).
 *
 * The tiles are taken in blocks of rows whose V is of the size of a cache; all threads
 * transform V together, then each takes some output channels: transforms their weights
 * (again for each block: cheaper than to keep four times the weights), multiplies, and
 * transforms back. The order of no sum depends on the number of threads.
 */
#include "nn/gemm.h"

#include "base/mem.h"
#include "base/parallel.h"

enum {
	PLACES = 36,
	V_FLOATS = 512 * 1024, /* of a block of tiles, about */
	U_FLOATS = 256 * 1024, /* of one thread's transformed weights, about */
	GAP = 16, /* floats between rows, against rows that share cache sets */
};

struct plan {
	size_t across, down;  /* tiles in a row, and rows of them */
	size_t rows, blocks;  /* tile rows of a block, blocks */
	size_t ldv, v;        /* floats of a row of V, and of all of it */
	size_t few, parts;    /* output channels taken at a time, and how often */
	size_t ldu, ldm;      /* floats of a row of U and of M */
	size_t u, m, scratch; /* floats of each, for one thread */
};

static size_t
up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

static struct plan
make_plan(const struct det_conv *c, int threads)
{
	const struct det_kernels *ker = det_kernels();
	struct plan p;
	size_t fit, least;

	p.across = (c->ow + 3) / 4;
	p.down = (c->oh + 3) / 4;
	fit = V_FLOATS / (PLACES * c->c * p.across);
	p.blocks = fit > 0 ? (p.down + fit - 1) / fit : p.down;
	p.rows = (p.down + p.blocks - 1) / p.blocks;
	p.blocks = (p.down + p.rows - 1) / p.rows;
	p.ldv = up(p.rows * p.across + 2 * ker->lanes, 16);
	p.v = PLACES * c->c * p.ldv;
	p.ldu = up(c->c, 16) + GAP;
	p.ldm = p.ldv;
	/* a few whole tiles of rows; but let every thread have some */
	fit = U_FLOATS / (PLACES * p.ldu) / ker->rows * ker->rows;
	least = up((c->k + (size_t)threads - 1) / (size_t)threads, ker->rows);
	p.few = fit < ker->rows ? ker->rows : fit > least ? least : fit;
	if (p.few > 64)
		p.few = 64;
	p.parts = (c->k + p.few - 1) / p.few;
	p.u = PLACES * p.few * p.ldu;
	p.m = PLACES * p.few * p.ldm;
	p.scratch = up(ker->wino_scratch(p.across, c->w), 16);
	return p;
}

/* Counted in multiply-adds for one input and one output channel, with a surcharge for the
 * transforms of tiles and of weights; a vector partly filled counts whole. */
int
det_conv_winograd_fits(const struct det_conv *c)
{
	size_t lanes = det_kernels()->lanes;
	size_t tiles = (c->oh + 3) / 4 * ((c->ow + 3) / 4);

	if (c->direct || c->kh != 3 || c->kw != 3 || c->stride_y != 1 ||
	    c->stride_x != 1 || c->dilate_y != 1 || c->dilate_x != 1 ||
	    c->groups != 1 || c->c < 16 || c->k < 16 || c->pad_left > 2 ||
	    c->pad_top > 2 || c->ow < 4)
		return 0;
	return PLACES * up(tiles, lanes) * 5 / 4 + 160 < 9 * up(c->oh * c->ow, lanes);
}

size_t
det_conv_winograd_scratch(const struct det_conv *c, int threads)
{
	struct plan p = make_plan(c, threads);

	return (p.v + (size_t)threads * (p.u + p.m + p.scratch)) * sizeof(float);
}

/* Output channels k0 .. k0+few over a block of tiles. */
static void
channels(const struct det_conv *c, const struct plan *p, float *out,
    const float *weight, const struct det_epilogue *e, const float *v, float *mine,
    size_t im, size_t k0, size_t ty0, size_t down)
{
	const struct det_kernels *ker = det_kernels();
	size_t few = c->k - k0 < p->few ? c->k - k0 : p->few, k, i;
	float *u = mine, *m = mine + p->u;

	for (k = 0; k < few; k++)
		ker->wino_weight(u + k * p->ldu, p->few * p->ldu,
		    weight + (k0 + k) * c->c * 9, c->c);
	for (i = 0; i < PLACES; i++) {
		struct det_tile t = { .a = u + i * p->few * p->ldu,
			.lda = p->ldu,
			.b = v + i * c->c * p->ldv,
			.ldb = p->ldv,
			.kc = c->c,
			.c = m + i * p->few * p->ldm,
			.ldc = p->ldm,
			.rows = few,
			.cols = down * p->across,
			.first = 1,
			.last = 1 };

		det_gemm_block(ker, &t);
	}
	for (k = 0; k < few; k++) {
		size_t at = (im * c->k + k0 + k) * c->oh * c->ow;
		struct det_wino_out o = { .m = m + k * p->ldm,
			.place = p->few * p->ldm,
			.across = p->across,
			.ty0 = ty0,
			.down = down,
			.out = out + at,
			.oh = c->oh,
			.ow = c->ow,
			.scale = e->scale ? e->scale[k0 + k] : 1,
			.shift = e->shift ? e->shift[k0 + k] : 0,
			.residual = e->residual ? e->residual + at : NULL,
			.act = e->act,
			.alpha = e->alpha,
			.scratch = m + p->m };

		ker->wino_out(&o);
	}
}

struct work {
	const struct det_conv *c;
	struct plan p;
	float *out;
	const float *in, *weight;
	const struct det_epilogue *e;
	float *v; /* scratch: transformed input, then each worker's own */
	size_t im, ty0, down;
};

static float *
own(const struct work *w, int worker)
{
	return w->v + w->p.v + (size_t)worker * (w->p.u + w->p.m + w->p.scratch);
}

/* The input's channels are transformed a few at a time. */
static void
work_in(const void *ctx, size_t part, int worker)
{
	const struct work *w = ctx;
	const struct det_conv *c = w->c;

	for (size_t ch = 4 * part; ch < c->c && ch < 4 * part + 4; ch++) {
		struct det_wino_in i = { .v = w->v + ch * w->p.ldv,
			.place = c->c * w->p.ldv,
			.plane = w->in + (w->im * c->c + ch) * c->h * c->w,
			.h = c->h,
			.w = c->w,
			.pad_top = c->pad_top,
			.pad_left = c->pad_left,
			.across = w->p.across,
			.ty0 = w->ty0,
			.down = w->down,
			.scratch = own(w, worker) + w->p.u + w->p.m };

		det_kernels()->wino_in(&i);
	}
}

static void
work_out(const void *ctx, size_t part, int worker)
{
	const struct work *w = ctx;

	channels(w->c, &w->p, w->out, w->weight, w->e, w->v, own(w, worker), w->im,
	    part * w->p.few, w->ty0, w->down);
}

void
det_conv_winograd_run(const struct det_conv *c, float *out, const float *in,
    const float *weight, const struct det_epilogue *e, void *scratch, int threads)
{
	struct work w = { .c = c,
		.p = make_plan(c, threads),
		.out = out,
		.in = in,
		.weight = weight,
		.e = e,
		.v = scratch };

	for (size_t it = 0; it < c->n * w.p.blocks; it++) {
		w.im = it / w.p.blocks;
		w.ty0 = it % w.p.blocks * w.p.rows;
		w.down = w.p.down - w.ty0 < w.p.rows ? w.p.down - w.ty0 : w.p.rows;
		det_parallel(threads, (c->c + 3) / 4, work_in, &w);
		det_parallel(threads, w.p.parts, work_out, &w);
	}
}
