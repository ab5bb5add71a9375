/* SPDX-License-Identifier: MIT
 *
 * How much two boxes overlap, in float: what detectors compute in.
 *
 * A box is the half-open rectangle [x1,x2) x [y1,y2). A box with x2 <= x1 or y2 <= y1 is
 * empty: its area is 0, it meets nothing, and its IoU with anything, itself included, is 0
 * (never 0/0).
 *
 *   IoU  = |A n B| / |A u B|,   |A u B| = |A| + |B| - |A n B|
 *   DIoU = IoU - d^2 / c^2      d: distance of the centres, c: diagonal of the smallest box
 *                               around both (Zheng et al., Distance-IoU loss, AAAI 2020)
 *
 * The +1 form (`one` = 1) is that of inclusive pixel corners: a side is x2 - x1 + 1. It is
 * for reproducing py-faster-rcnn and the PASCAL tools; everything else uses `one` = 0.
 *
 * Coordinates are limited to +-1e18, so that no area overflows a float: with finite input
 * nothing here is ever infinite or NaN.
 */
#ifndef DET_IOU_H
#define DET_IOU_H

#include "stream/boxes.h"

struct det_fbox {
	float x1, y1, x2, y2;
	float area;
};

static inline float
det_iou_coord(double v)
{
	return v > 1e18 ? 1e18f : v < -1e18 ? -1e18f : (float)v;
}

static inline float
det_iou_side(float lo, float hi, float one)
{
	float s = hi - lo + one;

	return s > 0 ? s : 0;
}

static inline struct det_fbox
det_iou_box(const struct det_box *b, float one)
{
	struct det_fbox f = { det_iou_coord(b->x1), det_iou_coord(b->y1),
		det_iou_coord(b->x2), det_iou_coord(b->y2), 0 };

	f.area = det_iou_side(f.x1, f.x2, one) * det_iou_side(f.y1, f.y2, one);
	return f;
}

static inline float
det_iou(const struct det_fbox *a, const struct det_fbox *b, float one)
{
	float w = det_iou_side(
	    a->x1 > b->x1 ? a->x1 : b->x1, a->x2 < b->x2 ? a->x2 : b->x2, one);
	float h = det_iou_side(
	    a->y1 > b->y1 ? a->y1 : b->y1, a->y2 < b->y2 ? a->y2 : b->y2, one);
	float inter = w * h;
	float uni = a->area + b->area - inter;

	return inter > 0 && uni > 0 ? inter / uni : 0;
}

static inline float
det_iou_distance(const struct det_fbox *a, const struct det_fbox *b, float one)
{
	float cw = (a->x2 > b->x2 ? a->x2 : b->x2) - (a->x1 < b->x1 ? a->x1 : b->x1);
	float ch = (a->y2 > b->y2 ? a->y2 : b->y2) - (a->y1 < b->y1 ? a->y1 : b->y1);
	float dx = (a->x1 + a->x2) / 2 - (b->x1 + b->x2) / 2;
	float dy = (a->y1 + a->y2) / 2 - (b->y1 + b->y2) / 2;
	float c2 = cw * cw + ch * ch;

	return det_iou(a, b, one) - (c2 > 0 ? (dx * dx + dy * dy) / c2 : 0);
}

#endif
