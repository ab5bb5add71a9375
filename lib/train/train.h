/* SPDX-License-Identifier: MIT
 *
 * Training: a system, an optimizer and the counters that make a run what it is. Iteration by
 * iteration; after each, all of it can be written to one file, from which another process
 * goes on to the same bytes.
 */
#ifndef DET_TRAIN_H
#define DET_TRAIN_H

#include "train/batch.h"
#include "train/optim.h"
#include "train/schedule.h"
#include "train/system.h"

struct det_train;

struct det_train_params {
	struct det_system_params system;
	struct det_optim_params optim;
	struct det_schedule schedule;
	double lr;
	size_t accumulate; /* batches that make an iteration */
};

/* Where a run stands; all of it is part of the state. */
struct det_train_at {
	uint64_t iteration;     /* done */
	uint64_t batches;       /* done: iterations times accumulate */
	uint64_t seen;          /* images trained on */
	uint64_t items;         /* of the stream, used up */
	uint64_t epoch;         /* of the last of these, from 0 */
	struct det_tally tally; /* objects trained on, each as often as it came */
	double best;            /* of the validations so far, -1: none was */
	uint64_t best_at;       /* its iteration */
	uint64_t validated;     /* iteration of the last one, 0: none was */
	uint64_t owed;          /* iteration whose validation was broken off, 0: none */
};

/* Means of what was trained on since the last row of the log. */
struct det_train_row {
	size_t n;           /* iterations */
	const double *term; /* det_system_terms */
	double loss;        /* their sum */
	double lr;          /* of the last iteration */
	double norm;        /* mean length of the gradient */
	double norm_most;   /* the greatest */
	size_t images;
};

/* From a model, whose weights are where it begins, or from a state (det_train_save), where it
 * goes on; the file must outlive it. */
enum det_err det_train_open(struct det_train **out, const struct det_model *m,
    const struct det_train_params *p) DET_MUST_USE;
void det_train_free(struct det_train *t);

struct det_system *det_train_system(struct det_train *t);
struct det_train_at *det_train_at(struct det_train *t);
const struct det_optim *det_train_optim(
    const struct det_train *t); /* of det_system_param's */

/* Adds what a batch gives; the last of `accumulate` makes the iteration: *done is 1. An error
 * names the iteration and the images; the run then stands where the iteration before it
 * ended. */
enum det_err det_train_batch(
    struct det_train *t, const struct det_labelled *b, int *done) DET_MUST_USE;

/* Gives up an iteration that is not whole. */
void det_train_undo(struct det_train *t);

/* What the log says of the iterations since a row was ended; and ends it. A row that is not
 * ended is part of the state. */
void det_train_row(struct det_train_row *out, struct det_train *t);
void det_train_row_end(struct det_train *t);

/* Whether `m` is a state. */
int det_train_is_state(const struct det_model *m);

/* Writes a model file: the texts that the run began with, the weights (their average where
 * one is kept), and `head` as the attributes of its STRM. With `state`, the weights as they
 * are, and all else that goes on. DET_INVALID, and nothing written, where a weight is not
 * finite. */
enum det_err det_train_save(struct det_train *t, const char *path,
    const struct det_attrs *head, int state) DET_MUST_USE;

#endif
