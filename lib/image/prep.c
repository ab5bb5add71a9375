/* SPDX-License-Identifier: MIT */
#include "image/prep.h"

#include <math.h>
#include <string.h>

enum det_err
det_prep_check(const struct det_prep *p)
{
	const struct det_fit *f = &p->fit;

	if ((f->kind == DET_FIT_STRETCH || f->kind == DET_FIT_LETTERBOX) &&
	    (f->w == 0 || f->h == 0))
		return det_fail(DET_INVALID, "fit %s: a size as 416x416 expected",
		    f->kind == DET_FIT_STRETCH ? "stretch" : "letterbox");
	if (f->kind == DET_FIT_SHORT && f->short_side < 1)
		return det_fail(DET_INVALID, "fit short: the shorter side expected");
	if (p->norm_first && p->kernel == DET_KERNEL_PIL)
		return det_fail(DET_INVALID,
		    "kernel pil works on bytes: it can't resize what is normalised");
	if (!(p->fill >= 0 && p->fill <= 255))
		return det_fail(DET_INVALID, "fill: 0 to 255 expected");
	return det_norm_check(&p->norm);
}

static void
fill_row(float *row, size_t n, float v)
{
	size_t i;

	for (i = 0; i < n; i++)
		row[i] = v;
}

/* Everything of a plane that the picture does not cover. */
static void
fill_around(float *plane, const struct det_place *at, float v)
{
	const size_t w = at->in_w, right = at->x + at->new_w;
	size_t y;

	fill_row(plane, at->y * w, v);
	for (y = at->y; y < at->y + at->new_h; y++) {
		fill_row(plane + y * w, at->x, v);
		fill_row(plane + y * w + right, w - right, v);
	}
	fill_row(plane + y * w, (at->in_h - y) * w, v);
}

static void
spread_bytes(const struct det_planes *out, const struct det_image *im,
    const struct det_table *table)
{
	const unsigned char *p = im->rgb;
	size_t x, y, at;

	for (y = 0; y < im->h; y++)
		for (x = 0; x < im->w; x++, p += 3) {
			at = y * out->stride + x;
			out->plane[0][at] = table->v[0][p[0]];
			out->plane[1][at] = table->v[1][p[1]];
			out->plane[2][at] = table->v[2][p[2]];
		}
}

/* Bytes to bytes, then the whole normalisation by table. */
static enum det_err
run_bytes(const struct det_planes *out, const struct det_table *full,
    const struct det_prep *p, const struct det_place *at, const struct det_image *im,
    double step_x, double step_y)
{
	struct det_image small;
	enum det_err e;

	if ((e = det_resize_bytes(
		 &small, at->new_w, at->new_h, im, p->kernel, step_x, step_y)))
		return e;
	spread_bytes(out, &small, full);
	det_image_release(&small);
	return DET_OK;
}

/* Scaled floats through a kernel that works on floats, normalised afterwards. */
static enum det_err
run_scaled(const struct det_planes *out, const struct det_table *scaled,
    const struct det_prep *p, const struct det_place *at, const struct det_image *im)
{
	size_t y;
	int c;
	enum det_err e;

	if ((e = det_resize_floats(
		 out, at->new_w, at->new_h, im, scaled, p->kernel, 0, 0)))
		return e;
	for (c = 0; c < 3; c++)
		for (y = 0; y < at->new_h; y++)
			det_norm_finish(
			    out->plane[p->norm.bgr ? 2 - c : c] + y * out->stride,
			    at->new_w, &p->norm, c);
	return DET_OK;
}

enum det_err
det_prep_run(float *out, const struct det_prep *p, const struct det_place *at,
    const struct det_image *im)
{
	const size_t area = at->in_w * at->in_h;
	/* a picture decoded at a fraction of its size takes shorter steps */
	const double step_x = at->step_x * (double)im->w / (double)at->w;
	const double step_y = at->step_y * (double)im->h / (double)at->h;
	struct det_table scaled, full;
	struct det_planes planes = { .stride = at->in_w };
	float fill;
	int c, s;

	for (c = 0; c < 3; c++) {
		s = p->norm.bgr ? 2 - c : c; /* channel of the picture */
		planes.plane[s] = out + (size_t)c * area + at->y * at->in_w + at->x;
		det_norm_table(full.v[s], &p->norm, c);
		det_norm_scale_table(scaled.v[s], &p->norm);
		fill = (float)(p->fill * p->norm.scale);
		det_norm_finish(&fill, 1, &p->norm, c);
		fill_around(out + (size_t)c * area, at,
		    p->fit.kind == DET_FIT_LETTERBOX || p->fill_all ? fill : 0);
	}
	if (at->new_w == im->w && at->new_h == im->h) {
		spread_bytes(&planes, im, &full);
		return DET_OK;
	}
	if (p->norm_first)
		return det_resize_floats(&planes, at->new_w, at->new_h, im, &full,
		    p->kernel, step_x, step_y);
	if (p->kernel == DET_KERNEL_OPENCV || p->kernel == DET_KERNEL_PIL)
		return run_bytes(&planes, &full, p, at, im, step_x, step_y);
	return run_scaled(&planes, &scaled, p, at, im);
}
