/* SPDX-License-Identifier: MIT
 *
 * Objectives of detectors with anchors: gradients against differences of the loss, layouts
 * of maps, denominators, flags, empty batches, equal bits, what is refused.
 */
#include "tests/unit/objective_rig.h"

static const char *const grids = "grid(a) sizes=24,48 ratios=.5,1,2 stride=16\n"
				 "grid(b) sizes=64 ratios=1 stride=32\n";
static const char *const priors = "prior(a) min=24 max=48 ratios=2 stride=16\n"
				  "prior(b) min=48 max=90 ratios=2,3 stride=32\n";
static const char *const dots = "prior(a) min=2 max=2.5 ratios=2 stride=16\n"
				"prior(b) min=2 max=2.5 ratios=2,3 stride=32\n";
#define SIGMOID "score=sigmoid classes=3"
#define SOFTMAX "score=softmax background=first classes=3 weights=10,10,5,5"

/* Two images of 96 x 64; the objects of the first. */
static void
make(struct objective_rig *r, size_t a, size_t b, size_t planes, double scale)
{
	*r = (struct objective_rig){ .in_h = 64, .in_w = 96 };
	rig_add_map(r, (size_t[]){ 2, a * planes, 4, 6 }, 11, scale);
	rig_add_map(r, (size_t[]){ 2, a * 4, 4, 6 }, 12, 1);
	rig_add_map(r, (size_t[]){ 2, b * planes, 2, 3 }, 13, scale);
	rig_add_map(r, (size_t[]){ 2, b * 4, 2, 3 }, 14, 1);
	rig_add_image(r, 0, 0, 96, 64);
	rig_add_box(r, (double[]){ 10, 8, 40, 36 }, 2, 0);
	rig_add_box(r, (double[]){ 50, 20, 92, 61 }, 0, 0);
	rig_add_image(r, 0, 0, 96, 64);
}

static double
total(struct objective_rig *r)
{
	double sum = 0;

	if (rig_run(r)) {
		(void)printf("# %s\n", det_errmsg());
		return NAN;
	}
	for (size_t i = 0; r->o.term[i]; i++)
		sum += r->value[i];
	return sum;
}

/* The slope along a random direction of each map, against its gradient. */
static void
slopes(const char *name, const char *line, const char *keys, const char *anchors,
    size_t planes)
{
	const size_t a = anchors == grids ? 6 : 4, b = anchors == grids ? 1 : 6;
	const double h = 1e-3;
	struct objective_rig r;
	double worst = 0;

	make(&r, a, b, planes, 2);
	rig_add_box(&r, (double[]){ 0, 0, 60, 50 }, 1, 0);
	if (rig_open_objective(&r, line, keys, anchors)) {
		ok(0, "%s: %s", name, det_errmsg());
		return;
	}
	for (size_t i = 0; i < r.maps; i++) {
		size_t n = rig_map_count(&r, i);
		float *x = r.map[i].data, *was = calloc(2 * n, sizeof *was), *way;
		double want = 0, norm = 0, got;

		if (!was)
			exit(2);
		way = was + n;
		memcpy(was, x, n * sizeof *x);
		fill(way, n, 77);
		(void)total(&r);
		for (size_t k = 0; k < n; k++) {
			want += (double)r.grad[i][k] * (double)way[k];
			norm += (double)r.grad[i][k] * (double)r.grad[i][k];
			x[k] = was[k] + (float)h * way[k];
		}
		got = total(&r);
		for (size_t k = 0; k < n; k++)
			x[k] = was[k] - (float)h * way[k];
		got = (got - total(&r)) / (2 * h);
		memcpy(x, was, n * sizeof *x);
		norm = fmax(sqrt(norm), 1e-9);
		got = fabs(got - want) / norm;
		worst = worse(worst, got);
		if (!(got < 2e-3))
			(void)printf("# map %zu: %g of the norm\n", i, got);
		free(was);
	}
	ok(worst < 2e-3, "%s: gradients against differences, %.1e of the norm", name,
	    worst);
	rig_close_objective(&r);
}

/* --- layouts ------------------------------------------------------------------------------ */

/* Map i of `to` from that of `from`, plane for plane: number k * A + a is from a * P + k. */
static void
to_class_major(struct objective_rig *to, const struct objective_rig *from, size_t i,
    size_t anchors, size_t planes)
{
	const size_t hw = from->map[i].dims[2] * from->map[i].dims[3];
	const float *x = from->map[i].data;
	float *y = to->map[i].data;

	for (size_t n = 0; n < 2; n++)
		for (size_t a = 0; a < anchors; a++)
			for (size_t k = 0; k < planes; k++)
				memcpy(y + ((n * planes + k) * anchors + a) * hw,
				    x + ((n * anchors + a) * planes + k) * hw,
				    hw * sizeof *y);
}

