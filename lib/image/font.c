/* SPDX-License-Identifier: MIT
 *
 * A font of strokes, drawn for this program. A pixel's coverage is had from its distance
 * to the nearest stroke, so every size is smooth and needs no tables but these.
 *
 * Grid: a capital is 10 units high, a small letter 7, descenders go down to -3. A glyph is
 * its width (one digit), then strokes parted by spaces. A point is a digit (x) and a letter
 * (y: a = -3, d = 0 the baseline, k = 7, n = 10). A stroke is a polyline; after ~ its points
 * are the control points of a quadratic B-spline from the first to the last, after @ of a
 * closed one. One point alone is a dot, somewhat thicker.
 *
 * Small sizes are kept crisp by moving grid lines, not pixels: the baseline, the height of
 * small letters and that of capitals fall on whole pixels, as does each glyph's right stem.
 */
#include "image/font.h"

#include <math.h>
#include <string.h>

#define MAX_SEGMENTS 192
#define CURVE_STEPS  6
#define GAP          2.6  /* units between glyphs */
#define WEIGHT       1.45 /* stroke width in units */

/* clang-format off */
static const char *const glyphs[95] = {
	"3", "00n0g 0d", "20n0k 2n2k", "61d2n 4d5n 0g6g 0k6k",
	"5~5l5n0n0i5i5d0d0f 3c3o", "8@0n3n3j0j @5h8h8d5d 8n0d",
	"7~7d1k1n5n5k0h0d5d7h", "00n0k", "2~2o0l0e2b", "2~0o2l2e0b", "42n2j 0m4k 4m0k",
	"63f3l 0i6i", "11d0b", "40h4h", "00d", "40c4o",
	"5@0n5n5d0d", "50l2n2d 0d4d", "5~0l0n5n5j0d 0d5d", "5~0m0n5n5i2i ~2i5i5d0d0e",
	"54d4n0g5g", "55n0n0i ~0i0j5j5d0d0e", "5~5m5n0n0g @0j5j5d0d", "50n5n2d",
	"5@0n5n5i0i @0i5i5d0d", "5@0n5n5h0h ~5k5d0d0e", "00d 0k", "11k 1d0b",
	"55l0h5d", "50j5j 0g5g", "50l5h0d", "5~0l0n5n5j2h 2h2g 2d",
	"9~8e8d0d0n9n9f6f6h 6k6h @2k6k6f2f",
	"60d3n6d 1g5g", "63d0d0n3n 0i3i ~3n5n5i3i ~3i6i6d3d", "6~6l6n0n0d6d6f",
	"62d0d0n2n ~2n6n6d2d", "55d0d0n5n 0i4i", "50d0n5n 0i4i", "6~6l6n0n0d6d6i 6i3i",
	"60d0n 6d6n 0i6i", "40n4n 0d4d 2d2n", "55n5g ~5g5d0d0g", "60d0n 6n0h 2j6d",
	"50n0d5d", "80d0n4g8n8d", "60d0n6d6n", "7@0n7n7d0d", "63h0h 0d0n3n ~3n6n6h3h",
	"7@0n7n7d0d 4g7d", "63h0h 0d0n3n ~3n6n6h3h 3h6d", "6~6l6n0n0i6i6d0d0f",
	"60n6n 3d3n", "60n0g ~0g0d6d6g 6g6n", "60n3d6n", "80n2d4l6d8n", "60n6d 6n0d",
	"60n3i6n 3i3d", "60n6n0d6d", "22o0o0b2b", "40o4c", "20o2o2b0b", "40k2n4k",
	"50b5b", "20n2l",
	"5~0j0k5k5g 5g5d ~5h0h0d5d5f", "50n0d @0k5k5d0d", "5~5j5k0k0d5d5e",
	"55n5d @0k5k5d0d", "50h5h ~5h5k0k0d5d5e", "4~4n1n1k 1k1d 0k3k",
	"5@0k5k5d0d 5k5c ~5c5a0a0b", "50n0d ~0h0k5k5h 5h5d", "00k0d 0n", "22k2c ~2c2a0a 2n",
	"50n0d 5k0g 2h5d", "20n0f ~0f0d2d", "80k0d ~0h0k4k4h 4h4d ~4h4k8k8h 8h8d",
	"50k0d ~0h0k5k5h 5h5d", "5@0k5k5d0d", "50k0a @0k5k5d0d", "55k5a @0k5k5d0d",
	"30k0d ~0h0k3k", "4~4j4k0k0h4g4d0d0e", "31m1f ~1f1d3d 0k3k",
	"50k0g ~0g0d5d5g 5k5d", "40k2d4k", "80k2d4j6d8k", "50k5d 5k0d", "40k2d 4k1a",
	"50k5k0d5d", "3~3o1o1i0i ~0i1i1b3b", "00o0b", "3~0o2o2i3i ~3i2i2b0b", "6~0h1k3i5f6i",
};
/* clang-format on */
static const char missing[] = "50d0n5n5d0d";

