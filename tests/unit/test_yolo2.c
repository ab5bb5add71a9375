/* SPDX-License-Identifier: MIT
 *
 * YOLOv2's objective: against a transcription of its formulas, central differences of each
 * term, and cases worked by hand.
 */
#include "tests/unit/yolo_rig.h"

enum { W = 6, H = 4, ANCHORS = 3, CLASSES = 4, ENTRIES = 5 + CLASSES, HW = H * W };
enum { IMAGE = ANCHORS * ENTRIES * HW };

static const double anchor[ANCHORS][2] = { { .9, .6 }, { 2, 1.5 }, { 5, 3 } };

#define TEXT_OF(flags) "region(y) anchors=.9,.6,2,1.5,5,3 classes=4 " flags " net=96x96"

struct setting {
	int softmax, rescore, prior;
	double coord, object, noobj, cls, ignore;
};

static void
open_objects(struct rig *r, const char *decode, const char *line)
{
	if (rig_open(r, &det_objective_yolo2, decode, line, 3, 96)) {
		printf("Bail out! %s\n", det_errmsg());
		exit(1);
	}
	rig_map(r, ANCHORS * ENTRIES, H, W, .5);
	rig_objects(r);
	r->in.seen = 12800;
}

static size_t
plane(size_t a, size_t entry, size_t row, size_t col)
{
	return (a * ENTRIES + entry) * HW + row * W + col;
}

static struct rel
predicted(const float *x, size_t a, size_t row, size_t col)
{
	return (struct rel){
		((double)col + logistic((double)x[plane(a, 0, row, col)])) / W,
		((double)row + logistic((double)x[plane(a, 1, row, col)])) / H,
		exp((double)x[plane(a, 2, row, col)]) * anchor[a][0] / W,
		exp((double)x[plane(a, 3, row, col)]) * anchor[a][1] / H,
	};
}

/* A step of k (target - out), through the logistic where it is one. */
static void
step(struct note *n, const char *term, double k, double target, float x, int squashed)
{
	const double out = squashed ? logistic((double)x) : (double)x;
	const double d = target - out;

	note(n, term, k * d * (squashed ? out * (1 - out) : 1), k / 2 * d * d);
}

static void
box_steps(struct note *n, const float *x, const char *const term[2], double k,
    const double target[4], size_t a, size_t row, size_t col)
{
	for (size_t i = 0; i < 4; i++)
		step(&n[plane(a, i, row, col)], term[i / 2], k, target[i],
		    x[plane(a, i, row, col)], i < 2);
}

static void
empty(struct note *n, const float *x, const struct rig *r, size_t image,
    const struct setting *s)
{
	static const char *const prior[2] = { "prior", "prior" };
	static const double middle[4] = { .5, .5, 0, 0 };

	for (size_t i = 0; i < ANCHORS * HW; i++) {
		const size_t a = i / HW, row = i % HW / W, col = i % W;
		const size_t obj = plane(a, 4, row, col);
		double best = 0;

		for (size_t t = 0; t < r->truth[image].n; t++)
			if (rig_counts(r, &r->box[image][t]))
				best = fmax(best, rel_iou(predicted(x, a, row, col),
						      rig_rel(r, &r->box[image][t])));
		if (best <= s->ignore)
			step(&n[obj], "noobj", s->noobj, 0, x[obj], 1);
		if (s->prior)
			box_steps(n, x, prior, .01, middle, a, row, col);
	}
}

static size_t
likest(struct rel t)
{
	double best = 0;
	size_t which = 0;

	for (size_t a = 0; a < ANCHORS; a++) {
		const struct rel shape = { 0, 0, anchor[a][0] / W, anchor[a][1] / H };
		const struct rel there = { 0, 0, t.w, t.h };

		if (rel_iou(shape, there) > best) {
			best = rel_iou(shape, there);
			which = a;
		}
	}
	return which;
}

