/* SPDX-License-Identifier: MIT
 *
 * How sure a number is: the images are drawn again, with replacement, as many as there are,
 * and AP is computed of each draw (B. Efron, 1979). Nothing is matched again.
 */
#ifndef DET_BOOTSTRAP_H
#define DET_BOOTSTRAP_H

#include "eval/eval.h"

#define DET_BOOTSTRAP_FIGURES 3

struct det_bootstrap_params {
	size_t draws;
	uint64_t seed;
	double level; /* of the intervals: .95 */
	int threads;  /* the result does not depend on it */
};

struct det_interval {
	double value;  /* of the images as they are */
	double lo, hi; /* quantiles of the draws, (1 - level) / 2 from each end */
	double sd;     /* of the draws */
};

struct det_bootstrap {
	size_t n; /* figures: AP, and AP50 and AP75 where the rule has them */
	char name[DET_BOOTSTRAP_FIGURES][16];
	struct det_interval a[DET_BOOTSTRAP_FIGURES];
	/* where there are two results: */
	struct det_interval b[DET_BOOTSTRAP_FIGURES];
	struct det_interval gain[DET_BOOTSTRAP_FIGURES]; /* b - a, draw by draw */
	double better
	    [DET_BOOTSTRAP_FIGURES]; /* part of the draws where b > a; equal: half */
	size_t used;                 /* draws with objects in them */
};

/* `b` is NULL, or another result under the same rule and for the same images, in the same
 * order; then each draw is that of both. DET_INVALID where they differ. */
enum det_err det_bootstrap_run(struct det_bootstrap *out, const struct det_eval *a,
    const struct det_eval *b, const struct det_bootstrap_params *p) DET_MUST_USE;

#endif
