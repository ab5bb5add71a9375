/* SPDX-License-Identifier: MIT
 *
 * Convolution as its formula says, in double, for tests to compare with; and the values
 * that they run it on.
 */
#ifndef DET_CONV_REF_H
#define DET_CONV_REF_H

#include <stdint.h>

#include "nn/conv.h"

/* n floats in [-1, 1), multiples of 2^-23; the same for the same seed everywhere. */
void conv_fill(float *v, size_t n, uint32_t seed);

/* The next of a row of pseudo-random numbers, 24 bits. */
uint32_t conv_draw(uint32_t *seed);

double conv_ref_act(double x, enum det_act act, double alpha);

/* One map of the sum, before scale: sum (OH,OW) of image n and output channel k; `size`
 * (OH,OW), where not NULL, becomes the sum of the magnitudes of what was added, which is
 * what rounding errors are measured by. All plain, whatever c's layouts are. */
void conv_ref_map(double *sum, double *size, const struct det_conv *c, const float *in,
    const float *weight, size_t n, size_t k);

/* The epilogue over one map, in place; residual is that map's (OH,OW) or NULL. */
void conv_ref_end(double *map, const struct det_conv *c, size_t k, const float *scale,
    const float *shift, const float *residual);

/* Floats of each tensor, plain. */
size_t conv_ref_in(const struct det_conv *c);
size_t conv_ref_out(const struct det_conv *c);
size_t conv_ref_weights(const struct det_conv *c);

/* Multiplications of the convolution as written. */
double conv_ref_work(const struct det_conv *c);

#endif
