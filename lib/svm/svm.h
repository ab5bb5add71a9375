/* SPDX-License-Identifier: MIT
 *
 * Linear SVMs, one a class, and box regressors on features that were stored: the last stage
 * of R-CNN and SPP-net, trained apart from the network.
 */
#ifndef DET_SVM_H
#define DET_SVM_H

#include "svm/shards.h"
#include "svm/svm_cache.h"

struct det_svm_train_params {
	struct det_svm_params solve;
	struct det_svm_mining mining; /* .most: follows from memory */
	/* features are scaled so that their mean norm is this; 0: no */
	double norm;
	/* boxes that overlap an object by as much are positives too; 0: only those that
	 * coincide with one */
	double positive_iou;
	/* negatives overlap every object of the class by less */
	double negative_iou;
	/* over all items; 0: no mining, but so many negatives at random */
	long passes;
	size_t drawn;
	unsigned long long seed;

	/* box regression: of rows that overlap an object by more */
	double box_iou, lambda;
	/* of a class, at most, taken evenly from all; 0: all */
	size_t box_rows;
	/* where its rows come from, opened with the box features as .features too; NULL: from
	 * the shards of the SVMs, if these have box features */
	struct det_shards *box_shards;

	/* bytes for negatives, or for matrices of the regression */
	size_t memory;
	int threads;
};

#define DET_SVM_TRAIN_DEFAULTS                                                  \
	{                                                                       \
		.solve = DET_SVM_DEFAULTS, .mining = DET_SVM_MINING_DEFAULTS,   \
		.norm = 20, .positive_iou = 0, .negative_iou = .3, .passes = 1, \
		.drawn = 20000, .seed = 1, .box_iou = .6, .lambda = 1000,       \
		.memory = (size_t)1 << 30,                                      \
	}

/* What became of a class. */
struct det_svm_class {
	/* objects to be learnt from, each once; positives may be fewer or more */
	size_t objects, positives;
	/* rows that boxes learn from, of so many that are near an object */
	size_t box_rows, box_near;
	/* negatives that were ever trained on, and in the last training */
	size_t met, kept;
	/* times; times that liblinear gave up */
	size_t trained, stopped;
	struct det_svm_fit fit;
	double box_error[4]; /* mean squared error of the deltas, in its rows */
};

struct det_svm_result {
	size_t classes, dims, box_dims;  /* box_dims 0: no regression */
	size_t items, rows, box_count;   /* rows: of SVMs, of features for boxes */
	double mean_norm, box_mean_norm; /* of the features as they come */
	float *weight, *bias;            /* (classes, dims), (classes) */
	float *box_weight, *box_bias;    /* (4 classes, box_dims), (4 classes) */
	struct det_svm_class *per_class;
};

/* The bias of a class that has no object: below every threshold. */
#define DET_SVM_NEVER (-1000.f)

/* Reads the shards, whose classes are those, several times. DET_INVALID where no class has a positive row, or one that
 * has found no negative. Calls say(ctx) after each item, where it is given. */
enum det_err det_svm_train(struct det_svm_result *out, struct det_shards *s,
    const struct det_classes *classes, const struct det_svm_train_params *p,
    void (*say)(void *ctx), void *ctx) DET_MUST_USE;
void det_svm_result_release(struct det_svm_result *r);

#endif
