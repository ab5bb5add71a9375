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
	DET_NMS_MATRIX_LINEAR,
	DET_NMS_MATRIX_GAUSS,
	DET_NMS_FUSE, /* weighted boxes fusion: overlapping boxes become one */
};

enum det_nms_overlap { DET_NMS_IOU, DET_NMS_DIOU };

enum det_fuse_conf { DET_FUSE_AVG, DET_FUSE_MAX };

struct det_nms_params {
	double iou; /* a box that overlaps a better one by more is dropped */
	int ge;     /* ... by this much or more */
	/* greedy: overlaps, which are floats, are compared with `iou` itself, not with the
	 * float nearest to it */
	int wide;
	int agnostic; /* boxes of different classes suppress one another too */
	int plus_one; /* sides are x2 - x1 + 1 */
	int method;   /* enum det_nms_method */
	int overlap;  /* enum det_nms_overlap; greedy only knows DIoU */
	/* greedy: a threshold above .5 is multiplied by this with each box that is kept; in
	 * (0, 1], 1: it stays */
	double eta;
	double sigma;           /* of the gaussian methods, above 0 */
	double min_score;       /* lower ones are dropped; soft, matrix: also after */
	long pre_max_per_class; /* only the best so many of each compete; 0: all */
	long pre_max;           /* then only the best so many of all; 0: all */
	long max_per_class;     /* at most so many are kept of a class; 0: all */
	long max;               /* at most so many are kept; 0: all */
	int max_ties;           /* ... and all that score as the last of them does */
	/* greedy: -1, or the number that torchvision would give class 0: up to 1000 boxes
	 * are moved apart by class in float, not kept apart */
	long trick;
	int fuse; /* fuse: enum det_fuse_conf, the score of fused boxes */
	double
	    total; /* fuse: sum of the weights of the lists put together; 1: one list */
	double top;  /* fuse: the largest of them */
	int threads; /* at most; classes are shared out. 0: 1 */
};

#define DET_NMS_DEFAULTS                                                      \
	{                                                                     \
		.iou = .45, .method = DET_NMS_GREEDY, .overlap = DET_NMS_IOU, \
		.eta = 1, .sigma = .5, .min_score = -DBL_MAX, .trick = -1,    \
		.fuse = DET_FUSE_AVG, .total = 1, .top = 1,                   \
	}

/* Keeps the boxes that survive, best score first, equal scores in the order of the input;
 * soft and matrix methods change scores, fusion the boxes as well (a fused box has no area,
 * flags or source). The same on any number of threads. The space is not looked at.
 * DET_INVALID where a box is not finite or a parameter is out of its range; *b is then
 * unchanged. */
enum det_err det_nms(struct det_boxes *b, const struct det_nms_params *p) DET_MUST_USE;

#endif
