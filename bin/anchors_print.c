/* SPDX-License-Identifier: MIT */
#include "bin/anchors_modes.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

void
anchors_size(struct tool *t, long *w, long *h, const char **s, const char *option)
{
	char one[64], *x;
	size_t n = strcspn(*s, ",");

	(void)snprintf(one, sizeof one, "%.*s", (int)(n < 63 ? n : 63), *s);
	x = strchr(one, 'x');
	if (x)
		*x++ = 0;
	if (!x || det_parse_long(w, one, 1, 1 << 20) ||
	    det_parse_long(h, x, 1, 1 << 20))
		tool_usage(
		    t, "%s: WIDTHxHEIGHT expected, found '%.*s'", option, (int)n, *s);
	*s += n + ((*s)[n] == ',');
}

static void
print_map(struct tool *t, const struct det_anchors *a, size_t i,
    const struct det_anchors_at *at)
{
	size_t per = det_anchors_in_cell(a, i), n;
	char num[4][32];
	float *box;

	tool_check(t, det_mul(&n, at->h * at->w, per));
	tool_check(t, det_alloc(&box, n, 4 * sizeof *box));
	if (det_anchors_make(box, a, i, at))
		tool_usage(t, "%s%s", det_errmsg(),
		    at->in_w ? "" : ": give --size WxH (and --cells)");
	for (size_t k = 0; k < n; k++) {
		for (int c = 0; c < 4; c++)
			(void)det_float_text(num[c], box[4 * k + (size_t)c]);
		(void)fprintf(tool_stdout(t), "%s\t%zu\t%zu\t%zu\t%s\t%s\t%s\t%s\n",
		    det_anchors_map(a, i), k / per / at->w, k / per % at->w, k % per,
		    num[0], num[1], num[2], num[3]);
	}
	free(box);
}

void
anchors_print(struct tool *t, const struct anchors_print *p,
    const struct det_anchors *a, const char *wanted)
{
	struct det_anchors_at at = { 0 };
	const char *size = p->size, *cells = p->cells;
	long w = 1, h = 1;

	if (t->argc > 0)
		tool_usage(t, "--print reads nothing: '%s'", t->argv[0]);
	if (size)
		anchors_size(t, &at.in_w, &at.in_h, &size, "--size");
	(void)fputs("map\trow\tcolumn\tanchor\tx1\ty1\tx2\ty2\n", tool_stdout(t));
	for (size_t i = 0; i < det_anchors_maps(a); i++) {
		if (!wanted[i])
			continue;
		if (cells && !*cells)
			tool_usage(t, "--cells: a size for map '%s' too expected",
			    det_anchors_map(a, i));
		if (cells)
			anchors_size(t, &w, &h, &cells, "--cells");
		at.w = (size_t)w;
		at.h = (size_t)h;
		print_map(t, a, i, &at);
	}
	if (cells && *cells)
		tool_usage(t, "--cells: more sizes than maps");
}
