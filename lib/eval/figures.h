/* SPDX-License-Identifier: MIT
 *
 * The numbers of an evaluation, each with its name: what is printed, written as JSON, and
 * asked for by name.
 *
 *   AP          mean over the rule's thresholds and the classes
 *   AP50 AP75   at one threshold: IoU times 100
 *   APs m l     of small, medium, large objects
 *   AR1 AR10    mean of the highest recall, with so many detections a picture and class
 *   AR          the same with the rule's most detections, where they are all
 *   ARs m l     of small, medium, large objects
 *
 * A number that is not defined (nothing is there to be found) is -1.
 */
#ifndef DET_EVAL_FIGURES_H
#define DET_EVAL_FIGURES_H

#include "base/text.h"
#include "eval/eval.h"

struct det_eval_figure {
	char name[24];
	int recall;       /* AR; else AP */
	size_t area, max; /* indices into the rule's */
	long iou;         /* index, or DET_EVAL_EVERY */
	double value;
};

struct det_eval_figures {
	struct det_eval_figure f[64];
	size_t n;
};

/* Of the twelve of rule coco first, in pycocotools' order; then AP at the rule's other
 * thresholds. */
void det_eval_figures_get(struct det_eval_figures *out, const struct det_eval *e);

/* A number by its name: "AP50", "AP[dog]", "AP50[dog]". NaN where there is none such. */
double det_eval_figure_find(const struct det_eval *e, const char *name);

/* pycocotools' line for a figure, without a newline. */
enum det_err det_eval_figure_line(struct det_buf *out, const struct det_eval *e,
    const struct det_eval_figure *f) DET_MUST_USE;

/* "coco: COCO, as pycocotools ...; IoU at least .5:.95": the rule as it was run. */
enum det_err det_eval_rule_text(
    struct det_buf *out, const struct det_eval_rule *r) DET_MUST_USE;

#endif
