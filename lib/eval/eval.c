/* SPDX-License-Identifier: MIT */
#include "eval/eval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval/eval_impl.h"

static enum det_err
rule_check(const struct det_eval_rule *r)
{
	if (r->n_iou < 1 || r->n_iou > DET_EVAL_MAX_IOU || r->n_area < 1 ||
	    r->n_area > DET_EVAL_MAX_AREA || r->n_max < 1 ||
	    r->n_max > DET_EVAL_MAX_DETS)
		return det_fail(DET_INVALID,
		    "rule '%s': 1 to %d thresholds, %d areas and %d limits expected, "
		    "found %zu, %zu and %zu",
		    r->name, DET_EVAL_MAX_IOU, DET_EVAL_MAX_AREA, DET_EVAL_MAX_DETS,
		    r->n_iou, r->n_area, r->n_max);
	for (size_t i = 0; i < r->n_iou; i++)
		if (!(r->iou[i] >= 0 && r->iou[i] <= 1))
			return det_fail(DET_INVALID,
			    "rule '%s': an IoU from 0 to 1 expected, found %g", r->name,
			    r->iou[i]);
	for (size_t i = 0; i < r->n_area; i++)
		if (!(r->area[i].lo <= r->area[i].hi))
			return det_fail(DET_INVALID,
			    "rule '%s': area '%s' from %g to %g has nothing in it",
			    r->name, r->area[i].name, r->area[i].lo, r->area[i].hi);
	for (size_t i = 0; i < r->n_max; i++)
		if (r->max_dets[i] < 1 || (i && r->max_dets[i] <= r->max_dets[i - 1]))
			return det_fail(DET_INVALID,
			    "rule '%s': growing limits on detections expected, found "
			    "%zu",
			    r->name, r->max_dets[i]);
	return DET_OK;
}

/* Which objects count, and how many they are. */
static void
count_objects(struct det_eval *e, size_t *npos)
{
	const struct det_eval_rule *r = &e->rule;
	const uint32_t mask = r->ignore_as == DET_EVAL_IGNORE_COUNT ? 0 : r->ignore;

	for (size_t a = 0; a < r->n_area; a++)
		for (size_t i = 0; i < e->set->n_gt; i++) {
			const struct det_eval_gt *g = &e->set->gt[i];
			int out = g->label < 0 || (g->flags & mask) ||
				  det_eval_outside(&r->area[a], g->area);

			e->gt_ignored[a * e->set->n_gt + i] = (uint8_t)out;
			if (!out)
				npos[a * e->n_class + det_eval_class(e, g->label)]++;
		}
}

/* What meets no object and has not the size that is asked for counts neither way. Holds
 * until a match says otherwise. */
static void
ignore_outside(struct det_eval *e, const uint8_t *outside)
{
	const uint32_t full = UINT32_MAX >> (32 - e->rule.n_iou);

	for (size_t i = 0; i < e->n; i++) {
		const unsigned bits = outside[e->order[i]];

		for (size_t a = 0; a < e->rule.n_area; a++)
			e->ignored[a * e->n + i] = bits >> a & 1 ? full : 0;
	}
}

/* The arrays whose sizes are known once detections are sorted. */
static enum det_err
make_room(struct det_eval *e)
{
	const struct det_eval_rule *r = &e->rule;
	size_t bits, n, gts;
	enum det_err err;

	if ((err = det_mul(&bits, r->n_area, e->n)) ||
	    (err = det_calloc(&e->hit, bits, sizeof *e->hit)) ||
	    (err = det_alloc(&e->ignored, bits, sizeof *e->ignored)) ||
	    (err = det_mul(&gts, r->n_area, e->set->n_gt)) ||
	    (err = det_alloc(&e->gt_ignored, gts, 1)) ||
	    (err = det_mul(&n, r->n_area * r->n_max * r->n_iou, e->n_class)) ||
	    (err = det_calloc(&e->curve, n, sizeof *e->curve)) ||
	    (err = det_alloc(&e->ap, n, sizeof *e->ap)) ||
	    (err = det_alloc(&e->recall, n, sizeof *e->recall)))
		return err;
	e->n_cell = n;
	if (!r->keep_gt)
		return DET_OK;
	if ((err = det_mul(&n, r->n_iou, e->n)) ||
	    (err = det_alloc(&e->gt, n, sizeof *e->gt)))
		return err;
	for (size_t i = 0; i < n; i++)
		e->gt[i] = -1;
	return DET_OK;
}

enum det_err
det_eval_run(struct det_eval *e, const struct det_eval_set *s,
    const struct det_eval_rule *r, int threads)
{
	struct det_eval_work w = { .e = e, .threads = threads };
	size_t *npos = NULL, n;
	enum det_err err;

	*e = (struct det_eval){ .set = s };
	if ((err = rule_check(r)))
		return err;
	e->rule = *r;
	e->n_class = r->classes ? s->classes.n : 1;
	if ((err = det_eval_sort(&w)) || (err = make_room(e)) ||
	    (err = det_mul(&n, r->n_area, e->n_class)) ||
	    (err = det_calloc(&npos, n, sizeof *npos)))
		goto fail;
	count_objects(e, npos);
	ignore_outside(e, w.outside);
	if ((err = det_eval_match_all(&w)) || (err = det_eval_curves(e, npos, threads)))
		goto fail;
	free(npos);
	det_eval_work_release(&w);
	return DET_OK;
fail:
	free(npos);
	det_eval_work_release(&w);
	det_eval_release(e);
	return err;
}

void
det_eval_release(struct det_eval *e)
{
	free(e->order);
	free(e->image);
	free(e->rank);
	free(e->start);
	free(e->hit);
	free(e->ignored);
	free(e->gt);
	free(e->gt_ignored);
	free(e->curve);
	free(e->ap);
	free(e->recall);
	free(e->points);
	*e = (struct det_eval){ 0 };
}

/* Means over a block of cells. A class that has no objects is left out, or counts as 0
 * where the rule says so (and any class has some). */
static double
mean(const struct det_eval *e, const double *of, size_t cell, long klass, long iou)
{
	size_t k0 = klass < 0 ? 0 : (size_t)klass;
	size_t k1 = klass < 0 ? e->n_class : k0 + 1;
	size_t t0 = iou < 0 ? 0 : (size_t)iou;
	size_t t1 = iou < 0 ? e->rule.n_iou : t0 + 1;
	size_t n = 0, absent = 0;
	double sum = 0;

	for (size_t k = k0; k < k1; k++) {
		double part = 0;

		for (size_t t = t0; t < t1; t++) {
			double v = of[cell + k * e->rule.n_iou + t];

			n += v >= 0;
			absent += v < 0;
			part += v >= 0 ? v : 0;
		}
		sum += part;
	}
	if (n == 0)
		return -1;
	return sum / (double)(e->rule.absent && klass < 0 ? n + absent : n);
}

double
det_eval_mean_ap(
    const struct det_eval *e, size_t area, size_t max, long klass, long iou)
{
	return mean(e, e->ap, det_eval_cell(e, area, max, 0, 0), klass, iou);
}

double
det_eval_mean_recall(
    const struct det_eval *e, size_t area, size_t max, long klass, long iou)
{
	return mean(e, e->recall, det_eval_cell(e, area, max, 0, 0), klass, iou);
}
