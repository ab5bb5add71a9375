/* SPDX-License-Identifier: MIT
 *
 * Symmetric eigenproblems the classical way (Wilkinson and Reinsch, Handbook for Automatic
 * Computation II, 1971, tred2 and tql2; Golub and Van Loan, Matrix Computations, 8.3):
 *
 * 1. Householder's reflections H_k = I - b v v', b = 2 / v'v, each of which clears a column
 *    below the subdiagonal: T = H A H is tridiagonal. With p = b A v and
 *    w = p - (b/2 p'v) v, H A H = A - v w' - w v'. v stays in the row that it cleared.
 * 2. QL steps with implicit shifts (Wilkinson's) make T diagonal: each is a chain of plane
 *    rotations, which also turn the rows of Z, at first the identity, into T's eigenvectors.
 * 3. A's are T's, reflected back.
 *
 * Rows are worked on by several threads; each sum is one thread's, in the order of its
 * indices, so that bits don't depend on how many there are.
 */
#include "nn/eigen.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"

enum { STRIP = 256, ROWS = 16, STEPS = 60 };

struct job {
	double *a, *z;
	size_t n, k; /* of the reflection at hand: rows and columns from k on */
	double *v, *w, scale;
	double *beta;    /* of each reflection */
	double *c, *s;   /* a chain of rotations: of rows i and i + 1 */
	size_t from, to; /* i = to - 1 down to from */
	double *vector;  /* step 3 */
	const size_t *order;
};

/* p = b A v, a few rows. */
static void
multiply_rows(const void *ctx, size_t task, int worker)
{
	const struct job *j = ctx;
	const size_t lo = j->k + task * ROWS, hi = lo + ROWS < j->n ? lo + ROWS : j->n;

	(void)worker;
	for (size_t i = lo; i < hi; i++) {
		const double *row = j->a + i * j->n;
		double sum[4] = { 0 };
		size_t x = j->k;

		for (; x + 4 <= j->n; x += 4)
			for (size_t l = 0; l < 4; l++)
				sum[l] += row[x + l] * j->v[x + l];
		for (; x < j->n; x++)
			sum[0] += row[x] * j->v[x];
		j->w[i] = j->scale * ((sum[0] + sum[1]) + (sum[2] + sum[3]));
	}
}

/* A -= v w' + w v', a few rows. */
static void
update_rows(const void *ctx, size_t task, int worker)
{
	const struct job *j = ctx;
	const size_t lo = j->k + task * ROWS, hi = lo + ROWS < j->n ? lo + ROWS : j->n;

	(void)worker;
	for (size_t i = lo; i < hi; i++) {
		double *restrict row = j->a + i * j->n;
		const double *restrict v = j->v, *restrict w = j->w;
		const double vi = v[i], wi = w[i];

#pragma omp simd
		for (size_t x = j->k; x < j->n; x++)
			row[x] -= vi * w[x] + wi * v[x];
	}
}

/* d and e: the diagonal, and e[i] between i and i + 1. */
static void
tridiagonalize(double *d, double *e, struct job *j, int threads)
{
	for (size_t k = 1; k < j->n; k++) {
		double *x = j->a + (k - 1) * j->n, most = 0, sum = 0, side;
		const size_t tasks = (j->n - k + ROWS - 1) / ROWS;

		d[k - 1] = x[k - 1];
		j->beta[k] = 0;
		for (size_t i = k; i < j->n; i++)
			most = fmax(most, fabs(x[i]));
		for (size_t i = k + 1; i < j->n; i++)
			sum += x[i] / (most > 0 ? most : 1) *
			       (x[i] / (most > 0 ? most : 1));
		e[k - 1] = x[k];
		if (!(sum > 0)) /* cleared already */
			continue;
		for (size_t i = k; i < j->n; i++)
			x[i] /= most;
		side = -copysign(sqrt(sum + x[k] * x[k]), x[k]);
		e[k - 1] = side * most;
		x[k] -= side;
		j->beta[k] = j->scale = 2 / (sum + x[k] * x[k]);
		j->v = x;
		j->k = k;
		det_parallel(threads, tasks, multiply_rows, j);
		sum = 0;
		for (size_t i = k; i < j->n; i++)
			sum += j->w[i] * x[i];
		for (size_t i = k; i < j->n; i++)
			j->w[i] -= j->scale / 2 * sum * x[i];
		det_parallel(threads, tasks, update_rows, j);
	}
	d[j->n - 1] = j->a[j->n * j->n - 1];
	e[j->n - 1] = 0;
}

/* A chain of rotations on some columns of Z. */
static void
rotate_strip(const void *ctx, size_t task, int worker)
{
	const struct job *j = ctx;
	const size_t lo = task * STRIP, hi = lo + STRIP < j->n ? lo + STRIP : j->n;

	(void)worker;
	for (size_t i = j->to; i-- > j->from;) {
		double *restrict p = j->z + i * j->n, *restrict q = p + j->n;
		const double c = j->c[i], s = j->s[i];

#pragma omp simd
		for (size_t x = lo; x < hi; x++) {
			double old = q[x];

			q[x] = s * p[x] + c * old;
			p[x] = c * p[x] - s * old;
		}
	}
}

