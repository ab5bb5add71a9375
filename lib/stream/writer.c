/* SPDX-License-Identifier: MIT
 *
 * Heads and small payloads are gathered in a buffer; a large payload goes out with
 * writev(2) straight from where it lies, which is one copy into the pipe. A payload that
 * is only passing through goes from pipe to pipe by splice(2), which is none.
 *
 * vmsplice(2) would save the copy of a payload made here as well, but pages that are in a
 * pipe must stay as they are until the last reader has taken them, splice and tee hand them
 * on, and nobody tells us when that is. So they would have to be fresh ones each time, and to
 * fault in and zero 50 MB, in huge pages, takes the 8 ms that it takes to write them.
 */
#define _GNU_SOURCE
#include "stream/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "base/file.h"
#include "base/mem.h"
#include "stream/record_head.h"
#include "stream/pass.h"

#define BUFFER ((size_t)64 << 10)
#define SMALL  ((size_t)32 << 10)

struct det_writer {
	int fd;
	char *name;
	unsigned char *buf;
	size_t len;
	uint64_t records, items;
	int inside; /* between STRM and END */
	int broken; /* a record is begun and not complete */
};

enum det_err
det_writer_open_fd(struct det_writer **out, int fd, const char *name)
{
	struct det_writer *w = calloc(1, sizeof *w);
	enum det_err e;

	if (!w)
		return det_fail(DET_NOMEM, "no memory for a writer");
	w->fd = fd;
	if ((e = det_strdup(&w->name, name)) || (e = det_alloc(&w->buf, BUFFER, 1))) {
		det_writer_free(w);
		return e;
	}
	/* fails harmlessly where fd is no pipe */
	(void)fcntl(fd, F_SETPIPE_SZ, 1 << 20);
	*out = w;
	return DET_OK;
}

void
det_writer_free(struct det_writer *w)
{
	if (!w)
		return;
	free(w->name);
	free(w->buf);
	free(w);
}

enum det_err
det_writer_flush(struct det_writer *w)
{
	size_t n = w->len;

	w->len = 0;
	return det_write_all(w->fd, w->buf, n, w->name);
}

/* Buffer, payload and padding in as few calls as the kernel lets us. */
static enum det_err
write_large(struct det_writer *w, const void *payload, size_t size, size_t pad)
{
	static const unsigned char zeros[DET_ALIGN];
	struct iovec v[3] = {
		{ w->buf, w->len },
		{ (void *)(uintptr_t)payload, size },
		{ (void *)(uintptr_t)zeros, pad },
	};
	int first = 0;

	w->len = 0;
	while (first < 3) {
		ssize_t n = writev(w->fd, v + first, 3 - first);

		if (n < 0 && det_fd_again(w->fd, 1))
			continue;
		if (n < 0)
			return det_fail(DET_IO, "%s:", w->name);
		for (; first < 3 && (size_t)n >= v[first].iov_len; first++)
			n -= (ssize_t)v[first].iov_len;
		if (first < 3) {
			v[first].iov_base = (char *)v[first].iov_base + n;
			v[first].iov_len -= (size_t)n;
		}
	}
	return DET_OK;
}

/* Puts a head and its attributes into the buffer. */
static enum det_err
put_head(struct det_writer *w, const struct det_record_head *h, const char *attrs)
{
	size_t n = DET_HEAD_SIZE + det_pad(h->attr_len);
	unsigned char *big = NULL;
	enum det_err e;

	if (n > BUFFER - w->len && (e = det_writer_flush(w)))
		return e;
	if (n <= BUFFER) {
		det_head_store(w->buf + w->len, h, attrs);
		w->len += n;
		return DET_OK;
	}
	if ((e = det_alloc(&big, n, 1)))
		return e;
	det_head_store(big, h, attrs);
	e = det_write_all(w->fd, big, n, w->name);
	free(big);
	return e;
}

