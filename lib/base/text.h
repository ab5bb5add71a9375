/* SPDX-License-Identifier: MIT
 *
 * Text: a growing buffer, strict numbers, shortest decimal output.
 */
#ifndef DET_TEXT_H
#define DET_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A growing byte string; .text is NUL-terminated once anything was added. Start from
 * {0}; det_buf_free ends it and makes it {0} again. */
struct det_buf {
	char *text;
	size_t len, cap;
};

void det_buf_free(struct det_buf *b);
enum det_err det_buf_add(struct det_buf *b, const void *bytes, size_t n) DET_MUST_USE;
enum det_err det_buf_printf(struct det_buf *b, const char *fmt, ...)
    DET_PRINTF(2, 3) DET_MUST_USE;

/* The whole of s is one number inside [lo, hi], or DET_INVALID with a message that names
 * what was expected. "3abc", "", " 3" and "nan" are refused; 1e3 is a double, not a long.
 * Independent of the locale. */
enum det_err det_parse_long(long *out, const char *s, long lo, long hi) DET_MUST_USE;
enum det_err det_parse_double(
    double *out, const char *s, double lo, double hi) DET_MUST_USE;

/* As `hi` of det_parse_double: all below 1. */
#define DET_BELOW_ONE 0x1.fffffffffffffp-1

/* The value of a digit, of either case; -1 where c is none of that base (at most 16). */
int det_digit(char c, int base);

/* "a,b,c": 1 .. max numbers, each as above, into v, their count into *n; DET_LIMIT where
 * there are more. *n is untouched on failure. */
enum det_err det_parse_doubles(
    double *v, size_t *n, size_t max, const char *s, double lo, double hi) DET_MUST_USE;

/* Decimal form that reads back to the same double / float (also when read as a double and
 * rounded), as short as %.{n}g gives.
 * Writes at most 32 bytes with the NUL; returns buf. */
char *det_double_text(char *buf, double v);
char *det_float_text(char *buf, float v);

/* What came from a file must not drive a terminal: control characters (of ASCII; UTF-8
 * passes) become '?', under `lines` all but LF and TAB. */
void det_text_clean(char *text, size_t n, int lines);

/* Adds a word as a shell takes it: bare where it may be, else in single quotes. */
enum det_err det_buf_quoted(struct det_buf *b, const char *word) DET_MUST_USE;

/* Cuts the next line out of text[0..len): *line and *n are the line without LF and without
 * a CR before it; *at moves on. Returns 0 when nothing is left. */
int det_line_next(
    const char **line, size_t *n, const char *text, size_t len, size_t *at);

#endif
