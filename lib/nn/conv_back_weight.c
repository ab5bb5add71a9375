/* SPDX-License-Identifier: MIT
 *
 * The gradient of a convolution's weights,
 *
 *   dw[k,c,i,j] += sum over n, y, x of dy[n,k,y,x] * x[n,c,y*s+i*d-p,x*s+j*d-p].
 *
 * On blocked maps (nn/layout.h) that is, for each tap (i,j), a sum of outer products over the
 * pixels of dy: a pixel's channels of x, each broadcast, times its channels of dy, sixteen a
 * vector (conv_back_simd.h). Pixels are taken as they lie, a row of dy as a run; no columns
 * are copied.
 *
 * Work is cut into items of some blocks of K by some of C, all taps, whose sums stay in a
 * thread's second cache. The rows of dy of all images pass in bands of some hundred pixels:
 * a band's sums are taken in registers, then added to those before, so that no sum of floats
 * is long. How the items are cut changes no sum. Most 3x3 of stride 1 take less by
 * Winograd's transforms: conv_back_wino.c.
 *
 * Groups whose channels fill no blocks (depthwise ones above all) are done on plain maps, as
 * dot products of rows.
 */
#include "nn/conv_back.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/size.h"
#include "nn/block.h"

enum {
	BAND = 512, /* pixels of a band, about */
	SUMS = 256, /* squares of 16 x 16 sums that an item has, about */
	ITEMS = 4,  /* to a thread */
	WIDE =
	    6, /* blocks of K of an item, about: each has all of its part of x pass */
	TURNED = 64, /* columns of sums turned at a time */
};

struct plan {
	const struct det_conv *c;
	const struct det_back_kernels *ker;
	size_t taps, kg, cg;      /* channels of a group */
	size_t kb, cb;            /* blocks of a group */
	size_t kt, ct;            /* blocks of an item */
	size_t ks, cs;            /* items across a group */
	size_t rows, band, bands; /* of dy, of all images */
	size_t run_bytes, sum_bytes;
};

int
det_conv_back_weight_blocked(const struct det_conv *c)
{
	return c->groups == 1 ||
	       (c->c / c->groups % DET_BLOCK == 0 && c->k / c->groups % DET_BLOCK == 0);
}

static void
cut_items(struct plan *p, size_t threads)
{
	size_t need = threads > 1 ? ITEMS * threads : 1, vec = p->ker->blocks;

	p->kt = det_least(p->kb, WIDE);
	p->ct = det_least(p->cb, det_most(1, SUMS / p->taps / p->kt));
	p->ct = det_least(p->ct, 2 * WIDE);
	while (p->c->groups * det_ceil_div(p->kb, p->kt) * det_ceil_div(p->cb, p->ct) <
	       need) {
		if (p->ct > 1)
			p->ct = det_ceil_div(p->ct, 2);
		else if (p->kt > vec)
			p->kt = vec;
		else if (p->kt > 1)
			p->kt = det_ceil_div(p->kt, 2);
		else
			break;
	}
	p->ks = det_ceil_div(p->kb, p->kt);
	p->cs = det_ceil_div(p->cb, p->ct);
}

static struct plan
make_plan(const struct det_conv *c, int threads)
{
	struct plan p = { .c = c, .ker = det_back_kernels() };

	p.taps = c->kh * c->kw;
	p.kg = c->k / c->groups;
	p.cg = c->c / c->groups;
	p.kb = det_blocks(p.kg);
	p.cb = det_blocks(p.cg);
	cut_items(&p, (size_t)threads);
	p.rows = c->n * c->oh;
	p.band = det_most(1, BAND / c->ow);
	p.bands = det_ceil_div(p.rows, p.band);
	p.run_bytes =
	    det_pad(p.taps * (p.band * sizeof(struct det_outer_run) + sizeof(size_t)));
	p.sum_bytes = p.kt * p.ct * p.taps * DET_BLOCK * DET_BLOCK * sizeof(float);
	return p;
}

size_t
det_conv_back_weight_scratch(const struct det_conv *c, int threads)
{
	struct plan p;

	if (!det_conv_back_weight_blocked(c))
		return 0;
	if (det_wino_back_pays(c))
		return det_wino_back_scratch(c, threads);
	p = make_plan(c, threads);
	return (p.run_bytes + p.sum_bytes) * (size_t)threads;
}

struct work {
	const struct plan *p;
	float *dw;
	const float *dy, *x;
	char *scratch;
};

/* What an item works on: blocks k .. k+kn by c .. c+cn of a group. */
struct item {
	size_t group, k, kn, c, cn;
	struct det_outer_run *run; /* tap t's: from run + t * band on, */
	size_t *runs;              /* so many */
	float *sum;                /* (kn, 16 cn, taps, 16) */
};