struct segment {
	double x1, y1, x2, y2;
};

/* A glyph at its size: segments in pixels, y downwards from the baseline. */
struct outline {
	struct segment s[MAX_SEGMENTS];
	size_t n;
	double unit, x_unit, low, high; /* pixels a unit; heights of k and n */
};

static double
place_y(const struct outline *o, double u)
{
	if (u <= 0)
		return -u * o->unit;
	if (u <= 7)
		return -u * o->low / 7;
	return -(o->low + (u - 7) * (o->high - o->low) / 3);
}

static void
add_line(struct outline *o, const double a[2], const double b[2])
{
	if (o->n < MAX_SEGMENTS)
		o->s[o->n++] = (struct segment){ a[0] * o->x_unit, place_y(o, a[1]),
			b[0] * o->x_unit, place_y(o, b[1]) };
}

static void
add_curve(
    struct outline *o, const double a[2], const double control[2], const double b[2])
{
	double from[2] = { a[0], a[1] }, to[2], t;
	int i, k;

	for (i = 1; i <= CURVE_STEPS; i++) {
		t = (double)i / CURVE_STEPS;
		for (k = 0; k < 2; k++)
			to[k] = (1 - t) * (1 - t) * a[k] +
				2 * t * (1 - t) * control[k] + t * t * b[k];
		add_line(o, from, to);
		from[0] = to[0];
		from[1] = to[1];
	}
}

static void
middle(double out[2], const double a[2], const double b[2])
{
	out[0] = (a[0] + b[0]) / 2;
	out[1] = (a[1] + b[1]) / 2;
}

static void
add_stroke(struct outline *o, const char *s, size_t len)
{
	double p[16][2], a[2], b[2];
	const char mode = *s == '~' || *s == '@' ? *s : 0;
	size_t n = 0, i;

	for (s += mode != 0, len -= mode != 0; len >= 2 && n < 16;
	     s += 2, len -= 2, n++) {
		p[n][0] = s[0] - '0';
		p[n][1] = s[1] - (double)'d';
	}
	if (n == 1)
		add_line(o, p[0], p[0]);
	for (i = 0; !mode && i + 1 < n; i++)
		add_line(o, p[i], p[i + 1]);
	for (i = 1; mode == '~' && i + 1 < n; i++) {
		middle(a, p[i - 1], p[i]);
		middle(b, p[i], p[i + 1]);
		add_curve(o, i == 1 ? p[0] : a, p[i], i + 2 == n ? p[n - 1] : b);
	}
	for (i = 0; mode == '@' && i < n; i++) {
		middle(a, p[i], p[(i + 1) % n]);
		middle(b, p[(i + 1) % n], p[(i + 2) % n]);
		add_curve(o, a, p[(i + 1) % n], b);
	}
}

