/* SPDX-License-Identifier: MIT
 *
 * A model whose head are SVMs: the texts that change.
 */
#ifndef DET_SVM_MODEL_H
#define DET_SVM_MODEL_H

#include "base/text.h"
#include "model/model.h"
#include "svm/svm.h"

struct det_svm_features {
	const char
	    *name;     /* a layer or input of net head, or an output of another net */
	size_t chw[3]; /* shape of a row */
};

/* What is written in place of the model's own; start from {0}. */
struct det_svm_model {
	struct det_buf head;              /* "net/head" */
	struct det_buf decode;            /* "decode" */
	struct det_buf det_head, det_nms; /* "options/det-head", "options/det-nms" */
	struct det_net *net;              /* the head, parsed */
};

/* Which list the rows of the model's head are of: boxes= of its decode text. DET_INVALID
 * where that is no line `rcnn`. *list is malloc'd. */
enum det_err det_svm_list(char **list, const struct det_model *m) DET_MUST_USE;

/* Whether the model's head is of SVMs: its decode text takes margins, score=linear. */
int det_svm_is(const struct det_model *m);
/* What the SVMs of such a model, and their box regressors, read; NULL where there are none:
 * the inputs of the head's layers `svm` and `svm_box`. malloc'd. */
enum det_err det_svm_own(
    char **features, char **box, const struct det_model *m) DET_MUST_USE;

/* The texts: of net head what the features need stays, and behind it are the layers `svm`
 * and, unless box is NULL, `svm_box`. DET_INVALID where the head has no such features, or
 * theirs have another shape. */
enum det_err det_svm_model_make(struct det_svm_model *out, const struct det_model *m,
    const struct det_svm_features *x, const struct det_svm_features *box) DET_MUST_USE;
void det_svm_model_release(struct det_svm_model *s);

/* The text that stands for one of the model; NULL: the model's stays as it is. *drop says
 * that it goes: what trains the head or times it no longer fits. */
const struct det_buf *det_svm_model_text(
    int *drop, const struct det_svm_model *s, const char *name);
/* The i-th of those texts with its name, NULL past the last. */
const struct det_buf *det_svm_model_each(
    const struct det_svm_model *s, size_t i, const char **name);
/* Whether a tensor of the model is still wanted. */
int det_svm_model_wants(const struct det_svm_model *s, const char *tensor);

#endif
