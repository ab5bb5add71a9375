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
	U_FLOATS = 160 * 1024, /* of one thread's transformed weights, about */
	DEPTH = 128,           /* channels summed at a time, about */
	M_FLOATS = 128 * 1024, /* of its products */
	PAGE = 1024, /* floats; what is a multiple apart shares a cache's set */
	LINE = 16,
};

struct plan {
	size_t across, down; /* tiles in a row, and rows of them */
	size_t rows, blocks; /* tile rows of a block, blocks */
	size_t few, parts;   /* output channels taken at a time, and how often */
	size_t depth;        /* input channels taken at a time */
	size_t ldu, ldv;     /* floats of a row of U, and of V and M */
	size_t u, v, m;      /* floats of one place of each */
	size_t scratch;      /* floats for the transforms */
};

static size_t
up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

/* Distance between the 36 places of a matrix, which are written and read all at once: one
 * cache line more than a multiple of a page. */
static size_t
apart(size_t n)
{
	return up(n, PAGE) + LINE;
}

static struct plan
make_plan(const struct det_conv *c, int threads)
{
	const struct det_kernels *ker = det_kernels();
	struct plan p;
	size_t fit, share;

	p.across = (c->ow + 3) / 4;
	p.down = (c->oh + 3) / 4;
	fit = V_FLOATS / (PLACES * c->c * p.across);
	p.blocks = fit > 0 ? (p.down + fit - 1) / fit : p.down;
	p.rows = (p.down + p.blocks - 1) / p.blocks;
	p.blocks = (p.down + p.rows - 1) / p.rows;
	p.ldv = up(p.rows * p.across + 2 * ker->lanes, LINE);
	fit = (c->c + DEPTH / 2) / DEPTH;
	p.depth = fit > 1 ? (c->c + fit - 1) / fit : c->c;
	p.ldu = up(p.depth, LINE) + LINE;
	/* as many channels as the caches hold, but a share for every thread */
	fit = U_FLOATS / (PLACES * p.ldu);
	if (fit > M_FLOATS / (PLACES * p.ldv))
		fit = M_FLOATS / (PLACES * p.ldv);
	share = (c->k + (size_t)threads - 1) / (size_t)threads;
	p.few = up(fit < share ? fit : share, ker->rows);
	if (p.few > fit && p.few > ker->rows)
		p.few -= ker->rows;
	p.parts = (c->k + p.few - 1) / p.few;
	p.u = apart(p.few * p.ldu);
	p.v = apart(c->c * p.ldv);
	p.m = apart(p.few * p.ldv);
	p.scratch = up(ker->wino_scratch(p.across), LINE);
	return p;
}

static size_t
thread_floats(const struct plan *p)
{
	return PLACES * (p->u + p->m) + p->scratch;
}

/* What each way costs, in multiply-adds of the products; the transforms' and the packing's
 * shares were measured. A vector partly filled counts whole. (In double: the products of
 * sizes are large, and no result depends on their last digit.) */
static int
is_cheaper(const struct det_conv *c)
{
	const double one_in = 1000, one_out = 580, one_weight = 386, one_packed = 6;
	struct plan p = make_plan(c, 1);
	size_t lanes = det_kernels()->lanes;
	double ins = (double)c->c, outs = (double)c->k;
	double tiles = (double)(p.blocks * up(p.rows * p.across, lanes));
	double columns = (double)up(c->oh * c->ow, lanes);
	double winograd = PLACES * tiles * ins * outs +
			  one_weight * (double)p.blocks * ins * outs +
			  one_in * tiles * ins + one_out * tiles * outs;
	double direct = 9 * columns * ins * (outs + one_packed);

	return winograd < direct;
}

int
det_conv_winograd_fits(const struct det_conv *c)
{
	if (c->direct || c->kh != 3 || c->kw != 3 || c->stride_y != 1 ||
	    c->stride_x != 1 || c->dilate_y != 1 || c->dilate_x != 1 ||
	    c->groups != 1 || c->c < 16 || c->k < 16 || c->pad_left > 2 ||
	    c->pad_top > 2 || c->ow < 4)
		return 0;
	return is_cheaper(c);
}

size_t
det_conv_winograd_scratch(const struct det_conv *c, int threads)
{
	struct plan p = make_plan(c, threads);

	return (PLACES * p.v + (size_t)threads * thread_floats(&p)) * sizeof(float);
}

/* M of output channels k0 .. k0+few over a block of tiles. */
static void
products(const struct det_conv *c, const struct plan *p, float *m, const float *weight,
    const float *v, float *u, size_t k0, size_t few, size_t tiles)
{
	const struct det_kernels *ker = det_kernels();
	size_t c0, depth, k, i;

	for (c0 = 0; c0 < c->c; c0 += depth) {
		depth = c->c - c0 < p->depth ? c->c - c0 : p->depth;
		for (k = 0; k < few; k++) {
			const float *w = weight + ((k0 + k) * c->c + c0) * 9;
			const float *next = w + c->c * 9;

			if (k + 1 == few && c0 + depth < c->c)
				next = weight + (k0 * c->c + c0 + depth) * 9;
			else if (k0 + k + 1 == c->k)
				next = w;
			ker->wino_weight(u + k * p->ldu, p->u, w, next, depth);
		}
		for (i = 0; i < PLACES; i++) {
			struct det_tile t = { .a = u + i * p->u,
				.lda = p->ldu,
				.b = v + i * p->v + c0 * p->ldv,
				.ldb = p->ldv,
				.kc = depth,
				.c = m + i * p->m,
				.ldc = p->ldv,
				.rows = few,
				.cols = tiles,
				.first = c0 == 0,
				.last = 1 };

			det_gemm_block(ker, &t);
		}
	}
}

/* Output channels k0 .. k0+few over a block of tiles. */
static void
channels(const struct det_conv *c, const struct plan *p, float *out,
    const float *weight, const struct det_epilogue *e, const float *v, float *mine,
    size_t im, size_t k0, size_t ty0, size_t down)
{
	size_t few = c->k - k0 < p->few ? c->k - k0 : p->few, k;
	float *u = mine, *m = u + PLACES * p->u;

	products(c, p, m, weight, v, u, k0, few, down * p->across);
	for (k = 0; k < few; k++) {
		size_t at = (im * c->k + k0 + k) * c->oh * c->ow;
		struct det_wino_out o = { .m = m + k * p->ldv,
			.place = p->m,
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
			.scratch = m + PLACES * p->m };

		det_kernels()->wino_out(&o);
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
	return w->v + PLACES * w->p.v + (size_t)worker * thread_floats(&w->p);
}

/* The input's channels are transformed a few at a time. */
static void
work_in(const void *ctx, size_t part, int worker)
{
	const struct work *w = ctx;
	const struct det_conv *c = w->c;

	for (size_t ch = 4 * part; ch < c->c && ch < 4 * part + 4; ch++) {
		struct det_wino_in i = { .v = w->v + ch * w->p.ldv,
			.place = w->p.v,
			.plane = w->in + (w->im * c->c + ch) * c->h * c->w,
			.h = c->h,
			.w = c->w,
			.pad_top = c->pad_top,
			.pad_left = c->pad_left,
			.across = w->p.across,
			.ty0 = w->ty0,
			.down = w->down,
			.scratch = own(w, worker) + PLACES * (w->p.u + w->p.m) };

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
