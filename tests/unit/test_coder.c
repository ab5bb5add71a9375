/* SPDX-License-Identifier: MIT
 *
 * Box deltas: known values, decoding of what was encoded, and limits.
 */
#include <math.h>

#include "base/random.h"
#include "box/coder.h"
#include "tests/unit/tap.h"

static int
near(const float got[4], double a, double b, double c, double d, double within)
{
	const double want[4] = { a, b, c, d };

	for (int i = 0; i < 4; i++)
		if (!(fabs((double)got[i] - want[i]) <= within))
			return 0;
	return 1;
}

static void
test_known(void)
{
	struct det_coder c = DET_CODER_DEFAULTS;
	const float anchor[4] = { 10, 20, 30, 60 };
	const float zero[4] = { 0, 0, 0, 0 };
	float x[4], d[4] = { .5f, -.25f, logf(2), logf(.5f) };

	det_coder_decode(x, &c, anchor, zero);
	ok(near(x, 10, 20, 30, 60, 0), "nothing moves");
	det_coder_decode(x, &c, anchor, d);
	ok(near(x, 10, 20, 50, 40, 1e-5), "moved and stretched");
	det_coder_encode(x, &c, anchor, (float[]){ 10, 20, 50, 40 });
	ok(near(x, .5, -.25, log(2), log(.5), 1e-7), "and back");
	c.weight[0] = c.weight[1] = 10;
	c.weight[2] = c.weight[3] = 5;
	det_coder_encode(x, &c, anchor, (float[]){ 10, 20, 50, 40 });
	ok(near(x, 5, -2.5, 5 * log(2), 5 * log(.5), 1e-6), "weights multiply");
	d[2] = d[3] = 1000;
	det_coder_decode(x, &c, anchor, d);
	/* 1000/16 times the anchor's sides */
	ok(near(x, 21 - 625, 39 - 1250, 21 + 625, 39 + 1250, .01), "the clamp");
	c.clamp = INFINITY;
	det_coder_decode(x, &c, anchor, d);
	ok(isinf(x[2]) && isinf(x[3]), "no clamp");
}

static void
test_plus_one(void)
{
	struct det_coder c = DET_CODER_DEFAULTS;
	const float anchor[4] = { -84, -40, 99, 55 }, box[4] = { 5, 6, 104, 55 };
	float d[4], x[4];

	c.plus_one = 1;
	det_coder_encode(d, &c, anchor, box);
	/* widths 184 and 100, heights 96 and 50, centres 8 and 55, 8 and 31 */
	ok(near(d, 47. / 184, 23. / 96, log(100. / 184), log(50. / 96), 1e-7),
	    "sides with their last pixel");
	det_coder_decode(x, &c, anchor, d);
	ok(near(x, 5, 6, 105, 56, 1e-4), "decoded it is 1 larger");
}

static void
test_corner(void)
{
	struct det_coder c = DET_CODER_DEFAULTS;
	const float anchor[4] = { 0, 0, 10, 20 }, box[4] = { 1, 2, 12, 16 };
	float d[4], x[4];

	c.form = DET_CODER_CORNER;
	for (int i = 0; i < 4; i++)
		c.weight[i] = 5;
	det_coder_encode(d, &c, anchor, box);
	ok(near(d, .5, .5, 1, -1, 1e-6), "corners");
	det_coder_decode(x, &c, anchor, d);
	ok(near(x, 1, 2, 12, 16, 1e-6), "and back");
}

static void
test_round_trips(void)
{
	struct det_random r;
	double worst[2] = { 0, 0 };

	det_random_seed(&r, 3, 0);
	for (int i = 0; i < 20000; i++) {
		struct det_coder c = DET_CODER_DEFAULTS;
		float a[4], b[4], d[4], x[4];

		c.form = i % 2;
		for (int k = 0; k < 2; k++) {
			a[k] = (float)(det_random_uniform(&r) * 800);
			b[k] = (float)(det_random_uniform(&r) * 800);
			a[k + 2] = a[k] + 1 + (float)(det_random_uniform(&r) * 400);
			b[k + 2] = b[k] + 1 + (float)(det_random_uniform(&r) * 50);
			c.weight[k] = 10;
		}
		det_coder_encode(d, &c, a, b);
		det_coder_decode(x, &c, a, d);
		for (int k = 0; k < 4; k++) {
			double off = fabs((double)x[k] - (double)b[k]);

			worst[i % 2] = off > worst[i % 2] ? off : worst[i % 2];
		}
	}
	ok(worst[0] < 2e-3 && worst[1] < 2e-3,
	    "there and back: within %g and %g pixels", worst[0], worst[1]);
}

int
main(void)
{
	test_known();
	test_plus_one();
	test_corner();
	test_round_trips();
	return done();
}
