/* SPDX-License-Identifier: MIT
 *
 * Which of several scales of a picture a box is pooled from. With A the area of a box in the
 * input's pixels, fx and fy what scale k stretches them by, and S^2 the area that is wanted
 * (224^2, the size that networks were trained to classify at):
 *
 *   area  least |A fx fy - S^2|                    (Fast R-CNN, _project_im_rois of test.py)
 *   side  least |round(S m / sqrt(A)) - m sqrt(fx fy)|, m the picture's shorter side in the
 *         input                                    (SPP-net, spm_pool.m and its callers)
 *
 * Of equal ones the first listed. The two differ for boxes between scales: 'area' goes to the
 * smaller scale a little earlier. Departure: sides of boxes turned around count as 0, and a
 * box without area goes to the largest scale under 'side', where the reference divides by 0
 * and takes the first.
 */
#include <math.h>

#include "box/iou.h"
#include "roi/roi.h"

enum det_err
det_roi_scales_check(const struct det_roi_scales *s)
{
	if (s->n < 1 || s->n > DET_SCALES)
		return det_fail(DET_INVALID, "1 to %d scales expected, found %zu",
		    DET_SCALES, s->n);
	if (!(s->area > 0) || !isfinite(s->area))
		return det_fail(DET_INVALID, "a scale's area above 0 expected");
	return DET_OK;
}

static double
distance(const struct det_roi_scales *s, size_t k, double area)
{
	const double f = s->factor[k][0] * s->factor[k][1];
	double wanted;

	if (s->rule == DET_ROI_SCALE_AREA)
		return fabs(area * f - s->area);
	wanted = fmin(round(sqrt(s->area) * s->shorter / sqrt(area)), 1e9);
	return fabs(wanted - s->shorter * sqrt(f));
}

size_t
det_roi_scale_of(const struct det_roi_scales *s, double w, double h)
{
	const double area = w > 0 && h > 0 ? w * h : 0;
	size_t best = 0;

	for (size_t k = 1; k < s->n; k++)
		if (distance(s, k, area) < distance(s, best, area))
			best = k;
	return best;
}

enum det_err
det_roi_assign_scales(
    struct det_roi *roi, const struct det_boxes *b, const struct det_roi_scales *s)
{
	enum det_err e = det_roi_scales_check(s);

	for (size_t i = 0; i < b->n && !e; i++) {
		const struct det_box *x = &b->box[i];
		size_t k;

		if (!det_box_finite(x))
			return det_fail(
			    DET_INVALID, "box %zu: a coordinate is not finite", i);
		k = det_roi_scale_of(s, x->x2 - x->x1, x->y2 - x->y1);
		roi[i] = (struct det_roi){ det_iou_coord(x->x1 * s->factor[k][0]),
			det_iou_coord(x->y1 * s->factor[k][1]),
			det_iou_coord(x->x2 * s->factor[k][0]),
			det_iou_coord(x->y2 * s->factor[k][1]), k };
	}
	return e;
}
