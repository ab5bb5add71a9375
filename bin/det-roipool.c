/* SPDX-License-Identifier: MIT
 *
 * det-roipool: the features of each box of a list, or the box cut out of the picture, as
 * rows of one size.
 */
#include "bin/hold.h"
#include "bin/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roi/rows.h"

struct roipool {
	struct det_rows_params p;
	long context; /* -1: as the op has it */
	long scales;
	char scaled[DET_SCALES][DET_SCALE_NAME]; /* the one map at each */
	const char *size, *boxes, *out;
	struct opt_names maps;
	struct opt_list strides, levels, offsets;
	struct det_buf made;
	struct det_boxes list;
	struct det_rows rows;
};

static void
set_params(struct tool *t, struct roipool *s)
{
	struct det_rows_params *p = &s->p;
	struct det_roi_params *r = &p->roi;
	char tail;

	r->op = p->op;
	if (s->size && sscanf(s->size, "%5ldx%5ld%c", &r->w, &r->h, &tail) != 2)
		tool_usage(t, "--size: WxH expected, found '%s'", s->size);
	if (s->size)
		p->warp.w = p->hog.w = r->w, p->warp.h = p->hog.h = r->h;
	if (s->context >= 0)
		p->warp.context = p->hog.context = s->context;
	if (s->levels.n)
		r->levels = s->levels.n;
	for (size_t i = 0; i < s->levels.n && i < DET_ROI_LEVELS; i++) {
		r->level[i] = (long)s->levels.v[i];
		if ((double)r->level[i] != s->levels.v[i])
			tool_usage(t, "--levels: whole numbers expected");
	}
	if (s->offsets.n != 0 && s->offsets.n != 2)
		tool_usage(t, "--offsets: two numbers expected");
	r->offset0 = s->offsets.v[0];
	r->offset = s->offsets.v[1];
	p->scales.n = (size_t)s->scales;
	p->strides = s->strides.n;
	memcpy(p->stride, s->strides.v, sizeof p->stride);
	if (det_rows_check(p))
		tool_usage(t, "%s", det_errmsg());
}

/* As the pictures of the model's input are, where rows come from the original. */
static void
set_norm(struct tool *t, struct roipool *s)
{
	const char *text = NULL;
	size_t len;

	if (t->model)
		det_model_text(t->model, "options/det-image", &text, &len);
	if (text)
		tool_check(t, det_norm_options(&s->p.norm, text, len));
}

static void
check_maps(struct tool *t, const struct roipool *s)
{
	if (s->maps.n == 0)
		tool_usage(t, "--maps: the feature maps' names expected, as p2,p3,p4");
	if (s->maps.n > DET_ROWS_MAPS)
		tool_usage(t, "--maps: at most %d names expected", DET_ROWS_MAPS);
	for (size_t i = 0; i < s->maps.n; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(s->maps.v[i], s->maps.v[k]))
				tool_usage(t, "--maps: '%s' twice", s->maps.v[i]);
	if (s->scales > 1 && s->maps.n > 1)
		tool_usage(t, "--scales: one map expected, found %zu", s->maps.n);
	if (s->strides.n && s->strides.n != s->maps.n)
		tool_usage(t, "--strides: one for each of %zu maps expected, found %zu",
		    s->maps.n, s->strides.n);
}

/* The box list first, which passes on; then what rows are made from. */
static void
start_hold(struct tool *t, struct roipool *s, struct hold *h)
{
	static const char *const image = "image", *const source = "source";
	const int cuts = det_rows_cuts(&s->p), original = cuts && s->p.original;
	const char *const *name = !cuts ? s->maps.v : original ? &source : &image;
	const size_t n = cuts ? 1 : s->maps.n, k = cuts ? 1 : (size_t)s->scales;

	if (!cuts)
		check_maps(t, s);
	hold_start(t, h, DET_TENSOR, n * k + 1, cuts ? "det-image" : "det-backbone");
	h->name[0] = s->boxes;
	h->kind[0] = DET_BOXES;
	h->pass[0] = 1;
	memcpy(h->name + 1, name, n * sizeof *name);
	for (size_t i = 1; i < k; i++)
		h->name[i + 1] = det_scale_name(s->scaled[i], name[0], i);
	if (original)
		h->optional[1] = h->pass[1] = 1;
	tool_check(t, det_buf_printf(&s->made, "det-roipool "));
	tool_check(t, det_rows_text(&s->made, &s->p, name, n));
}

/* HOG undoes what the picture's own record says was done. */
static void
set_made_norm(struct tool *t, struct roipool *s, const struct det_record *image)
{
	char *text;

	tool_check(t, det_attr_get(&text, &image->attrs, "norm"));
	if (text)
		tool_check(t, det_norm_parse(&s->p.norm, text));
	free(text);
}

