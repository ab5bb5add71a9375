/* SPDX-License-Identifier: MIT
 *
 * An item is complete when the record after it has come, so one record is read ahead. Records
 * are copied, because pictures are decoded several at a time and in threads while the reader
 * goes on; what comes with pictures that are yet to be decoded is boxes, which are small.
 */
#define _GNU_SOURCE
#include "image/items.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

struct det_items {
	struct det_reader *rd;
	struct det_record r; /* read ahead */
	int have, ended;
	char *table; /* the first STRM's payload */
	size_t table_size;
};

/* The first n bytes of a pipe, which stay in it; as many as are there. */
static ssize_t
peek_pipe(int fd, void *buf, size_t n)
{
	int copy[2];
	ssize_t got;

	if (pipe2(copy, O_CLOEXEC) < 0)
		return -1;
	while ((got = tee(fd, copy[1], n, 0)) < 0 && det_fd_again(fd, 0))
		;
	if (got > 0)
		got = read(copy[0], buf, (size_t)got);
	(void)close(copy[0]);
	(void)close(copy[1]);
	return got;
}

static ssize_t
peek(int fd, void *buf, size_t n)
{
	struct stat st;
	off_t at;

	if (fstat(fd, &st) < 0)
		return -1;
	if (S_ISFIFO(st.st_mode))
		return peek_pipe(fd, buf, n);
	if (S_ISSOCK(st.st_mode))
		return recv(fd, buf, n, MSG_PEEK);
	at = S_ISREG(st.st_mode) ? lseek(fd, 0, SEEK_CUR) : -1;
	return at < 0 ? -1 : pread(fd, buf, n, at);
}

int
det_items_are_next(int fd)
{
	unsigned char b[2];
	ssize_t n;

	/* PNG begins with the same byte, so two are needed; who writes them one by one is
	 * waited for */
	while ((n = peek(fd, b, sizeof b)) == 1 && b[0] == 0x89) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, 0) < 0 || (p.revents & POLLHUP))
			break;
		(void)poll(NULL, 0, 1);
	}
	return n == 2 && b[0] == 0x89 && b[1] == 'D';
}

static enum det_err
load_next(struct det_items *s)
{
	enum det_err e;

	if (s->have || s->ended)
		return DET_OK;
	if ((e = det_reader_next(s->rd, &s->r, &s->have)))
		return e;
	s->ended = !s->have;
	return s->have ? det_record_load(&s->r) : DET_OK;
}

static enum det_err
copy_record(struct det_record *to, const struct det_record *from)
{
	enum det_err e;

	*to = (struct det_record){ .kind = from->kind,
		.minor = from->minor,
		.tensor = from->tensor,
		.size = from->size,
		.offset = from->offset };
	to->tensor.data = NULL;
	if (from->attrs.len &&
	    (e = det_strndup(&to->attrs.text, from->attrs.text, from->attrs.len)))
		return e;
	to->attrs.len = from->attrs.len;
	to->attrs.cap = from->attrs.len;
	if ((e = det_alloc(&to->own, from->size, 1)))
		return e;
	if (from->size)
		memcpy(to->own, from->tensor.data, from->size);
	to->own_cap = from->size;
	to->tensor.data = to->own;
	return DET_OK;
}

enum det_err
det_items_new(struct det_items **out, struct det_record *strm, struct det_reader *rd)
{
	struct det_items *s;
	enum det_err e;

	if ((e = det_calloc(&s, 1, sizeof *s)))
		return e;
	s->rd = rd;
	if ((e = load_next(s)))
		goto fail;
	if (!s->have) {
		e = det_fail(DET_TRUNCATED, "input ended early: it is empty");
		goto fail;
	}
	if ((e = copy_record(strm, &s->r)) ||
	    (e = det_strndup(&s->table, strm->tensor.data, strm->size)))
		goto fail;
	s->table_size = strm->size;
	s->have = 0;
	*out = s;
	return DET_OK;
fail:
	det_items_free(s);
	return e;
}

