/* SPDX-License-Identifier: MIT
 *
 * Samplers: which of the matched spots take part in the loss. What is not taken becomes
 * DET_ASSIGN_IGNORE in place. Draws are without replacement, each set of the size asked for
 * equally likely, and depend on the seed alone.
 */
#ifndef DET_SAMPLE_H
#define DET_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/random.h"

/* What random numbers are for, so that no two uses share a stream. */
enum det_sample_purpose {
	DET_SAMPLE_RPN = 1,
	DET_SAMPLE_ROI = 2,
};

/* The generator for image `image` of the batch in run `run` (below 2^20; runs
 * below 2^36). */
void det_sample_seed(struct det_random *r, uint64_t seed,
    enum det_sample_purpose purpose, uint64_t run, size_t image);

/* Keeps at most `positive` of the spots with an object (to >= 0) and at most `total` less
 * those kept of the DET_ASSIGN_NONE: RPN 128 of 256, RoI heads .25 of 128 or 512. *pos and
 * *neg are how many were kept. */
void det_sample(int32_t *to, size_t n, size_t positive, size_t total,
    struct det_random *r, size_t *pos, size_t *neg);

/* Hard negatives: of the DET_ASSIGN_NONE keeps the `keep` whose loss is highest, of equal
 * ones those of low index. *kept is how many. n below 2^32. */
enum det_err det_sample_hard(
    int32_t *to, const float *loss, size_t n, size_t keep, size_t *kept) DET_MUST_USE;

#endif
