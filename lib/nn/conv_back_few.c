/* SPDX-License-Identifier: MIT
 *
 * The gradient of the weights of a net's first layer, whose input has a few channels: blocked,
 * most of its lanes would be empty, and the sums of conv_back_weight.c three rows high.
 *
 * Here a pixel of dy meets all that its window sees at once: the C * KH * KW values, sixteen a
 * vector, as columns that are written for a band of pixels, no more than a second cache holds.
 * What was a sum for each tap is one sum of outer products, of columns by channels of dy, whose
 * tiles are full.
 *
 * The bands of all images are dealt out in slices, each with sums of its own, which are added
 * in order at the end: their number depends on the problem alone, so that threads change no
 * sum.
 */
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/size.h"
#include "nn/block.h"
#include "nn/conv_back.h"
#include "nn/gemm.h"

enum {
	FEW = 4,       /* channels at most */
	COLUMNS = 512, /* of a window at most */
	BAND = 384,    /* pixels of a band, about */
	SLICES = 16,
};

struct plan {
	const struct det_conv *c;
	size_t columns, cb, kb;     /* of a window; blocks of them, and of K */
	size_t rows, band, bands;   /* of dy, of all images */
	size_t slices, pixels;      /* pixels: of a band at most */
	size_t run, plain, blocked; /* bytes of a thread's scratch */
	size_t sums;                /* floats of a slice: (kb, 16 cb, 16) */
};

int
det_few_back_pays(const struct det_conv *c)
{
	return c->groups == 1 && c->c <= FEW && c->kh * c->kw > 1 &&
	       c->c * c->kh * c->kw <= COLUMNS;
}

static struct plan
make_plan(const struct det_conv *c)
{
	struct plan p = { .c = c, .columns = c->c * c->kh * c->kw };

	p.cb = det_blocks(p.columns);
	p.kb = det_blocks(c->k);
	p.rows = c->n * c->oh;
	p.band = det_most(1, BAND / c->ow);
	p.bands = det_ceil_div(p.rows, p.band);
	p.slices = det_least(SLICES, p.bands);
	p.pixels = p.band * c->ow;
	p.run = det_pad(p.band * sizeof(struct det_outer_run));
	p.plain = det_pad(DET_BLOCK * p.pixels * sizeof(float));
	p.blocked = p.cb * DET_BLOCK * p.pixels * sizeof(float);
	p.sums = p.kb * p.cb * DET_BLOCK * DET_BLOCK;
	return p;
}

size_t
det_few_back_scratch(const struct det_conv *c, int threads)
{
	struct plan p = make_plan(c);

	return p.slices * p.sums * sizeof(float) +
	       (p.run + p.plain + p.blocked) * (size_t)threads;
}

struct work {
	const struct plan *p;
	const float *dy, *x;
	float *sum; /* slice after slice */
	char *scratch;
};

/* What a row of dy sees through a tap: to (ow) from row `in` of a plane, NULL outside. */
static void
see_row(float *to, const float *in, const struct det_conv *c, size_t j)
{
	size_t at = j * c->dilate_x, s = c->stride_x, first, end;

	first = at < c->pad_left ? det_ceil_div(c->pad_left - at, s) : 0;
	end = c->w + c->pad_left > at
		  ? det_least(c->ow, (c->w + c->pad_left - at - 1) / s + 1)
		  : 0;
	if (!in || first >= end) {
		memset(to, 0, c->ow * sizeof *to);
		return;
	}
	memset(to, 0, first * sizeof *to);
	det_kernels()->copy(
	    to + first, in + first * s + at - c->pad_left, end - first, s);
	memset(to + end, 0, (c->ow - end) * sizeof *to);
}

/* Column t of the rows of dy from `row` on, one after another. */
static void
see_column(float *to, const struct work *w, size_t t, size_t row, size_t rows)
{
	const struct det_conv *c = w->p->c;
	size_t j = t % c->kw, i = t / c->kw % c->kh, ch = t / c->kw / c->kh, r;

	for (r = row; r < row + rows; r++, to += c->ow) {
		size_t image = r / c->oh;
		size_t y = r % c->oh * c->stride_y + i * c->dilate_y;
		int inside = y >= c->pad_top && y - c->pad_top < c->h;

		see_row(to,
		    inside ? w->x + ((image * c->c + ch) * c->h + y - c->pad_top) * c->w
			   : NULL,
		    c, j);
	}
}

