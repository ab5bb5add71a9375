/* SPDX-License-Identifier: MIT
 *
 * OpenBLAS, loaded at run time with kernels that suit the processor. (det_blas_info, for
 * reports, is in nn/engine.h.)
 */
#ifndef DET_BLAS_H
#define DET_BLAS_H

#include <stddef.h>

#include "base/err.h"

/* Loads the library once, for all threads; later calls are free and give the same result.
 * DET_UNSUPPORTED where it is not installed. It changes the environment for a moment: a
 * program with threads of its own that read the environment calls it before it starts
 * them. */
enum det_err det_blas_load(void) DET_MUST_USE;

/* C (m,n) = A . B + beta C, row-major, A (m,k) or with ta given as (k,m), B (k,n) or with
 * tb as (n,k); lda, ldb, ldc are the distances between rows. On the calling thread only;
 * threads may call it at the same time. Needs a det_blas_load that succeeded. */
void det_sgemm(float *c, size_t ldc, const float *a, size_t lda, int ta, const float *b,
    size_t ldb, int tb, size_t m, size_t n, size_t k, float beta);

#endif
