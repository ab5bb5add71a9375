/* SPDX-License-Identifier: MIT
 *
 * The decoders on maps small enough to work out by hand. Numbers that come out of exp are
 * given as decimals computed apart from this program (bc -l), not by its formulas.
 */
#define _DEFAULT_SOURCE
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "box/decode.h"
#include "tests/unit/tap.h"

static struct det_boxes out;

static enum det_err
decode(const char *text, float *data, size_t c, size_t h, size_t w, double thresh)
{
	struct det_tensor t = { DET_F32, 4, { 1, c, h, w }, data };
	struct det_decode_params p = DET_DECODE_DEFAULTS;
	struct det_decode *d;
	enum det_err e;

	p.thresh = thresh;
	if ((e = det_decode_parse(&d, text, strlen(text), "decode")))
		return e;
	e = det_decode_run(&out, d, &(struct det_decode_in){ .maps = &t }, &p);
	det_decode_free(d);
	return e;
}

static int
near(double a, double b)
{
	return fabs(a - b) <= 1e-5 * (1 + fabs(b));
}

static int
is(size_t i, double x1, double y1, double x2, double y2, double score, int label,
    int source)
{
	const struct det_box *b = &out.box[i];

	if (i < out.n && near(b->x1, x1) && near(b->y1, y1) && near(b->x2, x2) &&
	    near(b->y2, y2) && near(b->score, score) && b->label == label &&
	    b->source == source)
		return 1;
	if (i < out.n)
		printf("# box %zu: %.9g %.9g %.9g %.9g score %.9g label %d source %d\n",
		    i, b->x1, b->y1, b->x2, b->y2, b->score, b->label, b->source);
	else
		printf("# %zu boxes\n", out.n);
	return 0;
}

/* 2 anchors, 2 classes, 1 row, 2 columns: 14 planes of 2. Input 64x32. */
static void
yolo3_tests(void)
{
	const char *text = "yolo3(m) anchors=10,20,30,8 classes=2 net=64x32";
	float x[28];

	for (int i = 0; i < 28; i++)
		x[i] = -20;
	/* anchor 1 at column 1: planes 7..13, element 1 */
	x[7 * 2 + 1] = 0;              /* sigmoid .5: x = 1.5 / 2 of 64 = 48 */
	x[8 * 2 + 1] = 1.0986122887f;  /* sigmoid .75: y = .75 of 32 = 24 */
	x[9 * 2 + 1] = 0;              /* w = 30 */
	x[10 * 2 + 1] = 0.69314718f;   /* h = 2 * 8 */
	x[11 * 2 + 1] = 1.0986122887f; /* .75 */
	x[12 * 2 + 1] = 0;             /* .5 */
	x[13 * 2 + 1] = 1.0986122887f; /* .75 */
	ok(!decode(text, x, 14, 1, 2, .25) && out.n == 2 &&
		out.space == DET_SPACE_INPUT && is(0, 33, 16, 63, 32, .375, 0, 3) &&
		is(1, 33, 16, 63, 32, .5625, 1, 3),
	    "yolo3: one box of two classes");
	ok(!decode(text, x, 14, 1, 2, .5) && out.n == 1 && out.box[0].label == 1,
	    "yolo3: the threshold is on the product");
	x[11 * 2 + 1] = 0; /* objectness .5 */
	x[13 * 2 + 1] = 30;
	ok(!decode(text, x, 14, 1, 2, .5) && out.n == 0,
	    "yolo3: and on the objectness, which must be above it");
	ok(!decode("yolo3(m) anchors=10,20,30,8 classes=2 net=64x32 scale_xy=1.2", x,
	       14, 1, 2, .4) &&
		is(0, 48 - 15, 25.6 - 8, 48 + 15, 25.6 + 8, .5, 1, 3),
	    "yolo3: scale_xy 1.2 takes .75 to .8");
	for (int i = 0; i < 28; i++)
		x[i] = 0;
	x[7 * 2 + 1] = .5f;
	x[8 * 2 + 1] = .75f;
	x[9 * 2 + 1] = .5f;
	x[10 * 2 + 1] = 1;
	x[11 * 2 + 1] = .75f;
	x[12 * 2 + 1] = .5f;
	ok(!decode("yolo3(m) anchors=10,20,30,8 classes=2 net=64x32 new_coords", x, 14,
	       1, 2, .25) &&
		out.n == 1 && is(0, 33, 24 - 16, 63, 24 + 16, .375, 0, 3),
	    "yolo3: new_coords");
}

