/* SPDX-License-Identifier: MIT
 *
 * det-anchors: the anchors of each feature map, before the map; or printed for maps of
 * given sizes (--print); or learned from annotated boxes (--kmeans).
 */
#include "bin/tool.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bin/anchors_print.h"

struct anchors {
	const char *file, *set, *maps;
	struct det_anchors *text;
	char *wanted, *have; /* of each map of the text */
	float *box;
	size_t cap;
};

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
			tool_usage(t, "--set %s: no such set", s->set);
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
	tool_check(t, det_calloc(&s->have, det_anchors_maps(s->text), 1));
}

/* --maps a,b,c; all where it is not given. */
static void
choose_maps(struct tool *t, struct anchors *s)
{
	const char *p = s->maps;
	char name[256];
	size_t n, i;

	if (!p)
		memset(s->wanted, 1, det_anchors_maps(s->text));
	while (p && *p) {
		n = strcspn(p, ",");
		(void)snprintf(name, sizeof name, "%.*s", (int)(n < 255 ? n : 255), p);
		if (!det_anchors_find(&i, s->text, name))
			tool_usage(t, "--maps: no anchors for a map '%s'", name);
		s->wanted[i] = 1;
		p += n + (p[n] == ',');
	}
}

/* Writes the anchors of the map whose record comes. */
static void
write_anchors(struct tool *t, struct anchors *s, size_t i, const struct det_record *r)
{
	const struct det_tensor *map = &r->tensor;
	struct det_tensor out = { DET_F32, 4, { 0 }, NULL };
	struct det_anchors_at at;
	char name[300];
	char shape[96];
	size_t n;

	/* of a map without numbers the record can claim any height and width */
	if (map->rank != 4 || !r->size)
		tool_die(t, "map '%s': 1xCxHxW expected, found %s", det_record_name(r),
		    det_shape_text(shape, sizeof shape, map));
	if (s->have[i])
		tool_die(t, "a second tensor '%s'", det_record_name(r));
	s->have[i] = 1;
	at = (struct det_anchors_at){ map->dims[2], map->dims[3], t->cur.in_h,
		t->cur.in_w };
	out.dims[0] = at.h;
	out.dims[1] = at.w;
	out.dims[2] = det_anchors_in_cell(s->text, i);
	out.dims[3] = 4;
	tool_check(t, det_tensor_count(&n, &out));
	tool_check(t, det_grow(&s->box, &s->cap, n, sizeof *s->box));
	tool_check(t, det_anchors_make(s->box, s->text, i, &at));
	out.data = s->box;
	(void)snprintf(name, sizeof name, "%s.anchors", det_record_name(r));
	tool_check(t, det_writer_tensor(t->out, name, &out, NULL));
}

/* Called at the record after the item: the place to speak of is `at`. */
static void
item_ends(struct tool *t, struct anchors *s, const struct tool_place *at)
{
	for (size_t i = 0; i < det_anchors_maps(s->text); i++)
		if (s->wanted[i] && !s->have[i]) {
			t->at = *at;
			tool_die(t, "no tensor '%s': does det-backbone come before?",
			    det_anchors_map(s->text, i));
		}
}

static void
work(struct tool *t, struct anchors *s)
{
	struct det_record r = { 0 };
	struct tool_place at = t->at;
	int open = 0;
	size_t i;

	while (tool_read(t, &r)) {
		if (open && (r.kind == DET_ITEM || r.kind == DET_END)) {
			item_ends(t, s, &at);
			open = 0;
		}
		if (r.kind == DET_ITEM) {
			open = t->cur.error == NULL;
			at = t->at;
			memset(s->have, 0, det_anchors_maps(s->text));
		}
		if (open && r.kind == DET_TENSOR &&
		    det_anchors_find(&i, s->text, det_record_name(&r)) && s->wanted[i])
			write_anchors(t, s, i, &r);
		tool_write(t, &r);
	}
	det_record_release(&r);
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
		OPT_STR(0, "maps", &s.maps, "MAP,...", "only of these maps"),
		OPT_FLAG(0, "print", &print.print, "print the anchors of maps"),
		OPT_STR(0, "size", &print.size, "WxH", "the input's size"),
		OPT_STR(0, "cells", &print.cells, "WxH,...",
		    "the size of each map (default: one cell)"),
		OPT_LONG(0, "kmeans", &learn.k, 1, 1000, "K",
		    "learn K widths and heights from annotated boxes"),
		OPT_STR(0, "boxes", &learn.boxes, "NAME", "their box list"),
		OPT_DOUBLE(
		    0, "stride", &learn.stride, 1e-3, 1e6, "S", "in cells of S pixels"),
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
		work(&t, &s);

	/* finish */
	det_anchors_free(s.text);
	free(s.wanted);
	free(s.have);
	free(s.box);
	return tool_finish(&t);
}
