/* SPDX-License-Identifier: MIT
 *
 * A set's boxes image by image, all classes together: what analyses that look across
 * classes walk through. Boxes without a class take no part.
 */
#ifndef DET_EVAL_BYIMAGE_H
#define DET_EVAL_BYIMAGE_H

#include "eval/set.h"

/* Image i has det[det_start[i]] to det[det_start[i + 1] - 1], best first, equal scores in
 * the set's order; and gt[] likewise, in the set's order. */
struct det_eval_byimage {
	uint32_t *det, *gt; /* indices into the set's arrays */
	size_t *det_start, *gt_start;
	size_t most_det, most_gt; /* of any image */
};

enum det_err det_eval_byimage_make(
    struct det_eval_byimage *b, const struct det_eval_set *s) DET_MUST_USE;
void det_eval_byimage_release(struct det_eval_byimage *b);

/* The common area. */
static inline double
det_eval_common(const struct det_eval_rect *a, const struct det_eval_rect *b)
{
	const double w =
	    (a->x2 < b->x2 ? a->x2 : b->x2) - (a->x1 > b->x1 ? a->x1 : b->x1);
	const double h =
	    (a->y2 < b->y2 ? a->y2 : b->y2) - (a->y1 > b->y1 ? a->y1 : b->y1);

	return w > 0 && h > 0 ? w * h : 0;
}

/* Intersection over union; 0 where they do not meet. */
static inline double
det_eval_iou(const struct det_eval_rect *a, const struct det_eval_rect *b)
{
	const double i = det_eval_common(a, b);

	return i > 0 ? i / (a->size + b->size - i) : 0;
}

#endif