/* The outputs first .. end of a line that see a pixel of the input through tap j. */
static void
seen(size_t *first, size_t *end, size_t out, size_t in, size_t stride, size_t dilate,
    size_t pad, size_t j)
{
	size_t at = j * dilate;

	*first = at < pad ? det_ceil_div(pad - at, stride) : 0;
	*end = in + pad > at ? det_least(out, (in + pad - at - 1) / stride + 1) : 0;
}

/* The runs of tap (i,j) through rows of dy from `row` on, lines that go on where the last
 * ended joined. Places are told from the first block of the item's group and image 0. */
static size_t
list_runs(struct det_outer_run *run, const struct plan *p, size_t row, size_t rows,
    size_t i, size_t j)
{
	const struct det_conv *c = p->c;
	size_t x_image = det_blocks(c->c) * c->h * c->w * DET_BLOCK;
	size_t y_image = det_blocks(c->k) * c->oh * c->ow * DET_BLOCK;
	size_t first, end, top, bottom, n = 0, r;

	seen(&first, &end, c->ow, c->w, c->stride_x, c->dilate_x, c->pad_left, j);
	seen(&top, &bottom, c->oh, c->h, c->stride_y, c->dilate_y, c->pad_top, i);
	for (r = row; first < end && r < row + rows; r++) {
		size_t image = r / c->oh, y = r % c->oh;
		struct det_outer_run *last = run + n - 1;

		if (y < top || y >= bottom)
			continue;
		run[n].a = image * x_image +
			   ((y * c->stride_y + i * c->dilate_y - c->pad_top) * c->w +
			       (first * c->stride_x + j * c->dilate_x - c->pad_left)) *
			       DET_BLOCK;
		run[n].b = image * y_image + (y * c->ow + first) * DET_BLOCK;
		run[n].n = end - first;
		if (n > 0 && run[n].a == last->a + last->n * c->stride_x * DET_BLOCK &&
		    run[n].b == last->b + last->n * DET_BLOCK)
			last->n += end - first;
		else
			n++;
	}
	return n;
}

/* All taps of one block of C by some of K, of a band. */
static void
add_block(const struct work *w, const struct item *t, struct det_outer *o, size_t c)
{
	const struct plan *p = w->p;
	size_t lanes = det_least(p->cg - (t->c + c) * DET_BLOCK, DET_BLOCK), i, tap;
	size_t parts = det_ceil_div(lanes, p->ker->rows);
	const float *a =
	    w->x + (t->group * p->cb + t->c + c) * p->c->h * p->c->w * DET_BLOCK;
	float *sum = o->c;

	for (tap = 0; tap < p->taps; tap++)
		for (i = 0; i < parts; i++) {
			size_t first = i * lanes / parts;

			o->run = t->run + tap * p->band;
			o->runs = t->runs[tap];
			o->a = a + first;
			o->rows = (i + 1) * lanes / parts - first;
			o->c = sum + first * o->c_row + tap * DET_BLOCK;
			p->ker->outer(o);
		}
	o->c = sum;
}

static void
add_band(const struct work *w, const struct item *t, size_t band)
{
	const struct plan *p = w->p;
	const struct det_conv *c = p->c;
	size_t parts = det_ceil_div(t->kn, p->ker->blocks), i, b, tap;
	size_t square = p->taps * DET_BLOCK * DET_BLOCK;
	struct det_outer o = { .a_step = c->stride_x * DET_BLOCK,
		.b_step = DET_BLOCK,
		.b_block = c->oh * c->ow * DET_BLOCK,
		.c_row = p->taps * DET_BLOCK,
		.c_block = t->cn * square,
		.add = band > 0 };

	for (tap = 0; tap < p->taps; tap++)
		t->runs[tap] = list_runs(t->run + tap * p->band, p, band * p->band,
		    det_least(p->band, p->rows - band * p->band), tap / c->kw,
		    tap % c->kw);
	for (i = 0; i < parts; i++) {
		size_t first = i * t->kn / parts;

		o.blocks = (i + 1) * t->kn / parts - first;
		o.b = w->dy + (t->group * p->kb + t->k + first) * o.b_block;
		for (b = 0; b < t->cn; b++) {
			o.c = t->sum + first * o.c_block + b * square;
			add_block(w, t, &o, b);
		}
	}
}

void
det_back_add_turned(float *dw, size_t row, const float *sum, size_t lanes, size_t n)
{
	float turned[DET_BLOCK * TURNED];
	size_t i, m, l, k;

	for (i = 0; i < n; i += m) {
		m = det_least(n - i, TURNED);
		det_block_kernels()->turn_out(
		    turned, TURNED, sum + i * DET_BLOCK, lanes, m);
		for (l = 0; l < lanes; l++)
#pragma omp simd
			for (k = 0; k < m; k++)
				dw[l * row + i + k] += turned[l * TURNED + k];
	}
}

