/* SPDX-License-Identifier: MIT */
#include "roi/rows.h"

const char *const det_rows_ops[] = { "align", "max", "spp", "warp", "hog", NULL };
const char *const det_rows_forms[] = { "detection", "fixed", NULL };
const char *const det_rows_guards[] = { "tv", "d2", NULL };
const char *const det_rows_rules[] = { "area", "side", NULL };
const char *const det_rows_pictures[] = { "image", "original", NULL };

static enum det_err
add_numbers(struct det_buf *out, const char *key, const double *v, size_t n)
{
	char text[32];
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < n; i++)
		e = det_buf_printf(out, "%s%s%s%s", i ? "" : " ", i ? "," : key,
		    i ? "" : "=", det_double_text(text, v[i]));
	return e;
}

static enum det_err
add_spp(struct det_buf *out, const struct det_roi_params *p)
{
	double v[DET_ROI_LEVELS], offsets[2] = { p->offset0, p->offset };
	enum det_err e;

	for (size_t i = 0; i < p->levels; i++)
		v[i] = (double)p->level[i];
	if ((e = add_numbers(out, "levels", v, p->levels)) ||
	    (e = det_buf_printf(out, " spp=%s", det_rows_forms[p->spp])))
		return e;
	return add_numbers(out, "offsets", offsets, 2);
}

static enum det_err
add_pyramid(struct det_buf *out, const struct det_roi_pyramid *p)
{
	enum det_err e = add_numbers(out, "canonical", &p->canonical, 1);

	return e ? e
		 : det_buf_printf(out, " level0=%ld epsilon=%s", p->level0,
		       det_rows_guards[p->epsilon]);
}

enum det_err
det_rows_text(struct det_buf *out, const struct det_rows_params *p,
    const char *const *map, size_t n)
{
	const struct det_roi_params *r = &p->roi;
	const struct det_warp_params *w = &p->warp;
	enum det_err e = det_buf_printf(out, "op=%s", det_rows_ops[p->op]);

	if (e)
		return e;
	if (p->op == DET_ROWS_WARP)
		return det_buf_printf(out,
		    " size=%ldx%ld context=%ld square=%d from=%s", w->w, w->h,
		    w->context, w->square, det_rows_pictures[p->original]);
	if (p->op == DET_ROWS_HOG)
		return det_buf_printf(out, " size=%ldx%ld cell=%ld context=%ld from=%s",
		    p->hog.w, p->hog.h, p->hog.cell, p->hog.context,
		    det_rows_pictures[p->original]);
	e = r->op == DET_ROI_SPP ? add_spp(out, r)
				 : det_buf_printf(out, " size=%ldx%ld", r->w, r->h);
	if (!e && r->op == DET_ROI_ALIGN)
		e = det_buf_printf(
		    out, " sampling=%ld aligned=%d", r->sampling, r->aligned);
	if (!e && n > 1)
		e = add_pyramid(out, &p->pyramid);
	for (size_t i = 0; !e && i < n; i++)
		e = det_buf_printf(out, "%s%s", i ? "," : " maps=", map[i]);
	if (!e && p->scales.n > 1 &&
	    !(e = det_buf_printf(out, " scales=%zu scale-rule=%s", p->scales.n,
		  det_rows_rules[p->scales.rule])))
		e = add_numbers(out, "scale-area", &p->scales.area, 1);
	return e ? e : add_numbers(out, "strides", p->stride, p->strides);
}
