/* SPDX-License-Identifier: MIT
 *
 * The rules on cases worked by hand, each for one sentence of formats/eval.md.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/random.h"
#include "tests/unit/eval_make.h"
#include "tests/unit/tap.h"

#define EVERY DET_EVAL_EVERY

enum { DIFFICULT = DET_BOX_DIFFICULT, CROWD = DET_BOX_CROWD, IGNORE = DET_BOX_IGNORE };

static struct det_eval_set set;
static struct det_eval_rule rule;
static struct det_eval ev;

/* Begins a case. */
static void
begin(const char *name, size_t n_class, size_t n_image)
{
	det_eval_release(&ev);
	det_eval_set_release(&set);
	if (make_set(&set, n_class, n_image) || det_eval_rule_find(&rule, name))
		ok(0, "begin %s: %s", name, det_errmsg());
}

/* A rule at one threshold. */
static void
begin_at(const char *name, double iou)
{
	begin(name, 1, 2);
	rule.n_iou = 1;
	rule.iou[0] = iou;
}

static void
gt(double image, double label, double x, double y, double w, double h, double area,
    double flags)
{
	if (GT(&set, image, label, x, y, w, h, area, flags))
		ok(0, "gt: %s", det_errmsg());
}

static void
det(double image, double label, double x, double y, double w, double h, double score)
{
	if (DET(&set, image, label, x, y, w, h, score))
		ok(0, "det: %s", det_errmsg());
}

static void
run(void)
{
	det_eval_release(&ev);
	if (det_eval_run(&ev, &set, &rule, 1))
		ok(0, "run: %s", det_errmsg());
}

static int
near(double a, double b)
{
	return fabs(a - b) <= 1e-12;
}

/* AP at the first threshold, whole area, last limit. */
static double
ap(void)
{
	return det_eval_mean_ap(&ev, 0, rule.n_max - 1, EVERY, 0);
}

static void
test_rules(void)
{
	const char *about;
	size_t n = 0;

	for (; det_eval_rule_name(n, &about); n++)
		ok(!det_eval_rule_find(&rule, det_eval_rule_name(n, NULL)) && *about,
		    "rule %s: %s", rule.name, about);
	ok(n == 6, "six rules");
	ok(det_eval_rule_find(&rule, "voc") == DET_INVALID &&
		strstr(det_errmsg(), "voc07-py"),
	    "an unknown rule: %s", det_errmsg());
	begin("coco", 1, 1);
	ok(rule.iou[8] == .8999999999999999 && rule.iou[9] == .95 && rule.iou[5] == .75,
	    "COCO's thresholds are linspace's doubles");
	ok(det_eval_iou_index(&rule, .75) == 5 &&
		det_eval_iou_index(&rule, .76) == -1 &&
		det_eval_area_index(&rule, "large") == 3 &&
		det_eval_area_index(&rule, "huge") == -1 &&
		det_eval_max_index(&rule, 10) == 1 &&
		det_eval_max_index(&rule, 9) == -1,
	    "parts are found by what they are");
}

static void
refused(const char *what)
{
	det_eval_release(&ev);
	ok(det_eval_run(&ev, &set, &rule, 1) == DET_INVALID, "%s: %s", what,
	    det_errmsg());
}

static void
test_bad_rules(void)
{
	begin("coco", 1, 1);
	rule.n_iou = 0;
	refused("no threshold");
	begin("coco", 1, 1);
	rule.iou[3] = NAN;
	refused("a threshold that is no number");
	begin("coco", 1, 1);
	rule.max_dets[1] = 1;
	refused("limits that do not grow");
	begin("coco", 1, 1);
	rule.area[1].lo = 2000;
	refused("an empty range of areas");
	begin("coco", 1, 1);
	rule.n_area = DET_EVAL_MAX_AREA + 1;
	refused("too many areas");
}

