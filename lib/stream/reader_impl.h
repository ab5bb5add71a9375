/* SPDX-License-Identifier: MIT
 *
 * The reader's state and its way to bytes: what reader.c (heads, grammar) and pass.c
 * (payloads) share. Private to lib/stream.
 */
#ifndef DET_READER_IMPL_H
#define DET_READER_IMPL_H

#include "base/file.h"
#include "stream/reader.h"

struct det_reader {
	int fd; /* -1: mapped */
	char *name;
	struct det_map map;
	int lent;         /* the map is the caller's */
	uint64_t offset;  /* of the next unread byte */
	uint64_t payload; /* bytes of the current payload not yet taken */
	uint64_t padding; /* zeros after it not yet taken */
	uint32_t sum;     /* CRC of the payload that was last read from a pipe */
	int inside;       /* between STRM and END */
	int began;        /* something was read */
	int trust;
	int failed; /* a FAIL record came */
	uint64_t records, items;
};

/* Reads up to n bytes; *got < n only at the end of the input. Moves the offset, not the
 * count of what the payload has left. */
enum det_err det_reader_take(
    struct det_reader *rd, void *buf, size_t n, size_t *got) DET_MUST_USE;
/* Reads n bytes of the payload, which has so many left. */
enum det_err det_reader_take_payload(
    struct det_reader *rd, void *buf, size_t n) DET_MUST_USE;
/* Takes the zeros after a payload, and checks that they are. */
enum det_err det_reader_take_padding(struct det_reader *rd) DET_MUST_USE;
/* "input ended early: WHERE, at byte N" */
enum det_err det_reader_ended(const struct det_reader *rd, const char *where);

#endif
