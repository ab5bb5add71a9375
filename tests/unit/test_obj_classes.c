/* SPDX-License-Identifier: MIT
 *
 * The objective of classifiers: values worked by hand, gradients against central
 * differences, and what is refused.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/tap.h"
#include "train/objective.h"

#define N 3
#define K 4

/* Map, labels, and the objective over them. */
struct rig {
	struct det_decode *decode;
	struct det_line line;
	struct det_objective o;
	float x[N * K], grad[N * K];
	struct det_tensor map;
	struct det_box box[N][2];
	struct det_example truth[N];
	struct det_objective_in in;
};

static enum det_err
rig_open(struct rig *r, const char *decode, const char *line)
{
	struct det_objective_params p = { .threads = 1 };
	enum det_err e;

	memset(r, 0, sizeof *r);
	if ((e = det_decode_parse(&r->decode, decode, strlen(decode), "decode")) ||
	    (e = det_line_parse(&r->line, line, strlen(line))))
		return e;
	p.decode = r->decode;
	p.line = &r->line;
	if ((e = det_objective_classes.open(&r->o, &p)) ||
	    (e = det_line_unused(&r->line)))
		return e;
	for (size_t i = 0; i < N * K; i++)
		r->x[i] = .1F + .9F * (float)((i * 7 + 3) % 11) / 11;
	r->map = (struct det_tensor){
		.dtype = DET_F32, .rank = 2, .dims = { N, K }, .data = r->x
	};
	for (size_t i = 0; i < N; i++)
		r->truth[i] = (struct det_example){ r->box[i], 1, 0, 0, 10, 10 };
	r->box[0][0].label = 2;
	r->box[1][0].label = 0;
	r->box[2][0].label = 3;
	r->in = (struct det_objective_in){ .map = &r->map, .truth = r->truth, .n = N };
	return DET_OK;
}

static void
rig_close(struct rig *r)
{
	if (r->o.free)
		r->o.free(r->o.self);
	det_line_release(&r->line);
	det_decode_free(r->decode);
}

static double
loss(struct rig *r)
{
	float *g = r->grad;
	double v = NAN;

	if (r->o.run(r->o.self, &r->in, &g, &v))
		printf("# %s\n", det_errmsg());
	return v;
}

/* The largest difference to central differences. */
static double
worst(struct rig *r)
{
	float g[N * K];
	double most = 0;

	(void)loss(r);
	memcpy(g, r->grad, sizeof g);
	for (size_t i = 0; i < N * K; i++) {
		const float was = r->x[i], h = 1e-3F;
		double up, down, d;

		r->x[i] = was + h;
		up = loss(r);
		r->x[i] = was - h;
		down = loss(r);
		r->x[i] = was;
		d = fabs((up - down) / (2 * (double)h) - (double)g[i]);
		most = d > most ? d : most;
	}
	return most;
}

static int
near(double a, double b)
{
	return fabs(a - b) <= 1e-6 * (1 + fabs(b));
}

static void
test_softmax(void)
{
	struct rig r;
	double want = 0, v;

	ok(!rig_open(&r, "classes(x) softmax classes=4", "classes"), "logits: opens");
	for (size_t i = 0; i < N; i++) {
		double sum = 0;

		for (size_t k = 0; k < K; k++)
			sum += exp((double)r.x[i * K + k]);
		want += log(sum) - (double)r.x[i * K + (size_t)r.box[i][0].label];
	}
	v = loss(&r);
	ok(near(v, want / N), "logits: -log p, the mean: %g, %g", v, want / N);
	ok(worst(&r) < 2e-4, "logits: gradient");
	r.truth[1].n = 0;
	ok(worst(&r) < 2e-4 && r.grad[K] <= 0 && r.grad[K] >= 0,
	    "an image without an object has none");
	r.truth[0].n = r.truth[2].n = 0;
	v = loss(&r);
	ok(v <= 0 && v >= 0, "no image has one: 0");
	rig_close(&r);
}

