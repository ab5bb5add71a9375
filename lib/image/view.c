/* SPDX-License-Identifier: MIT
 *
 * A window is placed as a picture of its size would be; then the part of the picture that
 * shows in it gets the whole pixels of the canvas that are nearest to its share:
 *
 *   x0 = round(part.x * new_w / window.w), x1 = round((part.x + part.w) * new_w / window.w)
 *
 * with part.x counted from the window's left edge, its right one where it is mirrored (and
 * part.y from the bottom where it stands on its head). So
 * only pixels that show are resized, by any kernel, with the same arithmetic as a whole
 * picture, and the transform is exact: (x1 - x0) / part.w, without the rounding of the
 * window's own scale. A window that is the whole picture is placed to the bit as at
 * inference.
 *
 * The free place in a letterbox (Darknet, src/data.c, load_data_detection): the canvas is
 * filled along one side by a picture of the aspect asked for, and the room that is left is
 * shared out by chance rather than in halves.
 */
#include "image/view.h"

#include <math.h>
#include <string.h>

/* EXIF's orientations of a picture whose left is right, whose top is below, and both */
enum { MIRRORED = 2, TURNED = 3, UPSIDE_DOWN = 4 };

void
det_view_whole(struct det_view *v, size_t w, size_t h)
{
	*v = (struct det_view){ .window = { 0, 0, (long)w, (long)h } };
}

/* What of [0, n) shows in a window [at, at + len). */
static void
meet(long *out_at, long *out_len, long at, long len, long n)
{
	const long lo = at > 0 ? at : 0, hi = at + len < n ? at + len : n;

	*out_at = lo;
	*out_len = hi - lo;
}

static void
place_free(struct det_place *p, const struct det_view *v)
{
	const double w = (double)p->in_w, h = (double)p->in_h;
	const double nw = v->aspect < w / h ? h * v->aspect : w;
	const double nh = v->aspect < w / h ? h : w / v->aspect;

	p->new_w = nw < 1 ? 1 : (size_t)nw;
	p->new_h = nh < 1 ? 1 : (size_t)nh;
	p->x = (size_t)(v->across * (w - (double)p->new_w));
	p->y = (size_t)(v->down * (h - (double)p->new_h));
}

/* One axis. at, len: the part, from the window's edge; *new, *offset: the window's place,
 * which becomes the part's. */
static void
share(size_t *new, size_t *offset, long at, long len, long window)
{
	const double s = (double)*new / (double)window;
	double lo = rint((double)at * s), hi = rint((double)(at + len) * s);

	if (hi - lo < 1) { /* a strip too narrow for a pixel gets one */
		lo = fmin(lo, (double)*new - 1);
		hi = lo + 1;
	}
	*offset += (size_t)lo;
	*new = (size_t)(hi - lo);
}

enum det_err
det_view_place(struct det_place *out, struct det_window *part, const struct det_view *v,
    const struct det_fit *fit, enum det_kernel kernel, size_t w, size_t h)
{
	const struct det_window *win = &v->window;
	struct det_transform *m = &out->map;
	long left, top, mirrored, turned;
	enum det_err e;

	if (win->w < 1 || win->h < 1)
		return det_fail(DET_INVALID, "a window of %ldx%ld", win->w, win->h);
	meet(&part->x, &part->w, win->x, win->w, (long)w);
	meet(&part->y, &part->h, win->y, win->h, (long)h);
	if (part->w < 1 || part->h < 1)
		return det_fail(DET_INVALID, "a window that misses the picture");
	if ((e = det_fit_place(out, fit, kernel, (size_t)win->w, (size_t)win->h)))
		return e;
	m->flip = v->flip;
	m->vflip = v->vflip;
	if (win->w == (long)w && win->h == (long)h && part->w == win->w &&
	    part->h == win->h && !(v->aspect > 0))
		return DET_OK;
	if (v->aspect > 0)
		place_free(out, v);
	left = v->flip ? win->x + win->w - (part->x + part->w) : part->x - win->x;
	mirrored = v->flip ? (long)w - part->x - part->w : part->x;
	top = v->vflip ? win->y + win->h - (part->y + part->h) : part->y - win->y;
	turned = v->vflip ? (long)h - part->y - part->h : part->y;
	share(&out->new_w, &out->x, left, part->w, win->w);
	share(&out->new_h, &out->y, top, part->h, win->h);
	out->w = (size_t)part->w;
	out->h = (size_t)part->h;
	out->step_x = out->step_y = 0;
	det_fit_axis(&m->sx, &m->tx, fit, kernel, out->w, out->new_w, out->x);
	det_fit_axis(&m->sy, &m->ty, fit, kernel, out->h, out->new_h, out->y);
	m->tx -= (double)mirrored * m->sx;
	m->ty -= (double)turned * m->sy;
	return DET_OK;
}

/* The same position in a picture decoded at a fraction. */
static size_t
scaled(long at, size_t full, size_t now)
{
	return (size_t)rint((double)at * ((double)now / (double)full));
}

/* An axis of the part in the decoded picture, at least a pixel. */
static void
find(size_t *at, size_t *len, long part, long part_len, size_t full, size_t now)
{
	size_t lo = scaled(part, full, now), hi = scaled(part + part_len, full, now);

	if (hi > now)
		hi = now;
	if (hi <= lo) {
		hi = lo < now ? lo + 1 : now;
		lo = hi - 1;
	}
	*at = lo;
	*len = hi - lo;
}

enum det_err
det_view_cut(struct det_image *im, const struct det_window *part, int flip, int vflip,
    size_t full_w, size_t full_h)
{
	size_t x, y, w, h;

	if (part->x < 0 || part->y < 0 || part->w < 1 || part->h < 1 ||
	    (size_t)(part->x + part->w) > full_w ||
	    (size_t)(part->y + part->h) > full_h || im->w == 0 || im->h == 0)
		return det_fail(DET_INVALID,
		    "a part %ld,%ld %ldx%ld of a picture of %zux%zu", part->x, part->y,
		    part->w, part->h, full_w, full_h);
	find(&x, &w, part->x, part->w, full_w, im->w);
	find(&y, &h, part->y, part->h, full_h, im->h);
	if (w != im->w || h != im->h) {
		for (size_t i = 0; i < h; i++)
			memmove(im->rgb + i * w * 3,
			    im->rgb + ((y + i) * im->w + x) * 3, w * 3);
		im->w = w;
		im->h = h;
	}
	if (flip || vflip)
		return det_image_upright(im, !vflip ? MIRRORED
					     : flip ? TURNED
						    : UPSIDE_DOWN);
	return DET_OK;
}
