/* SPDX-License-Identifier: MIT
 *
 * Curves of an evaluation, for each class and their mean, as tables and as pictures.
 */
#ifndef DET_CURVES_H
#define DET_CURVES_H

#include "eval/eval.h"
#include "eval/plot.h"

struct det_curves {
	const char *title, *x_name, *y_name;
	char note[256]; /* the rule */
	const struct det_eval *e;
	size_t n_class, points;
	double *x;          /* [points], growing */
	double *y;          /* [n_class][points], then the mean's [points] */
	unsigned char *has; /* [n_class] the class has objects: part of the mean */
	double *value;      /* [n_class], then the mean's: the number in a legend */
};

/* The envelope of precision at the recalls 0, .01 ... 1; value: AP. `iou` is an index of the
 * rule's thresholds; first range of area, most detections. */
enum det_err det_curves_precision(
    struct det_curves *out, const struct det_eval *e, size_t iou) DET_MUST_USE;
/* F1 of the detections scored at least x, at 201 scores from the least to the highest (0 to
 * 1 where they lie there); value: the highest F1 of these. */
enum det_err det_curves_f1(
    struct det_curves *out, const struct det_eval *e, size_t iou) DET_MUST_USE;
void det_curves_release(struct det_curves *c);

/* "class<tab>recall<tab>precision" lines, the mean under the class "mean". */
enum det_err det_curves_tsv(
    struct det_buf *out, const struct det_curves *c) DET_MUST_USE;
/* All in one frame; a frame for each. Classes without objects are left out. */
enum det_err det_curves_draw(
    struct det_plot_sheet *out, const struct det_curves *c) DET_MUST_USE;
enum det_err det_curves_panels(
    struct det_plot_sheet *out, const struct det_curves *c) DET_MUST_USE;

#endif
