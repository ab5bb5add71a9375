/* SPDX-License-Identifier: MIT
 *
 * det-export: detections and ground truth in the formats of other programs.
 */
#include "bin/hold.h"
#include "bin/tool.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "data/export.h"

struct job {
	struct det_export_params p;
	const char *output, *boxes;
	struct det_export *x;
	struct det_newfile file; /* -o, where it is a file */
	int fd;
	struct det_boxes list;
} state = { .p = DET_EXPORT_DEFAULTS, .boxes = "boxes", .fd = 1, .file.fd = -1 };

/* However the program ends, no half-written file stays. */
static void
clean_up(void)
{
	det_file_abandon(&state.file);
	det_export_free(state.x);
	det_boxes_release(&state.list);
}

static void
export_open(struct tool *t, struct job *s)
{
	int dir;

	if (s->p.gt && !tool_given(t, "boxes"))
		s->boxes = "gt";
	if (s->p.gt && !tool_given(t, "image-id"))
		s->p.image_id = DET_EXPORT_ID_ITEM;
	dir = s->p.format == DET_EXPORT_VOC || s->p.format == DET_EXPORT_YOLO;

	if (dir && !s->output)
		tool_usage(t, "voc and yolo are many files: give -o DIR");
	if (dir)
		s->p.dir = s->output;
	tool_check(t, det_export_new(&s->x, &s->p));
	if (dir || !s->output || !strcmp(s->output, "-"))
		return;
	tool_check(t, det_file_create(&s->file, s->output));
	s->fd = s->file.fd;
}

static void
warn_lost(struct tool *t, const struct job *s)
{
	char text[256];

	if (det_export_lost(text, sizeof text, s->x))
		tool_warn(t, "this format can't hold, and so were lost: %s", text);
}

static void
put(struct tool *t, struct job *s)
{
	struct det_buf *b = det_export_text(s->x);

	tool_check(t, det_write_all(s->fd, b->text, b->len,
			  s->output ? s->output : "standard output"));
	b->len = 0;
}

static void
put_item(struct tool *t, struct job *s)
{
	tool_check(t, det_export_item(s->x, &t->cur, &s->list));
	put(t, s);
}

static void
set_classes(struct tool *t, struct job *s, const struct det_record *r)
{
	struct det_classes c = { 0 };
	enum det_err e;

	if (!(e = det_classes_parse(&c, r->tensor.data, r->size)))
		e = det_export_classes(s->x, &c);
	det_classes_release(&c);
	tool_check(t, e);
}

static void
take(struct tool *t, struct job *s, struct hold *list, struct det_record *r)
{
	/* beside ground truth, image ids are the data set's: those that the truth, exported
	 * or where it came from, has */
	if (r->kind == DET_BOXES && !strcmp(det_record_name(r), "gt") &&
	    !tool_given(t, "image-id"))
		det_export_image_rule(s->x, DET_EXPORT_ID_ITEM);
	if (hold_record(t, list, r)) {
		tool_check(t, det_boxes_read(&s->list, list->held));
		put_item(t, s);
	} else if (r->kind == DET_STREAM) {
		set_classes(t, s, r);
	} else if (r->kind == DET_ITEM && t->cur.error) {
		s->list.n = 0;
		s->list.space = DET_SPACE_IMAGE;
		put_item(t, s);
	}
}

int
main(int argc, char *argv[])
{
	static const char *const formats[] = { "tsv", "jsonl", "coco", "voc", "yolo",
		NULL };
	static const char *const ids[] = { "digits", "item", "stem", NULL };
	static const char *const vocs[] = { "inclusive", "darknet", NULL };
	struct job *s = &state;
	const struct opt opts[] = {
		OPT_CHOICE(
		    'f', "format", &s->p.format, formats, "FORMAT", "what to write"),
		OPT_STR('o', "output", &s->output, "PATH",
		    "write to file PATH; voc, yolo: to files in directory PATH"),
		OPT_FLAG(0, "truth", &s->p.gt,
		    "the list is ground truth (default list: gt)"),
		OPT_STR(0, "boxes", &s->boxes, "NAME", "the box list to write"),
		OPT_LONG(0, "decimals", &s->p.coord_decimals, -1, 17, "N",
		    "of coordinates; -1: as many as are needed (default: the "
		    "format's)"),
		OPT_LONG(0, "score-decimals", &s->p.score_decimals, -1, 17, "N",
		    "of scores (default: the format's)"),
		OPT_FLAG(0, "header", &s->p.header, "tsv: name the columns first"),
		OPT_FLAG(0, "no-empty", &s->p.no_empty,
		    "tsv: no line for a picture without boxes"),
		OPT_CHOICE(0, "image-id", &s->p.image_id, ids, "RULE",
		    "coco: where image_id comes from"),
		OPT_CHOICE(
		    0, "voc", &s->p.voc, vocs, "RULE", "voc: how corners are counted"),
		OPT_STR(0, "prefix", &s->p.prefix, "TEXT", "voc: how file names begin"),
		OPT_FLAG(0, "score", &s->p.score, "yolo: a sixth column, the score"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-export",
		"Write detections or ground truth as TSV, JSON lines, COCO, VOC or "
		"YOLO.",
		"[FILE ...]", TOOL_READS, opts };
	struct tool t;
	struct hold list;
	struct det_record r = { 0 };

	/* arguments */
	if (atexit(clean_up))
		return 2;
	tool_start(&t, &spec, argc, argv);
	export_open(&t, s);
	hold_start(&t, &list, DET_BOXES, 1, "det-nms");
	list.name[0] = s->boxes;

	/* work */
	while (tool_read(&t, &r))
		take(&t, s, &list, &r);
	tool_check(&t, det_export_end(s->x));
	put(&t, s);
	warn_lost(&t, s);

	/* finish */
	if (s->file.fd >= 0)
		tool_check(&t, det_file_commit(&s->file));
	else if (close(1) < 0)
		tool_die(&t, "standard output can't be closed");
	hold_finish(&list);
	det_record_release(&r);
	return tool_finish(&t);
}
