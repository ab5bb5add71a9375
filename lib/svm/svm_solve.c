/* SPDX-License-Identifier: MIT
 *
 * A linear support vector machine on dense rows x with y = 1 (objects) or -1 (the rest):
 *
 *   min over w, v of  |w|^2 / 2 + v^2 / 2 + sum_i C_i max(0, 1 - y_i (w . x_i + B v))^q
 *
 * with q = 1 (L1) or 2 (L2), C_i = C, of positives C times their weight; the bias is B v, so
 * that a large B leaves it almost free of regularisation. liblinear solves the dual by
 * coordinate descent (Hsieh et al., A dual coordinate descent method for large-scale linear
 * SVM, ICML 2008; its solvers 3 and 1). As R-CNN's rcnn_train.m calls it: C = .001, B = 10,
 * weight 2, on features whose mean norm is 20.
 *
 * Rows go to liblinear as it wants them, in 16 bytes for each value that is not 0; positives
 * first, so that w points towards them. It visits rows in a random order, drawn from the C
 * library's rand(): that is seeded before each run, and nothing else draws from it meanwhile.
 * What it would print is taken, and told in det_svm_fit.stopped.
 */
#include "svm/svm_solve.h"

#include <limits.h>
#include <linear.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"

#define LANES 8

double
det_svm_score(const float *x, const double *w, size_t dims, double b)
{
	double sum[LANES] = { 0 }, z = 0;
	size_t i = 0;

	for (; i + LANES <= dims; i += LANES)
#pragma omp simd
		for (size_t k = 0; k < LANES; k++)
			sum[k] += (double)x[i + k] * w[i + k];
	for (size_t k = 0; i + k < dims; k++)
		sum[k] += (double)x[i + k] * w[i + k];
	for (size_t k = 0; k < LANES; k++)
		z += sum[k];
	return z + b;
}

struct scores {
	double *z;
	const float *x;
	const double *w, *b;
	size_t classes, dims;
};

static void
score_row(const void *ctx, size_t i, int worker)
{
	const struct scores *s = ctx;

	(void)worker;
	for (size_t k = 0; k < s->classes; k++)
		s->z[i * s->classes + k] = det_svm_score(
		    s->x + i * s->dims, s->w + k * s->dims, s->dims, s->b[k]);
}

void
det_svm_scores(double *z, const float *x, size_t n, const double *w, const double *b,
    size_t classes, size_t dims, int threads)
{
	const struct scores s = { z, x, w, b, classes, dims };

	det_parallel(threads, n, score_row, &s);
}

/* --- liblinear --- */

static int gave_up;

/* All it says to standard output of a run. */
static void
hear(const char *text)
{
	if (strstr(text, "reaching max number of iterations"))
		gave_up = 1;
}

struct problem_rows {
	struct problem p;
	struct feature_node *node;
};

static size_t
filled(const float *x, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += x[i] < 0 || x[i] > 0;
	return count;
}

/* One row's nodes, the bias among them, and the end. */
static struct feature_node *
add_row(
    struct feature_node *at, const float *x, const struct det_svm_rows *r, double bias)
{
	for (size_t i = 0; i < r->dims; i++)
		if (x[i] < 0 || x[i] > 0)
			*at++ = (struct feature_node){ (int)i + 1,
				(double)x[i] * r->scale };
	*at++ = (struct feature_node){ (int)r->dims + 1, bias };
	*at++ = (struct feature_node){ -1, 0 };
	return at;
}

