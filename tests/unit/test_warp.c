/* SPDX-License-Identifier: MIT
 *
 * Crops with context against a transcription of R-CNN's rules in their own terms: pixels that
 * count from 1, boxes that include their last, an image that is padded and cut for each box.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "roi/warp.h"
#include "tests/unit/rnd.h"
#include "tests/unit/tap.h"

enum { W = 40, H = 30, STRIDE = 47, C = 2, N = 50 };

static float image[C * (H + 3) * STRIDE];

/* Where along one axis the picture lies in the output, and what of it: pixels from..to. */
struct side {
	double from, to;
	long pad, crop;
};

static struct side
side_of(double first, double last, double pixels, double s)
{
	double scale = s / (last - first + 1);
	struct side a = { fmax(1, first), fmin(pixels, last), 0, 0 };

	if (last < first || a.to < a.from)
		return a;
	a.pad = lround(fmax(0, 1 - first) * scale);
	a.crop = lround((a.to - a.from + 1) * scale);
	if (a.pad + a.crop > (long)s)
		a.crop = (long)s - a.pad;
	return a;
}

/* The image at output pixel i of the crop, between which pixels; clamped to the crop. */
static double
source_of(const struct side *a, long i)
{
	double n = a->to - a->from + 1;

	return ((double)i + .5) * n / (double)a->crop - .5;
}

static double
pixel(size_t c, const struct side *y, const struct side *x, double r, double q)
{
	double row = y->from - 1 + fmin(fmax(r, 0), y->to - y->from);
	double col = x->from - 1 + fmin(fmax(q, 0), x->to - x->from);

	return (double)image[(c * (H + 3) + (size_t)row) * STRIDE + (size_t)col];
}

static double
expected(const struct det_box *b, size_t c, long row, long col,
    const struct det_warp_params *p)
{
	double x1 = b->x1 + 1, y1 = b->y1 + 1, x2 = b->x2, y2 = b->y2;
	struct side x, y;
	double r, q, fr, fq;

	if (p->context || p->square) {
		double gx = (double)p->w / (double)(p->w - 2 * p->context);
		double gy = (double)p->h / (double)(p->h - 2 * p->context);
		double hh = (y2 - y1 + 1) / 2, hw = (x2 - x1 + 1) / 2;
		double cx = x1 + hw, cy = y1 + hh;

		if (p->square)
			hh = hw = hh > hw ? hh : hw;
		x1 = cx - hw * gx;
		x2 = cx + hw * gx;
		y1 = cy - hh * gy;
		y2 = cy + hh * gy;
	}
	x = side_of(round(x1), round(x2), W, (double)p->w);
	y = side_of(round(y1), round(y2), H, (double)p->h);
	if (row < y.pad || row >= y.pad + y.crop || col < x.pad ||
	    col >= x.pad + x.crop)
		return 0;
	r = source_of(&y, row - y.pad);
	q = source_of(&x, col - x.pad);
	fr = r - floor(r);
	fq = q - floor(q);
	r = floor(r);
	q = floor(q);
	return (1 - fr) * ((1 - fq) * pixel(c, &y, &x, r, q) +
			      fq * pixel(c, &y, &x, r, q + 1)) +
	       fr * ((1 - fq) * pixel(c, &y, &x, r + 1, q) +
			fq * pixel(c, &y, &x, r + 1, q + 1));
}

static struct det_warp_picture
picture(void)
{
	return (struct det_warp_picture){ image, C, H, W, STRIDE,
		(size_t)(H + 3) * STRIDE, 0, 0 };
}

