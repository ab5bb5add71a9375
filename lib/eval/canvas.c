/* SPDX-License-Identifier: MIT
 *
 * Strokes become pixels by distance: what a pixel shows of a line is half its width plus a
 * half, less the distance of the pixel's middle from the nearest piece, cut to 0..1. A whole
 * line is gathered in a mask (the largest cover of its pieces) and put on the sheet at once,
 * so that joints are no darker than the rest.
 */
#include "eval/canvas.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define MAX_SIDE   10000.0
#define CAP_TO_EM  (1 / .72) /* of the usual sans-serif fonts */
#define DASH_COUNT 4

/* Lengths of dash and gap in units, for lines of any width. */
static const double dashes[][DASH_COUNT] = {
	{ 0, 0, 0, 0 },
	{ 8, 4, 8, 4 },
	{ 3, 3, 3, 3 },
	{ 9, 3, 2, 3 },
};

/* Part of the image, in pixels, that something may touch. */
struct span {
	size_t x1, y1, x2, y2;
};

DET_PRINTF(2, 3) static void put(struct det_canvas *c, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (c->err)
		return;
	if (n < 0 || (size_t)n >= sizeof line)
		c->err = det_fail(DET_LIMIT, "a drawing has an element too long");
	else
		c->err = det_buf_add(&c->svg, line, (size_t)n);
}

/* Bytes of the UTF-8 sequence that s begins with, 0 where it is none that XML may hold. */
static size_t
sequence(const unsigned char *s)
{
	size_t n = *s < 0x80                 ? 1
		   : *s >= 0xc2 && *s < 0xe0 ? 2
		   : *s < 0xe0               ? 0
		   : *s < 0xf0               ? 3
		   : *s < 0xf5               ? 4
					     : 0;

	if (n == 1)
		return *s >= 0x20 && *s != 0x7f;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f) ||
	    (s[0] == 0xef && s[1] == 0xbf && s[2] > 0xbd))
		return 0;
	return n;
}

static void
put_escaped(struct det_canvas *c, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n;

	for (; *s && !c->err; s += n ? n : 1) {
		n = sequence(s);
		if (n == 0)
			c->err = det_buf_add(&c->svg, "?", 1);
		else if (*s == '<' || *s == '&' || *s == '>' || *s == '"')
			put(c, "&#%d;", *s);
		else
			c->err = det_buf_add(&c->svg, s, n);
	}
}

void
det_canvas_open(struct det_canvas *c, double w, double h, const char *title)
{
	size_t pixels;

	*c = (struct det_canvas){ .w = ceil(w), .h = ceil(h) };
	if (!(w >= 1 && w <= MAX_SIDE && h >= 1 && h <= MAX_SIDE)) {
		c->err = det_fail(DET_LIMIT,
		    "a drawing of %g x %g: more than %g a side", w, h, MAX_SIDE);
		return;
	}
	if ((c->err = det_image_new(&c->image, (size_t)c->w * DET_CANVAS_SCALE,
		 (size_t)c->h * DET_CANVAS_SCALE)))
		return;
	pixels = c->image.w * c->image.h; /* fits: image_new has had it */
	if ((c->err = det_calloc(&c->mask, pixels, 1)))
		return;
	memset(c->image.rgb, 255, pixels * 3);
	put(c,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%g\" height=\"%g\" "
	    "viewBox=\"0 0 %g %g\" font-family=\"Helvetica, Arial, 'DejaVu Sans', "
	    "sans-serif\">\n<title>",
	    c->w, c->h, c->w, c->h);
	put_escaped(c, title);
	put(c, "</title>\n<rect width=\"%g\" height=\"%g\" fill=\"#fff\"/>\n", c->w,
	    c->h);
}

void
det_canvas_release(struct det_canvas *c)
{
	det_buf_free(&c->svg);
	det_image_release(&c->image);
	free(c->mask);
	c->mask = NULL;
}

static struct span
span_of(const struct det_canvas *c, double x1, double y1, double x2, double y2)
{
	const double w = (double)c->image.w, h = (double)c->image.h;
	struct span s = { (size_t)fmin(fmax(floor(x1), 0), w),
		(size_t)fmin(fmax(floor(y1), 0), h), (size_t)fmin(fmax(ceil(x2), 0), w),
		(size_t)fmin(fmax(ceil(y2), 0), h) };

	return s;
}

static void
blend(unsigned char *p, struct det_rgb c, double a)
{
	const unsigned char to[3] = { c.r, c.g, c.b };

	for (int k = 0; k < 3; k++)
		p[k] = (unsigned char)lround(p[k] + a * (to[k] - p[k]));
}

void
det_canvas_rect(
    struct det_canvas *c, double x, double y, double w, double h, struct det_rgb fill)
{
	struct span s;

