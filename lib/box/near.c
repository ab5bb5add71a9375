/* SPDX-License-Identifier: MIT */
#include "box/near.h"

#include "box/iou.h"

static int
is_near(const struct det_box *box, const struct det_boxes *objects, double least)
{
	const struct det_fbox a = det_iou_box(box, 0);

	for (size_t k = 0; k < objects->n; k++) {
		const struct det_fbox b = det_iou_box(&objects->box[k], 0);

		if (!(objects->box[k].flags & DET_BOX_ASIDE) &&
		    (double)det_iou(&a, &b, 0) > least)
			return 1;
	}
	return 0;
}

void
det_boxes_near(struct det_boxes *b, const struct det_boxes *objects, double least)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++)
		if (is_near(&b->box[i], objects, least))
			b->box[n++] = b->box[i];
	b->n = n;
}
