/* SPDX-License-Identifier: MIT
 *
 * The kind `rcnn` of the decode text against its definition in double, over every layout of
 * scores and deltas; then its rules one by one, and what is refused.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "box/decode_line.h"
#include "box/map.h"
#include "tests/unit/rnd.h"
#include "tests/unit/tap.h"

enum { K = 3, R = 40, W = 200, H = 100 };

static struct det_box proposal[R];
static float cls[R * 8], delta[R * 32];

static void
make_input(void)
{
	for (size_t i = 0; i < R; i++) {
		double x = rnd(-10, 190), y = rnd(-10, 90);

		proposal[i] = (struct det_box){ x, y, x + rnd(0, 80), y + rnd(0, 60),
			.5, 0, -1, 0, (int32_t)i };
	}
	for (size_t i = 0; i < sizeof cls / sizeof cls[0]; i++)
		cls[i] = (float)rnd(-3, 3);
	for (size_t i = 0; i < sizeof delta / sizeof delta[0]; i++)
		delta[i] = (float)rnd(-4, 4);
}

struct run {
	struct det_tensor map[2];
	struct det_boxes list, out;
	struct det_decode_params p;
};

static void
set(struct run *r, size_t rows, size_t scores, size_t deltas)
{
	*r = (struct run){ .map = { { DET_F32, 2, { rows, scores }, cls },
			       { DET_F32, 4, { rows, deltas, 1, 1 }, delta } },
		.list = { proposal, rows, R, DET_SPACE_INPUT } };
	r->p = (struct det_decode_params)DET_DECODE_DEFAULTS;
	r->p.in_w = W;
	r->p.in_h = H;
	r->p.thresh = .2;
}

static enum det_err
decode(struct run *r, const char *text)
{
	struct det_decode *d;
	enum det_err e = det_decode_parse(&d, text, strlen(text), "decode");

	if (e)
		return e;
	e = det_decode_run(&r->out, d,
	    &(struct det_decode_in){ .maps = r->map, .lists = &r->list }, &r->p);
	det_decode_free(d);
	return e;
}

/* --- the definition --- */

struct layout {
	const char *text;
	size_t scores, deltas;
	int bg;          /* column of the background, -1: none */
	size_t first;    /* column of class 0's score */
	size_t d0, step; /* of class 0's deltas, and to the next class */
};

static double
score_of(const struct layout *y, size_t row, size_t k, int sigmoid)
{
	const float *s = cls + row * y->scores;
	double sum = 0;

	if (sigmoid)
		return 1 / (1 + exp(-(double)s[y->first + k]));
	for (size_t i = 0; i < y->scores; i++)
		sum += exp((double)s[i]);
	return exp((double)s[y->first + k]) / sum;
}

static double
cut(double v, double hi)
{
	return v < 0 ? 0 : v > hi ? hi : v;
}

static struct det_box
box_of(const struct layout *y, size_t row, size_t k)
{
	const float *t = delta + row * y->deltas + y->d0 + k * y->step;
	struct det_box p = proposal[row];
	double w = p.x2 - p.x1, h = p.y2 - p.y1;
	double x = p.x1 + w / 2 + (double)t[0] / 10 * w;
	double v = p.y1 + h / 2 + (double)t[1] / 10 * h;

	w *= exp((double)t[2] / 5);
	h *= exp((double)t[3] / 5);
	p.x1 = cut(x - w / 2, W);
	p.x2 = cut(x + w / 2, W);
	p.y1 = cut(v - h / 2, H);
	p.y2 = cut(v + h / 2, H);
	return p;
}

static double
farthest(const struct det_box *a, const struct det_box *b)
{
	return fmax(fmax(fabs(a->x1 - b->x1), fabs(a->x2 - b->x2)),
	    fmax(fabs(a->y1 - b->y1), fabs(a->y2 - b->y2)));
}

static void
test_layout(const struct layout *y)
{
	int sigmoid = strstr(y->text, "sigmoid") != NULL;
	struct run r = { 0 };
	size_t n = 0, wrong = 0;
	double worst = 0;
	enum det_err e;

	set(&r, R, y->scores, y->deltas);
	e = decode(&r, y->text);
	for (size_t i = 0; i < R; i++)
		for (size_t k = 0; k < K; k++) {
			double s = score_of(y, i, k, sigmoid);
			struct det_box want = box_of(y, i, k);
			const struct det_box *got = &r.out.box[n];

			/* nothing lies so near a limit that float and double differ */
			if (s <= .2 || want.x2 - want.x1 < 3 || want.y2 - want.y1 < 3)
				continue;
			if (n++ >= r.out.n)
				break;
			worst = fmax(worst, farthest(got, &want));
			wrong += got->label != (int)k || got->source != (int)i ||
				 fabs(got->score - s) > 1e-6;
		}
	ok(!e && n > 20 && n == r.out.n && wrong == 0 && worst < 1e-4,
	    "%s (%zu, %zu): %zu boxes of %zu, within %.1g", y->text, y->scores,
	    y->deltas, r.out.n, n, worst);
	det_boxes_release(&r.out);
}

