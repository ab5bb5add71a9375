/* SPDX-License-Identifier: MIT
 *
 * Convolution where each output channel sees one input channel. A band of input rows is
 * copied with its padding and, for a stride of s, sorted into s phases: phase f holds the
 * columns f, f + s, f + 2s ... of the padded row. Column x of output then reads, for tap j,
 * phase (j*d) mod s at x + (j*d) / s: whole vectors, neither edges nor strides to think of.
 */
#include "nn/gemm.h"

#include <omp.h>
#include <string.h>

#include "base/mem.h"

enum { BAND = 16384 }; /* floats of the copy, about: half a first cache and more */

struct plan {
	size_t phase, row;  /* floats of a phase of a row, and of a row */
	size_t rows, bands; /* output rows of a band, bands of a plane */
	size_t copied;      /* input rows of a full band */
};

static struct plan
make_plan(const struct det_conv *c, const struct det_kernels *ker, int threads)
{
	struct plan p;
	size_t wide = c->pad_left + c->w + c->pad_right, span, fit;

	/* a vector may begin at the last output column */
	p.phase = (wide + c->stride_x - 1) / c->stride_x + ker->lanes;
	p.row = p.phase * c->stride_x;
	span = c->dilate_y * (c->kh - 1) + 1;
	fit = BAND / p.row;
	p.rows = fit > span ? (fit - span) / c->stride_y + 1 : 1;
	if (p.rows < 4)
		p.rows = 4;
	if (p.rows > c->oh)
		p.rows = c->oh;
	/* one plane alone is shared too */
	if (c->n * c->k < (size_t)threads)
		p.rows = (c->oh + (size_t)threads - 1) / (size_t)threads < p.rows
			     ? (c->oh + (size_t)threads - 1) / (size_t)threads
			     : p.rows;
	p.bands = (c->oh + p.rows - 1) / p.rows;
	p.copied = (p.rows - 1) * c->stride_y + span;
	return p;
}

static size_t
copy_bytes(const struct plan *p)
{
	return det_pad(p->copied * p->row * sizeof(float));
}

size_t
det_conv_depthwise_scratch(const struct det_conv *c, int threads)
{
	struct plan p = make_plan(c, det_kernels(), threads);

	return copy_bytes(&p) * (size_t)threads;
}

/* Row y of the padded input (0 is the first row of padding) into phases. */
static void
copy_row(float *dst, const struct det_conv *c, const struct det_kernels *ker,
    const struct plan *p, const float *plane, size_t y)
{
	size_t f, s = c->stride_x;

	memset(dst, 0, p->row * sizeof *dst);
	if (y < c->pad_top || y - c->pad_top >= c->h)
		return;
	plane += (y - c->pad_top) * c->w;
	for (f = 0; f < s; f++) {
		/* the first column of this phase at or after the left edge */
		size_t i = f >= c->pad_left ? 0 : (c->pad_left - f + s - 1) / s;
		size_t x = f + i * s - c->pad_left;

		if (x < c->w)
			ker->copy(dst + f * p->phase + i, plane + x,
			    (c->w - x + s - 1) / s, s);
	}
}

void
det_conv_depthwise_run(const struct det_conv *c, float *out, const float *in,
    const float *weight, const struct det_epilogue *e, void *scratch, int threads)
{
	const struct det_kernels *ker = det_kernels();
	struct plan p = make_plan(c, ker, threads);
	size_t items = c->n * c->k * p.bands, it;

#pragma omp parallel for num_threads(threads) schedule(static)
	for (it = 0; it < items; it++) {
		size_t band = it % p.bands, k = it / p.bands % c->k;
		size_t im = it / p.bands / c->k, y0 = band * p.rows, y;
		const float *plane =
		    in + (im * c->c + k / (c->k / c->groups)) * c->h * c->w;
		size_t at = ((im * c->k + k) * c->oh + y0) * c->ow;
		float *copy = (float *)((char *)scratch +
					(size_t)omp_get_thread_num() * copy_bytes(&p));
		struct det_depthwise d = { .src = copy,
			.phase = p.phase,
			.row = p.row,
			.stride_y = c->stride_y,
			.stride_x = c->stride_x,
			.dilate_y = c->dilate_y,
			.dilate_x = c->dilate_x,
			.kh = c->kh,
			.kw = c->kw,
			.weight = weight + k * c->kh * c->kw,
			.scale = e->scale ? e->scale[k] : 1,
			.shift = e->shift ? e->shift[k] : 0,
			.residual = e->residual ? e->residual + at : NULL,
			.out = out + at,
			.rows = c->oh - y0 < p.rows ? c->oh - y0 : p.rows,
			.cols = c->ow,
			.act = e->act,
			.alpha = e->alpha };

		for (y = 0;
		     y < (d.rows - 1) * c->stride_y + c->dilate_y * (c->kh - 1) + 1;
		     y++)
			copy_row(
			    copy + y * p.row, c, ker, &p, plane, y0 * c->stride_y + y);
		ker->depthwise(&d);
	}
}
