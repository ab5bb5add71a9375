/* SPDX-License-Identifier: MIT
 *
 * The gradient of a convolution's input,
 *
 *   dx[n,c,u,v] += sum over k, i, j of w[k,c,i,j] * dy[n,k,y,x],
 *                  y s + i d - p = u, and x likewise,
 *
 * by convolutions of stride 1 of dy. Of one dimension: the u with (u + p) mod s = r, every
 * s-th from u0 = (r - p) mod s on, see dy through the taps with i d mod s = r alone, which are
 * i0, i0 + T, .. with T = s / gcd(s, d). For the m-th such u and the t-th of n taps
 *
 *   y = m + e - t d',   d' = d / gcd(s, d),  e = (u0 + p - i0 d) / s:
 *
 * turned about (t -> n - 1 - t) a convolution with dilation d' and padding (n - 1) d' - e.
 * Where that is below 0 (padding beyond what the kernel spans), taps that are 0 are put behind
 * the last. So there are s * s phases, each with its own part of the weights, which lose
 * nothing to zeros; of stride 1 there is one. Each goes the forward way that is best for it
 * (nn/conv.h), Winograd's too, into scratch memory, and is added to its pixels of dx.
 */
#include "nn/conv_back.h"

#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "nn/block.h"

enum { RUN = 256 }; /* pixels turned at a time */

/* One dimension of a phase. */
struct side {
	size_t first, step, n;   /* pixels of dx: first, first + step, ..., n of them */
	size_t tap, every, taps; /* taps of the weights: tap, tap + every, ... */
	size_t more;             /* taps of 0 behind them */
	size_t dilate, pad;      /* of the convolution */
};

static size_t
divisor(size_t a, size_t b)
{
	while (b > 0) {
		size_t t = a % b;

		a = b;
		b = t;
	}
	return a;
}

/* Phase r of a dimension; 0: no pixels, or no taps. */
static int
find_side(struct side *d, size_t r, size_t in, size_t k, size_t stride, size_t dilate,
    size_t pad)
{
	size_t g = divisor(stride, dilate), reach, e;

	d->first = (r + stride - pad % stride) % stride;
	d->step = stride;
	if (d->first >= in)
		return 0;
	d->n = (in - d->first - 1) / stride + 1;
	for (d->tap = 0; d->tap < k && d->tap * dilate % stride != r; d->tap++)
		;
	if (d->tap >= k)
		return 0;
	d->every = stride / g;
	d->taps = (k - d->tap - 1) / d->every + 1;
	d->dilate = dilate / g;
	/* e - reach, as what is padded or needs more taps */
	reach = (d->taps - 1) * d->dilate + d->tap * dilate / stride;
	e = (d->first + pad - r) / stride;
	d->more = e > reach ? (e - reach + d->dilate - 1) / d->dilate : 0;
	d->pad = reach + d->more * d->dilate - e;
	return 1;
}

/* What is left of a convolution in one phase; 0: nothing. */
static int
find_phase(struct det_conv *p, struct side s[2], const struct det_conv *c, size_t phase)
{
	if (!find_side(&s[0], phase / c->stride_x, c->h, c->kh, c->stride_y,
		c->dilate_y, c->pad_top) ||
	    !find_side(&s[1], phase % c->stride_x, c->w, c->kw, c->stride_x,
		c->dilate_x, c->pad_left))
		return 0;
	*p = (struct det_conv){
		.n = c->n,
		.c = c->k,
		.h = c->oh,
		.w = c->ow,
		.k = c->c,
		.kh = s[0].taps + s[0].more,
		.kw = s[1].taps + s[1].more,
		.oh = s[0].n,
		.ow = s[1].n,
		.stride_y = 1,
		.stride_x = 1,
		.dilate_y = s[0].dilate,
		.dilate_x = s[1].dilate,
		.pad_top = s[0].pad,
		.pad_left = s[1].pad,
		.groups = c->groups,
		.act = DET_ACT_LINEAR,
		.direct = c->direct,
		.in_layout = DET_BLOCKED,
		.out_layout = DET_BLOCKED,
	};
	/* What the outputs see behind the last pixel. Of outputs that see less than that
	 * there is nothing to say, but that they are not all. */
	p->pad_bottom = p->oh + (p->kh - 1) * p->dilate_y > p->h + p->pad_top
			    ? p->oh + (p->kh - 1) * p->dilate_y - p->h - p->pad_top
			    : 0;
	p->pad_right = p->ow + (p->kw - 1) * p->dilate_x > p->w + p->pad_left
			   ? p->ow + (p->kw - 1) * p->dilate_x - p->w - p->pad_left
			   : 0;
	if (p->oh < p->h || p->ow < p->w)
		p->pad_bottom += p->pad_bottom == 0;
	return 1;
}