/* 1 anchor, 2 classes, 2 rows, 1 column: 7 planes of 2. Input 100x60. */
static void
region_tests(void)
{
	float x[14] = { 0, 0, 0, 0, 0, 0, 0, 0.69314718f, 0, 1.0986122887f, 0, 0, 0,
		1.0986122887f };

	/* row 1: x .5/1 of 100, y 1.5/2 of 60, w 1.5/1, h 2 * .5 / 2, obj .75,
	 * softmax of (0, ln 3) = .25, .75 */
	ok(!decode("region(m) anchors=1.5,.5 classes=2 softmax=1 net=100x60", x, 7, 2,
	       1, .3) &&
		out.n == 1 && is(0, -25, 30, 125, 60, .5625, 1, 1),
	    "region: softmax");
	ok(!decode("region(m) anchors=1.5,.5 classes=2 net=100x60", x, 7, 2, 1, .3) &&
		out.n == 2 && is(0, -25, 30, 125, 60, .375, 0, 1) &&
		is(1, -25, 30, 125, 60, .5625, 1, 1),
	    "region: logistic classes");
	/* background: softmax of (ln 3, 0, ln 3) = 3/7, 1/7, 3/7; row 0: thirds */
	ok(!decode("region(m) anchors=1.5,.5 classes=2 softmax background net=100x60",
	       x, 7, 2, 1, .3) &&
		out.n == 3 && is(0, -25, 7.5, 125, 22.5, 1 / 3., 0, 0) &&
		is(2, -25, 30, 125, 60, 3 / 7., 1, 1),
	    "region: background is a class that is not told");
}

/* side 2, 2 boxes a cell, 2 classes: 4 * (2 + 2 + 8) = 48 numbers */
static void
detection_tests(void)
{
	const char *text = "detection(m) side=2 num=2 classes=2 sqrt=1 net=100x200";
	float x[48] = { 0 };

	/* cell 3 (row 1, column 1), box 1 */
	x[3 * 2 + 0] = .5f;
	x[3 * 2 + 1] = .25f;
	x[8 + 3 * 2 + 1] = .8f;
	x[16 + (3 * 2 + 1) * 4 + 0] = .5f; /* x = 1.5 / 2 */
	x[16 + (3 * 2 + 1) * 4 + 1] = .2f; /* y = 1.2 / 2 */
	x[16 + (3 * 2 + 1) * 4 + 2] = -.5f;
	x[16 + (3 * 2 + 1) * 4 + 3] = .4f;
	ok(!decode(text, x, 48, 1, 1, .3) && out.n == 1 &&
		is(0, 75 - 12.5, 120 - 16, 75 + 12.5, 120 + 16, .4, 0, 7),
	    "detection: squares");
	ok(!decode(text, x, 3, 4, 4, .15) && out.n == 2 && out.box[1].label == 1,
	    "detection: any shape of as many numbers; two classes");
	ok(!decode(
	       "detection(m) side=2 num=2 classes=2 net=100x200", x, 48, 1, 1, .3) &&
		out.n == 0,
	    "detection: a negative width without sqrt covers nothing");
	x[16 + (3 * 2 + 1) * 4 + 2] = .5f;
	/* softmax of (.5, .25): .562177 .437823 */
	ok(!decode("detection(m) side=2 num=2 classes=2 softmax=1 net=100x200", x, 48,
	       1, 1, .4) &&
		is(0, 50, 80, 100, 160, .8 * .5621765, 0, 7) && out.n == 1,
	    "detection: softmax, plain sizes");
	ok(decode(text, x, 47, 1, 1, .3) == DET_INVALID, "%s", det_errmsg());
}

static void
classes_tests(void)
{
	float x[4] = { .1f, .4f, .4f, .05f };
	static float many[65536];

	ok(!decode("classes(m) top=3 net=20x10", x, 4, 1, 1, .9) && out.n == 3 &&
		is(0, 0, 0, 20, 10, .4, 1, 0) && is(1, 0, 0, 20, 10, .4, 2, 0) &&
		is(2, 0, 0, 20, 10, .1, 0, 0),
	    "classes: the best three, ties by number, no threshold");
	ok(!decode("classes(m) softmax net=20x10", x, 4, 1, 1, .9) && out.n == 4 &&
		near(out.box[0].score + out.box[1].score + out.box[2].score +
			 out.box[3].score,
		    1),
	    "classes: softmax");
	(void)alarm(60); /* the square of the number takes minutes under a sanitizer */
	many[9] = 1;
	ok(!decode("classes(m) top=65536 net=20x10", many, 65536, 1, 1, .9) &&
		out.n == 65536 && out.box[0].label == 9 &&
		out.box[65535].label == 65535,
	    "classes: all of many");
	(void)alarm(0);
	ok(decode("classes(m) classes=5 net=20x10", x, 4, 1, 1, .9) == DET_INVALID,
	    "%s", det_errmsg());
}