static void
test_empty(void)
{
	begin("coco", 2, 2);
	run();
	ok(near(ap(), -1) && near(det_eval_mean_recall(&ev, 0, 2, EVERY, EVERY), -1),
	    "no objects: -1");
	gt(0, 0, 10, 10, 20, 20, -1, 0);
	run();
	ok(near(ap(), 0) && near(det_eval_mean_recall(&ev, 0, 2, EVERY, EVERY), 0),
	    "objects and no detections: 0");
	ok(near(ev.ap[det_eval_cell(&ev, 0, 2, 1, 0)], -1),
	    "a class without objects: -1, and left out of the mean");
	begin("coco", 0, 0);
	run();
	ok(near(ap(), -1), "nothing at all: -1");
	begin("coco", 1, 1);
	det(0, 0, 1, 1, 2, 2, .5);
	run();
	ok(near(ap(), -1) && ev.n == 1, "detections and no objects: -1");
	begin("coco", 1, 1);
	gt(0, -1, 0, 0, 9, 9, -1, 0);
	gt(0, 0, 0, 0, 9, 9, -1, 0);
	det(0, -1, 0, 0, 9, 9, .9);
	det(0, 0, 0, 0, 9, 9, .9);
	run();
	ok(ev.n_unknown_gt == 1 && ev.n_unknown_det == 1 && ev.n == 1 &&
		near(det_eval_mean_ap(&ev, 0, 2, 0, 0), 1),
	    "what has no class is left out and counted");
}

/* The one true positive has precision 1 / (1 + eps), which is below 1. */
static void
test_coco_eps(void)
{
	begin_at("coco", .5);
	gt(0, 0, 0, 0, 10, 10, -1, 0);
	det(0, 0, 0, 0, 10, 10, .9);
	run();
	ok(ap() < 1 && near(ap(), 1), "COCO: eps in the first precision");
	begin_at("voc10", .5);
	gt(0, 0, 0, 0, 10, 10, -1, 0);
	det(0, 0, 0, 0, 10, 10, .9);
	run();
	ok(ap() == 1, "VOC: none");
}

/* Two objects overlap the first detection by the same; the second detection can only match
 * the first of them. */
static void
test_ties(void)
{
	begin_at("coco", .5);
	rule.keep_gt = 1;
	gt(0, 0, 0, 0, 10, 10, -1, 0);
	gt(0, 0, 4, 0, 10, 10, -1, 0);
	det(0, 0, 2, 0, 10, 10, .9);
	run();
	ok(ev.gt[0] == 1, "COCO: of equal overlaps the later object is taken");
	begin_at("voc10", .5);
	rule.keep_gt = 1;
	gt(0, 0, 0, 0, 10, 10, -1, 0);
	gt(0, 0, 4, 0, 10, 10, -1, 0);
	det(0, 0, 2, 0, 10, 10, .9);
	run();
	ok(ev.gt[0] == 0, "VOC: the earlier");
	/* equal scores: the image with the smaller id first, though added later */
	begin_at("coco", .5);
	set.image[0].id = 9;
	gt(0, 0, 0, 0, 10, 10, -1, 0);
	det(0, 0, 50, 50, 10, 10, .5);
	det(1, 0, 0, 0, 10, 10, .5);
	run();
	ok(ev.order[0] == 1 && ev.order[1] == 0, "COCO: equal scores go by image id");
	begin_at("voc10", .5);
	set.image[0].id = 9;
	gt(0, 0, 0, 0, 10, 10, -1, 0);
	det(0, 0, 50, 50, 10, 10, .5);
	det(1, 0, 0, 0, 10, 10, .5);
	det(1, 0, 0, 0, 10, 10, -0.0);
	det(0, 0, 0, 0, 10, 10, 0.0);
	det(0, 0, 0, 0, 10, 10, -1);
	run();
	ok(ev.order[0] == 0 && ev.order[1] == 1, "VOC: by input");
	ok(ev.order[2] == 2 && ev.order[3] == 3 && ev.order[4] == 4,
	    "-0 equals 0, and is above -1");
}

