/* SPDX-License-Identifier: MIT
 *
 * Walks the structure of each format, never a search for an end mark: a JPEG may hold
 * another JPEG as the thumbnail of an APP segment, and that one's end is not its own.
 *
 *   JPEG  SOI, segments (FF, code, length, bytes), after SOS entropy-coded bytes in which
 *         FF is followed by 00 or a restart mark, any other mark ends them; EOI.
 *         (ITU T.81, annex B)
 *   PNG   signature, chunks (length, type, bytes, CRC) up to IEND.
 *   PPM   the size follows from the head.
 *
 * Each walk remembers where it stands, so bytes are looked at once however small the pieces
 * are in which they come. NUL bytes between pictures (padding of some cameras) are skipped.
 */
#define _POSIX_C_SOURCE 200809L
#include "image/split.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "image/codec.h"

#define CHUNK 65536

struct det_split {
	struct det_bytes src;
	size_t limit;
	unsigned char *buf;
	size_t cap, len;
	size_t start; /* of the current picture in buf */
	size_t at;    /* where the walk stands */
	int entropy;  /* JPEG: inside entropy-coded bytes */
	int ended;
	uint64_t offset; /* of buf[0] in the stream */
};

enum det_err
det_bytes_fd(void *ctx, void *buf, size_t n, size_t *got)
{
	const int *fd = ctx;
	ssize_t r;

	do
		r = read(*fd, buf, n);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return det_fail(DET_IO, "read:");
	*got = (size_t)r;
	return DET_OK;
}

enum det_err
det_split_new(struct det_split **out, const struct det_bytes *src, size_t limit)
{
	struct det_split *s;
	enum det_err e;

	if ((e = det_calloc(&s, 1, sizeof *s)))
		return e;
	s->src = *src;
	s->limit = limit;
	*out = s;
	return DET_OK;
}

void
det_split_free(struct det_split *s)
{
	if (!s)
		return;
	free(s->buf);
	free(s);
}

/* Reads more behind buf[len]; first moves the current picture to the front. */
static enum det_err
fill(struct det_split *s)
{
	size_t got = 0;
	enum det_err e;

	if (s->start > 0) {
		memmove(s->buf, s->buf + s->start, s->len - s->start);
		s->offset += s->start;
		s->len -= s->start;
		s->at -= s->start;
		s->start = 0;
	}
	if (s->len > s->limit)
		return det_fail(DET_LIMIT,
		    "byte %llu: a picture of more than the limit of %zu bytes",
		    (unsigned long long)s->offset, s->limit);
	if ((e = det_grow(&s->buf, &s->cap, s->len + CHUNK, 1)))
		return e;
	if ((e = s->src.read(s->src.ctx, s->buf + s->len, CHUNK, &got)))
		return e;
	s->len += got;
	s->ended = got == 0;
	return DET_OK;
}

static enum det_err
fail_at(const struct det_split *s, const char *what)
{
	const unsigned char *p = s->buf + s->at;

	return det_fail(DET_CORRUPT, "byte %llu: %s expected, found %02x %02x",
	    (unsigned long long)(s->offset + s->at), what, p[0],
	    s->at + 1 < s->len ? p[1] : 0);
}

/* The walks: *done = 1 with s->at behind the picture, or 0 where more bytes are needed
 * (s->at may then lie beyond what is there: bytes to be skipped). */
static enum det_err
walk_jpeg(struct det_split *s, int *done)
{
	const unsigned char *b = s->buf, *ff;
	unsigned code;

	while (s->at + 1 < s->len) {
		if (s->entropy) {
			ff = memchr(b + s->at, 0xff, s->len - s->at);
			s->at = ff ? (size_t)(ff - b) : s->len;
			if (s->at + 1 >= s->len)
				break;
			code = b[s->at + 1];
			if (code == 0 || (code >= 0xd0 && code <= 0xd7))
				s->at += 2;
			else if (code == 0xff)
				s->at += 1;
			else
				s->entropy = 0;
			continue;
		}
		if (b[s->at] != 0xff) {
			/* Stray bytes before a marker: readers skip them, so do we. */
			s->entropy = 1;
			continue;
		}
		code = b[s->at + 1];
		if (code == 0xff) {
			s->at += 1;
		} else if (code == 0xd9) {
			s->at += 2;
			*done = 1;
			break;
		} else if (code == 0xd8 && s->at > s->start) {
			/* The next picture begins; this one lost its end. */
			*done = 1;
			break;
		} else if (code <= 0x01 || (code >= 0xd0 && code <= 0xd8)) {
			s->at += 2;
		} else {
			size_t n;

			if (s->at + 3 >= s->len)
				break;
			n = (size_t)b[s->at + 2] << 8 | b[s->at + 3];
			if (n < 2)
				return fail_at(s, "a JPEG segment of 2 bytes or more");
			s->at += 2 + n;
			s->entropy = code == 0xda;
		}
	}
	return DET_OK;
}

static enum det_err
walk_png(struct det_split *s, int *done)
{
	const unsigned char *p;
	size_t n;

	if (s->at == s->start)
		s->at += 8;
	while (s->at < s->len && s->len - s->at >= 8) {
		p = s->buf + s->at;
		n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
		if (n > 0x7fffffff)
			return fail_at(s, "the length of a PNG chunk");
		if (memcmp(p + 4, "IEND", 4) == 0) {
			if (s->len - s->at < 12 + n)
				break;
			s->at += 12 + n;
			*done = 1;
			break;
		}
		s->at += 12 + n;
	}
	return DET_OK;
}

static enum det_err
walk_ppm(struct det_split *s, int *done)
{
	struct det_ppm_head h = { 0 };
	size_t need;
	enum det_err e;

	if ((e = det_ppm_head(&h, &need, s->buf + s->start, s->len - s->start)))
		return det_fail_in(
		    e, "byte %llu", (unsigned long long)(s->offset + s->start));
	if (need > 0 && s->len - s->start >= need) {
		s->at = s->start + need;
		*done = 1;
	}
	return DET_OK;
}

/* Skips padding and makes sure that the first 8 bytes are there, unless the input ends. */
static enum det_err
find_start(struct det_split *s)
{
	enum det_err e;

	for (;;) {
		while (s->start < s->len && s->buf[s->start] == 0)
			s->start++;
		if (s->ended || s->len - s->start >= 8)
			break;
		/* A small picture may be complete, but none has less than 8 bytes. */
		s->at = s->start;
		if ((e = fill(s)))
			return e;
	}
	s->at = s->start;
	s->entropy = 0;
	return DET_OK;
}

enum det_err
det_split_next(struct det_split *s, const unsigned char **data, size_t *size)
{
	enum det_format format;
	int done = 0;
	enum det_err e;

	*size = 0;
	s->start = s->at;
	if ((e = find_start(s)) || s->start == s->len)
		return e;
	format = det_image_format(s->buf + s->start, s->len - s->start);
	for (;;) {
		if (format == DET_FORMAT_JPEG)
			e = walk_jpeg(s, &done);
		else if (format == DET_FORMAT_PNG)
			e = walk_png(s, &done);
		else if (format == DET_FORMAT_PPM)
			e = walk_ppm(s, &done);
		else
			e = fail_at(s, "JPEG, PNG or PPM");
		if (e)
			return e;
		if (done)
			break;
		if (s->ended) {
			s->at = s->len;
			break;
		}
		if ((e = fill(s)))
			return e;
	}
	*data = s->buf + s->start;
	*size = s->at - s->start;
	return DET_OK;
}
