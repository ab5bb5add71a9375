/* SPDX-License-Identifier: MIT
 *
 * YOLOv1's objective: against a transcription of its formulas, central differences of each
 * term, and cases worked by hand.
 */
#include "tests/unit/yolo_rig.h"

enum { SIDE = 4, BOXES = 3, CLASSES = 4, CELLS = SIDE * SIDE };
enum { WIDTH = CLASSES + 5 * BOXES };

#define TEXT_OF(flags) "detection(y) side=4 num=3 classes=4 " flags " net=96x96"

struct setting {
	int root, softmax, rescore;
	double coord, object, noobj, cls, factor;
};

static void
open_objects(struct rig *r, const char *decode, const char *line)
{
	if (rig_open(r, &det_objective_yolo1, decode, line, 3, 96)) {
		printf("Bail out! %s\n", det_errmsg());
		exit(1);
	}
	rig_map(r, CELLS * WIDTH, 1, 1, .6);
	rig_objects(r);
}

static struct rel
predicted(const float *c, size_t col, size_t row, int root)
{
	const double w = (double)c[2], h = (double)c[3];

	return (struct rel){ ((double)c[0] + (double)col) / SIDE,
		((double)c[1] + (double)row) / SIDE, root ? w * w : w,
		root ? h * h : h };
}

static size_t
choose(const float *coord, size_t col, size_t row, struct rel t, int root)
{
	double iou[BOXES], apart[BOXES], most = 0;
	size_t best = 0;

	for (size_t j = 0; j < BOXES; j++) {
		const struct rel p = predicted(coord + 4 * j, col, row, root);

		iou[j] = p.w > 0 && p.h > 0 ? rel_iou(p, t) : 0;
		apart[j] = sqrt(pow(p.x - t.x, 2) + pow(p.y - t.y, 2) +
				pow(p.w - t.w, 2) + pow(p.h - t.h, 2));
		most = fmax(most, iou[j]);
	}
	for (size_t j = 1; j < BOXES; j++)
		if (most > 0 ? iou[j] > iou[best] : apart[j] < apart[best])
			best = j;
	return best;
}

static void
squared(
    struct note *n, const char *term, double k, double target, float x, double factor)
{
	const double d = target - (double)x;

	note(n, term, 2 * factor * k * d, factor * k * d * d);
}

/* One image: its map and its notes. */
static void
transcribe(struct note *n, const float *x, const struct rig *r, size_t image,
    const struct setting *s)
{
	struct note *conf = n + CELLS * CLASSES, *coord = conf + CELLS * BOXES;
	const float *xc = x + CELLS * CLASSES, *xb = xc + CELLS * BOXES;
	int taken[CELLS] = { 0 };

	for (size_t i = 0; i < CELLS * BOXES; i++)
		squared(&conf[i], "noobj", s->noobj, 0, xc[i], s->factor);
	for (size_t i = 0; i < r->truth[image].n; i++) {
		const struct det_box *b = &r->box[image][i];
		const struct rel t = rig_rel(r, b);
		const size_t col = (size_t)(t.x * SIDE), row = (size_t)(t.y * SIDE);
		const size_t cell = row * SIDE + col;
		double side[2] = { t.w, t.h }, sum = 0, iou;
		size_t j, at;

		if (!rig_counts(r, b) || taken[cell]++)
			continue;
		j = choose(xb + 4 * BOXES * cell, col, row, t, s->root);
		at = cell * BOXES + j;
		iou = rel_iou(predicted(xb + 4 * at, col, row, s->root), t);
		squared(&conf[at], "obj", s->object, s->rescore ? iou : 1, xc[at],
		    s->factor);
		squared(&coord[4 * at], "xy", s->coord, t.x * SIDE - (double)col,
		    xb[4 * at], s->factor);
		squared(&coord[4 * at + 1], "xy", s->coord, t.y * SIDE - (double)row,
		    xb[4 * at + 1], s->factor);
		for (size_t k = 0; k < 2; k++)
			squared(&coord[4 * at + 2 + k], "wh", s->coord,
			    s->root ? sqrt(side[k]) : side[k], xb[4 * at + 2 + k],
			    s->factor);
		for (size_t k = 0; k < CLASSES; k++)
			sum += exp((double)x[cell * CLASSES + k]);
		for (size_t k = 0; k < CLASSES; k++) {
			const size_t c = cell * CLASSES + k;
			const double p = exp((double)x[c]) / sum;
			const int is = (int)k == b->label;

			if (s->softmax)
				note(&n[c], "cls", s->cls * (is - p),
				    is ? -s->cls * log(p) : 0);
			else
				squared(&n[c], "cls", s->cls, is, x[c], s->factor);
		}
	}
}

