/* SPDX-License-Identifier: MIT
 *
 * Times a network inside Darknet's own library, for tests/bench/run.sh, which builds it
 * against pjreddie's source:
 *
 *   darknet_time CFG WEIGHTS RUNS [WANT.f32]
 *
 * Prints tests/bench/net.c's line, with the same noise for input. WANT.f32 holds det's
 * outputs, which are what goes into the detection layers here. One run to warm up. Threads
 * are OMP_NUM_THREADS.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "darknet.h"

static double
now(void)
{
	struct timespec t;

	(void)timespec_get(&t, TIME_UTC);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static float
noise(uint32_t i)
{
	i = (i ^ i >> 16) * 0x7feb352du;
	i = (i ^ i >> 15) * 0x846ca68bu;
	i ^= i >> 16;
	return (float)(i >> 8) * 0x1p-24f;
}

/* The largest difference, each relative to the largest value of its map. */
static double
differs(const network *net, FILE *want)
{
	double worst = 0;
	float v;

	for (int i = 1; i < net->n; i++) {
		const layer *l = &net->layers[i];
		const float *map = net->layers[i - 1].output;
		double diff = 0, most = 0;

		if (l->type != YOLO && l->type != REGION)
			continue;
		for (int k = 0; k < l->inputs; k++) {
			if (fread(&v, sizeof v, 1, want) != 1)
				return NAN;
			diff = fmax(diff, fabs((double)v - (double)map[k]));
			most = fmax(most, fabs((double)v));
		}
		worst = fmax(worst, diff / most);
	}
	return fread(&v, sizeof v, 1, want) == 0 ? worst : NAN;
}

int
main(int argc, char *argv[])
{
	int runs = argc > 3 ? atoi(argv[3]) : 0;
	const char *threads = getenv("OMP_NUM_THREADS");
	struct rusage ru;
	double ms[64];
	network *net;
	float *x;
	FILE *want;

	if (runs < 1 || runs > 64)
		return 2;
	(void)freopen("/dev/null", "w", stderr);
	net = load_network(argv[1], argv[2], 0);
	set_batch_network(net, 1);
	x = calloc((size_t)net->inputs, sizeof *x);
	for (int i = 0; i < net->inputs; i++)
		x[i] = noise((uint32_t)i);
	(void)network_predict(net, x);
	for (int i = 0; i < runs; i++) {
		double begin = now();

		(void)network_predict(net, x);
		ms[i] = now() - begin;
	}
	qsort(ms, (size_t)runs, sizeof ms[0], by_value);
	(void)getrusage(RUSAGE_SELF, &ru);
	printf(
	    "darknet pjreddie threads %s median %.2f ms min %.2f max %.2f peak %ld MiB",
	    threads ? threads : "1", ms[runs / 2], ms[0], ms[runs - 1],
	    ru.ru_maxrss >> 10);
	want = argc > 4 ? fopen(argv[4], "rb") : NULL;
	if (want)
		printf(" differs %.2g", differs(net, want));
	printf("\n");
	return 0;
}
