/* SPDX-License-Identifier: MIT
 *
 * Truncated SVD by way of the smaller Gram matrix, in double precision. With A = W or its
 * transpose, whichever has fewer rows,
 *
 *   G = A A' = Q' diag(s^2) Q,   A ~ Q_t' (Q_t A)
 *
 * Q_t being the t eigenvectors of the largest eigenvalues. What is left out is the sum of
 * the other eigenvalues. Squaring loses the singular values below about 1e-8 of the
 * largest, which for matrices of floats are noise.
 *
 * Girshick (Fast R-CNN, ICCV 2015, section 3.1) calls the two factors U_t and S_t V_t'; only
 * their product matters.
 */
#include "nn/svd.h"

#include <math.h>
#include <stdlib.h>

#include "base/finite.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "nn/eigen.h"

enum { TILE = 16, ROWS = 4, DEEP = 256, WIDE = 128 };

struct job {
	const float *a; /* (p, q), p <= q */
	size_t p, q, rank;
	double *gram;  /* (p, p) */
	double *basis; /* (rank, p) */
	float *out;    /* (rank, q): basis * a */
	double *panel; /* DEEP * TILE of each worker */
};

/* Columns [j0, j0 + TILE) of G, from the diagonal down. */
static void
gram_tile(const void *ctx, size_t task, int worker)
{
	const struct job *j = ctx;
	const size_t j0 = task * TILE, cols = j->p - j0 < TILE ? j->p - j0 : TILE;
	double *panel = j->panel + (size_t)worker * DEEP * TILE;

	for (size_t k0 = 0; k0 < j->q; k0 += DEEP) {
		const size_t deep = j->q - k0 < DEEP ? j->q - k0 : DEEP;

		for (size_t c = 0; c < TILE; c++)
			for (size_t k = 0; k < deep; k++)
				panel[k * TILE + c] =
				    c < cols ? (double)j->a[(j0 + c) * j->q + k0 + k]
					     : 0;
		for (size_t i = j0; i < j->p; i += ROWS) {
			const size_t rows = j->p - i < ROWS ? j->p - i : ROWS;
			double acc[ROWS][TILE] = { { 0 } };

			for (size_t k = 0; k < deep; k++) {
				const double *b = panel + k * TILE;

				for (size_t r = 0; r < ROWS; r++) {
					const size_t row = i + (r < rows ? r : 0);
					const double x =
					    (double)j->a[row * j->q + k0 + k];

#pragma omp simd
					for (size_t c = 0; c < TILE; c++)
						acc[r][c] += x * b[c];
				}
			}
			for (size_t r = 0; r < rows; r++)
				for (size_t c = 0; c < cols; c++)
					j->gram[(i + r) * j->p + j0 + c] += acc[r][c];
		}
	}
}

/* Some columns of basis * a. */
static void
project(const void *ctx, size_t task, int worker)
{
	const struct job *j = ctx;
	const size_t x0 = task * WIDE, wide = j->q - x0 < WIDE ? j->q - x0 : WIDE;

	(void)worker;
	for (size_t r = 0; r < j->rank; r += ROWS) {
		const size_t rows = j->rank - r < ROWS ? j->rank - r : ROWS;
		double acc[ROWS][WIDE] = { { 0 } };

		for (size_t i = 0; i < j->p; i++) {
			const float *a = j->a + i * j->q + x0;

			for (size_t k = 0; k < rows; k++) {
				const double b = j->basis[(r + k) * j->p + i];

#pragma omp simd
				for (size_t x = 0; x < wide; x++)
					acc[k][x] += b * (double)a[x];
			}
		}
		for (size_t k = 0; k < rows; k++)
			for (size_t x = 0; x < wide; x++)
				j->out[(r + k) * j->q + x0 + x] = (float)acc[k][x];
	}
}

