/* SPDX-License-Identifier: MIT
 *
 * The state of the JSON reader, which its tokens and its strings share. Private to lib/data.
 */
#ifndef DET_JSON_IMPL_H
#define DET_JSON_IMPL_H

#include "data/json.h"

enum next {
	VALUE,        /* a value */
	VALUE_OR_END, /* a value or ] : after [ */
	KEY,          /* a key: after a comma in an object */
	KEY_OR_END,   /* a key or } : after { */
	COLON,        /* and a value: after a key */
	AFTER,        /* a comma, an end; after the whole value nothing */
};

struct det_json {
	char *name;
	int fd;             /* -1: memory */
	const char *memory; /* what is left of it */
	size_t memory_n;
	char *window; /* size + 1 bytes */
	size_t size;
	const char *p, *end; /* unread part of the window */
	uint64_t base;       /* offset of the window's first byte */
	uint64_t line;
	int eof;
	int skim; /* numbers are not converted, strings not unescaped */
	enum next next;
	unsigned depth;
	uint64_t object[DET_JSON_DEPTH / 64]; /* bit set: that level is an object */
	struct det_buf text;                  /* of a string with escapes */
};

/* Offset in the input of a byte of the window. */
uint64_t det_json_offset(const struct det_json *j, const char *p);
/* "NAME: byte N (line L): text", N being that of p. */
enum det_err det_json_fail_at(
    const struct det_json *j, enum det_err code, const char *p, const char *text);
/* Moves what is from *keep on to the window's front and fills up behind it; *keep and j->p
 * follow. */
enum det_err det_json_refill(struct det_json *j, const char **keep) DET_MUST_USE;

/* The string whose opening quote is at j->p. */
enum det_err det_json_take_string(
    struct det_json *j, struct det_json_token *t) DET_MUST_USE;

#endif
