/* SPDX-License-Identifier: MIT
 *
 * Several scales of a picture: their names, and which of them a box is pooled from, against
 * the rules as the papers' programs state them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "roi/roi.h"
#include "tests/unit/rnd.h"
#include "tests/unit/tap.h"

static void
test_names(void)
{
	static const struct {
		const char *name;
		size_t k;
	} all[] = { { "c5", 0 }, { "c5.1", 1 }, { "c5.9", 9 }, { "c5.15", 15 },
		{ "c5.16", 0 }, { "c5.0", 0 }, { "c5.01", 0 }, { "c5.", 0 },
		{ "c5.1x", 0 }, { "c5.99999999999999999999", 0 }, { "c51", 0 },
		{ "c", 0 }, { "d5.1", 0 } };
	char buf[DET_SCALE_NAME], longest[256];
	size_t right = 0;

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		right += det_scale_index(all[i].name, "c5") == all[i].k;
	ok(right == sizeof all / sizeof all[0], "which names are scales");
	right = 0;
	for (size_t k = 1; k < DET_SCALES; k++)
		right += det_scale_index(det_scale_name(buf, "c5", k), "c5") == k;
	ok(right == DET_SCALES - 1, "and the names of scales");
	ok(!strcmp(det_scale_name(buf, "c5", 0), "c5"), "the input has its own");
	memset(longest, 'x', 255);
	longest[255] = 0;
	ok(strlen(det_scale_name(buf, longest, 15)) < DET_SCALE_NAME, "a long name");
}

static void
test_attribute(void)
{
	static const double want[2] = { 1.1, 1.0 / 3 };
	struct det_attrs a = { 0 };
	double f[2];

	ok(det_scale_read(f, &a, "x") == DET_INVALID &&
		strstr(det_errmsg(), "'x' does not tell"),
	    "no scale told");
	ok(!det_scale_add(&a, want) && !det_scale_read(f, &a, "x") &&
		!memcmp(f, want, sizeof f),
	    "told and read, to the bit");
	free(a.text);
	for (int i = 0; i < 4; i++) {
		static const char *const bad[] = { "1", "0,1", "1,nan", "1,2,3" };

		a = (struct det_attrs){ 0 };
		ok(!det_attr_add(&a, "scale", bad[i]) &&
			det_scale_read(f, &a, "x") == DET_INVALID,
		    "scale=%s is refused", bad[i]);
		free(a.text);
	}
}

/* lib/fast_rcnn/test.py, _project_im_rois: the first of the least differences. */
static size_t
fast(double w, double h, const double *scale, size_t n)
{
	double least = INFINITY;
	size_t best = 0;

	for (size_t k = 0; k < n; k++)
		if (fabs(w * h * scale[k] * scale[k] - 224.0 * 224.0) < least) {
			least = fabs(w * h * scale[k] * scale[k] - 224.0 * 224.0);
			best = k;
		}
	return best;
}

/* SPP-net: the expected shorter side for a box of the original; the nearest there is. */
static size_t
spp(double w, double h, double shorter, const double *side, size_t n)
{
	double expected = round(224 * shorter / sqrt(w * h)), least = INFINITY;
	size_t best = 0;

	for (size_t k = 0; k < n; k++)
		if (fabs(side[k] - expected) < least) {
			least = fabs(side[k] - expected);
			best = k;
		}
	return best;
}

/* An original of 500x375 at SPP-net's five scales, the first of which is the input. */
static void
test_rules(void)
{
	static const double side[] = { 480, 576, 688, 864, 1200 };
	struct det_roi_scales s = DET_ROI_SCALES_DEFAULTS;
	double scale[5];
	size_t right[2] = { 0 }, met[2][5] = { { 0 } }, all;

	s.n = 5;
	s.shorter = 480;
	for (size_t k = 0; k < 5; k++) {
		s.factor[k][0] = s.factor[k][1] = side[k] / 480;
		scale[k] = side[k] / 375;
	}
	for (size_t i = 0; i < 20000; i++) {
		double w = rnd(10, 500), h = rnd(10, 375), in = 480.0 / 375;
		size_t got;

		s.rule = DET_ROI_SCALE_AREA;
		got = det_roi_scale_of(&s, w * in, h * in);
		right[0] += got == fast(w, h, scale, 5);
		met[0][got]++;
		s.rule = DET_ROI_SCALE_SIDE;
		got = det_roi_scale_of(&s, w * in, h * in);
		right[1] += got == spp(w, h, 375, side, 5);
		met[1][got]++;
	}
	for (int r = 0; r < 2; r++) {
		all = 0;
		for (size_t k = 0; k < 5; k++)
			all += met[r][k] > 100;
		ok(right[r] == 20000 && all == 5,
		    "rule %d: 20000 boxes as the rule says, %zu wrong", r,
		    20000 - right[r]);
	}
	s.rule = DET_ROI_SCALE_AREA;
	ok(det_roi_scale_of(&s, 0, 10) == 0 && det_roi_scale_of(&s, -5, -5) == 0,
	    "what has no area is as far from all: the first");
	s.rule = DET_ROI_SCALE_SIDE;
	ok(det_roi_scale_of(&s, 0, 10) == 4, "by the other rule the largest");
	for (s.rule = 0; s.rule < 2; s.rule++) {
		s.factor[3][0] = s.factor[1][0];
		s.factor[3][1] = s.factor[1][1];
		ok(det_roi_scale_of(&s, 224 * 480 / 576., 224 * 480 / 576.) == 1,
		    "rule %d: of two alike the first", s.rule);
	}
}

static void
test_assign(void)
{
	struct det_roi_scales s = DET_ROI_SCALES_DEFAULTS;
	struct det_box box[2] = { { .x1 = 1, .y1 = 2, .x2 = 225, .y2 = 226 },
		{ .x1 = 10, .y1 = 20, .x2 = 90, .y2 = 110 } };
	struct det_boxes b = { .box = box, .n = 2 };
	struct det_roi roi[2];

	s.n = 2;
	s.factor[1][0] = 2.5;
	s.factor[1][1] = 2;
	ok(!det_roi_assign_scales(roi, &b, &s) && roi[0].map == 0 && roi[1].map == 1,
	    "to their scales");
	ok(fabsf(roi[1].x1 - 25) < 1e-5f && fabsf(roi[1].y2 - 220) < 1e-5f,
	    "in that scale's pixels, each axis by its own factor");
	box[1].y2 = NAN;
	ok(det_roi_assign_scales(roi, &b, &s) == DET_INVALID &&
		strstr(det_errmsg(), "box 1"),
	    "NaN is refused");
	s.n = 0;
	ok(det_roi_assign_scales(roi, &b, &s) == DET_INVALID, "no scale");
	s.n = DET_SCALES + 1;
	ok(det_roi_assign_scales(roi, &b, &s) == DET_INVALID, "too many");
	s.n = 2;
	s.area = 0;
	ok(det_roi_assign_scales(roi, &b, &s) == DET_INVALID, "no area");
}

int
main(void)
{
	test_names();
	test_attribute();
	test_rules();
	test_assign();
	return done();
}
