/* SPDX-License-Identifier: MIT
 *
 * FNV-1a (Fowler, Noll, Vo): h = (h ^ byte) * prime, byte by byte, modulo 2^64.
 */
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

uint64_t
det_hash(uint64_t h, const void *data, size_t n)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h;
}

uint64_t
det_hash_text(const char *s)
{
	return det_hash(DET_HASH_START, s, strlen(s));
}

static int
insert(uint64_t *slot, size_t cap, uint64_t h)
{
	size_t i = (size_t)h & (cap - 1);

	for (; slot[i]; i = (i + 1) & (cap - 1))
		if (slot[i] == h)
			return 0;
	slot[i] = h;
	return 1;
}

enum det_err
det_nameset_add(int *is_new, struct det_nameset *set, const char *s)
{
	uint64_t *bigger, h = det_hash_text(s);
	size_t cap = set->cap ? 2 * set->cap : 64;
	enum det_err e;

	if (2 * (set->n + 1) > set->cap) {
		if ((e = det_calloc(&bigger, cap, sizeof *bigger)))
			return e;
		for (size_t i = 0; i < set->cap; i++)
			if (set->slot[i])
				(void)insert(bigger, cap, set->slot[i]);
		free(set->slot);
		set->slot = bigger;
		set->cap = cap;
	}
	*is_new = insert(set->slot, set->cap, h ? h : 1);
	set->n += (size_t)*is_new;
	return DET_OK;
}

void
det_nameset_release(struct det_nameset *set)
{
	free(set->slot);
	*set = (struct det_nameset){ 0 };
}