static void
test_layouts(void)
{
	static const struct layout layouts[] = {
		{ "rcnn(c,b) classes=3 clip min_size=3", 4, 16, 0, 1, 4, 4 },
		{ "rcnn(c,b) classes=3 clip min_size=3 background=first", 4, 12, 0, 1,
		    0, 4 },
		{ "rcnn(c,b) classes=3 clip min_size=3 background=last", 4, 16, 3, 0, 0,
		    4 },
		{ "rcnn(c,b) classes=3 clip min_size=3 background=last", 4, 12, 3, 0, 0,
		    4 },
		{ "rcnn(c,b) classes=3 clip min_size=3 background=none", 3, 12, -1, 0,
		    0, 4 },
		{ "rcnn(c,b) classes=3 clip min_size=3 agnostic", 4, 4, 0, 1, 0, 0 },
		{ "rcnn(c,b) classes=3 clip min_size=3 agnostic", 4, 8, 0, 1, 4, 0 },
		{ "rcnn(c,b) classes=3 clip min_size=3 agnostic background=last", 4, 8,
		    3, 0, 0, 0 },
		{ "rcnn(c,b) classes=3 clip min_size=3 score=sigmoid background=none",
		    3, 12, -1, 0, 0, 4 },
		{ "rcnn(c,b) classes=3 clip min_size=3 score=sigmoid", 4, 16, 0, 1, 4,
		    4 },
	};

	for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++)
		test_layout(&layouts[i]);
}

/* --- the rules --- */

static int
is_box(const struct det_box *b, double x1, double y1, double x2, double y2)
{
	return fabs(b->x1 - x1) < 1e-5 && fabs(b->y1 - y1) < 1e-5 &&
	       fabs(b->x2 - x2) < 1e-5 && fabs(b->y2 - y2) < 1e-5;
}

static void
test_top(void)
{
	struct run all, r;
	size_t same = 0;

	set(&all, R, 4, 16);
	ok(!decode(&all, "rcnn(c,b) classes=3") && all.out.n > 20, "all boxes");
	set(&r, R, 4, 16);
	ok(!decode(&r, "rcnn(c,b) classes=3 top=5") && r.out.n == 5, "the five best");
	for (size_t i = 0; i + 1 < r.out.n; i++)
		same += r.out.box[i].score >= r.out.box[i + 1].score;
	for (size_t i = 0; i < all.out.n; i++)
		same += all.out.box[i].score > r.out.box[4].score;
	ok(same == 8, "best first, and no better one is left out");
	r.p.top = 0;
	ok(!decode(&r, "rcnn(c,b) classes=3 top=5") && r.out.n == all.out.n,
	    "params: all");
	r.p.top = 2;
	ok(!decode(&r, "rcnn(c,b) classes=3") && r.out.n == 2, "params: two");
	for (size_t i = 0; i < sizeof cls / sizeof cls[0]; i++)
		cls[i] = 1;
	r.p.top = 4;
	ok(!decode(&r, "rcnn(c,b) classes=3") && r.out.n == 4 &&
		r.out.box[0].source == 0 && r.out.box[2].label == 2 &&
		r.out.box[3].source == 1,
	    "equal scores in the order of rows and classes");
	make_input();
	det_boxes_release(&all.out);
	det_boxes_release(&r.out);
}