	put(c,
	    "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" "
	    "fill=\"#%02x%02x%02x\"/>\n",
	    x, y, w, h, fill.r, fill.g, fill.b);
	if (c->err)
		return;
	s = span_of(c, round(x * DET_CANVAS_SCALE), round(y * DET_CANVAS_SCALE),
	    round((x + w) * DET_CANVAS_SCALE), round((y + h) * DET_CANVAS_SCALE));
	for (size_t i = s.y1; i < s.y2; i++)
		for (size_t k = s.x1; k < s.x2; k++)
			blend(c->image.rgb + (i * c->image.w + k) * 3, fill, 1);
}

/* One straight piece, in pixels, into the mask. */
static void
cover(struct det_canvas *c, const double a[2], const double b[2], double half,
    struct span *all)
{
	const double dx = b[0] - a[0], dy = b[1] - a[1], l = dx * dx + dy * dy;
	const double out = half + 1;
	const struct span s = span_of(c, fmin(a[0], b[0]) - out, fmin(a[1], b[1]) - out,
	    fmax(a[0], b[0]) + out, fmax(a[1], b[1]) + out);

	for (size_t i = s.y1; i < s.y2; i++)
		for (size_t k = s.x1; k < s.x2; k++) {
			const double x = (double)k + .5 - a[0];
			const double y = (double)i + .5 - a[1];
			const double t =
			    l > 0 ? fmin(fmax((x * dx + y * dy) / l, 0), 1) : 0;
			const double d = hypot(x - t * dx, y - t * dy);
			const double v = fmin(fmax(half + .5 - d, 0), 1);
			const unsigned char m = (unsigned char)lround(v * 255);
			unsigned char *p = c->mask + i * c->image.w + k;

			*p = *p > m ? *p : m;
		}
	if (s.x1 >= s.x2 || s.y1 >= s.y2)
		return;
	all->x1 = s.x1 < all->x1 ? s.x1 : all->x1;
	all->y1 = s.y1 < all->y1 ? s.y1 : all->y1;
	all->x2 = s.x2 > all->x2 ? s.x2 : all->x2;
	all->y2 = s.y2 > all->y2 ? s.y2 : all->y2;
}

/* Puts what the mask covers on the sheet, and clears the mask. */
static void
settle(struct det_canvas *c, const struct span *s, struct det_rgb color)
{
	for (size_t i = s->y1; i < s->y2; i++)
		for (size_t k = s->x1; k < s->x2; k++) {
			unsigned char *m = c->mask + i * c->image.w + k;

			if (*m)
				blend(c->image.rgb + (i * c->image.w + k) * 3, color,
				    *m / 255.);
			*m = 0;
		}
}

/* Where in its pattern of dashes a line is. */
struct dashing {
	const double *length;
	size_t at;
	double left; /* of the dash or gap, in pixels */
};

/* One piece of a dashed line. */
static void
cover_dashed(struct det_canvas *c, const double a[2], const double b[2], double half,
    struct dashing *d, struct span *all)
{
	const double length = hypot(b[0] - a[0], b[1] - a[1]);
	double from = 0, to, p[2], q[2];

	while (from < length) {
		to = fmin(length, from + d->left);
		for (int k = 0; k < 2; k++) {
			p[k] = a[k] + (b[k] - a[k]) * from / length;
			q[k] = a[k] + (b[k] - a[k]) * to / length;
		}
		if (d->at % 2 == 0)
			cover(c, p, q, half, all);
		d->left -= to - from;
		if (d->left <= 1e-9) {
			d->at = (d->at + 1) % DASH_COUNT;
			d->left = d->length[d->at] * DET_CANVAS_SCALE;
		}
		from = to;
	}
}

static void
svg_line(struct det_canvas *c, const double *xy, size_t n, const struct det_pen *pen)
{
	const double *d = dashes[pen->dash];

	put(c,
	    "<polyline fill=\"none\" stroke=\"#%02x%02x%02x\" stroke-width=\"%g\" "
	    "stroke-linejoin=\"round\"",
	    pen->color.r, pen->color.g, pen->color.b, pen->width);
	if (pen->dash)
		put(c, " stroke-dasharray=\"%g %g %g %g\"", d[0], d[1], d[2], d[3]);
	put(c, " points=\"");
	for (size_t i = 0; i < n; i++)
		put(c, "%s%.2f,%.2f", i ? " " : "", xy[2 * i], xy[2 * i + 1]);
	put(c, "\"/>\n");
}

void
det_canvas_line(
    struct det_canvas *c, const double *xy, size_t n, const struct det_pen *pen)
{
	const double half = pen->width * DET_CANVAS_SCALE / 2;
	struct span all = { c->image.w, c->image.h, 0, 0 };
	struct dashing d = { dashes[pen->dash], 0, 0 };
	double a[2], b[2];

