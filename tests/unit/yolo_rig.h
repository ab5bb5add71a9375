/* SPDX-License-Identifier: MIT
 *
 * What the tests of the YOLOs' objectives share: a batch with its maps and objects, central
 * differences, and a table in which a transcription of a loss notes what it makes of each
 * element of a map. Nothing here calls what is tested but rig_open and rig_run.
 */
#ifndef DET_YOLO_RIG_H
#define DET_YOLO_RIG_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "tests/unit/tap.h"
#include "train/objective.h"

enum { RIG_MAPS = 3, RIG_IMAGES = 4, RIG_BOXES = 24 };

struct rig {
	struct det_decode *decode;
	struct det_line line;
	struct det_objective o;
	struct det_tensor map[RIG_MAPS];
	float *x[RIG_MAPS], *grad[RIG_MAPS];
	size_t count[RIG_MAPS], maps;
	struct det_box box[RIG_IMAGES][RIG_BOXES];
	struct det_example truth[RIG_IMAGES];
	struct det_objective_in in;
	double value[DET_OBJECTIVE_TERMS];
};

static inline void *
rig_alloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		abort();
	return p;
}

/* Of an input of side x side and n images. What the objective's open returns. */
static inline enum det_err
rig_open(struct rig *r, const struct det_objective_kind *kind, const char *decode,
    const char *line, size_t n, size_t side)
{
	struct det_objective_params p = { .threads = 1 };
	enum det_err e;

	memset(r, 0, sizeof *r);
	if (det_decode_parse(&r->decode, decode, strlen(decode), "decode") ||
	    det_line_parse(&r->line, line, strlen(line))) {
		printf("Bail out! %s\n", det_errmsg());
		exit(1);
	}
	p.decode = r->decode;
	p.line = &r->line;
	for (size_t i = 0; i < n; i++)
		r->truth[i].box = r->box[i];
	r->in = (struct det_objective_in){
		.map = r->map, .truth = r->truth, .n = n, .in_h = side, .in_w = side
	};
	if ((e = kind->open(&r->o, &p)))
		return e;
	return det_line_unused(&r->line);
}

/* The next map, (n, c, h, w), of normal values. */
static inline void
rig_map(struct rig *r, size_t c, size_t h, size_t w, double spread)
{
	const size_t m = r->maps++, count = r->in.n * c * h * w;
	struct det_random random;

	det_random_seed(&random, 6, m);
	r->count[m] = count;
	r->x[m] = rig_alloc(count, sizeof(float));
	r->grad[m] = rig_alloc(count, sizeof(float));
	for (size_t i = 0; i < count; i++) {
		r->x[m][i] = (float)(spread * det_random_normal(&random));
		r->grad[m][i] = 7; /* must be set, not added to */
	}
	r->map[m] = (struct det_tensor){ DET_F32, 4, { r->in.n, c, h, w }, r->x[m] };
}

static inline struct det_box *
rig_box(struct rig *r, size_t image, double x1, double y1, double x2, double y2,
    int32_t label)
{
	struct det_box *b = &r->box[image][r->truth[image].n++];

	*b = (struct det_box){ .x1 = x1,
		.y1 = y1,
		.x2 = x2,
		.y2 = y2,
		.score = 1,
		.label = label,
		.source = -1 };
	return b;
}

static inline enum det_err
rig_run(struct rig *r)
{
	return r->o.run(r->o.self, &r->in, r->grad, r->value);
}

static inline void
rig_close(struct rig *r)
{
	if (r->o.free)
		r->o.free(r->o.self);
	for (size_t i = 0; i < r->maps; i++) {
		free(r->x[i]);
		free(r->grad[i]);
	}
	det_line_release(&r->line);
	det_decode_free(r->decode);
}

/* The number of a term by its name; -1. */
static inline int
rig_term(const struct rig *r, const char *name)
{
	for (int i = 0; r->o.term[i]; i++)
		if (!strcmp(r->o.term[i], name))
			return i;
	return -1;
}

static inline double
rig_value(const struct rig *r, const char *name)
{
	const int i = rig_term(r, name);

	return i < 0 ? NAN : r->value[i];
}

static inline double
rig_sum(const struct rig *r)
{
	double sum = 0;

	for (int i = 0; r->o.term[i]; i++)
		sum += r->value[i];
	return sum;
}

static inline int
rig_near(double a, double b, double tolerance)
{
	return fabs(a - b) <= tolerance * fmax(1, fmax(fabs(a), fabs(b)));
}

/* The sum of the terms, an element of a map moved by h. */
static inline double
rig_moved(struct rig *r, size_t m, size_t i, float h)
{
	const float was = r->x[m][i];
	double sum;

	r->x[m][i] = was + h;
	sum = rig_run(r) ? NAN : rig_sum(r);
	r->x[m][i] = was;
	return sum;
}

/* Gradients of all elements against central differences, which see the library's softmax in
 * floats: a value's rounding over a small step. Those of targets that move with
 * the map differ, as they should: the caller switches them off. */
