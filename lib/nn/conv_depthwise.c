/* SPDX-License-Identifier: MIT
 *
 * Convolution where each output channel sees one input channel. A band of input rows is
 * copied with its padding and, for a stride of s, sorted into s phases: phase f holds the
 * columns f, f + s, f + 2s ... of the padded row. Column x of output then reads, for tap j,
 * phase (j*d) mod s at x + (j*d) / s: whole vectors, neither edges nor strides to think of.
 */
#include "nn/gemm.h"

#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"

enum { BAND = 16384 }; /* floats of the copy, about: half a first cache and more */

struct plan {
	size_t phase, row;  /* floats of a phase of a row, and of a row */
	size_t rows, bands; /* output rows of a band, bands of a plane */
	size_t copied;      /* input rows of a full band */
};

static struct plan
make_plan(const struct det_conv *c, int threads)
{
	struct plan p;
	size_t wide = c->pad_left + c->w + c->pad_right, span, fit;
	size_t planes = c->n * c->k,
	       share = (c->oh + (size_t)threads - 1) / (size_t)threads;

	/* a vector may begin at the last output column */
	p.phase = (wide + c->stride_x - 1) / c->stride_x + det_kernels()->lanes;
	p.row = p.phase * c->stride_x;
	span = c->dilate_y * (c->kh - 1) + 1;
	fit = BAND / p.row;
	p.rows = fit > span ? (fit - span) / c->stride_y + 1 : 1;
	if (p.rows < 8)
		p.rows = 8;
	if (planes < (size_t)threads && p.rows > share)
		p.rows = share; /* threads share even a single plane */
	if (p.rows > c->oh)
		p.rows = c->oh;
	p.bands = (c->oh + p.rows - 1) / p.rows;
	p.copied = (p.rows - 1) * c->stride_y + span;
	return p;
}

static size_t
tap_bytes(const struct det_conv *c)
{
	return det_pad(c->kh * c->kw * sizeof(size_t));
}

static size_t
copy_bytes(const struct plan *p)
{
	return det_pad(p->copied * p->row * sizeof(float));
}

size_t
det_conv_depthwise_scratch(const struct det_conv *c, int threads)
{
	struct plan p = make_plan(c, threads);

	return tap_bytes(c) + copy_bytes(&p) * (size_t)threads;
}

/* Row y of the padded input (0 is the first row of padding) into phases. */
static void
copy_row(float *dst, const struct det_conv *c, const struct plan *p, const float *plane,
    size_t y)
{
	size_t f, i, s = c->stride_x, wide = c->pad_left + c->w + c->pad_right;

	if (y < c->pad_top || y - c->pad_top >= c->h) {
		memset(dst, 0, p->row * sizeof *dst);
		return;
	}
	plane += (y - c->pad_top) * c->w;
	for (f = 0; f < s; f++, dst += p->phase) {
		/* columns f + i*s: those left of the image, in it, right of it */
		size_t n = f < wide ? (wide - f + s - 1) / s : 0;
		size_t from = f >= c->pad_left ? 0 : (c->pad_left - f + s - 1) / s;
		size_t to =
		    f >= c->pad_left + c->w ? 0 : (c->pad_left + c->w - f + s - 1) / s;

		if (from > n)
			from = n;
		if (to < from)
			to = from;
		for (i = 0; i < from; i++)
			dst[i] = 0;
		if (from < to)
			det_kernels()->copy(dst + from,
			    plane + (f + from * s - c->pad_left), to - from, s);
		for (i = to; i < n; i++)
			dst[i] = 0;
	}
}

static void
one_band(const struct det_conv *c, const struct plan *p, float *copy,
    const float *plane, struct det_depthwise *d, size_t y0)
{
	size_t span = c->dilate_y * (c->kh - 1) + 1, y;

	d->rows = c->oh - y0 < p->rows ? c->oh - y0 : p->rows;
	for (y = 0; y < (d->rows - 1) * c->stride_y + span; y++)
		copy_row(copy + y * p->row, c, p, plane, y0 * c->stride_y + y);
	d->src = copy;
	det_kernels()->depthwise(d);
}

struct work {
	const struct det_conv *c;
	struct plan p;
	float *out;
	const float *in, *weight;
	const struct det_epilogue *e;
	char *scratch;
};

static void
work_band(const void *ctx, size_t it, int worker)
{
	const struct work *w = ctx;
	const struct det_conv *c = w->c;
	const struct det_epilogue *e = w->e;
	size_t band = it % w->p.bands, k = it / w->p.bands % c->k;
	size_t im = it / w->p.bands / c->k, y0 = band * w->p.rows;
	size_t at = ((im * c->k + k) * c->oh + y0) * c->ow, taps = c->kh * c->kw;
	struct det_depthwise d = { .step = c->stride_y * w->p.row,
		.tap = (const size_t *)w->scratch,
		.taps = taps,
		.weight = w->weight + k * taps,
		.scale = e->scale ? e->scale[k] : 1,
		.shift = e->shift ? e->shift[k] : 0,
		.residual = e->residual ? e->residual + at : NULL,
		.out = w->out + at,
		.cols = c->ow,
		.act = e->act,
		.alpha = e->alpha };
	char *mine = w->scratch + tap_bytes(c) + (size_t)worker * copy_bytes(&w->p);

	one_band(c, &w->p, (float *)mine,
	    w->in + (im * c->c + k / (c->k / c->groups)) * c->h * c->w, &d, y0);
}

void
det_conv_depthwise_run(const struct det_conv *c, float *out, const float *in,
    const float *weight, const struct det_epilogue *e, void *scratch, int threads)
{
	struct work w = { c, make_plan(c, threads), out, in, weight, e, scratch };
	size_t *tap = scratch;

	for (size_t t = 0; t < c->kh * c->kw; t++) {
		size_t right = t % c->kw * c->dilate_x;

		tap[t] = t / c->kw * c->dilate_y * w.p.row +
			 right % c->stride_x * w.p.phase + right / c->stride_x;
	}
	det_parallel(threads, c->n * c->k * w.p.bands, work_band, &w);
}
