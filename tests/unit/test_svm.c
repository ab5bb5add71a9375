/* SPDX-License-Identifier: MIT
 *
 * SVMs against a plain solver of their dual in double, whose duality gap says how near both
 * are to the best there is; then the same rows in other guises; then mining against training
 * on everything.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "svm/svm_cache.h"
#include "svm/svm_impl.h"
#include "tests/unit/tap.h"

/* Rows of two clouds that overlap, a third of the numbers 0 as behind a ReLU. */
static float *
clouds(size_t positives, size_t negatives, size_t dims, double apart, unsigned seed)
{
	float *x = malloc((positives + negatives) * dims * sizeof *x);
	struct det_random r;

	det_random_seed(&r, seed, 0);
	for (size_t i = 0; x && i < positives + negatives; i++)
		for (size_t k = 0; k < dims; k++) {
			double v = det_random_normal(&r) + .5;

			if (i < positives && k % 3 == 0)
				v += apart;
			x[i * dims + k] = v < 0 ? 0 : (float)v;
		}
	return x;
}

static struct det_svm_rows
rows_of(const float *x, size_t positives, size_t negatives, size_t dims, double scale)
{
	return (struct det_svm_rows){ x, x + positives * dims, positives, negatives,
		dims, scale };
}

static const float *
row_of(const struct det_svm_rows *r, size_t i)
{
	return i < r->positives ? r->positive + i * r->dims
				: r->negative + (i - r->positives) * r->dims;
}

/* --- the reference: coordinates of the dual in turn, until the gap is closed --- */

struct reference {
	double primal, dual;
};

static double
loss_of(double margin, int loss)
{
	const double m = fmax(0, 1 - margin);

	return loss == DET_SVM_L2 ? m * m : m;
}

/* The primal objective of w on the scaled rows and v of the bias, B v. */
static double
primal(const struct det_svm_rows *r, const struct det_svm_params *p, const double *w,
    double v)
{
	double sum = v * v / 2;

	for (size_t k = 0; k < r->dims; k++)
		sum += w[k] * w[k] / 2;
	for (size_t i = 0; i < r->positives + r->negatives; i++) {
		const double y = i < r->positives ? 1 : -1;
		double z = v * p->bias;

		for (size_t k = 0; k < r->dims; k++)
			z += w[k] * (double)row_of(r, i)[k] * r->scale;
		sum += p->c * (y > 0 ? p->positive : 1) * loss_of(y * z, p->loss);
	}
	return sum;
}

static struct reference
solve(const struct det_svm_rows *r, const struct det_svm_params *p)
{
	const size_t n = r->positives + r->negatives;
	double *a = calloc(n, sizeof *a), *w = calloc(r->dims, sizeof *w), v = 0;
	struct reference out = { 1, 0 };

	for (int turn = 0; a && w && turn < 200000; turn++) {
		for (size_t i = 0; i < n; i++) {
			const float *x = row_of(r, i);
			const double y = i < r->positives ? 1 : -1;
			const double c = p->c * (y > 0 ? p->positive : 1);
			const double soft = p->loss == DET_SVM_L2 ? 1 / (2 * c) : 0;
			double z = v * p->bias, q = p->bias * p->bias + soft, next;

			for (size_t k = 0; k < r->dims; k++) {
				const double u = (double)x[k] * r->scale;

				z += w[k] * u;
				q += u * u;
			}
			next = fmax(0, a[i] + (1 - y * z - soft * a[i]) / q);
			if (p->loss == DET_SVM_L1)
				next = fmin(next, c);
			for (size_t k = 0; k < r->dims; k++)
				w[k] += (next - a[i]) * y * (double)x[k] * r->scale;
			v += (next - a[i]) * y * p->bias;
			a[i] = next;
		}
		if (turn % 50)
			continue;
		out.dual = -v * v / 2;
		for (size_t k = 0; k < r->dims; k++)
			out.dual -= w[k] * w[k] / 2;
		for (size_t i = 0; i < n; i++) {
			const double c = p->c * (i < r->positives ? p->positive : 1);

			out.dual += a[i];
			if (p->loss == DET_SVM_L2)
				out.dual -= a[i] * a[i] / (4 * c);
		}
		out.primal = primal(r, p, w, v);
		if (out.primal - out.dual < 1e-9 * out.primal)
			break;
	}
	free(a);
	free(w);
	return out;
}

