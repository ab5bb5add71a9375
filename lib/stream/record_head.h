/* SPDX-License-Identifier: MIT
 *
 * The 128-byte head of a record, its attributes and its padding: bytes to fields and back.
 * Private to lib/stream; formats/stream.md section 3 is the text it follows.
 */
#ifndef DET_RECORD_HEAD_H
#define DET_RECORD_HEAD_H

#include "stream/record.h"

struct det_record_head {
	uint16_t major, minor;
	uint32_t kind, flags, attr_len, crc;
	uint64_t size;
	uint8_t dtype, rank;
	uint64_t dims[DET_MAX_RANK];
};

/* CRC-32 (zlib's, ISO 3309) of n bytes, continued from `crc` (0 to begin). */
uint32_t det_crc32(uint32_t crc, const void *data, size_t n);

/* Head and padded attributes to bytes: writes DET_HEAD_SIZE + det_pad(attr_len) bytes. */
void det_head_store(
    unsigned char *out, const struct det_record_head *h, const char *attrs);

/* First look at a head, before its attributes are read: magic, major version and the
 * lengths. After it attr_len and size may be believed to be within the limits. */
enum det_err det_head_peek(
    struct det_record_head *h, const unsigned char *bytes) DET_MUST_USE;

/* The fields and attributes alone: flags, attribute syntax, and for known kinds dtype,
 * shape, size and name. A writer asks this too, so that what can't be read is refused
 * where it is made. */
enum det_err det_head_valid(
    const struct det_record_head *h, const char *attrs) DET_MUST_USE;

/* Full check with the padded attributes in hand: CRC, padding, reserved bytes, and what
 * det_head_valid checks. */
enum det_err det_head_check(const struct det_record_head *h, const unsigned char *bytes,
    const unsigned char *attrs) DET_MUST_USE;

#endif
