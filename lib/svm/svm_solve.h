/* SPDX-License-Identifier: MIT
 *
 * One linear SVM: objects against the rest, by liblinear.
 */
#ifndef DET_SVM_SOLVE_H
#define DET_SVM_SOLVE_H

#include <stddef.h>

#include "base/err.h"

enum det_svm_loss {
	DET_SVM_L1, /* hinge, max(0, 1 - y z) */
	DET_SVM_L2, /* its square */
};

struct det_svm_params {
	double c;        /* how much a wrong row costs, above 0 */
	double positive; /* times as much for a positive one, above 0 */
	double bias;     /* each row has one more feature, of this value, above 0 */
	double epsilon;  /* liblinear's: where it stops, above 0 */
	int loss;        /* enum det_svm_loss */
};

/* R-CNN's (rcnn_train.m: -w1 2 -c 0.001 -s 3 -B 10), and liblinear's own epsilon. */
#define DET_SVM_DEFAULTS                                             \
	{                                                            \
		.c = .001, .positive = 2, .bias = 10, .epsilon = .1, \
		.loss = DET_SVM_L1                                   \
	}

/* Rows of `dims` floats, one after another; what is trained on is the row times scale. */
struct det_svm_rows {
	const float *positive, *negative;
	size_t positives, negatives; /* both 1 at least */
	size_t dims;
	double scale;
};

struct det_svm_fit {
	double loss_positive, loss_negative; /* C times the sum of losses; weighted */
	double norm;                         /* half of |w|^2, the bias in it */
	double missed; /* mean loss of positives, 1 for a score of 0 */
	int stopped;   /* liblinear gave up before it was as near as epsilon */
};

/* w (dims) and *b of the score w . x + b of a row x as it is, without the scale. The same
 * rows give the same bits: liblinear draws numbers from rand(), which is seeded here with
 * 1, what a program has that never seeds it. Not for two threads at once. */
enum det_err det_svm_solve(double *w, double *b, struct det_svm_fit *fit,
    const struct det_svm_rows *rows, const struct det_svm_params *p) DET_MUST_USE;

/* z (n) = x (n, dims) . w + b, in double, in an order that depends on dims alone. */
double det_svm_score(const float *x, const double *w, size_t dims, double b);
/* z (n, classes): all of W (classes, dims), in threads. */
void det_svm_scores(double *z, const float *x, size_t n, const double *w,
    const double *b, size_t classes, size_t dims, int threads);

/* The version of liblinear, 230 for 2.30. */
int det_svm_version(void);

#endif