/* dw += an item's sums: those of a channel of K lie side by side there. */
static void
add_sums(const struct work *w, const struct item *t)
{
	const struct plan *p = w->p;
	size_t row = p->cg * p->taps, k;
	size_t all = det_least(t->cn * DET_BLOCK, p->cg - t->c * DET_BLOCK) * p->taps;

	for (k = 0; k < t->kn; k++) {
		size_t first = (t->k + k) * DET_BLOCK;

		det_back_add_turned(w->dw + (t->group * p->kg + first) * row +
					t->c * DET_BLOCK * p->taps,
		    row, t->sum + k * t->cn * p->taps * DET_BLOCK * DET_BLOCK,
		    det_least(DET_BLOCK, p->kg - first), all);
	}
}

static void
run_item(const void *ctx, size_t it, int worker)
{
	const struct work *w = ctx;
	const struct plan *p = w->p;
	char *mine = w->scratch + (size_t)worker * (p->run_bytes + p->sum_bytes);
	size_t cs = it % p->cs, ks = it / p->cs % p->ks, band;
	struct item t = { .group = it / p->cs / p->ks,
		.k = ks * p->kt,
		.c = cs * p->ct,
		.sum = (float *)(void *)mine };

	t.kn = det_least(p->kt, p->kb - t.k);
	t.cn = det_least(p->ct, p->cb - t.c);
	t.run = (struct det_outer_run *)(void *)(mine + p->sum_bytes);
	t.runs = (size_t *)(void *)(t.run + p->taps * p->band);
	for (band = 0; band < p->bands; band++)
		add_band(w, &t, band);
	add_sums(w, &t);
}

/* --- plain ---------------------------------------------------------------------------- */

/* *sum += a row of dy by one of x, whose pixels are `step` apart */
static void
add_row(double *sum, const float *dy, const float *x, size_t n, size_t step)
{
	float s = 0;
	size_t i, m;

	for (; n > 0; n -= m, dy += m, x += m * step) {
		m = det_least(n, BAND);
		s = 0;
		if (step == 1)
#pragma omp simd reduction(+ : s)
			for (i = 0; i < m; i++)
				s += dy[i] * x[i];
		else
			for (i = 0; i < m; i++)
				s += dy[i] * x[i * step];
		*sum += (double)s;
	}
}

/* One weight, through all images. */
static double
sum_tap(const struct work *w, size_t k, size_t ch, size_t i, size_t j)
{
	const struct det_conv *c = w->p->c;
	size_t left, right, top, bottom, n, y;
	double sum = 0;

	seen(&left, &right, c->ow, c->w, c->stride_x, c->dilate_x, c->pad_left, j);
	seen(&top, &bottom, c->oh, c->h, c->stride_y, c->dilate_y, c->pad_top, i);
	for (n = 0; left < right && n < c->n; n++)
		for (y = top; y < bottom; y++) {
			const float *dy = w->dy + ((n * c->k + k) * c->oh + y) * c->ow;
			const float *x =
			    w->x + ((n * c->c + ch) * c->h + y * c->stride_y +
				       i * c->dilate_y - c->pad_top) *
				       c->w;

			add_row(&sum, dy + left,
			    x + left * c->stride_x + j * c->dilate_x - c->pad_left,
			    right - left, c->stride_x);
		}
	return sum;
}

static void
run_plain(const void *ctx, size_t k, int worker)
{
	const struct work *w = ctx;
	const struct det_conv *c = w->p->c;
	size_t cg = c->c / c->groups, first = k / (c->k / c->groups) * cg, ch, i, j;
	float *dw = w->dw + k * cg * c->kh * c->kw;

	(void)worker;
	for (ch = first; ch < first + cg; ch++)
		for (i = 0; i < c->kh; i++)
			for (j = 0; j < c->kw; j++)
				*dw++ += (float)sum_tap(w, k, ch, i, j);
}

void
det_conv_back_weight(const struct det_conv *c, float *dw, const float *dy,
    const float *x, void *scratch, int threads)
{
	struct plan p = make_plan(c, threads);
	struct work w = { &p, dw, dy, x, scratch };

	if (det_conv_back_weight_blocked(c) && det_wino_back_pays(c))
		det_wino_back_run(c, dw, dy, x, scratch, threads);
	else if (det_conv_back_weight_blocked(c))
		det_parallel(threads, c->groups * p.ks * p.cs, run_item, &w);
	else
		det_parallel(threads, c->k, run_plain, &w);
}
