/* SPDX-License-Identifier: MIT
 *
 * RoI pooling: torchvision's numbers; then each set of kernels against the definitions, one
 * output at a time and with no sharing, on random and degenerate RoIs; then pyramids of maps
 * and what is refused.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "roi/roi_impl.h"
#include "tests/unit/roi_golden.h"
#include "tests/unit/rnd.h"
#include "tests/unit/tap.h"

/* --- the definitions --- */

/* Bilinear reading of one plane, in double. */
static double
read_at(const float *m, size_t h, size_t w, float y, float x)
{
	size_t y0, x0, y1, x1;
	double fy, fx;

	if (y < -1 || y > (float)h || x < -1 || x > (float)w)
		return 0;
	y = fmaxf(y, 0);
	x = fmaxf(x, 0);
	y0 = (size_t)y < h - 1 ? (size_t)y : h - 1;
	x0 = (size_t)x < w - 1 ? (size_t)x : w - 1;
	y1 = y0 + 1 < h ? y0 + 1 : h - 1;
	x1 = x0 + 1 < w ? x0 + 1 : w - 1;
	fy = y0 == h - 1 ? 0 : (double)y - (double)y0;
	fx = x0 == w - 1 ? 0 : (double)x - (double)x0;
	return (1 - fy) *
		   ((1 - fx) * (double)m[y0 * w + x0] + fx * (double)m[y0 * w + x1]) +
	       fy * ((1 - fx) * (double)m[y1 * w + x0] + fx * (double)m[y1 * w + x1]);
}

static double
naive_align(const float *plane, const struct det_roi_map *m, const struct det_roi *r,
    size_t py, size_t px, const struct det_roi_params *p)
{
	float scale = (float)m->scale, shift = p->aligned ? .5f : 0;
	float x = r->x1 * scale - shift, y = r->y1 * scale - shift;
	float w = r->x2 * scale - shift - x, h = r->y2 * scale - shift - y;
	double sum = 0;
	long gx, gy;

	if (!p->aligned) {
		w = fmaxf(w, 1);
		h = fmaxf(h, 1);
	}
	w /= (float)p->w;
	h /= (float)p->h;
	gx = p->sampling ? p->sampling : (long)ceilf(w * (float)p->w / (float)p->w);
	gy = p->sampling ? p->sampling : (long)ceilf(h * (float)p->h / (float)p->h);
	for (long i = 0; i < gy; i++)
		for (long j = 0; j < gx; j++)
			sum += read_at(plane, m->h, m->w,
			    y + (float)py * h + ((float)i + .5f) * h / (float)gy,
			    x + (float)px * w + ((float)j + .5f) * w / (float)gx);
	return gx > 0 && gy > 0 ? sum / (double)(gx * gy) : 0;
}

struct span {
	long lo, hi;
};

static struct span
max_span(float a, float b, float scale, size_t i, long bins, size_t cells)
{
	long lo = lroundf(a * scale), n = lroundf(b * scale) - lo + 1;
	float bin = (float)(n > 1 ? n : 1) / (float)bins;
	struct span s = { lo + (long)floorf((float)i * bin),
		lo + (long)ceilf((float)(i + 1) * bin) };

	s.lo = s.lo < 0 ? 0 : s.lo;
	s.hi = s.hi > (long)cells ? (long)cells : s.hi;
	return s;
}

/* Without offsets, of a RoI inside the map. */
static struct span
spp_span(float a, float b, float scale, size_t i, long n, size_t cells, int fixed)
{
	long lo = (long)floor(((double)a + 1) * (double)scale + .5);
	long hi = (long)ceil((double)b * (double)scale - .5), k = (long)i, size;

	if (lo > hi)
		lo = hi = (long)floor((double)(lo + hi) / 2);
	lo = lo < 0 ? 0 : lo >= (long)cells ? (long)cells - 1 : lo;
	hi = hi < 0 ? 0 : hi >= (long)cells ? (long)cells - 1 : hi;
	size = hi - lo + 1;
	if (fixed)
		return (struct span){ lo + k * (size / n),
			lo + k * (size / n) + (size + n - 1) / n };
	return (struct span){ lo + k * size / n, lo + ((k + 1) * size + n - 1) / n };
}

