/* SPDX-License-Identifier: MIT
 *
 * A data set's own ids (any 64-bit number, 0 and negatives too) to indices 0, 1, 2 ...
 */
#ifndef DET_IDMAP_H
#define DET_IDMAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Start from {0}. */
struct det_idmap {
	struct det_idmap_slot *slot; /* open addressing */
	size_t n, cap;
};

/* *index is the id's: the number of ids that were there before it, where it is new. */
enum det_err det_idmap_add(
    size_t *index, int *is_new, struct det_idmap *m, int64_t id) DET_MUST_USE;
/* 1 where it is there. */
int det_idmap_find(size_t *index, const struct det_idmap *m, int64_t id);
void det_idmap_release(struct det_idmap *m);

#endif