static size_t
weight_bytes(const struct det_conv *p)
{
	return det_pad(p->k * (p->c / p->groups) * p->kh * p->kw * sizeof(float));
}

static size_t
out_bytes(const struct det_conv *p)
{
	return det_pad(det_layout_floats(
			   DET_BLOCKED, (const size_t[4]){ p->n, p->k, p->oh, p->ow }) *
		       sizeof(float));
}

size_t
det_conv_back_input_scratch(const struct det_conv *c, int threads)
{
	size_t phase, need, max = 0;
	struct det_conv p;
	struct side s[2];

	for (phase = 0; phase < c->stride_y * c->stride_x; phase++) {
		if (!find_phase(&p, s, c, phase))
			continue;
		need = weight_bytes(&p) + out_bytes(&p) + det_conv_scratch(&p, threads);
		if (need > max)
			max = need;
	}
	return max;
}

/* --- weights -------------------------------------------------------------------------- */

struct turn {
	const struct det_conv *c, *p;
	const struct side *s;
	float *to;
	const float *from;
};

/* Weights of 1x1, a matrix turned about: up to sixteen columns of it, from (kg, cg). */
static void
turn_matrix(float *to, const float *from, size_t kg, size_t cg, size_t cols)
{
	float part[RUN * DET_BLOCK];
	size_t k, i, n;

	for (k = 0; k < kg; k += n) {
		n = kg - k < RUN ? kg - k : RUN;
		for (i = 0; i < n; i++)
			memcpy(part + i * DET_BLOCK, from + (k + i) * cg,
			    cols * sizeof *part);
		det_block_kernels()->turn_out(to + k, kg, part, cols, n);
	}
}

/* 3x3 taps of up to sixteen channels, whole and turned about, from (kg, cg, 9). */
static void
turn_nine(float *to, const float *from, size_t kg, size_t cg, size_t chans)
{
	size_t k, ch, i;

	for (k = 0; k < kg; k++, from += cg * 9)
		for (ch = 0; ch < chans; ch++)
			for (i = 0; i < 9; i++)
				to[(ch * kg + k) * 9 + i] = from[ch * 9 + 8 - i];
}

/* The weights that some of dx's channels, of one group, see: to (C,K/groups,kh,kw) */
static void
turn_some(const void *ctx, size_t it, int worker)
{
	const struct turn *t = ctx;
	const struct det_conv *c = t->c, *p = t->p;
	const struct side *y = &t->s[0], *x = &t->s[1];
	size_t cg = c->c / c->groups, kg = c->k / c->groups, taps = p->kh * p->kw;
	size_t runs = det_blocks(cg), group = it / runs, at = it % runs * DET_BLOCK;
	size_t end = at + DET_BLOCK < cg ? at + DET_BLOCK : cg, k, ch, i, j;

	(void)worker;
	if (taps == 1 && c->kh * c->kw == 1) {
		turn_matrix(t->to + (group * cg + at) * kg,
		    t->from + group * kg * cg + at, kg, cg, end - at);
		return;
	}
	if (taps == 9 && y->taps == 3 && x->taps == 3 && c->kh * c->kw == 9) {
		turn_nine(t->to + (group * cg + at) * kg * 9,
		    t->from + (group * kg * cg + at) * 9, kg, cg, end - at);
		return;
	}
	for (k = 0; k < kg; k++)
		for (ch = at; ch < end; ch++) {
			const float *from =
			    t->from + ((group * kg + k) * cg + ch) * c->kh * c->kw;
			float *to = t->to + ((group * cg + ch) * kg + k + 1) * taps - 1;

			for (i = 0; i < p->kh; i++)
				for (j = 0; j < p->kw; j++)
					*to-- =
					    i < y->taps && j < x->taps
						? from[(y->tap + i * y->every) * c->kw +
						       x->tap + j * x->every]
						: 0;
		}
}

