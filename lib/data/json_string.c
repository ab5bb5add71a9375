/* SPDX-License-Identifier: MIT
 *
 * JSON's strings: found and checked where they lie in the window, copied only where they hold
 * escapes. UTF-8 is checked (Unicode 15, table 3-7), and so are surrogate pairs of escapes.
 */
#include "data/json_impl.h"

#include <string.h>

size_t
det_utf8(const unsigned char *s, size_t have)
{
	size_t n = 0;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] < 0xf5)
		n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (n > have)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* Characters that a string's fast loop must look at: the quote, the backslash, controls and
 * what is not ASCII. */
static int
is_special(unsigned char c)
{
	return c < 0x20 || c >= 0x80 || c == '"' || c == '\\';
}

static int
hex4(unsigned *out, const char *s)
{
	*out = 0;
	for (int i = 0; i < 4; i++) {
		char c = s[i];
		unsigned d = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
			     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
			     : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
						    : 16;
		if (d > 15)
			return 0;
		*out = *out << 4 | d;
	}
	return 1;
}

static size_t
put_utf8(char *to, unsigned c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* The escape at s[0..n), s[0] the backslash: *used bytes of it, *c what it stands for. A half
 * of a surrogate pair without the other is nothing. 0 where it is not one. */
static int
escape(unsigned *c, size_t *used, const char *s, size_t n)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *p = n > 1 && s[1] ? strchr(from, s[1]) : NULL;
	unsigned low;

	*used = 2;
	if (p) {
		*c = (unsigned char)to[p - from];
		return 1;
	}
	*used = 6;
	if (n < 6 || s[1] != 'u' || !hex4(c, s + 2))
		return 0;
	if (*c < 0xd800 || *c > 0xdfff)
		return 1;
	*used = 12;
	if (n < 12 || *c > 0xdbff || s[6] != '\\' || s[7] != 'u' ||
	    !hex4(&low, s + 8) || low < 0xdc00 || low > 0xdfff)
		return 0;
	*c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
	return 1;
}

static enum det_err
unescape(struct det_json *j, const char *s, size_t n)
{
	enum det_err e = DET_OK;

	j->text.len = 0;
	while (n && !e) {
		const char *back = memchr(s, '\\', n);
		size_t plain = back ? (size_t)(back - s) : n, used = 0;
		char utf8[4];
		unsigned c;

		e = det_buf_add(&j->text, s, plain);
		s += plain;
		n -= plain;
		if (e || !n)
			break;
		if (!escape(&c, &used, s, n))
			return det_json_fail_at(j, DET_CORRUPT, s,
			    "no escape of JSON, or half of a surrogate pair");
		e = det_buf_add(&j->text, utf8, put_utf8(utf8, c));
		s += used;
		n -= used;
	}
	return e;
}

/* j->p is at the opening quote; *end at the closing one, *first at the opening one, which the
 * window may have moved. */
static enum det_err
find_quote(struct det_json *j, const char **first, int *escapes)
{
	const char *start = j->p, *p = j->p + 1;
	unsigned c;
	enum det_err e;

	*escapes = 0;
	for (;;) {
		size_t left, n;

		while (!is_special((unsigned char)*p))
			p++;
		if (*p == '"')
			break;
		left = (size_t)(j->end - p);
		if (left < 12 && !j->eof) {
			j->p = p;
			if ((e = det_json_refill(j, &start)))
				return e;
			p = j->p;
			continue;
		}
		if (!left) {
			j->p = start;
			return det_fail(DET_TRUNCATED,
			    "%s: input ended early, at byte %llu (line %llu): inside a "
			    "string that began at byte %llu",
			    j->name, (unsigned long long)det_json_offset(j, j->end),
			    (unsigned long long)j->line,
			    (unsigned long long)det_json_offset(j, start));
		}
		if (*p == '\\' && escape(&c, &n, p, left)) {
			*escapes = 1;
			p += n;
			continue;
		}
		if (*p == '\\' && (left >= 12 || memchr(p, '"', left)))
			return det_json_fail_at(j, DET_CORRUPT, p,
			    "no escape of JSON, or half of a surrogate pair");
		if (*p == '\\') { /* cut off */
			p = j->end;
			continue;
		}
		if ((unsigned char)*p < 0x20)
			return det_json_fail_at(
			    j, DET_CORRUPT, p, "a control character inside a string");
		n = det_utf8((const unsigned char *)p, left);
		if (!n)
			return det_json_fail_at(j,
			    left < 4 ? DET_TRUNCATED : DET_CORRUPT, p,
			    "a string that is not UTF-8");
		p += n;
	}
	*first = start;
	j->p = p;
	return DET_OK;
}

enum det_err
det_json_take_string(struct det_json *j, struct det_json_token *t)
{
	const char *first = NULL;
	int escapes;
	enum det_err e;

	if ((e = find_quote(j, &first, &escapes)))
		return e;
	t->text = first + 1;
	t->len = (size_t)(j->p - t->text);
	if (escapes && !j->skim) {
		if ((e = unescape(j, t->text, t->len)))
			return e;
		t->text = j->text.text;
		t->len = j->text.len;
	}
	j->p++;
	return DET_OK;
}

enum det_err
det_json_string(struct det_buf *b, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t n, left = strlen(s);
	enum det_err e = det_buf_add(b, "\"", 1);

	while (!e && *p) {
		n = det_utf8(p, left);
		if (!n)
			e = det_buf_printf(b, "\\ufffd");
		else if (*p < 0x20 || *p == 0x7f)
			e = det_buf_printf(b, "\\u%04x", (unsigned)*p);
		else if (*p == '"' || *p == '\\')
			e = det_buf_printf(b, "\\%c", *p);
		else
			e = det_buf_add(b, p, n);
		p += n ? n : 1;
		left -= n ? n : 1;
	}
	return e ? e : det_buf_add(b, "\"", 1);
}
