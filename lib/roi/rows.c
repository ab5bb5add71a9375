/* SPDX-License-Identifier: MIT */
#include "roi/rows.h"

#include <stdlib.h>

#include "base/mem.h"
#include "box/map.h"
#include "roi/crops.h"

int
det_rows_cuts(const struct det_rows_params *p)
{
	return p->op == DET_ROWS_WARP || p->op == DET_ROWS_HOG;
}

enum det_err
det_rows_check(const struct det_rows_params *p)
{
	size_t bins;
	enum det_err e = det_roi_scales_check(&p->scales);

	if (e)
		return e;
	if (p->op == DET_ROWS_WARP)
		return det_warp_check(&p->warp);
	if (p->op == DET_ROWS_HOG)
		return det_hog_size(&bins, &p->hog);
	if (p->scales.n > 1 && p->strides > 1)
		return det_fail(DET_INVALID,
		    "several scales: one stride expected, found %zu", p->strides);
	return det_roi_bins(&bins, &p->roi);
}

/* Room for n rows, each (c, h, w). */
static enum det_err
make_room(struct det_rows *r, size_t n, size_t c, size_t h, size_t w)
{
	size_t bytes;
	enum det_err e;

	r->t = (struct det_tensor){ DET_F32, 4, { n, c, h, w }, NULL };
	if ((e = det_tensor_bytes(&bytes, &r->t)))
		return e;
	if (bytes > DET_MAX_PAYLOAD)
		return det_fail(DET_LIMIT,
		    "%zu boxes make a tensor of %zu bytes: at most %zu expected", n,
		    bytes, (size_t)DET_MAX_PAYLOAD);
	if (bytes / sizeof *r->row > r->row_cap) { /* nothing there is worth a copy */
		free(r->row);
		r->row = NULL;
		r->row_cap = 0;
		if ((e = det_alloc(&r->row, bytes, 1)))
			return e;
		r->row_cap = bytes / sizeof *r->row;
	}
	r->t.data = r->row;
	return DET_OK;
}

static enum det_err
set_maps(struct det_roi_map *m, const struct det_rows_in *in,
    const struct det_rows_params *p)
{
	double picture[4];
	enum det_err e;

	if (in->n < 1 || in->n > DET_ROWS_MAPS)
		return det_fail(DET_INVALID, "1 to %d maps expected, found %zu",
		    DET_ROWS_MAPS, in->n);
	for (size_t i = 0; i < in->n; i++)
		if ((e = det_roi_map_set(&m[i], in->name[i], &in->tensor[i])))
			return e;
	if (!p->strides) {
		if ((e = det_item_picture(picture, in->item)))
			return e;
		return det_roi_scale_maps(m, in->n, picture[3] - picture[1]);
	}
	if (p->strides != in->n)
		return det_fail(DET_INVALID,
		    "a stride of each of %zu maps expected, found %zu", in->n,
		    p->strides);
	for (size_t i = 0; i < in->n; i++)
		m[i].scale = 1 / p->stride[i];
	return DET_OK;
}

/* The one map at each scale; the scales as rows need them. */
static enum det_err
set_scales(struct det_roi_map *m, struct det_roi_scales *s,
    const struct det_rows_in *in, const struct det_rows_params *p)
{
	double picture[4], w, h;
	enum det_err e = det_item_picture(picture, in->item);

	if (e)
		return e;
	if (in->n != p->scales.n)
		return det_fail(DET_INVALID,
		    "a map at each of %zu scales expected, found %zu", p->scales.n,
		    in->n);
	w = picture[2] - picture[0];
	h = picture[3] - picture[1];
	*s = p->scales;
	s->shorter = w < h ? w : h;
	for (size_t k = 0; k < in->n; k++) {
		if ((e = det_roi_map_set(&m[k], in->name[k], &in->tensor[k])))
			return e;
		m[k].scale = p->strides ? 1 / p->stride[0] : 0;
		if (!p->strides &&
		    (e = det_roi_scale_maps(&m[k], 1, h * s->factor[k][1])))
			return e;
	}
	return DET_OK;
}

static enum det_err
assign(struct det_roi *roi, struct det_roi_map *m, const struct det_boxes *b,
    const struct det_rows_in *in, const struct det_rows_params *p)
{
	struct det_roi_scales s;
	enum det_err e;

	if (p->scales.n > 1)
		return (e = set_scales(m, &s, in, p))
			   ? e
			   : det_roi_assign_scales(roi, b, &s);
	return (e = set_maps(m, in, p)) ? e
					: det_roi_assign(roi, b, m, in->n, &p->pyramid);
}

static enum det_err
pool(struct det_rows *r, const struct det_boxes *b, const struct det_rows_in *in,
    const struct det_rows_params *p, int threads)
{
	struct det_roi_params roi = p->roi;
	struct det_roi_map m[DET_ROWS_MAPS];
	size_t bins;
	enum det_err e;

	roi.op = p->op;
	if ((e = det_roi_bins(&bins, &roi)) ||
	    (e = det_grow(&r->roi, &r->roi_cap, b->n, sizeof *r->roi)) ||
	    (e = assign(r->roi, m, b, in, p)))
		return e;
	if (p->op == DET_ROI_SPP)
		e = make_room(r, b->n, m[0].c * bins, 1, 1);
	else
		e = make_room(r, b->n, m[0].c, (size_t)roi.h, (size_t)roi.w);
	return e ? e : det_roi_pool(r->row, m, in->n, r->roi, b->n, &roi, threads);
}

/* Rows that are cut out of the picture. */
static enum det_err
cut(struct det_rows *r, const struct det_boxes *b, const struct det_rows_in *in,
    const struct det_rows_params *p, int threads)
{
	const size_t w = (size_t)p->warp.w, h = (size_t)p->warp.h;
	const int hog = p->op == DET_ROWS_HOG;
	struct det_crops c = { 0 };
	size_t bytes = 0, size = 0;
	enum det_err e;

	if (hog &&
	    ((e = det_hog_size(&size, &p->hog)) || (e = det_hog_fits(&p->hog, b->n))))
		return e;
	if (!p->original)
		e = det_crops_input(&c, in->item, &in->tensor[0]);
	else if (!in->n || !(e = det_tensor_bytes(&bytes, &in->tensor[0])))
		e = det_crops_original(
		    &c, in->item, in->n ? in->tensor[0].data : NULL, bytes, &p->norm);
	if (!e)
		e = hog ? make_room(r, b->n, size, 1, 1)
			: make_room(r, b->n, c.im.c, h, w);
	if (!e && hog)
		e = det_hog_boxes(r->row, &c.im, &p->norm, b, &p->hog, threads);
	else if (!e)
		e = det_warp_boxes(r->row, &c.im, b, &p->warp, threads);
	det_crops_release(&c);
	return e;
}

enum det_err
det_rows_make(struct det_rows *r, struct det_boxes *b, const struct det_rows_in *in,
    const struct det_rows_params *p, int threads)
{
	const int cuts = det_rows_cuts(p);
	enum det_err e = det_boxes_map(
	    b, in->item, cuts && p->original ? DET_SPACE_IMAGE : DET_SPACE_INPUT);

	return e ? e : (cuts ? cut : pool)(r, b, in, p, threads);
}

void
det_rows_release(struct det_rows *r)
{
	free(r->row);
	free(r->roi);
	*r = (struct det_rows){ 0 };
}
