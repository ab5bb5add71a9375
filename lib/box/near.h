/* SPDX-License-Identifier: MIT
 *
 * Boxes near objects: those that a regression of boxes learns from.
 */
#ifndef DET_NEAR_H
#define DET_NEAR_H

#include "stream/boxes.h"

/* Keeps the boxes, in their order, whose IoU with an object is above `least`. Objects that are
 * set aside (DET_BOX_ASIDE) don't count. Both lists are in one space; sides are x2 - x1. */
void det_boxes_near(struct det_boxes *b, const struct det_boxes *objects, double least);

#endif
