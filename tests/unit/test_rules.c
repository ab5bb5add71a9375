/* SPDX-License-Identifier: MIT
 *
 * The ancestors' arithmetic over thousands of boxes of a picture of 500x375, in their own
 * terms, which count from 1: where R-CNN's crops with context lie in the output, and which
 * cells SPP-net's bins take.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "roi/roi.h"
#include "roi/warp.h"
#include "tests/unit/rnd.h"
#include "tests/unit/tap.h"

enum { WIDE = 500, HIGH = 375, SIDE = 227, BATCH = 50 };

/* --- R-CNN --- */

/* rcnn_im_crop.m along one axis: the first output pixel that shows the picture, and how many
 * do. Boxes count from 1 and include their last pixel. */
struct shown {
	long first, n;
};

static struct shown
crop_rule(double x1, double x2, double pixels, double context)
{
	const double scale = SIDE / (SIDE - 2 * context);
	double half = (x2 - x1 + 1) / 2, centre = x1 + half;
	double from = round(centre - half * scale), to = round(centre + half * scale);
	double size = to - from + 1, before = fmax(0, 1 - from), out = SIDE / size;
	struct shown s;

	from = fmax(1, from);
	to = fmin(pixels, to);
	s.first = lround(before * out);
	s.n = lround((to - from + 1) * out);
	if (s.first + s.n > SIDE)
		s.n = SIDE - s.first;
	return s;
}

/* Where a crop of a picture of ones is not 0; n is -1 where that is no whole stretch. */
static struct shown
crop_found(const float *out, size_t step, size_t other)
{
	struct shown s = { -1, 0 };
	const float *row = out + SIDE / 2 * other;

	for (size_t i = 0; i < SIDE; i++)
		if (row[i * step] > 0) {
			s.first = s.first < 0 ? (long)i : s.first;
			s.n++;
		}
	if (s.n > 0 && s.first + s.n <= SIDE &&
	    row[(size_t)(s.first + s.n - 1) * step] > 0)
		return s;
	return (struct shown){ -1, -1 };
}

static void
test_crops(long context)
{
	const struct det_warp_params p = { SIDE, SIDE, context, 0 };
	static float image[WIDE * HIGH], out[BATCH * SIDE * SIDE];
	struct det_box box[BATCH];
	struct det_boxes b = { box, BATCH, BATCH, DET_SPACE_INPUT };
	const struct det_warp_picture im = { image, 1, HIGH, WIDE, WIDE, WIDE * HIGH, 0,
		0 };
	size_t wrong = 0, cut = 0, all = 0;

	for (size_t i = 0; i < WIDE * HIGH; i++)
		image[i] = 1;
	for (int round = 0; round < 40; round++) {
		for (size_t i = 0; i < BATCH; i++) {
			double x = floor(rnd(0, WIDE - 20)),
			       y = floor(rnd(0, HIGH - 20));

			box[i] = (struct det_box){ .x1 = x,
				.y1 = y,
				.x2 = x + 20 + floor(rnd(0, WIDE - 20 - x)),
				.y2 = y + 20 + floor(rnd(0, HIGH - 20 - y)) };
		}
		if (det_warp_boxes(out, &im, &b, &p, 2))
			wrong++;
		for (size_t i = 0; i < BATCH; i++, all++) {
			const float *o = out + i * SIDE * SIDE;
			struct shown x = crop_rule(box[i].x1 + 1, box[i].x2, WIDE,
					 (double)context),
				     y = crop_rule(box[i].y1 + 1, box[i].y2, HIGH,
					 (double)context),
				     fx = crop_found(o, 1, SIDE),
				     fy = crop_found(o, SIDE, 1);

			wrong += x.first != fx.first || x.n != fx.n ||
				 y.first != fy.first || y.n != fy.n;
			cut += x.n < SIDE || y.n < SIDE;
		}
	}
	ok(wrong == 0 && cut > all / 20,
	    "context %ld: of %zu crops, %zu beyond the picture, %zu lie elsewhere",
	    context, all, cut, wrong);
}

