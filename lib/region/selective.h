/* SPDX-License-Identifier: MIT
 *
 * Selective search: the boxes of all regions of many hierarchies over one picture, best
 * first.
 */
#ifndef DET_SELECTIVE_H
#define DET_SELECTIVE_H

#include "image/image.h"
#include "stream/boxes.h"

enum det_selective_mode { DET_SELECTIVE_FAST, DET_SELECTIVE_QUALITY };

/* Whose colour spaces, scales, similarities and order of boxes. */
enum det_selective_rules {
	DET_SELECTIVE_OPENCV, /* ximgproc of opencv_contrib */
	DET_SELECTIVE_PAPER,  /* the authors' demo, which R-CNN used */
	DET_SELECTIVE_OWN,    /* the authors', changed to find more: selective.c */
};

/* "opencv", "paper", "det", NULL; "fast", "quality", NULL. */
extern const char *const det_selective_rules_names[];
extern const char *const det_selective_mode_names[];

struct det_selective_params {
	int mode, rules; /* of the enums */
	long seed;       /* 0 or more: of the random part of the order */
	long
	    min_side; /* boxes with a shorter side are dropped; -1: as the rules have it */
	long max;     /* boxes to keep; 0: all */
};

#define DET_SELECTIVE_DEFAULTS                                     \
	{                                                          \
		DET_SELECTIVE_FAST, DET_SELECTIVE_OWN, 1, -1, 2000 \
	}

/* *out becomes the boxes, each once, in whole pixels of the picture, without a label, the
 * best first; score is 1 for the first and falls evenly, 1/n for the last of n. The result
 * depends on the picture and p alone. source is the number of the hierarchy. */
enum det_err det_selective_search(struct det_boxes *out, const struct det_image *im,
    const struct det_selective_params *p, int threads) DET_MUST_USE;

#endif