static void
transpose(float *out, const float *a, size_t rows, size_t cols)
{
	for (size_t i0 = 0; i0 < rows; i0 += TILE)
		for (size_t k = 0; k < cols; k++)
			for (size_t i = i0; i < rows && i < i0 + TILE; i++)
				out[k * rows + i] = a[i * cols + k];
}

/* Fills j->basis and j->out. */
static enum det_err
decompose(struct job *j, double *error, int threads)
{
	double *value, all = 0, left = 0;
	enum det_err e = det_alloc(&value, j->p, sizeof *value);

	if (e)
		return e;
	det_parallel(threads, (j->p + TILE - 1) / TILE, gram_tile, j);
	for (size_t i = 0; i < j->p; i++)
		for (size_t k = i + 1; k < j->p; k++)
			j->gram[i * j->p + k] = j->gram[k * j->p + i];
	if (!(e = det_eigen(value, j->basis, j->rank, j->gram, j->p, threads))) {
		for (size_t i = j->p; i-- > 0;) { /* the small ones first */
			all += fmax(value[i], 0);
			left = i == j->rank ? all : left;
		}
		*error = all > 0 ? sqrt(left / all) : 0;
		det_parallel(threads, (j->q + WIDE - 1) / WIDE, project, j);
	}
	free(value);
	return e;
}

static enum det_err
check(const float *w, size_t m, size_t n, size_t rank, int threads)
{
	const size_t least = m < n ? m : n;
	size_t count, odd;
	enum det_err e = det_mul(&count, m, n);

	if (e)
		return e;
	if (least > DET_SVD_MOST)
		return det_fail(DET_LIMIT,
		    "a matrix of %zux%zu: at most %d expected of its lesser side", m, n,
		    DET_SVD_MOST);
	if (rank < 1 || rank > least)
		return det_fail(DET_INVALID,
		    "a rank of 1 to %zu expected of a matrix of %zux%zu, found %zu",
		    least, m, n, rank);
	odd = det_finite_first(w, count, threads);
	if (odd < count)
		return det_fail(
		    DET_INVALID, "the matrix has NaN or infinity in row %zu", odd / n);
	return DET_OK;
}

enum det_err
det_svd_truncate(float *u, float *v, double *error, const float *w, size_t m, size_t n,
    size_t rank, int threads)
{
	const int turn = m > n;
	struct job j = {
		.a = w, .p = turn ? n : m, .q = turn ? m : n, .rank = rank, .out = v
	};
	float *turned = NULL, *basis = NULL;
	size_t area, bytes;
	enum det_err e = check(w, m, n, rank, threads);

	threads = threads > 0 ? threads : 1;
	if (e || (e = det_mul(&area, j.p, j.p)) || (e = det_mul(&bytes, j.p, rank)) ||
	    (e = det_calloc(&j.gram, area, sizeof *j.gram)) ||
	    (e = det_alloc(&j.basis, bytes, sizeof *j.basis)) ||
	    (e = det_alloc(&basis, bytes, sizeof *basis)) ||
	    (e = det_alloc(&j.panel, (size_t)threads, DEEP * TILE * sizeof *j.panel)))
		goto out;
	if (turn) {
		if ((e = det_alloc(&turned, m * n, sizeof *turned)) ||
		    (e = det_alloc(&j.out, rank * m, sizeof *j.out)))
			goto out;
		transpose(turned, w, m, n);
		j.a = turned;
	}
	if ((e = decompose(&j, error, threads)))
		goto out;
	for (size_t i = 0; i < bytes; i++)
		basis[i] = (float)j.basis[i];
	if (turn) { /* W = A' = (Q A)' Q */
		transpose(u, j.out, rank, m);
		for (size_t i = 0; i < bytes; i++)
			v[i] = basis[i];
	} else {
		transpose(u, basis, rank, m);
	}
out:
	free(j.gram);
	free(j.basis);
	free(j.panel);
	free(basis);
	free(turned);
	if (j.out != v)
		free(j.out);
	return e;
}
