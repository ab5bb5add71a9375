/* SPDX-License-Identifier: MIT */
#include "stream/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

void
det_record_release(struct det_record *r)
{
	free(r->attrs.text);
	free(r->own);
	*r = (struct det_record){ 0 };
}

const char *
det_kind_name(uint32_t kind)
{
	static _Thread_local char text[5];

	for (int i = 0; i < 4; i++) {
		unsigned c = kind >> 8 * i & 0xff;

		text[i] = c > ' ' && c < 0x7f ? (char)c : '?';
	}
	return text;
}

/* Finds the line of `key` from byte `from`: its start, or SIZE_MAX. *n is the length of
 * the line without its LF. Attributes were checked when read, so each line has its LF. */
static size_t
find(const struct det_attrs *a, const char *key, size_t *n)
{
	size_t at = 0, k = strlen(key), start;
	const char *line;

	while (start = at, det_line_next(&line, n, a->text, a->len, &at))
		if (*n > k && line[k] == '=' && !memcmp(line, key, k))
			return start;
	return SIZE_MAX;
}

static enum det_err
unescape(char **out, const char *s, size_t n)
{
	char *p;
	size_t w = 0;
	enum det_err e;

	if ((e = det_strndup(&p, s, n)))
		return e;
	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if (c == '\\' && i + 1 < n) {
			c = p[++i];
			c = c == 'n' ? '\n' : c == 'r' ? '\r' : c;
		}
		p[w++] = c;
	}
	p[w] = 0;
	*out = p;
	return DET_OK;
}

enum det_err
det_attr_get(char **value, const struct det_attrs *a, const char *key)
{
	size_t n, at = find(a, key, &n), k = strlen(key) + 1;

	*value = NULL;
	if (at == SIZE_MAX)
		return DET_OK;
	return unescape(value, a->text + at + k, n - k);
}

int
det_attr_is(const struct det_attrs *a, const char *key, const char *value)
{
	size_t n, at = find(a, key, &n), k = strlen(key) + 1;

	return at != SIZE_MAX && n - k == strlen(value) &&
	       !memcmp(a->text + at + k, value, n - k);
}

enum det_err
det_attr_long(long *v, const struct det_attrs *a, const char *key, long lo, long hi)
{
	char *s;
	enum det_err e = det_attr_get(&s, a, key);

	if (e || !s)
		return e;
	if (det_parse_long(v, s, lo, hi))
		e = det_fail_in(DET_CORRUPT, "attribute %s", key);
	free(s);
	return e;
}

/* Writes key=value with its LF into b. */
static enum det_err
line_add(struct det_buf *b, const char *key, const char *value)
{
	enum det_err e;

	if ((e = det_buf_printf(b, "%s=", key)))
		return e;
	for (; *value; value++) {
		const char *esc = *value == '\n'   ? "\\n"
				  : *value == '\r' ? "\\r"
				  : *value == '\\' ? "\\\\"
						   : NULL;

		if ((e = esc ? det_buf_add(b, esc, 2) : det_buf_add(b, value, 1)))
			return e;
	}
	return det_buf_add(b, "\n", 1);
}

static enum det_err
splice_in(struct det_attrs *a, size_t at, size_t cut, const char *text, size_t n)
{
	size_t len;
	enum det_err e;

	if ((e = det_add(&len, a->len - cut, n)))
		return e;
	if (len > DET_MAX_ATTRS)
		return det_fail(DET_LIMIT,
		    "attributes of %zu bytes: at most %zu allowed", len, DET_MAX_ATTRS);
	if ((e = det_grow(&a->text, &a->cap, len + 1, 1)))
		return e;
	memmove(a->text + at + n, a->text + at + cut, a->len - at - cut);
	memcpy(a->text + at, text, n);
	a->len = len;
	a->text[len] = 0;
	return DET_OK;
}

enum det_err
det_attr_add(struct det_attrs *a, const char *key, const char *value)
{
	struct det_buf b = { 0 };
	enum det_err e = line_add(&b, key, value);

	if (!e)
		e = splice_in(a, a->len, 0, b.text, b.len);
	det_buf_free(&b);
	return e;
}

enum det_err
det_attr_set(struct det_attrs *a, const char *key, const char *value)
{
	struct det_buf b = { 0 };
	size_t n, at = find(a, key, &n);
	enum det_err e = line_add(&b, key, value);

	if (!e)
		e = at == SIZE_MAX ? splice_in(a, a->len, 0, b.text, b.len)
				   : splice_in(a, at, n + 1, b.text, b.len);
	det_buf_free(&b);
	return e;
}

enum det_err
det_attr_next(const struct det_attrs *a, size_t *at, char **key, char **value)
{
	const char *line, *eq;
	size_t n;
	enum det_err e;

	*key = *value = NULL;
	if (!det_line_next(&line, &n, a->text, a->len, at))
		return DET_OK;
	eq = memchr(line, '=', n);
	if (!eq)
		return det_fail(DET_CORRUPT, "an attribute without '='");
	if ((e = det_strndup(key, line, (size_t)(eq - line))))
		return e;
	if ((e = unescape(value, eq + 1, n - (size_t)(eq + 1 - line)))) {
		free(*key);
		*key = NULL;
	}
	return e;
}

/* Names have no escapes, so the value can be given in place; it is copied to a buffer of
 * the thread only to end it with a NUL. */
const char *
det_record_name(const struct det_record *r)
{
	static _Thread_local char name[4][256];
	static _Thread_local unsigned turn;
	size_t n, at = find(&r->attrs, "name", &n);
	char *out = name[turn++ % 4];

	if (at == SIZE_MAX || n - 5 > 255)
		return "";
	memcpy(out, r->attrs.text + at + 5, n - 5);
	out[n - 5] = 0;
	return out;
}
