/* SPDX-License-Identifier: MIT
 *
 * A zip archive is read from its end: the end record (22 bytes and a comment of up to 65535)
 * says where the central directory is, which says where each entry's local header is, after
 * which its bytes lie.
 *
 *   end record   50 4b 05 06, disk 2, disk 2, entries here 2, entries 2, size of the
 *                directory 4, its offset 4, comment length 2
 *   64-bit       a locator (50 4b 06 07, disk 4, offset 8, disks 4) right before the end
 *                record leads to 50 4b 06 06, size 8, versions 4, disks 8, entries here 8,
 *                entries 8, size 8, offset 8. It counts where a field of the end record is
 *                all ones
 *   directory    50 4b 01 02, versions 4, flags 2, method 2, time 4, CRC 4, compressed 4,
 *                size 4, lengths of name, extra and comment 2 each, disk 2, attributes 6,
 *                offset of the local header 4. Extra field 1 holds size, compressed size
 *                and offset in 8 bytes each, those of them that are all ones
 *   local        50 4b 03 04, 22 bytes that repeat the directory, lengths of name and
 *                extra 2 each, name, extra, then the bytes
 *
 * The directory is believed, the local header only for its lengths: sizes there may be 0
 * (flag 8, a descriptor follows the bytes). What torch writes is stored, padded by an extra
 * field so that bytes begin at multiples of 64; that is not relied upon.
 *
 * Source: PKWARE's APPNOTE 6.3, sections 4.3 to 4.5. Departures: stored entries only, one
 * disk, no bytes before the archive, directory and end record next to each other.
 */
#include "weights/zip.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "stream/record_head.h"

#define END_SIZE     22
#define LOCATOR_SIZE 20
#define END64_SIZE   56
#define ENTRY_SIZE   46
#define LOCAL_SIZE   30

#define ONES16 0xffffu
#define ONES32 0xffffffffu

struct directory {
	uint64_t offset, size, entries;
};

static int
is(const unsigned char *p, unsigned a, unsigned b)
{
	return p[0] == 'P' && p[1] == 'K' && p[2] == a && p[3] == b;
}

/* The last end record whose comment ends where the archive does. */
static enum det_err
find_end(size_t *at, const unsigned char *p, size_t size)
{
	size_t far = size < END_SIZE + ONES16 ? 0 : size - END_SIZE - ONES16;

	if (size >= END_SIZE)
		for (size_t i = size - END_SIZE + 1; i-- > far;)
			if (is(p + i, 5, 6) &&
			    det_le16(p + i + 20) == size - i - END_SIZE) {
				*at = i;
				return DET_OK;
			}
	return det_fail(DET_TRUNCATED, "the zip archive has no end record: cut short?");
}

/* A directory ends before the record that tells of it, which is at `at`. */
static enum det_err
check_place(const struct directory *d, size_t at)
{
	if (d->offset <= at && d->size <= at - d->offset)
		return DET_OK;
	return det_fail(DET_CORRUPT,
	    "the zip directory lies outside the archive: %llu bytes at %llu",
	    (unsigned long long)d->size, (unsigned long long)d->offset);
}

static enum det_err
read_end64(struct directory *d, const unsigned char *p, size_t end)
{
	uint64_t at;

	if (end < LOCATOR_SIZE + END64_SIZE || !is(p + end - LOCATOR_SIZE, 6, 7))
		return det_fail(
		    DET_CORRUPT, "the zip archive lacks its 64-bit locator");
	at = det_le64(p + end - LOCATOR_SIZE + 8);
	if (at > end - LOCATOR_SIZE - END64_SIZE || !is(p + at, 6, 6))
		return det_fail(
		    DET_CORRUPT, "the zip archive lacks its 64-bit end record");
	if (det_le32(p + at + 16) || det_le32(p + at + 20) ||
	    det_le64(p + at + 24) != det_le64(p + at + 32))
		return det_fail(DET_UNSUPPORTED, "a zip archive in several parts");
	d->entries = det_le64(p + at + 32);
	d->size = det_le64(p + at + 40);
	d->offset = det_le64(p + at + 48);
	return check_place(d, at);
}