static void
test_coder(void)
{
	struct run r = { 0 };

	set(&r, 1, 2, 4);
	r.map[1].dims[1] = 4;
	cls[0] = 0;
	cls[1] = 9;
	proposal[0] = (struct det_box){ 20, 10, 39, 29, 1, 0, -1, 0, 0 };
	memset(delta, 0, 4 * sizeof *delta);
	ok(!decode(&r, "rcnn(c,b) classes=1") && r.out.n == 1 &&
		is_box(r.out.box, 20, 10, 39, 29),
	    "no deltas: the proposal");
	ok(!decode(&r, "rcnn(c,b) classes=1 plus_one") &&
		is_box(r.out.box, 20, 10, 40, 30),
	    "plus_one: a pixel more at the far corner");
	r.p.scale = 2;
	ok(!decode(&r, "rcnn(c,b) classes=1 plus_one unscaled") &&
		is_box(r.out.box, 20, 10, 41, 31),
	    "unscaled: a pixel of the original");
	delta[2] = 1;
	ok(!decode(&r, "rcnn(c,b) classes=1 weights=1,1,1,1 plus_one unscaled") &&
		fabs(r.out.box[0].x2 - r.out.box[0].x1 - 21 * exp(1)) < 1e-4,
	    "and it grows with the box");
	delta[0] = 2;
	delta[2] = 0;
	ok(!decode(&r, "rcnn(c,b) classes=1 weights=1,1,1,1") &&
		is_box(r.out.box, 58, 10, 77, 29),
	    "weights of 1");
	delta[0] = 0;
	delta[2] = 100;
	ok(!decode(&r, "rcnn(c,b) classes=1 weights=1,1,1,1") &&
		fabs(r.out.box[0].x2 - r.out.box[0].x1 - 19 * 62.5) < 1e-2,
	    "sizes grow 62.5 times at most");
	ok(decode(&r, "rcnn(c,b) classes=1 weights=1,1,1,1 clamp=none") == DET_INVALID,
	    "or without a clamp beyond numbers, which is an error");
	delta[2] = 5;
	ok(!decode(&r, "rcnn(c,b) classes=1 weights=1,1,1,1 clip") &&
		is_box(r.out.box, 0, 10, W, 29),
	    "clip: at the input's edges");
	ok(!decode(&r, "rcnn(c,b) classes=1 weights=1,1,1,1 clip=inclusive") &&
		is_box(r.out.box, 0, 10, W - 1, 29),
	    "at its last pixel");
	r.p.x1 = 10;
	r.p.y1 = 0;
	r.p.x2 = 150;
	r.p.y2 = 25;
	ok(!decode(&r, "rcnn(c,b) classes=1 weights=1,1,1,1 clip") &&
		is_box(r.out.box, 10, 10, 150, 25),
	    "at the picture's, where it is padded");
	ok(!decode(&r, "rcnn(c,b) classes=1 weights=1,1,1,1 clip=inclusive unscaled") &&
		is_box(r.out.box, 10, 10, 10 + 2 * 69, 2 * 12),
	    "unscaled: at the original's last pixel");
	ok(!decode(&r, "rcnn(c,b) classes=1 weights=1,1,1,1 clip min_size=15") &&
		r.out.n == 1,
	    "min_size: at it stays");
	ok(!decode(&r, "rcnn(c,b) classes=1 weights=1,1,1,1 clip min_size=15.01") &&
		r.out.n == 0,
	    "and below goes, after clipping");
	r.p.thresh = 1;
	ok(!decode(&r, "rcnn(c,b) classes=1") && r.out.n == 0, "threshold");
	det_boxes_release(&r.out);
	make_input();
}

/* Margins of SVMs: the numbers as they are, below 0 too; and boxes that stay. */
static void
test_linear(void)
{
	static const char *const text =
	    "rcnn(c) classes=3 score=linear background=none clip min_size=3";
	struct run r = { 0 };
	size_t n = 0, wrong = 0;

	set(&r, R, K, 0);
	r.p.thresh = -1.5;
	ok(!decode(&r, text), "linear, without deltas: %s", text);
	for (size_t i = 0; i < R; i++)
		for (size_t k = 0; k < K; k++) {
			const float s = cls[i * K + k];
			struct det_box want = proposal[i];
			const struct det_box *got = &r.out.box[n];

			want.x1 = cut(want.x1, W);
			want.x2 = cut(want.x2, W);
			want.y1 = cut(want.y1, H);
			want.y2 = cut(want.y2, H);
			if (!(s > -1.5f) || want.x2 - want.x1 < 3 ||
			    want.y2 - want.y1 < 3)
				continue;
			if (n++ >= r.out.n)
				break;
			wrong += farthest(got, &want) > 1e-4 ||
				 got->score < (double)s || got->score > (double)s;
		}
	ok(n == r.out.n && n > 20 && wrong == 0,
	    "gives every proposal and its number above -1.5: %zu", n);
	r.p.thresh = 2.5;
	ok(!decode(&r, text) && r.out.n > 0 && r.out.n < n, "or above 2.5");
	r.p.thresh = -INFINITY;
	ok(decode(&r, text) == DET_INVALID, "a finite threshold");
	det_boxes_release(&r.out);
	set(&r, R, 4, 16);
	r.p.thresh = -1.5;
	ok(decode(&r, "rcnn(c,b) classes=3") == DET_INVALID,
	    "which of a softmax is none below -1");
	det_boxes_release(&r.out);
}

