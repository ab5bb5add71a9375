/* SPDX-License-Identifier: MIT
 *
 * Private: the steps of det_eval_run.
 */
#ifndef DET_EVAL_IMPL_H
#define DET_EVAL_IMPL_H

#include "eval/eval.h"

#define DET_EVAL_CUT UINT32_MAX /* in pos: beyond the limit of its image and class */

struct det_eval_work {
	struct det_eval *e;
	int threads;
	/* Detections by image, class and falling score; objects by image, class and number:
	 * image i has those from start[i] to start[i + 1]. */
	uint32_t *det, *gt;
	size_t *det_start, *gt_start; /* [n_image + 1] */
	uint32_t *class_place;        /* of each label: its place in that order */
	uint8_t *outside; /* of each of set->det: bit a: its size is not of area a */
	uint32_t *pos;    /* of each of set->det: its place in e->order, or CUT */
};

static inline int
det_eval_outside(const struct det_eval_area *a, double area)
{
	return area < a->lo || area > a->hi;
}

void det_eval_work_release(struct det_eval_work *w);

/* The class that a label is evaluated as. */
static inline uint32_t
det_eval_class(const struct det_eval *e, int32_t label)
{
	return e->rule.classes ? (uint32_t)label : 0;
}

/* Sorts: fills *w, and e's n, order, image, rank, start. */
enum det_err det_eval_sort(struct det_eval_work *w) DET_MUST_USE;

/* Fills e's hit and gt, which must be empty, and ignored, which must say what is ignored
 * without a match; gt_ignored must be known. */
enum det_err det_eval_match_all(const struct det_eval_work *w) DET_MUST_USE;

/* Fills e's curve, points, ap, recall; npos is [n_area][n_class]. */
enum det_err det_eval_curves(
    struct det_eval *e, const size_t *npos, int threads) DET_MUST_USE;

#endif
