/* SPDX-License-Identifier: MIT
 *
 * Ridge regression of box deltas: both ways of computing it against R-CNN's own formula,
 * whitening and all, by elimination in long double.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "svm/ridge.h"
#include "tests/unit/tap.h"

enum { T = DET_RIDGE_TARGETS, MOST = 40 };

typedef long double real;

struct data {
	size_t n, d;
	float *x, *y;
};

static struct data
make(size_t n, size_t d, unsigned seed)
{
	struct data a = { n, d, malloc(n * d * sizeof(float)),
		malloc(n * T * sizeof(float)) };
	struct det_random r;

	det_random_seed(&r, seed, 0);
	for (size_t i = 0; i < n * d; i++)
		a.x[i] = (float)fmax(0, det_random_normal(&r) + .3);
	for (size_t i = 0; i < n; i++)
		for (size_t t = 0; t < T; t++)
			a.y[i * T + t] =
			    (float)(.1 * det_random_normal(&r) + .2 * (double)t +
				    .05 * (double)a.x[i * d + t % d] -
				    (t == 2 ? .3 * (double)a.y[i * T] : 0));
	return a;
}

static void
drop(struct data *a)
{
	free(a->x);
	free(a->y);
}

/* --- the definition --- */

/* X of A X = B in B's place, (n, n) and (n, T), by elimination with pivots. */
static void
eliminate(real *a, real *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t best = i;

		for (size_t k = i + 1; k < n; k++)
			if (fabsl(a[k * n + i]) > fabsl(a[best * n + i]))
				best = k;
		for (size_t k = 0; k < n; k++) {
			real v = a[i * n + k];

			a[i * n + k] = a[best * n + k];
			a[best * n + k] = v;
		}
		for (size_t t = 0; t < T; t++) {
			real v = b[i * T + t];

			b[i * T + t] = b[best * T + t];
			b[best * T + t] = v;
		}
		for (size_t k = 0; k < n; k++) {
			const real f = a[k * n + i] / a[i * n + i];

			if (k == i)
				continue;
			for (size_t j = i; j < n; j++)
				a[k * n + j] -= f * a[i * n + j];
			for (size_t t = 0; t < T; t++)
				b[k * T + t] -= f * b[i * T + t];
		}
	}
	for (size_t i = 0; i < n; i++)
		for (size_t t = 0; t < T; t++)
			b[i * T + t] /= a[i * n + i];
}

/* Eigenvectors V (columns) and values of a symmetric S, by Jacobi's rotations. */
static void
eigen(real v[T][T], real value[T], real s[T][T])
{
	for (size_t i = 0; i < T; i++)
		for (size_t j = 0; j < T; j++)
			v[i][j] = i == j;
	for (int turn = 0; turn < 60; turn++)
		for (size_t p = 0; p < T; p++)
			for (size_t q = p + 1; q < T; q++) {
				const real angle =
				    atan2l(2 * s[p][q], s[q][q] - s[p][p]) / 2;
				const real c = cosl(angle), d = sinl(angle);

				for (size_t k = 0; k < T; k++) {
					const real x = s[k][p], y = s[k][q];

					s[k][p] = c * x - d * y;
					s[k][q] = d * x + c * y;
				}
				for (size_t k = 0; k < T; k++) {
					const real x = s[p][k], y = s[q][k];

					s[p][k] = c * x - d * y;
					s[q][k] = d * x + c * y;
				}
				for (size_t k = 0; k < T; k++) {
					const real x = v[k][p], y = v[k][q];

					v[k][p] = c * x - d * y;
					v[k][q] = d * x + c * y;
				}
			}
	for (size_t i = 0; i < T; i++)
		value[i] = s[i][i];
}

/* M = V diag((value + .001)^power) V' */
static void
power_of(real m[T][T], real v[T][T], const real value[T], real power)
{
	for (size_t i = 0; i < T; i++)
		for (size_t j = 0; j < T; j++) {
			m[i][j] = 0;
			for (size_t k = 0; k < T; k++)
				m[i][j] +=
				    v[i][k] * powl(value[k] + .001L, power) * v[j][k];
		}
}

