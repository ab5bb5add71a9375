/* SPDX-License-Identifier: MIT
 *
 * det-roipool: from options to parameters, and to the records that it waits for.
 */
#include "bin/roipool_job.h"

#include <stdio.h>
#include <string.h>

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

void
roipool_set(struct tool *t, struct roipool *s)
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
	set_norm(t, s);
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

void
roipool_hold(struct tool *t, struct roipool *s, struct hold *h)
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
