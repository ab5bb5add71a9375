/* SPDX-License-Identifier: MIT
 *
 * The way back through RoI pooling. Means are linear, so the way back is right exactly where
 * <g, pool(x)> = <back(g), x> for all x and g; of maxima that holds as well, as each output
 * is one of the cells, and differences tell whether it is the right one. Then tables worked
 * by hand: ties, bins without a cell, RoIs that overlap.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "roi/roi_impl.h"
#include "tests/unit/rnd.h"
#include "tests/unit/tap.h"

enum { C = 21, N = 60, MAPS = 2 };
static const size_t high[MAPS] = { 30, 15 }, wide[MAPS] = { 77, 39 };

static float *
random_floats(size_t n)
{
	float *x = malloc(n * sizeof *x);

	for (size_t i = 0; x && i < n; i++)
		x[i] = (float)rnd(-1, 1);
	return x;
}

static size_t
area(size_t i)
{
	return C * high[i] * wide[i];
}

static void
make_rois(struct det_roi r[N])
{
	static const struct det_roi odd[] = { { 10, 10, 10, 10, 0 },
		{ -50, -60, -10, -20, 0 }, { 400, 10, 500, 20, 1 },
		{ 60, 50, 20, 30, 0 }, { 0, 0, 308, 120, 0 },
		{ -800, -900, 1500, 700, 1 }, { 307.9f, 119.9f, 308, 120, 0 },
		{ 0, 0, 0, 0, 1 }, { 100, 0, 100.5f, 120, 1 } };
	const size_t n = sizeof odd / sizeof *odd;

	memcpy(r, odd, sizeof odd);
	for (size_t i = n; i < N; i++) {
		const double x = rnd(-20, 320), y = rnd(-20, 130);

		r[i] = (struct det_roi){ (float)x, (float)y, (float)(x + rnd(0, 120)),
			(float)(y + rnd(0, 60)), i % 2 };
	}
}

static const struct det_roi_params cases[] = {
	DET_ROI_DEFAULTS,
	{ .op = DET_ROI_ALIGN, .h = 7, .w = 7, .sampling = 0 },
	{ .op = DET_ROI_ALIGN, .h = 6, .w = 5, .sampling = 3, .aligned = 1 },
	{ .op = DET_ROI_ALIGN, .h = 3, .w = 40, .sampling = 5 },
	{ .op = DET_ROI_MAX, .h = 7, .w = 7 },
	{ .op = DET_ROI_MAX, .h = 1, .w = 1 },
	{ .op = DET_ROI_MAX, .h = 40, .w = 20 },
	{ .op = DET_ROI_SPP, .level = { 6, 3, 2, 1 }, .levels = 4 },
	{ .op = DET_ROI_SPP,
	    .level = { 3, 2, 1 },
	    .levels = 3,
	    .spp = DET_ROI_SPP_FIXED },
};

static struct det_roi_map maps[MAPS];

static double
dot(const float *a, const float *b, size_t n, double *size)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		sum += (double)a[i] * (double)b[i];
		*size += fabs((double)a[i] * (double)b[i]);
	}
	return sum;
}

/* Along a small random step, maxima stay where they are: the slope tells which they are. */
static double
slope_off(const struct det_roi *r, const float *g, float *const *grad, size_t n,
    float *out, const struct det_roi_params *p)
{
	const double h = 2e-5;
	double l[2] = { 0, 0 }, want = 0, size = 0, unused = 0;
	float *d[MAPS], *was[MAPS];

	for (size_t i = 0; i < MAPS; i++) {
		d[i] = random_floats(area(i));
		was[i] = malloc(area(i) * sizeof(float));
		memcpy(was[i], maps[i].data, area(i) * sizeof(float));
		want += dot(grad[i], d[i], area(i), &size);
	}
	for (int s = 0; s < 2; s++) {
		for (size_t i = 0; i < MAPS; i++)
			for (size_t k = 0; k < area(i); k++)
				((float *)(uintptr_t)maps[i].data)[k] =
				    was[i][k] + (float)((s ? -h : h) * (double)d[i][k]);
		if (det_roi_pool(out, maps, MAPS, r, N, p, 1))
			return NAN;
		l[s] = dot(g, out, n, &unused);
	}
	for (size_t i = 0; i < MAPS; i++) {
		memcpy(
		    (float *)(uintptr_t)maps[i].data, was[i], area(i) * sizeof(float));
		free(d[i]);
		free(was[i]);
	}
	return fabs((l[0] - l[1]) / (2 * h) - want) / size;
}

static void
test_case(const struct det_roi_kernel *k, size_t which)
{
	const struct det_roi_params *p = &cases[which];
	struct det_roi r[N];
	float *one[MAPS], *three[MAPS], *out, *g;
	double in_sum = 0, out_sum, size = 0, slope;
	size_t bins, n;
	int same = 1;

	make_rois(r);
	if (det_roi_bins(&bins, p))
		exit(2);
	n = N * C * bins;
	out = malloc(n * sizeof *out);
	g = random_floats(n);
	for (size_t i = 0; i < MAPS; i++) {
		one[i] = calloc(area(i), sizeof(float));
		three[i] = calloc(area(i), sizeof(float));
	}
	if (det_roi_pool(out, maps, MAPS, r, N, p, 1) ||
	    det_roi_back_by(one, g, k, maps, MAPS, r, N, p, 1) ||
	    det_roi_back_by(three, g, k, maps, MAPS, r, N, p, 3))
		ok(0, "%s, case %zu: %s", k->name, which, det_errmsg());
	out_sum = dot(g, out, n, &size);
	size = 0;
	for (size_t i = 0; i < MAPS; i++) {
		in_sum += dot(one[i], maps[i].data, area(i), &size);
		same &= !memcmp(one[i], three[i], area(i) * sizeof(float));
	}
	ok(fabs(in_sum - out_sum) < 1e-6 * size,
	    "%s, case %zu: <back(g), x> = %.7g = <g, pool(x)> = %.7g", k->name, which,
	    in_sum, out_sum);
	slope = slope_off(r, g, one, n, out, p);
	ok(slope < 5e-3, "%s, case %zu: the slope, off by %.1g", k->name, which, slope);
	ok(same, "%s, case %zu: the same bits in three threads", k->name, which);
	for (size_t i = 0; i < MAPS; i++) {
		free(one[i]);
		free(three[i]);
	}
	free(out);
	free(g);
}

