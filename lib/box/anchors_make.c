/* SPDX-License-Identifier: MIT
 *
 * Anchors where they lie. A cell's box is moved by whole cells,
 *
 *   x = (column + offset) stride,  stride = given | in / map, rounded down | in / map
 *
 * in the arithmetic of the program that is followed (anchors.c): float sums of what was
 * rounded to float before for grids; for prior boxes the corner is taken off the centre in
 * double and rounded once, as SSD's Caffe does, or under `relative` all in float and in
 * fractions of the input, as torchvision does. torchvision's strides are whole numbers:
 * 800 pixels over 13 cells make 61.
 */
#include "box/anchors_impl.h"

#include <math.h>

/* A map's line with the strides of a place. */
struct place {
	const struct det_anchors_line *m;
	const struct det_anchors_at *at;
	double stride[2]; /* x, y */
	double in[2];     /* w, h; 0: not known */
};

static enum det_err
start(struct place *p, const struct det_anchors *a, size_t i,
    const struct det_anchors_at *at)
{
	const struct det_anchors_line *m = &a->line[i];
	double cells[2] = { (double)at->w, (double)at->h };
	int needs = m->stride_of != DET_STRIDE_GIVEN || m->relative || m->clip;

	*p = (struct place){ m, at, { m->stride[0], m->stride[1] },
		{ (double)at->in_w, (double)at->in_h } };
	if (needs && (at->in_w <= 0 || at->in_h <= 0))
		return det_fail(DET_INVALID,
		    "anchors of '%s': the size of the network's input is not known",
		    m->map);
	for (int k = 0; k < 2 && m->stride_of != DET_STRIDE_GIVEN; k++) {
		p->stride[k] = p->in[k] / cells[k];
		if (m->stride_of == DET_STRIDE_FLOOR)
			p->stride[k] = floor(p->stride[k]);
		if (!(p->stride[k] > 0))
			return det_fail(DET_INVALID,
			    "anchors of '%s': %g cells in %g pixels: a stride of at "
			    "least 1 expected",
			    m->map, cells[k], p->in[k]);
	}
	return DET_OK;
}

static void
put_grid(float box[4], const struct place *p, const size_t cell[2], size_t k)
{
	for (int c = 0; c < 4; c++)
		box[c] =
		    (float)(((double)cell[c % 2] + p->m->offset) * p->stride[c % 2]) +
		    p->m->cell[4 * k + (size_t)c];
}

static float
limit(float x, double hi)
{
	return fmaxf(0, fminf((float)hi, x));
}

static void
put_prior(float box[4], const struct place *p, const size_t cell[2], size_t k)
{
	const float *size = p->m->cell + 2 * k;
	float mid, side, step;

	for (int c = 0; c < 2; c++) {
		step = (float)p->stride[c];
		mid = ((float)cell[c] + (float)p->m->offset) * step;
		side = size[c];
		if (p->m->clip == DET_PRIOR_CENTER)
			mid = limit(mid, p->in[c]);
		if (p->m->clip == DET_PRIOR_CENTER || p->m->clip == DET_PRIOR_SIZE)
			side = limit(side, p->in[c]);
		box[c] = (float)((double)mid - (double)side / 2);
		box[2 + c] = (float)((double)mid + (double)side / 2);
		if (p->m->clip == DET_PRIOR_CORNER) {
			box[c] = limit(box[c], p->in[c]);
			box[2 + c] = limit(box[2 + c], p->in[c]);
		}
	}
}

static void
put_relative(float box[4], const struct place *p, const size_t cell[2], size_t k)
{
	const float *size = p->m->cell + 2 * k;
	float mid, side, in, cells;

	for (int c = 0; c < 2; c++) {
		in = (float)p->in[c];
		cells = (float)(p->in[c] / p->stride[c]);
		mid = ((float)cell[c] + (float)p->m->offset) / cells;
		side = size[c];
		if (p->m->clip == DET_PRIOR_CENTER) {
			mid = limit(mid, 1);
			side = limit(side, 1);
		}
		box[c] = mid - .5f * side;
		box[2 + c] = mid + .5f * side;
		if (p->m->clip == DET_PRIOR_CORNER) {
			box[c] = limit(box[c], 1);
			box[2 + c] = limit(box[2 + c], 1);
		}
		box[c] *= in;
		box[2 + c] *= in;
	}
}

static void
put_pair(float box[4], const struct place *p, const size_t cell[2], size_t k)
{
	double mid, side;

	for (int c = 0; c < 2; c++) {
		mid = ((double)cell[c] + p->m->offset) * p->stride[c];
		side = (double)p->m->cell[2 * k + (size_t)c] *
		       (p->m->cells ? p->stride[c] : 1);
		box[c] = (float)(mid - side / 2);
		box[2 + c] = (float)(mid + side / 2);
	}
}

static void
put(float box[4], const struct place *p, const size_t cell[2], size_t k)
{
	if (p->m->kind == DET_ANCHORS_GRID)
		put_grid(box, p, cell, k);
	else if (p->m->kind == DET_ANCHORS_PAIRS)
		put_pair(box, p, cell, k);
	else if (p->m->relative)
		put_relative(box, p, cell, k);
	else
		put_prior(box, p, cell, k);
}

enum det_err
det_anchors_make(
    float *out, const struct det_anchors *a, size_t i, const struct det_anchors_at *at)
{
	struct place p;
	size_t cell[2];
	enum det_err e;

	if ((e = start(&p, a, i, at)))
		return e;
	for (cell[1] = 0; cell[1] < at->h; cell[1]++)
		for (cell[0] = 0; cell[0] < at->w; cell[0]++)
			for (size_t k = 0; k < p.m->n; k++, out += 4)
				put(out, &p, cell, k);
	return DET_OK;
}

enum det_err
det_anchors_pick(float *out, const struct det_anchors *a, size_t i,
    const struct det_anchors_at *at, const size_t *number, size_t n)
{
	struct place p;
	enum det_err e;

	if ((e = start(&p, a, i, at)))
		return e;
	for (size_t k = 0; k < n; k++) {
		size_t where = number[k] / p.m->n;
		size_t cell[2] = { where % at->w, where / at->w };

		put(out + 4 * k, &p, cell, number[k] % p.m->n);
	}
	return DET_OK;
}
