/* SPDX-License-Identifier: MIT
 *
 * Localisation recall precision error: one number for where, how much and what.
 */
#ifndef DET_LRP_H
#define DET_LRP_H

#include "eval/eval.h"

struct det_lrp {
	double lrp;   /* oLRP: the least over all scores, 0 best .. 1; -1: no objects */
	double loc;   /* its parts: mean of 1 - IoU over true positives, */
	double fp;    /* 1 - precision, */
	double fn;    /* 1 - recall; -1 where there is nothing to take it of */
	double score; /* where it is least: at least this; -1: at no detection */
};

/* Of each class (out[e->n_class]) at threshold `iou` of the rule, which must have been run
 * with keep_gt. */
enum det_err det_lrp_classes(
    struct det_lrp *out, const struct det_eval *e, size_t iou) DET_MUST_USE;
/* Means over the classes where each is defined; the score has none: -1. */
struct det_lrp det_lrp_mean(const struct det_lrp *of, size_t n);

#endif
