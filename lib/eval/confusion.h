/* SPDX-License-Identifier: MIT
 *
 * Confusion matrix: what was detected where something is.
 */
#ifndef DET_CONFUSION_H
#define DET_CONFUSION_H

#include "eval/byimage.h"

struct det_confusion {
	double min_score, iou;
	uint32_t ignore; /* DET_BOX_* flags of objects that don't count */
	size_t n;        /* classes */
	size_t
	    *count; /* (n + 1) x (n + 1): row what is there, column what was detected;
			  the last row and column are "nothing" */
	size_t ignored; /* detections that were left out with ignored objects */
};

/* `ignore` is that of the struct. DET_LIMIT where there are more than 10,000 classes. */
enum det_err det_confusion_run(struct det_confusion *out, const struct det_eval_set *s,
    double min_score, double iou, uint32_t ignore) DET_MUST_USE;
void det_confusion_release(struct det_confusion *c);

#endif
