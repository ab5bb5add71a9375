/* SPDX-License-Identifier: MIT
 *
 * Ridge regression as R-CNN corrects boxes with (Girshick et al., CVPR 2014, appendix C;
 * rcnn_train_bbox_regressor.m): of rows x with targets y (the deltas of box/coder.h), with
 * z = (s x, 1) and the targets' mean m taken off first,
 *
 *   min over V  sum_i |y_i - m - V z_i|^2 + lambda |V|^2,   y(x) = V z + m
 *
 * so the constant's weight is regularised as well, which is what the mean is for. R-CNN
 * whitens the targets besides, y T with T = (cov + .001)^(-1/2), and multiplies what it
 * predicts by T's inverse. That changes nothing and is left out here: the weights are linear
 * in the targets, V = Y'Z (Z'Z + lambda)^(-1), so that T and its inverse cancel.
 *
 * Two ways to the same V, whichever is smaller: the normal equations (Z'Z + lambda) V' = Z'Y,
 * of dims + 1 unknowns, summed up row by row; or where there are no more rows than features
 * (Z Z' + lambda) A = Y with V = A'Z, of as many unknowns as rows, for which these are kept.
 * Sums are in double, in an order that does not depend on the number of threads; both
 * matrices are factored by Cholesky.
 */
#include "svm/ridge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"

enum { T = DET_RIDGE_TARGETS, BLOCK = 64, TILE = 4, LANES = 8 };

struct det_ridge {
	size_t rows, most, dims;
	double scale, lambda;
	int threads, dual;
	size_t m;       /* unknowns, a multiple of TILE */
	double *a;      /* (m, m), the lower triangle */
	double *z;      /* rows that are to be summed up (BLOCK, m) */
	size_t waiting; /* how many */
	double *zy;     /* sum of z y (m, T) */
	float *x, *y;   /* dual: all rows and targets */
	double sum[T], square[T];
};

static double
dot(const double *a, const double *b, size_t n)
{
	double sum[LANES] = { 0 }, all = 0;
	size_t i = 0;

	for (; i + LANES <= n; i += LANES)
#pragma omp simd
		for (size_t k = 0; k < LANES; k++)
			sum[k] += a[i + k] * b[i + k];
	for (size_t k = 0; i + k < n; k++)
		sum[k] += a[i + k] * b[i + k];
	for (size_t k = 0; k < LANES; k++)
		all += sum[k];
	return all;
}

/* --- Cholesky --- */

struct factor {
	double *a;
	size_t n, from, to; /* the columns at work */
};

/* Row i of the columns from .. to: A = L L', L in A's place. */
static void
factor_row(const struct factor *f, size_t i)
{
	double *row = f->a + i * f->n;

	for (size_t j = f->from; j < f->to && j < i; j++) {
		const double *other = f->a + j * f->n;

		row[j] = (row[j] - dot(row, other, j)) / other[j];
	}
}

static void
factor_below(const void *ctx, size_t i, int worker)
{
	const struct factor *f = ctx;

	(void)worker;
	factor_row(f, f->to + i);
}

static enum det_err
factor(double *a, size_t n, int threads)
{
	struct factor f = { .a = a, .n = n };

	for (; f.from < n; f.from = f.to) {
		f.to = f.from + BLOCK < n ? f.from + BLOCK : n;
		for (size_t i = f.from; i < f.to; i++) {
			double *d = &a[i * n + i];

			factor_row(&f, i);
			*d -= dot(a + i * n, a + i * n, i);
			if (!(*d > 0))
				return det_fail(DET_INVALID,
				    "the matrix of the regression is not positive "
				    "definite (row %zu): a larger lambda expected",
				    i);
			*d = sqrt(*d);
		}
		det_parallel(threads, n - f.to, factor_below, &f);
	}
	return DET_OK;
}

enum det_err
det_ridge_cholesky(double *b, double *a, size_t n, double lambda, int threads)
{
	enum det_err e;

	for (size_t i = 0; i < n; i++)
		a[i * n + i] += lambda;
	if ((e = factor(a, n, threads)))
		return e;
	for (size_t i = 0; i < n; i++)
		for (size_t t = 0; t < T; t++) {
			for (size_t j = 0; j < i; j++)
				b[i * T + t] -= a[i * n + j] * b[j * T + t];
			b[i * T + t] /= a[i * n + i];
		}
	for (size_t i = n; i-- > 0;)
		for (size_t t = 0; t < T; t++) {
			b[i * T + t] /= a[i * n + i];
			for (size_t j = 0; j < i; j++)
				b[j * T + t] -= a[i * n + j] * b[i * T + t];
		}
	return DET_OK;
}

