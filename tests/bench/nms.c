/* SPDX-License-Identifier: MIT
 *
 * nms [boxes [classes [FILE]]]: milliseconds of NMS at IoU .5, on seeded random boxes in a
 * 640x640 picture: one case where nearly nothing is suppressed (the dearest: all survivors
 * are compared) and one with a detector's clutter around 20 objects. Without arguments:
 * 100,000 boxes of 80 classes and of one (a tenth of that for matrix
 * methods). One TSV line a case and method: name, boxes,
 * classes, method, threads, kept, best of 5 runs in ms, instruction set.
 *
 * With FILE the boxes of the first case are written there as x1 y1 x2 y2 score label in
 * float, and nothing is measured: nms_peer.py reads it.
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

static void
sparse(struct det_box *b, long n, int classes)
{
	for (long i = 0; i < n; i++)
		b[i] = box_at(rnd(640), rnd(640), 4 + rnd(30), 4 + rnd(30), rnd(1),
		    (int)rnd(classes));
}

static void
clutter(struct det_box *b, long n, int classes)
{
	for (long i = 0; i < n; i++) {
		double k = (double)(i % 20);

		b[i] = box_at(32 * k + rnd(20), 30 * k + rnd(20), 80 + rnd(40),
		    80 + rnd(40), rnd(1), (int)rnd(classes));
	}
}

static int
run(const char *name, const struct det_box *box, size_t n, int classes,
    const char *method, const struct det_nms_params *p)
{
	struct det_boxes b = { 0 };
	double best = 1e9, t;

	b.box = malloc(n * sizeof *box);
	if (!b.box)
		return 2;
	for (int i = 0; i < 5; i++) {
		memcpy(b.box, box, n * sizeof *box);
		b.n = b.cap = n;
		t = now();
		if (det_nms(&b, p)) {
			(void)fprintf(stderr, "nms: %s\n", det_errmsg());
			return 2;
		}
		t = now() - t;
		best = t < best ? t : best;
		if (t > 500)
			break;
	}
	(void)printf("%s\t%zu\t%d\t%s\t%d\t%zu\t%.2f\t%s\n", name, n, classes, method,
	    p->threads, b.n, best, det_nms_scan_best()->name);
	(void)fflush(stdout);
	det_boxes_release(&b);
	return 0;
}

static int
methods(const char *name, const struct det_box *b, size_t n, int classes)
{
	static const char *const names[] = { "greedy", "soft-linear", "soft-gauss",
		"matrix-linear", "matrix-gauss", "fuse" };
	struct det_nms_params p = DET_NMS_DEFAULTS;
	int rc = 0;

	p.iou = .5;
	/* as every detector cuts: heaped boxes of one class are n^2 pairs, and soft and
	 * matrix methods look at each that overlaps */
	p.min_score = .05;
	for (int m = DET_NMS_GREEDY; m <= DET_NMS_FUSE; m++)
		for (p.threads = 1; p.threads <= (classes > 1 ? 2 : 1); p.threads++) {
			int matrix =
			    m == DET_NMS_MATRIX_LINEAR || m == DET_NMS_MATRIX_GAUSS;

			p.method = m;
			rc |= run(name, b, matrix && classes == 1 ? (n + 9) / 10 : n,
			    classes, names[m], &p);
		}
	return rc;
}

static int
both(struct det_box *b, long n, int classes)
{
	int rc;

	sparse(b, n, classes);
	rc = methods("sparse", b, (size_t)n, classes);
	clutter(b, n, classes);
	return rc | methods("clutter", b, (size_t)n, classes);
}

static int
write_boxes(const char *path, const struct det_box *b, long n)
{
	FILE *f = fopen(path, "wb");

	for (long i = 0; f && i < n; i++) {
		float v[6] = { (float)b[i].x1, (float)b[i].y1, (float)b[i].x2,
			(float)b[i].y2, (float)b[i].score, (float)b[i].label };

		if (fwrite(v, sizeof v, 1, f) != 1)
			return 2;
	}
	return !f || fclose(f) != 0 ? 2 : 0;
}

int
main(int argc, char *argv[])
{
	long n = argc > 1 ? atol(argv[1]) : 100000;
	int classes = argc > 2 ? atoi(argv[2]) : 80, rc;
	struct det_box *b;

	if (n < 1 || n > 10000000 || classes < 1)
		return 2;
	b = malloc((size_t)n * sizeof *b);
	if (!b)
		return 2;
	if (argc > 3) {
		sparse(b, n, classes);
		rc = write_boxes(argv[3], b, n);
	} else {
		rc = both(b, n, classes);
		if (argc < 3)
			rc |= both(b, n, 1);
	}
	free(b);
	return rc;
}
