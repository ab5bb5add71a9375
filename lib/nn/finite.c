/* SPDX-License-Identifier: MIT
 *
 * The search for NaN and infinity runs at the speed of memory: a float is neither exactly
 * where its exponent bits are not all ones, an integer comparison that the compiler makes
 * into vector code; a block of 1024 gives one answer, and only a block that says yes is
 * looked at again. Being integers, this holds under any floating-point options.
 */
#include "nn/finite.h"

#include <stdint.h>
#include <string.h>

#define BLOCK 1024
#define MIN_PER_THREAD \
	((size_t)1 << 16) /* below this a thread costs more than it saves */

static uint32_t
odd(const float *x)
{
	uint32_t u;

	memcpy(&u, x, sizeof u);
	return (u & 0x7f800000u) == 0x7f800000u;
}

static uint32_t
block_odd(const float *x)
{
	uint32_t any[16] = { 0 };
	size_t i, j;

	for (i = 0; i < BLOCK; i += 16)
		for (j = 0; j < 16; j++)
			any[j] |= odd(x + i + j);
	for (j = 1; j < 16; j++)
		any[0] |= any[j];
	return any[0];
}

static size_t
first(const float *x, size_t n)
{
	size_t i = 0;

	while (i + BLOCK <= n && !block_odd(x + i))
		i += BLOCK;
	while (i < n && !odd(x + i))
		i++;
	return i;
}

size_t
det_finite_first(const float *x, size_t n, int threads)
{
	size_t parts = n / MIN_PER_THREAD, best = n, t;

	if (parts > (size_t)threads)
		parts = (size_t)threads;
	if (parts < 2)
		return first(x, n);
#pragma omp parallel for num_threads(threads) schedule(static) reduction(min : best)
	for (t = 0; t < parts; t++) {
		size_t from = n * t / parts, to = n * (t + 1) / parts;
		size_t at = from + first(x + from, to - from);

		if (at < to && at < best)
			best = at;
	}
	return best;
}