static void
test_random(const struct det_warp_params *p, const struct det_boxes *b)
{
	const struct det_warp_picture im = picture();
	const size_t area = (size_t)(p->w * p->h), bytes = N * C * area * sizeof(float);
	float *out = malloc(bytes), *three = malloc(bytes);
	double worst = 0;
	enum det_err e;

	memset(out, 0xff, bytes);
	e = det_warp_boxes(out, &im, b, p, 1);
	for (size_t i = 0; i < N && !e; i++)
		for (size_t c = 0; c < C; c++)
			for (size_t k = 0; k < area; k++)
				worst = fmax(
				    worst, fabs((double)out[(i * C + c) * area + k] -
						expected(&b->box[i], c, (long)k / p->w,
						    (long)k % p->w, p)));
	ok(!e && worst < 2e-6, "%ldx%ld, context %ld, square %d: within %.1g", p->w,
	    p->h, p->context, p->square, worst);
	e = det_warp_boxes(three, &im, b, p, 3);
	ok(!e && memcmp(out, three, bytes) == 0, "the same bits in three threads");
	free(out);
	free(three);
}

static void
test_refused(struct det_boxes *b)
{
	struct det_warp_picture im = picture();
	struct det_warp_params p = { 8, 8, 2, 0 };
	static float out[N * C * 64];

	image[3 * STRIDE + 3] = NAN;
	b->box[0] = (struct det_box){ .x1 = 20, .y1 = 10, .x2 = 30, .y2 = 20 };
	b->box[1] = (struct det_box){ .x1 = 2, .y1 = 2, .x2 = 6, .y2 = 6 };
	b->n = 1;
	ok(!det_warp_boxes(out, &im, b, &p, 1), "NaN where no box looks");
	b->n = 2;
	ok(det_warp_boxes(out, &im, b, &p, 1) == DET_INVALID &&
		strstr(det_errmsg(), "within box 1"),
	    "NaN where one does");
	image[3 * STRIDE + 3] = 0;
	b->box[1].x2 = NAN;
	ok(det_warp_boxes(out, &im, b, &p, 1) == DET_INVALID, "NaN in a box");
	b->n = 0;
	ok(!det_warp_boxes(NULL, &im, b, &p, 1), "no box");
	p.context = 4;
	ok(det_warp_boxes(out, &im, b, &p, 1) == DET_INVALID, "all context");
	p.context = -1;
	ok(det_warp_boxes(out, &im, b, &p, 1) == DET_INVALID, "less than none");
	p.context = 0;
	p.w = 0;
	ok(det_warp_boxes(out, &im, b, &p, 1) == DET_INVALID, "no width");
	p.w = 8;
	im.h = 0;
	ok(det_warp_boxes(out, &im, b, &p, 1) == DET_INVALID, "no picture");
}

int
main(void)
{
	static const struct det_warp_params cases[] = {
		DET_WARP_DEFAULTS,
		{ 227, 227, 16, 1 },
		{ 32, 20, 0, 0 },
		{ 24, 24, 0, 1 },
		{ 9, 9, 4, 0 },
		{ 1, 1, 0, 0 },
	};
	static struct det_box box[N] = {
		{ .x1 = 0, .y1 = 0, .x2 = W, .y2 = H },
		{ .x1 = 5, .y1 = 5, .x2 = 5, .y2 = 5 },
		{ .x1 = -40, .y1 = -40, .x2 = -20, .y2 = -20 },
		{ .x1 = 50, .y1 = 5, .x2 = 90, .y2 = 9 },
		{ .x1 = 20, .y1 = 20, .x2 = 10, .y2 = 10 },
		{ .x1 = -1e6, .y1 = -1e6, .x2 = 1e6, .y2 = 1e6 },
		{ .x1 = 39, .y1 = 29, .x2 = 40, .y2 = 30 },
	};
	struct det_boxes b = { box, N, N, DET_SPACE_INPUT };

	for (size_t i = 7; i < N; i++) {
		double x = floor(rnd(-8, W)), y = floor(rnd(-8, H));
		double whole = i % 3 ? 0 : .25;

		box[i] = (struct det_box){ .x1 = x + whole,
			.y1 = y + whole,
			.x2 = x + 1 + floor(rnd(0, 30)),
			.y2 = y + 1 + floor(rnd(0, 25)) };
	}
	for (size_t i = 0; i < sizeof image / sizeof image[0]; i++)
		image[i] = (float)rnd(-1, 1);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		test_random(&cases[i], &b);
	test_refused(&b);
	return done();
}
