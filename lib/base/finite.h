/* SPDX-License-Identifier: MIT
 *
 * Is every value a number? Private to the library.
 */
#ifndef DET_FINITE_H
#define DET_FINITE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* 1 for NaN and infinity, else 0. In them alone all bits of the exponent are set: a test of
 * integers, which the compiler makes into vector code under any floating-point options. */
static inline __attribute__((always_inline)) uint32_t
det_float_odd(float x)
{
	uint32_t u;

	memcpy(&u, &x, sizeof u);
	return (u & 0x7f800000u) == 0x7f800000u;
}

/* Index of the first NaN or infinity among n floats; n where there is none. In threads. */
size_t det_finite_first(const float *x, size_t n, int threads);

#endif
