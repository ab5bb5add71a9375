/* SPDX-License-Identifier: MIT
 *
 * Times the way back through the convolutions of the detectors' networks (conv_layers.h), as
 * training does them: plain maps, a batch of two.
 *
 *   make build/tests/bench/conv_back
 *   build/tests/bench/conv_back [-j THREADS] [-r RUNS] [-n BATCH] [-mc] [NET ...]
 *
 * Columns: shape, times it occurs; of the forward pass, of both gradients together, of the
 * input's alone and of the weights' alone, on maps that are blocked already, ms (the median,
 * with -m the least) and GFLOP/s. With -c the process's own time is taken. DET_CPU chooses
 * kernels.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "nn/conv_back.h"
#include "tests/bench/conv_layers.h"

enum { FORWARD, BOTH, INPUT, WEIGHT, KINDS };

static int threads, runs = 5, least, own;
static size_t batch = 2;

static double
now(void)
{
	struct timespec t;

	clock_gettime(own ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *
floats(size_t n)
{
	static uint32_t seed = 1;
	float *p;
	size_t i;

	if (det_alloc(&p, n, sizeof *p))
		abort();
	for (i = 0; i < n; i++) {
		seed = seed * 1664525 + 1013904223;
		p[i] = (float)(int)(seed >> 8) / (float)(1 << 23) - 1;
	}
	return p;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Plain maps, and their blocked copies. */
struct maps {
	float *x, *y, *w, *dx, *dw, *bx, *by;
	void *scratch;
};

static void
run(const struct det_conv *c, const struct maps *m, int kind)
{
	switch (kind) {
	case FORWARD:
		det_conv_run(
		    c, m->y, m->x, m->w, NULL, NULL, NULL, m->scratch, threads);
		break;
	case BOTH:
		det_conv_back_run(
		    c, m->dx, 0, m->dw, m->y, m->x, m->w, m->scratch, threads);
		break;
	case INPUT:
		det_conv_back_input(c, m->dx, 0, m->by, m->w, m->scratch, threads);
		break;
	case WEIGHT:
		det_conv_back_weight(c, m->dw,
		    det_conv_back_weight_blocked(c) ? m->by : m->y,
		    det_conv_back_weight_blocked(c) ? m->bx : m->x, m->scratch,
		    threads);
		break;
	}
}

static size_t
scratch_of(const struct det_conv *c)
{
	size_t n[4] = { det_conv_scratch(c, threads), det_conv_back_scratch(c, threads),
		det_conv_back_input_scratch(c, threads),
		det_conv_back_weight_scratch(c, threads) };
	size_t i, most = 0;

	for (i = 0; i < 4; i++)
		most = n[i] > most ? n[i] : most;
	return most;
}

/* Seconds of each kind. */
static void
measure(const struct det_conv *c, double seconds[KINDS])
{
	size_t in = c->n * det_blocked_channels(c->c) * c->h * c->w;
	size_t out = c->n * det_blocked_channels(c->k) * c->oh * c->ow;
	size_t w = c->k * (c->c / c->groups) * c->kh * c->kw;
	struct maps m = { floats(in), floats(out), floats(w), floats(in), floats(w),
		floats(in), floats(out), NULL };
	double t[64];
	int kind, i;

	if (det_alloc(&m.scratch, scratch_of(c), 1))
		abort();
	for (kind = 0; kind < KINDS; kind++) {
		for (i = 0; i <= runs; i++) {
			t[i] = -now();
			run(c, &m, kind);
			t[i] += now();
		}
		qsort(t + 1, (size_t)runs, sizeof *t, by_value);
		seconds[kind] = t[least ? 1 : 1 + runs / 2];
	}
	free(m.x), free(m.y), free(m.w), free(m.dx), free(m.dw), free(m.bx), free(m.by);
	free(m.scratch);
}

static struct det_conv
problem(const struct layer *l)
{
	size_t pad = (l->kernel - 1) * l->dilate / 2;
	struct det_conv c = { .n = batch,
		.c = l->c,
		.h = l->h,
		.w = l->w,
		.k = l->k,
		.kh = l->kernel,
		.kw = l->kernel,
		.stride_y = l->stride,
		.stride_x = l->stride,
		.dilate_y = l->dilate,
		.dilate_x = l->dilate,
		.pad_top = pad,
		.pad_left = pad,
		.pad_bottom = pad,
		.pad_right = pad,
		.groups = l->groups };

	if (det_conv_shape(&c))
		abort();
	return c;
}

static void
bench(const char *name, const struct layer *l)
{
	static const double times[KINDS] = { 1, 2, 1, 1 };
	double all[KINDS] = { 0 }, flops = 0, s[KINDS];
	int i;

	printf("%-34s%18s%18s%18s%18s\n", name, "forward", "both", "input", "weights");
	for (; l->count; l++) {
		struct det_conv c = problem(l);
		double flop = 2. * (double)(c.n * c.k * c.c / c.groups * c.kh * c.kw) *
			      (double)(c.oh * c.ow);

		measure(&c, s);
		flops += flop * (double)l->count;
		printf("  %4zux%3zux%-3zu -> %4zu %zux%zu/%zu %2zux ", c.c, c.h, c.w,
		    c.k, c.kh, c.kw, c.stride_y, l->count);
		for (i = 0; i < KINDS; i++) {
			all[i] += s[i] * (double)l->count;
			printf("%8.2f ms %6.1f", s[i] * 1e3,
			    times[i] * flop / s[i] * 1e-9);
		}
		printf("\n");
		fflush(stdout);
	}
	printf("%s, batch %zu, %d threads, %s, %.1f GFLOP:", name, batch, threads,
	    det_cpu_name(det_cpu_level()), flops * 1e-9);
	for (i = 0; i < KINDS; i++)
		printf(
		    "%8.1f ms %6.1f", all[i] * 1e3, times[i] * flops / all[i] * 1e-9);
	printf("\n");
}

int
main(int argc, char *argv[])
{
	int opt, i;
	size_t n;

	threads = det_cpu_cores();
	while ((opt = getopt(argc, argv, "j:r:n:mc")) != -1)
		switch (opt) {
		case 'j': threads = atoi(optarg); break;
		case 'r': runs = atoi(optarg); break;
		case 'n': batch = strtoul(optarg, NULL, 10); break;
		case 'm': least = 1; break;
		case 'c': own = 1; break;
		default:
			fprintf(stderr,
			    "usage: conv_back [-j THREADS] [-r RUNS] [-n BATCH] [-mc] "
			    "[NET ...]\n");
			return 2;
		}
	if (threads < 1 || runs < 1 || runs > 60 || batch < 1)
		return 2;
	for (n = 0; n < sizeof nets / sizeof nets[0]; n++) {
		int wanted = optind == argc;

		for (i = optind; i < argc; i++)
			wanted |= strcmp(argv[i], nets[n].name) == 0;
		if (wanted)
			bench(nets[n].name, nets[n].layers);
	}
	return 0;
}