static double
largest(const float *plane, size_t w, struct span y, struct span x)
{
	double v = -INFINITY;

	for (long i = y.lo; i < y.hi; i++)
		for (long j = x.lo; j < x.hi; j++)
			v = fmax(v, (double)plane[(size_t)i * w + (size_t)j]);
	return isinf(v) ? 0 : v;
}

static double
naive(const struct det_roi_map *m, const struct det_roi *r, size_t c, size_t y,
    size_t x, const struct det_roi_params *p, long bins)
{
	const float *plane = m->data + c * m->h * m->w, s = (float)m->scale;
	int fixed = p->spp == DET_ROI_SPP_FIXED;

	if (p->op == DET_ROI_ALIGN)
		return naive_align(plane, m, r, y, x, p);
	if (p->op == DET_ROI_MAX)
		return largest(plane, m->w, max_span(r->y1, r->y2, s, y, p->h, m->h),
		    max_span(r->x1, r->x2, s, x, p->w, m->w));
	return largest(plane, m->w, spp_span(r->y1, r->y2, s, y, bins, m->h, fixed),
	    spp_span(r->x1, r->x2, s, x, bins, m->w, fixed));
}

static double
farthest(const float *out, const struct det_roi_map *m, const struct det_roi *r,
    size_t n, const struct det_roi_params *p)
{
	size_t grids = p->op == DET_ROI_SPP ? p->levels : 1;
	double worst = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t g = 0; g < grids; g++) {
			size_t h = (size_t)(grids > 1 ? p->level[g] : p->h);
			size_t w = (size_t)(grids > 1 ? p->level[g] : p->w);

			for (size_t c = 0; c < m[0].c; c++)
				for (size_t k = 0; k < h * w; k++)
					worst = fmax(
					    worst, fabs((double)*out++ -
							naive(&m[r[i].map], &r[i], c,
							    k / w, k % w, p, (long)w)));
		}
	return worst;
}

/* --- torchvision --- */

static double
far_from(const float *got, const float *want, size_t n)
{
	double most = 0;

	for (size_t i = 0; i < n; i++) {
		double d = fabs((double)got[i] - (double)want[i]);

		most = d > most ? d : most;
	}
	return most;
}

static void
test_golden(const struct det_roi_kernel *k)
{
	const struct det_roi_map m = { "m", golden_map, 2, 6, 9, 1. / 8 };
	const struct {
		const char *name;
		const float *want;
		struct det_roi_params p;
	} cases[] = {
		{ "2 samples", golden_align_2,
		    { .op = DET_ROI_ALIGN, .h = 2, .w = 3, .sampling = 2 } },
		{ "2 samples, aligned", golden_align_2_aligned,
		    { .op = DET_ROI_ALIGN,
			.h = 2,
			.w = 3,
			.sampling = 2,
			.aligned = 1 } },
		{ "adaptive", golden_align_0, { .op = DET_ROI_ALIGN, .h = 2, .w = 3 } },
		{ "adaptive, aligned", golden_align_0_aligned,
		    { .op = DET_ROI_ALIGN, .h = 2, .w = 3, .aligned = 1 } },
		{ "maximum", golden_max, { .op = DET_ROI_MAX, .h = 2, .w = 3 } },
	};
	struct det_roi r[8];
	float out[8 * 2 * 6];
	double d;

	for (size_t i = 0; i < 8; i++)
		r[i] = (struct det_roi){ golden_boxes[4 * i], golden_boxes[4 * i + 1],
			golden_boxes[4 * i + 2], golden_boxes[4 * i + 3], 0 };
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		enum det_err e = det_roi_pool_by(out, k, &m, 1, r, 8, &cases[i].p, 1);

		d = far_from(out, cases[i].want, 96);
		ok(e == DET_OK && d < 2e-6,
		    "%s: torchvision's numbers, %s: within %.1g", k->name,
		    cases[i].name, d);
	}
}

/* --- random --- */