/* The next character's glyph. */
static const char *
next_glyph(const char **text)
{
	const unsigned char c = (unsigned char)*(*text)++;

	if (c >= 0x20 && c < 0x7f)
		return glyphs[c - 0x20];
	if (c >= 0x80) /* the rest of a UTF-8 sequence */
		while (((unsigned char)**text & 0xc0) == 0x80)
			(*text)++;
	return missing;
}

static int
glyph_width(const char *glyph, int cap)
{
	return (int)lround((glyph[0] - '0') * cap / 10.0);
}

static int
glyph_gap(int cap)
{
	return (int)fmax(2, round(GAP * cap / 10.0));
}

static void
outline_make(struct outline *o, const char *glyph, int cap)
{
	const int w = glyph[0] - '0';
	const char *s = glyph + 1;
	size_t n;

	o->n = 0;
	o->unit = cap / 10.0;
	o->high = cap;
	o->low = (double)lround(cap * .7);
	o->x_unit = w > 0 ? (double)glyph_width(glyph, cap) / w : o->unit;
	while (*s) {
		n = strcspn(s, " ");
		add_stroke(o, s, n);
		s += n;
		s += *s == ' ';
	}
}

static double
distance(const struct segment *s, double x, double y)
{
	const double dx = s->x2 - s->x1, dy = s->y2 - s->y1, l = dx * dx + dy * dy;
	double t = l > 0 ? ((x - s->x1) * dx + (y - s->y1) * dy) / l : 0;

	t = t < 0 ? 0 : t > 1 ? 1 : t;
	return hypot(x - s->x1 - t * dx, y - s->y1 - t * dy);
}

static int
is_dot(const struct segment *s)
{
	return s->x1 == s->x2 && s->y1 == s->y2;
}

static void
blend(unsigned char *p, struct det_rgb c, double a)
{
	const unsigned char to[3] = { c.r, c.g, c.b };
	int k;

	for (k = 0; k < 3; k++)
		p[k] = (unsigned char)lround(p[k] + a * (to[k] - p[k]));
}

static void
draw_glyph(struct det_image *im, long x0, long y0, const char *glyph, int cap,
    struct det_rgb color)
{
	const double width = fmax(1.25, WEIGHT * cap / 10.0);
	/* an even line lies between pixels, an odd one on them */
	const double shift = lround(width) % 2 ? 0 : .5;
	const long reach = glyph_width(glyph, cap) + cap / 2 + 2;
	struct outline o;
	double d, a;
	long x, y;
	size_t i;

	outline_make(&o, glyph, cap);
	for (y = -cap - cap / 4 - 2; y < cap / 2 + 2; y++)
		for (x = -cap / 4 - 2; x < reach; x++) {
			if (x0 + x < 0 || y0 + y < 0 || x0 + x >= (long)im->w ||
			    y0 + y >= (long)im->h)
				continue;
			d = HUGE_VAL;
			for (i = 0; i < o.n; i++)
				d = fmin(d, distance(&o.s[i], (double)x + shift,
						(double)y + shift) -
						(is_dot(&o.s[i]) ? width * .15 : 0));
			a = width / 2 - d + .5;
			if (a > 0)
				blend(im->rgb + ((size_t)(y0 + y) * im->w +
						    (size_t)(x0 + x)) *
						    3,
				    color, fmin(a, 1));
		}
}

size_t
det_text_width(const char *text, int cap)
{
	size_t w = 0;

	while (*text) {
		w += (size_t)(glyph_width(next_glyph(&text), cap) + glyph_gap(cap));
	}
	return w > 0 ? w - (size_t)glyph_gap(cap) + 1 : 0;
}

void
det_text_draw(struct det_image *im, long x, long y, const char *text, int cap,
    struct det_rgb color)
{
	const char *glyph;

	while (*text) {
		glyph = next_glyph(&text);
		draw_glyph(im, x, y, glyph, cap, color);
		x += glyph_width(glyph, cap) + glyph_gap(cap);
	}
}