static void
test_smooth(void)
{
	struct rig a, b;
	double plain, smooth, all = 0;

	ok(!rig_open(&a, "classes(x) softmax", "classes") &&
		!rig_open(&b, "classes(x) softmax", "classes smooth=.2"),
	    "smooth: opens");
	plain = loss(&a);
	smooth = loss(&b);
	/* .8 of the plain loss, .2 of the mean over all classes */
	for (int32_t k = 0; k < K; k++) {
		for (size_t i = 0; i < N; i++)
			a.box[i][0].label = k;
		all += loss(&a) / K;
	}
	ok(near(smooth, .8 * plain + .2 * all), "smooth: %g, %g", smooth,
	    .8 * plain + .2 * all);
	ok(worst(&b) < 2e-4, "smooth: gradient");
	rig_close(&a);
	rig_close(&b);
}

static void
test_probabilities(void)
{
	struct rig r;
	double want = 0, v;

	ok(!rig_open(&r, "classes(prob) classes=4", "classes"), "probabilities: opens");
	for (size_t i = 0; i < N; i++)
		want -= log((double)r.x[i * K + (size_t)r.box[i][0].label]);
	v = loss(&r);
	ok(near(v, want / N), "probabilities: -log p: %g, %g", v, want / N);
	ok(worst(&r) < 2e-3, "probabilities: gradient");
	r.x[2] = 0;
	v = loss(&r);
	ok(isfinite(v) && v > 87 / 3., "a probability of 0 costs much, and is finite");
	rig_close(&r);
}

static void
test_sigmoid(void)
{
	struct rig r;
	double want = 0, v;

	ok(!rig_open(&r, "classes(x)", "classes loss=sigmoid"), "sigmoid: opens");
	r.truth[0].n = 2;
	r.box[0][1].label = 1;
	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < K; k++) {
			const double s = 1 / (1 + exp(-(double)r.x[i * K + k]));
			const int is =
			    (size_t)r.box[i][0].label == k || (i == 0 && k == 1);

			want -= log(is ? s : 1 - s);
		}
	v = loss(&r);
	ok(near(v, want / N), "sigmoid: all of an image's classes: %g, %g", v,
	    want / N);
	ok(worst(&r) < 2e-4, "sigmoid: gradient");
	rig_close(&r);
}

static void
test_refusals(void)
{
	struct rig r;
	float *g;
	double v;

	ok(rig_open(&r, "classes(x) softmax", "classes smooth=1") == DET_INVALID,
	    "smooth=1: %s", det_errmsg());
	rig_close(&r);
	ok(rig_open(&r, "classes(x) softmax", "classes neg=3") == DET_INVALID,
	    "a key that it has not: %s", det_errmsg());
	rig_close(&r);
	ok(rig_open(&r, "detection(x) classes=4", "classes") == DET_INVALID,
	    "another decoder: %s", det_errmsg());
	rig_close(&r);
	if (rig_open(&r, "classes(x) softmax", "classes"))
		return;
	g = r.grad;
	r.box[1][0].label = K;
	ok(r.o.run(r.o.self, &r.in, &g, &v) == DET_INVALID, "a label too large: %s",
	    det_errmsg());
	r.box[1][0].label = -1;
	ok(r.o.run(r.o.self, &r.in, &g, &v) == DET_INVALID, "no label: %s",
	    det_errmsg());
	r.box[1][0].label = 1;
	r.x[K] = NAN;
	ok(r.o.run(r.o.self, &r.in, &g, &v) == DET_INVALID, "a NaN: %s", det_errmsg());
	r.x[K] = 0;
	r.map.dims[0] = 2;
	ok(r.o.run(r.o.self, &r.in, &g, &v) == DET_INVALID, "another batch: %s",
	    det_errmsg());
	rig_close(&r);
}

int
main(void)
{
	test_softmax();
	test_smooth();
	test_probabilities();
	test_sigmoid();
	test_refusals();
	return done();
}
