/* SPDX-License-Identifier: MIT
 *
 * The lines of a network's text (formats/net.md) as they stand, for those who rewrite some of
 * them and leave the others as they are. What they mean is nn/net.h's.
 */
#ifndef DET_NET_LINES_H
#define DET_NET_LINES_H

#include <stddef.h>

/* Bytes of somebody else's text; s is NULL where there is nothing. */
struct det_span {
	const char *s;
	size_t n;
};

enum det_net_line_kind {
	DET_NET_OTHER, /* `net`, blocks' definitions, blank lines */
	DET_NET_INPUT,
	DET_NET_OUTPUT,
	DET_NET_LAYER, /* NAME = OP(IN, ...) ..., a block's instance too */
};

struct det_net_line {
	enum det_net_line_kind kind;
	struct det_span all;  /* without the newline */
	struct det_span word, /* the first */
	    name,             /* of an input or a layer */
	    op, in;           /* of a layer; in: all between the parentheses */
};

/* Start from {text, len}. */
struct det_net_lines {
	const char *text;
	size_t len, at;
	int inside; /* a block's definition */
};

/* The next line; 0 at the end. Any text will do, but of one that is no network's names and
 * inputs may be anything in the line, or nothing. */
int det_net_lines_next(struct det_net_line *out, struct det_net_lines *lines);

/* Takes the first of inputs between commas from *in; 0 where none is left. */
int det_net_line_input(struct det_span *out, struct det_span *in);

int det_span_is(struct det_span x, const char *s);
/* Without blanks at its ends. */
struct det_span det_span_trim(struct det_span x);
/* Up to the first such byte, or to the end. */
struct det_span det_span_upto(struct det_span x, char c);

#endif
