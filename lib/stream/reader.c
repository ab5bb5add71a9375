/* SPDX-License-Identifier: MIT
 *
 * One interface over two ways of reading. A regular file is mapped, and a payload is a
 * pointer into the map (what is in memory already is as good as mapped). From a pipe exactly the head and the attributes are read, never a
 * byte of the payload, so that a payload nobody here wants can go on to the next pipe
 * inside the kernel (det_writer_put). Head and attributes take two reads a record; records
 * are few (tens an item), so a buffer would save little and cost that. Payloads: pass.c.
 */
#define _GNU_SOURCE
#include "stream/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/mem.h"
#include "stream/record_head.h"
#include "stream/pass.h"
#include "stream/reader_impl.h"

enum det_err
det_reader_open_fd(struct det_reader **out, int fd, const char *name)
{
	struct det_reader *rd = calloc(1, sizeof *rd);
	struct stat st;
	enum det_err e;

	if (!rd)
		return det_fail(DET_NOMEM, "no memory for a reader");
	rd->fd = fd;
	if ((e = det_strdup(&rd->name, name)))
		goto fail;
	if (fstat(fd, &st) < 0) {
		e = det_fail(DET_IO, "%s:", name);
		goto fail;
	}
	if (S_ISDIR(st.st_mode)) {
		e = det_fail(
		    DET_INVALID, "%s: a det stream expected, found a directory", name);
		goto fail;
	}
	/* a descriptor that others have read from is read on, not mapped: the payloads'
	 * alignment counts from byte 0 */
	if (S_ISREG(st.st_mode) && lseek(fd, 0, SEEK_CUR) == 0) {
		if ((e = det_map_fd(&rd->map, fd, name)))
			goto fail;
		if (fd != 0)
			(void)close(fd);
		rd->fd = -1;
	} else {
		(void)fcntl(fd, F_SETPIPE_SZ, 1 << 20);
	}
	*out = rd;
	return DET_OK;
fail:
	free(rd->name);
	free(rd);
	return e;
}

enum det_err
det_reader_open(struct det_reader **out, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum det_err e;

	if (fd < 0)
		return det_fail(DET_IO, "%s:", path);
	if ((e = det_reader_open_fd(out, fd, path)))
		(void)close(fd);
	return e;
}

enum det_err
det_reader_open_bytes(
    struct det_reader **out, const void *data, size_t size, const char *name)
{
	struct det_reader *rd = calloc(1, sizeof *rd);
	enum det_err e;

	if (!rd)
		return det_fail(DET_NOMEM, "no memory for a reader");
	if ((e = det_strdup(&rd->name, name))) {
		free(rd);
		return e;
	}
	rd->fd = -1;
	rd->map = (struct det_map){ data, size };
	rd->lent = 1;
	*out = rd;
	return DET_OK;
}

void
det_reader_close(struct det_reader *rd)
{
	if (!rd)
		return;
	if (rd->fd > 0)
		(void)close(rd->fd);
	if (!rd->lent)
		det_map_close(&rd->map);
	free(rd->name);
	free(rd);
}

void
det_reader_trust(struct det_reader *rd)
{
	rd->trust = 1;
}

uint64_t
det_reader_offset(const struct det_reader *rd)
{
	return rd->offset;
}

int
det_reader_would_block(const struct det_reader *rd)
{
	struct pollfd p = { rd->fd, POLLIN, 0 };

	return rd->fd >= 0 && poll(&p, 1, 0) == 0;
}

enum det_err
det_reader_take(struct det_reader *rd, void *buf, size_t n, size_t *got)
{
	unsigned char *p = buf;

	*got = 0;
	if (rd->fd < 0) {
		size_t left = rd->map.size - (size_t)rd->offset;

		*got = n < left ? n : left;
		if (*got)
			memcpy(p, rd->map.data + rd->offset, *got);
		rd->offset += *got;
		return DET_OK;
	}
	while (*got < n) {
		ssize_t r = read(rd->fd, p + *got, n - *got);

		if (r < 0 && det_fd_again(rd->fd, 0))
			continue;
		if (r < 0)
			return det_fail(DET_IO, "%s:", rd->name);
		if (r == 0)
			break;
		*got += (size_t)r;
		rd->offset += (uint64_t)r;
	}
	return DET_OK;
}

enum det_err
det_reader_ended(const struct det_reader *rd, const char *where)
{
	return det_fail(DET_TRUNCATED, "input ended early: %s, at byte %llu", where,
	    (unsigned long long)rd->offset);
}

enum det_err
det_reader_take_padding(struct det_reader *rd)
{
	unsigned char pad[DET_ALIGN];
	size_t got, n = (size_t)rd->padding;
	enum det_err e;

	if ((e = det_reader_take(rd, pad, n, &got)))
		return e;
	rd->padding = 0;
	if (got < n)
		return det_reader_ended(rd, "inside a record's padding");
	for (size_t i = 0; i < n; i++)
		if (pad[i])
			return det_fail(
			    DET_CORRUPT, "padding after a payload is not zero");
	return DET_OK;
}

enum det_err
det_reader_take_payload(struct det_reader *rd, void *buf, size_t n)
{
	size_t got;
	enum det_err e;

	if ((e = det_reader_take(rd, buf, n, &got)))
		return e;
	rd->payload -= got;
	return got < n ? det_reader_ended(rd, "inside a payload") : DET_OK;
}

