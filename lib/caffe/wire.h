/* SPDX-License-Identifier: MIT
 *
 * Protobuf's wire format, read in place and within bounds. Private to lib/caffe.
 */
#ifndef DET_WIRE_H
#define DET_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { CF_VARINT = 0, CF_FIXED64 = 1, CF_BYTES = 2, CF_FIXED32 = 5 };

/* A message that lies in p[0 .. n); `base` is where in the file that is, for messages. */
struct cf_wire {
	const unsigned char *p;
	size_t n, at, base;
	const char *file;
};

/* One field. */
struct cf_item {
	uint32_t number;
	int type;
	uint64_t value;       /* CF_VARINT, CF_FIXED* */
	struct cf_wire bytes; /* CF_BYTES: the payload */
	size_t offset;        /* in the file, of the field's tag */
};

/* Reads the next field; *more = 0 at the message's end. DET_CORRUPT "FILE: at byte N: ..."
 * where a length passes the end, a number is above 64 bits, or a wire type is one
 * that no writer uses. */
enum det_err cf_wire_next(
    struct cf_item *out, int *more, struct cf_wire *w) DET_MUST_USE;

/* A bare varint of a packed list. */
enum det_err cf_wire_varint(uint64_t *out, struct cf_wire *w) DET_MUST_USE;

/* DET_CORRUPT where the field is not of that wire type. */
enum det_err cf_wire_want(
    const struct cf_item *f, int type, const char *file, const char *what) DET_MUST_USE;

#endif
