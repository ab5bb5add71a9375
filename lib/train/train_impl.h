/* SPDX-License-Identifier: MIT
 *
 * What the files of a training run share. Private to lib/train.
 */
#ifndef DET_TRAIN_IMPL_H
#define DET_TRAIN_IMPL_H

#include "train/train.h"

/* Sums since the last row of the log. */
struct det_train_sums {
	size_t n, images;
	double norm, most, lr;
	double *term;
};

struct det_train {
	const struct det_model *model;
	struct det_system *system;
	struct det_optim *optim;
	struct det_schedule schedule;
	double lr;
	size_t accumulate;
	int threads;
	struct det_param **param;
	size_t n_params, n_terms;
	struct det_train_at at;
	struct det_train_sums sum;
	double *mean; /* terms of the row that was asked for */
	/* of the iteration in work, until it is whole */
	size_t done, images;
	uint64_t items, epoch;
	struct det_tally tally;
	double *value, *step; /* terms: their means so far, those of a batch */
	float *statistics;    /* running ones, as the iteration found them */
	size_t n_statistics;
};

/* What a state holds, into *t and its optimizer. */
enum det_err det_train_load(
    struct det_train *t, const struct det_model *m) DET_MUST_USE;

/* DET_INVALID where a weight, or one of the running statistics alone, is not finite. */
enum det_err det_train_finite(const struct det_train *t, int statistics) DET_MUST_USE;

#endif
