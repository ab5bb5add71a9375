/* SPDX-License-Identifier: MIT
 *
 * Times steps of training a detector: forward, losses, backward, and SGD with momentum and
 * decay. Images are noise with six objects each.
 *
 *   step MODEL THREADS BATCH HxW [RUNS]
 *
 * prints medians in ms of forward to backward and of the optimiser, images a second, and the
 * process's peak memory. (tests/bench/grad times passes of single nets.)
 */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/mem.h"
#include "base/random.h"
#include "train/optim.h"
#include "train/system.h"

enum { OBJECTS = 6, RUNS = 64, TERMS = 64 };

static void
check(enum det_err e)
{
	if (!e)
		return;
	(void)fprintf(stderr, "step: %s\n", det_errmsg());
	exit(2);
}

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* Noise, and boxes of some tenths of the image. */
static void
make_batch(struct det_batch *b, size_t n, size_t h, size_t w)
{
	struct det_random r;
	struct det_example *truth;
	struct det_box *box;
	float *v;
	size_t i;

	det_random_seed(&r, 1, 0);
	check(det_alloc(&v, n * 3 * h * w, sizeof *v));
	check(det_calloc(&truth, n, sizeof *truth));
	check(det_calloc(&box, n * OBJECTS, sizeof *box));
	for (i = 0; i < n * 3 * h * w; i++)
		v[i] = (float)(2 * det_random_uniform(&r) - 1);
	for (i = 0; i < n * OBJECTS; i++) {
		double x = det_random_uniform(&r) * .6, y = det_random_uniform(&r) * .6;

		box[i].x1 = x * (double)w;
		box[i].y1 = y * (double)h;
		box[i].x2 = (float)((x + .3 * det_random_uniform(&r)) * (double)w) + 8;
		box[i].y2 = (float)((y + .3 * det_random_uniform(&r)) * (double)h) + 8;
		box[i].label = 0;
	}
	for (i = 0; i < n; i++)
		truth[i] = (struct det_example){ box + i * OBJECTS, OBJECTS, 0, 0,
			(double)w, (double)h };
	*b = (struct det_batch){ .image = { DET_F32, 4, { n, 3, h, w }, v },
		.truth = truth };
}

static struct det_optim *
open_optim(struct det_system *s, int threads)
{
	struct det_optim_params p = DET_OPTIM_DEFAULTS;
	struct det_param **list;
	struct det_optim *o;
	size_t n = det_system_n_params(s), i;

	check(det_calloc(&list, n, sizeof(struct det_param *)));
	for (i = 0; i < n; i++)
		list[i] = det_system_param(s, i);
	p.decay = 5e-4;
	p.threads = threads;
	check(det_optim_new(&o, list, n, &p));
	free(list);
	return o;
}

/* Milliseconds of the losses and gradients, and of the update; the loss. */
static double
step(struct det_system *s, struct det_optim *o, struct det_batch *b, double ms[2])
{
	double value[TERMS] = { 0 }, loss = 0, t = now();
	size_t i;

	det_system_clear(s);
	check(det_system_step(s, b, 1, value));
	b->run++;
	b->seen += b->image.dims[0];
	ms[0] = now() - t;
	t = now();
	check(det_optim_step(o, 1e-5, 1, NULL));
	ms[1] = now() - t;
	for (i = 0; i < det_system_terms(s); i++)
		loss += value[i];
	return loss;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *v, size_t n)
{
	qsort(v, n, sizeof *v, by_value);
	return v[n / 2];
}

int
main(int argc, char *argv[])
{
	struct det_system_params p = { .grad = { .bn_momentum = -1 } };
	struct det_model *model;
	struct det_system *s;
	struct det_optim *o;
	struct det_batch batch;
	struct det_grad_stats stats;
	struct rusage ru;
	double grad[RUNS], update[RUNS], ms[2], loss = 0, g, u;
	size_t n, h, w, runs = 5, i;

	if (argc < 5 || sscanf(argv[3], "%zu", &n) != 1 ||
	    sscanf(argv[4], "%zux%zu", &h, &w) != 2 ||
	    (argc > 5 && sscanf(argv[5], "%zu", &runs) != 1) || runs < 1 ||
	    runs > RUNS) {
		(void)fprintf(stderr, "usage: step MODEL THREADS BATCH HxW [RUNS]\n");
		return 2;
	}
	p.grad.threads = atoi(argv[2]);
	check(det_model_open(&model, argv[1]));
	check(det_system_open(&s, model, &p));
	if (det_system_terms(s) > TERMS)
		return 2;
	o = open_optim(s, p.grad.threads);
	make_batch(&batch, n, h, w);
	for (i = 0; i < 2; i++)
		(void)step(s, o, &batch, ms);
	for (i = 0; i < runs; i++) {
		loss = step(s, o, &batch, ms);
		grad[i] = ms[0];
		update[i] = ms[1];
	}
	g = median(grad, runs);
	u = median(update, runs);
	(void)getrusage(RUSAGE_SELF, &ru);
	det_system_stats(s, &stats);
	(void)printf("det %s thr=%s batch=%zu step %.1f ms (gradients %.1f sgd %.1f) = "
		     "%.3f img/s peakRSS %ld MiB loss %.3f\n",
	    det_system_about(s), argv[2], n, g + u, g, u, (double)n / (g + u) * 1e3,
	    ru.ru_maxrss >> 10, loss);
	(void)printf(
	    "    values %zu, gradients of values %zu, parameters %zu, scratch %zu "
	    "MiB; %.0f GFLOP\n",
	    stats.values >> 20, stats.value_grads >> 20, stats.params >> 20,
	    stats.scratch >> 20, stats.flop * 1e-9);
	return 0;
}
