/* SPDX-License-Identifier: MIT
 *
 * Is every value a number? Private to lib/nn.
 */
#ifndef DET_FINITE_H
#define DET_FINITE_H

#include <stddef.h>

/* Index of the first NaN or infinity among n floats; n where there is none. In threads. */
size_t det_finite_first(const float *x, size_t n, int threads);

#endif