/* --- what targets were normalised by ----------------------------------------------------- */

/* The numbers of three classes; to be printed and computed with. */
static const double means[] = { .1, -.2, .5, 0, -.5, .25, 0, 1, 2, 0, -.125, .75 };
static const double stds[] = { .5, 2, 1, .25, .1, 3, .4, .2, 4, .01, 8, .5 };

static void
print_list(char *to, size_t size, const double *v, size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(to + at, size - at, "%s%g", i ? "," : "", v[i]);
}

/* Random targets: encoded, normalised, and decoded again. */
static void
test_round_trip(size_t sets, const char *more)
{
	char text[600], mean[200], std[200];
	struct det_decode *d;
	const struct det_decode_line *l;
	struct det_box want[R * K];
	struct run r = { 0 };
	double worst = 0;
	size_t wrong = 0;

	print_list(mean, sizeof mean, means, 4 * sets);
	print_list(std, sizeof std, stds, 4 * sets);
	(void)snprintf(text, sizeof text, "rcnn(c,b) classes=3 mean=%s std=%s %s", mean,
	    std, more);
	if (det_decode_parse(&d, text, strlen(text), "decode")) {
		ok(0, "%s: %s", text, det_errmsg());
		return;
	}
	l = det_decode_line(d, 0);
	for (size_t i = 0; i < R; i++) {
		struct det_box *p = &proposal[i];
		const float from[4] = { (float)p->x1, (float)p->y1, (float)p->x2 + 8,
			(float)p->y2 + 8 };

		p->x2 += 8;
		p->y2 += 8;
		for (size_t k = 0; k < K; k++) {
			const float x = (float)rnd(0, 100), y = (float)rnd(0, 60);
			const float to[4] = { x, y, x + (float)rnd(8, 60),
				y + (float)rnd(8, 40) };
			/* deltas of the background stand before */
			float *at = delta + i * 16 + 4 + 4 * k;
			float whole[4], raw[4];

			det_coder_encode(raw, &l->delta.coder, from, to);
			memcpy(at, raw, sizeof raw);
			det_decode_normalise(at, l, k);
			for (size_t c = 0; c < 4; c++) {
				const size_t of = (sets > 1 ? 4 * k : 0) + c;

				wrong += fabs((double)at[c] -
					      ((double)raw[c] - means[of]) / stds[of]) >
					 1e-5 * (1 + fabs((double)at[c]));
			}
			det_decode_restore(whole, l, k, at);
			for (size_t c = 0; c < 4; c++)
				wrong += fabsf(whole[c] - raw[c]) >
					 1e-5f * (1 + fabsf(raw[c]));
			want[i * K + k] = (struct det_box){ .x1 = (double)to[0],
				.y1 = (double)to[1],
				.x2 = (double)to[2] + l->delta.coder.plus_one,
				.y2 = (double)to[3] + l->delta.coder.plus_one };
		}
	}
	set(&r, R, 4, 16);
	r.p.thresh = -1;
	wrong += decode(&r, text) != DET_OK || r.out.n != R * K;
	for (size_t i = 0; !wrong && i < R * K; i++)
		worst = fmax(worst, farthest(&r.out.box[i], &want[i]));
	ok(!wrong && worst < 1e-3,
	    "%zu sets %s: targets become their boxes, within %.1e", sets, more, worst);
	det_decode_free(d);
	det_boxes_release(&r.out);
	make_input();
}

static void
test_normalised(void)
{
	test_round_trip(1, "");
	test_round_trip(3, "");
	test_round_trip(3, "weights=1,1,1,1 plus_one clamp=none");
}

static void
test_none(void)
{
	struct run r = { 0 };

	set(&r, 0, 4, 16);
	ok(!decode(&r, "rcnn(c,b) classes=3") && r.out.n == 0,
	    "no proposals give no boxes");
	r.map[0].dims[1] = 5;
	ok(decode(&r, "rcnn(c,b) classes=3") == DET_INVALID,
	    "but the columns must be right");
	det_boxes_release(&r.out);
}