/* --- SPP-net --- */

enum { CELLS_W = 32, CELLS_H = 24, STEP = 16 };

/* spm_response_boxes.m along one axis: first and last cell, from 1. */
static void
response(long *first, long *last, double x1, double x2, long cells, double offset0,
    double offset)
{
	*first = (long)floor((x1 - offset0 + offset) / STEP + .5) + 1;
	*last = (long)ceil((x2 - offset0 - offset) / STEP - .5) + 1;
	if (*first > *last)
		*first = *last = (long)floor((double)(*first + *last) / 2);
	*first = *first < 1 ? 1 : *first > cells ? cells : *first;
	*last = *last < 1 ? 1 : *last > cells ? cells : *last;
}

static float
bin_rule(const float *map, const long y[2], const long x[2], long n, long by, long bx)
{
	const double h = (double)(y[1] - y[0] + 1), w = (double)(x[1] - x[0] + 1);
	float best = -1e30f;

	for (long i = (long)floor((double)by * h / (double)n);
	     i < (long)ceil((double)(by + 1) * h / (double)n); i++)
		for (long k = (long)floor((double)bx * w / (double)n);
		     k < (long)ceil((double)(bx + 1) * w / (double)n); k++)
			best =
			    fmaxf(best, map[(y[0] - 1 + i) * CELLS_W + x[0] - 1 + k]);
	return best;
}

static void
test_bins(double offset0, double offset)
{
	static const long level[] = { 6, 3, 2, 1 };
	static float data[2 * CELLS_W * CELLS_H], out[BATCH * 2 * 50];
	struct det_roi_params p = DET_ROI_DEFAULTS;
	const struct det_roi_map m = { "m", data, 2, CELLS_H, CELLS_W, 1. / STEP };
	struct det_roi roi[BATCH];
	size_t wrong = 0, all = 0;

	p.op = DET_ROI_SPP;
	p.offset0 = offset0;
	p.offset = offset;
	for (size_t i = 0; i < 2 * CELLS_W * CELLS_H; i++)
		data[i] = (float)rnd(-1, 1);
	for (int round = 0; round < 60; round++) {
		for (size_t i = 0; i < BATCH; i++) {
			roi[i] = (struct det_roi){ .x1 = (float)floor(rnd(-30, 520)),
				.y1 = (float)floor(rnd(-30, 380)) };
			roi[i].x2 = roi[i].x1 + 1 + (float)floor(rnd(0, 300));
			roi[i].y2 = roi[i].y1 + 1 + (float)floor(rnd(0, 300));
		}
		wrong += det_roi_pool(out, &m, 1, roi, BATCH, &p, 2) != DET_OK;
		for (size_t i = 0; i < BATCH; i++) {
			const float *o = out + i * 2 * 50;
			long x[2], y[2];

			response(&x[0], &x[1], (double)roi[i].x1 + 1, (double)roi[i].x2,
			    CELLS_W, offset0, offset);
			response(&y[0], &y[1], (double)roi[i].y1 + 1, (double)roi[i].y2,
			    CELLS_H, offset0, offset);
			for (size_t g = 0; g < 4; g++)
				for (size_t c = 0; c < 2; c++)
					for (long k = 0; k < level[g] * level[g];
					     k++, all++) {
						float want = bin_rule(
						    data + c * CELLS_W * CELLS_H, y, x,
						    level[g], k / level[g],
						    k % level[g]);

						wrong += want < *o || want > *o;
						o++;
					}
		}
	}
	ok(wrong == 0, "offsets %g, %g: of %zu bins %zu are not the rule's", offset0,
	    offset, all, wrong);
}

int
main(void)
{
	test_crops(16);
	test_crops(5);
	test_bins(0, 0);
	test_bins(18, 0);
	test_bins(1, 8.5);
	return done();
}
