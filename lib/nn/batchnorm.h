/* SPDX-License-Identifier: MIT
 *
 * The arithmetic of batch normalisation in training, for the layers that are one (bn) and
 * those that end with one (conv, fc). Maps are plain, (n,c,area). Private to lib/nn.
 */
#ifndef DET_BATCHNORM_H
#define DET_BATCHNORM_H

#include <stddef.h>

#include "nn/conv.h"

struct det_batchnorm {
	/* c of each: scale, shift, running statistics */
	const float *gamma, *beta, *mean, *var;
	size_t n, c, area;
	int form;   /* DET_BN_STANDARD or DET_BN_DARKNET: where eps stands */
	double eps; /* < 0: the form's */
	int frozen; /* normalise by the running statistics */
	int less;   /* the batch's variance is over n * area - 1 (Darknet's training) */
	int threads;
};

/* y = act(gamma * (x - mean) * inv + beta) and saved[0 .. c) = mean, saved[c .. 2c) = inv,
 * those of the batch or the running ones; y may be x. moved_mean, moved_var, where not NULL,
 * become (1 - momentum) * themselves + momentum * the batch's (variance over n * area - 1);
 * they may be b->mean and b->var. A channel of one value has variance 0. */
void det_batchnorm_forward(const struct det_batchnorm *b, float *y, const float *x,
    float *saved, float *moved_mean, float *moved_var, double momentum,
    enum det_act act, float alpha);

/* dy is the gradient by what the activation got, x and saved as forward had them. dx is set,
 * or added to where `add`; it may be dy. dgamma, dbeta are added to. All may be NULL. */
void det_batchnorm_backward(const struct det_batchnorm *b, float *dx, int add,
    const float *dy, const float *x, const float *saved, float *dgamma, float *dbeta);

#endif
