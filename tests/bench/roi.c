/* SPDX-License-Identifier: MIT
 *
 * roi [rois [threads]]: milliseconds of pooling seeded random RoIs of 256 channels to 7x7 over
 * P2..P5 of an 800x1088 picture, sizes from 16 to 800 pixels evenly by their logarithm. One
 * TSV line a case: name, RoIs, threads, best and median of 9 runs in ms, instruction set;
 * "single" reads the cells of every maximum, which is what sharing them has to beat.
 * tests/oracle/roi_bench.py times torchvision's roi_align on the same boxes.
 */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cpu.h"
#include "roi/roi_impl.h"

#define CHANNELS 256
#define RUNS     9

static uint64_t seed = 1;

static double
rnd(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (double)(seed >> 40) / (double)(1 << 24);
}

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int
run_by(const char *name, const struct det_roi_kernel *k, float *out,
    const struct det_roi_map *m, const struct det_roi *r, size_t n,
    const struct det_roi_params *p, int threads)
{
	double t[RUNS];

	for (int i = 0; i < RUNS; i++) {
		t[i] = now();
		if (det_roi_pool_by(out, k, m, 4, r, n, p, threads)) {
			(void)fprintf(stderr, "roi: %s\n", det_errmsg());
			return 2;
		}
		t[i] = now() - t[i];
	}
	qsort(t, RUNS, sizeof t[0], by_value);
	(void)printf("%s\t%zu\t%d\t%.2f\t%.2f\t%s\n", name, n, threads, t[0],
	    t[RUNS / 2], k->name);
	return 0;
}

static int
run(const char *name, float *out, const struct det_roi_map *m, const struct det_roi *r,
    size_t n, const struct det_roi_params *p, int threads)
{
	return run_by(name, det_roi_kernel_best(), out, m, r, n, p, threads);
}

int
main(int argc, char *argv[])
{
	const size_t n = argc > 1 ? (size_t)atol(argv[1]) : 1000;
	const int threads = argc > 2 ? atoi(argv[2]) : det_cpu_cores();
	static const char *const names[] = { "p2", "p3", "p4", "p5" };
	const struct det_roi_pyramid pyramid = DET_ROI_PYRAMID_DEFAULTS;
	struct det_roi_params p = DET_ROI_DEFAULTS;
	struct det_roi_kernel single = *det_roi_kernel_best();
	struct det_roi_map m[4];
	struct det_boxes b = { 0 };
	struct det_roi *r = calloc(n + 1, sizeof *r);
	float *out = malloc((n + 1) * CHANNELS * 50 * sizeof *out);
	int rc;

	for (size_t i = 0; i < 4; i++) {
		size_t h = 200u >> i, w = 272u >> i, count = CHANNELS * h * w;
		float *x = malloc(count * sizeof *x);

		if (!x)
			return 2;
		for (size_t k = 0; k < count; k++)
			x[k] = (float)rnd();
		m[i] = (struct det_roi_map){ names[i], x, CHANNELS, h, w,
			1. / (double)(4 << i) };
	}
	for (size_t i = 0; i < n; i++) {
		double s = 16 * exp2(rnd() * log2(50)), a = exp2(rnd() * 2 - 1);
		double x = rnd() * 1088, y = rnd() * 800;
		struct det_box box = { fmax(x - s * a / 2, 0), fmax(y - s / a / 2, 0),
			fmin(x + s * a / 2, 1088), fmin(y + s / a / 2, 800), 1, 0, -1,
			0, -1 };

		if (det_boxes_add(&b, &box))
			return 2;
	}
	if (!r || !out || det_roi_assign(r, &b, m, 4, &pyramid))
		return 2;
	rc = run("align", out, m, r, n, &p, 1);
	rc |= run("align", out, m, r, n, &p, threads);
	p.sampling = 0;
	rc |= run("align-adaptive", out, m, r, n, &p, threads);
	p.op = DET_ROI_MAX;
	single.range = NULL;
	rc |= run("max", out, m, r, n, &p, threads);
	rc |= run_by("max-single", &single, out, m, r, n, &p, threads);
	p.op = DET_ROI_SPP;
	rc |= run("spp", out, m, r, n, &p, threads);
	rc |= run_by("spp-single", &single, out, m, r, n, &p, threads);
	for (size_t i = 0; i < 4; i++)
		free((void *)(uintptr_t)m[i].data);
	det_boxes_release(&b);
	free(r);
	free(out);
	return rc;
}
