/* SPDX-License-Identifier: MIT
 *
 * Words and bytes of a recipe, and its lines "!...": damage done on purpose, to what was
 * built so far.
 */
#include "stream/recipe_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/text.h"
#include "stream/record_head.h"

/* The character that \C stands for; *p is at C and is left at the escape's last byte. */
static enum det_err
escape(char *out, char **p)
{
	char c = **p;

	if (c == 'x') {
		int hi = det_digit((*p)[1], 16),
		    lo = hi < 0 ? -1 : det_digit((*p)[2], 16);

		if (lo < 0 || hi * 16 + lo == 0)
			return det_fail(
			    DET_INVALID, "\\x wants two hex digits, and not 00");
		*p += 2;
		*out = (char)(unsigned char)(hi * 16 + lo);
		return DET_OK;
	}
	*out = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
	return DET_OK;
}

enum det_err
det_recipe_word(char **word, char **s)
{
	char *p = *s + strspn(*s, " \t"), *out = p;
	int quoted = 0;
	enum det_err e;

	*word = NULL;
	if (!*p)
		return DET_OK;
	*word = p;
	for (; *p && (quoted || (*p != ' ' && *p != '\t')); p++) {
		if (*p == '"') {
			quoted = !quoted;
		} else if (quoted && *p == '\\' && p[1]) {
			p++;
			if ((e = escape(out++, &p)))
				return e;
		} else {
			*out++ = *p;
		}
	}
	if (quoted)
		return det_fail(DET_INVALID, "a quote is not closed");
	*s = *p ? p + 1 : p;
	*out = 0;
	return DET_OK;
}

enum det_err
det_recipe_hex(struct det_buf *out, char *line)
{
	char *w;
	enum det_err e;

	while (!(e = det_recipe_word(&w, &line)) && w) {
		int hi = det_digit(w[0], 16), lo = hi < 0 ? -1 : det_digit(w[1], 16);
		unsigned char c;

		if (lo < 0 || w[2])
			return det_fail(DET_INVALID, "'%s' is not two hex digits", w);
		c = (unsigned char)(hi * 16 + lo);
		if ((e = det_buf_add(out, &c, 1)))
			return e;
	}
	return e;
}

/* Fields of the head for !head, by the names of formats/stream.md. */
static const struct {
	const char *name;
	int at, bytes;
} fields[] = {
	{ "major", 8, 2 },
	{ "minor", 10, 2 },
	{ "kind", 12, 4 },
	{ "flags", 16, 4 },
	{ "attrs", 20, 4 },
	{ "size", 24, 8 },
	{ "crc", 32, 4 },
	{ "dtype", 36, 1 },
	{ "rank", 37, 1 },
	{ "zero1", 38, 2 },
	{ "dim0", 40, 8 },
	{ "dim1", 48, 8 },
	{ "dim2", 56, 8 },
	{ "dim3", 64, 8 },
	{ "dim4", 72, 8 },
	{ "dim5", 80, 8 },
	{ "dim6", 88, 8 },
	{ "dim7", 96, 8 },
	{ "zero2", 104, 4 },
};

static enum det_err
set_field(struct det_buf *out, size_t last, const char *field, unsigned long long v)
{
	unsigned char *p;
	size_t n = sizeof fields / sizeof fields[0], i, attrs;

	if (out->len < last + DET_HEAD_SIZE)
		return det_fail(DET_INVALID, "!head before any record");
	p = (unsigned char *)out->text + last;
	for (i = 0; i < n && strcmp(field, fields[i].name) != 0; i++)
		;
	if (i == n)
		return det_fail(DET_INVALID, "'%s' is no field of a head", field);
	for (int k = 0; k < fields[i].bytes; k++)
		p[fields[i].at + k] = (unsigned char)(v >> 8 * k & 0xff);
	attrs = det_pad(det_le32(p + 20));
	if (attrs > out->len - last - DET_HEAD_SIZE)
		attrs = 0;
	det_put32(p + 124, det_crc32(det_crc32(0, p, 124), p + DET_HEAD_SIZE, attrs));
	return DET_OK;
}

static enum det_err
number(unsigned long long *v, const char *w, const char *what)
{
	char *end;

	if (!w || *w < '0' || *w > '9')
		return det_fail(DET_INVALID, "!%s lacks a number", what);
	*v = strtoull(w, &end, 0);
	return *end ? det_fail(DET_INVALID, "'%s' is not a number", w) : DET_OK;
}

enum det_err
det_recipe_damage(struct det_buf *out, size_t last, char *line)
{
	char *what, *arg, *val;
	unsigned long long at, v;
	enum det_err e;

	if ((e = det_recipe_word(&what, &line)))
		return e;
	if ((e = det_recipe_word(&arg, &line)))
		return e;
	if (what && !strcmp(what, "append")) {
		return arg && !strcmp(arg, "hex")
			   ? det_recipe_hex(out, line)
			   : det_fail(DET_INVALID, "'!append hex BYTES' expected");
	}
	if (!what || (strcmp(what, "head") != 0 && strcmp(what, "flip") != 0 &&
			 strcmp(what, "truncate") != 0))
		return det_fail(DET_INVALID,
		    "'!%s' is no directive: head, flip, truncate, append",
		    what ? what : "");
	if ((e = det_recipe_word(&val, &line)))
		return e;
	if (!strcmp(what, "head"))
		return !arg ? det_fail(DET_INVALID, "!head lacks a field")
		       : (e = number(&v, val, what)) ? e
						     : set_field(out, last, arg, v);
	if ((e = number(&at, arg, what)))
		return e;
	if (at > out->len || (*what == 'f' && at == out->len))
		return det_fail(DET_INVALID,
		    "byte %llu is not inside the %zu bytes built", at, out->len);
	if (*what == 't') {
		out->len = (size_t)at;
		return DET_OK;
	}
	if ((e = number(&v, val, what)))
		return e;
	out->text[at] = (char)((unsigned char)out->text[at] ^ (unsigned char)v);
	return DET_OK;
}
