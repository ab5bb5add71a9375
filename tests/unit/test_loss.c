/* SPDX-License-Identifier: MIT
 *
 * Element losses: values against the plain formulas in double, gradients against central
 * differences of these; weights, scales, extremes, and the numbers that papers print.
 */
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/random.h"
#include "box/coder.h"
#include "train/assign.h"
#include "train/loss.h"
#include "tests/unit/tap.h"

enum { MOST = 1500 };

struct setting {
	double beta;
	struct det_focal focal;
};

typedef double formula(double x, double t, const struct setting *s);
typedef double loss(float *grad, const float *x, const float *t, const float *w,
    size_t n, double scale, const struct setting *s);

/* --- formulas and what they are held against -------------------------------------------- */

static double
log_sigmoid(double x)
{
	return x < 0 ? x - log1p(exp(x)) : -log1p(exp(-x));
}

static double
sigmoid_formula(double x, double t, const struct setting *s)
{
	(void)s;
	return -t * log_sigmoid(x) - (1 - t) * log_sigmoid(-x);
}

static double
focal_formula(double x, double t, const struct setting *s)
{
	double lp = log_sigmoid(t > .5 ? x : -x), q = exp(log_sigmoid(t > .5 ? -x : x));
	double a = t > .5 || s->focal.same_alpha ? s->focal.alpha : 1 - s->focal.alpha;

	return -a * pow(q, s->focal.gamma) * lp;
}

static double
smooth_formula(double x, double t, const struct setting *s)
{
	double d = fabs(x - t);

	return d < s->beta ? d * d / 2 / s->beta : d - s->beta / 2;
}

static double
square_formula(double x, double t, const struct setting *s)
{
	(void)s;
	return (x - t) * (x - t);
}

static double
sigmoid_loss(float *grad, const float *x, const float *t, const float *w, size_t n,
    double scale, const struct setting *s)
{
	(void)s;
	return det_loss_sigmoid(grad, x, t, w, n, scale);
}

static double
focal_loss(float *grad, const float *x, const float *t, const float *w, size_t n,
    double scale, const struct setting *s)
{
	return det_loss_focal(grad, x, t, w, n, scale, &s->focal);
}

static double
smooth_loss(float *grad, const float *x, const float *t, const float *w, size_t n,
    double scale, const struct setting *s)
{
	return det_loss_smooth_l1(grad, x, t, w, n, scale, s->beta);
}

static double
square_loss(float *grad, const float *x, const float *t, const float *w, size_t n,
    double scale, const struct setting *s)
{
	(void)s;
	return det_loss_l2(grad, x, t, w, n, scale);
}

enum targets { BINARY, ANY_SHARE, ANY };

static void
draw(float *x, float *t, float *w, size_t n, enum targets targets, double spread)
{
	struct det_random r;

	det_random_seed(&r, 3, n);
	for (size_t i = 0; i < n; i++) {
		x[i] = (float)(spread * det_random_normal(&r));
		t[i] = targets == BINARY      ? (float)(det_random_below(&r, 2))
		       : targets == ANY_SHARE ? (float)det_random_uniform(&r)
					      : (float)det_random_normal(&r);
		w[i] = (float)(i % 5 ? det_random_uniform(&r) : 0);
	}
}

/* The worst relative errors of the value and of the gradients, of n elements. */
static void
compare(loss *f, formula *g, const struct setting *s, size_t n, enum targets targets,
    int weighted, double worst[2])
{
	static float x[MOST], t[MOST], w[MOST], grad[MOST];
	const double scale = 1. / 7, h = 1e-5;
	double sum = 0, got;

	draw(x, t, w, n, targets, 4);
	got = f(grad, x, t, weighted ? w : NULL, n, scale, s);
	for (size_t i = 0; i < n; i++) {
		double a = (double)x[i], b = (double)t[i],
		       c = weighted ? (double)w[i] : 1;
		double d = (g(a + h, b, s) - g(a - h, b, s)) / (2 * h) * c * scale;
		double off = fabs((double)grad[i] - d) / fmax(fabs(d), 1e-4);

		sum += c * g(a, b, s);
		if (!(fabs(fabs(a - b) - s->beta) < 2 * h))
			worst[1] = worse(worst[1], off);
	}
	got = fabs(got - scale * sum) / fmax(fabs(scale * sum), 1e-6);
	worst[0] = worse(worst[0], got);
}

