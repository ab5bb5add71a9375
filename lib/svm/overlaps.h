/* SPDX-License-Identifier: MIT
 *
 * Which rows of an item are objects of a class, which are not, and which are near one.
 */
#ifndef DET_OVERLAPS_H
#define DET_OVERLAPS_H

#include "svm/shards.h"

/* Of each (row, class), row-major; memory is used again. Start from {0}. */
struct det_overlaps {
	size_t classes;
	/* the largest with any object of the class; 0: there is none */
	float *iou;
	/* the first with the largest among those that are learnt from, -1; that IoU */
	int32_t *object;
	float *best;
	/* the first object of the class that the box coincides with, -1 */
	int32_t *equal;
	size_t iou_cap, object_cap, best_cap, equal_cap;
};

/* Objects of DET_BOX_ASIDE are not learnt from, but what overlaps them is no background.
 * Boxes coincide whose corners are within a quarter of a pixel of the original. */
enum det_err det_overlaps_find(struct det_overlaps *o, const struct det_shard_item *it,
    size_t classes) DET_MUST_USE;
void det_overlaps_release(struct det_overlaps *o);

#endif