static void
refused(const char *text, const char *says)
{
	struct det_decode *d = NULL;
	enum det_err e = det_decode_parse(&d, text, strlen(text), "M.det decode");

	ok(e && !d && strstr(det_errmsg(), says), "refused: %s", det_errmsg());
	det_decode_free(d);
}

static void
text_tests(void)
{
	struct det_decode *d;
	const char *two = "# heads\n\nyolo3(a) anchors=1,2 classes=3\r\n"
			  "region(b) anchors=1,2 classes=3 softmax coords=4\n";

	ok(!det_decode_parse(&d, two, strlen(two), "t") && det_decode_maps(d) == 2 &&
		!strcmp(det_decode_map(d, 0), "a") &&
		!strcmp(det_decode_map(d, 1), "b") && !det_decode_map(d, 2),
	    "two maps, comments, CR LF");
	det_decode_free(d);
	refused("", "no map");
	refused("yolo4(a) anchors=1,2 classes=3", "M.det decode:1: 'yolo4'");
	refused("\nyolo3(a) classes=3", "decode:2: anchors");
	refused("yolo3(a) anchors=1,2,3 classes=3", "found 3");
	refused("yolo3(a) anchors=1,-2 classes=3", "-2");
	refused("yolo3(a) anchors=1,2", "classes=N");
	refused("yolo3(a) anchors=1,2 classes=0", "classes");
	refused("yolo3(a,b) anchors=1,2 classes=3", "yolo3(MAP)");
	refused("yolo3(a) anchors=1,2 classes=3 softmax=1", "'softmax'");
	refused("region(a) anchors=1,2 classes=3 coords=18", "coords");
	refused("classes(a)\nclasses(a)", "twice");
}

static void
input_tests(void)
{
	const char *text = "yolo3(m) anchors=10,20,30,8 classes=2 net=64x32";
	float x[28] = { 0 };
	struct det_tensor t = { DET_F32, 4, { 2, 14, 1, 1 }, x };
	struct det_decode_params p = DET_DECODE_DEFAULTS;
	struct det_decode *d;

	x[11 * 2 + 1] = NAN;
	ok(decode(text, x, 14, 1, 2, .5) == DET_INVALID &&
		strstr(det_errmsg(), "'m': NaN at row 0, column 1, anchor 1, entry 4"),
	    "%s", det_errmsg());
	x[11 * 2 + 1] = -INFINITY;
	ok(decode(text, x, 14, 1, 2, .5) == DET_INVALID &&
		strstr(det_errmsg(), "infinity"),
	    "%s", det_errmsg());
	x[11 * 2 + 1] = 9;
	x[9 * 2 + 1] = 300;
	ok(decode(text, x, 14, 1, 2, .4) == DET_INVALID &&
		strstr(det_errmsg(), "anchor 1: the box is not finite"),
	    "%s", det_errmsg());
	ok(decode(text, x, 13, 1, 2, .5) == DET_INVALID &&
		strstr(det_errmsg(), "1x13x1x2"),
	    "%s", det_errmsg());
	ok(decode("yolo3(m) anchors=10,20,30,8 classes=2", x, 14, 1, 2, .5) ==
		DET_INVALID,
	    "%s", det_errmsg());
	ok(decode(text, x, 14, 1, 2, 1.5) == DET_INVALID, "%s", det_errmsg());
	if (det_decode_parse(&d, text, strlen(text), "t"))
		abort();
	ok(det_decode_run(&out, d, &(struct det_decode_in){ .maps = &t }, &p) ==
		DET_INVALID,
	    "%s", det_errmsg());
	t.dims[0] = 1;
	t.dtype = DET_U8;
	ok(det_decode_run(&out, d, &(struct det_decode_in){ .maps = &t }, &p) ==
		DET_INVALID,
	    "%s", det_errmsg());
	/* the item's size goes before the text's */
	t.dtype = DET_F32;
	memset(x, 0, sizeof x);
	p.in_w = 640;
	p.in_h = 320;
	p.thresh = .24;
	ok(!det_decode_run(&out, d, &(struct det_decode_in){ .maps = &t }, &p) &&
		out.n == 4 && is(0, 320 - 5, 160 - 10, 320 + 5, 160 + 10, .25, 0, 0),
	    "the item's input size");
	det_decode_free(d);
}

int
main(void)
{
	yolo3_tests();
	region_tests();
	detection_tests();
	classes_tests();
	text_tests();
	input_tests();
	det_boxes_release(&out);
	return done();
}
