/* SPDX-License-Identifier: MIT
 *
 * Soft-NMS (Bodla, Singh, Chellappa, Davis: Improving object detection with one line of
 * code, ICCV 2017). Instead of dropping what overlaps the best box, its score is lowered:
 *
 *   linear:  s_i *= 1 - IoU(best, i)   where IoU > threshold (>= under `ge`)
 *   gauss:   s_i *= exp(-IoU^2 / sigma), for every i, the threshold is not used
 *
 * then the next best by the lowered scores is taken, and so on. A box whose score falls
 * below min_score leaves. Equal scores: the earlier box of the input is taken first.
 *
 * Departure: the published code also moves boxes about in memory while it goes, so that its
 * ties depend on the run; here they do not. The work is quadratic in the boxes of a class.
 */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "box/nms_impl.h"

struct soft {
	struct det_fbox box;
	float score;
	uint32_t index;
};

static float
decay(float iou, const struct det_nms_params *p)
{
	float t = (float)p->iou;

	if (p->method == DET_NMS_SOFT_GAUSS)
		return (float)exp(-(double)iou * (double)iou / p->sigma);
	return (p->ge ? iou >= t : iou > t) ? 1 - iou : 1;
}

/* The best of s[0..n), the earliest box of the input among equals. */
static size_t
best_of(const struct soft *s, size_t n)
{
	size_t best = 0;

	for (size_t i = 1; i < n; i++)
		if (s[i].score > s[best].score ||
		    (s[i].score == s[best].score && s[i].index < s[best].index))
			best = i;
	return best;
}

enum det_err
det_nms_soft(struct det_boxes *b, unsigned char *keep, const struct det_rank *r,
    size_t n, const struct det_nms_params *p)
{
	float one = p->plus_one ? 1 : 0, f;
	size_t left = n, limit = p->max_per_class ? (size_t)p->max_per_class : n, i;
	struct soft *s, best;
	enum det_err e;

	if ((e = det_alloc(&s, n, sizeof *s)))
		return e;
	for (i = 0; i < n; i++) {
		const struct det_box *x = &b->box[r[i].index];

		s[i].box = det_iou_box(x, one);
		s[i].score = (float)x->score;
		s[i].index = r[i].index;
		keep[r[i].index] = 0;
	}
	while (left > 0 && limit > 0) {
		i = best_of(s, left);
		best = s[i];
		s[i] = s[--left];
		if ((double)best.score < p->min_score)
			break;
		keep[best.index] = 1;
		limit--;
		/* a score that nothing lowered keeps its digits */
		if (best.score != (float)b->box[best.index].score)
			b->box[best.index].score = (double)best.score;
		for (i = 0; i < left; i++) {
			f = decay(det_iou(&best.box, &s[i].box, one), p);
			s[i].score *= f;
		}
	}
	free(s);
	return DET_OK;
}
