/* SPDX-License-Identifier: MIT */
#include "model/thin.h"

#include <string.h>

#include "model/net_lines.h"

static int
is_layer(const struct det_net_line *l, const char *name)
{
	return l->kind == DET_NET_LAYER && det_span_is(l->name, name);
}

/* "NAME = fc(", "IN", ") KEYS": the second line differs in what stands in the middle. */
static enum det_err
two_lines(
    struct det_buf *out, const struct det_net_line *l, const char *layer, size_t rank)
{
	const char *behind = l->in.s + l->in.n, *end = l->all.s + l->all.n;

	return det_buf_printf(out, "%s_svd = fc(%.*s) out=%zu bias=0\n%.*s%s_svd%.*s\n",
	    layer, (int)l->in.n, l->in.s, rank, (int)(l->in.s - l->all.s), l->all.s,
	    layer, (int)(end - behind), behind);
}

enum det_err
det_thin_text(
    struct det_buf *out, const char *text, size_t len, const char *layer, size_t rank)
{
	struct det_net_lines lines = { .text = text, .len = len };
	struct det_net_line l;
	struct det_buf both = { 0 };
	int found = 0;
	enum det_err e = det_buf_printf(&both, "%s_svd", layer);

	while (!e && det_net_lines_next(&l, &lines)) {
		if (is_layer(&l, both.text)) {
			e = det_fail(DET_INVALID,
			    "layer '%s' is made of two already: there is '%s'", layer,
			    both.text);
		} else if (!is_layer(&l, layer)) {
			e = det_buf_printf(out, "%.*s\n", (int)l.all.n, l.all.s);
		} else if (!det_span_is(l.op, "fc") || l.in.n == 0) {
			e = det_fail(DET_INVALID,
			    "layer '%s' is not fully connected (fc)", layer);
		} else {
			found = 1;
			e = two_lines(out, &l, layer, rank);
		}
	}
	if (!e && !found)
		e = det_fail(DET_INVALID, "the network has no layer '%s'", layer);
	det_buf_free(&both);
	return e;
}
