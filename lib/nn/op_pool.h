/* SPDX-License-Identifier: MIT
 *
 * What pooling on plain maps (op_pool.c), on blocked ones (op_pool_block.c) and the way back
 * (op_pool_back.c) share.
 * Private to lib/nn.
 */
#ifndef DET_OP_POOL_H
#define DET_OP_POOL_H

#include "nn/op.h"

enum { DET_POOL_ROUND_FLOOR, DET_POOL_ROUND_CEIL, DET_POOL_ROUND_DARKNET };
enum { DET_POOL_COUNT_PAD, DET_POOL_COUNT_VALID };

struct det_pool_args {
	long k[2], stride[2], pad[4];
	int round, global, count;
};

/* The window of one axis: [lo, hi) inside the image, span its length cut at the padded
 * border. */
struct det_pool_span {
	size_t lo, hi, span;
};

/* Padding before and after along one axis: 0 vertical, 1 horizontal. */
void det_pool_pads(
    size_t *before, size_t *after, const struct det_pool_args *a, int axis);
/* The window of output i along an axis of `in` pixels. */
struct det_pool_span det_pool_window(
    const struct det_pool_args *a, int axis, size_t in, size_t i);

/* Floats of a row with its padding, up to the end of the last window. */
size_t det_pool_padded(const struct det_pool_args *a, size_t w, size_t ow);

/* op_pool_block.c: floats of scratch that a thread of det_pool_blocked_max wants for an
 * input `w` wide, where two passes are less work than one; else 0. */
size_t det_pool_blocked_floats(const struct det_pool_args *a, size_t w);
void det_pool_blocked_max(const struct det_op_run *r);
void det_pool_blocked_avg(const struct det_op_run *r);

/* op_pool_back.c */
size_t det_maxpool_back_scratch(
    const struct det_node *n, const size_t (*in)[4], const size_t out[4], int threads);
void det_maxpool_backward(const struct det_op_back *b);
void det_avgpool_backward(const struct det_op_back *b);

#endif
