/* SPDX-License-Identifier: MIT
 *
 * Frames, curves and legends. No more ink than says something: pale grid, no box, the name
 * of the vertical axis written level above it, where it needs no turning of the head.
 */
#include "eval/plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "eval/canvas.h"

#define MARGIN     16.0
#define CAP_TITLE  10.0
#define CAP        7.5
#define CAP_SMALL  6.0
#define MAX_PANELS 120
#define DOT        2.4 /* radius */

static const struct det_rgb ink = { 0x22, 0x22, 0x22 }, soft = { 0x66, 0x66, 0x66 },
			    grid = { 0xe2, 0xe2, 0xe2 }, pale = { 0xb8, 0xb8, 0xb8 };

/* Okabe and Ito's, but for their yellow, which is too light for a line on white. */
static const struct det_pen pens[DET_PLOT_APART] = {
	{ { 0x00, 0x72, 0xb2 }, 1.6, DET_DASH_NONE },
	{ { 0xd5, 0x5e, 0x00 }, 1.6, DET_DASH_NONE },
	{ { 0x00, 0x9e, 0x73 }, 1.6, DET_DASH_NONE },
	{ { 0xcc, 0x79, 0xa7 }, 1.6, DET_DASH_NONE },
	{ { 0x56, 0xb4, 0xe9 }, 1.6, DET_DASH_LONG },
	{ { 0xe6, 0x9f, 0x00 }, 1.6, DET_DASH_LONG },
	{ { 0x00, 0x5a, 0x41 }, 1.6, DET_DASH_SHORT },
	{ { 0x88, 0x22, 0x55 }, 1.6, DET_DASH_MIXED },
};
static const struct det_pen mean_pen = { { 0, 0, 0 }, 2.6, DET_DASH_NONE };

/* Where a frame lies and what it spans; y is 0 .. 1. */
struct frame {
	double x, y, w, h;
	double lo, hi;
};

void
det_plot_sheet_release(struct det_plot_sheet *s)
{
	det_buf_free(&s->svg);
	det_buf_free(&s->png);
}

/* Both forms of what was drawn; ends the canvas. */
static enum det_err
deliver(struct det_plot_sheet *out, struct det_canvas *c)
{
	enum det_err e = det_canvas_svg(&out->svg, c);

	if (!e)
		e = det_canvas_png(&out->png, c);
	det_canvas_release(c);
	return e;
}

static void
write_at(struct det_canvas *c, double x, double y, const char *text, double cap,
    struct det_rgb color, enum det_anchor anchor)
{
	const struct det_lettering l = { color, cap, anchor, 0 };

	det_canvas_text(c, x, y, text, &l);
}

/* Title and note; returns the height that is taken. */
static double
write_head(struct det_canvas *c, const char *title, const char *note)
{
	write_at(
	    c, MARGIN, MARGIN + CAP_TITLE, title, CAP_TITLE, ink, DET_ANCHOR_START);
	write_at(c, MARGIN, MARGIN + CAP_TITLE + 8 + CAP, note, CAP - .5, soft,
	    DET_ANCHOR_START);
	return MARGIN + CAP_TITLE + 8 + CAP + 10;
}

static double
head_width(const char *title, const char *note)
{
	return 2 * MARGIN + fmax(det_canvas_text_width(title, CAP_TITLE),
				det_canvas_text_width(note, CAP - .5));
}

/* A step of 1, 2 or 5 times a power of ten that gives about five. */
static double
nice_step(double span)
{
	const double raw = span / 5, ten = pow(10, floor(log10(raw)));
	const double m = raw / ten;

	return (m < 1.5 ? 1 : m < 3.5 ? 2 : m < 7.5 ? 5 : 10) * ten;
}

static double
at_x(const struct frame *f, double v)
{
	return f->x + (v - f->lo) / (f->hi - f->lo) * f->w;
}

static double
at_y(const struct frame *f, double v)
{
	return f->y + (1 - v) * f->h;
}

