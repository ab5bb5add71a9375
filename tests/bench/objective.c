/* SPDX-License-Identifier: MIT
 *
 * What an objective costs: CPU time for a batch of two images of ten objects each, SSD300 and
 * RetinaNet at 320 x 320, one thread.
 */
#define _POSIX_C_SOURCE 200809L
#include <time.h>

#include "tests/unit/objective_rig.h"

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

struct level {
	size_t anchors, side;
};

static void
bench(const char *line, const char *profile, size_t planes, size_t side,
    const struct level *level, const char *keys)
{
	static struct objective_rig r;
	char text[200];
	double best = 1e9;

	r.in_h = r.in_w = side;
	for (size_t i = 0; level[i].side; i++) {
		const size_t s = level[i].side, a = level[i].anchors;

		rig_add_map(&r, (size_t[]){ 2, a * planes, s, s }, 5, 4);
		rig_add_map(&r, (size_t[]){ 2, a * 4, s, s }, 6, 1);
	}
	for (uint32_t i = 0; i < 2; i++) {
		float at[40];

		fill(at, 40, i);
		rig_add_image(&r, 0, 0, (double)side, (double)side);
		for (size_t k = 0; k < 10; k++) {
			double x = 120 + 100 * (double)at[4 * k],
			       y = 120 + 100 * (double)at[4 * k + 1];

			rig_add_box(&r,
			    (double[]){ x, y, x + 50 + 40 * (double)at[4 * k + 2],
				y + 50 + 40 * (double)at[4 * k + 3] },
			    (int32_t)k, 0);
		}
	}
	(void)snprintf(text, sizeof text, "%s classes=%zu", keys,
	    strstr(keys, "background") ? planes - 1 : planes);
	if (rig_open_objective(&r, line, text, det_anchors_profile(profile)) ||
	    rig_run(&r)) {
		(void)printf("%s: %s\n", line, det_errmsg());
		exit(1);
	}
	for (int i = 0; i < 20; i++) {
		double t = now();

		if (rig_run(&r))
			exit(1);
		t = now() - t;
		best = t < best ? t : best;
	}
	(void)printf(
	    "%-24s %3zu planes  %7.2f ms a batch of 2\n", line, planes, 1e3 * best);
	rig_close_objective(&r);
}

int
main(void)
{
	static const struct level ssd[] = { { 4, 38 }, { 6, 19 }, { 6, 10 }, { 6, 5 },
		{ 4, 3 }, { 4, 1 }, { 0, 0 } };
	static const struct level net[] = { { 9, 40 }, { 9, 20 }, { 9, 10 }, { 9, 5 },
		{ 9, 3 }, { 0, 0 } };
	const char *softmax = "score=softmax background=first weights=10,10,5,5";

	bench("ssd", "ssd300", 21, 300, ssd, softmax);
	bench("ssd", "ssd300", 91, 300, ssd, softmax);
	bench("ssd profile=ssd-caffe", "ssd300", 21, 300, ssd, softmax);
	bench("retinanet", "retinanet", 20, 320, net, "score=sigmoid");
	bench("retinanet", "retinanet", 91, 320, net, "score=sigmoid");
	bench("retinanet box=giou", "retinanet", 91, 320, net, "score=sigmoid");
	bench("retinanet gamma=1.5", "retinanet", 91, 320, net, "score=sigmoid");
	return 0;
}
