/* SPDX-License-Identifier: MIT
 *
 * Where on its curve to use a detector: the score that gives the best F1.
 *
 *   P = TP / (TP + FP),  R = TP / objects,  F1 = 2 P R / (P + R) = 2 TP / (TP + FP + objects)
 *
 * over the detections scored at least s; equal scores go together. Of equal F1 the highest
 * score is taken.
 */
#ifndef DET_OPERATING_H
#define DET_OPERATING_H

#include "eval/eval.h"

struct det_operating {
	double score, f1, precision, recall; /* -1: no objects to be found */
	size_t tp, fp, fn;
};

/* Of each class (out[e->n_class]) at threshold `iou` of the rule, first range of area. */
enum det_err det_operating_classes(
    struct det_operating *out, const struct det_eval *e, size_t iou) DET_MUST_USE;

/* One score for all classes: that with the highest mean of F1 over classes that have
 * objects. P, R and F1 are such means, counts are sums. */
enum det_err det_operating_mean(
    struct det_operating *out, const struct det_eval *e, size_t iou) DET_MUST_USE;

#endif
