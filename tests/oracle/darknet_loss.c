/* SPDX-License-Identifier: MIT
 *
 * The objectives of the YOLOs beside Darknet's own layers, on maps and objects drawn by
 * chance: prints the largest difference of a gradient for each kind of layer, and ends with
 * 1 where one is above 1e-5. Run by tests/oracle/darknet_loss.sh.
 *
 * Darknet's layers keep target less output, times a scale, for each image: less than no
 * gradient, and as many times larger as there are images. Its [region] on a CPU leaves out
 * the derivative of the logistic, which its GPU code has: it is put in here. Objects are
 * handed over as its loader does: centre and size, and for [detection] the table of cells.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "darknet.h"
#include "detection_layer.h"
#include "region_layer.h"
#include "yolo_layer.h"

#include "base/random.h"
#include "train/objective.h"

enum { IMAGES = 4, OBJECTS = 12, CLASSES = 5, SIDE = 13, INPUT = 416, ANCHORS = 3 };

static const float cells[2 * ANCHORS] = { 1.3f, 1.7f, 3.2f, 4, 9.5f, 4.8f };
static const float pixels[4 * ANCHORS] = { 10, 14, 23, 27, 37, 58, 81, 82, 135, 169,
	344, 319 };

struct batch {
	struct det_box box[IMAGES][OBJECTS];
	struct det_example truth[IMAGES];
	struct det_random r;
};

static void
draw_objects(struct batch *b, uint64_t seed)
{
	det_random_seed(&b->r, seed, 1);
	for (size_t i = 0; i < IMAGES; i++) {
		b->truth[i] = (struct det_example){ .box = b->box[i],
			.n = (size_t)det_random_below(&b->r, OBJECTS + 1) };
		for (size_t k = 0; k < b->truth[i].n; k++) {
			const double w = 4 + 300 * pow(det_random_uniform(&b->r), 2);
			const double h = 4 + 300 * pow(det_random_uniform(&b->r), 2);
			const double x = det_random_uniform(&b->r) * (INPUT - w);
			const double y = det_random_uniform(&b->r) * (INPUT - h);

			b->box[i][k] = (struct det_box){ .x1 = x,
				.y1 = y,
				.x2 = x + w,
				.y2 = y + h,
				.label = (int32_t)det_random_below(&b->r, CLASSES) };
		}
	}
}

/* x y w h class, for [region] and [yolo]. */
static void
list_truth(float *to, const struct batch *b, size_t places)
{
	for (size_t i = 0; i < IMAGES; i++)
		for (size_t k = 0; k < b->truth[i].n; k++) {
			const struct det_box *o = &b->box[i][k];
			float *t = to + (i * places + k) * 5;

			t[0] = (float)((o->x1 + o->x2) / 2 / INPUT);
			t[1] = (float)((o->y1 + o->y2) / 2 / INPUT);
			t[2] = (float)((o->x2 - o->x1) / INPUT);
			t[3] = (float)((o->y2 - o->y1) / INPUT);
			t[4] = (float)o->label;
		}
}

/* One object a cell: there, classes, place in the cell, size. */
static void
cell_truth(float *to, const struct batch *b, int side)
{
	for (size_t i = 0; i < IMAGES; i++)
		for (size_t k = 0; k < b->truth[i].n; k++) {
			const struct det_box *o = &b->box[i][k];
			const double x = (o->x1 + o->x2) / 2 / INPUT * side;
			const double y = (o->y1 + o->y2) / 2 / INPUT * side;
			const int cell = (int)y * side + (int)x;
			float *t = to + ((int)i * side * side + cell) * (5 + CLASSES);

			if (t[0] != 0)
				continue;
			t[0] = t[1 + o->label] = 1;
			t += 1 + CLASSES;
			t[0] = (float)(x - (int)x);
			t[1] = (float)(y - (int)y);
			t[2] = (float)((o->x2 - o->x1) / INPUT);
			t[3] = (float)((o->y2 - o->y1) / INPUT);
		}
}

/* The layer's deltas of one map, and ours of all maps of the text; the largest difference. */
struct ours {
	const struct det_objective_kind *kind;
	const char *decode, *line;
	struct det_tensor map[2];
	float *grad[2];
	size_t maps;
};