static void
element(const char *name, loss *f, formula *g, struct setting s, enum targets targets)
{
	static const size_t sizes[] = { 1, 3, 16, 31, 512, 513, MOST };
	double worst[2] = { 0, 0 };

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (int weighted = 0; weighted < 2; weighted++)
			compare(f, g, &s, sizes[i], targets, weighted, worst);
	ok(worst[0] < 2e-6, "%s: value, relative error %.1e", name, worst[0]);
	ok(worst[1] < 2e-5, "%s: gradient against differences, %.1e", name, worst[1]);
}

static void
elements(void)
{
	const struct det_focal defaults = DET_FOCAL_DEFAULTS;

	element(
	    "sigmoid", sigmoid_loss, sigmoid_formula, (struct setting){ 0 }, BINARY);
	element("sigmoid, targets between", sigmoid_loss, sigmoid_formula,
	    (struct setting){ 0 }, ANY_SHARE);
	element("focal", focal_loss, focal_formula,
	    (struct setting){ .focal = defaults }, BINARY);
	element("focal, gamma .5", focal_loss, focal_formula,
	    (struct setting){ .focal = { .4, .5, 0 } }, BINARY);
	element("focal, gamma 0", focal_loss, focal_formula,
	    (struct setting){ .focal = { .5, 0, 0 } }, BINARY);
	element("focal, gamma 3.5, one alpha", focal_loss, focal_formula,
	    (struct setting){ .focal = { .3, 3.5, 1 } }, BINARY);
	element("smooth L1", smooth_loss, smooth_formula, (struct setting){ .beta = 1 },
	    ANY);
	element("smooth L1, beta 1/9", smooth_loss, smooth_formula,
	    (struct setting){ .beta = 1. / 9 }, ANY);
	element("L1", smooth_loss, smooth_formula, (struct setting){ .beta = 0 }, ANY);
	element("L2", square_loss, square_formula, (struct setting){ 0 }, ANY);
}

/* --- papers' numbers, extremes ------------------------------------------------------------ */

static double
focal_of(double p, double target, int same)
{
	const struct det_focal f = { .25, 2, same };
	float x = (float)log(p / (1 - p)), t = (float)target, grad;

	return det_loss_focal(&grad, &x, &t, NULL, 1, 1, &f);
}

static void
printed(void)
{
	float x = (float)log(.9 / .1), one = 1, grad;

	ok(fabs(det_loss_sigmoid(&grad, &x, &one, NULL, 1, 1) - .10536) < 1e-5,
	    "cross-entropy of p = .9 is .10536");
	ok(fabs(focal_of(.9, 1, 0) - .000263) < 1e-6, "focal, object, p = .9: .000263");
	ok(fabs(focal_of(.1, 1, 0) - .46627) < 1e-5, "focal, object, p = .1: .46627");
	ok(fabs(focal_of(.1, 0, 0) - .00079) < 1e-5,
	    "focal, background, p = .1: .00079 with 1 - alpha");
	ok(fabs(focal_of(.1, 0, 1) - .000263) < 1e-6,
	    "... and .000263 in the overview's form");
	ok(fabs(focal_of(.9, 0, 0) - 1.399) < 1e-3,
	    "focal, background, p = .9: 1.399 with 1 - alpha");
}

static void
extremes(void)
{
	float x[] = { -200, -88, -30, 30, 88, 200 }, t[] = { 1, 1, 1, 0, 0, 0 };
	float grad[6], none[6] = { 0 };
	const struct det_focal f = DET_FOCAL_DEFAULTS;
	int good = 1;

	for (size_t i = 0; i < 6; i++) {
		double v = det_loss_sigmoid(grad, x + i, t + i, NULL, 1, 1);
		double g = (double)grad[0], size = fabs((double)x[i]);

		good &= fabs(v - size) < 1e-4 && fabs(fabs(g) - 1) < 1e-6;
		v = det_loss_focal(grad, x + i, t + i, NULL, 1, 1, &f);
		good &=
		    fabs(v - (i < 3 ? .25 : .75) * size) < 1e-4 && isfinite(grad[0]);
	}
	ok(good, "logits as far as 200 on the wrong side: exact and finite");
	good = 1;
	for (size_t i = 0; i < 6; i++) {
		float o = 1 - t[i];
		double v = det_loss_focal(grad, x + i, &o, NULL, 1, 1, &f);

		good &= v >= 0 && v < 1e-20 && isfinite(grad[0]);
	}
	ok(good, "... and on the right side");
	x[2] = NAN;
	ok(isnan(det_loss_sigmoid(grad, x, t, NULL, 6, 1)) &&
		isnan(det_loss_focal(grad, x, t, none, 6, 1, &f)) &&
		isnan(det_loss_smooth_l1(grad, x, t, NULL, 6, 1, 1)) &&
		isnan(det_loss_l2(grad, x, t, NULL, 6, 1)),
	    "a NaN makes the sum NaN, of weight 0 too");
	ok(det_loss_focal(NULL, NULL, NULL, NULL, 0, 1, &f) == 0 &&
		det_loss_smooth_l1(NULL, NULL, NULL, NULL, 0, 1, 1) == 0,
	    "the loss of nothing is 0");
}

