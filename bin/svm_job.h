/* SPDX-License-Identifier: MIT
 *
 * det-svm's parts. Private to bin/.
 */
#ifndef DET_SVM_JOB_H
#define DET_SVM_JOB_H

#include "bin/tool.h"

#include "svm/svm.h"
#include "svm/svm_model.h"

/* The model with SVMs at the end of its head, by its texts and what was learnt, written to the
 * tool's output. */
void svm_write(
    struct tool *t, const struct det_svm_result *r, const struct det_svm_model *m);

/* What was learnt, a line a class, on standard error; warnings. `box`: the shards of
 * --box-file, NULL. */
void svm_report(struct tool *t, const struct det_svm_result *r,
    const struct det_shards *s, const struct det_shards *box);

#endif