static void
layouts(const char *line, const char *keys, const char *anchors, size_t planes)
{
	const size_t a = anchors == grids ? 6 : 4, b = anchors == grids ? 1 : 6;
	struct objective_rig r, s;
	char text[200];
	double x, y;

	make(&r, a, b, planes, 2);
	make(&s, a, b, planes, 2);
	to_class_major(&s, &r, 0, a, planes);
	to_class_major(&s, &r, 2, b, planes);
	(void)snprintf(text, sizeof text, "%s order=class", keys);
	if (rig_open_objective(&r, line, keys, anchors) ||
	    rig_open_objective(&s, line, text, anchors)) {
		ok(0, "%s", det_errmsg());
		return;
	}
	x = total(&r);
	y = total(&s);
	to_class_major(&s, &r, 0, a, planes); /* scratch: the gradient as a map */
	for (size_t i = 0; i < 4; i += 2) {
		memcpy(r.map[i].data, r.grad[i], rig_map_count(&r, i) * sizeof(float));
		to_class_major(&s, &r, i, i ? b : a, planes);
	}
	ok(x > 0 && fabs(x - y) < 1e-12 &&
		!memcmp(s.map[0].data, s.grad[0], rig_map_count(&s, 0) * 4) &&
		!memcmp(s.map[2].data, s.grad[2], rig_map_count(&s, 2) * 4) &&
		!memcmp(s.grad[1], r.grad[1], rig_map_count(&s, 1) * 4),
	    "%s: planes by class or by anchor: the same", line);
	rig_close_objective(&r);
	rig_close_objective(&s);
}

/* --- denominators, empties ----------------------------------------------------------------- */

static double
box_term(
    const char *line, const char *keys, const char *anchors, size_t planes, int second)
{
	const size_t a = anchors == grids ? 6 : 4, b = anchors == grids ? 1 : 6;
	struct objective_rig r;
	double v = NAN;

	make(&r, a, b, planes, 2);
	if (!second)
		r.images = 1;
	for (size_t i = 0; !second && i < r.maps; i++)
		r.map[i].dims[0] = 1;
	if (!rig_open_objective(&r, line, keys, anchors) && !rig_run(&r))
		v = r.value[1];
	rig_close_objective(&r);
	return v;
}

static void
denominators(void)
{
	double one = box_term("ssd", SOFTMAX, priors, 4, 0);
	double two = box_term("ssd", SOFTMAX, priors, 4, 1);

	ok(one > 0 && fabs(one - two) < 1e-9,
	    "ssd: an empty image beside changes nothing");
	one = box_term("retinanet", SIGMOID, grids, 3, 0);
	two = box_term("retinanet", SIGMOID, grids, 3, 1);
	ok(one > 0 && fabs(one - 2 * two) < 1e-9,
	    "retinanet: the mean of two images, one empty");
	ok(fabs(box_term("retinanet norm=batch", SIGMOID, grids, 3, 1) - one) < 1e-9,
	    "... by the batch: as without the empty one");
	ok(fabs(box_term("retinanet box_weight=3", SIGMOID, grids, 3, 0) - 3 * one) <
		1e-9,
	    "... three times the boxes");
}

static void
empties(void)
{
	struct objective_rig r;
	double sum = 0, zero = 0;

	make(&r, 4, 6, 4, 2);
	r.truth[0].n = 0;
	if (rig_open_objective(&r, "ssd", SOFTMAX, priors))
		exit(2);
	fill(r.grad[0], rig_map_count(&r, 0), 3);
	sum = total(&r);
	for (size_t i = 0; i < r.maps; i++)
		for (size_t k = 0; k < rig_map_count(&r, i); k++)
			zero += fabs((double)r.grad[i][k]);
	ok(sum == 0 && zero == 0, "ssd: a batch without objects has no loss");
	rig_close_objective(&r);
	make(&r, 6, 1, 3, 2);
	r.truth[0].n = 0;
	if (rig_open_objective(&r, "retinanet", SIGMOID, grids))
		exit(2);
	sum = total(&r);
	for (size_t k = 0; k < rig_map_count(&r, 1); k++)
		zero += fabs((double)r.grad[1][k]);
	ok(sum > 0 && r.value[1] == 0 && zero == 0,
	    "retinanet: a batch without objects has background, and no boxes");
	rig_close_objective(&r);
}

/* --- bits, state, sizes --------------------------------------------------------------------- */

