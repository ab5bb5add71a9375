/* SPDX-License-Identifier: MIT
 *
 * YOLOv3's objective: against a transcription of its formulas, central differences of each
 * term, and cases worked by hand.
 */
#include "tests/unit/yolo_rig.h"

enum { MAPS = 2, ANCHORS = 2, CLASSES = 4, ENTRIES = 5 + CLASSES };

/* in the text's order; map 0 is the coarse one */
static const size_t map_h[MAPS] = { 3, 6 }, map_w[MAPS] = { 3, 6 };
static const double anchor[MAPS][ANCHORS][2] = { { { 30, 28 }, { 80, 60 } },
	{ { 8, 10 }, { 16, 12 } } };

static const char text[] = "yolo3(a) anchors=30,28,80,60 classes=4\n"
			   "yolo3(b) anchors=8,10,16,12 classes=4\n";
static const char stretched[] = "yolo3(a) anchors=30,28,80,60 classes=4 scale_xy=1.2\n"
				"yolo3(b) anchors=8,10,16,12 classes=4 scale_xy=1.1\n";

struct setting {
	double coord, object, noobj, cls, ignore;
	double stretch[MAPS];
	double giou; /* 0: none */
};

static void
open_objects(struct rig *r, const char *decode, const char *line)
{
	if (rig_open(r, &det_objective_yolo3, decode, line, 3, 96)) {
		printf("Bail out! %s\n", det_errmsg());
		exit(1);
	}
	for (size_t m = 0; m < MAPS; m++)
		rig_map(r, ANCHORS * ENTRIES, map_h[m], map_w[m], .5);
	rig_objects(r);
}

/* A candidate. */
struct at {
	size_t image, map, a, row, col;
};

static size_t
plane(const struct at *c, size_t entry)
{
	return (((c->image * ANCHORS + c->a) * ENTRIES + entry) * map_h[c->map] +
		   c->row) *
		   map_w[c->map] +
	       c->col;
}

static double
out(const struct rig *r, const struct at *c, size_t entry)
{
	return (double)r->x[c->map][plane(c, entry)];
}

static struct rel
predicted(const struct rig *r, const struct at *c, const struct setting *s)
{
	const double k = s->stretch[c->map];
	const double x = logistic(out(r, c, 0)) * k - (k - 1) / 2;
	const double y = logistic(out(r, c, 1)) * k - (k - 1) / 2;

	return (struct rel){ ((double)c->col + x) / (double)map_w[c->map],
		((double)c->row + y) / (double)map_h[c->map],
		exp(out(r, c, 2)) * anchor[c->map][c->a][0] / 96,
		exp(out(r, c, 3)) * anchor[c->map][c->a][1] / 96 };
}

/* Target less probability, straight to the logit. */
static void
step(struct note *const *n, const struct rig *r, const struct at *c, size_t entry,
    const char *term, double k, double target)
{
	const double p = logistic(out(r, c, entry));

	note(&n[c->map][plane(c, entry)], term, k * (target - p), k * cross(p, target));
}

static void
empty(struct note *const *n, const struct rig *r, const struct at *c,
    const struct setting *s)
{
	double best = 0;

	for (size_t t = 0; t < r->truth[c->image].n; t++)
		if (rig_counts(r, &r->box[c->image][t]))
			best = fmax(best, rel_iou(predicted(r, c, s),
					      rig_rel(r, &r->box[c->image][t])));
	if (best <= s->ignore)
		step(n, r, c, 4, "noobj", s->noobj, 0);
}

/* 1 - GIoU of the box that a candidate decodes to, `moved` in one of its four planes. */
static double
giou_loss(const struct rig *r, const struct at *c, struct rel t,
    const struct setting *s, size_t entry, double moved)
{
	const double k = s->stretch[c->map];
	double v[4], iou, around, both;
	struct rel p;

	for (size_t i = 0; i < 4; i++)
		v[i] = out(r, c, i) + (i == entry ? moved : 0);
	p.x =
	    ((double)c->col + logistic(v[0]) * k - (k - 1) / 2) / (double)map_w[c->map];
	p.y =
	    ((double)c->row + logistic(v[1]) * k - (k - 1) / 2) / (double)map_h[c->map];
	p.w = exp(v[2]) * anchor[c->map][c->a][0] / 96;
	p.h = exp(v[3]) * anchor[c->map][c->a][1] / 96;
	iou = rel_iou(p, t);
	both = (p.w * p.h + t.w * t.h) / (1 + iou);
	around =
	    (fmax(p.x + p.w / 2, t.x + t.w / 2) - fmin(p.x - p.w / 2, t.x - t.w / 2)) *
	    (fmax(p.y + p.h / 2, t.y + t.h / 2) - fmin(p.y - p.h / 2, t.y - t.h / 2));
	return 1 - iou + (around - both) / around;
}