static enum det_err
put_payload(struct det_writer *w, const void *payload, size_t size)
{
	size_t padded = det_pad(size), pad = padded - size;
	enum det_err e;

	if (size == 0)
		return DET_OK;
	if (padded > SMALL)
		return write_large(w, payload, size, pad);
	if (padded > BUFFER - w->len && (e = det_writer_flush(w)))
		return e;
	memcpy(w->buf + w->len, payload, size);
	memset(w->buf + w->len + size, 0, pad);
	w->len += padded;
	return DET_OK;
}

/* Fills a head for what goes out; counts it. */
static enum det_err
begin(struct det_writer *w, struct det_record_head *h, uint32_t kind,
    const struct det_attrs *a, size_t size)
{
	if (size > DET_MAX_PAYLOAD)
		return det_fail(DET_LIMIT,
		    "a payload of %zu bytes: at most %llu fit a record", size,
		    (unsigned long long)DET_MAX_PAYLOAD);
	*h = (struct det_record_head){
		.major = DET_STREAM_MAJOR,
		.minor = DET_STREAM_MINOR,
		.kind = kind,
		.attr_len = a ? (uint32_t)a->len : 0,
		.size = size,
	};
	if (kind == DET_STREAM)
		w->records = w->items = 0;
	if (kind != DET_END)
		w->records++;
	if (kind == DET_ITEM)
		w->items++;
	return DET_OK;
}

static void
set_shape(struct det_record_head *h, const struct det_tensor *t)
{
	h->dtype = (uint8_t)t->dtype;
	h->rank = (uint8_t)t->rank;
	for (int i = 0; i < t->rank; i++)
		h->dims[i] = t->dims[i];
}

/* The head goes out; until the payload has followed, the stream is broken. */
static enum det_err
start(struct det_writer *w, const struct det_record_head *h, const struct det_attrs *a)
{
	enum det_err e;

	if ((e = det_head_valid(h, a ? a->text : NULL)))
		return e;
	w->broken = 1;
	w->inside = h->kind != DET_END && h->kind != DET_FAILED;
	return put_head(w, h, a ? a->text : NULL);
}

static enum det_err
whole(struct det_writer *w, const struct det_record_head *h, const struct det_attrs *a,
    const void *payload)
{
	enum det_err e;

	if ((e = start(w, h, a)) || (e = put_payload(w, payload, (size_t)h->size)))
		return e;
	w->broken = 0;
	return DET_OK;
}

static enum det_err
finish(struct det_writer *w, struct det_record_head *h, const struct det_attrs *a,
    const void *payload)
{
	if (h->size) {
		h->flags |= DET_HAS_CRC;
		h->crc = det_crc32(0, payload, (size_t)h->size);
	}
	return whole(w, h, a, payload);
}

/* The head of a record that is written as it is. */
static enum det_err
begin_record(
    struct det_writer *w, struct det_record_head *h, const struct det_record *r)
{
	enum det_err e;

	if ((e = begin(w, h, r->kind, &r->attrs, r->size)))
		return e;
	if (r->tensor.rank < 0 || r->tensor.rank > DET_MAX_RANK)
		return det_fail(DET_INVALID, "a tensor of %d dims: 0 to 8 expected",
		    r->tensor.rank);
	/* an unknown kind may have a shape: it goes on as it came */
	if (r->kind == DET_TENSOR || (r->kind & 0x20))
		set_shape(h, &r->tensor);
	h->minor = r->minor;
	return DET_OK;
}

/* A payload that its reader still has, moved on; under `load` into r's memory too. Its
 * check is the one it came with. */
static enum det_err
move(struct det_writer *w, struct det_record_head *h, struct det_record *r, int load)
{
	struct det_reader *rd = r->reader;
	enum det_err e;

	if (!rd)
		return det_fail(
		    DET_INVALID, "a record whose payload is gone can't be written");
	h->flags = r->flags & DET_HAS_CRC;
	h->crc = r->crc;
	if (det_reader_mapped(rd) || det_pad(r->size) <= SMALL) {
		if ((e = det_record_load(r)))
			return e;
		return whole(w, h, &r->attrs, r->tensor.data);
	}
	if ((e = start(w, h, &r->attrs)) || (e = det_writer_flush(w)))
		return e;
	e = load ? det_reader_load(rd, r, w->fd, w->name)
		 : det_reader_pass(rd, w->fd, w->name);
	if (e)
		return e;
	r->reader = NULL;
	w->len = det_pad(r->size) - r->size;
	memset(w->buf, 0, w->len);
	w->broken = 0;
	return load ? det_reader_check(rd, r) : DET_OK;
}

