/* SPDX-License-Identifier: MIT
 *
 * det-svm's parts. Private to bin/.
 */
#ifndef DET_SVM_JOB_H
#define DET_SVM_JOB_H

#include "bin/tool.h"

#include "svm/svm.h"
#include "svm/svm_model.h"

struct svm_job {
	struct det_svm_train_params p;
	struct det_shards_params in;
	struct opt_many positives, box_file;
	long retrain, negatives, cache, seed, passes, box_rows;
	int mine;
	/* from svm_check and svm_open until svm_release */
	const char **path;   /* operands, then --positives */
	char *own, *own_box; /* what the model's SVMs read, if it has some */
	char *list;          /* what its rows are of */
};

/* The options among themselves, and held against the model: the rest of *j but for .list. */
void svm_check(struct tool *t, struct svm_job *j);
/* The shards of all FILEs; those of --box-file are in j->p. The caller closes both. */
struct det_shards *svm_open(struct tool *t, struct svm_job *j);
/* The texts of the new model, as soon as the shape of its rows is known: rows that are not the
 * head's are refused before all are trained on. Without any row it stays empty, which is for
 * the training to tell. */
void svm_begin(struct tool *t, struct det_svm_model *m, const struct svm_job *j,
    struct det_shards *s);
void svm_release(struct svm_job *j);

/* The model with SVMs at the end of its head, by its texts and what was learnt, written to the
 * tool's output. */
void svm_write(
    struct tool *t, const struct det_svm_result *r, const struct det_svm_model *m);

/* What was learnt, a line a class, on standard error; warnings. `box`: the shards of
 * --box-file, NULL. */
void svm_report(struct tool *t, const struct det_svm_result *r,
    const struct det_shards *s, const struct det_shards *box);

#endif
