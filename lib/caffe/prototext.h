/* SPDX-License-Identifier: MIT
 *
 * Protobuf's text format, read without a schema: a tree of fields. Private to lib/caffe.
 */
#ifndef DET_PROTOTEXT_H
#define DET_PROTOTEXT_H

#include <stddef.h>

#include "base/err.h"

enum cf_kind {
	CF_WORD,    /* 3, -1e-3, true, MAX */
	CF_STRING,  /* "conv1", unescaped; holds no NUL */
	CF_MESSAGE, /* { ... } */
};

struct cf_field {
	char *name; /* "" for the root */
	const char *file;
	size_t line;
	enum cf_kind kind;
	char *text; /* word or string; NULL for messages */
	struct cf_field *field;
	size_t n, cap;
	int used; /* somebody asked for it */
};

/* Parses a text into *root, a message; `file` is for messages and must outlive it. Errors
 * are DET_INVALID or DET_LIMIT "FILE:LINE: what was expected, what was found". On failure
 * nothing is left to release. */
enum det_err cf_text_parse(
    struct cf_field *root, const char *text, size_t len, const char *file) DET_MUST_USE;
void cf_field_release(struct cf_field *f);

/* The at-th (from 0) field of that name, NULL where there are fewer; marks it used. A NULL
 * message has no fields. */
struct cf_field *cf_find(const struct cf_field *m, const char *name, size_t at);
size_t cf_count(const struct cf_field *m, const char *name);

/* The only field of that name, which must be a message; *out = NULL where there is none. */
enum det_err cf_message(
    struct cf_field **out, const struct cf_field *m, const char *name) DET_MUST_USE;

/* Values of fields; *out is untouched where there is none. Two of a name are DET_INVALID
 * (of cf_long_at: the at-th is meant). */
enum det_err cf_long(long *out, const struct cf_field *m, const char *name, long lo,
    long hi) DET_MUST_USE;
enum det_err cf_long_at(long *out, const struct cf_field *m, const char *name,
    size_t at, long lo, long hi) DET_MUST_USE;
enum det_err cf_double(double *out, const struct cf_field *m, const char *name,
    double lo, double hi) DET_MUST_USE;
enum det_err cf_double_at(double *out, const struct cf_field *m, const char *name,
    size_t at, double lo, double hi) DET_MUST_USE;
enum det_err cf_bool(int *out, const struct cf_field *m, const char *name) DET_MUST_USE;
/* A word (an enum's value) or a string. */
enum det_err cf_word(
    const char **out, const struct cf_field *m, const char *name) DET_MUST_USE;
enum det_err cf_string(
    const char **out, const struct cf_field *m, const char *name) DET_MUST_USE;

/* Marks the fields of these names as of no matter; NULL ends the list. */
void cf_ignore(const struct cf_field *m, const char *const *names);
/* DET_INVALID naming the first field, at any depth, that nobody asked for: "FILE:LINE:
 * WHAT: ...". Inside messages that were ignored nothing needs to be asked for. */
enum det_err cf_unused(const struct cf_field *m, const char *what) DET_MUST_USE;

#endif