static void
learn_giou(struct note *const *n, const struct rig *r, const struct at *c, struct rel t,
    const struct setting *s)
{
	const double h = 1e-6;

	for (size_t i = 0; i < 4; i++) {
		const double d =
		    giou_loss(r, c, t, s, i, h) - giou_loss(r, c, t, s, i, -h);

		note(&n[c->map][plane(c, i)], "giou", -s->giou * d / (2 * h),
		    i ? 0 : s->giou * giou_loss(r, c, t, s, 0, 0));
	}
}

static void
learn(struct note *const *n, const struct rig *r, const struct at *c, struct rel t,
    int label, const struct setting *s)
{
	const double k = s->coord * (2 - t.w * t.h), stretch = s->stretch[c->map];
	const double at[2] = { t.x * (double)map_w[c->map] - (double)c->col,
		t.y * (double)map_h[c->map] - (double)c->row };
	const double side[2] = { t.w * 96, t.h * 96 };
	const int again = n[c->map][plane(c, 5)].term != NULL;

	for (size_t i = 0; i < 2; i++) {
		const double d =
		    log(side[i] / anchor[c->map][c->a][i]) - out(r, c, 2 + i);

		step(n, r, c, i, "xy", k, (at[i] - .5) / stretch + .5);
		note(&n[c->map][plane(c, 2 + i)], "wh", k * d, k / 2 * d * d);
	}
	if (s->giou > 0)
		learn_giou(n, r, c, t, s);
	step(n, r, c, 4, "obj", s->object, 1);
	for (size_t i = 0; i < CLASSES; i++)
		if (!again || (int)i == label)
			step(n, r, c, 5 + i, "cls", s->cls, (int)i == label);
}

static void
transcribe(
    struct note *const *n, const struct rig *r, size_t image, const struct setting *s)
{
	struct at c = { .image = image };

	for (c.map = 0; c.map < MAPS; c.map++)
		for (c.a = 0; c.a < ANCHORS; c.a++)
			for (c.row = 0; c.row < map_h[c.map]; c.row++)
				for (c.col = 0; c.col < map_w[c.map]; c.col++)
					empty(n, r, &c, s);
	for (size_t i = 0; i < r->truth[image].n; i++) {
		const struct det_box *b = &r->box[image][i];
		const struct rel t = rig_rel(r, b), there = { 0, 0, t.w, t.h };
		double best = 0;

		if (!rig_counts(r, b))
			continue;
		for (size_t k = 0; k < MAPS * ANCHORS; k++) {
			const double *shape = anchor[k / ANCHORS][k % ANCHORS];
			const struct rel p = { 0, 0, shape[0] / 96, shape[1] / 96 };

			if (rel_iou(p, there) > best) {
				best = rel_iou(p, there);
				c.map = k / ANCHORS;
				c.a = k % ANCHORS;
			}
		}
		c.col = (size_t)(t.x * (double)map_w[c.map]);
		c.row = (size_t)(t.y * (double)map_h[c.map]);
		learn(n, r, &c, t, b->label, s);
	}
}

static void
against_formulas(const char *decode, const char *line, const struct setting *s)
{
	struct rig r;
	struct note *notes[MAPS];

	open_objects(&r, decode, line);
	for (size_t m = 0; m < MAPS; m++)
		notes[m] = rig_alloc(r.count[m], sizeof *notes[m]);
	for (size_t i = 0; i < r.in.n; i++)
		transcribe(notes, &r, i, s);
	ok(!rig_run(&r), "%s: runs", line);
	rig_compare(&r, notes, 3, line);
	for (size_t m = 0; m < MAPS; m++)
		free(notes[m]);
	rig_close(&r);
}

static void
formulas(void)
{
	const struct setting plain = { 1, 1, 1, 1, .7, { 1, 1 }, 0 };
	const struct setting voc = { 1, 1, 1, 1, .5, { 1, 1 }, 0 };
	const struct setting other = { 3, 2, .5, 4, .2, { 1.2, 1.1 }, 0 };
	const struct setting giou = { 1, 1, 1, 1, .7, { 1, 1 }, .5 };
	const struct setting wide = { 1, 1, 1, 1, .7, { 1.2, 1.1 }, 3 };

	against_formulas(text, "yolo3", &plain);
	against_formulas(text, "yolo3 ignore=.5", &voc);
	against_formulas(
	    stretched, "yolo3 coord=3 object=2 noobj=.5 class=4 ignore=.2", &other);
	against_formulas(text, "yolo3 giou=.5", &giou);
	against_formulas(stretched, "yolo3 giou=3", &wide);
}

