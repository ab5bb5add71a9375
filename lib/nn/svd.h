/* SPDX-License-Identifier: MIT
 *
 * A matrix as the product of two thin ones: the truncated singular value decomposition.
 */
#ifndef DET_SVD_H
#define DET_SVD_H

#include <stddef.h>

#include "base/err.h"

#define DET_SVD_MOST 8192 /* the lesser side of a matrix */

/* u (m,rank) and v (rank,n), row-major: u v is the matrix of that rank nearest to w (m,n) in
 * the sum of squares. *error is the root of the sum of squares of w - u v over that of w
 * (0 where w is 0). DET_INVALID where rank is not 1 .. min(m,n) or w holds NaN or infinity,
 * DET_LIMIT where min(m,n) is above DET_SVD_MOST. Doesn't depend on the number of threads. */
enum det_err det_svd_truncate(float *u, float *v, double *error, const float *w,
    size_t m, size_t n, size_t rank, int threads) DET_MUST_USE;

#endif
