/* SPDX-License-Identifier: MIT
 *
 * The RPN's loss worked by hand. A map of 3 x 3 cells with one anchor each, 16 pixels a side
 * around (16 x, 16 y); the object is the middle one's very box. All logits are 0, so each
 * anchor that counts costs log 2; the middle anchor's dx is .5 and should be 0.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/line.h"
#include "tests/unit/tap.h"
#include "train/objective.h"

enum { CELLS = 9, MIDDLE = 4 };

static const char anchors_text[] = "grid(m) sizes=16 ratios=1 stride=16\n";
static const char sigmoid_text[] = "anchors(cls, box) map=m classes=1 score=sigmoid\n";
static const char softmax_text[] =
    "anchors(cls, box) map=m classes=1 background=first score=softmax order=class\n";

static struct det_anchors *anchors;
static struct det_decode *decode;
static struct det_objective rpn;
static struct det_line line;
static float cls[2 * 2 * CELLS], box[2 * 4 * CELLS];
static float cls_grad[2 * 2 * CELLS], box_grad[2 * 4 * CELLS];

static void
check(enum det_err e)
{
	if (!e)
		return;
	(void)printf("Bail out! %s\n", det_errmsg());
	exit(2);
}

static enum det_err
try_open(const char *text, const char *keys)
{
	struct det_objective_params p = { .line = &line, .threads = 1 };
	enum det_err e;

	check(det_anchors_parse(
	    &anchors, anchors_text, sizeof anchors_text - 1, "anchors"));
	check(det_decode_parse(&decode, text, strlen(text), "propose"));
	check(det_decode_bind(decode, anchors));
	check(det_line_parse(&line, keys, strlen(keys)));
	p.decode = decode;
	p.anchors = anchors;
	e = det_objective_find("rpn")->open(&rpn, &p);
	return e ? e : det_line_unused(&line);
}

static void
close_all(void)
{
	if (rpn.free)
		rpn.free(rpn.self);
	rpn = (struct det_objective){ 0 };
	det_line_release(&line);
	det_decode_free(decode);
	det_anchors_free(anchors);
}

/* A step on n images; planes of the class map. */
static enum det_err
step(double value[2], const struct det_example *t, size_t n, size_t planes)
{
	struct det_tensor map[2] = { { DET_F32, 4, { n, planes, 3, 3 }, cls },
		{ DET_F32, 4, { n, 4, 3, 3 }, box } };
	const struct det_objective_in in = {
		.map = map, .truth = t, .n = n, .in_h = 48, .in_w = 48, .seed = 1
	};
	float *grad[] = { cls_grad, box_grad };

	return rpn.run(rpn.self, &in, grad, value);
}

static int
near(double a, double b)
{
	return fabs(a - b) < 1e-6;
}

static const struct det_box middle[] = { { .x1 = 8, .y1 = 8, .x2 = 24, .y2 = 24 },
	{ .x1 = 100, .y1 = 8, .x2 = 120, .y2 = 24, .flags = DET_BOX_CROWD } };
static const struct det_example images[2] = { { middle, 2, 0, 0, 48, 48 },
	{ NULL, 0, 0, 0, 48, 48 } };

struct want {
	const char *text, *keys;
	size_t planes;
	double counted[2]; /* anchors of each image */
	double cls, box;   /* denominators: of the terms */
	double delta;      /* loss of the one delta */
};

/* The second image has no object: all of its anchors that count are background. */
static void
test_terms(void)
{
	const struct want wants[] = {
		{ sigmoid_text, "rpn", 1, { 9, 9 }, 18, 18, .5 - 1. / 18 },
		{ sigmoid_text, "rpn profile=d2", 1, { 9, 9 }, 512, 512, .5 },
		/* 2 x 2 lie inside; boxes by each image's own sample, and N */
		{ softmax_text, "rpn profile=caffe", 2, { 4, 4 }, 8, 4 * 2,
		    .5 - 1. / 18 },
		{ sigmoid_text, "rpn sample=4", 1, { 4, 4 }, 8, 8, .5 - 1. / 18 },
		{ sigmoid_text, "rpn beta=2 box_weight=3", 1, { 9, 9 }, 18, 6,
		    .25 / 4 },
		{ sigmoid_text, "rpn positive=0", 1, { 8, 9 }, 17, 17, 0 },
	};

	for (size_t i = 0; i < sizeof wants / sizeof *wants; i++) {
		const struct want *w = &wants[i];
		const double n = w->counted[0] + w->counted[1];
		double value[2], sum = 0, odd = 0;
		size_t some = 0;

		check(try_open(w->text, w->keys));
		memset(cls, 0, sizeof cls);
		memset(box, 0, sizeof box);
		box[MIDDLE] = .5f;
		check(step(value, images, 2, w->planes));
		ok(near(value[0], n * log(2) / w->cls), "%s: classes %.6f", w->keys,
		    value[0]);
		ok(near(value[1], w->delta / w->box), "%s: boxes %.6f", w->keys,
		    value[1]);
		for (size_t k = 0; k < 2 * w->planes * CELLS; k++) {
			some += cls_grad[k] != 0;
			sum += fabs((double)cls_grad[k]);
		}
		ok(near(sum, n * (double)w->planes * .5 / w->cls) &&
			some == (size_t)n * w->planes,
		    "%s: the gradients of %g anchors", w->keys, n);
		for (size_t k = 0; k < 2 * 4 * CELLS; k++)
			odd += k == MIDDLE ? 0 : fabs((double)box_grad[k]);
		ok(odd == 0 && (box_grad[MIDDLE] > 0) == (w->delta > 0),
		    "%s: of one delta", w->keys);
		close_all();
	}
}

