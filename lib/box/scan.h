/* SPDX-License-Identifier: MIT
 *
 * The loops over all numbers of a class map. Private to the library.
 */
#ifndef DET_SCAN_H
#define DET_SCAN_H

#include <stddef.h>
#include <stdint.h>

struct det_scan {
	/* at[0 .. result) = the places i of x[0 .. n) where x[i] >= floor; *odd becomes 1
	 * where any x is NaN or infinity. */
	size_t (*above)(uint32_t *at, const float *x, size_t n, float floor, int *odd);
	/* the same with a floor for each place */
	size_t (*above_each)(
	    uint32_t *at, const float *x, const float *floor, size_t n, int *odd);
	/* of each of n columns, `channels` values `stride` apart: the largest, and the
	 * sum of exp(x - the largest) */
	void (*softmax)(float *most, float *sum, const float *x, size_t n,
	    size_t channels, size_t stride);
};

/* The best for this processor (DET_CPU chooses); all give equal results. */
const struct det_scan *det_scan_get(void);

#endif
