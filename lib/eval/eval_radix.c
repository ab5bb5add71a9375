/* SPDX-License-Identifier: MIT */
#include "eval/eval_radix.h"

#include <string.h>

#define BITS 11
#define FEW  48 /* up to here insertion is faster */

uint64_t
det_eval_score_key(double score)
{
	uint64_t u;

	score += 0.0;
	memcpy(&u, &score, sizeof u);
	return u >> 63 ? u : ~u & ~(UINT64_C(1) << 63);
}

static size_t
digit(const struct det_eval_keyed *k, int d)
{
	return k->key >> d * BITS & (DET_EVAL_BUCKETS - 1);
}

static void
insertion(struct det_eval_keyed *a, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		const struct det_eval_keyed x = a[i];
		size_t j = i;

		for (; j > 0 && a[j - 1].key > x.key; j--)
			a[j] = a[j - 1];
		a[j] = x;
	}
}

static void
pass(struct det_eval_keyed *b, const struct det_eval_keyed *a, size_t n,
    uint32_t *count, int d)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < DET_EVAL_BUCKETS; i++) {
		uint32_t here = count[i];

		count[i] = sum;
		sum += here;
	}
	for (size_t i = 0; i < n; i++)
		b[count[digit(&a[i], d)]++] = a[i];
}

struct det_eval_keyed *
det_eval_radix(struct det_eval_keyed *a, struct det_eval_keyed *b, size_t n,
    uint32_t count[DET_EVAL_DIGITS][DET_EVAL_BUCKETS])
{
	struct det_eval_keyed *swap;

	if (n <= FEW) {
		insertion(a, n);
		return a;
	}
	memset(count, 0, DET_EVAL_DIGITS * sizeof *count);
	for (size_t i = 0; i < n; i++)
		for (int d = 0; d < DET_EVAL_DIGITS; d++)
			count[d][digit(&a[i], d)]++;
	for (int d = 0; d < DET_EVAL_DIGITS; d++) {
		if (count[d][digit(&a[0], d)] == n)
			continue;
		pass(b, a, n, count[d], d);
		swap = a;
		a = b;
		b = swap;
	}
	return a;
}
