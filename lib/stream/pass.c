/* SPDX-License-Identifier: MIT
 *
 * Payloads: into memory, on to the next pipe, or both.
 *
 * On to the next pipe is splice(2): the pages change hands inside the kernel, no byte is
 * copied. Both is tee(2) and read(2): what lies in the input pipe is first duplicated into
 * the output pipe, which copies references to pages, and then read, so that a stage that
 * uses a payload and passes it on costs the one copy that using it costs. A pyramid of
 * feature maps is 74 MB a picture; every copy of it that is not made saves some 20 ms
 * (tests/bench/pipe_copy). Where one of the ends is no pipe, bytes are read and written.
 *
 * A payload is read in pieces that fit a core's cache and each is summed at once, while it
 * is there: a second walk through memory for the CRC would cost half as much as the read.
 * So a payload that is used and passed on is on its way before its CRC is known. Where it
 * turns out wrong the caller learns of it after the record is complete, and breaks the
 * stream off behind it; who uses the payload downstream finds the same wrong sum.
 *
 * Memory for a payload from a pipe grows with the bytes that have arrived: a head may
 * claim gigabytes, but only a sender of gigabytes gets them.
 */
#define _GNU_SOURCE
#include "stream/pass.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stream/reader_impl.h"
#include "stream/record_head.h"

#define FIRST_CHUNK ((size_t)64 << 20)
#define PIECE       ((size_t)256 << 10)
/* What one call may move: the kernel's own limit is a little below 2^31. */
#define MOST ((size_t)1 << 30)

/* Where the bytes of a payload go besides memory. */
struct copy {
	int fd; /* -1: nowhere */
	const char *name;
	int teeing;   /* tee(2) has not been refused */
	size_t ahead; /* bytes that are in fd already and not yet read */
};

/* After a splice(2) or tee(2) that failed: either end may be the one that would block. */
static int
again(const struct det_reader *rd, int fd)
{
	int err = errno, empty = err == EAGAIN && det_reader_would_block(rd);

	errno = err;
	return empty ? det_fd_again(rd->fd, 0) : det_fd_again(fd, 1);
}

/* Duplicates what the input has of the payload, a byte at least; nothing where that can't
 * be done between these two. */
static enum det_err
duplicate(struct det_reader *rd, struct copy *c)
{
	size_t n = rd->payload < MOST ? (size_t)rd->payload : MOST;
	ssize_t m;

	do
		m = tee(rd->fd, c->fd, n, 0);
	while (m < 0 && again(rd, c->fd));
	if (m < 0 && errno == EINVAL) {
		c->teeing = 0;
		return DET_OK;
	}
	if (m < 0)
		return det_fail(DET_IO, "%s:", c->name);
	if (m == 0)
		return det_reader_ended(rd, "inside a payload");
	c->ahead = (size_t)m;
	return DET_OK;
}

/* Reads n bytes of the payload into p, piece by piece: copied and summed. */
static enum det_err
take_pieces(
    struct det_reader *rd, unsigned char *p, size_t n, int summed, struct copy *c)
{
	size_t want;
	enum det_err e;

	for (; n > 0; p += want, n -= want) {
		want = n < PIECE ? n : PIECE;

		if (c->teeing && !c->ahead && (e = duplicate(rd, c)))
			return e;
		if (c->ahead && c->ahead < want)
			want = c->ahead;
		if ((e = det_reader_take_payload(rd, p, want)))
			return e;
		if (c->ahead)
			c->ahead -= want;
		else if (c->fd >= 0 && (e = det_write_all(c->fd, p, want, c->name)))
			return e;
		if (summed)
			rd->sum = det_crc32(rd->sum, p, want);
	}
	return DET_OK;
}

/* Makes r's own memory hold `want` bytes, and keeps the first `have`. */
static enum det_err
make_room(struct det_record *r, size_t have, size_t want)
{
	void *p;
	enum det_err e;

	if (r->own && want <= r->own_cap)
		return DET_OK;
	if ((e = det_alloc(&p, want, 1)))
		return e;
	if (have)
		memcpy(p, r->own, have);
	free(r->own);
	r->own = p;
	r->own_cap = want;
	return DET_OK;
}

