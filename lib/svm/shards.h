/* SPDX-License-Identifier: MIT
 *
 * Features that were computed once and stored: streams of items, each with its objects, its
 * boxes and a tensor with a row for each box. Read from the first to the last as often as
 * one likes.
 */
#ifndef DET_SHARDS_H
#define DET_SHARDS_H

#include <stdint.h>

#include "stream/boxes.h"
#include "stream/item.h"

struct det_shards_params {
	const char *const *path; /* regular files: they are mapped */
	size_t n;
	const struct det_classes
	    *classes;             /* the model's: what labels become, by name */
	const char *gt, *boxes;   /* lists: objects, and what rows are of */
	const char *features;     /* tensor: a row of each box */
	const char *box_features; /* another, or the same, or NULL: none */
};

struct det_shard_item {
	size_t number; /* of those that are not bad, from 0 */
	const struct det_item *item;
	/* in the input's pixels; objects of classes that the model does not have are left
	 * out */
	struct det_boxes gt, boxes;
	const float *x,
	    *box_x; /* (boxes.n, dims), (boxes.n, box_dims); box_x NULL: none */
};

struct det_shards;

enum det_err det_shards_open(
    struct det_shards **out, const struct det_shards_params *p) DET_MUST_USE;
void det_shards_close(struct det_shards *s);

/* Before the first item. */
void det_shards_rewind(struct det_shards *s);
/* The next item; it and what it points to live until the next call. *more is 0 at the end.
 * All of a stream is checked the first time: its CRCs, that each item has both lists and a
 * row for each box, that numbers are finite and rows have one length. Errors name the file
 * and the item. */
enum det_err det_shards_next(
    struct det_shards *s, struct det_shard_item **it, int *more) DET_MUST_USE;

/* Once all was read. Features of a row; 0 where no row came. */
size_t det_shards_dims(const struct det_shards *s);
size_t det_shards_box_dims(const struct det_shards *s);
/* Their shapes, (C, H, W). */
void det_shards_shape(size_t chw[3], const struct det_shards *s, int box);
size_t det_shards_bad(const struct det_shards *s);     /* items marked as bad */
size_t det_shards_unknown(const struct det_shards *s); /* objects of no class known */

#endif