static void
against_formulas(const char *decode, const char *line, const struct setting *s)
{
	struct rig r;
	struct note *notes;
	char what[128];

	open_objects(&r, decode, line);
	notes = rig_alloc(r.count[0], sizeof *notes);
	for (size_t i = 0; i < r.in.n; i++)
		transcribe(
		    notes + i * CELLS * WIDTH, r.x[0] + i * CELLS * WIDTH, &r, i, s);
	(void)snprintf(what, sizeof what, "%s%s", s->root ? "roots, " : "", line);
	ok(!rig_run(&r), "%s: %s", what, "runs");
	rig_compare(&r, &notes, 3, what);
	free(notes);
	rig_close(&r);
}

static void
formulas(void)
{
	const struct setting darknet = { 1, 0, 1, 5, 1, .5, 1, .5 };
	const struct setting plain = { 0, 0, 1, 5, 1, .5, 1, .5 };
	const struct setting paper = { 1, 0, 1, 5, 1, .5, 1, 1 };
	const struct setting other = { 1, 1, 0, 3, 2, .25, 4, .5 };

	against_formulas(TEXT_OF("sqrt"), "yolo1", &darknet);
	against_formulas(TEXT_OF(""), "yolo1", &plain);
	against_formulas(TEXT_OF("sqrt"), "yolo1 form=paper", &paper);
	against_formulas(TEXT_OF("sqrt softmax"),
	    "yolo1 rescore=0 coord=3 object=2 noobj=.25 class=4", &other);
}

static void
differences(void)
{
	static const char *const line[] = {
		"yolo1 rescore=0",
		"yolo1 rescore=0 form=paper norm=objects",
		"yolo1 rescore=0 object=0 noobj=0 class=0",
		"yolo1 rescore=0 coord=0 noobj=0 class=0",
		"yolo1 rescore=0 coord=0 object=0 class=0",
		"yolo1 rescore=0 coord=0 object=0 noobj=0",
	};
	struct rig r;

	for (size_t i = 0; i < sizeof line / sizeof *line; i++) {
		open_objects(&r, i ? TEXT_OF("sqrt") : TEXT_OF("softmax"), line[i]);
		rig_central(&r, line[i]);
		rig_close(&r);
	}
}

/* --- by hand -------------------------------------------------------------------------------- */

/* 2 x 2 cells, two boxes, one class, input 100 x 100. All is 0 but what a test sets. */
enum { H_CONF = 4, H_COORD = 4 + 8, H_WIDTH = 4 * (1 + 10) };

static void
open_hand(struct rig *r, const char *line)
{
	if (rig_open(r, &det_objective_yolo1, "detection(y) side=2 num=2 classes=1",
		line, 1, 100)) {
		printf("Bail out! %s\n", det_errmsg());
		exit(1);
	}
	rig_map(r, H_WIDTH, 1, 1, 0);
}

static void
set_box(struct rig *r, size_t cell, size_t j, float x, float y, float w, float h)
{
	const float v[4] = { x, y, w, h };

	memcpy(r->x[0] + H_COORD + 4 * (2 * cell + j), v, sizeof v);
}

/* Which box of the cell is taught an object's place. */
static int
who(const struct rig *r, size_t cell)
{
	const float *g = r->grad[0] + H_COORD + 8 * cell;
	int first = 0, second = 0;

	for (size_t i = 0; i < 4; i++) {
		first |= g[i] != 0;
		second |= g[4 + i] != 0;
	}
	return first && second ? 2 : first ? 0 : second ? 1 : -1;
}

