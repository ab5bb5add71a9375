/* SPDX-License-Identifier: MIT
 *
 * Greedy non-maximum suppression of one class. Boxes are taken best first; one is kept
 * unless it overlaps a box kept before it by more than the threshold. Overlap is computed in
 * float, and compared with the threshold rounded to float: an IoU of exactly 3/5 is not more
 * than .6. torchvision and py-faster-rcnn compare with the threshold as it is, in double,
 * where the float next to 3/5 is more than .6 and the float next to 7/10 is less than .7;
 * so does `wide`.
 *
 * A candidate is compared with the kept boxes only (never with those already dropped):
 * nms_scan.c finds those that may be above the threshold without dividing, and those few are
 * decided by the division itself, so the result is that of the plain formula. Where many
 * boxes are kept they are filed in a grid (nms_grid.c), and only those near are looked at.
 *
 * Under `eta` below 1 the threshold shrinks with each box that is kept while it is above
 * one half, as Caffe's SSD does it.
 */
#include <stdlib.h>

#include "box/nms_grid.h"

/* From here on a grid pays for itself: before, vectors over all are faster. */
#define GRID_FROM 1024

struct greedy {
	const struct det_nms_run *run;
	struct det_kept kept; /* the first kept boxes ... */
	struct det_grid grid; /* ... and all of them once they were too many */
	int gridded;
	float one, lo;
	double t; /* exact where it was rounded to float */
};

/* DIoU is at most IoU, so the scan's bound holds for it too. */
static void
set_threshold(struct greedy *g, double t)
{
	g->t = g->run->p->wide ? t : (double)(float)t;
	g->lo = (float)g->t * .9999f;
}

static int
above(const struct greedy *g, const struct det_fbox *a, const struct det_fbox *b)
{
	const struct det_nms_params *p = g->run->p;
	float v = p->overlap == DET_NMS_DIOU ? det_iou_distance(a, b, g->one)
					     : det_iou(a, b, g->one);

	return p->ge ? (double)v >= g->t : (double)v > g->t;
}

static int
meets_list(const struct greedy *g, const struct det_fbox *c)
{
	const struct det_kept *k = &g->kept;
	struct det_fbox other;

	for (size_t i = 0;; i++) {
		i = g->run->scan->next(k, i, c, g->lo, g->one);
		if (i >= k->n)
			return 0;
		other = det_kept_box(k, i);
		if (above(g, &other, c))
			return 1;
	}
}

static int
meets_grid(struct greedy *g, const struct det_fbox *c)
{
	size_t near = det_grid_near(&g->grid, c);
	struct det_fbox other;

	for (size_t i = 0; i < near; i++) {
		const struct det_chunk *k = &g->grid.chunk[g->grid.found[i]];
		unsigned m = g->run->scan->mask(k, c, g->lo, g->one);

		for (; m; m &= m - 1) {
			other = det_chunk_box(k, (unsigned)__builtin_ctz(m));
			if (above(g, &other, c))
				return 1;
		}
	}
	return 0;
}

/* The list became long: its boxes go to a grid made for all of the run. */
static enum det_err
start_grid(struct greedy *g)
{
	double eta = g->run->p->eta, least = (double)g->lo;
	struct det_kept *k = &g->kept;
	struct det_fbox *f;
	enum det_err e;

	if (eta < 1 && least > .499 * eta)
		least = .499 * eta;
	if ((e = det_nms_boxes(&f, g->run)))
		return e;
	e = det_grid_new(&g->grid, f, g->run->n, least, g->one);
	free(f);
	for (size_t i = 0; !e && i < k->n; i++) {
		struct det_fbox b = det_kept_box(k, i);

		(void)det_grid_add(&g->grid, &b, 0);
	}
	g->gridded = e == DET_OK;
	return e;
}

static enum det_err
keep_box(struct greedy *g, const struct det_fbox *c)
{
	const struct det_nms_params *p = g->run->p;
	enum det_err e = DET_OK;

	if (p->eta < 1 && g->t > .5)
		set_threshold(g, g->t * p->eta);
	if (g->gridded) {
		(void)det_grid_add(&g->grid, c, 0);
		return DET_OK;
	}
	det_kept_add(&g->kept, c);
	if (g->kept.n == GRID_FROM)
		e = start_grid(g);
	return e;
}

enum det_err
det_nms_greedy(const struct det_nms_run *run)
{
	const struct det_nms_params *p = run->p;
	size_t limit = p->max_per_class ? (size_t)p->max_per_class : run->n, kept = 0;
	struct greedy g = {
		.run = run, .one = p->plus_one ? 1 : 0, .t = (float)p->iou
	};
	struct det_fbox c;
	enum det_err e;

	set_threshold(&g, p->iou);
	e = det_kept_new(&g.kept, run->n < GRID_FROM ? run->n : GRID_FROM);
	for (size_t i = 0; i < run->n && !e; i++) {
		unsigned char *keep = &run->keep[run->r[i].index];

		*keep = 0;
		if (kept == limit)
			continue;
		c = det_nms_box(run, i);
		*keep = !(g.gridded ? meets_grid(&g, &c) : meets_list(&g, &c));
		if (*keep) {
			kept++;
			e = keep_box(&g, &c);
		}
	}
	det_kept_free(&g.kept);
	det_grid_free(&g.grid);
	return e;
}
