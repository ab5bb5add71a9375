/* SPDX-License-Identifier: MIT
 *
 * Eigenvectors by what defines them; truncated products against Jacobi's one-sided rotations,
 * which share no step with them.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nn/eigen.h"
#include "nn/svd.h"
#include "tests/unit/rnd.h"
#include "tests/unit/tap.h"

static void
test_eigen(const char *what, size_t n, size_t rank, int diagonal)
{
	double *a = calloc(n * n, sizeof *a), *keep = malloc(n * n * sizeof *a);
	double *v = malloc(n * n * sizeof *v), *l = malloc(n * sizeof *l);
	double *again = malloc(n * n * sizeof *v), *l3 = malloc(n * sizeof *l);
	double far = 0, skew = 0, size = 1;
	int falls = 1;
	enum det_err e;

	for (size_t r = 0; r < rank; r++) {
		double *x = again;

		for (size_t i = 0; i < n; i++)
			x[i] = diagonal ? (double)(i == r) * (double)(1 + r % 3)
					: rnd(-1, 1);
		for (size_t i = 0; i < n; i++)
			for (size_t k = 0; k < n; k++)
				a[i * n + k] += (r % 2 ? -1 : 1) * x[i] * x[k];
	}
	for (size_t i = 0; i < n * n; i++)
		size = fmax(size, fabs(a[i]));
	memcpy(keep, a, n * n * sizeof *a);
	e = det_eigen(l, v, n, a, n, 1);
	for (size_t r = 0; r < n && !e; r++) {
		falls &= r == 0 || l[r] <= l[r - 1];
		for (size_t i = 0; i < n; i++) {
			double sum = 0;

			for (size_t k = 0; k < n; k++)
				sum += keep[i * n + k] * v[r * n + k];
			far = worse(far, fabs(sum - l[r] * v[r * n + i]) / size);
		}
		for (size_t s = 0; s <= r; s++) {
			double dot = 0;

			for (size_t k = 0; k < n; k++)
				dot += v[r * n + k] * v[s * n + k];
			skew = worse(skew, fabs(dot - (r == s)));
		}
	}
	ok(!e && far < 1e-12 * (double)n && skew < 1e-12 * (double)n && falls,
	    "%s, n = %zu: A v = l v within %.1g, orthonormal within %.1g", what, n, far,
	    skew);
	memcpy(a, keep, n * n * sizeof *a);
	e = det_eigen(l3, again, n, a, n, 3);
	ok(!e && !memcmp(l, l3, n * sizeof *l) && !memcmp(v, again, n * n * sizeof *v),
	    "the same bits in three threads");
	free(a);
	free(keep);
	free(v);
	free(l);
	free(again);
	free(l3);
}

/* Singular values of w (m,n), squared and summed but the largest `rank`: columns of a copy
 * are rotated in pairs until all are at right angles. */
static double
left_out(const float *w, size_t m, size_t n, size_t rank)
{
	double *a = malloc(m * n * sizeof *a), *s = calloc(n, sizeof *s), sum = 0;

	for (size_t i = 0; i < m * n; i++)
		a[i] = (double)w[i];
	for (int round = 0; round < 40; round++)
		for (size_t p = 0; p < n; p++)
			for (size_t q = p + 1; q < n; q++) {
				double x = 0, y = 0, xy = 0, t, c, z;

				for (size_t i = 0; i < m; i++) {
					x += a[i * n + p] * a[i * n + p];
					y += a[i * n + q] * a[i * n + q];
					xy += a[i * n + p] * a[i * n + q];
				}
				if (fabs(xy) < 1e-300)
					continue;
				z = (y - x) / (2 * xy);
				t = copysign(1, z) / (fabs(z) + sqrt(1 + z * z));
				c = 1 / sqrt(1 + t * t);
				for (size_t i = 0; i < m; i++) {
					double u = a[i * n + p], v = a[i * n + q];

					a[i * n + p] = c * (u - t * v);
					a[i * n + q] = c * (t * u + v);
				}
			}
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < m; i++)
			s[k] += a[i * n + k] * a[i * n + k];
	for (size_t k = 0; k < n; k++) {
		size_t larger = 0;

		for (size_t l = 0; l < n; l++)
			larger += s[l] > s[k] || (l < k && !(s[l] < s[k]));
		sum += larger >= rank ? s[k] : 0;
	}
	free(a);
	free(s);
	return sum;
}