/* Reads the payload from a pipe into r's own memory, which grows as bytes arrive. */
static enum det_err
load_pipe(struct det_reader *rd, struct det_record *r, struct copy *c)
{
	int summed = (r->flags & DET_HAS_CRC) != 0;
	size_t have = 0;
	enum det_err e;

	rd->sum = 0;
	do {
		size_t want = r->size < FIRST_CHUNK ? r->size : FIRST_CHUNK;

		if (have) /* full: double */
			want = r->size / 2 < have ? r->size : have * 2;
		if (want < r->own_cap)
			want = r->own_cap < r->size ? r->own_cap : r->size;
		if ((e = make_room(r, have, want)) ||
		    (e = take_pieces(
			 rd, (unsigned char *)r->own + have, want - have, summed, c)))
			return e;
		have = want;
	} while (have < r->size);
	r->tensor.data = r->own;
	return DET_OK;
}

enum det_err
det_reader_load(struct det_reader *rd, struct det_record *r, int fd, const char *name)
{
	struct copy c = { .fd = fd, .name = name, .teeing = fd >= 0 };

	if (rd->fd >= 0)
		return load_pipe(rd, r, &c);
	/* never written through: the map is read-only and so are its users */
	r->tensor.data = (void *)(uintptr_t)(rd->map.data + (size_t)rd->offset);
	rd->offset += rd->payload;
	rd->payload = 0;
	return DET_OK;
}

enum det_err
det_reader_check(struct det_reader *rd, struct det_record *r)
{
	enum det_err e;

	r->reader = NULL;
	if ((e = det_reader_take_padding(rd)))
		return e;
	if (!(r->flags & DET_HAS_CRC) || rd->trust)
		return DET_OK;
	if (rd->fd < 0)
		rd->sum = det_crc32(0, r->tensor.data, r->size);
	if (rd->sum != r->crc)
		return det_fail(DET_CORRUPT,
		    "the check over the payload of %s '%s' does not match",
		    det_kind_name(r->kind), det_record_name(r));
	return DET_OK;
}

enum det_err
det_record_load(struct det_record *r)
{
	struct det_reader *rd = r->reader;
	enum det_err e;

	if (r->tensor.data || !rd)
		return DET_OK;
	if ((e = det_reader_load(rd, r, -1, NULL)))
		return e;
	return det_reader_check(rd, r);
}

/* What splice(2) does, for ends that it refuses. */
static enum det_err
pass_copied(struct det_reader *rd, int fd, const char *name)
{
	static _Thread_local unsigned char buf[1 << 16];
	enum det_err e;

	while (rd->payload) {
		size_t n = rd->payload < sizeof buf ? (size_t)rd->payload : sizeof buf;

		if ((e = det_reader_take_payload(rd, buf, n)))
			return e;
		if ((e = det_write_all(fd, buf, n, name)))
			return e;
	}
	return DET_OK;
}

enum det_err
det_reader_pass(struct det_reader *rd, int fd, const char *name)
{
	enum det_err e;

	while (rd->payload) {
		size_t n = rd->payload < MOST ? (size_t)rd->payload : MOST;
		ssize_t m =
		    splice(rd->fd, NULL, fd, NULL, n, SPLICE_F_MOVE | SPLICE_F_MORE);

		if (m < 0 && again(rd, fd))
			continue;
		if (m < 0 && errno == EINVAL) {
			if ((e = pass_copied(rd, fd, name)))
				return e;
			break;
		}
		if (m < 0)
			return det_fail(DET_IO, "%s:", name);
		if (m == 0)
			return det_reader_ended(rd, "inside a payload");
		rd->payload -= (uint64_t)m;
		rd->offset += (uint64_t)m;
	}
	return det_reader_take_padding(rd);
}