enum { C = 21, N = 60 };

static struct det_roi_map maps[2];

static void
make_maps(void)
{
	static const size_t h[] = { 30, 15 }, w[] = { 77, 39 };

	for (size_t i = 0; i < 2; i++) {
		float *x = malloc(C * h[i] * w[i] * sizeof *x);

		for (size_t k = 0; k < C * h[i] * w[i]; k++)
			x[k] = (float)rnd(-1, 1);
		maps[i] = (struct det_roi_map){ i ? "p3" : "p2", x, C, h[i], w[i],
			i ? .125 : .25 };
	}
}

static void
make_rois(struct det_roi r[N])
{
	static const struct det_roi odd[] = {
		{ 10, 10, 10, 10, 0 },     /* no area */
		{ -50, -60, -10, -20, 0 }, /* outside */
		{ 400, 10, 500, 20, 1 },   /* outside */
		{ 60, 50, 20, 30, 0 },     /* inside out */
		{ 0, 0, 308, 120, 0 },     /* all of the map: wider than two vectors */
		{ -800, -900, 1500, 700, 1 }, /* more than all */
		{ 307.9f, 119.9f, 308, 120, 0 },
		{ 0, 0, 0, 0, 1 },
		{ 100, 0, 100.5f, 120, 1 },
	};
	size_t n = sizeof odd / sizeof odd[0];

	memcpy(r, odd, sizeof odd);
	for (size_t i = n; i < N; i++) {
		double x = rnd(-20, 320), y = rnd(-20, 130);

		r[i] = (struct det_roi){ (float)x, (float)y, (float)(x + rnd(0, 120)),
			(float)(y + rnd(0, 60)), i % 2 };
	}
}

static void
test_random(const struct det_roi_kernel *k)
{
	static const struct det_roi_params cases[] = {
		DET_ROI_DEFAULTS,
		{ .op = DET_ROI_ALIGN, .h = 7, .w = 7, .sampling = 0 },
		{ .op = DET_ROI_ALIGN, .h = 6, .w = 5, .sampling = 3, .aligned = 1 },
		{ .op = DET_ROI_ALIGN, .h = 1, .w = 1, .sampling = 0, .aligned = 1 },
		{ .op = DET_ROI_ALIGN, .h = 14, .w = 14, .sampling = 1 },
		{ .op = DET_ROI_ALIGN, .h = 3, .w = 40, .sampling = 5 },
		{ .op = DET_ROI_MAX, .h = 7, .w = 7 },
		{ .op = DET_ROI_MAX, .h = 1, .w = 1 },
		{ .op = DET_ROI_MAX, .h = 40, .w = 20 },
		{ .op = DET_ROI_SPP, .level = { 6, 3, 2, 1 }, .levels = 4 },
		{ .op = DET_ROI_SPP, .level = { 4, 50 }, .levels = 2 },
		{ .op = DET_ROI_SPP,
		    .level = { 3, 2, 1 },
		    .levels = 3,
		    .spp = DET_ROI_SPP_FIXED },
	};
	struct det_roi r[N];
	float *one, *three;
	size_t bins;
	double d;

	make_rois(r);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		enum det_err e = det_roi_bins(&bins, &cases[i]);
		size_t bytes = N * C * bins * sizeof *one;

		one = malloc(bytes);
		three = malloc(bytes);
		memset(one, 0xff, bytes);
		memset(three, 0xff, bytes);
		e = e ? e : det_roi_pool_by(one, k, maps, 2, r, N, &cases[i], 1);
		e = e ? e : det_roi_pool_by(three, k, maps, 2, r, N, &cases[i], 3);
		ok(e == DET_OK, "%s, case %zu runs", k->name, i);
		d = farthest(one, maps, r, N, &cases[i]);
		ok(d < 3e-6, "equals its definition: within %.1g", d);
		ok(memcmp(one, three, bytes) == 0, "the same bits in three threads");
		free(one);
		free(three);
	}
}

