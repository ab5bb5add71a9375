/* SPDX-License-Identifier: MIT
 *
 * Maxima of many RoIs at once: the same bits as those of each RoI by itself (test_roi.c holds
 * these against the definition), for any kernel, number of threads and number of channels;
 * and a number that is none is found where it was found before.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "roi/roi_impl.h"
#include "tests/unit/tap.h"

enum { C = 21, H = 37, W = 53, MANY = 2100 };

static uint64_t seed = 1;
static int calls;
static const struct det_roi_kernel *inner;

static double
rnd(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (double)(seed >> 40) / (double)(1 << 24);
}

/* The kernel's own, counted: what is shared must have been. */
static int
counted(const struct det_roi_range *r, const struct det_roi_work *w, float *room)
{
	calls++;
	return inner->range(r, w, room);
}

/* RoIs of all sizes, on both maps; some leave the picture, some are turned around. */
static void
make_rois(struct det_roi *r)
{
	for (size_t i = 0; i < MANY; i++) {
		double s = 4 * exp2(rnd() * 8), a = exp2(rnd() * 3 - 1.5);
		double x = rnd() * 8 * W, y = rnd() * 8 * H;

		r[i] = (struct det_roi){ (float)(x - s * a / 2), (float)(y - s / a / 2),
			(float)(x + s * a / 2), (float)(y + s / a / 2), i % 3 == 0 };
	}
	r[7] = (struct det_roi){ -1e9f, -1e9f, 1e9f, 1e9f, 0 };
	r[8] = (struct det_roi){ 1e7f, 1e7f, 2e7f, 2e7f, 0 };
	r[9] = (struct det_roi){ 300, 200, 20, 10, 1 };
}

static void
compare(const struct det_roi_kernel *k, const struct det_roi_map *m,
    const struct det_roi *r, const struct det_roi_params *p, const char *what)
{
	struct det_roi_kernel shared = *k, single = *k;
	size_t bins, bytes;
	float *a, *b, *c;
	enum det_err e = det_roi_bins(&bins, p);

	inner = k;
	single.range = NULL;
	shared.range = counted;
	calls = 0;
	bytes = MANY * C * bins * sizeof *a;
	a = malloc(bytes);
	b = malloc(bytes);
	c = malloc(bytes);
	memset(a, 0xff, bytes);
	memset(b, 0xff, bytes);
	memset(c, 0xff, bytes);
	e = e ? e : det_roi_pool_by(a, &single, m, 2, r, MANY, p, 1);
	e = e ? e : det_roi_pool_by(b, &shared, m, 2, r, MANY, p, 1);
	ok(!e && calls >= 4, "%s, %s: shared, %d times", k->name, what, calls);
	shared.range = k->range;
	e = e ? e : det_roi_pool_by(c, &shared, m, 2, r, MANY, p, 3);
	ok(!e && memcmp(a, b, bytes) == 0, "the bits of each by itself");
	ok(!e && memcmp(b, c, bytes) == 0, "and of three threads");
	free(a);
	free(b);
	free(c);
}

static void
test_bits(const struct det_roi_kernel *k, const struct det_roi_map *m)
{
	static const struct {
		const char *name;
		struct det_roi_params p;
	} cases[] = {
		{ "7x7", { .op = DET_ROI_MAX, .h = 7, .w = 7 } },
		{ "1x1", { .op = DET_ROI_MAX, .h = 1, .w = 1 } },
		{ "pyramid",
		    { .op = DET_ROI_SPP, .level = { 6, 3, 2, 1 }, .levels = 4 } },
		{ "fixed bins", { .op = DET_ROI_SPP,
				    .level = { 3, 2, 1 },
				    .levels = 3,
				    .spp = DET_ROI_SPP_FIXED } },
	};
	struct det_roi *r = calloc(MANY, sizeof *r);

	make_rois(r);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		compare(k, m, r, &cases[i].p, cases[i].name);
	free(r);
}

/* All RoIs but the last 3 keep to the left half; the odd number stands to the right. */
static void
test_odd(const struct det_roi_kernel *k, const struct det_roi_map *m)
{
	const struct det_roi_params p = {
		.op = DET_ROI_SPP, .level = { 6, 3, 2, 1 }, .levels = 4
	};
	struct det_roi *r = calloc(MANY, sizeof *r);
	float *x = (float *)(uintptr_t)m[0].data + 18 * H * W + 20 * W + 45, keep = *x;
	float *out = malloc((size_t)MANY * C * 50 * sizeof *out);
	char want[80];

	make_rois(r);
	for (size_t i = 0; i < MANY; i++)
		r[i] = (struct det_roi){ (float)(i % 50), (float)(i % 70),
			(float)(i % 50 + 100), (float)(i % 70 + 150), 0 };
	for (size_t i = MANY - 3; i < MANY; i++)
		r[i].x2 = 400;
	*x = NAN;
	(void)snprintf(
	    want, sizeof want, "map 'a' has NaN or infinity within RoI %d", MANY - 3);
	ok(det_roi_pool_by(out, k, m, 2, r, MANY, &p, 2) == DET_INVALID &&
		strcmp(det_errmsg(), want) == 0,
	    "%s: the first RoI with NaN: %s", k->name, det_errmsg());
	ok(det_roi_pool_by(out, k, m, 2, r, MANY - 3, &p, 2) == DET_OK,
	    "NaN where no RoI is");
	*x = keep;
	free(out);
	free(r);
}

int
main(void)
{
	static float a[C * H * W], b[C * (H / 2) * (W / 2)];
	const struct det_roi_map m[2] = { { "a", a, C, H, W, 1. / 8 },
		{ "b", b, C, H / 2, W / 2, 1. / 16 } };
	const struct det_roi_kernel *k;
	int more = 1;

	for (size_t i = 0; i < sizeof a / sizeof a[0]; i++)
		a[i] = (float)(rnd() * 2 - 1);
	for (size_t i = 0; i < sizeof b / sizeof b[0]; i++)
		b[i] = (float)(rnd() * 2 - 1);
	for (size_t i = 0; more; i++)
		if ((k = det_roi_kernel_number(i, &more))) {
			test_bits(k, m);
			test_odd(k, m);
		}
	return done();
}