/* The best object is taken: COCO gives the next, VOC a false positive. */
static void
test_second_choice(void)
{
	for (int voc = 0; voc < 2; voc++) {
		begin_at(voc ? "voc10" : "coco", .5);
		gt(0, 0, 0, 0, 10, 10, -1, 0);
		gt(0, 0, 2, 0, 10, 10, -1, 0);
		det(0, 0, 0, 0, 10, 10, .9);
		det(0, 0, 0.5, 0, 10, 10, .8);
		run();
		ok(ev.curve[det_eval_cell(&ev, 0, rule.n_max - 1, 0, 0)].ntp ==
			(voc ? 1 : 2),
		    "%s: a detection whose best object is taken %s", rule.name,
		    voc ? "is false" : "takes the next");
	}
}

static void
test_threshold(void)
{
	static const struct {
		const char *rule;
		size_t tp;
	} want[] = { { "coco", 1 }, { "voc07", 1 }, { "voc10", 1 }, { "voc07-py", 0 },
		{ "voc10-py", 0 }, { "darknet", 0 } };

	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		begin_at(want[i].rule, .5);
		gt(0, 0, 0, 0, 10, 10, -1, 0);
		det(0, 0, 0, 0, 10, 5, .9);
		run();
		ok(ev.curve[det_eval_cell(&ev, 0, rule.n_max - 1, 0, 0)].ntp ==
			want[i].tp,
		    "%s: an overlap of exactly the threshold %s", want[i].rule,
		    want[i].tp ? "is enough" : "is not");
	}
	begin_at("coco", 1);
	gt(0, 0, .1, .1, .3, .3, -1, 0);
	det(0, 0, .1, .1, .3, .3, .9);
	run();
	ok(near(ap(), 1), "COCO: a threshold of 1 can be met");
	begin_at("voc10", 0);
	gt(0, 0, 0, 0, 10, 10, -1, 0);
	det(0, 0, 20, 20, 10, 10, .9);
	run();
	ok(near(ap(), 0), "VOC: boxes that do not meet never match");
}

/* Of two boxes 10 wide that share 5, with +1: 11 and 6. */
static void
test_extent(void)
{
	static const double lim[3] = { 5 / 15., 5 / 15., 66 / (121 + 121 - 66.) };

	for (int x = 0; x < 3; x++) {
		begin_at("voc10", lim[x] - 1e-9);
		rule.extent = (enum det_eval_extent)x;
		gt(0, 0, 0, 0, 10, 10, -1, 0);
		det(0, 0, 5, 0, 10, 10, .9);
		run();
		ok(near(ap(), 1), "extent %d: IoU at least %.6f", x, lim[x]);
		rule.iou[0] = lim[x] + 1e-9;
		run();
		ok(near(ap(), 0), "extent %d: and no more", x);
	}
}

static void
test_crowd(void)
{
	struct det_eval_curve *c;

	begin_at("coco", .5);
	gt(0, 0, 0, 0, 100, 100, -1, CROWD);
	gt(0, 0, 200, 200, 10, 10, -1, 0);
	det(0, 0, 0, 0, 10, 10, .9);
	det(0, 0, 50, 50, 10, 10, .8);
	det(0, 0, 200, 200, 10, 10, .7);
	det(0, 0, 96, 0, 10, 10, .6);
	run();
	c = &ev.curve[det_eval_cell(&ev, 0, 2, 0, 0)];
	ok(c->npos == 1 && c->ntp == 1 && c->counted == 2 && c->seen[0] == 1,
	    "COCO: a crowd absorbs all that lie in it by half of themselves");
	begin_at("coco", .5);
	gt(0, 0, 0, 0, 10, 10, -1, CROWD);
	gt(0, 0, 0, 0, 10, 12, -1, 0);
	det(0, 0, 0, 0, 10, 10, .9);
	run();
	ok(ev.curve[det_eval_cell(&ev, 0, 2, 0, 0)].ntp == 1,
	    "COCO: an object that counts goes before a crowd that overlaps more");
	begin_at("coco", .5);
	gt(0, 0, 0, 0, 10, 10, -1, IGNORE | DIFFICULT);
	det(0, 0, 0, 0, 10, 10, .9);
	run();
	ok(near(ap(), 1), "COCO: other flags mean nothing");
	rule.ignore |= DIFFICULT;
	run();
	ok(near(ap(), -1) && ev.curve[det_eval_cell(&ev, 0, 2, 0, 0)].counted == 0,
	    "unless asked for");
}