/* Coordinates that no map has: nothing of them costs time or is undefined. */
static void
test_huge(const struct det_roi_kernel *k)
{
	static const struct det_roi r[] = {
		{ -1e9f, -1e9f, 1e9f, 1e9f, 0 },
		{ -3e38f, -3e38f, 3e38f, 3e38f, 0 },
		{ 1e20f, 1e20f, 2e20f, 2e20f, 0 },
		{ -1e7f, 10, -1e6f, 20, 0 },
		{ 3e38f, 3e38f, -3e38f, -3e38f, 0 },
	};
	struct det_roi_params p = DET_ROI_DEFAULTS;
	static float out[5 * C * 50];
	size_t numbers = 0;

	for (p.op = DET_ROI_ALIGN; p.op <= DET_ROI_SPP; p.op++)
		for (p.sampling = 0; p.sampling <= 2; p.sampling += 2)
			for (p.aligned = 0; p.aligned <= 1; p.aligned++) {
				enum det_err e =
				    det_roi_pool_by(out, k, maps, 2, r, 5, &p, 2);

				numbers += e == DET_OK;
				for (size_t i = 0;
				     i < sizeof out / sizeof out[0] / 50 * 49; i++)
					numbers += (size_t)!isfinite(out[i]);
			}
	ok(numbers == 12, "%s: huge RoIs give numbers", k->name);
}

static void
test_not_finite(const struct det_roi_kernel *k)
{
	static const float bad[] = { NAN, INFINITY, -INFINITY };
	struct det_roi r[] = { { 0, 0, 40, 40, 0 }, { 100, 40, 160, 90, 0 },
		{ 90, 50, 170, 80, 0 } };
	struct det_roi_params p = DET_ROI_DEFAULTS;
	float *x = (float *)(uintptr_t)maps[0].data + 20 * 30 * 77 + 15 * 77 + 30;
	float keep = *x;
	static float out[3 * C * 50];
	char want[80];

	(void)snprintf(want, sizeof want, "map 'p2' has NaN or infinity within RoI 1");
	for (p.op = DET_ROI_ALIGN; p.op <= DET_ROI_SPP; p.op++)
		for (size_t i = 0; i < 3; i++) {
			*x = bad[i];
			ok(det_roi_pool_by(out, k, maps, 2, r, 3, &p, 2) ==
				    DET_INVALID &&
				strcmp(det_errmsg(), want) == 0,
			    "%s, op %d: %g in a map is found", k->name, p.op,
			    (double)bad[i]);
			ok(det_roi_pool_by(out, k, maps, 2, r, 1, &p, 2) == DET_OK,
			    "where a RoI covers it");
		}
	*x = keep;
}

static void
test_refused(void)
{
	struct det_roi_params p = DET_ROI_DEFAULTS;
	struct det_roi r = { 0, 0, 10, NAN, 0 };
	struct det_roi_map m[2] = { maps[0], maps[1] };
	float out[C * 49];

	ok(det_roi_pool(out, maps, 2, &r, 1, &p, 1) == DET_INVALID, "NaN in a RoI");
	r.y2 = 10;
	r.map = 2;
	ok(det_roi_pool(out, maps, 2, &r, 1, &p, 1) == DET_INVALID, "a map too far");
	r.map = 0;
	ok(det_roi_pool(NULL, maps, 2, NULL, 0, &p, 1) == DET_OK, "no RoI is none");
	m[1].c = 3;
	ok(det_roi_pool(out, m, 2, &r, 1, &p, 1) == DET_INVALID, "maps of two depths");
	m[1] = maps[1];
	m[0].scale = 0;
	ok(det_roi_pool(out, m, 2, &r, 1, &p, 1) == DET_INVALID, "no scale");
	p.h = 0;
	ok(det_roi_pool(out, maps, 2, &r, 1, &p, 1) == DET_INVALID, "no bins");
	p = (struct det_roi_params)DET_ROI_DEFAULTS;
	p.sampling = 65;
	ok(det_roi_pool(out, maps, 2, &r, 1, &p, 1) == DET_INVALID, "too many samples");
	p.op = DET_ROI_SPP;
	p.level[2] = 0;
	ok(det_roi_pool(out, maps, 2, &r, 1, &p, 1) == DET_INVALID, "an empty level");
}

