/* SPDX-License-Identifier: MIT
 *
 * Views drawn at random, and what they leave of the objects.
 *
 * All that is done to the geometry is a window in whole pixels of the picture, so that steps
 * follow one another without a pixel being moved twice: expansion makes a larger window
 * around the picture, the crop chooses one inside it, jitter moves its edges.
 *
 * Expansion (SSD, data_augmentation of Liu et al. 2016, section 3.6; Caffe-SSD,
 * ExpandImage): a ratio from 1 to the largest, the picture anywhere in a canvas of so many
 * times its sides. Only the part of the canvas that the picture covers is ever made.
 *
 * Jitter, where the fit keeps no shape (Darknet, load_data_region and load_data_swag, for
 * YOLOv1 and v2: "random scaling and translations of up to 20% of the original image
 * size"): each edge moves by up to jitter times the side, inwards or outwards. In a
 * letterbox (Darknet, load_data_detection, for YOLOv2 and v3): the aspect becomes
 * (w + u jitter w) / (h + v jitter h), and the place on the canvas is anywhere.
 *
 * Darknet pads moved edges with the picture's own last pixels in its older loader and with
 * grey in the newer one; here padding is the fit's.
 */
#include "image/augment.h"

#include <math.h>

#include "image/augment_impl.h"

static int
is_share(double v)
{
	return v >= 0 && v <= 1;
}

enum det_err
det_augment_check(const struct det_augment *a)
{
	if (!is_share(a->mirror) || !is_share(a->vmirror))
		return det_fail(DET_INVALID, "mirror, vmirror: a probability expected");
	if (!is_share(a->expand) || !(a->expand_max >= 1 && a->expand_max <= 16))
		return det_fail(DET_INVALID,
		    "expand: a probability and a ratio of 1 to 16 expected");
	if (!(a->jitter >= 0 && a->jitter < .5))
		return det_fail(DET_INVALID, "jitter: 0 to below .5 expected");
	if (!is_share(a->visible))
		return det_fail(DET_INVALID, "visible: a share of 0 to 1 expected");
	return det_light_check(&a->light);
}

double
det_augment_between(struct det_random *r, double lo, double hi)
{
	return lo + det_random_uniform(r) * (hi - lo);
}

static void
expand(struct det_window *win, const struct det_augment *a, struct det_random *r)
{
	const double w = (double)win->w, h = (double)win->h;
	double ratio;

	if (det_random_uniform(r) >= a->expand)
		return;
	ratio = det_augment_between(r, 1, a->expand_max);
	win->x = -(long)(det_random_uniform(r) * (ratio - 1) * w);
	win->y = -(long)(det_random_uniform(r) * (ratio - 1) * h);
	win->w = (long)(ratio * w);
	win->h = (long)(ratio * h);
}

static void
move_edges(struct det_window *win, double jitter, struct det_random *r)
{
	const double dw = jitter * (double)win->w, dh = jitter * (double)win->h;
	const long left = lrint(det_augment_between(r, -dw, dw));
	const long right = lrint(det_augment_between(r, -dw, dw));
	const long top = lrint(det_augment_between(r, -dh, dh));
	const long bottom = lrint(det_augment_between(r, -dh, dh));

	if (win->w - left - right < 1 || win->h - top - bottom < 1)
		return;
	win->x += left;
	win->w -= left + right;
	win->y += top;
	win->h -= top + bottom;
}

static void
place_anywhere(struct det_view *v, double jitter, struct det_random *r)
{
	const double w = (double)v->window.w, h = (double)v->window.h;

	v->aspect = (w + det_augment_between(r, -jitter, jitter) * w) /
		    (h + det_augment_between(r, -jitter, jitter) * h);
	v->across = det_random_uniform(r);
	v->down = det_random_uniform(r);
}

static int
misses(const struct det_window *win, size_t w, size_t h)
{
	return win->x >= (long)w || win->y >= (long)h || win->x + win->w <= 0 ||
	       win->y + win->h <= 0;
}

void
det_augment_draw(struct det_view *out, const struct det_augment *a,
    const struct det_boxes *gt, enum det_fit_kind fit, size_t w, size_t h,
    struct det_random *r)
{
	det_view_whole(out, w, h);
	out->flip = det_random_uniform(r) < a->mirror;
	/* what does not ask for it draws the same views as ever */
	out->vflip = a->vmirror > 0 && det_random_uniform(r) < a->vmirror;
	if (a->expand > 0)
		expand(&out->window, a, r);
	if (a->crop)
		det_augment_crop(&out->window, gt, r);
	if (a->jitter > 0 && fit == DET_FIT_LETTERBOX)
		place_anywhere(out, a->jitter, r);
	else if (a->jitter > 0)
		move_edges(&out->window, a->jitter, r);
	if (misses(&out->window, w, h))
		det_view_whole(out, w, h);
}

/* 0: nothing is left. */
static int
cut(struct det_box *b, double x1, double y1, double x2, double y2)
{
	b->x1 = fmax(b->x1, x1);
	b->y1 = fmax(b->y1, y1);
	b->x2 = fmin(b->x2, x2);
	b->y2 = fmin(b->y2, y2);
	return b->x2 > b->x1 && b->y2 > b->y1;
}

static double
area(const struct det_box *b)
{
	return (b->x2 - b->x1) * (b->y2 - b->y1);
}

/* An annotated area shrinks with its box. */
static void
set_area(struct det_box *b, double before)
{
	if (area(b) < before)
		b->area *= area(b) / before;
}

void
det_augment_boxes(struct det_boxes *gt, const struct det_augment *a,
    const struct det_window *part, const struct det_transform *map)
{
	const double x1 = (double)part->x, x2 = (double)(part->x + part->w);
	const double y1 = (double)part->y, y2 = (double)(part->y + part->h);
	size_t n = 0;

	for (size_t i = 0; i < gt->n; i++) {
		struct det_box b = gt->box[i];
		const double before = area(&b), x = (b.x1 + b.x2) / 2,
			     y = (b.y1 + b.y2) / 2;

		if (!cut(&b, x1, y1, x2, y2))
			continue;
		if (a->by_centre && !(x >= x1 && x < x2 && y >= y1 && y < y2))
			continue;
		if (area(&b) < a->visible * before)
			continue;
		if (area(&b) < before &&
		    ((b.x2 - b.x1) * map->sx < 1 || (b.y2 - b.y1) * map->sy < 1))
			continue;
		set_area(&b, before);
		gt->box[n++] = b;
	}
	gt->n = n;
}

void
det_augment_clean(struct det_boxes *gt, size_t w, size_t h, size_t *dropped,
    size_t *first, const char **why)
{
	size_t n = 0;

	*dropped = 0;
	for (size_t i = 0; i < gt->n; i++) {
		struct det_box b = gt->box[i];
		const double before = area(&b);
		const char *fault = NULL;

		if (!(b.x2 > b.x1) || !(b.y2 > b.y1) || !(before > 0))
			fault = "has no area";
		else if (!cut(&b, 0, 0, (double)w, (double)h))
			fault = "lies outside the picture";
		if (!fault) {
			set_area(&b, before);
			gt->box[n++] = b;
		} else if ((*dropped)++ == 0) {
			*first = i;
			*why = fault;
		}
	}
	gt->n = n;
}