/* The primal objective of what was found, in the terms of the problem. */
static double
found(const struct det_svm_rows *r, const struct det_svm_params *p, const double *w,
    double b)
{
	double *u = malloc(r->dims * sizeof *u), sum;

	for (size_t k = 0; k < r->dims; k++)
		u[k] = w[k] / r->scale;
	sum = primal(r, p, u, b / p->bias);
	free(u);
	return sum;
}

static void
test_best(void)
{
	static const struct {
		size_t positives, negatives, dims;
		double c, positive, bias, scale;
		int loss;
	} cases[] = {
		{ 10, 40, 5, .001, 2, 10, 1, DET_SVM_L1 },
		{ 10, 40, 5, .001, 2, 10, 4, DET_SVM_L1 },
		{ 5, 200, 30, .01, 2, 10, 2, DET_SVM_L1 },
		{ 5, 200, 30, .1, 1, 1, 1, DET_SVM_L1 },
		{ 60, 60, 64, .003, 5, 3, 2.5, DET_SVM_L1 },
		{ 10, 40, 5, .001, 2, 10, 1, DET_SVM_L2 },
		{ 5, 200, 30, .05, 2, 10, 2, DET_SVM_L2 },
		{ 1, 1, 1, 1, 1, 1, 1, DET_SVM_L1 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const size_t dims = cases[i].dims;
		const struct det_svm_params p = { cases[i].c, cases[i].positive,
			cases[i].bias, 1e-8, cases[i].loss };
		float *x = clouds(
		    cases[i].positives, cases[i].negatives, dims, 1, (unsigned)i);
		const struct det_svm_rows r = rows_of(
		    x, cases[i].positives, cases[i].negatives, dims, cases[i].scale);
		const struct reference best = solve(&r, &p);
		double w[64], b, value, told;
		struct det_svm_fit fit;
		enum det_err e = det_svm_solve(w, &b, &fit, &r, &p);

		value = found(&r, &p, w, b);
		told = fit.norm + fit.loss_positive + fit.loss_negative;
		ok(!e && best.primal - best.dual <= 1e-8 * best.primal &&
			value >= best.dual * (1 - 1e-12) &&
			value - best.dual <= 2e-6 * best.dual,
		    "%zu and %zu rows of %zu, C %g, L%d: %.9g, the best is %.9g to "
		    "%.9g",
		    cases[i].positives, cases[i].negatives, dims, p.c, p.loss + 1,
		    value, best.dual, best.primal);
		ok(fabs(told - value) < 1e-9 * value, "and it says so");
		free(x);
	}
}

/* --- guises --- */

static void
test_same(void)
{
	enum { P = 20, N = 150, D = 24 };
	const struct det_svm_params p = DET_SVM_DEFAULTS;
	float *x = clouds(P, N, D, .5, 9), y[(P + N) * D];
	struct det_svm_rows r = rows_of(x, P, N, D, 3), scaled = rows_of(y, P, N, D, 1);
	double one[D], two[D], b1, b2, worst = 0, z1[N * 2], z2[N * 2], w[2 * D], b[2];
	struct det_svm_fit fit;
	size_t differ = 0;

	ok(!det_svm_solve(one, &b1, &fit, &r, &p), "solved");
	srand(77);
	(void)rand();
	ok(!det_svm_solve(two, &b2, &fit, &r, &p) && !memcmp(one, two, sizeof one) &&
		!(b1 < b2) && !(b1 > b2),
	    "again, whatever was drawn from rand() before: the same bits");
	for (size_t i = 0; i < (P + N) * D; i++)
		y[i] = x[i] * 3;
	ok(!det_svm_solve(two, &b2, &fit, &scaled, &p), "rows that are scaled before");
	for (size_t k = 0; k < D; k++)
		worst = fmax(worst, fabs(one[k] - 3 * two[k]));
	worst = fmax(worst, fabs(b1 - b2));
	ok(worst < 1e-6, "give the scaled weights: within %.2g", worst);
	memcpy(w, one, sizeof one);
	memcpy(w + D, two, sizeof two);
	b[0] = b1;
	b[1] = b2;
	det_svm_scores(z1, x, N, w, b, 2, D, 1);
	det_svm_scores(z2, x, N, w, b, 2, D, 3);
	for (size_t i = 0; i < N; i++) {
		double sum = b2;

		for (size_t k = 0; k < D; k++)
			sum += (double)x[i * D + k] * two[k];
		differ += fabs(sum - z1[2 * i + 1]) > 1e-12;
	}
	ok(!memcmp(z1, z2, sizeof z1) && differ == 0,
	    "scores of rows: with any number of threads");
	r.negatives = 0;
	ok(det_svm_solve(one, &b1, &fit, &r, &p) == DET_INVALID,
	    "rows of both kinds: %s", det_errmsg());
	free(x);
}

/* Where liblinear gives up it says so, and nothing else that it says is heard. */
static void
test_stopped(void)
{
	struct det_svm_params p = { 1e9, 1, 1, 1e-12, DET_SVM_L1 };
	float *x = clouds(30, 30, 3, .1, 2);
	const struct det_svm_rows r = rows_of(x, 30, 30, 3, 1);
	struct det_svm_fit fit;
	double w[3], b;

	ok(!det_svm_solve(w, &b, &fit, &r, &p) && fit.stopped, "gave up");
	p.c = .001;
	p.epsilon = .1;
	ok(!det_svm_solve(w, &b, &fit, &r, &p) && !fit.stopped, "did not");
	free(x);
}

/* The score of objects that stand apart is at the margin or beyond. */
static void
test_apart(void)
{
	const struct det_svm_params p = { 100, 1, 1, 1e-6, DET_SVM_L1 };
	static const float x[] = { 2, 0, 3, 1, -2, 0, -1, -1, -5, 2 };
	const struct det_svm_rows r = rows_of(x, 2, 3, 2, 1);
	struct det_svm_fit fit;
	double w[2], b, least = 1e9, most = -1e9;

	ok(!det_svm_solve(w, &b, &fit, &r, &p), "a hard margin");
	for (int i = 0; i < 5; i++) {
		const double z = det_svm_score(x + 2 * i, w, 2, b);

		if (i < 2)
			least = fmin(least, z);
		else
			most = fmax(most, z);
	}
	ok(fabs(least - 1) < 1e-4 && fabs(most + 1) < 1e-4, "touches both: %g, %g",
	    least, most);
}

/* --- mining --- */

enum { MP = 40, MN = 6000, MD = 20, ITEM = 100 };

/* From item to item as svm.c goes, `most` at a time. */
static enum det_err
mine(struct det_svm_cache *c, const float *x, size_t most, size_t *largest)
{
	const struct det_svm_params p = { .01, 2, 10, 1e-4, DET_SVM_L1 };
	struct det_svm_mining m = DET_SVM_MINING_DEFAULTS;
	enum det_err e = DET_OK;

	m.most = most;
	m.added = 300;
	*c = (struct det_svm_cache){ .dims = MD, .scale = 1 };
	*largest = 0;
	for (size_t i = 0; i < MP && !e; i++)
		e = det_svm_cache_positive(c, x + i * MD);
	for (size_t from = 0; from < MN && !e; from += ITEM) {
		const float *rows = x + (MP + from) * MD;
		double z[ITEM];

		for (size_t i = 0; i < ITEM; i++)
			z[i] = c->w ? det_svm_score(rows + i * MD, c->w, MD, c->b) : 0;
		for (size_t i = 0; i < ITEM && !e; i++)
			if (from == 0 || z[i] > m.hard)
				e = det_svm_cache_negative(
				    c, rows + i * MD, from + i, &m, &p);
		if (c->negatives > *largest)
			*largest = c->negatives;
		if (!e && (from == 0 || c->added > m.added || from + ITEM == MN))
			e = det_svm_cache_train(c, &m, &p);
	}
	return e;
}

/* Of all rows, those of which the cache says otherwise than its list of keys. */
static size_t
unlike_keys(const struct det_svm_cache *c)
{
	char in[MN] = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < c->negatives; i++)
		in[c->key[i]] = 1;
	for (size_t i = 0; i < MN; i++)
		n += det_svm_cache_has(c, i) != in[i];
	return n;
}

