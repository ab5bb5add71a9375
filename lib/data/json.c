/* SPDX-License-Identifier: MIT
 *
 * A pull parser: the caller asks for one token after another, and nothing but the window of
 * input around the current one is in memory. Data sets are the reason that there is one here
 * beside a library that builds trees: 45 MB of results would be ten million nodes, of which
 * the reader wants five numbers an entry.
 *
 * The window is kept so full that a number or a word (true, false, null) always lies in it
 * whole: it is refilled before a token when less than MARGIN bytes are left. A string may
 * outgrow it; then the window grows, up to a stated limit. One byte behind the window is
 * always NUL, which no token contains, so that scanning loops need no test for the end.
 *
 * The grammar's state is what may come next and a stack of bits, one a level: object or
 * array.
 */
#define _POSIX_C_SOURCE 200809L
#include "data/json_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define WINDOW ((size_t)1 << 18)
#define MARGIN ((size_t)DET_JSON_NUMBER + 16)

uint64_t
det_json_offset(const struct det_json *j, const char *p)
{
	return j->base + (uint64_t)(p - j->window);
}

enum det_err
det_json_fail_at(
    const struct det_json *j, enum det_err code, const char *p, const char *text)
{
	return det_fail(code, "%s: byte %llu (line %llu): %s", j->name,
	    (unsigned long long)det_json_offset(j, p), (unsigned long long)j->line,
	    text);
}

static enum det_err
ended(const struct det_json *j, const char *where)
{
	return det_fail(DET_TRUNCATED,
	    "%s: input ended early, at byte %llu (line %llu): %s", j->name,
	    (unsigned long long)det_json_offset(j, j->end), (unsigned long long)j->line,
	    where);
}

enum det_err
det_json_fail(const struct det_json *j, enum det_err code,
    const struct det_json_token *t, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return det_fail(code, "%s: byte %llu (line %llu): %s", j->name,
	    (unsigned long long)t->at, (unsigned long long)t->line, text);
}

static enum det_err
new_reader(struct det_json **out, const char *name)
{
	struct det_json *j;
	enum det_err e;

	if ((e = det_calloc(&j, 1, sizeof *j)))
		return e;
	j->fd = -1;
	j->line = 1;
	j->size = WINDOW;
	if ((e = det_strdup(&j->name, name)) ||
	    (e = det_alloc(&j->window, WINDOW + 1, 1))) {
		det_json_close(j);
		return e;
	}
	j->window[0] = 0;
	j->p = j->end = j->window;
	*out = j;
	return DET_OK;
}

enum det_err
det_json_open(struct det_json **out, const char *path)
{
	int from_stdin = !strcmp(path, "-");
	enum det_err e;

	if ((e = new_reader(out, from_stdin ? "stdin" : path)))
		return e;
	(*out)->fd = from_stdin ? 0 : open(path, O_RDONLY | O_CLOEXEC);
	if ((*out)->fd >= 0)
		return DET_OK;
	e = det_fail(DET_IO, "%s:", path);
	det_json_close(*out);
	return e;
}

enum det_err
det_json_open_memory(
    struct det_json **out, const void *data, size_t n, const char *name)
{
	enum det_err e;

	if ((e = new_reader(out, name)))
		return e;
	(*out)->memory = data;
	(*out)->memory_n = n;
	return DET_OK;
}

void
det_json_close(struct det_json *j)
{
	if (!j)
		return;
	if (j->fd > 0)
		(void)close(j->fd);
	det_buf_free(&j->text);
	free(j->window);
	free(j->name);
	free(j);
}

/* Up to n > 0 bytes; *got is 0 at the end only. */
static enum det_err
take(struct det_json *j, char *to, size_t n, size_t *got)
{
	ssize_t r;

	if (j->fd < 0) {
		*got = n < j->memory_n ? n : j->memory_n;
		if (*got == 0)
			return DET_OK;
		memcpy(to, j->memory, *got);
		j->memory += *got;
		j->memory_n -= *got;
		return DET_OK;
	}
	while ((r = read(j->fd, to, n)) < 0)
		if (!det_fd_again(j->fd, 0))
			return det_fail(DET_IO, "%s:", j->name);
	*got = (size_t)r;
	return DET_OK;
}

