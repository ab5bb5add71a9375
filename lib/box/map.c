/* SPDX-License-Identifier: MIT
 *
 * The transform of an item takes a point of the original to the input:
 *
 *   x_in = sx * (flip ? width - x : x) + tx
 *   y_in = sy * (vflip ? height - y : y) + ty
 *
 * so back it is x = (x_in - tx) / sx, then width - x under flip, and y likewise. Computed in double: the
 * way there and back returns a coordinate to within a few units of its last place.
 */
#include "box/map.h"

#include <math.h>

static enum det_err
check(const struct det_item *it)
{
	const struct det_transform *m = &it->map;

	if (!isfinite(m->sx) || !isfinite(m->sy) || !isfinite(m->tx) ||
	    !isfinite(m->ty) || !(m->sx > 0) || !(m->sy > 0))
		return det_fail(DET_INVALID,
		    "the item's transform has scale %g x %g: above 0 expected", m->sx,
		    m->sy);
	if (m->flip && it->width <= 0)
		return det_fail(
		    DET_INVALID, "the item is flipped but does not tell its width");
	if (m->vflip && it->height <= 0)
		return det_fail(
		    DET_INVALID, "the item is flipped but does not tell its height");
	return DET_OK;
}

static void
swap(double *lo, double *hi, double side)
{
	const double was = *lo;

	*lo = side - *hi;
	*hi = side - was;
}

static void
swap_flipped(struct det_box *b, const struct det_item *it)
{
	if (it->map.flip)
		swap(&b->x1, &b->x2, (double)it->width);
	if (it->map.vflip)
		swap(&b->y1, &b->y2, (double)it->height);
}

static struct det_box
to_image(struct det_box b, const struct det_item *it)
{
	const struct det_transform *m = &it->map;

	b.x1 = (b.x1 - m->tx) / m->sx;
	b.x2 = (b.x2 - m->tx) / m->sx;
	b.y1 = (b.y1 - m->ty) / m->sy;
	b.y2 = (b.y2 - m->ty) / m->sy;
	swap_flipped(&b, it);
	b.area /= m->sx * m->sy;
	return b;
}

static struct det_box
to_input(struct det_box b, const struct det_item *it)
{
	const struct det_transform *m = &it->map;

	swap_flipped(&b, it);
	b.x1 = b.x1 * m->sx + m->tx;
	b.x2 = b.x2 * m->sx + m->tx;
	b.y1 = b.y1 * m->sy + m->ty;
	b.y2 = b.y2 * m->sy + m->ty;
	b.area *= m->sx * m->sy;
	return b;
}

enum det_err
det_boxes_map(struct det_boxes *b, const struct det_item *it, enum det_space to)
{
	struct det_box v;
	enum det_err e;

	if (b->space == to)
		return DET_OK;
	if ((e = check(it)))
		return e;
	for (int store = 0; store <= 1; store++)
		for (size_t i = 0; i < b->n; i++) {
			v = to == DET_SPACE_IMAGE ? to_image(b->box[i], it)
						  : to_input(b->box[i], it);
			if (store)
				b->box[i] = v;
			else if (!det_box_finite(&v) || !isfinite(v.area))
				return det_fail(DET_INVALID,
				    "box %zu is not finite after the item's transform",
				    i);
		}
	b->space = to;
	return DET_OK;
}

static double
between(double v, double hi)
{
	return v < 0 ? 0 : v > hi ? hi : v;
}

enum det_err
det_boxes_clip(struct det_boxes *b, const struct det_item *it)
{
	int image = b->space == DET_SPACE_IMAGE;
	double w = (double)(image ? it->width : it->in_w);
	double h = (double)(image ? it->height : it->in_h);
	size_t n = 0;

	if (!(w > 0) || !(h > 0))
		return det_fail(DET_INVALID,
		    "boxes can't be clipped: the item does not tell the %s's size",
		    image ? "picture" : "input");
	for (size_t i = 0; i < b->n; i++) {
		struct det_box v = b->box[i];

		v.x1 = between(v.x1, w);
		v.x2 = between(v.x2, w);
		v.y1 = between(v.y1, h);
		v.y2 = between(v.y2, h);
		if (v.x2 > v.x1 && v.y2 > v.y1)
			b->box[n++] = v;
	}
	b->n = n;
	return DET_OK;
}

enum det_err
det_item_picture(double rect[4], const struct det_item *it)
{
	const struct det_transform *m = &it->map;
	const double w = (double)it->in_w, h = (double)it->in_h;
	enum det_err e;

	if (it->in_w <= 0 || it->in_h <= 0)
		return det_fail(
		    DET_INVALID, "the item does not tell the size of the input");
	rect[0] = rect[1] = 0;
	rect[2] = w;
	rect[3] = h;
	if (it->width <= 0 || it->height <= 0)
		return DET_OK;
	if ((e = check(it)))
		return e;
	rect[0] = between(round(m->tx), w);
	rect[1] = between(round(m->ty), h);
	rect[2] = between(round(m->sx * (double)it->width + m->tx), w);
	rect[3] = between(round(m->sy * (double)it->height + m->ty), h);
	if (rect[2] > rect[0] && rect[3] > rect[1])
		return DET_OK;
	return det_fail(DET_INVALID,
	    "by the item's transform nothing of the picture lies in the input");
}
