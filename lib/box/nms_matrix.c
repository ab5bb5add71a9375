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
	float *cover;       /* of each: the largest overlap with a better one */
	float one;
};

/* f(iou) / f(cover), as a number to take the minimum of: for the gaussian its logarithm. */
static double
ratio(const struct matrix *m, float iou, float cover)
{
	double u = (double)iou, c = (double)cover;

	if (m->run->p->method == DET_NMS_MATRIX_GAUSS)
		return (c * c - u * u) / m->run->p->sigma;
	return c < 1 ? (1 - u) / (1 - c) : 1;
}

/* What box j's score is multiplied by; sets its cover. */
static double
decay(struct matrix *m, size_t j)
{
	int gauss = m->run->p->method == DET_NMS_MATRIX_GAUSS;
	size_t near = det_grid_near(&m->grid, &m->f[j]);
	double least = gauss ? 0 : 1, v;
	float cover = 0, iou;

	for (size_t n = 0; n < near; n++) {
		const struct det_chunk *c = &m->grid.chunk[m->grid.found[n]];
		unsigned hit = m->run->scan->mask(c, &m->f[j], 0, m->one);

		for (; hit; hit &= hit - 1) {
			uint32_t i = c->id[__builtin_ctz(hit)];

			iou = det_iou(&m->f[i], &m->f[j], m->one);
			cover = iou > cover ? iou : cover;
			v = ratio(m, iou, m->cover[i]);
			least = v < least ? v : least;
		}
	}
	m->cover[j] = cover;
	return gauss ? exp(least) : least;
}

enum det_err
det_nms_matrix(const struct det_nms_run *run)
{
	struct matrix m = { .run = run, .one = run->p->plus_one ? 1 : 0 };
	double d;
	enum det_err e;

	if ((e = det_nms_boxes(&m.f, run)) ||
	    (e = det_alloc(&m.cover, run->n, sizeof *m.cover)) ||
	    (e = det_grid_new(&m.grid, m.f, run->n, 0, m.one)))
		goto out;
	for (size_t j = 0; j < run->n; j++) {
		d = decay(&m, j);
		if (d < 1)
			run->box[run->r[j].index].score *= d;
		det_grid_add(&m.grid, &m.f[j], (uint32_t)j);
	}
	e = det_nms_cut(run);
out:
	free(m.f);
	free(m.cover);
	det_grid_free(&m.grid);
	return e;
}