enum det_err
det_json_refill(struct det_json *j, const char **keep)
{
	size_t n = (size_t)(j->end - *keep), got = 0, past = (size_t)(j->p - *keep);
	enum det_err e;

	j->base += (uint64_t)(*keep - j->window);
	memmove(j->window, *keep, n);
	if (n == j->size) {
		char *bigger;

		if (n >= DET_JSON_STRING)
			return det_fail(DET_LIMIT,
			    "%s: byte %llu (line %llu): a string of more than %zu "
			    "bytes",
			    j->name, (unsigned long long)j->base,
			    (unsigned long long)j->line, DET_JSON_STRING);
		bigger = realloc(j->window, 2 * n + 1);
		if (!bigger)
			return det_fail(DET_NOMEM, "no memory for %zu bytes", 2 * n);
		j->window = bigger;
		j->size = 2 * n;
	}
	while (!j->eof && n < j->size) {
		if ((e = take(j, j->window + n, j->size - n, &got)))
			return e;
		j->eof = got == 0;
		n += got;
		if (n >= past + MARGIN) /* enough: a pipe need not fill the window */
			break;
	}
	j->window[n] = 0;
	j->end = j->window + n;
	j->p = j->window + past;
	*keep = j->window;
	return DET_OK;
}

/* Passes over blanks; at least MARGIN bytes, or all that is left, lie in the window then. */
static enum det_err
blanks(struct det_json *j)
{
	enum det_err e;

	for (;;) {
		const char *p = j->p;

		while (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r')
			j->line += *p++ == '\n';
		j->p = p;
		if ((size_t)(j->end - p) >= MARGIN || j->eof)
			return DET_OK;
		if ((e = det_json_refill(j, &p)))
			return e;
	}
}

static const char *
digits(const char *p)
{
	while (*p >= '0' && *p <= '9')
		p++;
	return p;
}

static enum det_err
number(struct det_json *j, struct det_json_token *t)
{
	const char *s = j->p, *p = s + (*s == '-'), *part = p;

	p = *p == '0' ? p + 1 : digits(p);
	if (p > part && *p == '.') {
		part = p + 1;
		p = digits(part);
	}
	if (p > part && (*p == 'e' || *p == 'E')) {
		part = p + 1 + (p[1] == '-' || p[1] == '+');
		p = digits(part);
	}
	if (p == j->end && !j->eof)
		return det_json_fail_at(
		    j, DET_LIMIT, s, "a number of more than 4096 characters");
	if (p == part && p == j->end)
		return ended(j, "inside a number");
	if (p == part || (*p >= '0' && *p <= '9'))
		return det_json_fail_at(j, DET_CORRUPT, s,
		    "a number expected: digits without zeros before them, after the "
		    "point "
		    "and in the exponent");
	if ((size_t)(p - s) > DET_JSON_NUMBER)
		return det_json_fail_at(
		    j, DET_LIMIT, s, "a number of more than 4096 characters");
	t->kind = DET_JSON_NUM;
	if (!j->skim) {
		t->number = det_json_number(s, (size_t)(p - s), &t->integer, &t->whole);
		if (isinf(t->number))
			return det_json_fail_at(
			    j, DET_LIMIT, s, "a number too large for a double");
	}
	j->p = p;
	return DET_OK;
}

static enum det_err
word(struct det_json *j, struct det_json_token *t)
{
	static const struct {
		const char *text;
		enum det_json_kind kind;
	} words[] = { { "true", DET_JSON_TRUE }, { "false", DET_JSON_FALSE },
		{ "null", DET_JSON_NULL } };
	size_t left = (size_t)(j->end - j->p);

	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(words[i].text);

		if (left >= n && !memcmp(j->p, words[i].text, n)) {
			t->kind = words[i].kind;
			j->p += n;
			return DET_OK;
		}
		if (left && left < n && !memcmp(j->p, words[i].text, left))
			return ended(j, "inside a word");
	}
	if (!left)
		return ended(j, "a value expected");
	if (*j->p == 'N' || *j->p == 'I')
		return det_json_fail_at(j, DET_CORRUPT, j->p,
		    "a value expected, found what may be NaN or Infinity");
	return det_json_fail_at(j, DET_CORRUPT, j->p, "a value expected");
}

static int
in_object(const struct det_json *j)
{
	unsigned level = j->depth - 1;

	return j->object[level / 64] >> (level % 64) & 1;
}

static enum det_err
open_level(struct det_json *j, struct det_json_token *t, int object)
{
	uint64_t bit = (uint64_t)1 << (j->depth % 64);
	uint64_t *bits = &j->object[j->depth / 64 % (DET_JSON_DEPTH / 64)];

	if (j->depth >= DET_JSON_DEPTH)
		return det_json_fail_at(
		    j, DET_LIMIT, j->p, "nested deeper than 512 levels");
	*bits = object ? *bits | bit : *bits & ~bit;
	j->depth++;
	j->p++;
	t->kind = object ? DET_JSON_OBJECT : DET_JSON_ARRAY;
	j->next = object ? KEY_OR_END : VALUE_OR_END;
	return DET_OK;
}

static enum det_err
close_level(struct det_json *j, struct det_json_token *t)
{
	t->kind = in_object(j) ? DET_JSON_OBJECT_END : DET_JSON_ARRAY_END;
	j->depth--;
	j->p++;
	j->next = AFTER;
	return DET_OK;
}

