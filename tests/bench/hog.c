/* SPDX-License-Identifier: MIT
 *
 * HOG of the sliding windows of an image pyramid, and of boxes that share nothing.
 *
 *   hog [-c] [WIDTH HEIGHT]     -c: CPU time of the process, not the clock's
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "roi/hog_impl.h"

static clockid_t timer = CLOCK_MONOTONIC;

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(timer, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Windows of 64 pixels, 8 apart, in pictures that shrink by `shrink`. */
static void
slide(struct det_boxes *b, double w, double h, double shrink)
{
	for (double side = 48; side <= w && side <= h; side *= shrink)
		for (double y = 0; y + side <= h; y += side / 8)
			for (double x = 0; x + side <= w; x += side / 8) {
				struct det_box box = {
					.x1 = x, .y1 = y, .x2 = x + side, .y2 = y + side
				};

				if (det_boxes_add(b, &box))
					exit(2);
			}
}

static void
row(const char *what, float *out, const struct det_hog_kernel *k, int alone,
    const struct det_warp_picture *im, const struct det_boxes *b, int threads)
{
	static const struct det_hog_params p = DET_HOG_DEFAULTS;
	static const struct det_norm norm = DET_NORM_DEFAULTS;
	double best = 1e9, t;

	for (int i = 0; i < 3; i++) {
		t = now();
		if (det_hog_boxes_by(out, k, alone, im, &norm, b, &p, threads))
			exit(2);
		t = now() - t;
		best = t < best ? t : best;
	}
	(void)printf(
	    "%-8s %-6s %d threads  %6zu windows  %8.2f ms  %7.2f us a window\n", what,
	    k->name, threads, b->n, best * 1e3, best * 1e6 / (double)b->n);
}

int
main(int argc, char *argv[])
{
	const int cpu = argc > 1 && !strcmp(argv[1], "-c");
	const size_t w = argc > 2 + cpu ? strtoul(argv[1 + cpu], NULL, 10) : 500;
	const size_t h = argc > 2 + cpu ? strtoul(argv[2 + cpu], NULL, 10) : 375;
	struct det_boxes b = { 0 };
	struct det_warp_picture im = { NULL, 3, h, w, w, w * h, 0, 0 };
	const struct det_hog_kernel *k;
	float *data, *out;
	int more = 1;

	if (cpu)
		timer = CLOCK_PROCESS_CPUTIME_ID;
	slide(&b, (double)w, (double)h, 1.2);
	if (det_alloc(&data, 3 * w * h, sizeof *data) ||
	    det_alloc(&out, b.n * 1764, sizeof *out))
		return 2;
	srand(1);
	for (size_t i = 0; i < 3 * w * h; i++)
		data[i] = (float)(rand() % 256) / 255;
	im.data = data;
	for (size_t i = 0; more; i++) {
		if (!(k = det_hog_kernel_number(i, &more)))
			continue;
		row("shared", out, k, 0, &im, &b, 1);
		row("alone", out, k, 1, &im, &b, 1);
	}
	row("shared", out, det_hog_kernel_best(), 0, &im, &b, 2);
	free(data);
	free(out);
	det_boxes_release(&b);
	return 0;
}