/* Grid and numbers; `cap` of the numbers, 0: none. */
static void
draw_frame(struct det_canvas *c, const struct frame *f, double step_y, double cap)
{
	const struct det_pen line = { grid, .8, DET_DASH_NONE };
	const struct det_pen axis = { soft, 1, DET_DASH_NONE };
	const double step = nice_step(f->hi - f->lo);
	char text[32];

	for (double v = 0; v < 1 + step_y / 2; v += step_y) {
		det_canvas_segment(c, f->x, at_y(f, v), f->x + f->w, at_y(f, v), &line);
		(void)snprintf(text, sizeof text, "%.3g", v);
		if (cap > 0)
			write_at(c, f->x - 5, at_y(f, v) + cap / 2, text, cap, soft,
			    DET_ANCHOR_END);
	}
	for (double k = ceil(f->lo / step - 1e-9); k * step <= f->hi + step * 1e-9;
	     k++) {
		const double x = at_x(f, k * step);

		det_canvas_segment(c, x, f->y, x, f->y + f->h, &line);
		(void)snprintf(text, sizeof text, "%.4g", k == 0 ? 0 : k * step);
		if (cap > 0)
			write_at(c, x, f->y + f->h + cap + 6, text, cap, soft,
			    DET_ANCHOR_MIDDLE);
	}
	det_canvas_segment(c, f->x, f->y + f->h, f->x + f->w, f->y + f->h, &axis);
}

/* A curve with the points that can't be seen left out: those closer than a tenth of a unit to
 * the one before, but for the last. */
static void
draw_curve(struct det_canvas *c, const struct frame *f, const struct det_plot_curve *k,
    const struct det_pen *pen)
{
	double *xy = NULL;
	size_t n = 0, want;

	if (c->err || k->n == 0)
		return;
	if ((c->err = det_mul(&want, k->n, 2)) ||
	    (c->err = det_alloc(&xy, want, sizeof *xy)))
		return;
	for (size_t i = 0; i < k->n; i++) {
		const double x = at_x(f, fmin(fmax(k->x[i], f->lo), f->hi));
		const double y = at_y(f, fmin(fmax(k->y[i], 0), 1));

		if (n > 0 && i + 1 < k->n && fabs(x - xy[2 * n - 2]) < .1 &&
		    fabs(y - xy[2 * n - 1]) < .1)
			continue;
		xy[2 * n] = x;
		xy[2 * n + 1] = y;
		n++;
	}
	det_canvas_line(c, xy, n, pen);
	free(xy);
}

/* With a dot on each point where there are to be some. */
static void
draw_marked(struct det_canvas *c, const struct frame *f, const struct det_plot_curve *k,
    const struct det_pen *pen, int dots)
{
	draw_curve(c, f, k, pen);
	for (size_t i = 0; dots && i < k->n; i++)
		det_canvas_dot(c, at_x(f, fmin(fmax(k->x[i], f->lo), f->hi)),
		    at_y(f, fmin(fmax(k->y[i], 0), 1)), DOT, pen->color);
}

/* A sample of the pen and what it stands for; returns the next line's place. */
static double
legend_line(struct det_canvas *c, double x, double y, const char *label,
    const struct det_pen *pen)
{
	det_canvas_segment(c, x, y - CAP / 2, x + 24, y - CAP / 2, pen);
	write_at(c, x + 31, y, label, CAP, ink, DET_ANCHOR_START);
	return y + CAP + 8;
}

static void
draw_legend(struct det_canvas *c, double x, double y, const struct det_plot *p)
{
	const struct det_pen grey = { pale, 1, DET_DASH_NONE };
	char text[64];

	if (p->mean)
		y = legend_line(c, x, y, p->mean->label, &mean_pen);
	if (p->n <= DET_PLOT_APART) {
		for (size_t i = 0; i < p->n; i++)
			y = legend_line(c, x, y, p->curve[i].label, &pens[i]);
	} else {
		(void)snprintf(text, sizeof text, "each of %zu classes", p->n);
		legend_line(c, x, y, text, &grey);
	}
}