/* rcnn_train_bbox_regressor.m: w (T, d) and b of the whitened targets' regression, turned
 * back. */
static void
define(real *w, real b[T], const struct data *d, real scale, real lambda)
{
	const size_t n = d->n, m = d->d + 1;
	real mean[T] = { 0 }, s[T][T] = { { 0 } }, v[T][T], value[T], white[T][T],
	     back[T][T];
	real *a = calloc(m * m, sizeof *a), *r = calloc(m * T, sizeof *r);

	for (size_t i = 0; i < n; i++)
		for (size_t t = 0; t < T; t++)
			mean[t] += (real)d->y[i * T + t] / (real)n;
	for (size_t i = 0; i < n; i++)
		for (size_t t = 0; t < T; t++)
			for (size_t u = 0; u < T; u++)
				s[t][u] += ((real)d->y[i * T + t] - mean[t]) *
					   ((real)d->y[i * T + u] - mean[u]) / (real)n;
	eigen(v, value, s);
	power_of(white, v, value, -.5L);
	power_of(back, v, value, .5L);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < m; j++) {
			const real x = j < d->d ? scale * (real)d->x[i * d->d + j] : 1;

			for (size_t k = 0; k < m; k++)
				a[j * m + k] +=
				    x *
				    (k < d->d ? scale * (real)d->x[i * d->d + k] : 1);
			for (size_t t = 0; t < T; t++)
				for (size_t u = 0; u < T; u++)
					r[j * T + t] +=
					    x * ((real)d->y[i * T + u] - mean[u]) *
					    white[u][t];
		}
	for (size_t j = 0; j < m; j++)
		a[j * m + j] += lambda;
	eliminate(a, r, m);
	for (size_t t = 0; t < T; t++) {
		b[t] = mean[t];
		for (size_t u = 0; u < T; u++)
			b[t] += r[d->d * T + u] * back[u][t];
		for (size_t j = 0; j < d->d; j++) {
			w[t * d->d + j] = 0;
			for (size_t u = 0; u < T; u++)
				w[t * d->d + j] += scale * r[j * T + u] * back[u][t];
		}
	}
	free(a);
	free(r);
}

/* --- ours --- */

static enum det_err
solve(double *w, double b[T], double error[T], const struct data *d, size_t announced,
    double scale, double lambda, int threads)
{
	struct det_ridge *r;
	enum det_err e =
	    det_ridge_new(&r, announced, d->d, scale, lambda, 1 << 20, threads);

	for (size_t i = 0; i < d->n && !e; i++)
		e = det_ridge_add(r, d->x + i * d->d, d->y + i * T);
	if (!e)
		e = det_ridge_solve(w, b, error, r);
	det_ridge_free(r);
	return e;
}

