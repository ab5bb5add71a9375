/* SPDX-License-Identifier: MIT
 *
 * What the second stage is told: the model's options of det-propose and det-roipool, so that
 * proposals and rows are made in training as they are in detection (but for the numbers of
 * proposals, --train's), and the keys of the line "rcnn". Where proposals come with the
 * stream, det-propose has had its say.
 *
 *             proposals        rows          nothing     smooth L1
 *   tv        as the options   512, 1/4      [0, .5)     beta 1/9
 *   d2        as the options   512, 1/4      [0, .5)     L1
 *   caffe     as the options   128, 1/4      [0, .5)     beta 1
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "train/anchored.h"
#include "train/rcnn_profile.h"
#include "train/second_impl.h"

/* The options of a tool as one line of keys: "det-nms iou=.5 ge=0". */
static enum det_err
open_options(struct det_line *l, const struct det_model *m, const char *tool)
{
	struct det_buf all = { 0 }, name = { 0 };
	const char *text, *line;
	size_t len, n, at = 0;
	enum det_err e;

	*l = (struct det_line){ 0 };
	if ((e = det_buf_printf(&name, "options/%s", tool)) ||
	    (e = det_buf_printf(&all, "%s", tool)))
		goto out;
	det_model_text(m, name.text, &text, &len);
	while (!e && text && det_line_next(&line, &n, text, len, &at))
		e = det_buf_printf(&all, " %.*s", (int)n, line);
	if (!e)
		e = det_line_parse(l, all.text, all.len);
	if (e)
		e = det_fail_in(e, "%s: %s", det_model_path(m), name.text);
out:
	det_buf_free(&all);
	det_buf_free(&name);
	return e;
}

static enum det_err
read_propose(struct det_second *d, struct det_line *l)
{
	enum det_err e;

	d->nms.iou = .7;
	d->p.pre = d->p.post = 2000;
	if ((e = det_line_double(&d->nms.iou, l, "iou", 0, 1)) ||
	    (e = det_line_bool(&d->nms.ge, l, "ge")) ||
	    (e = det_line_bool(&d->nms.plus_one, l, "plus-one")) ||
	    (e = det_line_long(&d->p.pre, l, "train-pre-nms", 0, 1000000000)))
		return e;
	return det_line_long(&d->p.post, l, "train-post-nms", 0, 1000000000);
}

/* The names of the maps, cut at commas. */
static enum det_err
read_maps(struct det_second *d, struct det_line *l)
{
	const char *names = NULL;
	enum det_err e;

	if ((e = det_line_word(&names, l, "maps")))
		return e;
	if (!names)
		return det_fail(DET_INVALID, "maps=NAME,... expected: what rows are "
					     "pooled from");
	if ((e = det_strdup(&d->maps_text, names)))
		return e;
	for (char *p = d->maps_text; p; d->levels++) {
		if (d->levels == DET_ROWS_MAPS)
			return det_fail(DET_LIMIT, "maps: at most %d names expected",
			    DET_ROWS_MAPS);
		d->map_name[d->levels] = p;
		if ((p = strchr(p, ',')))
			*p++ = 0;
	}
	return DET_OK;
}

static enum det_err
read_levels(struct det_roi_params *r, struct det_line *l)
{
	double level[DET_ROI_LEVELS], offset[2] = { 0, 0 };
	size_t n = 0, two = 0;
	enum det_err e;

	if ((e = det_line_list(
		 level, &n, DET_ROI_LEVELS, l, "levels", 1, DET_ROI_BINS)) ||
	    (e = det_line_list(offset, &two, 2, l, "offsets", -1e6, 1e6)))
		return e;
	r->levels = n ? n : r->levels;
	for (size_t i = 0; i < n; i++)
		r->level[i] = (long)level[i];
	r->offset0 = offset[0];
	r->offset = offset[1];
	return DET_OK;
}

/* Rows of pixels. The nets on them have no first stage before them. */
static enum det_err
read_warp(struct det_second *d, struct det_line *l)
{
	struct det_rows_params *p = &d->rows;
	enum det_err e;

	if ((e = det_line_size(&p->warp.w, &p->warp.h, l, "size", 4096)) ||
	    (e = det_line_long(&p->warp.context, l, "context", 0, 4096)) ||
	    (e = det_line_bool(&p->warp.square, l, "square")) ||
	    (e = det_line_choice(&p->original, l, "from", det_rows_pictures)))
		return e;
	if (!d->given)
		return det_fail(DET_UNSUPPORTED,
		    "op=warp: rows pooled from maps expected behind proposals of the "
		    "model's own");
	if (p->original)
		return det_fail(DET_UNSUPPORTED,
		    "from=original: trained are rows cut from the tensor 'image'");
	return det_rows_check(p);
}