/* The middle anchor is pulled up, the others down; of a softmax its second plane. */
static void
test_signs(void)
{
	double value[2];
	int good = 1;

	check(try_open(sigmoid_text, "rpn"));
	memset(cls, 0, sizeof cls);
	check(step(value, images, 1, 1));
	for (size_t k = 0; k < CELLS; k++)
		good &= (cls_grad[k] < 0) == (k == MIDDLE);
	ok(good, "sigmoid: an object pulls up, background down");
	close_all();
	check(try_open(softmax_text, "rpn profile=tv"));
	check(step(value, images, 1, 2));
	for (good = 1, value[0] = 0; value[0] < CELLS; value[0]++) {
		const size_t k = (size_t)value[0];

		good &= (cls_grad[CELLS + k] < 0) == (k == MIDDLE) &&
			fabsf(cls_grad[CELLS + k] + cls_grad[k]) < 1e-7f;
	}
	ok(good, "softmax: of both planes, against one another");
	close_all();
}

/* Inclusive pixels: an object [8, 25) is 8 .. 24, the very anchor of py-faster-rcnn's 17. */
static void
test_inclusive(void)
{
	static const char text[] = "anchors(cls, box) map=m classes=1 background=first "
				   "score=softmax order=class plus_one\n";
	static const struct det_box b = { .x1 = 8, .y1 = 8, .x2 = 25, .y2 = 25 };
	const struct det_example t = { &b, 1, 0, 0, 48, 48 };
	double value[2];

	check(try_open(text, "rpn"));
	memset(cls, 0, sizeof cls);
	memset(box, 0, sizeof box);
	check(step(value, &t, 1, 2));
	ok(near(value[1], 0), "an inclusive anchor that is the object: no loss, %g",
	    value[1]);
	close_all();
}

/* A sample of few: of the same run always the same, of another another. */
static void
test_draw(void)
{
	double value[2];
	float first[CELLS];

	check(try_open(sigmoid_text, "rpn sample=3"));
	memset(cls, 0, sizeof cls);
	check(step(value, images, 1, 1));
	memcpy(first, cls_grad, sizeof first);
	check(step(value, images, 1, 1));
	ok(!memcmp(first, cls_grad, sizeof first), "one seed, one run: one sample");
	ok(first[MIDDLE] < 0, "the object's anchor is in it");
	close_all();
}

static void
test_refused(void)
{
	static const struct {
		const char *text, *keys, *says;
	} bad[] = {
		{ sigmoid_text, "rpn iou=.2", "low" },
		{ sigmoid_text, "rpn sample=0", "sample" },
		{ sigmoid_text, "rpn profile=darknet", "profile" },
		{ sigmoid_text, "rpn neg=3", "neg" },
		{ "anchors(cls, box) map=m classes=3 score=sigmoid\n", "rpn",
		    "classes=1" },
		{ "yolo3(cls) anchors=1,2 classes=1 net=48x48\n", "rpn", "anchors" },
	};
	static const struct det_box flat = { .x1 = 8, .y1 = 8, .x2 = 8, .y2 = 25 };
	const struct det_example t[2] = { { NULL, 0, 0, 0, 48, 48 },
		{ &flat, 1, 0, 0, 48, 48 } };
	double value[2];

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ok(try_open(bad[i].text, bad[i].keys) == DET_INVALID &&
			strstr(det_errmsg(), bad[i].says),
		    "'%s' is refused: %s", bad[i].keys, det_errmsg());
		close_all();
	}
	check(try_open(sigmoid_text, "rpn"));
	ok(step(value, t, 2, 1) == DET_INVALID && strstr(det_errmsg(), "image 1"),
	    "a flat object: %s", det_errmsg());
	ok(step(value, images, 2, 2) == DET_INVALID, "planes: %s", det_errmsg());
	cls[1] = NAN;
	ok(step(value, images, 1, 1) == DET_INVALID &&
		strstr(det_errmsg(), "rpn_cls") && strstr(det_errmsg(), "image 0"),
	    "NaN: %s", det_errmsg());
	close_all();
}

int
main(void)
{
	test_terms();
	test_signs();
	test_inclusive();
	test_draw();
	test_refused();
	return done();
}