static void
test_definition(void)
{
	static const struct {
		size_t n, d, announced;
		double scale, lambda;
	} cases[] = {
		{ 200, 12, 200, 1, 1000 },
		{ 200, 12, 200, 5, 1 },
		{ 500, 39, 500, 2, 100 },
		{ 13, 12, 13, 2,
		    10 }, /* one more row than features: the normal equations */
		{ 12, 12, 12, 2, 10 }, /* as many: the other way */
		{ 5, 40, 5, 2, 10 },
		{ 30, 40, 30, .5, 1e-3 },
		{ 1, 7, 1, 1, 1000 },
		{ 5, 12, 100, 2, 10 }, /* fewer than were announced, both ways */
		{ 5, 40, 9, 2, 10 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct data d = make(cases[i].n, cases[i].d, (unsigned)i);
		double w[T * MOST], b[T], error[T], worst = 0, sum, off = 0;
		real want[T * MOST], bias[T];
		enum det_err e = solve(w, b, error, &d, cases[i].announced,
		    cases[i].scale, cases[i].lambda, 1);

		define(want, bias, &d, (real)cases[i].scale, (real)cases[i].lambda);
		for (size_t k = 0; k < T * d.d; k++)
			worst = fmax(worst, fabs(w[k] - (double)want[k]));
		for (size_t t = 0; t < T; t++) {
			worst = fmax(worst, fabs(b[t] - (double)bias[t]));
			sum = 0;
			for (size_t r = 0; r < d.n; r++) {
				double y = b[t] - (double)d.y[r * T + t];

				for (size_t k = 0; k < d.d; k++)
					y += w[t * d.d + k] * (double)d.x[r * d.d + k];
				sum += y * y / (double)d.n;
			}
			off = fmax(off, fabs(sum - error[t]));
		}
		ok(!e && worst < 1e-9 && off < 1e-9,
		    "%zu rows of %zu, lambda %g: within %.1g, errors within %.1g", d.n,
		    d.d, cases[i].lambda, worst, off);
		drop(&d);
	}
}

static void
test_rules(void)
{
	struct data d = make(300, 37, 3);
	double one[T * MOST], two[T * MOST], b1[T], b2[T], e1[T], e2[T];
	struct det_ridge *r;
	float nan[T] = { 0, 0, NAN, 0 };

	ok(!solve(one, b1, e1, &d, 300, 2, 100, 1) &&
		!solve(two, b2, e2, &d, 300, 2, 100, 3) &&
		!memcmp(one, two, T * d.d * sizeof *one) && !memcmp(b1, b2, sizeof b1),
	    "the same with any number of threads");
	d.n = 20;
	ok(!solve(one, b1, e1, &d, 20, 2, 100, 1) &&
		!solve(two, b2, e2, &d, 20, 2, 100, 3) &&
		!memcmp(one, two, T * d.d * sizeof *one) && !memcmp(b1, b2, sizeof b1),
	    "both ways");
	d.n = 0;
	ok(!solve(one, b1, e1, &d, 0, 1, 1, 1) && !(fabs(one[5]) > 0) &&
		!(fabs(b1[1]) > 0),
	    "no row: boxes stay");
	ok(!det_ridge_new(&r, 1, 3, 1, 1, 1 << 20, 1) &&
		det_ridge_add(r, d.x, nan) == DET_INVALID,
	    "NaN: %s", det_errmsg());
	nan[2] = 0;
	ok(!det_ridge_add(r, d.x, nan) && det_ridge_add(r, d.x, nan) == DET_INVALID,
	    "a row too many: %s", det_errmsg());
	det_ridge_free(r);
	ok(det_ridge_new(&r, 1000000, 4096, 1, 1, 1 << 20, 1) == DET_LIMIT,
	    "bounded: %s", det_errmsg());
	ok(det_ridge_new(&r, (size_t)-1 / 8, (size_t)-1 / 4, 1, 1, (size_t)-1, 1) !=
		DET_OK,
	    "sizes that do not fit: %s", det_errmsg());
	drop(&d);
}

/* A larger one, of several blocks. */
static void
test_cholesky(void)
{
	enum { N = 150 };
	double *a = calloc(N * N, sizeof *a), b[N * T], worst = 0;
	real *c = calloc(N * N, sizeof *c), d[N * T];
	struct det_random r;

	det_random_seed(&r, 5, 0);
	for (size_t i = 0; i < N; i++)
		for (size_t j = 0; j <= i; j++) {
			a[i * N + j] = det_random_normal(&r) + (i == j ? 2. * N : 0);
			c[i * N + j] = c[j * N + i] = (real)a[i * N + j];
		}
	for (size_t i = 0; i < N; i++)
		c[i * N + i] += 3;
	for (size_t i = 0; i < N * T; i++)
		d[i] = (real)(b[i] = det_random_normal(&r));
	ok(!det_ridge_cholesky(b, a, N, 3, 2), "cholesky");
	eliminate(c, d, N);
	for (size_t i = 0; i < N * T; i++)
		worst = fmax(worst, fabs(b[i] - (double)d[i]));
	ok(worst < 1e-12, "as elimination: within %.1g", worst);
	a[0] = -5;
	ok(det_ridge_cholesky(b, a, N, 1, 1) == DET_INVALID, "%s", det_errmsg());
	free(a);
	free(c);
}

int
main(void)
{
	test_definition();
	test_rules();
	test_cholesky();
	return done();
}
