/* SPDX-License-Identifier: MIT
 *
 * Anchors against the tables that the papers and programs are known by, and against the
 * generators of other programs (tests/oracle/anchors.py): the number of boxes, all bits
 * where the arithmetic is the same, samples and the sum of all coordinates elsewhere.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stream/record_head.h"
#include "box/anchors.h"
#include "tests/unit/tap.h"

struct golden {
	const char *profile;
	long w, h;
	size_t maps;
	size_t map[8][2]; /* h, w */
	size_t n;
	int exact;
	uint32_t crc;
	double sum; /* of absolute values */
	struct {
		size_t i;
		double box[4];
	} sample[8];
};

static const struct golden golden[] = {
#include "tests/unit/anchors_golden.h"
};

static struct det_anchors *
parse(const char *text)
{
	struct det_anchors *a;

	if (det_anchors_parse(&a, text, strlen(text), "text")) {
		ok(0, "%s", det_errmsg());
		return NULL;
	}
	return a;
}

/* All anchors of all maps, malloc'd; NULL where something is wrong. */
static float *
make(size_t *n, const struct golden *g)
{
	struct det_anchors *a = parse(det_anchors_profile(g->profile));
	float *x = NULL;

	*n = 0;
	if (!a || det_anchors_maps(a) != g->maps)
		goto out;
	x = calloc(g->n + 1, 4 * sizeof *x);
	for (size_t i = 0; x && i < g->maps; i++) {
		struct det_anchors_at at = { g->map[i][0], g->map[i][1], g->h, g->w };
		size_t count = at.h * at.w * det_anchors_in_cell(a, i);

		if (*n + count > g->n || det_anchors_make(x + 4 * *n, a, i, &at))
			break;
		*n += count;
	}
out:
	det_anchors_free(a);
	return x;
}

static double
worst_sample(const float *x, const struct golden *g)
{
	double worst = 0, d;

	for (int s = 0; s < 8; s++)
		for (int c = 0; c < 4; c++) {
			double want = g->sample[s].box[c];

			d = fabs((double)x[4 * g->sample[s].i + (size_t)c] - want) /
			    fmax(1, fabs(want));
			worst = d > worst ? d : worst;
		}
	return worst;
}

static void
test_golden(const struct golden *g)
{
	double sum = 0, worst;
	uint32_t crc;
	size_t n;
	float *x = make(&n, g);

	ok(x && n == g->n, "%s at %ldx%ld: %zu anchors (%zu)", g->profile, g->w, g->h,
	    g->n, n);
	if (!x || n != g->n) {
		free(x);
		return;
	}
	for (size_t i = 0; i < 4 * n; i++)
		sum += fabs((double)x[i]);
	worst = worst_sample(x, g);
	crc = det_crc32(0, x, 16 * n);
	if (g->exact)
		ok(crc == g->crc, "%s: every bit (samples differ by %g)", g->profile,
		    worst);
	else
		/* one unit of the last place of a float is at most 1.2e-7 of it */
		ok(worst < 2.5e-7 && fabs(sum - g->sum) < 1e-7 * g->sum,
		    "%s: samples within %g, sum within %g", g->profile, worst,
		    fabs(sum - g->sum) / g->sum);
	free(x);
}

static void
table(const char *what, const char *text, const struct det_anchors_at *at,
    const float (*want)[4], size_t n, float within)
{
	struct det_anchors *a = parse(text);
	float got[64 * 4], worst = 0;

	if (!a)
		return;
	ok(det_anchors_in_cell(a, 0) == n, "%s: %zu in a cell", what, n);
	if (det_anchors_in_cell(a, 0) == n && !det_anchors_make(got, a, 0, at))
		for (size_t i = 0; i < 4 * n; i++) {
			float off = fabsf(got[i] - want[i / 4][i % 4]);

			worst = off > worst ? off : worst;
		}
	else
		worst = INFINITY;
	ok(worst <= within, "%s: the table, within %g", what, (double)worst);
	det_anchors_free(a);
}

static void
test_tables(void)
{
	static const float caffe[9][4] = { { -84, -40, 99, 55 },
		{ -176, -88, 191, 103 }, { -360, -184, 375, 199 }, { -56, -56, 71, 71 },
		{ -120, -120, 135, 135 }, { -248, -248, 263, 263 },
		{ -36, -80, 51, 95 }, { -80, -168, 95, 183 },
		{ -168, -344, 183, 359 } };
	/* the overview writes y before x */
	static const float overview[9][4] = { { -82.5097f, -37.2548f, 98.5097f,
						  53.2548f },
		{ -173.0193f, -82.5097f, 189.0193f, 98.5097f },
		{ -354.0387f, -173.0193f, 370.0387f, 189.0193f }, { -56, -56, 72, 72 },
		{ -120, -120, 136, 136 }, { -248, -248, 264, 264 },
		{ -37.2548f, -82.5097f, 53.2548f, 98.5097f },
		{ -82.5097f, -173.0193f, 98.5097f, 189.0193f },
		{ -173.0193f, -354.0387f, 189.0193f, 370.0387f } };
	static const float tv[3][4] = { { -23, -11, 23, 11 }, { -16, -16, 16, 16 },
		{ -11, -23, 11, 23 } };
	static const float retina[9][4] = { { -23, -11, 23, 11 }, { -28, -14, 28, 14 },
		{ -35, -18, 35, 18 }, { -16, -16, 16, 16 }, { -20, -20, 20, 20 },
		{ -25, -25, 25, 25 }, { -11, -23, 11, 23 }, { -14, -28, 14, 28 },
		{ -18, -35, 18, 35 } };
	struct det_anchors_at one = { 1, 1, 16, 16 };

	table("py-faster-rcnn", det_anchors_profile("caffe"), &one, caffe, 9, 0);
	table(
	    "the overview", det_anchors_profile("overview"), &one, overview, 9, 6e-5f);
	table("torchvision", det_anchors_profile("tv"), &one, tv, 3, 0);
	table("torchvision's RetinaNet", det_anchors_profile("retinanet"), &one, retina,
	    9, 0);
}

