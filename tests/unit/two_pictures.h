/* SPDX-License-Identifier: MIT
 *
 * A batch for tests of training: two pictures of 96x96 with objects of three classes, and how
 * a system is opened that it is stepped through. What is padding the test says.
 */
#ifndef DET_TWO_PICTURES_H
#define DET_TWO_PICTURES_H

#include "train/system.h"

static const struct det_system_params usual = {
	.grad = { .threads = 2, .bn_momentum = -1, .seed = 7 }
};

static const struct det_box one[] = {
	{ .x1 = 8, .y1 = 10, .x2 = 44, .y2 = 50, .label = 0 },
	{ .x1 = 50, .y1 = 20, .x2 = 90, .y2 = 80, .label = 2 },
};
static const struct det_box two[] = {
	{ .x1 = 20, .y1 = 30, .x2 = 80, .y2 = 62, .label = 1 },
};

#endif