static enum det_err
put(struct det_writer *w, struct det_record *r, int load)
{
	struct det_record_head h;
	enum det_err e;

	if (r->kind == DET_END)
		return det_writer_end(w);
	if ((e = begin_record(w, &h, r)))
		return e;
	if (r->tensor.data || r->size == 0)
		return finish(w, &h, &r->attrs, r->tensor.data);
	return move(w, &h, r, load);
}

enum det_err
det_writer_put(struct det_writer *w, struct det_record *r)
{
	return put(w, r, 0);
}

enum det_err
det_writer_put_load(struct det_writer *w, struct det_record *r)
{
	enum det_err e;

	if ((e = put(w, r, 1)))
		return e;
	return det_record_load(r); /* of no bytes */
}

enum det_err
det_writer_make(struct det_writer *w, uint32_t kind, const struct det_attrs *a,
    const void *payload, size_t size)
{
	struct det_record_head h;
	enum det_err e;

	if ((e = begin(w, &h, kind, a, size)))
		return e;
	return finish(w, &h, a, payload);
}

/* "name" in front of the other attributes. */
static enum det_err
named(struct det_attrs *out, const char *name, const struct det_attrs *a)
{
	size_t at = 0;
	char *key, *value;
	enum det_err e;

	if ((e = det_attr_add(out, "name", name)))
		return e;
	if (!a)
		return DET_OK;
	while (!(e = det_attr_next(a, &at, &key, &value)) && key) {
		if (strcmp(key, "name") != 0)
			e = det_attr_add(out, key, value);
		free(key);
		free(value);
		if (e)
			break;
	}
	return e;
}

enum det_err
det_writer_tensor(struct det_writer *w, const char *name, const struct det_tensor *t,
    const struct det_attrs *a)
{
	struct det_attrs all = { 0 };
	struct det_record_head h;
	size_t size;
	enum det_err e;

	if ((e = det_tensor_bytes(&size, t)) || (e = named(&all, name, a)) ||
	    (e = begin(w, &h, DET_TENSOR, &all, size)))
		goto fail;
	set_shape(&h, t);
	e = finish(w, &h, &all, t->data);
fail:
	free(all.text);
	return e;
}

enum det_err
det_writer_text(struct det_writer *w, const char *name, const char *text, size_t len)
{
	struct det_attrs all = { 0 };
	enum det_err e = named(&all, name, NULL);

	if (!e)
		e = det_writer_make(w, DET_TEXT, &all, text, len);
	free(all.text);
	return e;
}

enum det_err
det_writer_end(struct det_writer *w)
{
	struct det_attrs a = { 0 };
	char n[32], items[32];
	enum det_err e;

	(void)snprintf(n, sizeof n, "%llu", (unsigned long long)w->records);
	(void)snprintf(items, sizeof items, "%llu", (unsigned long long)w->items);
	e = det_attr_add(&a, "records", n);
	if (!e)
		e = det_attr_add(&a, "items", items);
	if (!e)
		e = det_writer_make(w, DET_END, &a, NULL, 0);
	free(a.text);
	return e ? e : det_writer_flush(w);
}

enum det_err
det_writer_fail(struct det_writer *w, const char *why)
{
	struct det_attrs a = { 0 };
	enum det_err e;

	if (w->broken)
		return DET_OK;
	if (!w->inside && (e = det_writer_make(w, DET_STREAM, NULL, NULL, 0)))
		return e;
	e = det_attr_add(&a, "error", why);
	if (!e)
		e = det_writer_make(w, DET_FAILED, &a, NULL, 0);
	free(a.text);
	return e ? e : det_writer_flush(w);
}
