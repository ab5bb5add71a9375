/* SPDX-License-Identifier: MIT
 *
 * nms [boxes [classes]]: milliseconds of greedy NMS, class-wise at IoU .5, on seeded random
 * boxes in a 640x640 picture: the case where nearly nothing is suppressed (the dearest: all
 * survivors are compared) and one with a detector's clutter around 20 objects. One TSV
 * line a case: name, boxes, classes, kept, best of 7 runs in ms, instruction set.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "box/nms.h"
#include "box/nms_impl.h"

static uint64_t seed = 1;

static double
rnd(double hi)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return hi * (double)(seed >> 40) / (double)(1 << 24);
}

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static struct det_box
box_at(double cx, double cy, double w, double h, double score, int label)
{
	return (struct det_box){ (float)(cx - w / 2), (float)(cy - h / 2),
		(float)(cx + w / 2), (float)(cy + h / 2), (float)score, 0, label, 0,
		-1 };
}

static int
run(const char *name, const struct det_box *box, size_t n, int classes)
{
	struct det_nms_params p = DET_NMS_DEFAULTS;
	struct det_boxes b = { 0 };
	double best = 1e9, t;

	p.iou = .5;
	b.box = malloc(n * sizeof *box);
	if (!b.box)
		return 2;
	for (int i = 0; i < 7; i++) {
		memcpy(b.box, box, n * sizeof *box);
		b.n = b.cap = n;
		t = now();
		if (det_nms(&b, &p)) {
			(void)fprintf(stderr, "nms: %s\n", det_errmsg());
			return 2;
		}
		t = now() - t;
		best = t < best ? t : best;
	}
	(void)printf("%s\t%zu\t%d\t%zu\t%.2f\t%s\n", name, n, classes, b.n, best,
	    det_scan_best()->name);
	det_boxes_release(&b);
	return 0;
}

int
main(int argc, char *argv[])
{
	long n = argc > 1 ? atol(argv[1]) : 100000;
	int classes = argc > 2 ? atoi(argv[2]) : 80;
	struct det_box *b;
	int rc;

	if (n < 1 || n > 10000000 || classes < 1)
		return 2;
	b = malloc((size_t)n * sizeof *b);
	if (!b)
		return 2;
	for (long i = 0; i < n; i++)
		b[i] = box_at(rnd(640), rnd(640), 4 + rnd(30), 4 + rnd(30), rnd(1),
		    (int)rnd(classes));
	rc = run("sparse", b, (size_t)n, classes);
	for (long i = 0; i < n; i++) {
		double k = (double)(i % 20);

		b[i] = box_at(32 * k + rnd(20), 30 * k + rnd(20), 80 + rnd(40),
		    80 + rnd(40), rnd(1), (int)rnd(classes));
	}
	rc |= run("clutter", b, (size_t)n, classes);
	free(b);
	return rc;
}