static void
classes(struct note *n, const float *x, const struct setting *s, int label, size_t a,
    size_t row, size_t col)
{
	const int again = n[plane(a, 5, row, col)].term != NULL;
	double sum = 0;

	for (size_t k = 0; k < CLASSES; k++)
		sum += exp((double)x[plane(a, 5 + k, row, col)]);
	for (size_t k = 0; k < CLASSES; k++) {
		const size_t c = plane(a, 5 + k, row, col);
		const int is = (int)k == label;
		const double p = exp((double)x[c]) / sum, own = logistic((double)x[c]);

		if (s->softmax)
			note(
			    &n[c], "cls", s->cls * (is - p), is ? -s->cls * log(p) : 0);
		else if (!again || is)
			note(
			    &n[c], "cls", s->cls * (is - own), s->cls * cross(own, is));
	}
}

/* One image: its map and its notes. */
static void
transcribe(struct note *n, const float *x, const struct rig *r, size_t image,
    const struct setting *s)
{
	static const char *const term[2] = { "xy", "wh" };

	empty(n, x, r, image, s);
	for (size_t i = 0; i < r->truth[image].n; i++) {
		const struct det_box *b = &r->box[image][i];
		const struct rel t = rig_rel(r, b);
		const size_t col = (size_t)(t.x * W), row = (size_t)(t.y * H);
		const size_t a = likest(t), obj = plane(a, 4, row, col);
		const double target[4] = { t.x * W - (double)col, t.y * H - (double)row,
			log(t.w * W / anchor[a][0]), log(t.h * H / anchor[a][1]) };

		if (!rig_counts(r, b))
			continue;
		box_steps(n, x, term, s->coord * (2 - t.w * t.h), target, a, row, col);
		step(&n[obj], "obj", s->object,
		    s->rescore ? rel_iou(predicted(x, a, row, col), t) : 1, x[obj], 1);
		classes(n, x, s, b->label, a, row, col);
	}
}

static void
against_formulas(
    const char *decode, const char *line, uint64_t seen, const struct setting *s)
{
	struct rig r;
	struct note *notes;
	char what[128];

	open_objects(&r, decode, line);
	r.in.seen = seen;
	notes = rig_alloc(r.count[0], sizeof *notes);
	for (size_t i = 0; i < r.in.n; i++)
		transcribe(notes + i * IMAGE, r.x[0] + i * IMAGE, &r, i, s);
	(void)snprintf(what, sizeof what, "%s after %lu", line, (unsigned long)seen);
	ok(!rig_run(&r), "%s: runs", what);
	rig_compare(&r, &notes, 3, what);
	free(notes);
	rig_close(&r);
}

static void
formulas(void)
{
	const struct setting young = { 1, 1, 1, 1, 5, 1, 1, .6 };
	const struct setting old = { 1, 1, 0, 1, 5, 1, 1, .6 };
	const struct setting bits = { 0, 0, 0, 3, 2, .5, 4, .2 };

	against_formulas(TEXT_OF("softmax"), "yolo2", 0, &young);
	against_formulas(TEXT_OF("softmax"), "yolo2", 12796, &young);
	against_formulas(TEXT_OF("softmax"), "yolo2", 12797, &old);
	against_formulas(TEXT_OF(""),
	    "yolo2 rescore=0 coord=3 object=2 noobj=.5 class=4 ignore=.2 prior=0", 0,
	    &bits);
}

static void
differences(void)
{
	static const char *const line[] = {
		"yolo2 rescore=0 prior_images=20000",
		"yolo2 rescore=0 norm=objects",
		"yolo2 rescore=0 object=0 noobj=0 class=0",
		"yolo2 rescore=0 coord=0 noobj=0 class=0",
		"yolo2 rescore=0 coord=0 object=0 class=0 ignore=.1",
		"yolo2 rescore=0 coord=0 object=0 noobj=0",
		"yolo2 rescore=0 coord=0 object=0 noobj=0 class=0 prior_images=1e9",
	};
	struct rig r;

	for (size_t i = 0; i < sizeof line / sizeof *line; i++) {
		open_objects(&r, i == 1 ? TEXT_OF("") : TEXT_OF("softmax"), line[i]);
		rig_central(&r, line[i]);
		rig_close(&r);
	}
}

/* --- by hand -------------------------------------------------------------------------------- */

