/* SPDX-License-Identifier: MIT
 *
 * Eigenvectors of symmetric matrices.
 */
#ifndef DET_EIGEN_H
#define DET_EIGEN_H

#include <stddef.h>

#include "base/err.h"

/* The eigenvalues of the symmetric (n,n) matrix a, all n of them, the largest first, and the
 * unit eigenvectors of the first `want` as the rows of vector (want,n); their signs are left
 * open. a is overwritten. DET_INVALID where a holds NaN or infinity. Takes about 5 n^3
 * multiplications and n^2 numbers besides; the result does not depend on the threads. */
enum det_err det_eigen(double *value, double *vector, size_t want, double *a, size_t n,
    int threads) DET_MUST_USE;

#endif
