/* SPDX-License-Identifier: MIT
 *
 * Non-maximum suppression, and the cuts by score and number that go with it.
 */
#ifndef DET_NMS_H
#define DET_NMS_H

#include <float.h>

#include "stream/boxes.h"

enum det_nms_method {
	DET_NMS_GREEDY,
	DET_NMS_SOFT_LINEAR,
	DET_NMS_SOFT_GAUSS,
};

enum det_nms_overlap { DET_NMS_IOU, DET_NMS_DIOU };

struct det_nms_params {
	double iou;         /* a box that overlaps a better one by more is dropped */
	int ge;             /* ... by this much or more */
	int agnostic;       /* boxes of different classes suppress one another too */
	int plus_one;       /* sides are x2 - x1 + 1 */
	int method;         /* enum det_nms_method */
	int overlap;        /* enum det_nms_overlap; soft methods: IoU only */
	double sigma;       /* of DET_NMS_SOFT_GAUSS, above 0 */
	double min_score;   /* boxes scored below are dropped; soft: also after decay */
	long pre_max;       /* only the best so many compete; 0: all */
	long max_per_class; /* at most so many are kept of a class; 0: all */
	long max;           /* at most so many are kept; 0: all */
};

#define DET_NMS_DEFAULTS                                                      \
	{                                                                     \
		.iou = .45, .method = DET_NMS_GREEDY, .overlap = DET_NMS_IOU, \
		.sigma = .5, .min_score = -DBL_MAX,                           \
	}

/* Keeps the boxes that survive, best score first, equal scores in the order of the input;
 * soft methods change scores. The space is not looked at. DET_INVALID where a box is not
 * finite or a parameter is out of its range; *b is then unchanged. */
enum det_err det_nms(struct det_boxes *b, const struct det_nms_params *p) DET_MUST_USE;

#endif
