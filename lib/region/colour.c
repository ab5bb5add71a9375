/* SPDX-License-Identifier: MIT
 *
 * Colour spaces. All arithmetic ends in bytes, because all that follows (segmentation,
 * histograms) was tuned on bytes.
 *
 *   HSV   v = max, s = 255 (max - min) / max, h = the sixth of the circle and the place in
 *         it, times a sixth of the turn; grey has h = 0, black s = 0. OpenCV divides by
 *         tables of 12 bits after the point, and that rounding is kept for its turn of 180;
 *         for the turn of 255 (Matlab's rgb2hsv, scaled to bytes) the tables have 20 bits,
 *         which no quotient of bytes can tell from the exact one.
 *   Lab   sRGB is made linear, then X, Y, Z relative to white D65, then
 *         L = 116 f(Y) - 16, a = 500 (f(X) - f(Y)), b = 200 (f(Y) - f(Z)), with f the cube
 *         root above (6/29)^3 and its tangent below. The root is read from a table of 4096
 *         steps with a line between: wrong by less than .002 of a byte's step.
 *   grey  OpenCV's weights of 15 bits.
 *   rgI   black has a third of its sum in each channel.
 *
 * The authors of selective search used Matlab's Lab, whose white is D50; ours is OpenCV's.
 */
#include "region/colour.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

#define ROOTS 4096

struct lab {
	float linear[256];
	float root[ROOTS + 2];
};

struct hsv {
	int64_t s[256], h[256];
	int64_t turn;
	int bits;
};

size_t
det_colour_channels(enum det_colour space)
{
	return space == DET_COLOUR_HUE || space == DET_COLOUR_HUE180 ||
		       space == DET_COLOUR_GREY
		   ? 1
		   : 3;
}

void
det_colours_release(struct det_colours *c)
{
	free(c->plane[0]);
	*c = (struct det_colours){ 0 };
}

static void
hsv_tables(struct hsv *t, int turn, int bits)
{
	const double one = ldexp(1, bits);

	t->turn = turn;
	t->bits = bits;
	t->s[0] = t->h[0] = 0;
	for (int i = 1; i < 256; i++) {
		t->s[i] = (int64_t)floor(255 * one / i + .5);
		t->h[i] = (int64_t)floor(turn * one / (6 * i) + .5);
	}
}

static void
hsv(unsigned char out[3], const unsigned char *p, const struct hsv *t)
{
	const int r = p[0], g = p[1], b = p[2];
	const int most = r > g ? (r > b ? r : b) : (g > b ? g : b);
	const int least = r < g ? (r < b ? r : b) : (g < b ? g : b);
	const int d = most - least;
	const int at = most == r ? g - b : most == g ? b - r + 2 * d : r - g + 4 * d;
	const int64_t half = (int64_t)1 << (t->bits - 1);
	/* not >>, which C leaves open for what is negative */
	int64_t h = at * t->h[d] + half + (t->turn << t->bits);

	h = (h >> t->bits) - t->turn;
	out[0] = (unsigned char)(h < 0 ? h + t->turn : h);
	out[1] = (unsigned char)((d * t->s[most] + half) >> t->bits);
	out[2] = (unsigned char)most;
}

static void
lab_tables(struct lab *t)
{
	const double edge = 216.0 / 24389, slope = 841.0 / 108;

	for (int i = 0; i < 256; i++) {
		const double c = i / 255.0;

		t->linear[i] =
		    (float)(c <= .04045 ? c / 12.92 : pow((c + .055) / 1.055, 2.4));
	}
	for (int i = 0; i < ROOTS + 2; i++) {
		const double x = (double)i / ROOTS;

		t->root[i] = (float)(x > edge ? cbrt(x) : slope * x + 16.0 / 116);
	}
}

static float
root(const struct lab *t, float x)
{
	const float at = (x < 1 ? x : 1) * ROOTS;
	const int i = (int)at;

	return t->root[i] + (t->root[i + 1] - t->root[i]) * (at - (float)i);
}

static unsigned char
byte(float x)
{
	return (unsigned char)(x <= 0 ? 0 : x >= 255 ? 255 : (int)(x + .5f));
}

static void
lab(unsigned char out[3], const unsigned char *p, const struct lab *t)
{
	const float r = t->linear[p[0]], g = t->linear[p[1]], b = t->linear[p[2]];
	const float x = root(t, .433953f * r + .376219f * g + .189828f * b);
	const float y = root(t, .212671f * r + .715160f * g + .072169f * b);
	const float z = root(t, .017758f * r + .109477f * g + .872766f * b);

	out[0] = byte((116 * y - 16) * 2.55f);
	out[1] = byte(500 * (x - y) + 128);
	out[2] = byte(200 * (y - z) + 128);
}

static unsigned char
grey(const unsigned char *p)
{
	return (
	    unsigned char)((9798 * p[0] + 19235 * p[1] + 3735 * p[2] + 16384) >> 15);
}

/* A share of the sum, as a byte. */
static unsigned char
share(int part, int sum)
{
	return (unsigned char)(sum ? (510 * part + sum) / (2 * sum) : 85);
}

static enum det_err
planes(struct det_colours *out, size_t w, size_t h, size_t n)
{
	size_t area;
	enum det_err e;

	det_colours_release(out);
	if ((e = det_mul(&area, w, h)) || (e = det_alloc(&out->plane[0], area, n)))
		return e;
	for (size_t c = 1; c < n; c++)
		out->plane[c] = out->plane[0] + c * area;
	out->w = w;
	out->h = h;
	out->n = n;
	return DET_OK;
}

/* Up to three bytes of one pixel. */
static void
pixel(unsigned char out[3], const unsigned char *p, enum det_colour space,
    const struct hsv *th, const struct lab *tl)
{
	const int sum = p[0] + p[1] + p[2];

	switch (space) {
	case DET_COLOUR_RGB: out[0] = p[0], out[1] = p[1], out[2] = p[2]; break;
	case DET_COLOUR_HSV:
	case DET_COLOUR_HUE:
	case DET_COLOUR_HSV180:
	case DET_COLOUR_HUE180: hsv(out, p, th); break;
	case DET_COLOUR_LAB: lab(out, p, tl); break;
	case DET_COLOUR_GREY: out[0] = grey(p); break;
	case DET_COLOUR_RED_GREEN_GREY:
		out[0] = p[0], out[1] = p[1], out[2] = grey(p);
		break;
	case DET_COLOUR_RGI:
		out[0] = share(p[0], sum), out[1] = share(p[1], sum), out[2] = grey(p);
		break;
	}
}

enum det_err
det_colours_make(
    struct det_colours *out, const struct det_image *im, enum det_colour space)
{
	const int coarse = space == DET_COLOUR_HSV180 || space == DET_COLOUR_HUE180;
	const size_t area = im->w * im->h;
	unsigned char v[3] = { 0 };
	struct hsv th;
	struct lab tl;
	enum det_err e;

	if ((e = planes(out, im->w, im->h, det_colour_channels(space))))
		return e;
	hsv_tables(&th, coarse ? 180 : 255, coarse ? 12 : 20);
	lab_tables(&tl);
	for (size_t i = 0; i < area; i++) {
		pixel(v, im->rgb + 3 * i, space, &th, &tl);
		for (size_t c = 0; c < out->n; c++)
			out->plane[c][i] = v[c];
	}
	return DET_OK;
}