static void
by_hand(void)
{
	struct rig r;

	/* an object 10..30 x 60..100 is of cell 2 (column 0, row 1): x .4, y .6, w .2, h .4 */
	open_hand(&r, "yolo1");
	rig_box(&r, 0, 10, 60, 30, 100, 0);
	set_box(&r, 2, 0, .4f, .6f, .2f, .4f);
	set_box(&r, 2, 1, .9f, .9f, .1f, .1f);
	r.x[0][H_CONF + 4] = 1;
	r.x[0][2] = 1;
	ok(!rig_run(&r) && rig_sum(&r) < 1e-12, "a perfect map has no loss");
	r.x[0][H_CONF + 5] = .5f;
	ok(!rig_run(&r) && rig_near(rig_value(&r, "noobj"), .5 * .5 * .25, 1e-12) &&
		rig_near((double)r.grad[0][H_CONF + 5], .25, 1e-7),
	    "the box that is not responsible: 1/2 * .5 * .5^2, gradient .25");
	r.x[0][H_COORD + 16] = .6f; /* x of box 0: .2 too far; 2/5 of its width */
	ok(!rig_run(&r) && rig_near(rig_value(&r, "xy"), .5 * 5 * .04, 1e-6) &&
		rig_near(rig_value(&r, "obj"), .5 * pow(1 - 1. / 3, 2), 1e-6) &&
		rig_near((double)r.grad[0][H_COORD + 16], 5 * .2, 1e-6),
	    "half the width off: 1/2 * 5 * .2^2, and an IoU of 1/3 to learn");
	rig_close(&r);

	open_hand(&r, "yolo1");
	rig_box(&r, 0, 10, 60, 30, 100, 0);
	set_box(&r, 2, 0, .4f, .6f, .1f, .4f);
	set_box(&r, 2, 1, .4f, .6f, .2f, .3f);
	ok(!rig_run(&r) && who(&r, 2) == 1, "responsible is who overlaps most");
	set_box(&r, 2, 1, .4f, .6f, .1f, .4f);
	ok(!rig_run(&r) && who(&r, 2) == 0, "the first of equals");
	set_box(&r, 2, 0, -3, .6f, .2f, .4f);
	set_box(&r, 2, 1, 3.5f, .6f, .2f, .4f);
	ok(!rig_run(&r) && who(&r, 2) == 1, "no overlap: the nearer one");
	set_box(&r, 2, 0, .4f, .6f, -.2f, .4f);
	set_box(&r, 2, 1, .4f, .6f, 8, 8);
	ok(!rig_run(&r) && who(&r, 2) == 1, "a size below 0 overlaps nothing");
	set_box(&r, 2, 0, 900, .6f, .2f, .4f);
	set_box(&r, 2, 1, 800, .6f, .2f, .4f);
	ok(!rig_run(&r) && who(&r, 2) == 1, "however far away: the nearer one");
	rig_close(&r);
}

static void
cells(void)
{
	struct rig r;

	open_hand(&r, "yolo1");
	rig_box(&r, 0, 10, 10, 30, 30, 0);
	rig_box(&r, 0, 12, 12, 20, 20, 0);
	ok(!rig_run(&r) && rig_near(rig_value(&r, "wh"), 2.5 * (.04 + .04), 1e-9),
	    "two objects in a cell: the first is learnt");
	ok(r.o.tally->objects == 2 && r.o.tally->unmatched == 1, "... one is not");
	r.truth[0].n = 0;
	rig_box(&r, 0, 90, 90, 110, 100, 0);
	ok(!rig_run(&r) && who(&r, 3) == 0 && who(&r, 0) == -1 &&
		rig_near(rig_value(&r, "wh"), 2.5 * (.01 + .01), 1e-9),
	    "what sticks out is cut, and is of the last cell");
	r.truth[0].n = 0;
	rig_box(&r, 0, 99.5, 99.5, 100, 100, 0);
	ok(!rig_run(&r) && who(&r, 3) == 0, "a side of just .005 counts");
	r.truth[0].n = 0;
	rig_box(&r, 0, 99.6, 99.5, 100, 100, 0);
	ok(!rig_run(&r) && who(&r, 3) == -1, "one below does not");
	ok(r.o.tally->objects == 1 && r.o.tally->unmatched == 1, "... and is tallied");
	r.truth[0].n = 0;
	rig_box(&r, 0, -10, 10, 10, 20, 0); /* cut to 0..10 */
	rig_box(&r, 0, 60, 60, 80, 80, 0);
	ok(!rig_run(&r) && who(&r, 0) == 0 && who(&r, 3) == 0,
	    "an object at the left edge ends no list");
	r.truth[0].n = 0;
	ok(!rig_run(&r) && rig_sum(&r) == 0,
	    "an empty picture and an empty map: no loss");
	rig_close(&r);
}

