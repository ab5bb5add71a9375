/* SPDX-License-Identifier: MIT
 *
 * What one class's SVM is trained on: its objects, and the negatives found so far.
 */
#ifndef DET_SVM_CACHE_H
#define DET_SVM_CACHE_H

#include <stdint.h>

#include "base/idmap.h"
#include "svm/svm_solve.h"

struct det_svm_mining {
	double hard;  /* negatives scored above are added: -1.0001 */
	double easy;  /* those scored below are let go after each training: -1.2 */
	size_t added; /* trained again when more than so many came: 2000 */
	size_t most;  /* negatives kept at a time */
};

#define DET_SVM_MINING_DEFAULTS                              \
	{                                                    \
		.hard = -1.0001, .easy = -1.2, .added = 2000 \
	}

/* Start from {0}, with dims and scale set. */
struct det_svm_cache {
	size_t dims;
	double scale;
	float *positive, *negative;
	size_t positives, positive_cap, negatives, negative_cap;
	uint64_t *key; /* of each negative: which item and row it is */
	size_t key_cap;
	struct det_idmap at; /* key -> negative */
	size_t added;        /* since it was trained */
	/* of the SVM, 0 before it is trained */
	double *w, b;
	struct det_svm_fit fit;
	size_t trained, stopped,
	    met; /* times; times that gave up; negatives ever added */
};

enum det_err det_svm_cache_positive(
    struct det_svm_cache *c, const float *row) DET_MUST_USE;
/* Whether a negative is in it; takes no longer where there are more. */
int det_svm_cache_has(const struct det_svm_cache *c, uint64_t key);
/* Adds a negative. Where m->most are there the SVM is trained and the easy ones go; where
 * that leaves more than 3/4 of m->most, those scored lowest go too. */
enum det_err det_svm_cache_negative(struct det_svm_cache *c, const float *row,
    uint64_t key, const struct det_svm_mining *m,
    const struct det_svm_params *p) DET_MUST_USE;
/* Trains the SVM and lets easy negatives go. Nothing where rows of either kind lack. */
enum det_err det_svm_cache_train(struct det_svm_cache *c,
    const struct det_svm_mining *m, const struct det_svm_params *p) DET_MUST_USE;
void det_svm_cache_release(struct det_svm_cache *c);

#endif
