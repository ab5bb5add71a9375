/* SPDX-License-Identifier: MIT */
#include "image/draw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* The seven hues of Okabe and Ito (2008), nine of Tol's (2021) and four tints and shades
 * of them, the strongest first. Twenty: VOC's classes all differ, and so do those of COCO
 * that are often seen together. */
#define COLORS 20
static const struct det_rgb palette[COLORS] = {
	{ 0xe6, 0x5c, 0x00 },
	{ 0x56, 0xb4, 0xe9 },
	{ 0xf0, 0xe4, 0x42 },
	{ 0x00, 0x9e, 0x73 },
	{ 0xcc, 0x79, 0xa7 },
	{ 0x00, 0x72, 0xb2 },
	{ 0xe6, 0x9f, 0x00 },
	{ 0x88, 0x22, 0x55 },
	{ 0xbb, 0xcc, 0x33 },
	{ 0x33, 0x22, 0x88 },
	{ 0x44, 0xaa, 0x99 },
	{ 0xff, 0xaa, 0xbb },
	{ 0x99, 0x99, 0x33 },
	{ 0xcc, 0x66, 0x77 },
	{ 0x99, 0xdd, 0xff },
	{ 0x11, 0x77, 0x33 },
	{ 0xdd, 0xbb, 0xff },
	{ 0x8c, 0x46, 0x00 },
	{ 0xff, 0xe0, 0xa0 },
	{ 0x00, 0x44, 0x77 },
};

static const struct det_rgb black = { 0, 0, 0 }, white = { 255, 255, 255 };

struct rect {
	double x1, y1, x2, y2;
};

/* What is drawn of one box. */
struct mark {
	const struct det_box *box;
	size_t index;
	struct rect r;     /* inside the picture */
	struct rect label; /* empty: none */
	char text[96];
};

struct det_rgb
det_class_color(long label)
{
	const struct det_rgb grey = { 0xbb, 0xbb, 0xbb };

	return label < 0 ? grey : palette[label % COLORS];
}

/* Black or white, whichever stands out. */
static struct det_rgb
contrast(struct det_rgb c)
{
	return .299 * c.r + .587 * c.g + .114 * c.b > 135 ? black : white;
}

static void
blend(unsigned char *p, struct det_rgb c, double a)
{
	const unsigned char to[3] = { c.r, c.g, c.b };
	int k;

	if (a <= 0)
		return;
	for (k = 0; k < 3; k++)
		p[k] = (unsigned char)lround(p[k] + fmin(a, 1) * (to[k] - p[k]));
}

/* Distance of a point from the outline of a rectangle with round corners, negative
 * inside. */
static double
edge(const struct rect *r, double radius, double x, double y)
{
	const double hx = (r->x2 - r->x1) / 2, hy = (r->y2 - r->y1) / 2;
	const double dx = fabs(x - r->x1 - hx) - hx + radius;
	const double dy = fabs(y - r->y1 - hy) - hy + radius;

	return hypot(fmax(dx, 0), fmax(dy, 0)) + fmin(fmax(dx, dy), 0) - radius;
}

/* Calls for every pixel of [x1,x2) x [y1,y2) that the picture has; the band of pixels
 * farther than `skip` inside r is left out. */
struct area {
	size_t x1, y1, x2, y2;
};

static struct area
cut(const struct det_image *im, double x1, double y1, double x2, double y2)
{
	struct area a = { 0, 0, 0, 0 };

	if (x2 <= 0 || y2 <= 0)
		return a;
	a.x1 = (size_t)fmin(fmax(floor(x1), 0), (double)im->w);
	a.y1 = (size_t)fmin(fmax(floor(y1), 0), (double)im->h);
	a.x2 = (size_t)fmin(ceil(x2), (double)im->w);
	a.y2 = (size_t)fmin(ceil(y2), (double)im->h);
	return a;
}

static void
draw_outline(
    struct det_image *im, const struct rect *r, double width, struct det_rgb color)
{
	const double radius = fmin(width * 1.5, fmin(r->x2 - r->x1, r->y2 - r->y1) / 2);
	const double out = width / 2 + 2;
	const struct area a =
	    cut(im, r->x1 - out, r->y1 - out, r->x2 + out, r->y2 + out);
	const struct det_rgb rim = contrast(color);
	unsigned char *p;
	size_t x, y;
	double d;

	for (y = a.y1; y < a.y2; y++)
		for (x = a.x1; x < a.x2; x++) {
			/* from the left band straight to the right one */
			if ((double)x > r->x1 + out && (double)x + out < r->x2 &&
			    (double)y > r->y1 + out && (double)y + out < r->y2)
				x = (size_t)(r->x2 - out);
			p = im->rgb + (y * im->w + x) * 3;
			d = fabs(edge(r, radius, (double)x + .5, (double)y + .5));
			blend(p, rim, .45 * fmin(width / 2 + 1.5 - d, 1));
			blend(p, color, width / 2 + .5 - d);
		}
}

static void
draw_plate(
    struct det_image *im, const struct rect *r, double radius, struct det_rgb color)
{
	const struct area a = cut(im, r->x1, r->y1, r->x2, r->y2);
	size_t x, y;

	for (y = a.y1; y < a.y2; y++)
		for (x = a.x1; x < a.x2; x++)
			blend(im->rgb + (y * im->w + x) * 3, color,
			    .92 * fmin(.5 - edge(r, radius, (double)x + .5,
						(double)y + .5),
				      1));
}