static void
test_refused(void)
{
	static const struct {
		size_t rows, scores, deltas;
		const char *text, *why;
	} cases[] = {
		{ R, 5, 16, "rcnn(c,b) classes=3", "map 'c' is 40x5: 40x4 expected" },
		{ R, 4, 16, "rcnn(c,b) classes=3 background=none",
		    "map 'c' is 40x4: 40x3" },
		{ R, 4, 20, "rcnn(c,b) classes=3", "map 'b' is 40x20x1x1: 40x16" },
		{ R, 4, 16, "rcnn(c,b) classes=3 agnostic", "40x4 expected" },
		{ R, 4, 16, "rcnn(c,b,d) classes=3", "CLASSES, BOXES" },
		{ R, 4, 16, "rcnn(c) classes=3 score=linear background=none",
		    "map 'c' is 40x4: 40x3 expected" },
		{ R, 4, 16, "rcnn(c,b)", "classes=N expected" },
		{ R, 4, 16, "rcnn(c,b) classes=3 weights=1,2", "four numbers" },
		{ R, 4, 16, "rcnn(c,b) classes=3 background=middle", "background" },
		{ R, 4, 16, "rcnn(c,b) classes=3 mean=0,0,0,0",
		    "as many numbers of both expected, found 4 and 0" },
		{ R, 4, 16, "rcnn(c,b) classes=3 mean=0,0,0,0 std=1,1,1",
		    "std: four numbers, or four for each of 3 classes expected, found "
		    "3" },
		{ R, 4, 16, "rcnn(c,b) classes=3 mean=0,0,0,0 std=1,1,1,0", "std" },
		{ R, 4, 16, "rcnn(c,b) classes=2 mean=0,0,0,0,0 std=1,1,1,1",
		    "mean: four numbers, or four for each of 2" },
		{ R, 4, 16,
		    "rcnn(c,b) classes=2 agnostic mean=0,0,0,0,0,0,0,0 std=1,1,1,1",
		    "mean: four numbers expected, found 8" },
		{ R, 4, 16, "rcnn(c,b) classes=3 map=m", "unknown key 'map'" },
		{ R, 4, 16, "rcnn(c,b) classes=3 top=-1", "top" },
	};
	struct run r = { 0 };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		set(&r, cases[i].rows, cases[i].scores, cases[i].deltas);
		ok(decode(&r, cases[i].text) == DET_INVALID &&
			strstr(det_errmsg(), cases[i].why),
		    "%s, %zu and %zu columns: %s", cases[i].text, cases[i].scores,
		    cases[i].deltas, det_errmsg());
		det_boxes_release(&r.out);
	}
	set(&r, R, 4, 16);
	r.list.n = R - 1;
	ok(decode(&r, "rcnn(c,b) classes=3") == DET_INVALID, "a row too many");
	set(&r, R, 4, 16);
	delta[100] = NAN;
	ok(decode(&r, "rcnn(c,b) classes=3") == DET_INVALID &&
		strstr(det_errmsg(), "map 'b': NaN at element 100"),
	    "NaN: %s", det_errmsg());
	make_input();
	det_boxes_release(&r.out);
}

/* Where the picture lies in the input, which `clip` goes by. */
static void
test_picture(void)
{
	struct det_item it = { .width = 500, .height = 375, .in_w = 1088, .in_h = 800 };
	double r[4];

	it.map = (struct det_transform){ 1066. / 500, 800. / 375, 0, 0, 0, 0 };
	ok(!det_item_picture(r, &it) && r[0] == 0 && r[1] == 0 && r[2] == 1066 &&
		r[3] == 800,
	    "padded at right and below");
	it.in_w = it.in_h = 416;
	it.map = (struct det_transform){ .832, .832, 0, 52, 1, 0 };
	ok(!det_item_picture(r, &it) && r[0] == 0 && r[1] == 52 && r[2] == 416 &&
		r[3] == 364,
	    "letterboxed and flipped");
	it.map.tx = -200;
	ok(!det_item_picture(r, &it) && r[0] == 0 && r[2] == 216, "partly outside");
	it.map.tx = 1000;
	ok(det_item_picture(r, &it) == DET_INVALID, "all outside");
	it.map.sx = 0;
	ok(det_item_picture(r, &it) == DET_INVALID, "no scale");
	it.width = 0;
	ok(!det_item_picture(r, &it) && r[2] == 416 && r[3] == 416,
	    "of unknown size: all of the input");
	it.in_h = 0;
	ok(det_item_picture(r, &it) == DET_INVALID, "an input of unknown size");
}

int
main(void)
{
	make_input();
	test_layouts();
	test_top();
	test_coder();
	test_linear();
	test_normalised();
	test_none();
	test_refused();
	test_picture();
	return done();
}
