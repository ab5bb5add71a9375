/* SPDX-License-Identifier: MIT
 *
 * The lines of a network's text: what kind each is, its parts, and that they are the text.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "model/net_lines.h"
#include "tests/unit/tap.h"

static const char net[] = "net head  # svm = fc(x)\n"
			  "\n"
			  "  input rois 4 1 1\n"
			  "block pair(x) n\n"
			  "\tfc6 = fc(x) out=$n\n"
			  "\treturn fc6\n"
			  "end\n"
			  "fc6=fc(rois)out=3 # (so)\n"
			  "\tsum.a = add( fc6 ,rois ) act=relu\n"
			  "output cls=sum.a\n"
			  "output=fc(net)";

static const struct {
	enum det_net_line_kind kind;
	const char *name, *op, *in;
} want[] = {
	{ DET_NET_OTHER, "", "", "" },
	{ DET_NET_OTHER, "", "", "" },
	{ DET_NET_INPUT, "rois", "", "" },
	{ DET_NET_OTHER, "", "", "" },
	{ DET_NET_OTHER, "", "", "" },
	{ DET_NET_OTHER, "", "", "" },
	{ DET_NET_OTHER, "", "", "" },
	{ DET_NET_LAYER, "fc6", "fc", "rois" },
	{ DET_NET_LAYER, "sum.a", "add", " fc6 ,rois " },
	{ DET_NET_OUTPUT, "", "", "" },
	{ DET_NET_LAYER, "output", "fc", "net" },
};

static void
test_lines(void)
{
	struct det_net_lines lines = { .text = net, .len = strlen(net) };
	struct det_net_line l;
	struct det_buf again = { 0 };
	size_t n = 0;
	enum det_err e = DET_OK;

	for (; n < sizeof want / sizeof want[0] && det_net_lines_next(&l, &lines);
	     n++) {
		ok(l.kind == want[n].kind && det_span_is(l.name, want[n].name) &&
			det_span_is(l.op, want[n].op) && det_span_is(l.in, want[n].in),
		    "line %zu: '%.*s'", n + 1, (int)l.all.n, l.all.s);
		if (!e)
			e = det_buf_printf(
			    &again, "%s%.*s", n ? "\n" : "", (int)l.all.n, l.all.s);
	}
	ok(n == sizeof want / sizeof want[0] && !det_net_lines_next(&l, &lines),
	    "and no more");
	ok(!e && !strcmp(again.text, net), "together they are the text");
	det_buf_free(&again);
}

static void
test_inputs(void)
{
	const char *text = " a ,b.c,\td";
	struct det_span in = { text, strlen(text) }, one;
	static const char *const names[] = { "a", "b.c", "d" };

	for (size_t i = 0; i < 3; i++)
		ok(det_net_line_input(&one, &in) && det_span_is(one, names[i]),
		    "input '%s'", names[i]);
	ok(!det_net_line_input(&one, &in), "and no more");
}

/* What is no network gives lines all the same, and parts that lie in them. */
static void
test_any(void)
{
	static const char *const odd[] = { "", "=", "a=", "a=b(", "a=(", "a=b)c(", "((",
		"input", "input ", "block", "end", "#", " \t", "a = b(c # )",
		",=,(,),)" };
	size_t wrong = 0;

	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		struct det_net_lines lines = { .text = odd[i], .len = strlen(odd[i]) };
		struct det_net_line l;
		struct det_span one;

		while (det_net_lines_next(&l, &lines)) {
			const struct det_span part[] = { l.word, l.name, l.op, l.in };

			for (size_t k = 0; k < 4; k++)
				wrong += part[k].n &&
					 (part[k].s < l.all.s ||
					     part[k].s + part[k].n > l.all.s + l.all.n);
			for (size_t k = 0; det_net_line_input(&one, &l.in); k++)
				wrong += k > 8;
		}
	}
	ok(wrong == 0, "any text has lines");
}

int
main(void)
{
	test_lines();
	test_inputs();
	test_any();
	return done();
}
