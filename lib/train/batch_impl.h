/* SPDX-License-Identifier: MIT
 *
 * What the files of batches share: batch.c has the thread and hands slots about,
 * batch_items.c fills them from the stream's records. Private to lib/train.
 */
#ifndef DET_BATCH_IMPL_H
#define DET_BATCH_IMPL_H

#include <pthread.h>

#include "train/batch.h"

#define DET_BATCH_MAX_AHEAD 16
#define DET_BATCH_TEXT      256

struct det_batch_slot {
	struct det_labelled out;
	size_t cap; /* of images, in floats */
	struct det_example *truth;
	struct det_proposed *proposed;
	size_t *first; /* of each image's boxes; then of its proposals */
	char **path;
	struct det_boxes boxes, places; /* objects, proposals of all images */
	char text[DET_BATCH_FAULTS][DET_BATCH_TEXT];
};

struct det_batches {
	struct det_batches_params p;
	struct det_batch_slot slot[DET_BATCH_MAX_AHEAD + 1];
	size_t n_slots;
	double waited;
	/* the thread's alone */
	struct det_record r, image;
	struct det_item item;
	struct det_boxes gt, proposals;
	int open, have_gt, have_image, have_proposals;
	long epoch;
	uint64_t items;
	int32_t *label; /* of the stream's classes; -1: none of the model's */
	size_t n_label;
	struct det_classes classes; /* the stream's */
	int head_read;
	/* shared */
	pthread_t thread;
	int started;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t filled, taken; /* batches, ever */
	int ended, quit;
	enum det_err err;
	char message[1024];
	struct det_attrs head;
};

/* A slot to be filled, NULL where nobody wants more. */
struct det_batch_slot *det_batch_slot_next(struct det_batches *b);
/* It is full, or there is no more: the caller's. */
void det_batch_slot_give(struct det_batches *b, struct det_batch_slot *s);

/* The record that was read, b->r, into the slot, or into the next; *s is NULL where nobody
 * wants more. */
enum det_err det_batch_record(
    struct det_batches *b, struct det_batch_slot **s) DET_MUST_USE;

#endif
