/* SPDX-License-Identifier: MIT */
#include "base/idmap.h"

#include <stdlib.h>

#include "base/mem.h"

/* Ids are often 1, 2, 3 ...: a multiplication spreads them, and what an adversary can do
 * by choosing them is to make a table of his own slow. */
static size_t
place(int64_t id, size_t cap)
{
	uint64_t h = (uint64_t)id * UINT64_C(0x9e3779b97f4a7c15);

	return (size_t)(h ^ h >> 32) & (cap - 1);
}

static struct det_idmap_slot *
find(const struct det_idmap *m, int64_t id)
{
	size_t at = place(id, m->cap);

	while (m->slot[at].index != DET_IDMAP_NONE && m->slot[at].id != id)
		at = (at + 1) & (m->cap - 1);
	return &m->slot[at];
}

static enum det_err
widen(struct det_idmap *m)
{
	struct det_idmap wider = { .n = m->n };
	enum det_err e;

	if ((e = det_mul(&wider.cap, m->cap ? m->cap : 32, 2)) ||
	    (e = det_alloc(&wider.slot, wider.cap, sizeof *wider.slot)))
		return e;
	for (size_t i = 0; i < wider.cap; i++)
		wider.slot[i].index = DET_IDMAP_NONE;
	for (size_t i = 0; i < m->cap; i++)
		if (m->slot[i].index != DET_IDMAP_NONE)
			*find(&wider, m->slot[i].id) = m->slot[i];
	free(m->slot);
	*m = wider;
	return DET_OK;
}

enum det_err
det_idmap_add(int *is_new, struct det_idmap *m, int64_t id, uint32_t index)
{
	struct det_idmap_slot *s;
	enum det_err e;

	if (index == DET_IDMAP_NONE)
		return det_fail(
		    DET_LIMIT, "more than %lu ids", (unsigned long)DET_IDMAP_NONE);
	if (2 * (m->n + 1) > m->cap && (e = widen(m)))
		return e;
	s = find(m, id);
	*is_new = s->index == DET_IDMAP_NONE;
	if (*is_new) {
		*s = (struct det_idmap_slot){ id, index };
		m->n++;
	}
	return DET_OK;
}

uint32_t
det_idmap_find(const struct det_idmap *m, int64_t id)
{
	return m->n ? find(m, id)->index : DET_IDMAP_NONE;
}

void
det_idmap_release(struct det_idmap *m)
{
	free(m->slot);
	*m = (struct det_idmap){ 0 };
}