/* --- softmax ----------------------------------------------------------------------------- */

static double
column_formula(const double *x, size_t planes, size_t label)
{
	double most = x[0], sum = 0;

	for (size_t k = 1; k < planes; k++)
		most = fmax(most, x[k]);
	for (size_t k = 0; k < planes; k++)
		sum += exp(x[k] - most);
	return most + log(sum) - x[label];
}

/* n columns of `planes`, side by side (step 1) or one after the other (step planes). */
static void
softmax(size_t n, size_t planes, int rows)
{
	static float x[MOST], grad[MOST], w[MOST], each[MOST];
	static int32_t label[MOST];
	struct det_columns c = { x, n, planes, rows ? 1 : n, rows ? planes : 1 };
	double sum = 0, got, worst = 0, column[64], want_each = 0;
	const double scale = .3, h = 1e-5;
	struct det_random r;
	int zero = 1;

	det_random_seed(&r, 5, n);
	for (size_t i = 0; i < n * planes; i++)
		x[i] = (float)(3 * det_random_normal(&r));
	for (size_t i = 0; i < n; i++) {
		label[i] = (int32_t)det_random_below(&r, planes + 1) - 1;
		w[i] = (float)det_random_uniform(&r);
	}
	got = det_loss_softmax(grad, &c, label, w, scale);
	det_loss_softmax_each(each, NULL, &c, label, 0);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < planes; k++)
			column[k] = (double)x[k * c.stride + i * c.step];
		for (size_t k = 0; k < planes; k++) {
			double g = (double)grad[k * c.stride + i * c.step], d, was;

			if (label[i] < 0) {
				zero &= g == 0;
				continue;
			}
			was = column[k];
			column[k] = was + h;
			d = column_formula(column, planes, (size_t)label[i]);
			column[k] = was - h;
			d -= column_formula(column, planes, (size_t)label[i]);
			column[k] = was;
			d *= scale * (double)w[i] / (2 * h);
			worst = worse(worst, fabs(g - d) / fmax(fabs(d), 1e-3));
		}
		if (label[i] >= 0) {
			double v = column_formula(column, planes, (size_t)label[i]);

			sum += (double)w[i] * v;
			want_each = worse(want_each, fabs(v - (double)each[i]));
		}
	}
	ok(fabs(got - scale * sum) < 1e-6 * fmax(1, fabs(sum)) && want_each < 2e-6,
	    "softmax of %zu %s of %zu: value, off by %.1e", n,
	    rows ? "rows" : "columns", planes, fabs(got - scale * sum));
	ok(worst < 1e-5 && zero,
	    "... gradient against differences, %.1e; none where ignored", worst);
}

/* --- GIoU --------------------------------------------------------------------------------- */

static double
giou_formula(const double a[4], const double b[4])
{
	double w = fmin(a[2], b[2]) - fmax(a[0], b[0]);
	double h = fmin(a[3], b[3]) - fmax(a[1], b[1]);
	double i = w > 0 && h > 0 ? w * h : 0, u, c;

	u = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - i;
	c = (fmax(a[2], b[2]) - fmin(a[0], b[0])) *
	    (fmax(a[3], b[3]) - fmin(a[1], b[1]));
	return 1 - i / u + (c - u) / c;
}

/* Slopes of the formula by what `vary` points to. */
static double
giou_slope(double *vary, const double a[4], const double b[4])
{
	const double h = 1e-6;
	double was = *vary, d;

	*vary = was + h;
	d = giou_formula(a, b);
	*vary = was - h;
	d -= giou_formula(a, b);
	*vary = was;
	return d / (2 * h);
}

static void
giou_pair(const char *name, const double a[4], const double b[4], double want)
{
	float box[4], object[4], grad[4];
	double own[4], v, worst = 0;

	memcpy(own, a, sizeof own);
	for (int k = 0; k < 4; k++) {
		box[k] = (float)a[k];
		object[k] = (float)b[k];
	}
	v = det_loss_giou(grad, box, object, 2);
	for (int k = 0; k < 4; k++)
		worst = worse(
		    worst, fabs(2 * giou_slope(&own[k], own, b) - (double)grad[k]));
	ok(fabs(v - 2 * want) < 1e-6 && worst < 1e-6,
	    "GIoU, %s: %.6f, gradient off %.1e", name, v / 2, worst);
}

