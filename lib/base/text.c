/* SPDX-License-Identifier: MIT
 *
 * Numbers are parsed and printed by the C library in the locale of the program; the
 * toolkit never calls setlocale, so that is the C locale. A program that links libdet and
 * sets another numeric locale is served through newlocale/uselocale here.
 */
#define _POSIX_C_SOURCE 200809L
#include "base/text.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
det_buf_free(struct det_buf *b)
{
	free(b->text);
	*b = (struct det_buf){ 0 };
}

enum det_err
det_buf_add(struct det_buf *b, const void *bytes, size_t n)
{
	size_t need;
	enum det_err e;

	if ((e = det_add(&need, b->len, n)) || (e = det_add(&need, need, 1)) ||
	    (e = det_grow(&b->text, &b->cap, need, 1)))
		return e;
	if (n)
		memcpy(b->text + b->len, bytes, n);
	b->len += n;
	b->text[b->len] = 0;
	return DET_OK;
}

enum det_err
det_buf_printf(struct det_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;
	size_t need;
	enum det_err e;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return det_fail(DET_INVALID, "text can't be formatted");
	if ((e = det_add(&need, b->len, (size_t)n + 1)) ||
	    (e = det_grow(&b->text, &b->cap, need, 1)))
		return e;
	va_start(ap, fmt);
	(void)vsnprintf(b->text + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return DET_OK;
}

void
det_text_clean(char *text, size_t n, int lines)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 || c == 0x7f) && !(lines && (c == '\n' || c == '\t')))
			text[i] = '?';
	}
}

enum det_err
det_buf_quoted(struct det_buf *b, const char *word)
{
	enum det_err e;

	if (*word &&
	    strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
			 "6789_-+=./:,%@") == strlen(word))
		return det_buf_add(b, word, strlen(word));
	e = det_buf_add(b, "'", 1);
	for (; !e && *word; word++)
		e = *word == '\'' ? det_buf_add(b, "'\\''", 4)
				  : det_buf_add(b, word, 1);
	return e ? e : det_buf_add(b, "'", 1);
}

/* Runs strtod in the C locale whatever the program's. */
static double
c_strtod(const char *s, char **end)
{
	locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0), old;
	double v;

	if (c == (locale_t)0)
		return strtod(s, end);
	old = uselocale(c);
	v = strtod(s, end);
	(void)uselocale(old);
	freelocale(c);
	return v;
}

enum det_err
det_parse_long(long *out, const char *s, long lo, long hi)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(s, &end, 10);
	if (!((*s >= '0' && *s <= '9') || *s == '-' || *s == '+') || end == s || *end)
		return det_fail(DET_INVALID, "'%s' is not a whole number", s);
	if (errno || v < lo || v > hi)
		return det_fail(DET_INVALID, "%s is outside %ld to %ld", s, lo, hi);
	*out = v;
	return DET_OK;
}

enum det_err
det_parse_double(double *out, const char *s, double lo, double hi)
{
	char *end;
	double v;

	if (!*s || strspn(s, "0123456789+-.eE") != strlen(s))
		return det_fail(DET_INVALID, "'%s' is not a number", s);
	errno = 0;
	v = c_strtod(s, &end);
	if (end == s || *end)
		return det_fail(DET_INVALID, "'%s' is not a number", s);
	if (!isfinite(v) || v < lo || v > hi)
		return hi < 1 && hi >= DET_BELOW_ONE
			   ? det_fail(DET_INVALID,
				 "%s is outside %g up to, not including, 1", s, lo)
			   : det_fail(DET_INVALID, "%s is outside %g to %g", s, lo, hi);
	*out = v;
	return DET_OK;
}

int
det_digit(char c, int base)
{
	int v = c >= '0' && c <= '9'   ? c - '0'
		: c >= 'a' && c <= 'f' ? c - 'a' + 10
		: c >= 'A' && c <= 'F' ? c - 'A' + 10
				       : base;

	return v < base ? v : -1;
}

enum det_err
det_parse_doubles(double *v, size_t *n, size_t max, const char *s, double lo, double hi)
{
	char one[64];
	size_t len, count = 0;
	enum det_err e;

	for (;; s += len + 1) {
		len = strcspn(s, ",");
		if (count == max)
			return det_fail(DET_LIMIT, "at most %zu numbers expected", max);
		if (len >= sizeof one)
			return det_fail(DET_INVALID, "'%.20s...' is not a number", s);
		memcpy(one, s, len);
		one[len] = 0;
		if ((e = det_parse_double(&v[count++], one, lo, hi)))
			return e;
		if (!s[len])
			break;
	}
	*n = count;
	return DET_OK;
}

static void
point(char *s)
{
	const char *p = localeconv()->decimal_point;

	if (*p != '.')
		for (; *s; s++)
			if (*s == *p)
				*s = '.';
}

char *
det_double_text(char *buf, double v)
{
	int digits = 15;

	do
		(void)snprintf(buf, 32, "%.*g", digits, v);
	while (digits++ < 17 && strtod(buf, NULL) != v);
	point(buf);
	return buf;
}

char *
det_float_text(char *buf, float v)
{
	int digits = 6;

	do
		(void)snprintf(buf, 32, "%.*g", digits, (double)v);
	while (
	    digits++ < 9 && (strtof(buf, NULL) != v || (float)strtod(buf, NULL) != v));
	point(buf);
	return buf;
}

int
det_line_next(const char **line, size_t *n, const char *text, size_t len, size_t *at)
{
	const char *end;

	if (*at >= len)
		return 0;
	*line = text + *at;
	end = memchr(*line, '\n', len - *at);
	*n = end ? (size_t)(end - *line) : len - *at;
	*at += *n + (end ? 1 : 0);
	if (*n && (*line)[*n - 1] == '\r')
		--*n;
	return 1;
}
