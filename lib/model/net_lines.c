/* SPDX-License-Identifier: MIT */
#include "model/net_lines.h"

#include <string.h>

#include "base/text.h"

static int
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

int
det_span_is(struct det_span x, const char *s)
{
	return x.n == strlen(s) && (x.n == 0 || !memcmp(x.s, s, x.n));
}

struct det_span
det_span_trim(struct det_span x)
{
	while (x.n && is_blank(*x.s))
		x.s++, x.n--;
	while (x.n && is_blank(x.s[x.n - 1]))
		x.n--;
	return x;
}

struct det_span
det_span_upto(struct det_span x, char c)
{
	const char *end = x.n ? memchr(x.s, c, x.n) : NULL;

	return (struct det_span){ x.s, end ? (size_t)(end - x.s) : x.n };
}

/* All behind the first `n` bytes. */
static struct det_span
behind(struct det_span x, size_t n)
{
	return n < x.n ? (struct det_span){ x.s + n, x.n - n }
		       : (struct det_span){ NULL, 0 };
}

static struct det_span
first_word(struct det_span x)
{
	size_t n = 0;

	while (n < x.n && !is_blank(x.s[n]))
		n++;
	return (struct det_span){ x.s, n };
}

/* NAME = OP(IN, ...) */
static void
read_layer(struct det_net_line *l, struct det_span text)
{
	const struct det_span name = det_span_upto(text, '=');
	const struct det_span rest = behind(text, name.n + 1);
	const struct det_span op = det_span_upto(rest, '(');

	l->kind = DET_NET_LAYER;
	l->name = det_span_trim(name);
	l->op = det_span_trim(op);
	l->in = det_span_upto(behind(rest, op.n + 1), ')');
}

int
det_net_lines_next(struct det_net_line *out, struct det_net_lines *lines)
{
	struct det_span all = { NULL, 0 }, text;

	if (!det_line_next(&all.s, &all.n, lines->text, lines->len, &lines->at))
		return 0;
	text = det_span_trim(det_span_upto(all, '#'));
	*out = (struct det_net_line){ .all = all, .word = first_word(text) };
	if (det_span_is(out->word, "block"))
		lines->inside = 1;
	if (lines->inside || text.n == 0 || det_span_is(out->word, "net")) {
		lines->inside = lines->inside && !det_span_is(out->word, "end");
	} else if (det_span_is(out->word, "output")) {
		out->kind = DET_NET_OUTPUT;
	} else if (det_span_is(out->word, "input")) {
		out->kind = DET_NET_INPUT;
		out->name = first_word(det_span_trim(behind(text, out->word.n)));
	} else {
		read_layer(out, text);
	}
	return 1;
}

int
det_net_line_input(struct det_span *out, struct det_span *in)
{
	const struct det_span one = det_span_upto(*in, ',');

	*out = det_span_trim(one);
	*in = behind(*in, one.n + 1);
	return one.n > 0;
}
