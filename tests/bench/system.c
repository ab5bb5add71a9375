/* SPDX-License-Identifier: MIT
 *
 * Times whole steps of training: nets, objectives, proposals, pooling, all of a system.
 *
 *   system MODEL THREADS BATCH HEIGHT WIDTH [RUNS [LOSS ...]]
 *
 * Pictures are noise with a dozen objects each. Prints the median in ms, images a second and
 * the process's peak memory.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/mem.h"
#include "base/random.h"
#include "train/system.h"

enum { OBJECTS = 12, RUNS = 1000 };

static void
check(enum det_err e)
{
	if (!e)
		return;
	(void)fprintf(stderr, "system: %s\n", det_errmsg());
	exit(2);
}

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int
by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
make_batch(struct det_batch *b, size_t n, size_t h, size_t w, size_t classes)
{
	struct det_example *t;
	struct det_box *box;
	struct det_random r;
	float *x;

	check(det_calloc(&t, n, sizeof *t));
	check(det_calloc(&box, n * OBJECTS, sizeof *box));
	check(det_alloc(&x, n * 3 * h * w, sizeof *x));
	det_random_seed(&r, 1, 1);
	for (size_t i = 0; i < n * 3 * h * w; i++)
		x[i] = (float)det_random_normal(&r);
	for (size_t i = 0; i < n * OBJECTS; i++) {
		const double side =
		    (double)(h < w ? h : w) / 8 * (1 + 2 * det_random_uniform(&r));

		box[i].x1 = ((double)w - side) * det_random_uniform(&r);
		box[i].y1 = ((double)h - side) * det_random_uniform(&r);
		box[i].x2 = box[i].x1 + side;
		box[i].y2 = box[i].y1 + side;
		box[i].label = (int32_t)det_random_below(&r, classes ? classes : 1);
	}
	for (size_t i = 0; i < n; i++)
		t[i] = (struct det_example){ box + i * OBJECTS, OBJECTS, 0, 0,
			(double)w, (double)h };
	b->image = (struct det_tensor){ DET_F32, 4, { n, 3, h, w }, x };
	b->truth = t;
}

int
main(int argc, char *argv[])
{
	struct det_system_params p = { .grad = { .bn_momentum = -1, .seed = 1 } };
	struct det_batch b = { .run = 0 };
	struct det_model *m;
	struct det_system *s;
	double value[2 * DET_OBJECTIVE_TERMS], ms[RUNS], t;
	struct rusage u;
	size_t runs = argc > 6 ? (size_t)atol(argv[6]) : 11;

	if (argc < 6 || runs < 1 || runs > RUNS)
		return 2;
	p.grad.threads = atoi(argv[2]);
	p.line = (const char *const *)argv + 7;
	p.n_lines = argc > 7 ? (size_t)argc - 7 : 0;
	check(det_model_open(&m, argv[1]));
	make_batch(&b, (size_t)atol(argv[3]), (size_t)atol(argv[4]),
	    (size_t)atol(argv[5]), det_model_classes(m)->n);
	check(det_system_open(&s, m, &p));
	check(det_system_step(s, &b, 1, value));
	for (b.run = 1; b.run <= runs; b.run++) {
		t = now();
		det_system_clear(s);
		check(det_system_step(s, &b, 1, value));
		ms[b.run - 1] = 1e3 * (now() - t);
	}
	qsort(ms, runs, sizeof *ms, by_value);
	(void)getrusage(RUSAGE_SELF, &u);
	(void)printf("%s: %.1f ms (least %.1f), %.2f images/s, peak %.0f MiB\n",
	    det_system_about(s), ms[runs / 2], ms[0],
	    1e3 * (double)b.image.dims[0] / ms[runs / 2], (double)u.ru_maxrss / 1024);
	return 0;
}