/* 2 x 2 cells of 50 pixels, two anchors: 50 x 50 and 100 x 25 pixels; one class. */
enum { X, Y, TW, TH, OBJ, CLS, H_ENTRIES };

static void
open_hand(struct rig *r, const char *line)
{
	if (rig_open(r, &det_objective_yolo2,
		"region(y) anchors=1,1,2,.5 classes=1 softmax", line, 1, 100)) {
		printf("Bail out! %s\n", det_errmsg());
		exit(1);
	}
	rig_map(r, 2 * H_ENTRIES, 2, 2, 0);
	r->in.seen = 1000000;
}

static size_t
at(size_t a, size_t entry, size_t cell)
{
	return (a * H_ENTRIES + entry) * 4 + cell;
}

/* The candidate, anchor * 4 + cell, that learns a box; -1 none, -2 several. */
static int
who(const struct rig *r)
{
	int found = -1;

	for (size_t c = 0; c < 8; c++)
		if (r->grad[0][at(c / 4, TW, c % 4)] != 0)
			found = found == -1 ? (int)c : -2;
	return found;
}

static void
by_hand(void)
{
	struct rig r;
	float *x;

	/* centre 75, 25: cell 1, x .5, y .5; 50 x 40: anchor 0 */
	open_hand(&r, "yolo2");
	x = r.x[0];
	rig_box(&r, 0, 50, 5, 100, 45, 0);
	ok(!rig_run(&r) && rig_value(&r, "xy") == 0 &&
		rig_near(
		    rig_value(&r, "wh"), .5 * (2 - .5 * .4) * pow(log(.8), 2), 1e-7),
	    "anchor 0 in cell 1: only the height to learn");
	ok(rig_near(rig_value(&r, "obj"), .5 * 5 * pow(.8 - .5, 2), 1e-7) &&
		rig_near((double)r.grad[0][at(0, OBJ, 1)], -5 * .3 * .25, 1e-6),
	    "its objectness learns the overlap, .8, through the logistic");
	ok(rig_near(rig_value(&r, "noobj"), 7 * .5 * .25, 1e-7),
	    "seven others learn 0");
	x[at(0, TH, 1)] = (float)log(.8);
	ok(!rig_run(&r) && rig_near(rig_value(&r, "wh"), 0, 1e-12) &&
		rig_near(rig_value(&r, "obj"), .5 * 5 * .25, 1e-7),
	    "a perfect box, an IoU of 1 to learn");
	ok(rig_value(&r, "prior") == 0, "no prior after 12,800 images");
	r.in.seen = 12798;
	x[at(1, TW, 0)] = 3;
	ok(!rig_run(&r) && rig_near(rig_value(&r, "prior"), .005 * 9, 1e-9) &&
		rig_near((double)r.grad[0][at(1, TW, 0)], .03, 1e-7),
	    "one image earlier: 1/2 * .01 * 3^2");
	rig_close(&r);

	open_hand(&r, "yolo2");
	rig_box(&r, 0, 5, 40, 95, 60, 0);
	ok(!rig_run(&r) && who(&r) == 4 + 3,
	    "anchor by shape; a centre on cells' border");
	r.truth[0].n = 0;
	rig_box(&r, 0, 0, 0, 75, 37.5, 0);
	ok(!rig_run(&r) && who(&r) == 0 + 0, "equally like two: the first");
	r.truth[0].n = 0;
	rig_box(&r, 0, 50, 5, 90, 45, 0);
	rig_box(&r, 0, 52, 0, 97, 50, 0);
	ok(!rig_run(&r) && who(&r) == 1 &&
		rig_near(
		    rig_value(&r, "wh"), .5 * (2 - .45 * .5) * pow(log(.9), 2), 1e-7),
	    "two of one cell and anchor: the later counts");
	ok(r.o.tally->objects == 2 && r.o.tally->unmatched == 1, "... the other not");
	r.truth[0].n = 0;
	ok(!rig_run(&r) && who(&r) == -1 && rig_near(rig_sum(&r), 8 * .125, 1e-9),
	    "an empty picture: all learn 0");
	r.truth[0].n = 0;
	rig_box(&r, 0, 60, 60, 300, 300, 0);
	ok(!rig_run(&r) && who(&r) == 3, "what sticks out is cut");
	rig_close(&r);
}

