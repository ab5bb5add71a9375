/* SPDX-License-Identifier: MIT
 *
 * Sizes after resizing, literally as the frameworks compute them: one row more or less
 * moves every box and may change the padded size.
 *
 * Letterbox (pjreddie/darknet, src/image.c letterbox_image, src/yolo_layer.c
 * correct_yolo_boxes): the side whose ratio, in float, is smaller fills the canvas; the
 * other is an integer quotient; pixels are offset by an integer quotient, boxes by its
 * exact half.
 *
 * Short and long side, s = min(short / smaller, long / larger) and then
 *   tv     floor(side * s) per side in double (torchvision 0.20, GeneralizedRCNNTransform
 *          and F.interpolate with recompute_scale_factor). Short 800 of 334 gives 799.
 *   tv32   the same with s in float, and as the tensor library divides: the reciprocal of
 *          the side, rounded, times the size (scripted or exported models; 0.14).
 *   caffe  s = short / smaller; if round(s * larger) > long, s = long / larger; OpenCV
 *          rounds side * s half to even and samples at steps of 1 / s (py-faster-rcnn,
 *          lib/utils/blob.py).
 *   d2     the shorter side is `short` itself, the other side * short / smaller; both
 *          scaled again if the longer passes `long`; floor(x + .5) (Detectron2,
 *          ResizeShortestEdge).
 */
#include "image/fit.h"

#include <math.h>

#include "base/mem.h"

#define MAX_CANVAS ((double)((size_t)1 << 28))

static void
place_letterbox(struct det_place *p, const struct det_fit *f, size_t w, size_t h)
{
	p->new_w = f->w;
	p->new_h = f->h;
	if ((float)f->w / (float)w < (float)f->h / (float)h)
		p->new_h = h * f->w / w;
	else
		p->new_w = w * f->h / h;
	if (p->new_w == 0)
		p->new_w = 1;
	if (p->new_h == 0)
		p->new_h = 1;
	p->x = (f->w - p->new_w) / 2;
	p->y = (f->h - p->new_h) / 2;
	p->in_w = f->w;
	p->in_h = f->h;
}

/* Both sides as doubles that are whole numbers. */
static void
size_short(double *new_w, double *new_h, double *step, const struct det_fit *f,
    double w, double h)
{
	const double small = fmin(w, h), large = fmax(w, h);
	const double s_short = (double)f->short_side;
	const double s_long = f->long_side > 0 ? (double)f->long_side : HUGE_VAL;
	double s;

	*step = 0;
	switch (f->rule) {
	case DET_RULE_TV32:
		s = fminf(1 / (float)small * (float)s_short,
		    1 / (float)large * (float)s_long);
		*new_w = floor(w * s);
		*new_h = floor(h * s);
		break;
	case DET_RULE_CAFFE:
		s = s_short / small;
		if (rint(s * large) > s_long)
			s = s_long / large;
		*new_w = rint(w * s);
		*new_h = rint(h * s);
		*step = 1 / s;
		break;
	case DET_RULE_D2:
		s = s_short / small;
		*new_w = h < w ? s * w : s_short;
		*new_h = h < w ? s_short : s * h;
		if (fmax(*new_w, *new_h) > s_long) {
			s = s_long / fmax(*new_w, *new_h);
			*new_w *= s;
			*new_h *= s;
		}
		*new_w = floor(*new_w + .5);
		*new_h = floor(*new_h + .5);
		break;
	case DET_RULE_TV:
	default:
		s = fmin(s_short / small, s_long / large);
		*new_w = floor(w * s);
		*new_h = floor(h * s);
	}
}

static enum det_err
place_short(struct det_place *p, const struct det_fit *f, size_t w, size_t h)
{
	double nw, nh, step;

	size_short(&nw, &nh, &step, f, (double)w, (double)h);
	nw = fmax(nw, 1);
	nh = fmax(nh, 1);
	if (nw * nh > MAX_CANVAS)
		return det_fail(DET_LIMIT,
		    "%zux%zu would become %.0fx%.0f: at most 2^28 pixels are allowed",
		    w, h, nw, nh);
	p->new_w = p->in_w = (size_t)nw;
	p->new_h = p->in_h = (size_t)nh;
	p->step_x = p->step_y = step;
	return DET_OK;
}

void
det_fit_axis(double *s, double *t, const struct det_fit *f, enum det_kernel kernel,
    size_t old, size_t new, size_t offset)
{
	*s = (double)new / (double)old;
	*t = (double)offset;
	if (f->map == DET_MAP_EXACT && kernel == DET_KERNEL_DARKNET && old > 1 &&
	    new > 1) {
		*s = (double)(new - 1) / (double)(old - 1);
		*t = (double)offset + .5 - .5 * *s;
	}
}

/* The same where the framework may have its own idea of a letterbox. */
static void
map_axis(double *s, double *t, const struct det_fit *f, enum det_kernel kernel,
    size_t old, size_t new, size_t offset, size_t canvas)
{
	det_fit_axis(s, t, f, kernel, old, new, offset);
	if (f->map == DET_MAP_FRAMEWORK && f->kind == DET_FIT_LETTERBOX)
		*t = (double)(canvas - new) / 2;
}

enum det_err
det_fit_place(struct det_place *out, const struct det_fit *fit, enum det_kernel kernel,
    size_t w, size_t h)
{
	const size_t m = fit->multiple;
	enum det_err e;

	*out = (struct det_place){
		.w = w, .h = h, .new_w = w, .new_h = h, .in_w = w, .in_h = h
	};
	if (w == 0 || h == 0)
		return det_fail(
		    DET_INVALID, "a picture of %zux%zu has no pixels", w, h);
	switch (fit->kind) {
	case DET_FIT_STRETCH:
		out->new_w = out->in_w = fit->w;
		out->new_h = out->in_h = fit->h;
		break;
	case DET_FIT_LETTERBOX: place_letterbox(out, fit, w, h); break;
	case DET_FIT_SHORT:
		if ((e = place_short(out, fit, w, h)))
			return e;
		break;
	case DET_FIT_NONE:
	default: break;
	}
	map_axis(
	    &out->map.sx, &out->map.tx, fit, kernel, w, out->new_w, out->x, out->in_w);
	map_axis(
	    &out->map.sy, &out->map.ty, fit, kernel, h, out->new_h, out->y, out->in_h);
	if (out->step_x != 0)
		out->map.sx = out->map.sy = 1 / out->step_x;
	if (m > 1) {
		out->in_w = (out->in_w + m - 1) / m * m;
		out->in_h = (out->in_h + m - 1) / m * m;
	}
	if (out->in_w == 0 || out->in_h == 0 ||
	    (double)out->in_w * (double)out->in_h > MAX_CANVAS)
		return det_fail(DET_LIMIT,
		    "an input of %zux%zu: 1 to 2^28 pixels are allowed", out->in_w,
		    out->in_h);
	return DET_OK;
}
