/* SPDX-License-Identifier: MIT
 *
 * The search for NaN and infinity runs at the speed of memory: a block of 1024 gives one
 * answer, in vectors, and only a block that says yes is looked at again.
 */
#include "base/finite.h"

#include "base/parallel.h"

#define BLOCK 1024
#define MIN_PER_THREAD \
	((size_t)1 << 16) /* below this a thread costs more than it saves */

static uint32_t
block_odd(const float *x)
{
	uint32_t any[16] = { 0 };
	size_t i, j;

	for (i = 0; i < BLOCK; i += 16)
		for (j = 0; j < 16; j++)
			any[j] |= det_float_odd(x[i + j]);
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
	while (i < n && !det_float_odd(x[i]))
		i++;
	return i;
}

#define MAX_PARTS 64

struct search {
	const float *x;
	size_t n, parts;
	size_t *found; /* per part: the first odd one, n if none */
};

static void
search_part(const void *ctx, size_t t, int worker)
{
	const struct search *s = ctx;
	size_t from = s->n / s->parts * t;
	size_t to = t + 1 == s->parts ? s->n : s->n / s->parts * (t + 1);
	size_t at = from + first(s->x + from, to - from);

	(void)worker;
	s->found[t] = at < to ? at : s->n;
}

size_t
det_finite_first(const float *x, size_t n, int threads)
{
	size_t found[MAX_PARTS], parts = n / MIN_PER_THREAD, t;
	struct search s = { x, n, 0, found };

	s.parts = parts < 1 ? 1 : parts > MAX_PARTS ? MAX_PARTS : parts;
	det_parallel(threads, s.parts, search_part, &s);
	for (t = 0; t < s.parts; t++)
		if (found[t] < n)
			return found[t];
	return n;
}