void
det_items_free(struct det_items *s)
{
	if (!s)
		return;
	det_record_release(&s->r);
	free(s->table);
	free(s);
}

void
det_items_one_release(struct det_items_one *one)
{
	for (size_t i = 0; i < one->n; i++)
		det_record_release(&one->with[i]);
	free(one->with);
	free(one->source);
	det_record_release(&one->head);
	det_item_release(&one->item);
	*one = (struct det_items_one){ 0 };
}

static enum det_err
copy_source(struct det_items_one *out, const void *bytes, size_t n)
{
	enum det_err e = det_alloc(&out->source, n, 1);

	if (e)
		return e;
	memcpy(out->source, bytes, n);
	out->source_size = n;
	return DET_OK;
}

/* "image", or at one more scale "image.N". */
static int
is_input(const struct det_record *r)
{
	const char *name = r->kind == DET_TENSOR ? det_record_name(r) : "";

	return strncmp(name, "image", 5) == 0 &&
	       (!name[5] ||
		   (name[5] == '.' && !name[6 + strspn(name + 6, "0123456789")]));
}

static enum det_err
add(struct det_items_one *out, const struct det_record *r)
{
	enum det_err e;

	if (is_input(r)) /* of another reading: what comes now takes its place */
		return DET_OK;

	if (r->kind == DET_TENSOR && !strcmp(det_record_name(r), "source") &&
	    r->tensor.dtype == DET_U8 && r->size)
		return copy_source(out, r->tensor.data, r->size);
	if ((e = det_grow(&out->with, &out->cap, out->n + 1, sizeof *out->with)))
		return e;
	e = copy_record(&out->with[out->n], r);
	out->n++;
	return e;
}

enum det_err
det_items_one_copy(struct det_items_one *out, const struct det_items_one *from)
{
	enum det_err e;

	*out = (struct det_items_one){ 0 };
	if ((e = copy_record(&out->head, &from->head)) ||
	    (e = det_item_read(&out->item, &from->head)))
		goto fail;
	for (size_t i = 0; i < from->n; i++)
		if ((e = add(out, &from->with[i])))
			goto fail;
	if (from->source && (e = copy_source(out, from->source, from->source_size)))
		goto fail;
	return DET_OK;
fail:
	det_items_one_release(out);
	return e;
}

struct det_record *
det_items_one_boxes(const struct det_items_one *one, const char *name)
{
	for (size_t i = 0; i < one->n; i++)
		if (one->with[i].kind == DET_BOXES &&
		    !strcmp(det_record_name(&one->with[i]), name))
			return &one->with[i];
	return NULL;
}

static enum det_err
same_table(const struct det_items *s)
{
	if (s->r.size == s->table_size &&
	    (!s->r.size || !memcmp(s->r.tensor.data, s->table, s->r.size)))
		return DET_OK;
	return det_fail(
	    DET_INVALID, "the streams have different classes: labels can't mean both");
}

enum det_err
det_items_next(struct det_items *s, struct det_items_one *out)
{
	enum det_err e;

	*out = (struct det_items_one){ 0 };
	for (;;) {
		if ((e = load_next(s)))
			return e;
		if (!s->have)
			return DET_OK;
		if (out->item.path &&
		    (s->r.kind == DET_ITEM || s->r.kind == DET_STREAM ||
			s->r.kind == DET_END))
			return DET_OK;
		if (s->r.kind == DET_ITEM) {
			if ((e = copy_record(&out->head, &s->r)) ||
			    (e = det_item_read(&out->item, &s->r)))
				return e;
			if (!out->item.path)
				return det_fail(DET_INVALID, "an item without a path");
		} else if (s->r.kind == DET_STREAM) {
			if ((e = same_table(s)))
				return e;
		} else if (out->item.path && (e = add(out, &s->r))) {
			return e;
		}
		s->have = 0;
	}
}
