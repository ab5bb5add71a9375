/* SPDX-License-Identifier: MIT
 *
 * A run of det-train: what was asked for, and what its files share. train_*.c are linked into
 * det-train only. Private to bin/.
 */
#ifndef DET_TRAIN_JOB_H
#define DET_TRAIN_JOB_H

#include <signal.h>

#include "bin/tool.h"
#include "model/made.h"
#include "train/run.h"
#include "train/train.h"

/* Options, under the names that --help has. */
struct train_options {
	const char *dir, *schedule, *warmup, *lr_mult, *decay_mult, *freeze, *val, *gt;
	struct opt_many loss;
	struct opt_list adam;
	long iterations, batch, accumulate, seed, log, checkpoint_every, val_every,
	    val_epochs, from;
	double lr, momentum, decay, clip, clip_value, ema, bn_momentum;
	double minutes, checkpoint;
	int optimizer, nesterov, bn, bn_form, val_rule, resume, dry_run;
};

extern const char *const train_bns[], *const train_bn_forms[], *const train_rules[];

struct train_job {
	struct tool *t;
	const struct train_options *o;
	struct det_run *run;
	struct det_model *state;       /* resumed from; NULL: t->model begins */
	const struct det_model *model; /* either */
	struct det_train *train;
	struct det_batches *batches;
	struct det_reader *in;
	char norm[DET_NORM_TEXT]; /* of the pixels that the model wants */
	struct det_attrs head;    /* of the models that are written */
	int have_head, met_stream;
	char val_digest[17];   /* of --val; "": there is none */
	int val_proposals;     /* its items bring them */
	struct det_buf recipe; /* as it is to be written; empty: as it is */
	FILE *log, *times, *vals;
	const volatile sig_atomic_t *stop;
	/* the clock */
	double start, row_start, row_waited,
	    idle;        /* idle: since the row began, in saving
						    * and validating */
	double saved_at; /* when */
	uint64_t saved;  /* iterations */
	uint64_t
	    logged; /* iteration of the row that this process wrote last, 0: none */
	size_t faults[DET_BATCH_FAULTS];
	size_t pending; /* batches since an iteration was whole */
	int mute;    /* errno: standard output can't be written any more; 0: it can */
	int cut;     /* a batch was, and it was said */
	double loss; /* of the last row; 0: none yet */
};

/* Seconds on a clock that only goes forward. */
double train_now(void);
/* The most memory that the process has held, MiB. */
double train_memory(void);

/* Parameters of the library from the options; misuse ends the program. */
void train_params(struct train_job *j, struct det_train_params *p);

/* The stream that is trained on, opened; the caller may set more than this does. */
void train_batches(struct train_job *j, struct det_batches_params *p);

/* The whole of a run; and --dry-run. */
void train_run(struct train_job *j);
void train_dry(struct train_job *j);

/* A line for each layer of the nets, as the last batch has run through them. */
void train_graph(struct train_job *j);

/* Opens the folder, and the state that is to be gone on with; the model, its trainer. 0 where
 * there is nothing left to do. */
int train_open(struct train_job *j);
/* Options of a run that is gone on with: its recipe's, under what is said now. */
void train_take_recipes(struct train_job *j);
/* Ends the program where a folder without a state holds what is no unsaved run's. */
void train_new_folder(struct train_job *j);
/* The recipe of the run: sees that it is the same. */
void train_settle_recipe(struct train_job *j);
/* Writes it where it is new, or has changed. */
void train_write_recipe(struct train_job *j);
/* The head of what is written: the state's; or, once there is a batch, of a new run, while
 * a stream that is another than the run's is told. */
void train_head_state(struct train_job *j);
void train_head(struct train_job *j);
/* Tables, once the terms are known; the recipe. */
void train_open_tables(struct train_job *j);
void train_close(struct train_job *j);

/* last.det and state.det as of now. */
void train_checkpoint(struct train_job *j);
/* Ends the program: what went wrong is not in the stream. Says what is kept. */
_Noreturn void train_die(struct train_job *j, const char *fmt, ...) DET_PRINTF(2, 3);
/* The same with the library's message, if e is not DET_OK: the run's folder can't be
 * written. */
void train_check(struct train_job *j, enum det_err e);
/* Ends the program where --val can't be run; its digest. */
void train_validate_check(struct train_job *j);
/* The same where the model can't. */
void train_validate_ready(struct train_job *j);
/* --val, to be closed. */
int train_validate_open(struct train_job *j);
/* A checkpoint that owes the evaluation; last.det's score on --val, best.det where it is the
 * best. 0 where there is nothing to do or a signal broke it off. */
int train_validate(struct train_job *j);
/* loss.svg and val.svg. */
void train_plot(struct train_job *j);

#endif
