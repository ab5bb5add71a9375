/* SPDX-License-Identifier: MIT
 *
 * A map from numbers that somebody else chose (a data set's image ids, category ids) to
 * indices: open addressing, sixteen bytes a slot. Start from {0}.
 */
#ifndef DET_IDMAP_H
#define DET_IDMAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define DET_IDMAP_NONE UINT32_MAX

struct det_idmap {
	struct det_idmap_slot {
		int64_t id;
		uint32_t index; /* DET_IDMAP_NONE: free */
	} * slot;
	size_t n, cap;
};

/* Adds id -> index (below DET_IDMAP_NONE). Where the id is there already nothing changes
 * and *is_new is 0. */
enum det_err det_idmap_add(
    int *is_new, struct det_idmap *m, int64_t id, uint32_t index) DET_MUST_USE;
/* The index of an id, or DET_IDMAP_NONE. */
uint32_t det_idmap_find(const struct det_idmap *m, int64_t id);
void det_idmap_release(struct det_idmap *m);

#endif
