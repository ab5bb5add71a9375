/* SPDX-License-Identifier: MIT
 *
 * What the targets of a second stage are normalised by: mean and deviation of each class's
 * deltas over the proposals that are trained on, measured once, before training.
 */
#ifndef DET_TARGETS_H
#define DET_TARGETS_H

#include "base/text.h"
#include "model/model.h"
#include "train/objective.h"

struct det_targets;

/* For a model that is trained on proposals of the stream and moves them: one line
 * rcnn(cls, box), without a text "propose". DET_UNSUPPORTED for others. The matching is that
 * of the model's text "train". */
enum det_err det_targets_open(
    struct det_targets **out, const struct det_model *m) DET_MUST_USE;
void det_targets_free(struct det_targets *n);

/* The list that proposals are taken from. */
const char *det_targets_proposals(const struct det_targets *n);

/* One picture: objects and proposals in one space. With `mirror` its mirror image as well. */
enum det_err det_targets_add(struct det_targets *n, const struct det_example *truth,
    const struct det_proposed *p, int mirror) DET_MUST_USE;

struct det_targets_class {
	size_t n; /* targets */
	double mean[4], std[4];
	/* too few, or all alike: mean 0 and the usual deviations .1 .1 .2 .2 */
	int usual;
};
/* Of class k, in the order of labels; where classes share their deltas, 0 is all. */
size_t det_targets_classes(const struct det_targets *n);
struct det_targets_class det_targets_class(const struct det_targets *n, size_t k);

/* Adds the model's text "decode" with these numbers in place of those that it has. */
enum det_err det_targets_text(struct det_buf *out, const struct det_targets *n,
    const struct det_model *m) DET_MUST_USE;

#endif