static void
test_area(void)
{
	size_t small, medium, large;

	begin_at("coco", .5);
	gt(0, 0, 0, 0, 32, 32, -1, 0);
	gt(0, 0, 200, 0, 96, 96, -1, 0);
	gt(0, 0, 0, 200, 50, 50, 1000, 0);
	run();
	small = ev.curve[det_eval_cell(&ev, 1, 2, 0, 0)].npos;
	medium = ev.curve[det_eval_cell(&ev, 2, 2, 0, 0)].npos;
	large = ev.curve[det_eval_cell(&ev, 3, 2, 0, 0)].npos;
	ok(small == 2 && medium == 2 && large == 1,
	    "areas of 1024 and 9216 count on both sides; the annotated area decides");
	det(0, 0, 400, 400, 10, 10, .9);
	det(0, 0, 500, 400, 50, 50, .9);
	run();
	ok(ev.curve[det_eval_cell(&ev, 0, 2, 0, 0)].counted == 2 &&
		ev.curve[det_eval_cell(&ev, 1, 2, 0, 0)].counted == 1 &&
		ev.curve[det_eval_cell(&ev, 2, 2, 0, 0)].counted == 1 &&
		ev.curve[det_eval_cell(&ev, 3, 2, 0, 0)].counted == 0,
	    "what meets nothing counts where it has the size");
}

static void
test_limits(void)
{
	begin_at("coco", .5);
	for (int i = 0; i < 105; i++)
		det(0, 0, 500, 500, 5, 5, 1 - i / 200.);
	gt(0, 0, 0, 0, 10, 10, -1, 0);
	gt(1, 0, 0, 0, 10, 10, -1, 0);
	det(0, 0, 0, 0, 10, 10, .4);
	det(1, 0, 0, 0, 10, 10, .01);
	run();
	ok(ev.n == 101 && ev.rank[99] == 99 && ev.rank[100] == 0,
	    "COCO: the best hundred of each image and class take part");
	ok(near(det_eval_mean_recall(&ev, 0, 0, EVERY, 0), .5),
	    "the limit of one still sees the other image");
	rule.max_dets[2] = 106;
	run();
	ok(ev.n == 107 && near(det_eval_mean_recall(&ev, 0, 2, EVERY, 0), 1),
	    "another limit");
}

static void
test_one_class(void)
{
	begin("coco", 2, 1);
	gt(0, 0, 0, 0, 10, 10, -1, 0);
	det(0, 1, 0, 0, 10, 10, .9);
	run();
	ok(near(ap(), 0), "another class is no match");
	rule.classes = 0;
	run();
	ok(near(ap(), 1) && ev.n_class == 1, "classes as one: it is");
}

static void
test_difficult(void)
{
	struct det_eval_curve *c;

	begin_at("voc10", .5);
	gt(0, 0, 0, 0, 10, 10, -1, DIFFICULT);
	gt(0, 0, 1, 0, 10, 10, -1, 0);
	det(0, 0, 0, 0, 10, 10, .9);
	det(0, 0, 0, 0, 10, 10, .8);
	run();
	c = ev.curve;
	ok(c->npos == 1 && c->counted == 0 && near(ap(), 0),
	    "VOC: matches to a difficult object count neither way, as often as they "
	    "come");
	rule.ignore_as = DET_EVAL_IGNORE_COUNT;
	run();
	ok(ev.curve->npos == 2 && ev.curve->ntp == 1 && ev.curve->counted == 2,
	    "difficult objects counted like others");
	rule.ignore_as = DET_EVAL_IGNORE_DROP;
	run();
	ok(ev.curve->npos == 1 && ev.curve->ntp == 1 && ev.curve->counted == 2,
	    "difficult objects left out");
	rule.ignore_as = DET_EVAL_IGNORE_LAST;
	run();
	ok(ev.curve->npos == 1 && ev.curve->ntp == 1 && ev.curve->counted == 2,
	    "Darknet: they excuse only what meets no other");
	det(0, 0, -4, 0, 10, 10, .7);
	rule.iou[0] = .42;
	run();
	ok(ev.curve->counted == 2, "Darknet: such as this");
}