static void
differences(void)
{
	static const char *const line[] = {
		"yolo3",
		"yolo3 norm=objects",
		"yolo3 object=0 noobj=0 class=0",
		"yolo3 coord=0 noobj=0 class=0",
		"yolo3 coord=0 object=0 class=0 ignore=.1",
		"yolo3 coord=0 object=0 noobj=0",
	};
	struct rig r;

	for (size_t i = 0; i < sizeof line / sizeof *line; i++) {
		open_objects(&r, i == 1 ? stretched : text, line[i]);
		rig_central(&r, line[i]);
		rig_close(&r);
	}
}

/* --- by hand -------------------------------------------------------------------------------- */

/* One class; a map of 1 x 1 cell with the anchors 80 x 80 and 40 x 40, one of 2 x 2 with
 * 40 x 40 and 20 x 20; input 100 x 100. */
enum { X, Y, TW, TH, OBJ, CLS, H_ENTRIES };

static void
open_hand(struct rig *r, const char *line)
{
	if (rig_open(r, &det_objective_yolo3,
		"yolo3(a) anchors=80,80,40,40 classes=2\n"
		"yolo3(b) anchors=40,40,20,20 classes=2\n",
		line, 1, 100)) {
		printf("Bail out! %s\n", det_errmsg());
		exit(1);
	}
	rig_map(r, 2 * (H_ENTRIES + 1), 1, 1, 0);
	rig_map(r, 2 * (H_ENTRIES + 1), 2, 2, 0);
}

static float
grad_a(const struct rig *r, size_t a, size_t entry)
{
	return r->grad[0][a * 7 + entry];
}

static float
grad_b(const struct rig *r, size_t a, size_t entry, size_t cell)
{
	return r->grad[1][(a * 7 + entry) * 4 + cell];
}

static void
by_hand(void)
{
	const double l2 = log(2);
	struct rig r;

	open_hand(&r, "yolo3");
	ok(!rig_run(&r) && rig_near(rig_sum(&r), 10 * l2, 1e-9) &&
		rig_near(rig_value(&r, "noobj"), 10 * l2, 1e-9),
	    "an empty picture: ten candidates at log 2");
	rig_box(&r, 0, 40, 60, 60, 80, 1); /* centre 50, 70: cell 3 of b, anchor 1 */
	ok(!rig_run(&r) && rig_near((double)grad_b(&r, 1, OBJ, 3), -.5, 1e-7) &&
		rig_near(rig_value(&r, "obj"), l2, 1e-9),
	    "a small one is of the small anchor's map alone");
	ok(rig_near((double)grad_b(&r, 1, X, 3), (2 - .04) * (.5 - 0), 1e-6) &&
		rig_near((double)grad_b(&r, 1, Y, 3), (2 - .04) * (.5 - .4), 1e-6) &&
		grad_b(&r, 1, TW, 3) == 0 && rig_value(&r, "wh") == 0,
	    "its place in the cell is learnt, 0 and .4, weighed by 2 - .04; its size "
	    "is right");
	ok(rig_near((double)grad_b(&r, 1, CLS, 3), .5, 1e-7) &&
		rig_near((double)grad_b(&r, 1, CLS + 1, 3), -.5, 1e-7) &&
		rig_near(rig_value(&r, "cls"), 2 * l2, 1e-9),
	    "and its class");
	r.truth[0].n = 0;
	rig_box(&r, 0, 5, 5, 45, 45, 0);
	ok(!rig_run(&r) && grad_a(&r, 1, OBJ) < 0 && grad_b(&r, 0, OBJ, 0) < 0 &&
		rig_near(rig_value(&r, "obj"), 2 * l2, 1e-9),
	    "an anchor of two maps: learnt on both");
	ok(r.o.tally->objects == 1 && r.o.tally->unmatched == 0, "... as one object");
	rig_box(&r, 0, 5, 5, 45, 43, 1);
	ok(!rig_run(&r) && rig_near(rig_value(&r, "obj"), 2 * l2, 1e-9) &&
		grad_b(&r, 0, CLS, 0) < 0 && grad_b(&r, 0, CLS + 1, 0) < 0 &&
		grad_b(&r, 0, TH, 0) > 0,
	    "two of one place: the later's box, both classes");
	ok(r.o.tally->objects == 2 && r.o.tally->unmatched == 1,
	    "... the earlier's is not learnt");
	rig_close(&r);
}

