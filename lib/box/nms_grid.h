/* SPDX-License-Identifier: MIT
 *
 * Boxes by place and size, so that those that overlap a given one are found without looking
 * at all. Private to lib/box.
 */
#ifndef DET_NMS_GRID_H
#define DET_NMS_GRID_H

#include "box/nms_impl.h"

#define DET_GRID_LEVELS 128
#define DET_GRID_NONE   UINT32_MAX

/* What a query reads of a chunk that it does not look into. */
struct det_grid_link {
	uint32_t next;  /* in the bucket */
	uint32_t stamp; /* the last query that found it */
};

struct det_grid {
	struct det_chunk *chunk;
	struct det_grid_link *link; /* of each chunk */
	size_t n, cap;
	uint32_t *found; /* what det_grid_near found: numbers of chunks */
	/* private */
	uint32_t *head; /* first chunk of each bucket */
	unsigned shift; /* a hash's top bits are its bucket */
	uint32_t loose; /* first chunk of boxes that are in no bucket */
	uint32_t stamp; /* number of the query */
	int flat;       /* no buckets: every query finds all chunks */
	int lo, hi;     /* levels that hold boxes */
	unsigned char used[DET_GRID_LEVELS];
	double one, least;
};

/* Room for the n boxes of f (or some of them), which are added later. Queries will be asked
 * for boxes whose overlap is above `least`, 0 or more; `one` is that of the overlaps. */
enum det_err det_grid_new(struct det_grid *g, const struct det_fbox *f, size_t n,
    double least, float one) DET_MUST_USE;
void det_grid_free(struct det_grid *g);

/* `id` is the caller's. Returns the box's place: DET_CHUNK * chunk + place in it, below
 * DET_CHUNK * g->cap. */
size_t det_grid_add(struct det_grid *g, const struct det_fbox *b, uint32_t id);

/* How many chunks are in g->found, each once: all boxes whose IoU with *b is above the
 * grid's least are in them, among others. */
size_t det_grid_near(struct det_grid *g, const struct det_fbox *b);

#endif