static void
repeats(void)
{
	struct objective_rig r;
	double x[3];

	make(&r, 6, 1, 3, 2);
	if (rig_open_objective(&r, "retinanet", SIGMOID, grids))
		exit(2);
	x[0] = total(&r);
	/* a batch of another size between */
	r.map[0].dims[2] = 2;
	r.map[1].dims[2] = 2;
	r.map[2].dims[2] = 1;
	r.map[3].dims[2] = 1;
	r.in_h = 32;
	r.truth[0].n = 1;
	x[1] = total(&r);
	r.map[0].dims[2] = r.map[1].dims[2] = 4;
	r.map[2].dims[2] = r.map[3].dims[2] = 2;
	r.in_h = 64;
	r.truth[0].n = 2;
	x[2] = total(&r);
	ok(x[0] == x[2] && x[1] > 0 && x[1] != x[0],
	    "the same bits again, after a batch of another size");
	ok(r.o.n_state == 0, "... and no state");
	rig_close_objective(&r);
	make(&r, 6, 1, 3, 2);
	if (rig_open_objective(&r, "retinanet norm=average", SIGMOID, grids))
		exit(2);
	x[0] = total(&r);
	x[1] = total(&r);
	ok(r.o.n_state == 1 && x[1] > x[0], "a moving average is state");
	r.o.state[0] = 100;
	ok(total(&r) == x[0], "... put back, it gives the same bits");
	rig_close_objective(&r);
}

static void
background(void)
{
	struct objective_rig r, s;
	const size_t hw[2] = { 24, 6 }, in_cell[2] = { 4, 6 };
	double x, y;

	make(&r, 4, 6, 4, 2);
	make(&s, 4, 6, 4, 2);
	/* planes bg 0 1 2 become 0 1 2 bg */
	for (size_t i = 0; i < 2; i++)
		for (size_t a = 0; a < 2 * in_cell[i]; a++)
			for (size_t k = 0; k < 4; k++)
				memcpy((float *)s.map[2 * i].data +
					   (a * 4 + (k + 3) % 4) * hw[i],
				    (float *)r.map[2 * i].data + (a * 4 + k) * hw[i],
				    hw[i] * sizeof(float));
	if (rig_open_objective(&r, "ssd", SOFTMAX, priors) ||
	    rig_open_objective(&s, "ssd",
		"score=softmax background=last classes=3 weights=10,10,5,5", priors))
		exit(2);
	x = total(&r);
	y = total(&s);
	ok(x > 0 && fabs(x - y) < 1e-6, "background first or last: the same");
	rig_close_objective(&r);
	rig_close_objective(&s);
}

/* An object of 2 x 2 pixels besides: no anchor of `grids` overlaps it much, none of `dots` at
 * all. */
static void
tallied(const char *line, const char *keys, const char *anchors, size_t planes,
    uint64_t unmatched)
{
	const size_t a = anchors == grids ? 6 : 4, b = anchors == grids ? 1 : 6;
	struct objective_rig r;

	make(&r, a, b, planes, 2);
	rig_add_box(&r, (double[]){ 20, 20, 22, 22 }, 1, 0);
	if (rig_open_objective(&r, line, keys, anchors)) {
		ok(0, "%s: %s", line, det_errmsg());
		return;
	}
	(void)total(&r);
	(void)total(&r);
	ok(r.o.tally && r.o.tally->objects == 3 && r.o.tally->unmatched == unmatched,
	    "%s: 3 objects, %llu without an anchor (%llu)", line,
	    (unsigned long long)unmatched,
	    (unsigned long long)(r.o.tally ? r.o.tally->unmatched : 0));
	r.box[1][0].flags = DET_BOX_CROWD;
	(void)total(&r);
	ok(r.o.tally->objects == 2 && r.o.tally->unmatched == 0,
	    "... a crowd is not counted");
	rig_close_objective(&r);
}

static void
flagged(void)
{
	struct objective_rig r;
	double all, without;

	make(&r, 6, 1, 3, 2);
	if (rig_open_objective(&r, "retinanet", SIGMOID, grids))
		exit(2);
	all = total(&r);
	r.box[0][1].flags = DET_BOX_DIFFICULT;
	ok(total(&r) == all, "a difficult object is used");
	r.box[0][1].flags = DET_BOX_CROWD;
	without = total(&r);
	r.truth[0].n = 1;
	ok(without != all && without == total(&r), "a crowd is as if not there");
	rig_close_objective(&r);
	make(&r, 6, 1, 3, 2);
	if (rig_open_objective(&r, "retinanet crowd=ignore", SIGMOID, grids))
		exit(2);
	r.box[0][1].flags = DET_BOX_CROWD;
	ok(total(&r) != without, "... or ignored, by choice");
	rig_close_objective(&r);
}