static void
test_stride(void)
{
	struct det_anchors *a = parse("grid(m) sizes=2\ngrid(n) sizes=2 stride=exact\n"
				      "grid(k) sizes=2 stride=4,8");
	struct det_anchors_at at = { 13, 13, 800, 800 };
	size_t number[2] = { 1, 13 };
	float x[8];

	if (!a)
		return;
	ok(!det_anchors_pick(x, a, 0, &at, number, 2) && x[0] == 60 && x[5] == 60,
	    "800 pixels over 13 cells: a stride of 61");
	ok(!det_anchors_pick(x, a, 1, &at, number, 2) && x[0] == 800.f / 13 - 1,
	    "or of 800/13");
	at.in_h = at.in_w = 0;
	ok(!det_anchors_pick(x, a, 2, &at, number, 2) && x[0] == 3 && x[1] == -1 &&
		x[4] == -1 && x[5] == 7,
	    "strides given, x then y, want no size");
	ok(det_anchors_pick(x, a, 0, &at, number, 1) == DET_INVALID,
	    "strides not given do: %s", det_errmsg());
	at.in_h = at.in_w = 12;
	ok(det_anchors_pick(x, a, 0, &at, number, 1) == DET_INVALID,
	    "more cells than pixels: %s", det_errmsg());
	det_anchors_free(a);
}

static void
test_pick(void)
{
	struct det_anchors *a = parse(det_anchors_profile("ssd300"));
	struct det_anchors_at at = { 19, 19, 300, 300 };
	size_t number[3] = { 0, 1000, 19 * 19 * 6 - 1 };
	float all[19 * 19 * 6 * 4], some[12];
	int same = 1;

	if (!a)
		return;
	if (det_anchors_make(all, a, 1, &at) ||
	    det_anchors_pick(some, a, 1, &at, number, 3))
		same = 0;
	for (int i = 0; same && i < 3; i++)
		same = !memcmp(all + 4 * number[i], some + 4 * i, 4 * sizeof *all);
	ok(same, "some anchors are the same as those of all");
	det_anchors_free(a);
}

static void
test_priors(void)
{
	static const float corner[1][4] = { { 0, 0, 3, 3 } };
	static const float center[1][4] = { { -3, -3, 7, 7 } };
	struct det_anchors_at at = { 1, 1, 10, 10 };

	table("corners cut", "prior(m) min=4 stride=2 clip=corner", &at, corner, 1, 0);
	table("sizes cut", "prior(m) min=14 stride=4 clip=center", &at, center, 1, 0);
}

static void
refuse(const char *text)
{
	struct det_anchors *a = NULL;
	enum det_err e = det_anchors_parse(&a, text, strlen(text), "text");

	ok((e == DET_INVALID || e == DET_LIMIT) && !a, "refused: %s", det_errmsg());
}

static void
test_refused(void)
{
	char many[1024] = "prior(m) min=1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1 ratios=2";

	refuse("");
	refuse("# nothing\n");
	refuse("grid(m)");
	refuse("grid(m) sizes=0");
	refuse("grid(m) sizes=-1");
	refuse("grid(m) sizes=nan");
	refuse("grid(m) sizes=8 ratios=0");
	refuse("grid(m) sizes=8 round=up");
	refuse("grid(m) sizes=8 stride=0");
	refuse("grid(m) sizes=8 stride=fast");
	refuse("grid(m) sizes=8 offset=2");
	refuse("grid(m) sizes=8 colour=red");
	refuse("grid(m, n) sizes=8");
	refuse("a = grid(m) sizes=8");
	refuse("grid sizes=8");
	refuse("cells(m) sizes=8");
	refuse("grid(m) sizes=8\ngrid(m) sizes=8");
	refuse("prior(m) max=3");
	refuse("prior(m) min=3 max=4,5");
	refuse("prior(m) min=3 clip=all");
	refuse("pairs(m) anchors=1,2,3");
	refuse("pairs(m)");
	refuse("grid(m) sizes=1,2,3,4,5,6,7,8,9,10 octaves=16");
	for (int i = 3; i < 22; i++) {
		size_t n = strlen(many);

		(void)snprintf(many + n, sizeof many - n, ",%d", i);
	}
	refuse(many);
}

int
main(void)
{
	const char *name;

	test_tables();
	for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++)
		test_golden(&golden[i]);
	test_stride();
	test_pick();
	test_priors();
	test_refused();
	for (size_t i = 0; (name = det_anchors_profile_name(i)); i++) {
		struct det_anchors *a = parse(det_anchors_profile(name));

		ok(a != NULL, "profile %s", name);
		det_anchors_free(a);
	}
	ok(!det_anchors_profile("none"), "no profile 'none'");
	return done();
}