static void
run(struct tool *t, struct roipool *s, struct hold *h)
{
	const struct det_rows_in in = { &t->cur, h->name + 1, h->tensor + 1,
		h->n > 1 && h->have[1] ? h->n - 1 : 0 };
	struct det_attrs a = { 0 };

	if (s->p.op == DET_ROWS_HOG && !s->p.original)
		set_made_norm(t, s, &h->held[1]);
	for (size_t k = 1; k < s->p.scales.n && k + 1 < h->n; k++)
		tool_check(t, det_scale_read(s->p.scales.factor[k],
				  &h->held[k + 1].attrs, h->name[k + 1]));
	tool_check(t, det_boxes_read(&s->list, &h->held[0]));
	tool_check(t, det_rows_make(&s->rows, &s->list, &in, &s->p, tool_threads(t)));
	tool_check(t, det_attr_add(&a, "boxes", s->boxes));
	tool_check(t, det_attr_add(&a, "made", s->made.text));
	tool_check(t, det_writer_tensor(t->out, s->out, &s->rows.t, &a));
	free(a.text);
}

int
main(int argc, char *argv[])
{
	struct roipool s = { .p = DET_ROWS_DEFAULTS,
		.boxes = "proposals",
		.out = "rois",
		.context = -1,
		.scales = 1 };
	struct det_rows_params *p = &s.p;
	const struct opt opts[] = {
		OPT_CHOICE(
		    0, "op", &p->op, det_rows_ops, "OP", "what is done with each box"),
		OPT_STR(0, "size", &s.size, "WxH",
		    "bins of a row, 7x7; pixels, of warp 227x227, of hog 64x64"),
		OPT_STR(0, "boxes", &s.boxes, "NAME", "the list of boxes"),
		OPT_STR(0, "out", &s.out, "NAME", "the tensor to write"),
		OPT_NAMES(0, "maps", &s.maps, "NAME,...", "feature maps, finest first"),
		OPT_LIST(0, "strides", &s.strides, 1e-3, 1e6, "N,...",
		    "pixels a cell of each map (default: from its size)"),
		OPT_DOUBLE(0, "canonical", &p->pyramid.canonical, 1e-3, 1e6, "PIXELS",
		    "a box of this side goes to level --level0"),
		OPT_LONG(0, "level0", &p->pyramid.level0, -64, 64, "N",
		    "which is the map of stride 2^N"),
		OPT_CHOICE(0, "epsilon", &p->pyramid.epsilon, det_rows_guards, "WHOSE",
		    "guard of exact powers of two"),
		OPT_LONG(0, "scales", &s.scales, 1, DET_SCALES, "N",
		    "the map comes at N scales, of which each box has one"),
		OPT_CHOICE(0, "scale-rule", &p->scales.rule, det_rows_rules, "RULE",
		    "which scale is best"),
		OPT_DOUBLE(0, "scale-area", &p->scales.area, 1, 1e12, "PIXELS",
		    "the area that boxes should have at their scale"),
		OPT_LONG(0, "sampling", &p->roi.sampling, 0, 64, "N",
		    "align: samples a side of a bin; 0: one a cell"),
		OPT_FLAG(0, "aligned", &p->roi.aligned, "align: shift by half a cell"),
		OPT_LIST(0, "levels", &s.levels, 1, DET_ROI_BINS, "N,...",
		    "spp: bins a side of each level (default: 6,3,2,1)"),
		OPT_CHOICE(0, "spp", &p->roi.spp, det_rows_forms, "FORM",
		    "spp: how bins are cut"),
		OPT_LIST(0, "offsets", &s.offsets, -1e6, 1e6, "A,B",
		    "spp: pixels to a map's first cell, and boxes shrink"),
		OPT_LONG(
		    0, "cell", &p->hog.cell, 2, 64, "PIXELS", "hog: a side of a cell"),
		OPT_LONG(0, "context", &s.context, 0, 4096, "PIXELS",
		    "warp (16), hog (0): of the output, around the box"),
		OPT_FLAG(0, "square", &p->warp.square, "warp: keep the shape of boxes"),
		OPT_CHOICE(0, "from", &p->original, det_rows_pictures, "WHAT",
		    "warp, hog: tensor 'image', or the original picture"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-roipool",
		"Features of one size for each box of a list.", "[FILE ...]",
		TOOL_READS | TOOL_WRITES | TOOL_MODEL | TOOL_PROFILE | TOOL_THREADS |
		    TOOL_KEEP,
		opts };
	struct tool t;
	struct hold h;
	struct det_record r = { 0 };

	/* arguments */
	tool_start(&t, &spec, argc, argv);
	set_params(&t, &s);
	set_norm(&t, &s);
	start_hold(&t, &s, &h);

	/* work */
	while (tool_read(&t, &r))
		if (hold_record(&t, &h, &r))
			run(&t, &s, &h);

	/* finish */
	hold_finish(&h);
	det_boxes_release(&s.list);
	det_rows_release(&s.rows);
	det_buf_free(&s.made);
	det_record_release(&r);
	return tool_finish(&t);
}