/* --- adding to dx --------------------------------------------------------------------- */

struct add {
	const struct det_conv *c, *p;
	const struct side *s;
	int set; /* not added: written, all of it */
	float *dx;
	const float *from;
};

/* One block of an image: its rows, or where all of dx's are taken, runs of pixels. */
static void
add_block(const void *ctx, size_t it, int worker)
{
	const struct add *a = ctx;
	const struct det_conv *c = a->c;
	const struct side *y = &a->s[0], *x = &a->s[1];
	int whole = y->step == 1 && x->step == 1;
	size_t blocks = det_blocks(c->c), first = it % blocks * DET_BLOCK;
	size_t lanes = c->c - first < DET_BLOCK ? c->c - first : DET_BLOCK;
	size_t rows = whole ? 1 : y->n, cols = whole ? y->n * x->n : x->n;
	size_t r, at, n, l, i, plane = c->h * c->w;
	const float *from = a->from + it * y->n * x->n * DET_BLOCK;
	float *dx = a->dx + (it / blocks * c->c + first) * plane, *to;
	float turned[DET_BLOCK * RUN];

	(void)worker;
	if (a->set) {
		det_block_kernels()->turn_out(dx, plane, from, lanes, plane);
		return;
	}
	for (r = 0; r < rows; r++)
		for (at = 0; at < cols; at += n) {
			n = cols - at < RUN ? cols - at : RUN;
			det_block_kernels()->turn_out(
			    turned, RUN, from + (r * cols + at) * DET_BLOCK, lanes, n);
			for (l = 0; l < lanes; l++) {
				to = dx + l * plane;
				if (whole) {
					to += at;
#pragma omp simd
					for (i = 0; i < n; i++)
						to[i] += turned[l * RUN + i];
					continue;
				}
				to += (y->first + r * y->step) * c->w + x->first +
				      at * x->step;
				for (i = 0; i < n; i++)
					to[i * x->step] += turned[l * RUN + i];
			}
		}
}

void
det_conv_back_input(const struct det_conv *c, float *dx, int set, const float *dy,
    const float *weight, void *scratch, int threads)
{
	struct det_conv p;
	struct side s[2];
	size_t phase;

	/* pixels between the strides may be seen by nothing */
	if (set && c->stride_y * c->stride_x > 1) {
		memset(dx, 0, c->n * c->c * c->h * c->w * sizeof *dx);
		set = 0;
	}
	for (phase = 0; phase < c->stride_y * c->stride_x; phase++) {
		struct turn t = { c, &p, s, scratch, weight };
		struct add a = { c, &p, s, set, dx, NULL };
		char *at = scratch;
		float *out;

		if (!find_phase(&p, s, c, phase))
			continue;
		det_parallel(
		    threads, c->groups * det_blocks(c->c / c->groups), turn_some, &t);
		at += weight_bytes(&p);
		a.from = out = (float *)(void *)at;
		at += out_bytes(&p);
		det_conv_run(&p, out, dy, t.to, NULL, NULL, NULL, at, threads);
		det_parallel(threads, c->n * det_blocks(c->c), add_block, &a);
	}
}
