/* SPDX-License-Identifier: MIT
 *
 * Boxes between the network's input and the upright original picture, and clipping.
 */
#ifndef DET_MAP_H
#define DET_MAP_H

#include "stream/boxes.h"
#include "stream/item.h"

/* Converts every box of the list to the space named, by the item's transform; a list that
 * is in that space already is left alone. Under flip left and right change places, so that
 * x1 <= x2 stays true. An annotated area is scaled with the boxes. DET_INVALID where the
 * transform can't be undone (a scale of 0, or flip without a width) or a result is not
 * finite. On failure the list is unchanged. */
enum det_err det_boxes_map(
    struct det_boxes *b, const struct det_item *it, enum det_space to) DET_MUST_USE;

/* Cuts boxes at the edges of the picture, [0,width] x [0,height] (the input's or the
 * original's, by the list's space), and drops those of which nothing is left; the others
 * keep their order. DET_INVALID where the item does not tell the size. */
enum det_err det_boxes_clip(
    struct det_boxes *b, const struct det_item *it) DET_MUST_USE;

/* Where the picture lies in the input, without its padding: x1 y1 x2 y2 in whole pixels (the
 * original's corners by the item's transform, rounded, and cut at the input). All of the
 * input where the item does not tell the original's size. DET_INVALID where it does not tell
 * the input's size, or nothing of the picture lies there. */
enum det_err det_item_picture(double rect[4], const struct det_item *it) DET_MUST_USE;

#endif