static inline void
rig_central(struct rig *r, const char *what)
{
	const float h = 1.f / 1024;
	size_t bad = 0, some = 0;
	double worst = 0;

	for (size_t m = 0; m < r->maps; m++) {
		float *grad = rig_alloc(r->count[m], sizeof *grad);

		if (rig_run(r))
			bad++;
		memcpy(grad, r->grad[m], r->count[m] * sizeof *grad);
		for (size_t i = 0; i < r->count[m]; i++) {
			const double d =
			    (rig_moved(r, m, i, h) - rig_moved(r, m, i, -h)) /
			    (2 * (double)h);

			bad += !rig_near((double)grad[i], d, 1e-4);
			some += grad[i] != 0;
			worst = fmax(worst, fabs((double)grad[i] - d));
		}
		free(grad);
	}
	ok(bad == 0 && some > 0,
	    "%s: central differences (%zu elements with a gradient, worst %.1e)", what,
	    some, worst);
}

/* --- transcriptions ------------------------------------------------------------------------ */

/* What a transcription makes of an element: the step that Darknet would take, the term that
 * it is of and its part of it. Later notes replace earlier ones. */
struct note {
	double delta, cost;
	const char *term;
};

static inline void
note(struct note *n, const char *term, double delta, double cost)
{
	*n = (struct note){ delta, cost, term };
}

/* Holds gradients (less than no steps, over `images`) and terms against the notes. */
static inline void
rig_compare(struct rig *r, struct note *const *notes, double images, const char *what)
{
	size_t bad = 0, some = 0;
	double worst = 0;

	for (size_t m = 0; m < r->maps; m++)
		for (size_t i = 0; i < r->count[m]; i++) {
			const double want = -notes[m][i].delta / images;
			const double off = fabs((double)r->grad[m][i] - want);

			bad += !(off <= 1e-6 * fmax(1, fabs(want)));
			some += want != 0;
			worst = fmax(worst, off);
		}
	ok(bad == 0 && some > 0,
	    "%s: gradients as the formulas' (%zu of them, worst %.1e)", what, some,
	    worst);
	for (int t = 0; r->o.term[t]; t++) {
		double want = 0;

		for (size_t m = 0; m < r->maps; m++)
			for (size_t i = 0; i < r->count[m]; i++)
				if (notes[m][i].term &&
				    !strcmp(notes[m][i].term, r->o.term[t]))
					want += notes[m][i].cost / images;
		ok(rig_near(r->value[t], want, 1e-6),
		    "%s: %s is %.9g, %.9g by the formulas", what, r->o.term[t],
		    r->value[t], want);
	}
}

/* Centre and size over the input's. */
struct rel {
	double x, y, w, h;
};

static inline struct rel
rig_rel(const struct rig *r, const struct det_box *b)
{
	const double w = (double)r->in.in_w, h = (double)r->in.in_h;
	const double x1 = fmin(fmax(b->x1, 0), w), x2 = fmin(fmax(b->x2, 0), w);
	const double y1 = fmin(fmax(b->y1, 0), h), y2 = fmin(fmax(b->y2, 0), h);

	return (struct rel){ (x1 + x2) / w / 2, (y1 + y2) / h / 2, (x2 - x1) / w,
		(y2 - y1) / h };
}

static inline double
rel_iou(struct rel a, struct rel b)
{
	const double w =
	    fmin(a.x + a.w / 2, b.x + b.w / 2) - fmax(a.x - a.w / 2, b.x - b.w / 2);
	const double h =
	    fmin(a.y + a.h / 2, b.y + b.h / 2) - fmax(a.y - a.h / 2, b.y - b.h / 2);

	return w <= 0 || h <= 0 ? 0 : w * h / (a.w * a.h + b.w * b.h - w * h);
}

static inline double
logistic(double x)
{
	return 1 / (1 + exp(-x));
}

/* Of probability p towards t, less its least value. */
static inline double
cross(double p, double t)
{
	double v = -(t > 0 ? t * log(p) : 0) - (t < 1 ? (1 - t) * log(1 - p) : 0);

	v += (t > 0 ? t * log(t) : 0) + (t < 1 ? (1 - t) * log(1 - t) : 0);
	return v;
}

/* A picture's worth of objects in an input of 96 x 96: two in a cell, at every edge, one of
 * all of it, one that sticks out, and flagged ones; the second image is empty. */
static inline void
rig_objects(struct rig *r)
{
	rig_box(r, 0, 10, 12, 30, 40, 0);
	rig_box(r, 0, 12, 14, 30, 41, 2);    /* its centre close by the first's */
	rig_box(r, 0, 60, 60, 95.5, 96, 1);  /* at the corner */
	rig_box(r, 0, 0, 50, 9, 70, 3);      /* at the left edge */
	rig_box(r, 0, 90, 5, 96, 11, 1);     /* small, at the right */
	rig_box(r, 0, 40, 40, 40.01, 60, 1); /* a hair: left out */
	rig_box(r, 0, 50, 10, 70, 30, 2)->flags = DET_BOX_DIFFICULT;
	rig_box(r, 2, 0, 0, 96, 96, 3);
	rig_box(r, 2, -20, 30, 8, 60, 0);  /* sticks out */
	rig_box(r, 2, 30, 80, 70, 130, 2); /* likewise */
	rig_box(r, 2, -30, 10, 0, 20, 0);  /* nothing of it is in the input */
	rig_box(r, 2, 10, 10, 60, 50, 1)->flags = DET_BOX_CROWD;
}

static inline int
rig_counts(const struct rig *r, const struct det_box *b)
{
	const struct rel t = rig_rel(r, b);

	return !b->flags && t.w >= .001 && t.h >= .001;
}

#endif
