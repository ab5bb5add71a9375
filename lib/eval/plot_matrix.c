/* SPDX-License-Identifier: MIT
 *
 * The confusion matrix as a picture. One hue, from white to dark, by the fraction of the
 * row: readable in grey. Counts are written where the cells have room for them.
 */
#include "eval/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/canvas.h"

#define MARGIN    16.0
#define CAP_TITLE 10.0

/* Sizes by the number of classes. */
struct layout {
	double cell, cap;
	int counts; /* cells have room for them */
	double left, top, side;
};

/* Three stops, dark enough at the end for white letters. */
static struct det_rgb
shade(double v)
{
	static const double stop[3][3] = { { 255, 255, 255 }, { 107, 174, 214 },
		{ 8, 48, 107 } };
	const int i = v < .5 ? 0 : 1;
	const double t = (v - i * .5) * 2;
	unsigned char rgb[3];

	for (int k = 0; k < 3; k++)
		rgb[k] = (unsigned char)lround(
		    stop[i][k] + t * (stop[i + 1][k] - stop[i][k]));
	return (struct det_rgb){ rgb[0], rgb[1], rgb[2] };
}

static const char *
name_of(const struct det_plot_matrix *m, size_t i)
{
	return i < m->n ? m->name[i] : "(nothing)";
}

static struct layout
lay_out(const struct det_plot_matrix *m)
{
	const double n = (double)m->n + 1;
	struct layout l = { .counts = m->n <= 40 };
	double widest = 0;

	l.cell = m->n <= 8     ? 46
		 : m->n <= 22  ? 32
		 : m->n <= 40  ? 25
		 : m->n <= 100 ? 11
			       : 7;
	l.cap = m->n <= 8 ? 7.5 : m->n <= 40 ? 6.5 : m->n <= 100 ? 5 : 3.5;
	for (size_t i = 0; i <= m->n; i++)
		widest = fmax(widest, det_canvas_text_width(name_of(m, i), l.cap));
	l.side = fmin(widest, 160);
	l.left = MARGIN + l.side + 8;
	l.top = MARGIN + CAP_TITLE + 62 + l.side;
	l.side = n * l.cell;
	return l;
}

static void
draw_cell(struct det_canvas *c, const struct layout *l, size_t row, size_t column,
    size_t count, size_t total)
{
	const struct det_rgb black = { 0x22, 0x22, 0x22 }, white = { 255, 255, 255 };
	const double v = total ? (double)count / (double)total : 0;
	const double x = l->left + (double)column * l->cell;
	const double y = l->top + (double)row * l->cell;
	struct det_lettering text = { v > .55 ? white : black, l->cap,
		DET_ANCHOR_MIDDLE, 0 };
	char number[32];
	double width;

	if (count == 0)
		return;
	det_canvas_rect(c, x, y, l->cell, l->cell, shade(v));
	if (!l->counts)
		return;
	(void)snprintf(number, sizeof number, "%zu", count);
	width = det_canvas_text_width(number, l->cap);
	if (width > l->cell - 3)
		text.cap = fmax(3, l->cap * (l->cell - 3) / width);
	det_canvas_text(
	    c, x + l->cell / 2, y + (l->cell + text.cap) / 2, number, &text);
}

static void
draw_names(
    struct det_canvas *c, const struct layout *l, const struct det_plot_matrix *m)
{
	const struct det_rgb ink = { 0x22, 0x22, 0x22 };
	struct det_lettering row = { ink, l->cap, DET_ANCHOR_END, 0 };
	struct det_lettering column = { ink, l->cap, DET_ANCHOR_START, 1 };

	for (size_t i = 0; i <= m->n; i++) {
		const double at = ((double)i + .5) * l->cell + l->cap / 2;

		det_canvas_text(c, l->left - 6, l->top + at, name_of(m, i), &row);
		det_canvas_text(c, l->left + at, l->top - 6, name_of(m, i), &column);
	}
}

static void
draw_grid(struct det_canvas *c, const struct layout *l, size_t n)
{
	const struct det_pen thin = { { 0xe2, 0xe2, 0xe2 }, .6, DET_DASH_NONE };
	const struct det_pen axis = { { 0x66, 0x66, 0x66 }, 1, DET_DASH_NONE };

	for (size_t i = 0; i <= n + 1; i++) {
		/* the classes are framed, and so is the background */
		const struct det_pen *pen = i == 0 || i >= n ? &axis : &thin;
		const double at = (double)i * l->cell;

		det_canvas_segment(
		    c, l->left, l->top + at, l->left + l->side, l->top + at, pen);
		det_canvas_segment(
		    c, l->left + at, l->top, l->left + at, l->top + l->side, pen);
	}
}

enum det_err
det_plot_confusion(struct det_plot_sheet *out, const struct det_plot_matrix *m)
{
	const struct det_lettering title = { { 0x22, 0x22, 0x22 }, CAP_TITLE,
		DET_ANCHOR_START, 0 };
	const struct det_lettering note = { { 0x66, 0x66, 0x66 }, 7, DET_ANCHOR_START,
		0 };
	const struct layout l = lay_out(m);
	struct det_canvas c;
	enum det_err e;

	if (m->n > DET_PLOT_MATRIX_MAX)
		return det_fail(DET_LIMIT,
		    "a confusion matrix of %zu classes is no picture: %d at most", m->n,
		    DET_PLOT_MATRIX_MAX);
	det_canvas_open(&c,
	    fmax(l.left + l.side + MARGIN,
		2 * MARGIN + fmax(det_canvas_text_width(m->title, CAP_TITLE),
				 det_canvas_text_width(m->note, 7))),
	    l.top + l.side + MARGIN, m->title);
	det_canvas_text(&c, MARGIN, MARGIN + CAP_TITLE, m->title, &title);
	det_canvas_text(&c, MARGIN, MARGIN + CAP_TITLE + 17, m->note, &note);
	det_canvas_text(&c, MARGIN, MARGIN + CAP_TITLE + 31,
	    "rows: what is there; columns: what was detected; shade: part of the row",
	    &note);
	for (size_t i = 0; i <= m->n; i++) {
		const size_t *row = m->count + i * (m->n + 1);
		size_t total = 0;

		for (size_t k = 0; k <= m->n; k++)
			total += row[k];
		for (size_t k = 0; k <= m->n; k++)
			draw_cell(&c, &l, i, k, row[k], total);
	}
	draw_grid(&c, &l, m->n);
	draw_names(&c, &l, m);
	e = det_canvas_svg(&out->svg, &c);
	if (!e)
		e = det_canvas_png(&out->png, &c);
	det_canvas_release(&c);
	return e;
}
