/* SPDX-License-Identifier: MIT
 *
 * One record of a stream, and the layout that formats/stream.md fixes: a head of 128
 * bytes, attributes as text, a payload; attributes and payload each padded with zeros to
 * a multiple of 64 bytes, so that payloads are aligned wherever streams are concatenated.
 */
#ifndef DET_RECORD_H
#define DET_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/tensor.h"

#define DET_STREAM_MAJOR 1
#define DET_STREAM_MINOR 0
#define DET_HEAD_SIZE    128

/* Limits a reader holds a record to before it allocates anything. */
#define DET_MAX_ATTRS   ((size_t)1 << 20)
#define DET_MAX_PAYLOAD ((uint64_t)1 << 34)

#define DET_FOURCC(a, b, c, d) \
	((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

/* Kinds of this version. A kind whose first letter is small is ancillary: a reader that
 * does not know it passes it on untouched. Any other unknown kind is an error. */
#define DET_STREAM DET_FOURCC('S', 'T', 'R', 'M') /* opens a stream: history, classes */
#define DET_ITEM   DET_FOURCC('I', 'T', 'E', 'M') /* opens one image */
#define DET_TENSOR DET_FOURCC('T', 'E', 'N', 'S')
#define DET_BOXES  DET_FOURCC('B', 'O', 'X', 'S')
#define DET_TEXT   DET_FOURCC('T', 'E', 'X', 'T')
#define DET_END    DET_FOURCC('E', 'N', 'D', '.') /* closes a stream: counts */
#define DET_FAILED DET_FOURCC('F', 'A', 'I', 'L') /* breaks a stream off: who and why */

#define DET_HAS_CRC 1u /* flag: the head carries a CRC-32 of the payload */

struct det_reader;

/* Attributes: lines "key=value\n", value with \\, \n and \r escaped. */
struct det_attrs {
	char *text;
	size_t len, cap;
};

/* A record owns its attributes and, where it was read from a pipe, its payload; start
 * from {0} and end with det_record_release. Fields to read: kind, tensor (dtype, rank and
 * dims are the head's; data is the payload once loaded), attrs, size. */
struct det_record {
	uint32_t kind;
	uint32_t flags;
	uint32_t crc;   /* of the payload, where flags say so */
	uint16_t minor; /* version of the format that the record was made for */
	struct det_tensor tensor; /* .data: payload, NULL until det_record_load */
	struct det_attrs attrs;
	size_t size;     /* bytes of payload */
	uint64_t offset; /* of the head, from the start of its input */
	/* private */
	struct det_reader *reader; /* holds the payload while it is not loaded */
	void *own;                 /* payload memory, grown and reused */
	size_t own_cap;
};

void det_record_release(struct det_record *r);

/* Brings the payload in: r->tensor.data points at r->size bytes, aligned to 64, valid
 * until r is released, read into again, or (mapped input) its reader closed. Verifies the
 * payload's CRC where there is one. Must come before the reader's next record. Idempotent. */
enum det_err det_record_load(struct det_record *r) DET_MUST_USE;

/* The name of a kind: "STRM", "a\?bc" for bytes that don't print; in a static buffer of
 * the thread. */
const char *det_kind_name(uint32_t kind);

/* The first value of the key, unescaped, malloc'd and the caller's; NULL where the key is
 * absent. */
enum det_err det_attr_get(
    char **value, const struct det_attrs *a, const char *key) DET_MUST_USE;
/* Whether it is there and has that value. */
int det_attr_is(const struct det_attrs *a, const char *key, const char *value);
/* The value as a whole number from lo to hi; *v is untouched where the key is absent. */
enum det_err det_attr_long(
    long *v, const struct det_attrs *a, const char *key, long lo, long hi) DET_MUST_USE;

/* Adds key=value (after those present; keys may repeat), or replaces the first. */
enum det_err det_attr_add(
    struct det_attrs *a, const char *key, const char *value) DET_MUST_USE;
enum det_err det_attr_set(
    struct det_attrs *a, const char *key, const char *value) DET_MUST_USE;

/* Walks all attributes in order: *at starts at 0; *value is malloc'd and the caller's.
 * *key is NULL at the end. */
enum det_err det_attr_next(
    const struct det_attrs *a, size_t *at, char **key, char **value) DET_MUST_USE;

/* The attribute "name", or "" ; valid until the attributes change. Names are plain
 * (no escapes), at most 255 bytes: letters, digits and / . _ - : + */
const char *det_record_name(const struct det_record *r);

#endif
