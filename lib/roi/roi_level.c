/* SPDX-License-Identifier: MIT
 *
 * Feature pyramids: which map a box is pooled from. Follows torchvision's poolers.py and
 * Detectron2's poolers.py, in float as they do. A box without an area goes to the finest
 * map. Departure: an area below 0 (a box turned around) counts as 0, where log2 of its root
 * would be NaN and the level undefined.
 */
#include <math.h>

#include "box/iou.h"
#include "roi/roi.h"

enum det_err
det_roi_map_set(struct det_roi_map *m, const char *name, const struct det_tensor *t)
{
	char shape[96];

	if (t->dtype != DET_F32)
		return det_fail(DET_INVALID, "map '%s' is %s: f32 expected", name,
		    det_dtype_name(t->dtype) ? det_dtype_name(t->dtype)
					     : "of no dtype");
	if (t->rank != 4 || t->dims[0] != 1 || !t->dims[1] || !t->dims[2] ||
	    !t->dims[3])
		return det_fail(DET_INVALID,
		    "map '%s' is %s: one image (1xCxHxW) expected", name,
		    det_shape_text(shape, sizeof shape, t));
	*m = (struct det_roi_map){ name, t->data, t->dims[1], t->dims[2], t->dims[3],
		0 };
	return DET_OK;
}

enum det_err
det_roi_scale_maps(struct det_roi_map *m, size_t n, double height)
{
	float ratio;

	for (size_t i = 0; i < n; i++) {
		ratio = (float)((double)m[i].h / height);
		m[i].scale = ldexp(1, (int)nearbyintf(log2f(ratio)));
		if (!(height > 0) || !isfinite(ratio) || !(m[i].scale > 0))
			return det_fail(DET_INVALID,
			    "map '%s': %zu rows of a picture of height %g: no scale "
			    "follows",
			    m[i].name, m[i].h, height);
	}
	return DET_OK;
}

/* 2^-level is the scale. */
static long
level_of(const struct det_roi_map *m)
{
	return lround(-log2(m->scale));
}

static enum det_err
check(const struct det_roi_map *m, size_t n, const struct det_roi_pyramid *p)
{
	if (n == 0)
		return det_fail(DET_INVALID, "no map to pool from");
	if (!(p->canonical > 0))
		return det_fail(
		    DET_INVALID, "a canonical size of boxes above 0 expected");
	for (size_t i = 0; i < n; i++) {
		if (!(m[i].scale > 0) || !isfinite(m[i].scale))
			return det_fail(DET_INVALID,
			    "map '%s': a scale above 0 expected", m[i].name);
		if (i > 0 && level_of(&m[i]) != level_of(&m[i - 1]) + 1)
			return det_fail(DET_INVALID,
			    "map '%s' has stride %g after map '%s' of %g: twice that "
			    "expected",
			    m[i].name, 1 / m[i].scale, m[i - 1].name,
			    1 / m[i - 1].scale);
	}
	return DET_OK;
}

static float
level_for(const struct det_roi *r, const struct det_roi_pyramid *p)
{
	const float area = (r->x2 - r->x1) * (r->y2 - r->y1);
	const float s = sqrtf(area > 0 ? area : 0) / (float)p->canonical;

	if (p->epsilon == DET_ROI_EPSILON_D2)
		return floorf((float)p->level0 + log2f(s + 1e-8f));
	return floorf(((float)p->level0 + log2f(s)) + 1e-6f);
}

enum det_err
det_roi_assign(struct det_roi *roi, const struct det_boxes *b,
    const struct det_roi_map *m, size_t n, const struct det_roi_pyramid *p)
{
	enum det_err e = check(m, n, p);
	float level, first;

	if (e)
		return e;
	first = (float)level_of(&m[0]);
	for (size_t i = 0; i < b->n; i++) {
		const struct det_box *x = &b->box[i];

		if (!det_box_finite(x))
			return det_fail(
			    DET_INVALID, "box %zu: a coordinate is not finite", i);
		roi[i] = (struct det_roi){ det_iou_coord(x->x1), det_iou_coord(x->y1),
			det_iou_coord(x->x2), det_iou_coord(x->y2), 0 };
		level = n > 1 ? level_for(&roi[i], p) - first : 0;
		roi[i].map = !(level > 0)              ? 0
			     : level >= (float)(n - 1) ? n - 1
						       : (size_t)level;
	}
	return DET_OK;
}
