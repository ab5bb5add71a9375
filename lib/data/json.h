/* SPDX-License-Identifier: MIT
 *
 * JSON, read token by token from a file, a pipe or memory, in bounded memory.
 *
 * Strict RFC 8259: UTF-8 (checked), no comments, no trailing commas, no NaN; a byte order
 * mark at the start is passed over. Every error names the file and the byte where it is.
 */
#ifndef DET_JSON_H
#define DET_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

/* DET_LIMIT beyond: */
#define DET_JSON_DEPTH  512               /* of arrays and objects within one another */
#define DET_JSON_NUMBER 4096              /* bytes of one number */
#define DET_JSON_STRING ((size_t)1 << 26) /* bytes of one string, as it is written */

enum det_json_kind {
	DET_JSON_END, /* of the input, after its one value */
	DET_JSON_OBJECT,
	DET_JSON_OBJECT_END,
	DET_JSON_ARRAY,
	DET_JSON_ARRAY_END,
	DET_JSON_KEY,
	DET_JSON_TEXT,
	DET_JSON_NUM,
	DET_JSON_TRUE,
	DET_JSON_FALSE,
	DET_JSON_NULL,
};

struct det_json_token {
	enum det_json_kind kind;
	int whole; /* NUM: written without point and exponent, and fits `integer` */
	const char
	    *text; /* KEY, TEXT: unescaped, valid until the next token; may hold NULs */
	size_t len;
	double number;   /* NUM: correctly rounded; finite */
	int64_t integer; /* NUM, where whole */
	uint64_t at;     /* offset of its first byte */
	uint64_t line;   /* from 1 */
};

struct det_json;

/* path "-" is standard input. */
enum det_err det_json_open(struct det_json **out, const char *path) DET_MUST_USE;
/* data[0..n) must outlive the reader; `name` is for messages. */
enum det_err det_json_open_memory(
    struct det_json **out, const void *data, size_t n, const char *name) DET_MUST_USE;
void det_json_close(struct det_json *j);

/* The next token; after the value's last, DET_JSON_END. After an error, no more calls. */
enum det_err det_json_next(struct det_json *j, struct det_json_token *t) DET_MUST_USE;

/* Passes over one whole value (after a key, or in an array), checked but not converted. */
enum det_err det_json_skip(struct det_json *j) DET_MUST_USE;
/* Passes over the rest of a value whose first token is *t. */
enum det_err det_json_skip_rest(
    struct det_json *j, const struct det_json_token *t) DET_MUST_USE;

/* The next token, or DET_INVALID "expected, found" where it is of another kind. `what` names
 * it in the message: "bbox". */
enum det_err det_json_expect(struct det_json *j, struct det_json_token *t,
    enum det_json_kind kind, const char *what) DET_MUST_USE;

/* "NAME: byte N (line L): text"; `code` is returned. */
enum det_err det_json_fail(const struct det_json *j, enum det_err code,
    const struct det_json_token *t, const char *fmt, ...) DET_PRINTF(4, 5);

int det_json_is(const struct det_json_token *t, const char *text);
/* "an object", "a number" ... */
const char *det_json_kind_name(enum det_json_kind kind);

/* A decimal number s[0..n), already known to be of JSON's grammar, as a double: the nearest,
 * ties to even, whatever the locale. Infinity where it is too large. */
double det_json_number(const char *s, size_t n, int64_t *integer, int *whole);

/* Length of the UTF-8 sequence that begins s[0..n), n > 0; 0 where it is none (overlong
 * forms, surrogates and numbers above U+10FFFF are none). */
size_t det_utf8(const unsigned char *s, size_t n);

/* Appends a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD. */
enum det_err det_json_string(struct det_buf *b, const char *s) DET_MUST_USE;

#endif
