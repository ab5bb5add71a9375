/* SPDX-License-Identifier: MIT
 *
 * Numbers by chance, the same in every run of a test.
 */
#ifndef DET_RND_H
#define DET_RND_H

#include <stdint.h>

/* In [lo, hi); one sequence for the whole program. */
static inline double
rnd(double lo, double hi)
{
	static uint64_t seed = 1;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return lo + (hi - lo) * (double)(seed >> 40) / (double)(1 << 24);
}

#endif
