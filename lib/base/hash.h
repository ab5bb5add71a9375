/* SPDX-License-Identifier: MIT
 *
 * FNV-1a in 64 bits: digests of what was read, seeds from names, sets of names. Not against
 * an adversary.
 */
#ifndef DET_HASH_H
#define DET_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define DET_HASH_START UINT64_C(0xcbf29ce484222325) /* of no bytes */

/* The hash of n more bytes after those that gave h. */
uint64_t det_hash(uint64_t h, const void *data, size_t n);
uint64_t det_hash_text(const char *s);

/* A set of strings, eight bytes for each: two with the same hash count as one. Start from
 * {0}. */
struct det_nameset {
	uint64_t *slot; /* open addressing, 0 is free */
	size_t n, cap;
};

/* Adds s; *is_new says whether it was not there before. */
enum det_err det_nameset_add(
    int *is_new, struct det_nameset *set, const char *s) DET_MUST_USE;
void det_nameset_release(struct det_nameset *set);

#endif