/* Best first; equal scores in the order of the list. */
static int
by_score(const void *a, const void *b)
{
	const struct mark *m = a, *n = b;

	if (m->box->score != n->box->score)
		return m->box->score > n->box->score ? -1 : 1;
	return m->index < n->index ? -1 : 1;
}

static int
overlap(const struct rect *a, const struct rect *b)
{
	return a->x1 < b->x2 && b->x1 < a->x2 && a->y1 < b->y2 && b->y1 < a->y2;
}

/* Tries places around the box until one is free of the labels before it: above its left
 * end, inside its top, below it, above its right end; else the first. */
static void
place_label(struct mark *m, const struct mark *before, const struct det_image *im,
    double w, double h, double line)
{
	const double half = line / 2;
	const double xs[] = { m->r.x1 - half, m->r.x1 - half, m->r.x1 - half,
		m->r.x2 + half - w, m->r.x2 + half - w };
	const double ys[] = { m->r.y1 - half - h, m->r.y1 - half, m->r.y2 + half,
		m->r.y1 - half - h, m->r.y2 + half - h };
	struct rect r, first = { 0, 0, 0, 0 };
	const struct mark *b;
	size_t i;

	for (i = 0; i < sizeof xs / sizeof *xs; i++) {
		r.x1 = round(fmax(0, fmin(xs[i], (double)im->w - w)));
		r.y1 = round(fmax(0, fmin(ys[i], (double)im->h - h)));
		r.x2 = r.x1 + w;
		r.y2 = r.y1 + h;
		if (i == 0)
			first = r;
		if (i == 0 && ys[0] < 0)
			continue; /* no room above: its own box would be covered */
		for (b = before; b < m && !overlap(&r, &b->label); b++)
			;
		if (b == m)
			break;
	}
	m->label = i < sizeof xs / sizeof *xs ? r : first;
}

static void
name_mark(struct mark *m, const struct det_classes *c, enum det_draw_label label)
{
	const long l = m->box->label;
	char name[80];

	if (c && l >= 0 && (size_t)l < c->n)
		(void)snprintf(name, sizeof name, "%s", det_class_name(c, l));
	else if (l >= 0)
		(void)snprintf(name, sizeof name, "class %ld", l);
	else
		name[0] = 0;
	if (label == DET_LABEL_FULL)
		(void)snprintf(m->text, sizeof m->text, "%s%s%.2f", name,
		    name[0] ? " " : "", m->box->score);
	else if (label == DET_LABEL_NAME)
		(void)snprintf(m->text, sizeof m->text, "%s", name);
}

/* The box inside the picture, lines wholly visible; 0 where nothing of it is. */
static int
clip_mark(struct mark *m, const struct det_image *im, double line)
{
	const double w = (double)im->w, h = (double)im->h, half = line / 2;
	const struct det_box *b = m->box;

	if (b->x2 <= 0 || b->y2 <= 0 || b->x1 >= w || b->y1 >= h || b->x2 < b->x1 ||
	    b->y2 < b->y1)
		return 0;
	m->r.x1 = fmin(fmax(round(b->x1), half), w - half);
	m->r.y1 = fmin(fmax(round(b->y1), half), h - half);
	m->r.x2 = fmax(fmin(round(b->x2), w - half), m->r.x1);
	m->r.y2 = fmax(fmin(round(b->y2), h - half), m->r.y1);
	return 1;
}

enum det_err
det_draw_boxes(struct det_image *im, const struct det_boxes *boxes,
    const struct det_classes *classes, const struct det_draw_params *p)
{
	const double size = sqrt((double)im->w * (double)im->h);
	const double line = p->line > 0 ? (double)p->line : fmax(1, round(size / 220));
	const int cap = p->text > 0 ? (int)fmax(6, (double)p->text)
				    : (int)fmax(8, round(size / 58));
	const double pad = round(cap * .45) + 1;
	struct mark *mark;
	size_t i, n = 0;
	enum det_err e;

	if ((e = det_calloc(&mark, boxes->n, sizeof *mark)))
		return e;
	for (i = 0; i < boxes->n; i++) {
		mark[n] = (struct mark){ .box = &boxes->box[i], .index = i };
		if (boxes->box[i].score >= p->min_score &&
		    clip_mark(&mark[n], im, line))
			n++;
	}
	qsort(mark, n, sizeof *mark, by_score);
	for (i = n; i-- > 0;)
		draw_outline(im, &mark[i].r, line, det_class_color(mark[i].box->label));
	for (i = 0; i < n; i++) {
		name_mark(&mark[i], classes, p->label);
		if (mark[i].text[0])
			place_label(&mark[i], mark, im,
			    (double)det_text_width(mark[i].text, cap) + 2 * pad,
			    cap + 2 * pad, line);
	}
	for (i = n; i-- > 0;) {
		const struct det_rgb c = det_class_color(mark[i].box->label);

		if (!mark[i].text[0])
			continue;
		draw_plate(im, &mark[i].label, fmin(line * 1.5, pad), c);
		det_text_draw(im, (long)(mark[i].label.x1 + pad),
		    (long)(mark[i].label.y2 - pad), mark[i].text, cap, contrast(c));
	}
	free(mark);
	return DET_OK;
}