/* One QL step on the block [l, m], shifted towards its eigenvalue at l. */
static void
step(double *d, double *e, size_t l, size_t m, struct job *j)
{
	double g = (d[l + 1] - d[l]) / (2 * e[l]), r = hypot(g, 1);
	double s = 1, c = 1, p = 0;
	size_t i = m;

	g = d[m] - d[l] + e[l] / (g + copysign(r, g));
	j->to = m;
	while (i-- > l) {
		double f = s * e[i], b = c * e[i];

		r = hypot(f, g);
		e[i + 1] = r;
		if (!(r > 0)) { /* it falls apart here: the rest in the next step */
			d[i + 1] -= p;
			e[m] = 0;
			j->from = i + 1;
			return;
		}
		s = f / r;
		c = g / r;
		g = d[i + 1] - p;
		r = (d[i] - g) * s + 2 * c * b;
		p = s * r;
		d[i + 1] = g + p;
		g = c * r - b;
		j->c[i] = c;
		j->s[i] = s;
	}
	d[l] -= p;
	e[l] = g;
	e[m] = 0;
	j->from = l;
}

static enum det_err
diagonalize(double *d, double *e, struct job *j, int threads)
{
	const size_t n = j->n, strips = (n + STRIP - 1) / STRIP;

	for (size_t l = 0; l < n; l++)
		for (int tries = 0;; tries++) {
			size_t m = l;

			while (m + 1 < n &&
			       fabs(e[m]) > DBL_EPSILON * (fabs(d[m]) + fabs(d[m + 1])))
				m++;
			if (m == l)
				break;
			if (tries == STEPS)
				return det_fail(DET_INVALID,
				    "no eigenvalue found in %d steps", STEPS);
			step(d, e, l, m, j);
			det_parallel(threads, strips, rotate_strip, j);
		}
	return DET_OK;
}

/* Eigenvector `task` of A from that of T. */
static void
reflect_back(const void *ctx, size_t task, int worker)
{
	const struct job *j = ctx;
	double *y = j->vector + task * j->n;

	(void)worker;
	memcpy(y, j->z + j->order[task] * j->n, j->n * sizeof *y);
	for (size_t k = j->n; k-- > 1;) {
		const double *v = j->a + (k - 1) * j->n;
		double sum = 0;

		if (!(j->beta[k] > 0))
			continue;
		for (size_t i = k; i < j->n; i++)
			sum += v[i] * y[i];
		for (size_t i = k; i < j->n; i++)
			y[i] -= j->beta[k] * sum * v[i];
	}
}

/* order[i]: which value is the i-th largest; ties by index. */
static void
sort(size_t *order, const double *d, size_t n)
{
	size_t width, *tmp = order + n;

	for (size_t i = 0; i < n; i++)
		order[i] = i;
	for (width = 1; width < n; width *= 2) {
		for (size_t lo = 0; lo < n; lo += 2 * width) {
			size_t mid = lo + width < n ? lo + width : n;
			size_t hi = lo + 2 * width < n ? lo + 2 * width : n;
			size_t a = lo, b = mid;

			for (size_t k = lo; k < hi; k++)
				tmp[k] =
				    a < mid && (b == hi || !(d[order[b]] > d[order[a]]))
					? order[a++]
					: order[b++];
		}
		memcpy(order, tmp, n * sizeof *order);
	}
}

enum det_err
det_eigen(double *value, double *vector, size_t want, double *a, size_t n, int threads)
{
	struct job j = { .a = a, .n = n, .vector = vector };
	double *own = NULL, *d, *e;
	size_t *order = NULL, area;
	enum det_err err;

	if (n == 0)
		return DET_OK;
	if ((err = det_mul(&area, n, n)))
		return err;
	for (size_t i = 0; i < area; i++)
		if (!isfinite(a[i]))
			return det_fail(DET_INVALID,
			    "the matrix has NaN or infinity in row %zu", i / n);
	if ((err = det_calloc(&j.z, area, sizeof *j.z)) ||
	    (err = det_calloc(&own, n, 6 * sizeof *own)) ||
	    (err = det_alloc(&order, n, 2 * sizeof *order)))
		goto out;
	d = own;
	e = d + n;
	j.w = e + n;
	j.beta = j.w + n;
	j.c = j.beta + n;
	j.s = j.c + n;
	for (size_t i = 0; i < n; i++)
		j.z[i * n + i] = 1;
	det_parallel_begin();
	tridiagonalize(d, e, &j, threads);
	err = diagonalize(d, e, &j, threads);
	det_parallel_end();
	if (err)
		goto out;
	sort(order, d, n);
	for (size_t i = 0; i < n; i++)
		value[i] = d[order[i]];
	j.order = order;
	det_parallel(threads, want < n ? want : n, reflect_back, &j);
out:
	free(j.z);
	free(own);
	free(order);
	return err;
}