/* Ten objects, of which seven are found: recall of 7/10 is reached in MATLAB's arithmetic,
 * .7000000000000001 in Python's is not. */
static void
test_eleven(void)
{
	static const struct {
		const char *rule;
		double ap;
	} want[] = { { "voc07", 8 / 11. }, { "voc07-py", 7 / 11. }, { "voc10", .7 } };

	for (size_t k = 0; k < 3; k++) {
		begin(want[k].rule, 1, 1);
		for (int i = 0; i < 10; i++)
			gt(0, 0, 20 * i, 0, 10, 10, -1, 0);
		for (int i = 0; i < 7; i++)
			det(0, 0, 20 * i, 0, 10, 10, .9 - i / 100.);
		run();
		ok(near(ap(), want[k].ap), "%s: recall of 7/10: %.4f", want[k].rule,
		    ap());
	}
	/* T F T F F T of four: recalls .25 .5 .75 at precisions 1, 2/3, 1/2 */
	begin("voc10", 1, 1);
	for (int i = 0; i < 4; i++)
		gt(0, 0, 20 * i, 0, 10, 10, -1, 0);
	for (int i = 0; i < 6; i++)
		det(0, 0,
		    i == 0   ? 0
		    : i == 2 ? 20
		    : i == 5 ? 40
			     : 200 + 20 * i,
		    0, 10, 10, .9 - i / 100.);
	run();
	ok(near(ap(), .25 * (1 + 2 / 3. + .5)), "all points by hand: %.4f", ap());
	ok(near(det_eval_curve_ap(ev.curve, DET_EVAL_POINTS_11),
	       (3 * 1 + 3 * 2 / 3. + 2 * .5) / 11),
	    "eleven points by hand");
	ok(near(det_eval_curve_ap(ev.curve, DET_EVAL_POINTS_101),
	       (26 * 1 + 25 * 2 / 3. + 25 * .5) / 101),
	    "101 points by hand");
}

static void
test_curve(void)
{
	const double at[4] = { 0, .25, .26, .76 };
	double out[4];
	const struct det_eval_curve *c = ev.curve; /* of the last case */

	det_eval_curve_envelope(out, c, at, 4);
	ok(near(out[0], 1) && near(out[1], 1) && near(out[2], 2 / 3.) && out[3] == 0,
	    "the envelope");
	ok(c->ntp == 3 && c->counted == 6 && c->at[2] == 5 && c->seen[1] == 3 &&
		near(det_eval_curve_precision(c, 1), 2 / 3.) &&
		near(det_eval_curve_recall(c, 1), .5),
	    "the curve's points");
}

static void
test_darknet_mean(void)
{
	begin("darknet", 4, 1);
	gt(0, 2, 0, 0, 10, 10, -1, 0);
	det(0, 2, 0, 0, 10, 10, .9);
	run();
	ok(near(ap(), .25) && near(ev.ap[0], -1),
	    "Darknet: classes without objects are zeros in the mean");
}

/* 30 images, three classes, much overlap; no two scores are equal. */
static void
random_set(uint64_t seed)
{
	struct det_random r;

	begin("coco", 3, 30);
	det_random_seed(&r, seed, 0);
	for (int i = 0; i < 150; i++)
		gt((double)det_random_below(&r, 30), (double)det_random_below(&r, 3),
		    det_random_uniform(&r) * 60, det_random_uniform(&r) * 60,
		    10 + det_random_uniform(&r) * 60, 10 + det_random_uniform(&r) * 60,
		    -1, det_random_below(&r, 12) ? 0 : CROWD);
	for (int i = 0; i < 900; i++)
		det((double)det_random_below(&r, 30), (double)det_random_below(&r, 3),
		    det_random_uniform(&r) * 60, det_random_uniform(&r) * 60,
		    10 + det_random_uniform(&r) * 60, 10 + det_random_uniform(&r) * 60,
		    det_random_uniform(&r));
}

