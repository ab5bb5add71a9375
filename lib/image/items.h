/* SPDX-License-Identifier: MIT
 *
 * Pictures named by the items of a stream (det-gt writes such): each with the records that
 * came with it, which are to be passed on.
 */
#ifndef DET_ITEMS_H
#define DET_ITEMS_H

#include "stream/item.h"
#include "stream/reader.h"

/* Whether what comes on a descriptor is a stream: looks at its first bytes and leaves them
 * there (regular files, pipes and sockets; of others it can't be told: 0). Waits for them. */
int det_items_are_next(int fd);

struct det_items;

/* Reads the first STRM: *strm is loaded, with its history and class table. Does not own the
 * reader. */
enum det_err det_items_new(struct det_items **out, struct det_record *strm,
    struct det_reader *rd) DET_MUST_USE;
void det_items_free(struct det_items *s);

/* One item and what came with it: the tensor "source" apart, and without "image" and
 * "image.N", which an earlier reading of the picture made. Start from {0}. */
struct det_items_one {
	struct det_item item;
	struct det_record head;  /* the ITEM as it came */
	struct det_record *with; /* loaded, in order */
	size_t n, cap;
	unsigned char *source; /* malloc'd; NULL: none */
	size_t source_size;
};
void det_items_one_release(struct det_items_one *one);
/* Copies all of it; *out is {0} after a failure. */
enum det_err det_items_one_copy(
    struct det_items_one *out, const struct det_items_one *from) DET_MUST_USE;
/* The first list of boxes of that name, NULL where there is none. */
struct det_record *det_items_one_boxes(
    const struct det_items_one *one, const char *name);

/* The next item; out->item.path is NULL at the end. A second STRM must have the class table
 * of the first. */
enum det_err det_items_next(
    struct det_items *s, struct det_items_one *out) DET_MUST_USE;

#endif
