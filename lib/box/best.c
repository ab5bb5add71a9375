/* SPDX-License-Identifier: MIT
 *
 * Selection by partition (C. A. R. Hoare, Algorithm 65: Find, 1961), with the middle of
 * three as pivot. Keys are distinct. The pool holds four times as many as are kept before it
 * throws out the rest, so each candidate costs a bounded number of steps on the average.
 */
#include "box/best.h"

#include <stdlib.h>

#include "base/mem.h"

static uint64_t
middle(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t lo = a < b ? a : b, hi = a < b ? b : a;

	return c < lo ? lo : c > hi ? hi : c;
}

void
det_best_select(uint64_t *key, size_t n, size_t k)
{
	ptrdiff_t lo = 0, hi = (ptrdiff_t)n - 1, last = (ptrdiff_t)k - 1, i, j;
	uint64_t pivot, swap;

	if (k == 0 || k >= n)
		return;
	/* what is before lo is among the smallest, what is after hi is not */
	while (lo < hi) {
		pivot = middle(key[lo], key[lo + (hi - lo) / 2], key[hi]);
		i = lo;
		j = hi;
		while (i <= j) {
			while (key[i] < pivot)
				i++;
			while (key[j] > pivot)
				j--;
			if (i > j)
				break;
			swap = key[i];
			key[i++] = key[j];
			key[j--] = swap;
		}
		if (j < last)
			lo = i;
		if (last < i)
			hi = j;
	}
}

static int
by_key(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void
det_best_start(struct det_best *b, size_t keep, float floor)
{
	b->n = 0;
	b->keep = keep;
	b->floor = floor;
	b->bar = UINT64_MAX;
}

void
det_best_release(struct det_best *b)
{
	free(b->key);
	*b = (struct det_best){ 0 };
}

static void
trim(struct det_best *b)
{
	uint64_t worst = 0;

	if (!b->keep || b->n <= b->keep)
		return;
	det_best_select(b->key, b->n, b->keep);
	b->n = b->keep;
	for (size_t i = 0; i < b->n; i++)
		worst = b->key[i] > worst ? b->key[i] : worst;
	b->floor = fmaxf(b->floor, det_best_score(worst));
	b->bar = worst;
}

enum det_err
det_best_room(struct det_best *b, size_t n)
{
	size_t need;
	enum det_err e;

	if (b->keep && b->n / 4 >= b->keep)
		trim(b);
	if ((e = det_add(&need, b->n, n)))
		return e;
	return det_grow(&b->key, &b->cap, need, sizeof *b->key);
}

void
det_best_sort(struct det_best *b)
{
	trim(b);
	qsort(b->key, b->n, sizeof *b->key, by_key);
}