/* Takes what the caller left of the current payload. */
static enum det_err
skip(struct det_reader *rd)
{
	unsigned char buf[16384];
	enum det_err e;

	if (rd->fd < 0) {
		rd->offset += rd->payload;
		rd->payload = 0;
	}
	while (rd->payload) {
		size_t n = rd->payload < sizeof buf ? (size_t)rd->payload : sizeof buf;

		if ((e = det_reader_take_payload(rd, buf, n)))
			return e;
	}
	return det_reader_take_padding(rd);
}

/* Reads padded attributes into r->attrs. */
static enum det_err
take_attrs(struct det_reader *rd, struct det_record *r, size_t n)
{
	size_t got;
	enum det_err e;

	if ((e = det_grow(&r->attrs.text, &r->attrs.cap, n + 1, 1)) ||
	    (e = det_reader_take(rd, r->attrs.text, n, &got)))
		return e;
	if (got < n)
		return det_reader_ended(rd, "inside a record's attributes");
	return DET_OK;
}

/* A FAIL record: the program that wrote it said why on its standard error, and died. */
static enum det_err
failure(struct det_reader *rd, const struct det_record *r)
{
	char *why;
	enum det_err e = det_attr_get(&why, &r->attrs, "error");

	if (e)
		return e;
	rd->failed = 1;
	e = det_fail(DET_TRUNCATED, "the stream was broken off: %s",
	    why ? why : "no reason given");
	free(why);
	return e;
}

/* Order of the records in a stream, and END's counts. */
static enum det_err
grammar(struct det_reader *rd, const struct det_record *r)
{
	long n = -1, items = -1;
	enum det_err e;

	if (r->kind == DET_STREAM) {
		if (rd->inside)
			return det_fail(DET_CORRUPT,
			    "a stream begins inside another: no END before it");
		rd->inside = 1;
		rd->records = 1;
		rd->items = 0;
		return DET_OK;
	}
	if (!rd->inside)
		return det_fail(DET_CORRUPT,
		    "a %s record outside a stream: STRM expected first",
		    det_kind_name(r->kind));
	if (r->kind == DET_FAILED)
		return failure(rd, r);
	if (r->kind == DET_ITEM)
		rd->items++;
	if (r->kind != DET_END) {
		rd->records++;
		return DET_OK;
	}
	rd->inside = 0;
	if ((e = det_attr_long(&n, &r->attrs, "records", 0, __LONG_MAX__)) ||
	    (e = det_attr_long(&items, &r->attrs, "items", 0, __LONG_MAX__)))
		return e;
	if (n < 0 || items < 0)
		return det_fail(DET_CORRUPT, "an END record without its counts");
	if ((uint64_t)n != rd->records || (uint64_t)items != rd->items)
		return det_fail(DET_CORRUPT,
		    "records are missing: END counts %ld with %ld items, %llu with "
		    "%llu items came",
		    n, items, (unsigned long long)rd->records,
		    (unsigned long long)rd->items);
	return DET_OK;
}

static enum det_err
fill(struct det_record *r, struct det_reader *rd, const struct det_record_head *h)
{
	r->kind = h->kind;
	r->flags = h->flags;
	r->minor = h->minor;
	r->crc = h->crc;
	r->size = (size_t)h->size;
	r->tensor = (struct det_tensor){
		.dtype = (enum det_dtype)h->dtype,
		.rank = h->rank <= DET_MAX_RANK ? h->rank : 0,
	};
	for (int i = 0; i < r->tensor.rank; i++)
		r->tensor.dims[i] = (size_t)h->dims[i];
	r->attrs.len = h->attr_len;
	r->attrs.text[h->attr_len] = 0;
	r->reader = rd;
	rd->payload = h->size;
	rd->padding = det_pad(r->size) - r->size;
	if (rd->fd < 0 && rd->map.size - rd->offset < rd->payload + rd->padding)
		return det_reader_ended(rd, "inside a payload");
	return DET_OK;
}

enum det_err
det_reader_next(struct det_reader *rd, struct det_record *r, int *more)
{
	unsigned char head[DET_HEAD_SIZE];
	struct det_record_head h;
	size_t got;
	enum det_err e;

	*more = 0;
	if ((e = skip(rd)))
		return e;
	r->offset = rd->offset;
	r->size = 0;
	r->tensor.data = NULL;
	if ((e = det_reader_take(rd, head, sizeof head, &got)))
		return e;
	if (got == 0 && rd->began && !rd->inside)
		return DET_OK;
	if (got == 0)
		return rd->began ? det_reader_ended(rd, "no END record")
				 : det_reader_ended(rd, "it is empty");
	if (got < sizeof head) {
		/* text of a line or two is shorter than a head: say that it is text */
		memset(head + got, ' ', sizeof head - got);
		if (!rd->began && (got >= 8 || head[0] != 0x89) &&
		    (e = det_head_peek(&h, head)) == DET_CORRUPT)
			return e;
		return det_reader_ended(rd, "inside a record's head");
	}
	rd->began = 1;
	if ((e = det_head_peek(&h, head)) ||
	    (e = take_attrs(rd, r, det_pad(h.attr_len))) ||
	    (e = det_head_check(&h, head, (unsigned char *)r->attrs.text)) ||
	    (e = fill(r, rd, &h)))
		return e;
	if ((e = grammar(rd, r)))
		return e;
	*more = 1;
	return DET_OK;
}

int
det_reader_mapped(const struct det_reader *rd)
{
	return rd->fd < 0;
}

void
det_reader_leave(const struct det_reader *rd, const void *data, size_t bytes)
{
	det_map_leave(&rd->map, data, bytes);
}

int
det_reader_failed(const struct det_reader *rd)
{
	return rd->failed && rd->fd >= 0;
}
