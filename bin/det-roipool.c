/* SPDX-License-Identifier: MIT
 *
 * det-roipool: the features of each box of a list, or the box cut out of the picture, as
 * rows of one size.
 */
#include "bin/roipool_job.h"

#include <stdlib.h>
#include <string.h>

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

/* A map at further scales that nobody asked for would be computed for nothing. */
static void
check_scale(struct tool *t, struct roipool *s, const struct det_record *r)
{
	char name[DET_SCALE_NAME], *scale;

	if (s->warned || s->scales > 1 || s->maps.n != 1 || det_rows_cuts(&s->p) ||
	    r->kind != DET_TENSOR ||
	    strcmp(det_record_name(r), det_scale_name(name, s->maps.v[0], 1)) != 0)
		return;
	tool_check(t, det_attr_get(&scale, &r->attrs, "scale"));
	if (!scale)
		return;
	free(scale);
	s->warned = 1;
	tool_warn(t,
	    "'%s' comes at several scales: boxes are pooled from the first, "
	    "where --scales does not say how many there are",
	    s->maps.v[0]);
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
	roipool_set(&t, &s);
	roipool_hold(&t, &s, &h);

	/* work */
	while (tool_read(&t, &r)) {
		check_scale(&t, &s, &r);
		if (hold_record(&t, &h, &r))
			run(&t, &s, &h);
	}

	/* finish */
	hold_finish(&h);
	det_boxes_release(&s.list);
	det_rows_release(&s.rows);
	det_buf_free(&s.made);
	det_record_release(&r);
	return tool_finish(&t);
}
