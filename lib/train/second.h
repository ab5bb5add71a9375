/* SPDX-License-Identifier: MIT
 *
 * The second stage of R-CNN and its descendants in training: proposals, of the first stage
 * or of the stream; a sample of them pooled from maps, or cut out of the picture; nets on
 * these rows, their loss, and the gradients back into the maps. Private to lib/train.
 */
#ifndef DET_SECOND_H
#define DET_SECOND_H

#include "train/system_impl.h"

/* How the model's rows are made (options/det-roipool, op=, one of roi/rows.h's); 0 where
 * that can't be read. */
int det_second_op(const struct det_model *m);

/* Adds the nets on rows to the system, "head" and where rows are cut out "backbone" before
 * it, and its terms to the list; takes the line "rcnn". */
enum det_err det_second_open(struct det_second **out, struct det_system *s,
    const struct det_grad_params *p, struct det_system_lines *lines) DET_MUST_USE;
void det_second_free(struct det_second *d);

/* The list that proposals are taken from; NULL: the first stage makes them. */
const char *det_second_proposals(const struct det_second *d);
/* Of the last step, of proposals from a list. */
struct det_tally det_second_tally(const struct det_second *d);

/* After the first stage's nets and objective; adds to the gradients of the maps that it pools
 * from, where they are learnt, and to those of its nets' weights. */
enum det_err det_second_step(struct det_second *d, struct det_system *s,
    const struct det_batch *b, double share, double *value) DET_MUST_USE;

#endif
