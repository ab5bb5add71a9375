/* SPDX-License-Identifier: MIT
 *
 * What the steps of det_svm_train share: svm_survey.c, svm_mine.c, svm_boxes.c.
 */
#ifndef DET_SVM_IMPL_H
#define DET_SVM_IMPL_H

#include "base/hash.h"
#include "base/random.h"
#include "base/text.h"
#include "svm/overlaps.h"
#include "svm/svm.h"

#define DET_SVM_ROW_BITS \
	24 /* of a negative's key, and of rows an item; items have the rest */

struct det_svm_trainer {
	const struct det_svm_train_params *p;
	const struct det_classes *classes;
	struct det_shards *s;
	struct det_svm_result *r;
	struct det_svm_mining mining;
	struct det_svm_cache *cache; /* of each class */
	struct det_overlaps o;
	void (*say)(void *ctx);
	void *ctx;
	double *w, *b, *z; /* weights of all classes, together; scores of an item */
	size_t z_cap;
	size_t *seen; /* of each class: negatives that a draw has met */
	struct det_random random;
	struct det_nameset met, objects; /* all, and those that have a row already */
	struct det_buf name;
};

/* What is done with an item; t->o has its rows' overlaps. */
typedef enum det_err det_svm_visit(
    struct det_svm_trainer *t, const struct det_shard_item *it, void *ctx);

/* One walk over all items of t->s, or of others. Errors of f name the item. */
enum det_err det_svm_walk(
    struct det_svm_trainer *t, det_svm_visit *f, void *ctx) DET_MUST_USE;
enum det_err det_svm_walk_over(struct det_svm_trainer *t, struct det_shards *s,
    det_svm_visit *f, void *ctx) DET_MUST_USE;
/* By what features are multiplied whose norm is `mean`, for a mean norm of `norm`. */
double det_svm_scale(double norm, double mean);

/* Counts, norms and positives: t->r and t->cache, and how many negatives these may keep. */
enum det_err det_svm_survey(struct det_svm_trainer *t) DET_MUST_USE;
/* The SVMs in t->cache, of negatives that were mined, or drawn. */
enum det_err det_svm_mine(struct det_svm_trainer *t) DET_MUST_USE;
enum det_err det_svm_draw(struct det_svm_trainer *t) DET_MUST_USE;
/* Of n rows exactly `most`, or all, are taken, evenly: whether row i is one. Products of the
 * two must fit 64 bits. */
int det_svm_takes(size_t i, size_t n, size_t most);
/* The box regressors in t->r; classes without rows have weights of 0. */
enum det_err det_svm_regress(struct det_svm_trainer *t) DET_MUST_USE;

#endif