static double
legend_width(const struct det_plot *p)
{
	double w = det_canvas_text_width("each of 1000 classes", CAP);

	if (p->mean)
		w = fmax(w, det_canvas_text_width(p->mean->label, CAP));
	for (size_t i = 0; i < p->n && p->n <= DET_PLOT_APART; i++)
		w = fmax(w, det_canvas_text_width(p->curve[i].label, CAP));
	return fmin(w, 300) + 31 + MARGIN;
}

enum det_err
det_plot_draw(struct det_plot_sheet *out, const struct det_plot *p)
{
	struct frame f = { MARGIN + 26, 0, 400, 320, p->x_lo, p->x_hi };
	const struct det_pen grey = { pale, .8, DET_DASH_NONE };
	struct det_canvas c;
	double top = 2 * MARGIN + CAP_TITLE + CAP + 18;

	det_canvas_open(&c,
	    fmax(f.x + f.w + 22 + legend_width(p), head_width(p->title, p->note)),
	    top + f.h + 70, p->title);
	f.y = write_head(&c, p->title, p->note) + 24;
	write_at(&c, f.x - 24, f.y - 10, p->y_label, CAP, ink, DET_ANCHOR_START);
	draw_frame(&c, &f, .2, CAP);
	write_at(&c, f.x + f.w, f.y + f.h + 2 * CAP + 16, p->x_label, CAP, ink,
	    DET_ANCHOR_END);
	for (size_t i = 0; i < p->n; i++)
		draw_marked(&c, &f, &p->curve[i],
		    p->n <= DET_PLOT_APART ? &pens[i] : &grey, p->dots);
	if (p->mean)
		draw_curve(&c, &f, p->mean, &mean_pen);
	draw_legend(&c, f.x + f.w + 22, f.y + CAP, p);
	return deliver(out, &c);
}

/* Cut so that it fits a panel. */
static void
fit_label(char *text, size_t size, const char *label, double width)
{
	size_t n = (size_t)snprintf(text, size, "%s", label);

	n = n < size ? n : size - 1;
	while (n > 4 && det_canvas_text_width(text, CAP_SMALL) > width) {
		do /* a character of UTF-8 at a time */
			n--;
		while (n > 4 && ((unsigned char)text[n] & 0xc0) == 0x80);
		text[n] = 0;
	}
}

enum det_err
det_plot_panels(struct det_plot_sheet *out, const struct det_plot *p)
{
	const struct det_pen grey = { pale, 1.2, DET_DASH_NONE };
	const size_t shown = p->n < MAX_PANELS ? p->n : MAX_PANELS;
	const size_t columns = shown < 12 ? 4 : shown < 40 ? 5 : 8;
	const size_t rows = (shown + columns - 1) / columns;
	const double w = 108, h = 84, right = 22, below = 42;
	struct det_canvas c;
	char text[160];
	double top;

	det_canvas_open(&c,
	    fmax(2 * MARGIN + 14 + (double)columns * (w + right),
		head_width(p->title, p->note)),
	    120 + (double)(rows ? rows : 1) * (h + below), p->title);
	top = write_head(&c, p->title, p->note);
	(void)snprintf(text, sizeof text, "%s against %s%s%s%s", p->y_label, p->x_label,
	    p->mean ? "; grey: " : "", p->mean ? p->mean->label : "",
	    shown < p->n ? "; not all classes are shown" : "");
	write_at(&c, MARGIN, top + CAP, text, CAP - .5, soft, DET_ANCHOR_START);
	for (size_t i = 0; i < shown; i++) {
		const struct frame f = { MARGIN + 14 +
					     (double)(i % columns) * (w + right),
			top + 42 + (double)(i / columns) * (h + below), w, h, p->x_lo,
			p->x_hi };

		fit_label(text, sizeof text, p->curve[i].label, w + right - 4);
		write_at(&c, f.x, f.y - 6, text, CAP_SMALL, ink, DET_ANCHOR_START);
		draw_frame(&c, &f, .5, 5);
		if (p->mean)
			draw_curve(&c, &f, p->mean, &grey);
		draw_curve(&c, &f, &p->curve[i], &pens[0]);
	}
	return deliver(out, &c);
}