static void
test_threads(void)
{
	struct det_eval other = { 0 };
	size_t bits;

	random_set(7);
	rule.keep_gt = 1;
	run();
	if (det_eval_run(&other, &set, &rule, 4)) {
		ok(0, "threads: %s", det_errmsg());
		return;
	}
	bits = rule.n_area * ev.n * sizeof *ev.hit;
	ok(memcmp(ev.ap, other.ap, ev.n_cell * sizeof *ev.ap) == 0 &&
		memcmp(ev.recall, other.recall, ev.n_cell * sizeof *ev.ap) == 0 &&
		memcmp(ev.hit, other.hit, bits) == 0 &&
		memcmp(ev.ignored, other.ignored, bits) == 0 &&
		memcmp(ev.gt, other.gt, rule.n_iou * ev.n * sizeof *ev.gt) == 0,
	    "four threads find what one does");
	det_eval_release(&other);
}

/* The set of the last case with each image repeated weight[image] times. */
static enum det_err
repeat_set(struct det_eval_set *s, const uint32_t *weight)
{
	size_t n = 0, at = 0;
	enum det_err e = DET_OK;

	for (size_t i = 0; i < set.n_image; i++)
		n += weight[i];
	if ((e = make_set(s, set.classes.n, n)))
		return e;
	for (size_t i = 0; i < set.n_image && !e; i++)
		for (uint32_t w = 0; w < weight[i] && !e; w++, at++) {
			for (size_t j = 0; j < set.n_gt && !e; j++) {
				struct det_eval_gt g = set.gt[j];

				g.image = (uint32_t)at;
				e = set.gt[j].image == i ? det_eval_add_gt(s, &g) : e;
			}
			for (size_t j = 0; j < set.n_det && !e; j++) {
				struct det_eval_det d = set.det[j];

				d.image = (uint32_t)at;
				e = set.det[j].image == i ? det_eval_add_det(s, &d) : e;
			}
		}
	return e;
}

static void
test_weighted(void)
{
	struct det_eval_set s = { 0 };
	struct det_eval other = { 0 };
	uint32_t weight[30], scratch[2 * 900];
	double got[3 * 10], most = 0, same = 0;
	struct det_random r;

	random_set(11);
	run();
	det_random_seed(&r, 3, 0);
	for (size_t i = 0; i < 30; i++)
		weight[i] = (uint32_t)det_random_below(&r, 4);
	if (repeat_set(&s, weight) || det_eval_run(&other, &s, &rule, 1)) {
		ok(0, "weighted: %s", det_errmsg());
		return;
	}
	for (size_t a = 0; a < 4; a++)
		for (size_t m = 0; m < 3; m++) {
			det_eval_weighted(got, &ev, a, m, weight, scratch);
			for (size_t i = 0; i < 30; i++)
				most = fmax(most,
				    fabs(got[i] -
					 other.ap[det_eval_cell(&other, a, m, 0, 0) +
						  i]));
		}
	ok(most <= 1e-12, "weights are repeated images (off by %.3g)", most);
	for (size_t i = 0; i < 30; i++)
		weight[i] = 1;
	det_eval_weighted(got, &ev, 0, 2, weight, scratch);
	for (size_t i = 0; i < 30; i++)
		same = fmax(
		    same, fabs(got[i] - ev.ap[det_eval_cell(&ev, 0, 2, 0, 0) + i]));
	ok(same == 0, "weights of one change nothing");
	for (size_t i = 0; i < 30; i++)
		weight[i] = 0;
	det_eval_weighted(got, &ev, 0, 2, weight, scratch);
	ok(got[0] == -1 && got[29] == -1, "weights of none: nothing to be found");
	det_eval_release(&other);
	det_eval_set_release(&s);
}

int
main(void)
{
	test_rules();
	test_bad_rules();
	test_empty();
	test_coco_eps();
	test_ties();
	test_second_choice();
	test_threshold();
	test_extent();
	test_crowd();
	test_area();
	test_limits();
	test_one_class();
	test_difficult();
	test_eleven();
	test_curve();
	test_darknet_mean();
	test_threads();
	test_weighted();
	det_eval_release(&ev);
	det_eval_set_release(&set);
	return done();
}
