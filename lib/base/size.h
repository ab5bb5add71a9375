/* SPDX-License-Identifier: MIT
 *
 * Small arithmetic on sizes that are known to be far from overflow: parts of a loop, rows of
 * a block. What comes from outside goes through det_add and det_mul (base/mem.h).
 */
#ifndef DET_SIZE_H
#define DET_SIZE_H

#include <stddef.h>

static inline size_t
det_least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t
det_most(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* a / b, rounded up. */
static inline size_t
det_ceil_div(size_t a, size_t b)
{
	return (a + b - 1) / b;
}

/* The least multiple of `to` that is not below n. */
static inline size_t
det_round_up(size_t n, size_t to)
{
	return det_ceil_div(n, to) * to;
}

#endif