/* to (cb, pixels, 16) */
static void
make_columns(float *to, float *plain, const struct work *w, size_t row, size_t rows)
{
	const struct plan *p = w->p;
	size_t n = rows * p->c->ow, b, t, lanes;

	for (b = 0; b < p->cb; b++) {
		lanes = det_least(DET_BLOCK, p->columns - b * DET_BLOCK);
		for (t = 0; t < lanes; t++)
			see_column(plain + t * n, w, b * DET_BLOCK + t, row, rows);
		det_block_kernels()->turn_in(
		    to + b * p->pixels * DET_BLOCK, plain, n, lanes, n);
	}
}

/* Rows of dy as runs, those of an image together. */
static size_t
list_runs(struct det_outer_run *run, const struct plan *p, size_t row, size_t rows)
{
	const struct det_conv *c = p->c;
	size_t r, n = 0, y_image = p->kb * c->oh * c->ow * DET_BLOCK;

	for (r = row; r < row + rows; r++) {
		if (r > row && r % c->oh) {
			run[n - 1].n += c->ow;
			continue;
		}
		run[n].a = (r - row) * c->ow * DET_BLOCK;
		run[n].b = r / c->oh * y_image + r % c->oh * c->ow * DET_BLOCK;
		run[n++].n = c->ow;
	}
	return n;
}

/* sum (kb, 16 cb, 16) of a band, or added to it. */
static void
add_band(float *sum, const float *columns, const struct work *w,
    const struct det_outer_run *run, size_t runs, int add)
{
	const struct plan *p = w->p;
	const struct det_back_kernels *ker = det_back_kernels();
	size_t across = det_ceil_div(p->kb, ker->blocks), i, b, k, first;
	struct det_outer o = { .run = run,
		.runs = runs,
		.a_step = DET_BLOCK,
		.b_step = DET_BLOCK,
		.b_block = p->c->oh * p->c->ow * DET_BLOCK,
		.c_row = DET_BLOCK,
		.c_block = p->cb * DET_BLOCK * DET_BLOCK,
		.add = add };

	for (b = 0; b < p->cb; b++) {
		size_t lanes = det_least(DET_BLOCK, p->columns - b * DET_BLOCK);
		size_t parts = det_ceil_div(lanes, ker->rows);

		for (k = 0; k < across; k++) {
			size_t block = k * p->kb / across;

			o.blocks = (k + 1) * p->kb / across - block;
			o.b = w->dy + block * o.b_block;
			for (i = 0; i < parts; i++) {
				first = i * lanes / parts;
				o.rows = (i + 1) * lanes / parts - first;
				o.a = columns + b * p->pixels * DET_BLOCK + first;
				o.c = sum + block * o.c_block +
				      (b * DET_BLOCK + first) * DET_BLOCK;
				ker->outer(&o);
			}
		}
	}
}

static void
run_slice(const void *ctx, size_t s, int worker)
{
	const struct work *w = ctx;
	const struct plan *p = w->p;
	char *mine = w->scratch + (size_t)worker * (p->run + p->plain + p->blocked);
	struct det_outer_run *run = (struct det_outer_run *)(void *)mine;
	float *plain = (float *)(void *)(mine + p->run);
	float *columns = (float *)(void *)(mine + p->run + p->plain);
	size_t first = s * p->bands / p->slices, end = (s + 1) * p->bands / p->slices;
	size_t band, row, rows;

	for (band = first; band < end; band++) {
		row = band * p->band;
		rows = det_least(p->band, p->rows - row);
		make_columns(columns, plain, w, row, rows);
		add_band(w->sum + s * p->sums, columns, w, run,
		    list_runs(run, p, row, rows), band > first);
	}
}

void
det_few_back_run(const struct det_conv *c, float *dw, const float *dy, const float *x,
    void *scratch, int threads)
{
	struct plan p = make_plan(c);
	struct work w = { .p = &p, .dy = dy, .x = x, .sum = scratch };
	size_t s, k;

	w.scratch = (char *)scratch + p.slices * p.sums * sizeof(float);
	det_parallel(threads, p.slices, run_slice, &w);
	for (s = 0; s < p.slices; s++)
		for (k = 0; k < p.kb; k++)
			det_back_add_turned(dw + k * DET_BLOCK * p.columns, p.columns,
			    w.sum + s * p.sums + k * p.cb * DET_BLOCK * DET_BLOCK,
			    det_least(DET_BLOCK, c->k - k * DET_BLOCK), p.columns);
}
