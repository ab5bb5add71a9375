/* SPDX-License-Identifier: MIT
 *
 * Which pictures of a data set, in which order.
 */
#ifndef DET_PICK_H
#define DET_PICK_H

#include "data/truth.h"

struct det_pick {
	int sort;    /* by the names of the files, without folders */
	int shuffle; /* then in an order drawn with the seed */
	long seed;
	long shard, shards; /* then those at shard, shard + shards, ...; from 0 */
};

#define DET_PICK_ALL        \
	{                   \
		.shards = 1 \
	}

/* "2/8" into shard 1 of 8. */
enum det_err det_pick_shard(struct det_pick *p, const char *text) DET_MUST_USE;

/* *order is malloc'd: n indices of pictures. */
enum det_err det_pick_order(size_t **order, size_t *n, const struct det_truth *t,
    const struct det_pick *p) DET_MUST_USE;

/* *number is malloc'd: of each picture its place before shuffling and sharing. */
enum det_err det_pick_numbers(
    size_t **number, const struct det_truth *t, const struct det_pick *p) DET_MUST_USE;

#endif