static int
equal(const float *x, const float *want, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fabsf(x[i] - want[i]) > 1e-6f) {
			(void)printf(
			    "# at %zu: %g, not %g\n", i, (double)x[i], (double)want[i]);
			return 0;
		}
	return 1;
}

/* A map of one channel, 3 x 4, a pixel a cell. */
static void
test_hand(void)
{
	static const float x[12] = { 5, 5, 1, 0, 5, 2, 2, 0, 1, 2, 2, 7 };
	const struct det_roi_map m = { "m", x, 1, 3, 4, 1 };
	const struct det_roi_params max = { .op = DET_ROI_MAX, .h = 1, .w = 2 };
	const struct det_roi_params mean = {
		.op = DET_ROI_ALIGN, .h = 1, .w = 1, .sampling = 1
	};
	/* all; the same again; all of it outside */
	const struct det_roi r[] = { { 0, 0, 3, 2, 0 }, { 0, 0, 3, 2, 0 },
		{ 90, 90, 95, 95, 0 } };
	const float g[] = { 1, 2, 10, 20, 100, 200 };
	/* the first of the fives; the 7 */
	const float want[12] = { [0] = 11, [11] = 22 };
	/* samples at (1, .5), of x1 y1 x2 y2 = .25 0 1.75 1; and at -.5, taken as 0 */
	const struct det_roi s[] = { { .25f, 0, 1.75f, 1, 0 }, { -1, -1, 0, 0, 0 } };
	const float h[] = { 8, 1 };
	const float spread[12] = { [0] = 1, [1] = 4, [5] = 4 };
	float grad[12] = { 0 }, *to = grad;

	ok(!det_roi_pool_back(&to, g, &m, 1, r, 3, &max, 2) && equal(grad, want, 12),
	    "maxima: the first of equal cells; two RoIs add up; none outside");
	memset(grad, 0, sizeof grad);
	ok(!det_roi_pool_back(&to, h, &m, 1, s, 2, &mean, 2) && equal(grad, spread, 12),
	    "means: shares of the cells around each sample");
	ok(!det_roi_pool_back(&to, h, &m, 1, s, 1, &mean, 1) && grad[1] == 8,
	    "gradients are added to what is there");
	ok(!det_roi_pool_back(&to, h, &m, 1, s, 0, &mean, 1), "no RoI, no gradient");
	ok(det_roi_pool_back(&to, h, &m, 1, &(struct det_roi){ .map = 1 }, 1, &mean,
	       1) == DET_INVALID,
	    "a map that there is not: %s", det_errmsg());
}

/* So many RoIs on one map that forward they would be several tasks: backward they add to the
 * same cells, which one task alone may do. */
static void
test_many(void)
{
	enum { MANY = 4000, SIDE = 16 };
	static const float x[SIDE * SIDE] = { 1 };
	const struct det_roi_map m = { "m", x, 1, SIDE, SIDE, 1 };
	struct det_roi_params p = DET_ROI_DEFAULTS;
	struct det_roi *r = calloc(MANY, sizeof *r);
	float *g = malloc(MANY * 49 * sizeof *g);
	float one[SIDE * SIDE], four[SIDE * SIDE], *to;
	int same = 1;

	for (size_t i = 0; i < MANY; i++)
		r[i] = (struct det_roi){ (float)(i % 5), (float)(i % 3), SIDE - 1,
			SIDE - 1, 0 };
	for (size_t i = 0; i < (size_t)MANY * 49; i++)
		g[i] = 1;
	for (int k = 0; k < 10; k++) {
		p.op = k % 2 ? DET_ROI_MAX : DET_ROI_ALIGN;
		memset(one, 0, sizeof one);
		memset(four, 0, sizeof four);
		to = one;
		same &= !det_roi_pool_back(&to, g, &m, 1, r, MANY, &p, 1);
		to = four;
		same &= !det_roi_pool_back(&to, g, &m, 1, r, MANY, &p, 4);
		same &= !memcmp(one, four, sizeof one);
	}
	ok(same, "thousands of RoIs on a map: the same bits in four threads");
	free(g);
	free(r);
}

int
main(void)
{
	float *data[MAPS];
	int more;

	for (size_t i = 0; i < MAPS; i++) {
		data[i] = random_floats(area(i));
		maps[i] = (struct det_roi_map){ i ? "p3" : "p2", data[i], C, high[i],
			wide[i], i ? .125 : .25 };
	}
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (size_t n = 0; det_roi_back_number(n, &more) || more; n++)
			if (det_roi_back_number(n, &more))
				test_case(det_roi_back_number(n, &more), i);
	}
	test_hand();
	test_many();
	free(data[0]);
	free(data[1]);
	return done();
}
