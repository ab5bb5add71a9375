/* SPDX-License-Identifier: MIT
 *
 * The stream's reader on hostile bytes: as they are, and with all checks made right, since
 * few inputs would get past a CRC-32. What is accepted is written again; that must be
 * accepted, be written to the same bytes, and survive the form of text.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/mem.h"
#include "stream/record_head.h"
#include "stream/reader.h"
#include "stream/recipe.h"
#include "stream/show.h"
#include "stream/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x) ((x) ? (void)0 : abort())

/* Walks the bytes as records and makes each check right, as far as they go. */
static void
repair(uint8_t *p, size_t n)
{
	while (n >= DET_HEAD_SIZE) {
		size_t attrs = det_le32(p + 20), padded = det_pad(attrs);
		uint64_t size = det_le64(p + 24);
		uint8_t *payload = p + DET_HEAD_SIZE + padded;

		n -= DET_HEAD_SIZE;
		if (padded > n)
			return;
		n -= padded;
		if (size <= n && (p[16] & 1))
			det_put32(p + 32, det_crc32(0, payload, (size_t)size));
		det_put32(p + 124,
		    det_crc32(det_crc32(0, p, 124), p + DET_HEAD_SIZE, padded));
		if (size > n || det_pad((size_t)size) > n)
			return;
		p = payload + det_pad((size_t)size);
		n -= det_pad((size_t)size);
	}
}

static int
memory_file(const uint8_t *p, size_t n)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	MUST(fd >= 0 && !det_write_all(fd, p, n, "fuzz"));
	MUST(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static int
source(const uint8_t *p, size_t n, int piped)
{
	int ends[2];

	if (!piped)
		return memory_file(p, n);
	MUST(!pipe2(ends, O_CLOEXEC) && !det_write_all(ends[1], p, n, "fuzz"));
	(void)close(ends[1]);
	return ends[0];
}

/* Reads all and writes it to *out, by way of text as well if `text` is not NULL. */
static enum det_err
pass(struct det_buf *out, struct det_buf *text, const uint8_t *p, size_t n, int piped,
    int load)
{
	struct det_reader *rd;
	struct det_writer *w;
	struct det_record r = { 0 };
	struct det_buf line = { 0 };
	int more, fd = memory_file(NULL, 0);
	size_t size;
	enum det_err e;

	MUST(!det_reader_open_fd(&rd, source(p, n, piped), "fuzz"));
	MUST(!det_writer_open_fd(&w, fd, "fuzz"));
	while (!(e = det_reader_next(rd, &r, &more)) && more) {
		if (load && (e = det_record_load(&r)))
			break;
		/* these may refuse a box or an item, but not stumble over it */
		if ((load && det_show_check(&r)) || det_show_line(&line, &r, load))
			MUST(*det_errmsg());
		if (load && r.kind == DET_TENSOR)
			MUST(!det_show_stats(&line, &r, 0));
		if (text)
			MUST(!det_recipe_print(text, &r));
		if ((e = det_writer_put(w, &r)))
			break;
	}
	MUST(!e || *det_errmsg());
	if (!e)
		e = det_writer_flush(w);
	size = (size_t)lseek(fd, 0, SEEK_END);
	MUST(!det_grow(&out->text, &out->cap, size + 1, 1));
	MUST(pread(fd, out->text, size, 0) == (ssize_t)size);
	out->len = size;
	det_buf_free(&line);
	det_record_release(&r);
	det_reader_close(rd);
	det_writer_free(w);
	(void)close(fd);
	return e;
}

static int
same(const struct det_buf *a, const struct det_buf *b)
{
	return a->len == b->len && !memcmp(a->text, b->text, a->len);
}

static void
check(const uint8_t *p, size_t n)
{
	struct det_buf once = { 0 }, again = { 0 }, text = { 0 }, built = { 0 };
	int piped = n < 60000;
	enum det_err e = pass(&once, NULL, p, n, 0, 1);

	/* pipe and map agree on what a stream is */
	MUST(!piped || !pass(&again, NULL, p, n, 1, 1) == !e);
	MUST(e || !piped || same(&once, &again));
	if (!e) {
		MUST(!pass(&again, &text, (uint8_t *)once.text, once.len, 0, 1));
		MUST(same(&once, &again));
		MUST(!pass(&again, NULL, (uint8_t *)once.text, once.len, piped, 0));
		MUST(same(&once, &again));
		MUST(!det_recipe_build(&built, text.text, text.len, "text"));
		MUST(same(&once, &built));
	}
	det_buf_free(&once);
	det_buf_free(&again);
	det_buf_free(&text);
	det_buf_free(&built);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);

	MUST(copy);
	check(data, size);
	if (size)
		memcpy(copy, data, size);
	repair(copy, size);
	check(copy, size);
	free(copy);
	return 0;
}