/* --- pyramids --- */

static void
test_levels(void)
{
	static const struct {
		double side;
		size_t tv, d2;
	} cases[] = {
		{ 0, 0, 0 },
		{ 10, 0, 0 },
		{ 111.9, 0, 0 },
		{ 112, 1, 1 },
		{ 223.9, 1, 1 },
		{ 223.9999, 2, 1 }, /* 1e-6 within the logarithm is more than 1e-8 */
		{ 224, 2, 2 },
		{ 448, 3, 3 },
		{ 3000, 3, 3 },
		{ 1e300, 3, 3 },
	};
	struct det_roi_pyramid p = DET_ROI_PYRAMID_DEFAULTS;
	struct det_roi_map m[4];
	struct det_roi r;
	struct det_box box = { 0 };
	struct det_boxes b = { &box, 1, 1, DET_SPACE_INPUT };

	for (size_t i = 0; i < 4; i++)
		m[i] = (struct det_roi_map){ "p", NULL, 1, 200u >> i, 272u >> i, 0 };
	ok(det_roi_scale_maps(m, 4, 799) == DET_OK && m[0].scale == .25 &&
		m[1].scale == .125 && m[3].scale == 1. / 32,
	    "scales of maps follow from their rows, padding or not");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t tv, d2;
		enum det_err e;

		box.x2 = box.y2 = cases[i].side;
		p.epsilon = DET_ROI_EPSILON_TV;
		e = det_roi_assign(&r, &b, m, 4, &p);
		tv = r.map;
		p.epsilon = DET_ROI_EPSILON_D2;
		e = e ? e : det_roi_assign(&r, &b, m, 4, &p);
		d2 = r.map;
		ok(!e && tv == cases[i].tv && d2 == cases[i].d2,
		    "a box of side %g goes to map %zu, %zu", cases[i].side, tv, d2);
	}
	box.x2 = box.y2 = -100;
	ok(!det_roi_assign(&r, &b, m, 4, &p) && r.map == 0,
	    "a box turned around both ways goes by its area");
	box.y2 = 500;
	ok(!det_roi_assign(&r, &b, m, 4, &p) && r.map == 0,
	    "one turned around goes to the finest");
	ok(!det_roi_assign(&r, &b, m + 2, 1, &p) && r.map == 0, "one map takes all");
	box.y2 = NAN;
	ok(det_roi_assign(&r, &b, m, 4, &p) == DET_INVALID, "NaN");
	box.y2 = 0;
	m[2].scale = 1. / 8;
	ok(det_roi_assign(&r, &b, m, 4, &p) == DET_INVALID &&
		strstr(det_errmsg(), "twice that expected"),
	    "maps out of order");
	ok(det_roi_scale_maps(m, 4, 0) == DET_INVALID, "a picture without rows");
}

static void
test_map_set(void)
{
	float x[2] = { 0 };
	struct det_tensor t = { DET_F32, 4, { 1, 2, 1, 1 }, x };
	struct det_roi_map m;

	ok(det_roi_map_set(&m, "m", &t) == DET_OK && m.c == 2 && m.data == x, "a map");
	t.dims[0] = 2;
	ok(det_roi_map_set(&m, "m", &t) == DET_INVALID, "of two images");
	t.dims[0] = 1;
	t.dims[3] = 0;
	ok(det_roi_map_set(&m, "m", &t) == DET_INVALID, "of no columns");
	t.dtype = DET_F16;
	ok(det_roi_map_set(&m, "m", &t) == DET_INVALID, "of halves");
}

int
main(void)
{
	const struct det_roi_kernel *k;
	int more = 1;

	make_maps();
	for (size_t i = 0; more; i++)
		if ((k = det_roi_kernel_number(i, &more))) {
			test_golden(k);
			test_random(k);
			test_huge(k);
			test_not_finite(k);
		}
	test_refused();
	test_levels();
	test_map_set();
	for (size_t i = 0; i < 2; i++)
		free((void *)(uintptr_t)maps[i].data);
	return done();
}