	d.left = d.length[0] * DET_CANVAS_SCALE;
	svg_line(c, xy, n, pen);
	if (c->err)
		return;
	for (size_t i = 0; i + 1 < n; i++) {
		for (int k = 0; k < 2; k++) {
			a[k] = xy[2 * i + (size_t)k] * DET_CANVAS_SCALE;
			b[k] = xy[2 * (i + 1) + (size_t)k] * DET_CANVAS_SCALE;
		}
		if (pen->dash)
			cover_dashed(c, a, b, half, &d, &all);
		else
			cover(c, a, b, half, &all);
	}
	settle(c, &all, pen->color);
}

void
det_canvas_segment(struct det_canvas *c, double x1, double y1, double x2, double y2,
    const struct det_pen *pen)
{
	const double xy[4] = { x1, y1, x2, y2 };

	det_canvas_line(c, xy, 2, pen);
}

void
det_canvas_dot(
    struct det_canvas *c, double x, double y, double radius, struct det_rgb fill)
{
	const double p[2] = { x * DET_CANVAS_SCALE, y * DET_CANVAS_SCALE };
	struct span all = { c->image.w, c->image.h, 0, 0 };

	put(c, "<circle cx=\"%.2f\" cy=\"%.2f\" r=\"%g\" fill=\"#%02x%02x%02x\"/>\n", x,
	    y, radius, fill.r, fill.g, fill.b);
	if (c->err)
		return;
	cover(c, p, p, radius * DET_CANVAS_SCALE, &all);
	settle(c, &all, fill);
}

static int
cap_pixels(double cap)
{
	return (int)lround(fmax(cap * DET_CANVAS_SCALE, 6));
}

double
det_canvas_text_width(const char *text, double cap)
{
	return (double)det_text_width(text, cap_pixels(cap)) / DET_CANVAS_SCALE;
}

/* Text that reads upwards: drawn beside the sheet, turned, and laid on it where dark. */
static void
draw_upwards(struct det_canvas *c, long x, long y, const char *text, int cap,
    struct det_rgb color)
{
	const size_t pad = (size_t)cap, w = det_text_width(text, cap) + 2 * pad;
	const size_t h = 3 * pad;
	const struct det_rgb ink = { 0, 0, 0 };
	struct det_image side = { 0 };

	if ((c->err = det_image_new(&side, w, h)))
		return;
	memset(side.rgb, 255, w * h * 3);
	det_text_draw(&side, (long)pad, (long)(2 * pad), text, cap, ink);
	for (size_t i = 0; i < h; i++)
		for (size_t k = 0; k < w; k++) {
			const double a = 1 - side.rgb[(i * w + k) * 3] / 255.;
			const long to_x = x + (long)i - (long)(2 * pad);
			const long to_y = y - (long)k + (long)pad;

			if (a > 0 && to_x >= 0 && to_y >= 0 &&
			    (size_t)to_x < c->image.w && (size_t)to_y < c->image.h)
				blend(
				    c->image.rgb +
					((size_t)to_y * c->image.w + (size_t)to_x) * 3,
				    color, a);
		}
	det_image_release(&side);
}

void
det_canvas_text(struct det_canvas *c, double x, double y, const char *text,
    const struct det_lettering *l)
{
	static const char *const anchors[] = { "start", "middle", "end" };
	const int cap = cap_pixels(l->cap);
	const double back = (double)l->anchor / 2 * (double)det_text_width(text, cap);

	put(c,
	    "<text x=\"%.2f\" y=\"%.2f\" font-size=\"%.2f\" text-anchor=\"%s\" "
	    "fill=\"#%02x%02x%02x\"",
	    x, y, l->cap * CAP_TO_EM, anchors[l->anchor], l->color.r, l->color.g,
	    l->color.b);
	if (l->upwards)
		put(c, " transform=\"rotate(-90 %.2f %.2f)\"", x, y);
	put(c, ">");
	put_escaped(c, text);
	put(c, "</text>\n");
	if (c->err)
		return;
	if (l->upwards)
		draw_upwards(c, lround(x * DET_CANVAS_SCALE),
		    lround(y * DET_CANVAS_SCALE + back), text, cap, l->color);
	else
		det_text_draw(&c->image, lround(x * DET_CANVAS_SCALE - back),
		    lround(y * DET_CANVAS_SCALE), text, cap, l->color);
}

enum det_err
det_canvas_svg(struct det_buf *out, struct det_canvas *c)
{
	enum det_err e = c->err;

	if (!e)
		e = det_buf_add(out, c->svg.text, c->svg.len);
	return e ? e : det_buf_printf(out, "</svg>\n");
}

enum det_err
det_canvas_png(struct det_buf *out, struct det_canvas *c)
{
	return c->err ? c->err : det_image_encode(out, &c->image, DET_FORMAT_PNG, 0);
}