/* --- sums --- */

/* TILE rows of A += Z'Z, up to the diagonal. */
static void
add_tile(const void *ctx, size_t i, int worker)
{
	const struct det_ridge *r = ctx;
	const size_t row = i * TILE;

	(void)worker;
	for (size_t col = 0; col <= row; col += TILE) {
		double sum[TILE][TILE] = { { 0 } };

		for (size_t k = 0; k < r->waiting; k++) {
			const double *z = r->z + k * r->m;

			for (size_t u = 0; u < TILE; u++)
#pragma omp simd
				for (size_t v = 0; v < TILE; v++)
					sum[u][v] += z[row + u] * z[col + v];
		}
		for (size_t u = 0; u < TILE; u++)
			for (size_t v = 0; v < TILE; v++)
				r->a[(row + u) * r->m + col + v] += sum[u][v];
	}
}

static void
add_waiting(struct det_ridge *r)
{
	det_parallel(r->threads, r->m / TILE, add_tile, r);
	r->waiting = 0;
}

double
det_ridge_bytes(size_t rows, size_t dims)
{
	const int dual = rows <= dims;
	const double m = (double)(dual ? rows : dims + 1);
	const double kept = dual ? (double)rows * (double)(dims + T) : 0;

	return sizeof(double) * m * (m + T + (dual ? 0 : BLOCK)) + sizeof(float) * kept;
}

/* A multiple of TILE. */
static size_t
unknowns(size_t rows, size_t dims)
{
	const size_t m = (rows <= dims ? rows : dims + 1) + TILE - 1;

	return m - m % TILE;
}

enum det_err
det_ridge_fits(size_t rows, size_t dims, size_t memory)
{
	const size_t m = unknowns(rows, dims);
	size_t square, bytes;
	enum det_err e;

	if ((e = det_mul(&square, m, m)) ||
	    (e = det_mul(&bytes, square, sizeof(double))) || bytes <= memory)
		return e;
	return det_fail(DET_LIMIT,
	    "%zu rows of %zu features want a matrix of %zu MiB, %zu are allowed", rows,
	    dims, (bytes >> 20) + 1, memory >> 20);
}

enum det_err
det_ridge_new(struct det_ridge **out, size_t rows, size_t dims, double scale,
    double lambda, size_t memory, int threads)
{
	struct det_ridge *r;
	size_t square;
	enum det_err e;

	*out = NULL;
	if ((e = det_ridge_fits(rows, dims, memory)) ||
	    (e = det_calloc(&r, 1, sizeof *r)))
		return e;
	*r = (struct det_ridge){ .most = rows,
		.dims = dims,
		.scale = scale,
		.lambda = lambda,
		.threads = threads,
		.dual = rows <= dims };
	r->m = unknowns(rows, dims);
	if ((e = det_mul(&square, r->m, r->m)) ||
	    (e = det_calloc(&r->a, square, sizeof *r->a)) ||
	    (e = det_calloc(&r->zy, r->m * T, sizeof *r->zy)))
		goto fail;
	if (r->dual) {
		if ((e = det_mul(&square, rows, dims)) ||
		    (e = det_alloc(&r->x, square, sizeof *r->x)) ||
		    (e = det_alloc(&r->y, rows * T, sizeof *r->y)))
			goto fail;
	} else if ((e = det_calloc(&r->z, BLOCK * r->m, sizeof *r->z))) {
		goto fail;
	}
	*out = r;
	return DET_OK;
fail:
	det_ridge_free(r);
	return e;
}

void
det_ridge_free(struct det_ridge *r)
{
	if (!r)
		return;
	free(r->a);
	free(r->z);
	free(r->zy);
	free(r->x);
	free(r->y);
	free(r);
}

enum det_err
det_ridge_add(struct det_ridge *r, const float *x, const float target[T])
{
	double *z;

	if (r->rows == r->most)
		return det_fail(
		    DET_INVALID, "more rows than the %zu that were announced", r->most);
	for (size_t t = 0; t < T; t++) {
		if (!isfinite(target[t]))
			return det_fail(DET_INVALID,
			    "a target of the box regression is not finite");
		r->sum[t] += (double)target[t];
		r->square[t] += (double)target[t] * (double)target[t];
	}
	if (r->dual) {
		memcpy(r->x + r->rows * r->dims, x, r->dims * sizeof *x);
		memcpy(r->y + r->rows++ * T, target, T * sizeof *target);
		return DET_OK;
	}
	z = r->z + r->waiting++ * r->m;
	for (size_t i = 0; i < r->dims; i++)
		z[i] = (double)x[i] * r->scale;
	z[r->dims] = 1;
	for (size_t i = 0; i <= r->dims; i++)
		for (size_t t = 0; t < T; t++)
			r->zy[i * T + t] += z[i] * (double)target[t];
	r->rows++;
	if (r->waiting == BLOCK)
		add_waiting(r);
	return DET_OK;
}