static enum det_err
make_problem(struct problem_rows *q, const struct det_svm_rows *r, double bias)
{
	const size_t n = r->positives + r->negatives;
	struct feature_node *at;
	size_t nodes = 2 * n;
	enum det_err e;

	if (n > INT_MAX || r->dims >= INT_MAX - 1)
		return det_fail(DET_LIMIT,
		    "%zu rows of %zu features: too many for liblinear", n, r->dims);
	nodes += filled(r->positive, r->positives * r->dims) +
		 filled(r->negative, r->negatives * r->dims);
	if ((e = det_alloc(&q->node, nodes, sizeof *q->node)) ||
	    (e = det_alloc(&q->p.y, n, sizeof *q->p.y)) ||
	    (e = det_alloc(&q->p.x, n, sizeof *q->p.x)))
		return e;
	at = q->node;
	for (size_t i = 0; i < n; i++) {
		const int yes = i < r->positives;

		q->p.y[i] = yes ? 1 : -1;
		q->p.x[i] = at;
		at = add_row(at,
		    yes ? r->positive + i * r->dims
			: r->negative + (i - r->positives) * r->dims,
		    r, bias);
	}
	q->p.l = (int)n;
	q->p.n = (int)r->dims + 1;
	q->p.bias = bias;
	return DET_OK;
}

static void
free_problem(struct problem_rows *q)
{
	free(q->p.y);
	free(q->p.x);
	free(q->node);
}

static double
losses(const float *x, size_t n, const struct det_svm_rows *r, const double *w,
    double b, double y, int loss)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		const double m =
		    fmax(0, 1 - y * det_svm_score(x + i * r->dims, w, r->dims, b));

		sum += loss == DET_SVM_L2 ? m * m : m;
	}
	return sum;
}

/* What liblinear found, in features as they came. */
static enum det_err
take(double *w, double *b, struct det_svm_fit *fit, const struct model *m,
    const struct det_svm_rows *r, const struct det_svm_params *p)
{
	const double sign = m->label[0] == 1 ? 1 : -1;
	double missed;

	*fit = (struct det_svm_fit){ .stopped = gave_up };
	for (size_t i = 0; i <= r->dims; i++) {
		if (!isfinite(m->w[i]))
			return det_fail(
			    DET_INVALID, "weight %zu of the SVM is not finite", i);
		fit->norm += m->w[i] * m->w[i] / 2;
	}
	for (size_t i = 0; i < r->dims; i++)
		w[i] = sign * m->w[i] * r->scale;
	*b = sign * m->w[r->dims] * p->bias;
	missed = losses(r->positive, r->positives, r, w, *b, 1, p->loss);
	fit->missed = missed / (double)r->positives;
	fit->loss_positive = p->c * p->positive * missed;
	fit->loss_negative =
	    p->c * losses(r->negative, r->negatives, r, w, *b, -1, p->loss);
	return DET_OK;
}

enum det_err
det_svm_solve(double *w, double *b, struct det_svm_fit *fit,
    const struct det_svm_rows *rows, const struct det_svm_params *p)
{
	int label = 1;
	double weight = p->positive;
	struct parameter q = { .solver_type = p->loss == DET_SVM_L2
						  ? L2R_L2LOSS_SVC_DUAL
						  : L2R_L1LOSS_SVC_DUAL,
		.eps = p->epsilon,
		.C = p->c,
		.nr_weight = 1,
		.weight_label = &label,
		.weight = &weight,
		.p = .1 };
	struct problem_rows r = { .node = NULL };
	struct model *m = NULL;
	const char *wrong;
	enum det_err e;

#if LIBLINEAR_VERSION >= 240
	q.nu = .5;
	q.regularize_bias = 1;
#endif
	if (rows->positives == 0 || rows->negatives == 0)
		return det_fail(DET_INVALID,
		    "an SVM wants rows of both kinds: %zu and %zu found",
		    rows->positives, rows->negatives);
	if ((e = make_problem(&r, rows, p->bias)))
		goto out;
	if ((wrong = check_parameter(&r.p, &q))) {
		e = det_fail(DET_INVALID, "liblinear: %s", wrong);
		goto out;
	}
	gave_up = 0;
	set_print_string_function(hear);
	srand(1);
	m = train(&r.p, &q);
	e = m ? take(w, b, fit, m, rows, p) : det_fail(DET_NOMEM, "liblinear failed");
out:
	if (m)
		free_and_destroy_model(&m);
	free_problem(&r);
	return e;
}

int
det_svm_version(void)
{
	return liblinear_version;
}