static void
giou(void)
{
	const double a[4] = { 1, 1, 3, 3 };
	float box[4] = { 1, 1, 3, 3 }, grad[4];

	/* I 1, U 7, C 9 */
	giou_pair("a corner in common", a, (const double[]){ 2, 2, 4, 4 },
	    1 - 1. / 7 + 2. / 9);
	/* I 0, U 8, C 4 x 6 */
	giou_pair("apart", a, (const double[]){ 3.5, 5, 5.5, 7 },
	    1 + (4.5 * 6 - 8) / (4.5 * 6));
	giou_pair("within", a, (const double[]){ 0, 0, 5, 4 }, 1 - 4. / 20);
	giou_pair("around", (const double[]){ 0, 0, 5, 4 }, a, 1 - 4. / 20);
	ok(fabs(det_loss_giou(grad, box, box, 1)) < 1e-6, "GIoU of a box with itself");
	ok(fabs((double)(grad[0] + grad[2])) < 1e-6 &&
		fabs((double)(grad[1] + grad[3])) < 1e-6,
	    "... has no pull to either side");
}

/* The derivative through the coder, by differences of a linear function of the box. */
static void
coder(int form, const char *name)
{
	struct det_coder c = { { 10, 10, 5, 5 }, 1, 0, form };
	const float anchor[4] = { 10, 20, 60, 44 }, g[4] = { .3f, -.7f, 1.1f, .2f };
	const float deltas[2][4] = { { .5f, -.3f, 2, -1 }, { .1f, 3, 6, 5.5f } };
	double worst = 0;

	for (int i = 0; i < 2; i++)
		for (int k = 0; k < 4; k++) {
			float delta[4], up[4], down[4], grad[4];
			double d = 0;

			memcpy(delta, deltas[i], sizeof delta);
			det_coder_decode_backward(grad, &c, anchor, delta, g);
			delta[k] += .01f;
			det_coder_decode(up, &c, anchor, delta);
			delta[k] -= .02f;
			det_coder_decode(down, &c, anchor, delta);
			for (int j = 0; j < 4; j++)
				d += (double)g[j] * ((double)up[j] - (double)down[j]);
			worst = worse(worst, fabs(d / .02 - (double)grad[k]));
		}
	ok(worst < 2e-3, "derivative of decoding, %s, %.1e", name, worst);
}

/* One number for all bits that the vector loops make: tests/loss-bits.t compares those of
 * different instruction sets. */
static void
bits(void)
{
	static float x[MOST], t[MOST], w[MOST], grad[MOST], corner[MOST];
	const struct det_focal f[] = { DET_FOCAL_DEFAULTS, { .3, 1.5, 0 } };
	const struct det_columns c = { x, MOST / 5, 5, MOST / 5, 1 };
	const struct det_box b = { .x1 = 1, .y1 = 1, .x2 = 4.3, .y2 = 3.7 };
	uint64_t h = DET_HASH_START;
	struct det_spots s = { 0 };
	double v[4];

	draw(x, t, w, MOST, BINARY, 6);
	v[0] = det_loss_sigmoid(grad, x, t, w, MOST - 1, 1. / 3);
	h = det_hash(h, grad, sizeof grad);
	for (int i = 0; i < 2; i++) {
		v[1 + i] = det_loss_focal(grad, x, t, w, MOST - 1, 1. / 3, &f[i]);
		h = det_hash(h, grad, sizeof grad);
	}
	det_loss_softmax_each(grad, w, &c, NULL, 2);
	h = det_hash(det_hash(h, grad, sizeof grad), w, sizeof w);
	for (size_t i = 0; i < MOST; i++)
		corner[i] = i % 4 < 2 ? fabsf(x[i]) : fabsf(x[i - 2]) + 1 + fabsf(x[i]);
	if (det_spots_set(&s, corner, MOST / 4, 0))
		return;
	v[3] = (double)det_spots_iou(grad, &s, &b);
	det_spots_release(&s);
	h = det_hash(det_hash(h, grad, MOST), v, sizeof v);
	(void)printf("# bits %016llx, %g\n", (unsigned long long)h, v[3]);
}

int
main(void)
{
	bits();
	elements();
	printed();
	extremes();
	softmax(1, 2, 0);
	softmax(37, 21, 0);
	softmax(700, 2, 0);
	softmax(9, 60, 1);
	softmax(600, 2, 1);
	giou();
	coder(DET_CODER_CENTER, "centres");
	coder(DET_CODER_CORNER, "corners");
	return done();
}
