/* SPDX-License-Identifier: MIT
 *
 * Matrix-NMS (Wang, Zhang, Kong, Li, Shen: SOLOv2, NeurIPS 2020), for boxes: Soft-NMS
 * without its sequence. With boxes in order of score, each box j is lowered by every better
 * box i of its class at once, less so where i itself is covered by a still better one:
 *
 *   s_j *= min over i < j of f(IoU(i, j)) / f(max over k < i of IoU(k, i))
 *
 *   linear:  f(x) = 1 - x          gauss:  f(x) = exp(-x^2 / sigma)
 *
 * The minimum is at most 1, what the best box gives where they do not overlap. The published
 * code writes the gaussian as exp(-sigma x^2) with sigma 2: that is .5 here.
 *
 * Departure: where f of the compensation is 0 (linear, box i repeats a better one exactly)
 * the published code divides by 0; here such an i does not count, for the box that it
 * repeats says the same. Only overlapping pairs matter, and those the grid finds.
 */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "box/nms_grid.h"

struct matrix {
	const struct det_nms_run *run;
	struct det_grid grid;
	struct det_fbox *f; /* of the boxes by rank */
	/* by place in the grid: the largest overlap with a better one; 0 where no box is */
	float *cover;
	float one;
};

/* What a chunk says of a box that overlaps its boxes by v[]: where it is smaller it goes into
 * `least`, lane by lane. Boxes that do not overlap give 1 or more. */
static void
linear(double least[DET_CHUNK], const float *v, const float *cover)
{
#pragma omp simd
	for (int i = 0; i < DET_CHUNK; i++) {
		double left = 1 - (double)cover[i];
		double r = (1 - (double)v[i]) / (left > 0 ? left : 1);

		r = left > 0 ? r : 1;
		least[i] = r < least[i] ? r : least[i];
	}
}

/* The same as the exponent times sigma, which begins at 0. */
static void
gauss(double least[DET_CHUNK], const float *v, const float *cover)
{
#pragma omp simd
	for (int i = 0; i < DET_CHUNK; i++) {
		double u = (double)v[i], c = (double)cover[i];
		double r = c * c - u * u;

		least[i] = r < least[i] ? r : least[i];
	}
}

/* What box j's score is multiplied by; its own cover. */
static double
decay(float *own, struct matrix *m, size_t j)
{
	int bell = m->run->p->method == DET_NMS_MATRIX_GAUSS;
	const struct det_nms_scan *scan = m->run->scan;
	size_t near = det_grid_near(&m->grid, &m->f[j]);
	double lane[DET_CHUNK], least = bell ? 0 : 1;
	float v[DET_CHUNK], most = 0;

	for (int i = 0; i < DET_CHUNK; i++)
		lane[i] = least;
	for (size_t n = 0; n < near; n++) {
		size_t at = m->grid.found[n];
		const struct det_chunk *c = &m->grid.chunk[at];
		const float *cover = m->cover + at * DET_CHUNK;

		if (!scan->mask(c, &m->f[j], 0, m->one))
			continue;
		scan->overlaps(v, c, &m->f[j], m->one);
		for (int i = 0; i < DET_CHUNK; i++)
			most = v[i] > most ? v[i] : most;
		(bell ? gauss : linear)(lane, v, cover);
	}
	for (int i = 0; i < DET_CHUNK; i++)
		least = lane[i] < least ? lane[i] : least;
	*own = most;
	return bell ? exp(least / m->run->p->sigma) : least;
}

enum det_err
det_nms_matrix(const struct det_nms_run *run)
{
	struct matrix m = { .run = run, .one = run->p->plus_one ? 1 : 0 };
	float own;
	double d;
	enum det_err e;

	if ((e = det_nms_boxes(&m.f, run)) ||
	    (e = det_grid_new(&m.grid, m.f, run->n, 0, m.one)) ||
	    (e = det_calloc(&m.cover, m.grid.cap, DET_CHUNK * sizeof *m.cover)))
		goto out;
	for (size_t j = 0; j < run->n; j++) {
		d = decay(&own, &m, j);
		if (d < 1)
			run->box[run->r[j].index].score *= d;
		m.cover[det_grid_add(&m.grid, &m.f[j], 0)] = own;
	}
	e = det_nms_cut(run);
out:
	free(m.f);
	free(m.cover);
	det_grid_free(&m.grid);
	return e;
}
