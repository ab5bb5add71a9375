/* SPDX-License-Identifier: MIT
 *
 * Batches from a stream: items with an input tensor "image" and a list "gt", as det-image
 * makes them of what det-gt read. A thread reads ahead, so that a step does not wait for the
 * pipe as long as the pipe is fast enough; how long it waited is told.
 *
 * Boxes are mapped to the input by the item's transform and cut at the picture's edges
 * there. One without an area, or that lies outside, or whose class the model does not have,
 * is left out and counted; a stream of which the model has no class at all is DET_INVALID.
 * So is a picture that states another normalisation than the model's. A box that is not finite is an error, as in any stream
 * (DET_CORRUPT). An item that is marked as bad is passed over and counted; one without a
 * picture or without a list is DET_INVALID.
 *
 * A batch is `size` items that follow one another. It ends before that where an item's
 * picture has another size, and at the end of the stream; the last may have no image, but
 * faults to tell of.
 */
#ifndef DET_BATCH_H
#define DET_BATCH_H

#include <signal.h>

#include "stream/item.h"
#include "stream/reader.h"
#include "train/objective.h"

/* A side of a box below this, in pixels of the input, is none. */
#define DET_BATCH_LEAST 0.01

enum det_batch_fault {
	DET_BATCH_NO_AREA,  /* of the box as annotated, or as mapped and cut */
	DET_BATCH_OUTSIDE,  /* of the picture */
	DET_BATCH_CLASS,    /* none of the model's */
	DET_BATCH_BAD,      /* an item marked as bad */
	DET_BATCH_PROPOSED, /* a proposal that never had an area */
	DET_BATCH_FAULTS
};

/* What a fault of that kind is, for people: "boxes without an area". */
const char *det_batch_fault_about(enum det_batch_fault f);

/* Pointers live until the next call of det_batches_next. */
struct det_labelled {
	struct det_tensor image;         /* (N,C,H,W) f32; of `lists` none */
	const struct det_example *truth; /* N */
	/* N; NULL where none were asked for. Those that lie outside the picture, by an
	 * augmentation or before, are not among them. */
	const struct det_proposed *proposed;
	char *const *path; /* N names, for messages */
	size_t n;
	int cut;        /* shorter than wanted, but not the stream's last */
	uint64_t items; /* of the stream, up to the batch's last one */
	uint64_t epoch; /* of the batch's last item, as det-image counts them; 0 */
	/* of these items: how many, and one of them in words ("item 7 'a.jpg': ...") */
	size_t faults[DET_BATCH_FAULTS];
	const char *fault[DET_BATCH_FAULTS];
};

struct det_batches_params {
	struct det_reader *in; /* at its beginning; must outlive the batches */
	int fd; /* that it reads from, to see whether bytes are there; -1: a file */
	const struct det_classes *classes; /* the model's; empty: labels are taken as
					    * they are; must outlive the batches */
	const char *norm;                  /* the model's, det_made_norm; NULL: any */
	const char *image, *gt;            /* names; NULL: "image" and "gt" */
	int lists; /* pictures are not looked at: boxes are in the pixels of the input or,
		    * where an item has none, of the original */
	const char *proposals; /* a list that every item must have; NULL: none wanted */
	size_t size;
	uint64_t first; /* number of the stream's first item */
	uint64_t skip;  /* items before this number are passed over; not below first */
	int ahead;      /* batches held ready, 1 .. 16 */
	/* Set by a signal's handler: det_batches_next gives up waiting. May be NULL. */
	const volatile sig_atomic_t *stop;
};

struct det_batches;

/* DET_INVALID where the classes of a stream, with the attributes of its head, and those of
 * a model have no name in common; where either has none, labels are taken as they are. */
enum det_err det_batch_classes_check(const struct det_classes *c,
    const struct det_attrs *head, const struct det_classes *model) DET_MUST_USE;

enum det_err det_batches_new(
    struct det_batches **out, const struct det_batches_params *p) DET_MUST_USE;
/* Waits for the thread, which may have to finish a record. */
void det_batches_free(struct det_batches *b);

/* The next batch; *out is NULL at the end of the stream, and where `stop` was set. Errors
 * of the stream come when all whole batches before them have been given. */
enum det_err det_batches_next(
    const struct det_labelled **out, struct det_batches *b) DET_MUST_USE;

/* Seconds that calls of det_batches_next have waited. */
double det_batches_waited(const struct det_batches *b);

/* The attributes of the stream's head, its history among them; after the first batch. */
const struct det_attrs *det_batches_head(const struct det_batches *b);

#endif