static enum det_err
value(struct det_json *j, struct det_json_token *t)
{
	char c = *j->p;

	if (c == '{' || c == '[')
		return open_level(j, t, c == '{');
	j->next = AFTER;
	if (c == '"') {
		t->kind = DET_JSON_TEXT;
		return det_json_take_string(j, t);
	}
	return c == '-' || (c >= '0' && c <= '9') ? number(j, t) : word(j, t);
}

static enum det_err
key(struct det_json *j, struct det_json_token *t)
{
	if (*j->p != '"')
		return j->p == j->end ? ended(j, "a key expected")
				      : det_json_fail_at(j, DET_CORRUPT, j->p,
					    "a key in double quotes expected");
	t->kind = DET_JSON_KEY;
	j->next = COLON;
	return det_json_take_string(j, t);
}

/* After a value: the comma before the next, if there is one. */
static enum det_err
comma(struct det_json *j, int *more)
{
	*more = 0;
	if (*j->p == ',') {
		*more = 1;
		j->p++;
		j->next = in_object(j) ? KEY : VALUE;
		return blanks(j);
	}
	if (*j->p == (in_object(j) ? '}' : ']'))
		return DET_OK;
	if (j->p == j->end)
		return ended(j, in_object(j) ? "inside an object" : "inside an array");
	return det_json_fail_at(j, DET_CORRUPT, j->p,
	    in_object(j) ? "a comma or } expected" : "a comma or ] expected");
}

static enum det_err
past_mark(struct det_json *j)
{
	if (j->base == 0 && j->p == j->window && j->end - j->p >= 3 &&
	    !memcmp(j->p, "\xef\xbb\xbf", 3))
		j->p += 3;
	return blanks(j);
}

enum det_err
det_json_next(struct det_json *j, struct det_json_token *t)
{
	int more;
	enum det_err e;

	if ((e = blanks(j)))
		return e;
	if (j->base == 0 && j->p == j->window && (e = past_mark(j)))
		return e;
	if (j->next == COLON) {
		if (*j->p != ':')
			return j->p == j->end ? ended(j, "a colon expected")
					      : det_json_fail_at(j, DET_CORRUPT, j->p,
						    "a colon expected after the key");
		j->p++;
		j->next = VALUE;
		if ((e = blanks(j)))
			return e;
	} else if (j->next == AFTER && j->depth) {
		if ((e = comma(j, &more)))
			return e;
	} else if (j->next == AFTER) {
		t->kind = DET_JSON_END;
		t->at = det_json_offset(j, j->p);
		t->line = j->line;
		return j->p == j->end ? DET_OK
				      : det_json_fail_at(j, DET_CORRUPT, j->p,
					    "the end expected after the value");
	}
	t->at = det_json_offset(j, j->p);
	t->line = j->line;
	switch (j->next) {
	case VALUE_OR_END:
		if (*j->p == ']')
			return close_level(j, t);
		return value(j, t);
	case KEY_OR_END:
		if (*j->p == '}')
			return close_level(j, t);
		return key(j, t);
	case KEY: return key(j, t);
	case AFTER: return close_level(j, t);
	default: return value(j, t);
	}
}

enum det_err
det_json_skip_rest(struct det_json *j, const struct det_json_token *first)
{
	unsigned depth = j->depth;
	struct det_json_token t;
	enum det_err e = DET_OK;

	if (first->kind != DET_JSON_OBJECT && first->kind != DET_JSON_ARRAY)
		return DET_OK;
	j->skim = 1;
	while (!e && j->depth >= depth)
		e = det_json_next(j, &t);
	j->skim = 0;
	return e;
}

enum det_err
det_json_skip(struct det_json *j)
{
	struct det_json_token t;
	enum det_err e;

	j->skim = 1;
	e = det_json_next(j, &t);
	j->skim = 0;
	return e ? e : det_json_skip_rest(j, &t);
}

const char *
det_json_kind_name(enum det_json_kind kind)
{
	static const char *const names[] = { "the end", "an object", "the object's end",
		"an array", "the array's end", "a key", "a string", "a number", "true",
		"false", "null" };

	return names[kind];
}

enum det_err
det_json_expect(struct det_json *j, struct det_json_token *t, enum det_json_kind kind,
    const char *what)
{
	enum det_err e = det_json_next(j, t);

	if (e || t->kind == kind)
		return e;
	return det_json_fail(j, DET_INVALID, t, "%s: %s expected, found %s", what,
	    det_json_kind_name(kind), det_json_kind_name(t->kind));
}

int
det_json_is(const struct det_json_token *t, const char *text)
{
	size_t n = strlen(text);

	return t->len == n && !memcmp(t->text, text, n);
}
