/* SPDX-License-Identifier: MIT
 *
 * det-draw: boxes on the pictures that they were found in.
 */
#define _POSIX_C_SOURCE 200809L
#include "bin/tool.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "box/map.h"
#include "image/draw.h"
#include "image/gallery.h"
#include "image/original.h"
#include "image/shown.h"

static const char *const formats[] = { "auto", "png", "jpeg", NULL };
static const enum det_format format_of[] = { DET_FORMAT_UNKNOWN, DET_FORMAT_PNG,
	DET_FORMAT_JPEG };
static const char *const labels[] = { "full", "name", "none", NULL };

struct draw {
	struct det_draw_params p;
	int label, format, mjpeg, tee, input;
	const char *boxes;
	long quality;
	struct det_gallery *gallery;
	struct det_classes classes;
	struct tool_place at; /* the item's, for messages */
	int waiting;          /* an item came and its picture is not drawn yet */
	struct det_item item;
	struct det_buf source;  /* its encoded bytes, where the stream has them */
	struct det_image shown; /* --input: what the network sees of it */
	struct det_boxes list;
	int listed; /* they have come */
};

/* The picture to draw on, and the space that its boxes are in. */
static enum det_err
picture(struct draw *d, struct det_image *im, enum det_space *space)
{
	*space = d->input ? DET_SPACE_INPUT : DET_SPACE_IMAGE;
	if (!d->input)
		return det_original_read(
		    im, &d->item, (unsigned char *)d->source.text, d->source.len);
	if (!d->shown.rgb)
		return det_fail(DET_INVALID, "no tensor 'image' to draw on");
	*im = d->shown;
	d->shown = (struct det_image){ 0 };
	return DET_OK;
}

static void
finish_item(struct tool *t, struct draw *d)
{
	struct det_boxes none = { 0 };
	struct det_image im = { 0 };
	const struct tool_place now = t->at;
	enum det_space space;

	if (!d->waiting)
		return;
	d->waiting = 0;
	/* the next item may have been read: messages are about this one */
	t->at = d->at;
	if (d->item.error) {
		tool_warn(t, "not drawn: %s", d->item.error);
	} else if (picture(d, &im, &space)) {
		tool_bad_item(t);
	} else {
		if (d->listed)
			tool_check(t, det_boxes_map(&d->list, &d->item, space));
		tool_check(t, det_draw_boxes(&im, d->listed ? &d->list : &none,
				  &d->classes, &d->p));
		tool_check(
		    t, det_gallery_put(d->gallery, &im, d->item.path, d->item.id));
	}
	det_image_release(&im);
	t->at = now;
}

static void
take_input(struct tool *t, struct draw *d, struct det_record *r)
{
	struct det_norm norm;
	char *text;

	tool_load(t, r);
	tool_check(t, det_attr_get(&text, &r->attrs, "norm"));
	if (!text)
		tool_die(t, "the tensor 'image' does not tell its normalisation");
	tool_check(t, det_norm_parse(&norm, text));
	free(text);
	det_image_release(&d->shown);
	tool_check(t, det_image_of_input(&d->shown, &r->tensor, &norm));
	if (d->listed)
		finish_item(t, d);
}

static void
take(struct tool *t, struct draw *d, struct det_record *r)
{
	const char *name = det_record_name(r);

	if (r->kind == DET_STREAM || r->kind == DET_END)
		finish_item(t, d);
	if (r->kind == DET_STREAM) {
		det_classes_release(&d->classes);
		tool_check(t, det_classes_parse(&d->classes, r->tensor.data, r->size));
	} else if (r->kind == DET_ITEM) {
		finish_item(t, d);
		det_item_release(&d->item);
		tool_check(t, det_item_read(&d->item, r));
		det_image_release(&d->shown);
		d->source.len = 0;
		d->at = t->at;
		d->waiting = 1;
		d->listed = 0;
	} else if (r->kind == DET_TENSOR && !d->input && !strcmp(name, "source")) {
		tool_load(t, r);
		tool_check(t, det_buf_add(&d->source, r->tensor.data, r->size));
	} else if (r->kind == DET_TENSOR && d->input && !strcmp(name, "image")) {
		take_input(t, d, r);
	} else if (r->kind == DET_BOXES && strcmp(name, d->boxes) == 0) {
		if (!d->waiting || d->listed)
			tool_die(t, "a second list of boxes '%s'", d->boxes);
		tool_check(t, det_boxes_read(&d->list, r));
		d->listed = 1;
		if (!d->input || d->shown.rgb)
			finish_item(t, d);
	}
}

