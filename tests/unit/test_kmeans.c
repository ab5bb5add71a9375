/* SPDX-License-Identifier: MIT
 *
 * Clusters of widths and heights: those that are plain to see, and the order of things.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "box/kmeans.h"
#include "tests/unit/tap.h"

#define N 3000

static void
fill(float *wh, uint64_t seed)
{
	static const double centre[3][2] = { { 10, 20 }, { 60, 30 }, { 200, 220 } };
	struct det_random r;

	det_random_seed(&r, seed, 0);
	for (int i = 0; i < N; i++)
		for (int c = 0; c < 2; c++)
			wh[2 * i + c] = (float)(centre[i % 3][c] *
						(1 + .02 * det_random_normal(&r)));
}

static double
mean_iou(const double *c, size_t k, const float *wh)
{
	double sum = 0, best;

	for (int i = 0; i < N; i++) {
		best = 0;
		for (size_t j = 0; j < k; j++)
			best = fmax(
			    best, det_kmeans_iou((double)wh[2 * i],
				      (double)wh[2 * i + 1], c[2 * j], c[2 * j + 1]));
		sum += best;
	}
	return sum / N;
}

static void
test_clusters(void)
{
	float *wh = malloc(2 * N * sizeof *wh);
	double c[6], again[6], other[20], iou, iou2;
	int right = 1;

	if (!wh)
		abort();
	fill(wh, 5);
	for (uint64_t seed = 0; seed < 20; seed++) {
		if (det_kmeans(c, &iou, 3, wh, N, seed) || fabs(c[0] - 10) > .1 ||
		    fabs(c[1] - 20) > .2 || fabs(c[2] - 60) > .6 ||
		    fabs(c[5] - 220) > 2)
			right = 0;
	}
	ok(right, "three heaps are found from any seed: %.2f,%.2f %.2f,%.2f %.2f,%.2f",
	    c[0], c[1], c[2], c[3], c[4], c[5]);
	ok(fabs(iou - mean_iou(c, 3, wh)) < 1e-12 && iou > .95, "mean IoU %.4f", iou);
	ok(!det_kmeans(again, &iou2, 3, wh, N, 19) && iou == iou2 &&
		!memcmp(c, again, sizeof c),
	    "the same seed, the same result");
	ok(!det_kmeans(other, &iou2, 10, wh, N, 1) && iou2 > iou,
	    "more are better: %.4f, not %.4f", iou2, iou);
	right = 1;
	for (int i = 1; i < 10; i++)
		right &= other[2 * i - 2] * other[2 * i - 1] <=
			 other[2 * i] * other[2 * i + 1];
	ok(right, "the smallest first");
	free(wh);
}

static void
test_edges(void)
{
	const float same[8] = { 3, 4, 3, 4, 3, 4, 3, 4 }, bad[4] = { 1, 2, 0, 1 };
	const float two[4] = { 2, 2, 4, 4 };
	const float four[8] = { 1, 1, 8, 2, 2, 8, 30, 30 };
	double c[8], iou;

	ok(det_kmeans_iou(2, 2, 4, 4) == .25 && det_kmeans_iou(2, 4, 4, 2) == 1. / 3,
	    "IoU of two boxes around one centre");
	/* the mean, 3 x 3, is worse than a box: .5035 of 2 x 2 and 4 x 4 */
	ok(!det_kmeans(c, &iou, 1, two, 2, 1) && iou == .625 && c[0] == c[1] &&
		(c[0] == 2 || c[0] == 4),
	    "the best round is kept: %g, %g", c[0], iou);
	ok(!det_kmeans(c, &iou, 4, four, 4, 1) && iou == 1 && c[0] == 1 && c[2] == 2 &&
		c[6] == 30,
	    "as many centres as boxes");
	ok(!det_kmeans(c, &iou, 3, same, 4, 1) && iou == 1 && c[4] == 3 && c[5] == 4,
	    "boxes all alike");
	ok(det_kmeans(c, &iou, 3, four, 2, 1) == DET_INVALID, "%s", det_errmsg());
	ok(det_kmeans(c, &iou, 0, four, 2, 1) == DET_INVALID, "%s", det_errmsg());
	ok(det_kmeans(c, &iou, 1, bad, 2, 1) == DET_INVALID, "%s", det_errmsg());
}

int
main(void)
{
	test_clusters();
	test_edges();
	return done();
}
