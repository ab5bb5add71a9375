/* SPDX-License-Identifier: MIT
 *
 * The loops over all anchors and all logits that training has. Private to lib/train.
 */
#ifndef DET_LOOPS_H
#define DET_LOOPS_H

#include <stddef.h>
#include <stdint.h>

#include "box/iou.h"

/* Of n logits: value[i] = weight[i] * loss, grad[i] = scale * weight[i] * derivative. */
struct det_loop_loss {
	float *value, *grad;
	const float *x, *target, *weight; /* target, weight: may be NULL (0; 1) */
	size_t n;
	float scale;
	float alpha, other, gamma; /* of focal: of objects, of what is none */
};

struct det_loop_boxes {
	const float *x1, *y1, *x2, *y2, *area;
	size_t n;
	float one;
};

struct det_loops {
	void (*sigmoid)(const struct det_loop_loss *l);
	void (*focal)(const struct det_loop_loss *l);
	/* iou[n] with box b; the largest, 0 where n is 0 */
	float (*iou)(
	    float *iou, const struct det_loop_boxes *s, const struct det_fbox *b);
	/* where row[i] > iou[i]: iou[i] = row[i], best[i] = number */
	void (*better)(
	    float *iou, int32_t *best, const float *row, size_t n, int32_t number);
};

/* The best for this processor (DET_CPU chooses); all give equal results. */
const struct det_loops *det_loops_get(void);

#endif
