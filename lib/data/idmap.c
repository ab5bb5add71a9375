/* SPDX-License-Identifier: MIT
 *
 * Open addressing with linear probing, at most half full; ids are scattered by a product
 * with 2^64 over the golden ratio, of which the upper bits choose the slot (D. Knuth, TAOCP
 * 3, 6.4), so that runs of ids don't pile up.
 */
#include "data/idmap.h"

#include <stdlib.h>

#include "base/mem.h"

struct det_idmap_slot {
	int64_t id;
	size_t index1; /* index + 1; 0: free */
};

static size_t
place(const struct det_idmap *m, int64_t id)
{
	uint64_t h = (uint64_t)id * UINT64_C(0x9e3779b97f4a7c15);
	size_t i = (size_t)(h >> 32) & (m->cap - 1);

	while (m->slot[i].index1 && m->slot[i].id != id)
		i = (i + 1) & (m->cap - 1);
	return i;
}

static enum det_err
enlarge(struct det_idmap *m)
{
	struct det_idmap bigger = { NULL, m->n, m->cap ? 2 * m->cap : 256 };
	enum det_err e;

	if (bigger.cap > (size_t)1 << 31)
		return det_fail(DET_LIMIT, "more than %zu ids", m->n);
	if ((e = det_calloc(&bigger.slot, bigger.cap, sizeof *bigger.slot)))
		return e;
	for (size_t i = 0; i < m->cap; i++)
		if (m->slot[i].index1)
			bigger.slot[place(&bigger, m->slot[i].id)] = m->slot[i];
	free(m->slot);
	*m = bigger;
	return DET_OK;
}

enum det_err
det_idmap_add(size_t *index, int *is_new, struct det_idmap *m, int64_t id)
{
	struct det_idmap_slot *s;
	enum det_err e;

	if (2 * m->n >= m->cap && (e = enlarge(m)))
		return e;
	s = &m->slot[place(m, id)];
	*is_new = !s->index1;
	if (*is_new)
		*s = (struct det_idmap_slot){ id, ++m->n };
	*index = s->index1 - 1;
	return DET_OK;
}

int
det_idmap_find(size_t *index, const struct det_idmap *m, int64_t id)
{
	const struct det_idmap_slot *s = m->cap ? &m->slot[place(m, id)] : NULL;

	if (!s || !s->index1)
		return 0;
	*index = s->index1 - 1;
	return 1;
}

void
det_idmap_release(struct det_idmap *m)
{
	free(m->slot);
	*m = (struct det_idmap){ 0 };
}
