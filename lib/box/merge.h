/* SPDX-License-Identifier: MIT
 *
 * Box lists of several detectors, scales or flips of one picture become one list.
 */
#ifndef DET_MERGE_H
#define DET_MERGE_H

#include "box/nms.h"
#include "stream/item.h"

enum det_merge_method {
	DET_MERGE_CONCAT,  /* one list after the other */
	DET_MERGE_WBF,     /* weighted boxes fusion */
	DET_MERGE_RESCORE, /* the first list, confirmed by the others */
};

enum det_merge_combine { DET_MERGE_OR, DET_MERGE_ADD };

struct det_merge_params {
	int method;       /* enum det_merge_method */
	double iou;       /* boxes are alike that overlap by more; 0 to 1 */
	double min_score; /* boxes scored below it are left out before all else */
	int agnostic;     /* wbf, rescore: classes are not told apart */
	int plus_one;     /* sides are x2 - x1 + 1 */
	int fuse;         /* wbf: enum det_fuse_conf */
	double boost;     /* rescore: 0 or more, at most 1 under DET_MERGE_OR */
	int combine;      /* rescore: enum det_merge_combine */
	int threads;
};

#define DET_MERGE_DEFAULTS                                                  \
	{                                                                   \
		.iou = .55, .min_score = -DBL_MAX, .boost = 1, .threads = 1 \
	}

/* *out is what becomes of in[0..n), which must be in one space; weight[i], above 0, is that
 * of in[i]. Labels must mean the same in all. *out is reused: its memory grows. DET_INVALID
 * where a number is not finite, or a score is out of the method's range: below 0 for wbf,
 * outside 0 to 1 (times the weight) for rescoring with DET_MERGE_OR. */
enum det_err det_merge(struct det_boxes *out, const struct det_boxes *in,
    const double *weight, size_t n, const struct det_merge_params *p) DET_MUST_USE;

/* Adds to *sum the classes of *c that it lacks, by name; map[i], of c->n places, becomes the
 * label in *sum of c's class i. *changed says whether *sum grew. */
enum det_err det_classes_join(struct det_classes *sum, long *map, int *changed,
    const struct det_classes *c) DET_MUST_USE;

#endif
