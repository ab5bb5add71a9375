/* SPDX-License-Identifier: MIT */
#include "model/thin.h"

#include <string.h>

/* What is around the input of a layer's line: "NAME = fc(", "IN", ") KEYS". */
struct parts {
	size_t in, end; /* where IN begins, and ends */
	int fc;
};

static size_t
skip(const char *s, size_t n, size_t at)
{
	while (at < n && (s[at] == ' ' || s[at] == '\t'))
		at++;
	return at;
}

/* Whether the line defines the layer of that name. */
static int
defines(struct parts *p, const char *s, size_t n, const char *name)
{
	const size_t len = strlen(name);
	size_t at = skip(s, n, 0), op;
	const char *end;

	if (n - at < len || memcmp(s + at, name, len) != 0)
		return 0;
	at = skip(s, n, at + len);
	if (at == n || s[at] != '=')
		return 0;
	op = skip(s, n, at + 1);
	at = n - op >= 2 ? skip(s, n, op + 2) : n;
	end = at < n ? memchr(s + at, ')', n - at) : NULL;
	p->fc = at < n && memcmp(s + op, "fc", 2) == 0 && s[at] == '(' && end;
	p->in = at + 1;
	p->end = end ? (size_t)(end - s) : n;
	return 1;
}

static enum det_err
two_lines(struct det_buf *out, const char *s, size_t n, const struct parts *p,
    const char *layer, size_t rank)
{
	return det_buf_printf(out, "%s_svd = fc(%.*s) out=%zu bias=0\n%.*s%s_svd%.*s\n",
	    layer, (int)(p->end - p->in), s + p->in, rank, (int)p->in, s, layer,
	    (int)(n - p->end), s + p->end);
}

enum det_err
det_thin_text(
    struct det_buf *out, const char *text, size_t len, const char *layer, size_t rank)
{
	struct det_buf both = { 0 };
	struct parts p;
	const char *line;
	size_t n, at = 0;
	int found = 0;
	enum det_err e = det_buf_printf(&both, "%s_svd", layer);

	while (!e && det_line_next(&line, &n, text, len, &at)) {
		if (defines(&p, line, n, both.text)) {
			e = det_fail(DET_INVALID,
			    "layer '%s' is made of two already: there is '%s'", layer,
			    both.text);
		} else if (!defines(&p, line, n, layer)) {
			e = det_buf_printf(out, "%.*s\n", (int)n, line);
		} else if (!p.fc) {
			e = det_fail(DET_INVALID,
			    "layer '%s' is not fully connected (fc)", layer);
		} else {
			found = 1;
			e = two_lines(out, line, n, &p, layer, rank);
		}
	}
	if (!e && !found)
		e = det_fail(DET_INVALID, "the network has no layer '%s'", layer);
	det_buf_free(&both);
	return e;
}