static void
flags(void)
{
	static const char *const line[] = { "yolo1",
		"yolo1 difficult=ignore crowd=drop", "yolo1 difficult=use",
		"yolo1 crowd=ignore" };
	static const uint32_t flag[] = { DET_BOX_DIFFICULT, DET_BOX_DIFFICULT,
		DET_BOX_DIFFICULT, DET_BOX_CROWD };
	static const double noobj[] = { .5, 0, .25, 0 };
	struct rig r;

	for (size_t i = 0; i < 4; i++) {
		open_hand(&r, line[i]);
		rig_box(&r, 0, 10, 10, 30, 30, 0)->flags = flag[i];
		r.x[0][H_CONF] = r.x[0][H_CONF + 1] = 1;
		set_box(&r, 0, 0, .4f, .4f, .1f, .1f); /* both in it */
		set_box(&r, 0, 1, .4f, .4f, .1f, .1f);
		ok(!rig_run(&r) && rig_near(rig_value(&r, "noobj"), noobj[i], 1e-12) &&
			(who(&r, 0) == 0) == (i == 2),
		    "a flagged object under '%s'", line[i]);
		rig_close(&r);
	}
	open_hand(&r, "yolo1 norm=objects");
	rig_box(&r, 0, 10, 10, 30, 30, 0);
	rig_box(&r, 0, 60, 10, 80, 30, 0);
	ok(!rig_run(&r) && rig_near(rig_value(&r, "wh"), 2.5 * .08, 1e-9),
	    "norm=objects: two objects, the mean of both");
	r.truth[0].n = 0;
	r.x[0][H_CONF] = 1;
	ok(!rig_run(&r) && rig_near(rig_value(&r, "noobj"), .25, 1e-12),
	    "norm=objects: no object, divided by 1");
	rig_close(&r);
}

/* --- refusals ------------------------------------------------------------------------------- */

static void
refused(const char *decode, const char *line, const char *why)
{
	struct rig r;

	ok(rig_open(&r, &det_objective_yolo1, decode, line, 1, 96) == DET_INVALID,
	    "%s: %s", why, det_errmsg());
	rig_close(&r);
}

static void
refusals(void)
{
	struct rig r;

	refused("region(y) anchors=1,1 classes=2", "yolo1", "another decoder");
	refused("detection(y) classes=2\ndetection(z) classes=2", "yolo1", "two maps");
	refused("detection(y) classes=2", "yolo1 coord=-1", "a weight below 0");
	refused("detection(y) classes=2", "yolo1 form=mine", "an unknown form");
	refused("detection(y) classes=2", "yolo1 ignore=.5", "a key of another");

	open_hand(&r, "yolo1");
	rig_box(&r, 0, 10, 10, 30, 30, 1);
	ok(rig_run(&r) == DET_INVALID && strstr(det_errmsg(), "image 0"),
	    "a label that is no class: %s", det_errmsg());
	r.box[0][0].label = 0;
	r.x[0][H_CONF + 3] = NAN;
	ok(rig_run(&r) == DET_INVALID && strstr(det_errmsg(), "not finite"),
	    "a map that is not finite: %s", det_errmsg());
	r.x[0][H_CONF + 3] = 0;
	r.map[0].dims[1]--;
	ok(rig_run(&r) == DET_INVALID, "a map of another size: %s", det_errmsg());
	rig_close(&r);
}

int
main(void)
{
	formulas();
	differences();
	by_hand();
	cells();
	flags();
	refusals();
	return done();
}