/* --- solutions --- */

static enum det_err
solve_primal(
    double *w, double b[T], double error[T], struct det_ridge *r, const double mean[T])
{
	const size_t n = r->dims;
	double *one, *right;
	enum det_err e;

	add_waiting(r);
	/* Z'(Y - 1 m): the sums of Z are in the constant's row */
	one = r->a + n * r->m;
	for (size_t i = 0; i <= n; i++)
		for (size_t t = 0; t < T; t++)
			r->zy[i * T + t] -= one[i] * mean[t];
	if ((e = det_alloc(&right, r->m * T, sizeof *right)))
		return e;
	memcpy(right, r->zy, r->m * T * sizeof *right);
	if (!(e = det_ridge_cholesky(right, r->a, r->m, r->lambda, r->threads)))
		for (size_t t = 0; t < T; t++) {
			/* |Y - ZV'|^2 by V(Z'Z)V' = V Z'Y - lambda |V|^2 */
			for (size_t i = 0; i <= n; i++) {
				const double v = right[i * T + t];

				error[t] -= v * (r->zy[i * T + t] + r->lambda * v);
				if (i < n)
					w[t * n + i] = v * r->scale;
			}
			b[t] = right[n * T + t] + mean[t];
		}
	free(right);
	return e;
}

/* A row of Z Z' */
static void
kernel_row(const void *ctx, size_t i, int worker)
{
	const struct det_ridge *r = ctx;

	(void)worker;
	for (size_t j = 0; j <= i; j++) {
		const float *x = r->x + i * r->dims, *y = r->x + j * r->dims;
		double sum[LANES] = { 0 }, all = 0;
		size_t k = 0;

		for (; k + LANES <= r->dims; k += LANES)
#pragma omp simd
			for (size_t u = 0; u < LANES; u++)
				sum[u] += (double)x[k + u] * (double)y[k + u];
		for (size_t u = 0; k + u < r->dims; u++)
			sum[u] += (double)x[k + u] * (double)y[k + u];
		for (size_t u = 0; u < LANES; u++)
			all += sum[u];
		r->a[i * r->m + j] = all * r->scale * r->scale + 1;
	}
}

static enum det_err
solve_dual(
    double *w, double b[T], double error[T], struct det_ridge *r, const double mean[T])
{
	/* once for the rows, once for the weights of rows as they come */
	const double square = r->scale * r->scale;
	enum det_err e;

	for (size_t i = 0; i < r->rows; i++)
		for (size_t t = 0; t < T; t++)
			r->zy[i * T + t] = (double)r->y[i * T + t] - mean[t];
	det_parallel(r->threads, r->rows, kernel_row, r);
	if ((e = det_ridge_cholesky(r->zy, r->a, r->m, r->lambda, r->threads)))
		return e;
	for (size_t t = 0; t < T; t++) {
		b[t] = mean[t];
		error[t] = 0;
		for (size_t i = 0; i < r->rows; i++) {
			const double a = r->zy[i * T + t];
			const float *x = r->x + i * r->dims;

			for (size_t k = 0; k < r->dims; k++)
				w[t * r->dims + k] += a * square * (double)x[k];
			b[t] += a;
			/* what is left of a row is lambda times its alpha */
			error[t] += r->lambda * r->lambda * a * a;
		}
	}
	return DET_OK;
}

enum det_err
det_ridge_solve(double *w, double b[T], double error[T], struct det_ridge *r)
{
	const double n = (double)r->rows;
	double mean[T];
	enum det_err e;

	memset(w, 0, T * r->dims * sizeof *w);
	for (size_t t = 0; t < T; t++)
		b[t] = error[t] = 0;
	if (r->rows == 0)
		return DET_OK;
	for (size_t t = 0; t < T; t++) {
		mean[t] = r->sum[t] / n;
		error[t] = r->square[t] - r->sum[t] * mean[t];
	}
	e = r->dual ? solve_dual(w, b, error, r, mean)
		    : solve_primal(w, b, error, r, mean);
	for (size_t t = 0; t < T; t++) {
		error[t] = fmax(error[t] / n, 0);
		if (!e && !isfinite(b[t]))
			e = det_fail(DET_INVALID, "the box regression is not finite");
	}
	return e;
}
