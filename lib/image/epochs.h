/* SPDX-License-Identifier: MIT
 *
 * The items of a stream as training wants them: over and over, shuffled, in batches of one
 * size, each with a view of its own.
 *
 * All that chance decides of an item follows from (seed, epoch, the item's place in the
 * stream), so shares of the sequence can be made by different processes.
 */
#ifndef DET_EPOCHS_H
#define DET_EPOCHS_H

#include "image/augment.h"
#include "image/inputs.h"

#define DET_EPOCHS_SIZES 64

struct det_epochs_params {
	long epochs; /* how often; 0: without end */
	int shuffle; /* the order drawn anew for each epoch */
	uint64_t seed;
	/* Items 0..batch-1 of what is written have one size of input, the next batch
	 * another perhaps. At least 1. */
	size_t batch;
	int group; /* batches of upright pictures, and of others */
	/* Sides to choose from, a side for `every` batches: both sides of a stretch or
	 * letterbox, the shorter one of short; 0: that of the fit. */
	size_t size[DET_EPOCHS_SIZES], n_sizes, every;
	uint64_t
	    largest_from; /* number of the batch from which on it is the largest; 0: none */
	long shard, shards; /* batches shard, shard + shards, ...; from 0 */
	uint64_t from;      /* leave out as many items of what would be written */
	const char *name;   /* of the list of objects: "gt" */
	struct det_augment augment;
	struct det_fit fit;
	enum det_kernel kernel;
};

/* "320,416,608" or "320-608/32": sides, none above 65535. */
enum det_err det_epochs_sizes(
    size_t *size, size_t *n, size_t max, const char *text) DET_MUST_USE;

/* What to make of an item. */
struct det_lesson {
	long epoch;
	int known; /* the picture's size is, so that the rest is set */
	struct det_fit fit;
	struct det_window part;
	struct det_place place;
	int flip, vflip;
	struct det_light light;
	struct det_boxes gt; /* space image, in the part */
	int listed;          /* the item has a list of objects */
	size_t dropped;      /* objects that were no use, before anything was cut */
	size_t first;        /* the first of them, */
	const char *why;     /* and what is wrong with it */
};

void det_lesson_release(struct det_lesson *l);

struct det_epochs;

/* Looks at the first item. Where it brings its picture along, items are taken as they come,
 * once, in their order; else all are read to the end and kept. Does not own `items`. */
enum det_err det_epochs_new(struct det_epochs **out, struct det_items *items,
    const struct det_epochs_params *p) DET_MUST_USE;
void det_epochs_free(struct det_epochs *s);

int det_epochs_live(const struct det_epochs *s);     /* whether taken as they come */
size_t det_epochs_count(const struct det_epochs *s); /* items kept */

/* The next item, the caller's until det_input_release; path is NULL at the end. The list of
 * objects is in the lesson and no more among the item's records. */
enum det_err det_epochs_next(
    struct det_epochs *s, struct det_input *in, struct det_lesson *lesson) DET_MUST_USE;

#endif