static enum det_err
read_roipool(struct det_second *d, struct det_line *l)
{
	struct det_rows_params *p = &d->rows;
	struct det_roi_params *r = &p->roi;
	enum det_err e;

	if ((e = det_line_choice(&p->op, l, "op", det_rows_ops)) ||
	    (p->op != DET_ROWS_WARP &&
		(e = det_line_size(&r->w, &r->h, l, "size", DET_ROI_BINS))) ||
	    (e = det_line_long(&r->sampling, l, "sampling", 0, 64)) ||
	    (e = det_line_bool(&r->aligned, l, "aligned")) ||
	    (e = det_line_double(&p->pyramid.canonical, l, "canonical", 1e-3, 1e6)) ||
	    (e = det_line_long(&p->pyramid.level0, l, "level0", -64, 64)) ||
	    (e = det_line_choice(&p->pyramid.epsilon, l, "epsilon", det_rows_guards)) ||
	    (e = det_line_choice(&r->spp, l, "spp", det_rows_forms)) ||
	    (e = det_line_list(
		 p->stride, &p->strides, DET_ROWS_MAPS, l, "strides", 1e-3, 1e6)) ||
	    (e = read_levels(r, l)))
		return e;
	r->op = p->op;
	if (p->op == DET_ROWS_WARP)
		return read_warp(d, l);
	if ((e = read_maps(d, l)))
		return e;
	if (p->strides && p->strides != d->levels)
		return det_fail(DET_INVALID,
		    "strides: one for each of %zu maps expected, found %zu", d->levels,
		    p->strides);
	return det_rows_check(p);
}

static enum det_err
read_keys(struct det_second *d, struct det_line *l)
{
	static const struct det_assign_params usual = DET_ASSIGN_ROI;
	static const char *const norms[] = { "any", "class", NULL };
	struct det_second_params *p = &d->p;
	struct det_assign_params *a = &p->assign;
	int profile;
	enum det_err e;

	*a = usual;
	if ((e = det_rcnn_profile(&profile, &a->flag, l, &d->line->delta.coder)))
		return e;
	p->sample = profile == DET_RCNN_CAFFE ? 128 : 512;
	p->positive = .25;
	p->beta = profile == DET_RCNN_TV ? 1. / 9 : profile == DET_RCNN_CAFFE;
	p->box_weight = 1;
	p->own = 1;
	if (!d->given && (e = det_line_long(&p->pre, l, "pre", 0, 1000000000)))
		return e;
	if ((e = det_line_double(&a->high, l, "iou", 0, 1)))
		return e;
	a->low = a->high;
	if ((e = det_line_double(&a->low, l, "low", 0, a->high)) ||
	    (e = det_line_double(&a->least, l, "least", 0, a->low)) ||
	    (e = det_line_long(&p->sample, l, "sample", 1, 1000000000)) ||
	    (e = det_line_double(&p->positive, l, "positive", 0, 1)) ||
	    (e = det_line_double(&p->beta, l, "beta", 0, 100)) ||
	    (e = det_line_double(&p->box_weight, l, "box_weight", 0, 1e3)) ||
	    (e = det_line_bool(&p->own, l, "own")) ||
	    (e = det_line_choice(&p->norm, l, "norm", norms)) ||
	    (e = det_line_long(&p->post, l, "post", 0, 1000000000)))
		return e;
	return det_anchored_flags(&a->flag, l);
}

static enum det_err
read_tool(struct det_second *d, const struct det_model *m, const char *tool,
    enum det_err (*read)(struct det_second *, struct det_line *))
{
	struct det_line l;
	enum det_err e;

	if ((e = open_options(&l, m, tool)))
		return e;
	if ((e = read(d, &l)))
		e = det_fail_in(e, "%s: options/%s", det_model_path(m), tool);
	det_line_release(&l);
	return e;
}

int
det_second_op(const struct det_model *m)
{
	struct det_line l;
	int op = 0;
	enum det_err e;

	if ((e = open_options(&l, m, "det-roipool")))
		return 0;
	e = det_line_choice(&op, &l, "op", det_rows_ops);
	det_line_release(&l);
	return e ? 0 : op;
}

enum det_err
det_second_options(struct det_second *d, const struct det_model *m, struct det_line *l)
{
	static const struct det_rows_params rows = DET_ROWS_DEFAULTS;
	static const struct det_nms_params nms = DET_NMS_DEFAULTS;
	struct det_line none = { 0 };
	enum det_err e;

	d->rows = rows;
	d->nms = nms;
	if (!d->given && (e = read_tool(d, m, "det-propose", read_propose)))
		return e;
	if ((e = read_tool(d, m, "det-roipool", read_roipool)))
		return e;
	l = l ? l : &none;
	if ((e = read_keys(d, l)) || (e = det_line_unused(l)))
		return det_fail_in(e, "loss 'rcnn'");
	d->nms.max = d->p.post;
	return DET_OK;
}
