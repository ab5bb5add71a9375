/* SPDX-License-Identifier: MIT
 *
 * Flags: torchvision's references and Detectron2 leave crowds out of the data and know no
 * difficult objects; py-faster-rcnn leaves difficult ones out and lets alone what lies in
 * crowds.
 */
#include "train/rcnn_profile.h"

enum det_err
det_rcnn_profile(int *profile, struct det_flag_rules *flag, struct det_line *l,
    const struct det_coder *coder)
{
	static const char *const names[] = { "tv", "d2", "caffe", NULL };
	enum det_err e;

	*profile = coder->plus_one ? DET_RCNN_CAFFE : DET_RCNN_TV;
	if ((e = det_line_choice(profile, l, "profile", names)))
		return e;
	*flag = (struct det_flag_rules)DET_FLAG_RULES_DEFAULTS;
	if (*profile == DET_RCNN_CAFFE)
		flag->difficult = DET_FLAG_DROP;
	else
		flag->crowd = DET_FLAG_DROP;
	return DET_OK;
}

enum det_err
det_rcnn_truth(struct det_example *out, struct det_boxes *store,
    const struct det_example *t, const struct det_coder *coder)
{
	enum det_err e;

	*out = *t;
	if (!coder->plus_one)
		return DET_OK;
	store->n = 0;
	for (size_t i = 0; i < t->n; i++) {
		struct det_box b = t->box[i];

		/* less than a pixel stays a box */
		b.x2 = b.x2 - 1 > b.x1 ? b.x2 - 1 : b.x1 + (b.x2 - b.x1) / 1024;
		b.y2 = b.y2 - 1 > b.y1 ? b.y2 - 1 : b.y1 + (b.y2 - b.y1) / 1024;
		if ((e = det_boxes_add(store, &b)))
			return e;
	}
	out->box = store->box;
	return DET_OK;
}