static void
test_mining(void)
{
	const struct det_svm_params p = { .01, 2, 10, 1e-4, DET_SVM_L1 };
	float *x = clouds(MP, MN, MD, 1.5, 4);
	const struct det_svm_rows all = rows_of(x, MP, MN, MD, 1);
	struct det_svm_cache c;
	struct det_svm_fit fit;
	double w[MD], b, whole, mined, less;
	size_t largest, wrong = 0;
	enum det_err e;

	ok(!det_svm_solve(w, &b, &fit, &all, &p), "all negatives at once");
	whole = found(&all, &p, w, b);
	e = mine(&c, x, MN, &largest);
	ok(!e && largest < MN / 2 && c.trained > 2,
	    "mined: at most %zu of %d at a time, %zu trainings", largest, MN,
	    c.trained);
	mined = found(&all, &p, c.w, c.b);
	ok(mined < whole * 1.02 && mined > whole * (1 - 1e-3),
	    "the objective over all: %.6g, mined %.6g", whole, mined);
	for (size_t i = 0; i < c.negatives; i++)
		wrong += memcmp(c.negative + i * MD, x + (MP + c.key[i]) * MD,
			     MD * sizeof *x) != 0 ||
			 det_svm_score(c.negative + i * MD, c.w, MD, c.b) < -1.2;
	ok(wrong == 0 && c.negatives > 10,
	    "what is left is hard, and what its key says");
	ok(unlike_keys(&c) == 0 && !det_svm_cache_has(&c, MN), "and found");
	det_svm_cache_release(&c);
	e = mine(&c, x, 250, &largest);
	ok(!e && largest <= 250, "at most 250: %zu", largest);
	ok(unlike_keys(&c) == 0, "what went is not found");
	less = found(&all, &p, c.w, c.b);
	ok(less < whole * 1.5, "which is worse, but not by much: %.6g", less);
	det_svm_cache_release(&c);
	free(x);
}

/* Of n rows exactly so many, no two further apart than need be. */
static void
test_takes(void)
{
	size_t wrong = 0, uneven = 0;

	for (size_t n = 1; n <= 120; n++)
		for (size_t most = 1; most <= n + 1; most++) {
			const size_t all = most < n ? most : n;
			size_t taken = 0, last = 0;

			for (size_t i = 0; i < n; i++) {
				if (!det_svm_takes(i, n, most))
					continue;
				uneven += i + 1 - last > (n + all - 1) / all;
				last = i + 1;
				taken++;
			}
			wrong += taken != all;
		}
	ok(wrong == 0, "of n rows as many as are asked for (%zu wrong)", wrong);
	ok(uneven == 0, "evenly (%zu not)", uneven);
}

int
main(void)
{
	ok(det_svm_version() >= 200, "liblinear %d", det_svm_version());
	test_best();
	test_same();
	test_stopped();
	test_apart();
	test_mining();
	test_takes();
	return done();
}
