/* SPDX-License-Identifier: MIT
 *
 * An archive of files stored as they are: an index of where they lie. Private to
 * lib/weights.
 */
#ifndef DET_ZIP_H
#define DET_ZIP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct zip_entry {
	const char *name; /* in the archive, not NUL-terminated */
	size_t n_name;
	const unsigned char *data;
	size_t size;
	uint32_t crc;
};

struct zip {
	struct zip_entry *e; /* by name */
	size_t n;
};

/* Indexes an archive, which must outlive it: 32 and 64 bit. What is compressed, encrypted
 * or in several parts is DET_UNSUPPORTED. Every offset is checked; names are unique. */
enum det_err zip_open(struct zip *z, const unsigned char *p, size_t size) DET_MUST_USE;
void zip_close(struct zip *z);

/* NULL where there is none of that name. */
const struct zip_entry *zip_find(const struct zip *z, const char *name, size_t n);

/* The check over an entry; one of 0 is taken as none (writers may leave it out). */
enum det_err zip_verify(const struct zip_entry *e) DET_MUST_USE;

#endif
