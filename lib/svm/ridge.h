/* SPDX-License-Identifier: MIT
 *
 * Ridge regression of the four box deltas on features, rows added one by one.
 */
#ifndef DET_RIDGE_H
#define DET_RIDGE_H

#include <stddef.h>

#include "base/err.h"

#define DET_RIDGE_TARGETS 4

struct det_ridge;

/* About how many bytes the regression below takes, its matrix and all. */
double det_ridge_bytes(size_t rows, size_t dims);
/* DET_LIMIT where that matrix takes more than `memory` bytes. */
enum det_err det_ridge_fits(size_t rows, size_t dims, size_t memory) DET_MUST_USE;
/* For `rows` rows of `dims` features, which count times scale, and a constant 1 besides;
 * lambda above 0. DET_LIMIT as det_ridge_fits has it. */
enum det_err det_ridge_new(struct det_ridge **out, size_t rows, size_t dims,
    double scale, double lambda, size_t memory, int threads) DET_MUST_USE;
void det_ridge_free(struct det_ridge *r);

/* One row with its targets; as many as were announced, or fewer. */
enum det_err det_ridge_add(struct det_ridge *r, const float *x,
    const float target[DET_RIDGE_TARGETS]) DET_MUST_USE;

/* w (4, dims) and b (4) of targets = w x + b for a row as it is, without the scale; all 0
 * where no row came. Call it once. `error` are the rows' mean squared errors. */
enum det_err det_ridge_solve(double *w, double b[DET_RIDGE_TARGETS],
    double error[DET_RIDGE_TARGETS], struct det_ridge *r) DET_MUST_USE;

/* Solves (A + lambda I) X = B in place of B (n, 4): A (n, n) symmetric, of which the lower
 * triangle is read and overwritten. DET_INVALID where that is not positive definite. */
enum det_err det_ridge_cholesky(
    double *b, double *a, size_t n, double lambda, int threads) DET_MUST_USE;

#endif