/* --- what is refused ------------------------------------------------------------------------ */

static void
refuse_open(const char *line, const char *keys, const char *anchors)
{
	struct objective_rig r;
	enum det_err e;

	make(&r, 6, 1, 3, 1);
	e = rig_open_objective(&r, line, keys, anchors);
	ok(e == DET_INVALID, "%s (%s): %s", line, keys, e ? det_errmsg() : "taken");
	rig_close_objective(&r);
}

static void
refuse_run(const char *name, void (*spoil)(struct objective_rig *r))
{
	struct objective_rig r;
	enum det_err e;

	make(&r, 6, 1, 3, 1);
	if (rig_open_objective(&r, "retinanet", SIGMOID, grids))
		exit(2);
	spoil(&r);
	e = rig_run(&r);
	ok(e == DET_INVALID, "%s: %s", name, e ? det_errmsg() : "taken");
	rig_close_objective(&r);
}

static void
spoil_logit(struct objective_rig *r)
{
	((float *)r->map[0].data)[r->map[0].dims[1] * 24 + 5] = NAN;
}

static void
spoil_delta(struct objective_rig *r)
{
	for (size_t i = 0; i < rig_map_count(r, 1); i++)
		((float *)r->map[1].data)[i] = INFINITY;
}

static void
spoil_label(struct objective_rig *r)
{
	r->box[0][1].label = 3;
}

static void
spoil_box(struct objective_rig *r)
{
	r->box[0][0].x2 = r->box[0][0].x1;
}

static void
spoil_shape(struct objective_rig *r)
{
	r->map[1].dims[3] = 5;
}

static void
refused(void)
{
	refuse_open("retinanet iou=.3", SIGMOID, grids);
	refuse_open("retinanet gamma=-1", SIGMOID, grids);
	refuse_open("retinanet gama=1", SIGMOID, grids);
	refuse_open("retinanet profile=caffe", SIGMOID, grids);
	refuse_open("retinanet", SOFTMAX, grids);
	refuse_open("ssd", SIGMOID, grids);
	refuse_open("ssd", "score=softmax classes=3", grids);
	refuse_open("ssd neg=-1", SOFTMAX, grids);
	refuse_run("a NaN among the logits", spoil_logit);
	refuse_run("infinite deltas", spoil_delta);
	refuse_run("a label that is none", spoil_label);
	refuse_run("a box without width", spoil_box);
	refuse_run("a map of another shape", spoil_shape);
}

static void
table(void)
{
	struct objective_rig r;

	make(&r, 6, 1, 3, 1);
	if (rig_open_objective(&r, "retinanet", SIGMOID, grids))
		exit(2);
	ok(det_objective_for(r.decode) == &det_objective_retinanet,
	    "sigmoids over anchors are RetinaNet");
	rig_close_objective(&r);
	make(&r, 4, 6, 4, 1);
	if (rig_open_objective(&r, "ssd", SOFTMAX, priors))
		exit(2);
	ok(det_objective_for(r.decode) == &det_objective_ssd,
	    "a softmax with background is SSD");
	ok(!det_objective_find("sdd"), "no objective of that name");
	rig_close_objective(&r);
}

int
main(void)
{
	slopes("ssd", "ssd", SOFTMAX, priors, 4);
	slopes("ssd of Caffe", "ssd profile=ssd-caffe neg=1.5", SOFTMAX, priors, 4);
	slopes("retinanet", "retinanet beta=.5", SIGMOID, grids, 3);
	slopes("retinanet, GIoU, gamma 1", "retinanet box=giou gamma=1", SIGMOID, grids,
	    3);
	slopes("keras-retinanet", "retinanet profile=kr",
	    SIGMOID " coder=corner weights=5,5,5,5", grids, 3);
	slopes("retinanet with a background plane", "retinanet beta=1",
	    SIGMOID " background=first", grids, 4);
	layouts("ssd", SOFTMAX, priors, 4);
	layouts("retinanet", SIGMOID, grids, 3);
	denominators();
	empties();
	repeats();
	background();
	flagged();
	tallied("ssd", SOFTMAX, priors, 4, 0);
	tallied("ssd profile=ssd-caffe", SOFTMAX, dots, 4, 1);
	tallied("retinanet", SIGMOID, grids, 3, 0);
	tallied("retinanet low_quality=0 iou=.3 low=.3", SIGMOID, grids, 3, 1);
	tallied("rpn touching=1", "score=sigmoid classes=1", dots, 1, 1);
	refused();
	table();
	return done();
}