static enum det_err
read_end(struct directory *d, const unsigned char *p, size_t size)
{
	const unsigned char *end;
	size_t at = 0;
	enum det_err e;

	if ((e = find_end(&at, p, size)))
		return e;
	end = p + at;
	d->entries = det_le16(end + 10);
	d->size = det_le32(end + 12);
	d->offset = det_le32(end + 16);
	if (d->entries == ONES16 || d->size == ONES32 || d->offset == ONES32)
		return read_end64(d, p, at);
	if (det_le16(end + 4) || det_le16(end + 6) || det_le16(end + 8) != d->entries)
		return det_fail(DET_UNSUPPORTED, "a zip archive in several parts");
	return check_place(d, at);
}

/* What 32 bits could not hold, from extra field 1: v[0] size, v[1] compressed size, v[2]
 * offset, each only where it is all ones. */
static enum det_err
read_extra64(uint64_t v[3], const unsigned char *p, size_t n)
{
	size_t len, at;

	if (v[0] != ONES32 && v[1] != ONES32 && v[2] != ONES32)
		return DET_OK;
	for (; n >= 4; p += 4 + len, n -= 4 + len) {
		len = det_le16(p + 2);
		if (len > n - 4)
			break;
		if (det_le16(p) != 1)
			continue;
		at = 4;
		for (int i = 0; i < 3; i++) {
			if (v[i] != ONES32)
				continue;
			if (at + 8 > 4 + len)
				return det_fail(
				    DET_CORRUPT, "its 64-bit sizes are cut short");
			v[i] = det_le64(p + at);
			at += 8;
		}
		return DET_OK;
	}
	return det_fail(DET_CORRUPT, "its 64-bit sizes are missing");
}

/* Follows an entry to its bytes, which end before the directory does begin. */
static enum det_err
find_data(struct zip_entry *e, const unsigned char *p, uint64_t limit, uint64_t local)
{
	uint64_t skip;

	if (local > limit || limit - local < LOCAL_SIZE || !is(p + local, 3, 4))
		return det_fail(DET_CORRUPT, "no local header at byte %llu",
		    (unsigned long long)local);
	skip =
	    LOCAL_SIZE + (uint64_t)det_le16(p + local + 26) + det_le16(p + local + 28);
	if (skip > limit - local || e->size > limit - local - skip)
		return det_fail(DET_CORRUPT,
		    "%zu bytes at byte %llu do not fit into the archive", e->size,
		    (unsigned long long)(local + skip));
	if (det_le16(p + local + 26) != e->n_name ||
	    memcmp(p + local + LOCAL_SIZE, e->name, e->n_name) != 0)
		return det_fail(DET_CORRUPT, "another name in its local header");
	e->data = p + local + skip;
	return DET_OK;
}

static enum det_err
check_method(const unsigned char *entry)
{
	unsigned flags = det_le16(entry + 8), method = det_le16(entry + 10);

	if (flags & 1)
		return det_fail(DET_UNSUPPORTED, "it is encrypted");
	if (method != 0)
		return det_fail(DET_UNSUPPORTED,
		    "it is compressed (method %u), stored entries expected: unpack the "
		    "archive and pack it with zip -0",
		    method);
	return DET_OK;
}

/* The entry at p + *at, which moves on. */
static enum det_err
read_entry(
    struct zip_entry *e, const unsigned char *p, size_t *at, const struct directory *d)
{
	const unsigned char *c = p + *at;
	size_t left = (size_t)(d->offset + d->size) - *at, n_extra, whole;
	uint64_t v[3];
	enum det_err err;