static void
ignored(void)
{
	struct rig r;

	open_hand(&r, "yolo2");
	rig_box(&r, 0, 0, 12.5, 75, 37.5, 0); /* 75 x 25: anchor 1, cell 0 */
	r.x[0][at(0, TW, 0)] = (float)log(1.5);
	r.x[0][at(0, TH, 0)] = (float)log(.5);
	/* predicted: centre 25, 75 x 25: overlap 62.5 x 25 of 87.5 x 25 = .714 */
	ok(!rig_run(&r) && r.grad[0][at(0, OBJ, 0)] == 0 &&
		r.grad[0][at(1, OBJ, 0)] != 0,
	    "an overlap of .71 without the object: not taught that there is nothing");
	r.x[0][at(0, TW, 0)] = 0;
	/* 50 x 25 on 75 x 25: .667, then .5 by a smaller height */
	ok(!rig_run(&r) && r.grad[0][at(0, OBJ, 0)] == 0, "nor one of .67");
	r.x[0][at(0, TW, 0)] = (float)log(.5);
	ok(!rig_run(&r) && r.grad[0][at(0, OBJ, 0)] != 0, "one of .33 is");
	r.box[0][0].flags = DET_BOX_CROWD;
	r.x[0][at(0, TW, 0)] = (float)log(1.5);
	ok(!rig_run(&r) && r.grad[0][at(0, OBJ, 0)] != 0 && who(&r) == -1,
	    "a crowd is as if it were not there");
	rig_close(&r);
	open_hand(&r, "yolo2 crowd=ignore");
	rig_box(&r, 0, 0, 12.5, 75, 37.5, -1)->flags = DET_BOX_CROWD;
	r.x[0][at(0, TW, 0)] = (float)log(1.5);
	r.x[0][at(0, TH, 0)] = (float)log(.5);
	ok(!rig_run(&r) && r.grad[0][at(0, OBJ, 0)] == 0 && who(&r) == -1,
	    "under crowd=ignore what meets it is left in peace");
	r.x[0][at(0, TW, 0)] = 1e30f;
	r.x[0][at(0, TH, 0)] = -1e30f;
	ok(!rig_run(&r) && isfinite(rig_sum(&r)), "wild sizes overlap nothing");
	rig_close(&r);
}

static void
refused(const char *decode, const char *line, enum det_err want, const char *why)
{
	struct rig r;

	ok(rig_open(&r, &det_objective_yolo2, decode, line, 1, 96) == want, "%s: %s",
	    why, det_errmsg());
	rig_close(&r);
}

static void
refusals(void)
{
	struct rig r;

	refused(
	    "yolo3(y) anchors=1,1 classes=2", "yolo2", DET_INVALID, "another decoder");
	refused("region(y) anchors=1,1 classes=2\nregion(z) anchors=1,1 classes=2",
	    "yolo2", DET_INVALID, "two maps");
	refused("region(y) anchors=1,1 classes=2 softmax background", "yolo2",
	    DET_UNSUPPORTED, "a background class");
	refused("region(y) anchors=1,1 classes=2", "yolo2 ignore=2", DET_INVALID,
	    "an overlap above 1");
	refused("region(y) anchors=1,1 classes=2", "yolo2 form=paper", DET_INVALID,
	    "a key of another");
	open_hand(&r, "yolo2");
	r.map[0].dims[1]--;
	ok(rig_run(&r) == DET_INVALID, "a map of other planes: %s", det_errmsg());
	r.map[0].dims[1]++;
	r.x[0][3] = INFINITY;
	ok(rig_run(&r) == DET_INVALID, "a map that is not finite: %s", det_errmsg());
	r.x[0][3] = 3e38f;
	r.x[0][at(0, TW, 0)] = 3e38f;
	rig_box(&r, 0, 0, 0, 50, 50, 0);
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
	refusals();
	return done();
}