static void
run_ours(struct ours *o, const struct batch *b, uint64_t seen)
{
	struct det_objective_params p = { .threads = 1 };
	struct det_objective_in in = { .map = o->map,
		.truth = b->truth,
		.n = IMAGES,
		.in_h = INPUT,
		.in_w = INPUT,
		.seen = seen };
	struct det_decode *d;
	struct det_line line;
	struct det_objective f;
	double value[DET_OBJECTIVE_TERMS];

	p.line = &line;
	if (det_decode_parse(&d, o->decode, strlen(o->decode), "decode") ||
	    det_line_parse(&line, o->line, strlen(o->line)) || (p.decode = d, 0) ||
	    o->kind->open(&f, &p) || det_line_unused(&line) ||
	    f.run(f.self, &in, o->grad, value)) {
		fprintf(stderr, "%s\n", det_errmsg());
		exit(2);
	}
	f.free(f.self);
	det_line_release(&line);
	det_decode_free(d);
}

static int
compare(const char *what, const float *delta, const float *grad, size_t n)
{
	double worst = 0, most = 0;

	for (size_t i = 0; i < n; i++) {
		worst = fmax(worst, fabs((double)delta[i] / IMAGES + (double)grad[i]));
		most = fmax(most, fabs((double)grad[i]));
	}
	printf("%s\t%.2e of %.2e\n", what, worst, most);
	return !(worst <= 1e-5 * fmax(1, most));
}

static float *
draw_map(struct batch *b, size_t n, double spread)
{
	float *x = malloc(n * sizeof *x);

	for (size_t i = 0; i < n; i++)
		x[i] = (float)(spread * det_random_normal(&b->r));
	return x;
}

static int
try_detection(struct batch *b, int root, int softmax)
{
	enum { S = 7, B = 3, N = S * S * (CLASSES + 5 * B) };
	layer l = make_detection_layer(IMAGES, N, B, S, CLASSES, 4, 1);
	network net = { .train = 1 };
	size_t seen = 0;
	char text[128];
	struct ours o = {
		.kind = &det_objective_yolo1, .decode = text, .line = "yolo1"
	};
	int bad;

	(void)snprintf(text, sizeof text, "detection(y) side=7 num=3 classes=%d%s%s",
	    CLASSES, root ? " sqrt" : "", softmax ? " softmax" : "");
	l.sqrt = root;
	l.softmax = softmax;
	l.coord_scale = 5;
	l.object_scale = l.class_scale = 1;
	l.noobject_scale = .5;
	net.seen = &seen;
	net.input = draw_map(b, (size_t)IMAGES * N, .5);
	if (!root) /* sizes below 0: we have those overlap nothing */
		for (int i = 0; i < IMAGES * N; i++)
			net.input[i] = fabsf(net.input[i]);
	net.truth = calloc(IMAGES * S * S * (5 + CLASSES), sizeof(float));
	cell_truth(net.truth, b, S);
	o.map[0] = (struct det_tensor){ DET_F32, 4, { IMAGES, N, 1, 1 }, net.input };
	o.grad[0] = malloc((size_t)IMAGES * N * sizeof(float));
	run_ours(&o, b, 0);
	forward_detection_layer(l, net);
	bad = compare(text, l.delta, o.grad[0], (size_t)IMAGES * N);
	free(net.input);
	free(net.truth);
	free(o.grad[0]);
	return bad;
}

/* The derivative of the logistic, as backward_region_layer_gpu puts it in. */
static void
through_logistic(layer *l)
{
	const int hw = l->w * l->h, entries = 5 + l->classes;

	for (int i = 0; i < l->batch * l->outputs; i++) {
		const int entry = i / hw % entries;

		if (entry < 2 || entry == 4)
			l->delta[i] *= l->output[i] * (1 - l->output[i]);
	}
}