static void
test_truncate(size_t m, size_t n, size_t rank, size_t true_rank)
{
	float *w = malloc(m * n * sizeof *w), *u = malloc(m * rank * sizeof *u);
	float *v = malloc(rank * n * sizeof *v), *u3, *v3;
	double all = 0, error = -1, found = 0, want, error3;
	enum det_err e;

	u3 = malloc(m * rank * sizeof *u);
	v3 = malloc(rank * n * sizeof *v);
	memset(w, 0, m * n * sizeof *w);
	for (size_t r = 0; r < true_rank; r++)
		for (size_t i = 0; i < m; i++) {
			double x = rnd(-1, 1);

			for (size_t k = 0; k < n; k++)
				w[i * n + k] +=
				    (float)(x * rnd(0, 1) / (double)(1 + r));
		}
	for (size_t i = 0; i < m * n; i++)
		all += (double)w[i] * (double)w[i];
	e = det_svd_truncate(u, v, &error, w, m, n, rank, 1);
	for (size_t i = 0; i < m && !e; i++)
		for (size_t k = 0; k < n; k++) {
			double sum = 0;

			for (size_t r = 0; r < rank; r++)
				sum += (double)u[i * rank + r] * (double)v[r * n + k];
			found +=
			    (sum - (double)w[i * n + k]) * (sum - (double)w[i * n + k]);
		}
	want = left_out(w, m, n, rank);
	ok(!e && fabs(sqrt(found / all) - sqrt(want / all)) < 1e-6 &&
		fabs(error - sqrt(want / all)) < 1e-6,
	    "%zux%zu to rank %zu: %.6f of it is lost, told as %.6f, least %.6f", m, n,
	    rank, sqrt(found / all), error, sqrt(want / all));
	e = det_svd_truncate(u3, v3, &error3, w, m, n, rank, 3);
	ok(!e && !memcmp(u, u3, m * rank * sizeof *u) &&
		!memcmp(v, v3, rank * n * sizeof *v) && !memcmp(&error, &error3, 8),
	    "the same bits in three threads");
	free(w);
	free(u);
	free(v);
	free(u3);
	free(v3);
}

static void
test_refused(void)
{
	float w[6] = { 1, 2, 3, 4, 5, 6 }, u[6], v[9];
	double error, a[4] = { 1, NAN, NAN, 1 }, l[2], x[4];

	ok(det_svd_truncate(u, v, &error, w, 2, 3, 0, 1) == DET_INVALID &&
		det_svd_truncate(u, v, &error, w, 2, 3, 3, 1) == DET_INVALID,
	    "ranks that are none");
	ok(det_svd_truncate(u, v, &error, w, 10000, 10000, 1, 1) == DET_LIMIT,
	    "a matrix too large");
	w[4] = INFINITY;
	ok(det_svd_truncate(u, v, &error, w, 2, 3, 1, 1) == DET_INVALID &&
		strstr(det_errmsg(), "row 1"),
	    "infinity, with its row");
	ok(det_eigen(l, x, 2, a, 2, 1) == DET_INVALID, "NaN in an eigenproblem");
	memset(w, 0, sizeof w);
	ok(!det_svd_truncate(u, v, &error, w, 2, 3, 1, 1) && fabs(error) <= 0,
	    "a matrix of zeros");
}

int
main(void)
{
	test_eigen("one", 1, 1, 0);
	test_eigen("two", 2, 2, 0);
	test_eigen("random", 37, 37, 0);
	test_eigen("random", 150, 150, 0);
	test_eigen("of low rank", 40, 5, 0);
	test_eigen("diagonal, values many times over", 30, 30, 1);
	test_eigen("zero", 12, 0, 0);
	test_truncate(20, 35, 5, 20);
	test_truncate(35, 20, 5, 20);
	test_truncate(17, 300, 16, 17);
	test_truncate(40, 40, 1, 40);
	test_truncate(30, 50, 10, 4);
	test_refused();
	return done();
}
