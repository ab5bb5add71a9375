/* SPDX-License-Identifier: MIT
 *
 * The blocked ways of convolution, each with the same five functions: whether it can, what
 * it would cost (modelled microseconds), its packed weights, its scratch, its run. conv.c
 * chooses among them and converts what they don't take. Private to lib/nn.
 */
#ifndef DET_CONV_ALGO_H
#define DET_CONV_ALGO_H

#include "nn/conv.h"
#include "nn/gemm.h"

/* What things cost on this instruction set, in microseconds: the unit of all modelled
 * costs. conv_cost.c */
struct det_costs {
	double fma;    /* sixteen multiply-adds, side by side, in registers */
	double line;   /* to move 64 bytes between the second cache and the third */
	double memory; /* to have 64 bytes from memory */
	double loop;   /* to begin and end a loop over threads */
};
const struct det_costs *det_costs(void);

/* Blocked to blocked; with few input channels also plain to blocked. conv_direct.c */
int det_direct_can(const struct det_conv *c);
double det_direct_cost(const struct det_conv *c, int threads);
const char *det_direct_name(const struct det_conv *c); /* for reports */
size_t det_direct_packed(const struct det_conv *c);    /* bytes */
void det_direct_pack(
    const struct det_conv *c, float *packed, const float *weight, int threads);
size_t det_direct_scratch(const struct det_conv *c, int threads); /* bytes */
/* weight: packed. e->scale and e->shift hold det_blocked_channels(k) floats. */
void det_direct_run(const struct det_conv *c, float *out, const float *in,
    const float *weight, const struct det_epilogue *e, void *scratch, int threads);

/* Blocked to blocked; m is 2, 4 or 6, the outputs of a tile's side. wino.c, wino_plan.c.
 * weight: packed where c->packed (det_wino_packed > 0), else as they lie, (K,C,3,3): then
 * they are transformed as they are needed. */
int det_wino_can(const struct det_conv *c, int m);
double det_wino_cost(const struct det_conv *c, int m, int threads);
size_t det_wino_packed(const struct det_conv *c, int m, int threads);
void det_wino_pack(
    const struct det_conv *c, int m, float *packed, const float *weight, int threads);
size_t det_wino_scratch(const struct det_conv *c, int m, int threads);
void det_wino_run(const struct det_conv *c, int m, float *out, const float *in,
    const float *weight, const struct det_epilogue *e, void *scratch, int threads);

/* Blocked to blocked where each channel sees itself alone (k == c == groups).
 * conv_depthwise_block.c. weight: packed; e as for det_direct_run. */
int det_depthwise_can(const struct det_conv *c);
double det_depthwise_cost(const struct det_conv *c, int threads);
size_t det_depthwise_packed(const struct det_conv *c); /* bytes */
void det_depthwise_pack(
    const struct det_conv *c, float *packed, const float *weight, int threads);
size_t det_depthwise_scratch(const struct det_conv *c, int threads); /* bytes */
void det_depthwise_run(const struct det_conv *c, float *out, const float *in,
    const float *weight, const struct det_epilogue *e, void *scratch, int threads);

#endif
