/* SPDX-License-Identifier: MIT
 *
 * A sheet that is drawn on once and had twice: as SVG for print, as pixels for everything
 * else. Private to lib/eval.
 *
 * Units are those of SVG, 96 to the inch, y downwards; the pixels are twice as fine. The
 * drawing functions return nothing: what fails is remembered, later calls do nothing, and
 * det_canvas_svg or det_canvas_png reports it.
 */
#ifndef DET_CANVAS_H
#define DET_CANVAS_H

#include "base/text.h"
#include "image/font.h"
#include "image/image.h"

#define DET_CANVAS_SCALE 2 /* pixels a unit */

struct det_canvas {
	double w, h;
	struct det_buf svg;
	struct det_image image;
	unsigned char *mask; /* how much of each pixel the stroke in work covers */
	enum det_err err;
};

enum det_anchor { DET_ANCHOR_START, DET_ANCHOR_MIDDLE, DET_ANCHOR_END };

enum det_dash { DET_DASH_NONE, DET_DASH_LONG, DET_DASH_SHORT, DET_DASH_MIXED };

struct det_pen {
	struct det_rgb color;
	double width;
	enum det_dash dash;
};

struct det_lettering {
	struct det_rgb color;
	double cap; /* height of a capital */
	enum det_anchor anchor;
	int upwards; /* reads from below to above */
};

/* A white sheet of at most 10,000 units a side. `title` is what SVG viewers show. */
void det_canvas_open(struct det_canvas *c, double w, double h, const char *title);
void det_canvas_release(struct det_canvas *c);

void det_canvas_rect(
    struct det_canvas *c, double x, double y, double w, double h, struct det_rgb fill);

/* A line through n points, xy[2 * i] and xy[2 * i + 1]. */
void det_canvas_line(
    struct det_canvas *c, const double *xy, size_t n, const struct det_pen *pen);
void det_canvas_segment(struct det_canvas *c, double x1, double y1, double x2,
    double y2, const struct det_pen *pen);
void det_canvas_dot(
    struct det_canvas *c, double x, double y, double radius, struct det_rgb fill);

/* (x, y) is on the baseline, at the text's start, middle or end. */
void det_canvas_text(struct det_canvas *c, double x, double y, const char *text,
    const struct det_lettering *l);
double det_canvas_text_width(const char *text, double cap);

/* Appends the sheet. */
enum det_err det_canvas_svg(struct det_buf *out, struct det_canvas *c) DET_MUST_USE;
enum det_err det_canvas_png(struct det_buf *out, struct det_canvas *c) DET_MUST_USE;

#endif