static int
try_region(struct batch *b, int softmax, size_t seen)
{
	const size_t n = (size_t)IMAGES * ANCHORS * (5 + CLASSES) * SIDE * SIDE;
	layer l = make_region_layer(IMAGES, SIDE, SIDE, ANCHORS, CLASSES, 4);
	network net = { .train = 1, .w = INPUT, .h = INPUT };
	char text[128];
	struct ours o = {
		.kind = &det_objective_yolo2, .decode = text, .line = "yolo2"
	};
	int bad;

	(void)snprintf(text, sizeof text,
	    "region(y) anchors=1.3,1.7,3.2,4,9.5,4.8 classes=%d%s", CLASSES,
	    softmax ? " softmax" : "");
	memcpy(l.biases, cells, sizeof cells);
	l.softmax = softmax;
	l.bias_match = l.rescore = 1;
	l.coord_scale = l.noobject_scale = l.class_scale = 1;
	l.object_scale = 5;
	l.thresh = .6f;
	net.seen = &seen;
	net.input = draw_map(b, n, .7);
	net.truth = calloc((size_t)(IMAGES * l.truths), sizeof(float));
	list_truth(net.truth, b, 30);
	o.map[0] = (struct det_tensor){ DET_F32, 4,
		{ IMAGES, ANCHORS * (5 + CLASSES), SIDE, SIDE }, net.input };
	o.grad[0] = malloc(n * sizeof(float));
	run_ours(&o, b, seen - IMAGES); /* Darknet counts the batch before it runs */
	forward_region_layer(l, net);
	through_logistic(&l);
	bad = compare(text, l.delta, o.grad[0], n);
	free(net.input);
	free(net.truth);
	free(o.grad[0]);
	return bad;
}

static int
try_yolo(struct batch *b, double ignore)
{
	static int mask[2][ANCHORS] = { { 3, 4, 5 }, { 0, 1, 2 } };
	char text[256], line[64], what[64];
	struct ours o = { .kind = &det_objective_yolo3, .decode = text, .line = line };
	size_t n[2];
	int bad = 0;

	(void)snprintf(line, sizeof line, "yolo3 ignore=%g", ignore);
	(void)snprintf(text, sizeof text,
	    "yolo3(a) anchors=81,82,135,169,344,319 classes=%d\n"
	    "yolo3(b) anchors=10,14,23,27,37,58 classes=%d\n",
	    CLASSES, CLASSES);
	for (size_t m = 0; m < 2; m++) {
		const size_t side = SIDE << m;

		n[m] = (size_t)IMAGES * ANCHORS * (5 + CLASSES) * side * side;
		o.map[m] = (struct det_tensor){ DET_F32, 4,
			{ IMAGES, ANCHORS * (5 + CLASSES), side, side },
			draw_map(b, n[m], .5) };
		o.grad[m] = malloc(n[m] * sizeof(float));
	}
	run_ours(&o, b, 0);
	for (size_t m = 0; m < 2; m++) {
		layer l = make_yolo_layer(IMAGES, SIDE << m, SIDE << m, ANCHORS,
		    2 * ANCHORS, mask[m], CLASSES);
		network net = { .train = 1, .w = INPUT, .h = INPUT };

		memcpy(l.biases, pixels, sizeof pixels);
		l.max_boxes = 90;
		l.ignore_thresh = (float)ignore;
		l.truth_thresh = 1;
		net.input = o.map[m].data;
		net.truth = calloc((size_t)(IMAGES * l.truths), sizeof(float));
		list_truth(net.truth, b, 90);
		forward_yolo_layer(l, net);
		(void)snprintf(what, sizeof what, "%s, map %zu", line, m);
		bad |= compare(what, l.delta, o.grad[m], n[m]);
		free(net.truth);
		free(o.map[m].data);
		free(o.grad[m]);
	}
	return bad;
}

int
main(void)
{
	struct batch b;
	int bad = 0;

	for (uint64_t seed = 0; seed < 20; seed++) {
		draw_objects(&b, seed);
		bad |= try_detection(&b, 1, 0);
		bad |= try_detection(&b, 0, 0);
		bad |= try_detection(&b, 1, 1);
		bad |= try_region(&b, 1, 12796);
		bad |= try_region(&b, 1, 12800);
		bad |= try_region(&b, 0, 20000);
		bad |= try_yolo(&b, .7);
		bad |= try_yolo(&b, .5);
	}
	return bad;
}
