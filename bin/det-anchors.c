/* SPDX-License-Identifier: MIT
 *
 * det-anchors: the anchors of each feature map, before the map; or printed for maps of
 * given sizes (--print); or learned from annotated boxes (--kmeans).
 */
#include "bin/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "bin/anchors_modes.h"

struct anchors {
	const char *file, *set;
	struct opt_names maps;
	struct det_anchors *text;
	char *wanted; /* of each map of the text */
};

_Noreturn static void
no_such_set(struct tool *t, const char *set)
{
	struct det_buf have = { 0 };
	const char *name;

	for (size_t i = 0; (name = det_anchors_profile_name(i)); i++)
		tool_check(t, det_buf_printf(&have, "%s%s", i ? ", " : "", name));
	tool_usage(t, "--set %s: no such set; there are %s", set, have.text);
}

/* The text: the user's, a known set, or the model's. */
static void
open_text(struct tool *t, struct anchors *s)
{
	const char *text = NULL, *name = s->set;
	char *own = NULL;
	size_t len = 0;

	if (s->file) {
		tool_slurp(t, &own, &len, s->file, (size_t)1 << 20);
		text = own;
		name = s->file;
	} else if (s->set) {
		text = det_anchors_profile(s->set);
		if (!text)
			no_such_set(t, s->set);
		len = strlen(text);
	} else if (t->model) {
		det_model_text(t->model, "anchors", &text, &len);
		name = t->model_path;
	}
	if (!text && t->model)
		tool_die(t, "%s: no text 'anchors'", t->model_path);
	if (!text)
		tool_usage(
		    t, "which anchors? give -m MODEL, --anchors FILE or --set NAME");
	tool_check(t, det_anchors_parse(&s->text, text, len, name));
	free(own);
	tool_check(t, det_calloc(&s->wanted, det_anchors_maps(s->text), 1));
}

/* Those of --maps; all where it is not given. */
static void
choose_maps(struct tool *t, struct anchors *s)
{
	size_t i;

	if (!s->maps.n)
		memset(s->wanted, 1, det_anchors_maps(s->text));
	for (size_t k = 0; k < s->maps.n; k++) {
		if (!det_anchors_find(&i, s->text, s->maps.v[k]))
			tool_usage(
			    t, "--maps: no anchors for a map '%s'", s->maps.v[k]);
		s->wanted[i] = 1;
	}
}

/* --print and --kmeans write text, all else a stream: the output is opened for it. */
static int
prints(int argc, char *argv[])
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (!strncmp(argv[i], "--print", strlen("--print")) ||
		    !strncmp(argv[i], "--kmeans", strlen("--kmeans")))
			return 1;
	return 0;
}

int
main(int argc, char *argv[])
{
	struct anchors s = { .file = NULL };
	struct anchors_print print = { .print = 0 };
	struct anchors_learn learn = { .boxes = "gt", .seed = 1 };
	const struct opt opts[] = {
		OPT_STR(0, "anchors", &s.file, "FILE", "the text, not the model's"),
		OPT_STR(0, "set", &s.set, "NAME", "a known text: caffe, tv, d2, ..."),
		OPT_NAMES(0, "maps", &s.maps, "MAP,...", "only of these maps"),
		OPT_FLAG(0, "print", &print.print, "print the anchors of maps"),
		OPT_STR(0, "size", &print.size, "WxH", "the input's size"),
		OPT_STR(0, "cells", &print.cells, "WxH,...",
		    "the size of each map (default: one cell)"),
		OPT_LONG(0, "kmeans", &learn.k, 1, 1000, "K",
		    "learn K widths and heights from annotated boxes (default: do "
		    "not)"),
		OPT_STR(0, "boxes", &learn.boxes, "NAME", "their box list"),
		OPT_DOUBLE(0, "stride", &learn.stride, 1e-3, 1e6, "S",
		    "in cells of S pixels (default: in pixels)"),
		OPT_LONG(0, "seed", &learn.seed, 0, 1e15, "N", "another result"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-anchors",
		"Write, print or learn the anchors of feature maps.", "[FILE ...]",
		TOOL_READS | TOOL_MODEL | TOOL_PROFILE |
		    (unsigned)(prints(argc, argv) ? TOOL_PRINTS : TOOL_WRITES),
		opts };
	struct tool t;

	/* arguments */
	tool_start(&t, &spec, argc, argv);
	if (learn.k == 0) {
		open_text(&t, &s);
		choose_maps(&t, &s);
	}

	/* work */
	if (learn.k > 0)
		anchors_learn(&t, &learn, print.size);
	else if (print.print)
		anchors_print(&t, &print, s.text, s.wanted);
	else
		anchors_stream(&t, s.text, s.wanted);

	/* finish */
	det_anchors_free(s.text);
	free(s.wanted);
	return tool_finish(&t);
}
