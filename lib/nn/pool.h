/* SPDX-License-Identifier: MIT
 *
 * What the two passes of the pooling layers share. Private to lib/nn.
 */
#ifndef DET_POOL_H
#define DET_POOL_H

#include "nn/op.h"

enum { DET_ROUND_FLOOR, DET_ROUND_CEIL, DET_ROUND_DARKNET };
enum { DET_COUNT_PAD, DET_COUNT_VALID };

struct det_pool_args {
	long k[2], stride[2], pad[4];
	int round, global, count;
};

/* The window of one axis: [lo, hi) inside the image, span its length cut at the padded
 * border. */
struct det_pool_span {
	size_t lo, hi, span;
};

/* Window number i of an axis (0 vertical, 1 horizontal) of `in` pixels. */
struct det_pool_span det_pool_window(
    const struct det_pool_args *a, int axis, size_t in, size_t i);

void det_maxpool_backward(const struct det_op_back *b);
void det_avgpool_backward(const struct det_op_back *b);

#endif