static void
ignored(void)
{
	struct rig r;

	open_hand(&r, "yolo3");
	/* 90 x 90 in the middle: anchor 0 of a; 80 x 80 there overlaps it by .79 */
	rig_box(&r, 0, 5, 5, 95, 95, 0);
	r.x[0][7 + TW] = r.x[0][7 + TH] =
	    (float)log(2); /* the other one is 80 x 80, too */
	ok(!rig_run(&r) && grad_a(&r, 0, OBJ) < 0 && grad_a(&r, 1, OBJ) == 0,
	    "a second box on the object: not taught that there is nothing");
	rig_close(&r);
	open_hand(&r, "yolo3 ignore=.8");
	rig_box(&r, 0, 5, 5, 95, 95, 0);
	r.x[0][7 + TW] = r.x[0][7 + TH] = (float)log(2);
	ok(!rig_run(&r) && grad_a(&r, 1, OBJ) > 0,
	    "unless ignore= is above its overlap");
	r.box[0][0].flags = DET_BOX_DIFFICULT;
	ok(!rig_run(&r) && grad_a(&r, 0, OBJ) > 0, "a difficult one is not there");
	rig_close(&r);
	open_hand(&r, "yolo3 difficult=ignore");
	rig_box(&r, 0, 30, 30, 95, 95, 0)->flags = DET_BOX_DIFFICULT;
	ok(!rig_run(&r) && grad_a(&r, 0, OBJ) > 0 && grad_a(&r, 1, OBJ) == 0,
	    "difficult=ignore: what lies in it is left in peace");
	rig_close(&r);
}

/* Where targets are met all terms vanish. */
static void
perfect(void)
{
	struct rig r;

	open_hand(&r, "yolo3");
	rig_box(&r, 0, 12, 20, 88, 96, 1); /* 76 x 76, centre 50, 58 */
	for (size_t i = 0; i < r.count[1]; i++)
		r.x[1][i] = -40;
	r.x[0][X] = 0;
	r.x[0][Y] = (float)log(.58 / .42);
	r.x[0][TW] = r.x[0][TH] = (float)log(.95);
	r.x[0][OBJ] = r.x[0][CLS + 1] = 40;
	r.x[0][CLS] = -40;
	r.x[0][7 + OBJ] = -40;
	ok(!rig_run(&r) && rig_sum(&r) < 1e-9 && rig_sum(&r) >= 0,
	    "a perfect map has no loss");
	rig_close(&r);
	open_hand(&r, "yolo3 giou=2 object=0 noobj=0 class=0");
	rig_box(&r, 0, 12, 20, 88, 96, 1);
	ok(rig_term(&r, "xy") < 0 && rig_term(&r, "wh") < 0 && !rig_run(&r) &&
		rig_sum(&r) > .1,
	    "giou= has a term of its own");
	r.x[0][Y] = (float)log(.58 / .42);
	r.x[0][TW] = r.x[0][TH] = (float)log(.95);
	ok(!rig_run(&r) && rig_value(&r, "giou") < 1e-5, "which goes to 0");
	rig_close(&r);
}

static void
refused(const char *decode, const char *line, enum det_err want, const char *why)
{
	struct rig r;

	ok(rig_open(&r, &det_objective_yolo3, decode, line, 1, 96) == want, "%s: %s",
	    why, det_errmsg());
	rig_close(&r);
}

static void
refusals(void)
{
	struct rig r;

	refused(
	    "region(y) anchors=1,1 classes=2", "yolo3", DET_INVALID, "another decoder");
	refused("yolo3(y) anchors=1,1 classes=2 new_coords", "yolo3", DET_UNSUPPORTED,
	    "a map that is no logits");
	refused("yolo3(y) anchors=1,1 classes=2\nyolo3(z) anchors=1,1 classes=3",
	    "yolo3", DET_INVALID, "different classes");
	refused("yolo3(y) anchors=1,1 classes=2", "yolo3 rescore=1", DET_INVALID,
	    "a key of another");
	open_hand(&r, "yolo3");
	r.map[1].dims[0] = 2;
	ok(rig_run(&r) == DET_INVALID, "a map of another batch: %s", det_errmsg());
	r.map[1].dims[0] = 1;
	r.x[1][2] = NAN;
	ok(rig_run(&r) == DET_INVALID && strstr(det_errmsg(), "'b'"),
	    "a map that is not finite: %s", det_errmsg());
	r.x[1][2] = 3e38f;
	r.x[0][TW] = -3e38f;
	ok(!rig_run(&r) && isfinite(rig_sum(&r)), "the largest floats have a loss");
	rig_close(&r);
}

int
main(void)
{
	formulas();
	differences();
	by_hand();
	ignored();
	perfect();
	refusals();
	return done();
}