	if (left < ENTRY_SIZE || !is(c, 1, 2))
		return det_fail(
		    DET_CORRUPT, "the zip directory is damaged at byte %zu", *at);
	e->n_name = det_le16(c + 28);
	n_extra = det_le16(c + 30);
	whole = ENTRY_SIZE + e->n_name + n_extra + det_le16(c + 32);
	if (whole > left)
		return det_fail(
		    DET_CORRUPT, "the zip directory is damaged at byte %zu", *at);
	e->name = (const char *)c + ENTRY_SIZE;
	e->crc = det_le32(c + 16);
	v[0] = det_le32(c + 24);
	v[1] = det_le32(c + 20);
	v[2] = det_le32(c + 42);
	if ((err = check_method(c)) ||
	    (err = read_extra64(v, c + ENTRY_SIZE + e->n_name, n_extra)))
		goto fail;
	if (v[0] != v[1]) {
		err = det_fail(DET_CORRUPT, "it is stored, but of two sizes");
		goto fail;
	}
	e->size = (size_t)v[0];
	if ((err = find_data(e, p, d->offset, v[2])))
		goto fail;
	*at += whole;
	return DET_OK;
fail:
	return det_fail_in(
	    err, "zip entry '%.*s'", e->n_name > 200 ? 200 : (int)e->n_name, e->name);
}

static int
name_cmp(const char *a, size_t na, const char *b, size_t nb)
{
	int c = memcmp(a, b, na < nb ? na : nb);

	return c ? c : (na > nb) - (na < nb);
}

static int
by_name(const void *a, const void *b)
{
	const struct zip_entry *x = a, *y = b;

	return name_cmp(x->name, x->n_name, y->name, y->n_name);
}

static enum det_err
check_entries(const struct zip *z, size_t size)
{
	size_t sum = 0;
	enum det_err e;

	for (size_t i = 0; i < z->n; i++) {
		if (i && by_name(&z->e[i - 1], &z->e[i]) == 0)
			return det_fail(DET_CORRUPT, "two zip entries named '%.*s'",
			    z->e[i].n_name > 200 ? 200 : (int)z->e[i].n_name,
			    z->e[i].name);
		if ((e = det_add(&sum, sum, z->e[i].size)))
			return e;
	}
	if (sum > size)
		return det_fail(DET_CORRUPT, "zip entries overlap");
	return DET_OK;
}

enum det_err
zip_open(struct zip *z, const unsigned char *p, size_t size)
{
	struct directory d;
	size_t at;
	enum det_err e;

	*z = (struct zip){ 0 };
	if ((e = read_end(&d, p, size)))
		return e;
	/* an entry takes 46 bytes: so many can't be a lie that costs memory */
	if (d.entries > d.size / ENTRY_SIZE)
		return det_fail(DET_CORRUPT,
		    "%llu zip entries in a directory of %llu bytes",
		    (unsigned long long)d.entries, (unsigned long long)d.size);
	if ((e = det_calloc(&z->e, (size_t)d.entries, sizeof *z->e)))
		return e;
	at = (size_t)d.offset;
	for (; z->n < d.entries; z->n++)
		if ((e = read_entry(&z->e[z->n], p, &at, &d)))
			goto fail;
	if (z->n)
		qsort(z->e, z->n, sizeof *z->e, by_name);
	if ((e = check_entries(z, size)))
		goto fail;
	return DET_OK;
fail:
	zip_close(z);
	return e;
}

void
zip_close(struct zip *z)
{
	free(z->e);
	*z = (struct zip){ 0 };
}

const struct zip_entry *
zip_find(const struct zip *z, const char *name, size_t n)
{
	size_t lo = 0, hi = z->n, mid;
	int c;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		c = name_cmp(name, n, z->e[mid].name, z->e[mid].n_name);
		if (c == 0)
			return &z->e[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

enum det_err
zip_verify(const struct zip_entry *e)
{
	if (e->crc && det_crc32(0, e->data, e->size) != e->crc)
		return det_fail(DET_CORRUPT,
		    "zip entry '%.*s': the check over its bytes does not match",
		    e->n_name > 200 ? 200 : (int)e->n_name, e->name);
	return DET_OK;
}
