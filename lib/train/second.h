/* SPDX-License-Identifier: MIT
 *
 * The second stage of Faster R-CNN in training: proposals of the first, a sample of them
 * pooled, the head on those rows, its loss, and the gradients back into the maps. Private to
 * lib/train.
 */
#ifndef DET_SECOND_H
#define DET_SECOND_H

#include "train/system_impl.h"

/* Adds the net "head" to the system and its terms to the list; takes the line "rcnn". */
enum det_err det_second_open(struct det_second **out, struct det_system *s,
    const struct det_grad_params *p, struct det_system_lines *lines) DET_MUST_USE;
void det_second_free(struct det_second *d);

/* After the first stage's nets and objective; adds to the gradients of the maps that it pools
 * from, and to those of the head's weights. */
enum det_err det_second_step(struct det_second *d, struct det_system *s,
    const struct det_batch *b, double share, double *value) DET_MUST_USE;

#endif