/* The pictures have their own place, so standard output is free for the stream. */
static void
start_tee(struct tool *t, const char *out)
{
	if (strcmp(out, "-") == 0)
		tool_usage(t, "--tee: give -o FILE or -o DIR/ for the pictures");
	if (isatty(1))
		tool_usage(
		    t, "--tee: standard output is a terminal and a stream is binary");
	tool_check(t, det_writer_open_fd(&t->out, 1, "standard output"));
	t->out_fd = 1;
}

int
main(int argc, char *argv[])
{
	struct draw d = { .p = DET_DRAW_DEFAULTS, .boxes = "boxes", .quality = 92 };
	const char *out = "-";
	const struct opt opts[] = {
		OPT_STR('o', "output", &out, "FILE|DIR/",
		    "one picture to FILE (-: standard output), many into DIR/"),
		OPT_FLAG(0, "mjpeg", &d.mjpeg,
		    "JPEG pictures one after another, as they come"),
		OPT_FLAG(0, "tee", &d.tee, "pass the stream on to standard output"),
		OPT_CHOICE(0, "format", &d.format, formats, "FORMAT",
		    "of pictures; auto goes by FILE"),
		OPT_LONG(0, "quality", &d.quality, 1, 100, "Q", "of JPEG"),
		OPT_STR(0, "boxes", &d.boxes, "NAME", "the list of boxes to draw"),
		OPT_FLAG(0, "input", &d.input,
		    "on the network's input, not on the original"),
		OPT_DOUBLE(0, "min-score", &d.p.min_score, -1e30, 1e30, "S",
		    "leave out boxes that score less"),
		OPT_CHOICE(0, "label", &d.label, labels, "WHAT", "on each box"),
		OPT_LONG(0, "line", &d.p.line, 0, 1000, "PIXELS",
		    "width of lines (default: by the picture)"),
		OPT_LONG(0, "text", &d.p.text, 0, 1000, "PIXELS",
		    "height of capitals (default: by the picture)"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-draw", "Draw boxes on their pictures.",
		"[FILE ...]", TOOL_READS | TOOL_BAD, opts };
	struct tool t;
	struct det_record r = { 0 };
	size_t count;

	/* arguments */
	tool_start(&t, &spec, argc, argv);
	d.p.label = (enum det_draw_label)d.label;
	if (strcmp(out, "-") == 0 && isatty(1))
		tool_usage(
		    &t, "standard output is a terminal: give -o FILE or -o DIR/");
	/* before what may fail, so that the stages after this one are told */
	if (d.tee)
		start_tee(&t, out);
	tool_check(&t, det_gallery_new(&d.gallery, out, d.mjpeg, format_of[d.format],
			   (int)d.quality));

	/* work */
	while (tool_read(&t, &r)) {
		take(&t, &d, &r);
		if (d.tee)
			tool_write(&t, &r);
	}
	finish_item(&t, &d);

	/* finish */
	tool_check(&t, det_gallery_finish(d.gallery, &count));
	if (count == 0)
		tool_warn(&t, "no picture was drawn");
	det_record_release(&r);
	det_boxes_release(&d.list);
	det_image_release(&d.shown);
	det_classes_release(&d.classes);
	det_item_release(&d.item);
	det_buf_free(&d.source);
	return tool_finish(&t);
}
