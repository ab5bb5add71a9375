/* SPDX-License-Identifier: MIT
 *
 * Offline memory planning: greedy by size (Pisarchyk and Lee, "Efficient Memory Management
 * for Deep Neural Net Inference", 2020). Spans are placed from the largest to the
 * smallest, each into the lowest gap, among the spans already placed that live at the same
 * time, where it fits. For networks that is within a few per cent of the largest sum of
 * spans alive at once, which no plan can go below.
 */
#include "nn/arena.h"

#include <stdlib.h>

#include "base/mem.h"

/* Largest first; equals in the order given, by address. */
static int
by_size(const void *pa, const void *pb)
{
	const struct det_span *a = *(struct det_span *const *)pa;
	const struct det_span *b = *(struct det_span *const *)pb;

	if (a->size != b->size)
		return a->size < b->size ? 1 : -1;
	return a < b ? -1 : a > b;
}

/* The lowest offset for s; `placed` is sorted by offset. */
static size_t
gap(struct det_span *const *placed, size_t n, const struct det_span *s)
{
	size_t at = 0, i;

	for (i = 0; i < n; i++) {
		const struct det_span *p = placed[i];

		if (p->last < s->first || p->first > s->last)
			continue;
		if (p->at >= at && p->at - at >= s->size)
			break;
		if (p->at + p->size > at)
			at = p->at + p->size;
	}
	return at;
}

enum det_err
det_arena_place(struct det_span *span, size_t n, size_t *total)
{
	struct det_span **order = NULL, **placed = NULL;
	size_t i, j, end;
	enum det_err e;

	*total = 0;
	if ((e = det_alloc(&order, n, sizeof *order)) ||
	    (e = det_alloc(&placed, n, sizeof *placed)))
		goto out;
	for (i = 0; i < n; i++)
		order[i] = &span[i];
	qsort(order, n, sizeof *order, by_size);
	for (i = 0; i < n; i++) {
		order[i]->at = gap(placed, i, order[i]);
		if ((e = det_add(&end, order[i]->at, order[i]->size)))
			goto out;
		if (end > *total)
			*total = end;
		for (j = i; j > 0 && placed[j - 1]->at > order[i]->at; j--)
			placed[j] = placed[j - 1];
		placed[j] = order[i];
	}
out:
	free(order);
	free(placed);
	return e;
}
