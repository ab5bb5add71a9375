/* SPDX-License-Identifier: MIT
 *
 * parallel [THREADS]: what the pool of threads costs (lib/base/parallel.c), with loops that
 * touch no memory. Three tables, tab separated:
 *
 *   gap      eight items of 5 us a thread after so many us of the caller's own work: us
 *            that the loop takes beyond the ideal 40, and the helpers' part of the items
 *   grain    loops of 400 us of work in so many items: parallel efficiency, percent
 *   company  sixty loops of 600 us each, as a network is, beside so many processes that
 *            want every cycle: ms a network, processor ms it took, and of the processors
 *            the percentage that was left to the others
 *
 * "held" columns are inside det_parallel_begin and det_parallel_end.
 */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/parallel.h"

#define LOOPS 60
#define NETS  20
#define MOST  8 /* busy processes */

static int threads;
static double turns_per_us; /* of burn's loop */

static double
now(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

/* A chain of multiplications, which takes the same time wherever it runs. */
static void
burn(double turns)
{
	double x = 1;

	for (long i = (long)turns; i > 0; i--) {
		x = x * 1.0000001;
		__asm__ volatile("" : "+m"(x));
	}
}

static void
calibrate(void)
{
	double t, best = 1e30;

	for (int i = 0; i < 9; i++) {
		t = now(CLOCK_MONOTONIC);
		burn(1e5);
		t = now(CLOCK_MONOTONIC) - t;
		best = t < best ? t : best;
	}
	turns_per_us = 1e5 / best;
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

struct work {
	double turns;
	atomic_int *others; /* items that were not the caller's */
};

static void
item(const void *ctx, size_t i, int worker)
{
	const struct work *w = ctx;

	(void)i;
	if (worker && w->others)
		atomic_fetch_add(w->others, 1);
	burn(w->turns);
}

static void
time_gaps(void)
{
	static const int gap[] = { 0, 5, 20, 50, 100, 200, 500, 2000 };
	static double us[2][400];
	atomic_int others = 0;
	struct work w = { 5 * turns_per_us, &others };

	printf("# gap us\tbeyond us\thelped %%\theld: beyond us\thelped %%\n");
	for (size_t g = 0; g < sizeof gap / sizeof *gap; g++) {
		printf("gap\t%d", gap[g]);
		for (int held = 0; held < 2; held++) {
			atomic_store(&others, 0);
			if (held)
				det_parallel_begin();
			for (int i = 0; i < 400; i++) {
				double t;

				burn(gap[g] * turns_per_us);
				t = now(CLOCK_MONOTONIC);
				det_parallel(threads, 8 * (size_t)threads, item, &w);
				us[held][i] = now(CLOCK_MONOTONIC) - t - 40;
			}
			if (held)
				det_parallel_end();
			printf("\t%.2f\t%d", median(us[held], 400),
			    100 * atomic_load(&others) / (400 * 8 * threads));
		}
		printf("\n");
	}
}

static void
time_grains(void)
{
	static const size_t items[] = { 2, 3, 4, 8, 16, 64, 256, 1024 };
	static double us[200];

	printf("# items\tefficiency %%\theld: efficiency %%\n");
	for (size_t g = 0; g < sizeof items / sizeof *items; g++) {
		struct work w = { 400 * turns_per_us / (double)items[g], NULL };

		printf("grain\t%zu", items[g]);
		for (int held = 0; held < 2; held++) {
			if (held)
				det_parallel_begin();
			for (int i = 0; i < 200; i++) {
				double t = now(CLOCK_MONOTONIC);

				det_parallel(threads, items[g], item, &w);
				us[i] = now(CLOCK_MONOTONIC) - t;
			}
			if (held)
				det_parallel_end();
			printf("\t%.1f", 100 * 400 / (median(us, 200) * threads));
		}
		printf("\n");
	}
}

/* Sixty loops of 600 us in 9 items, 5 us of the caller's own between. */
static void
net(int held)
{
	struct work w = { 600 * turns_per_us / 9, NULL };

	if (held)
		det_parallel_begin();
	for (int i = 0; i < LOOPS; i++) {
		burn(5 * turns_per_us);
		det_parallel(threads, 9, item, &w);
	}
	if (held)
		det_parallel_end();
}

static void
time_company(void)
{
	_Atomic long *done = mmap(NULL, MOST * sizeof *done, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[MOST];

	if (done == MAP_FAILED)
		return;
	printf("# busy processes\tms\tcpu ms\tleft %%\theld: ms\tcpu ms\tleft %%\n");
	for (int n = 0; n <= 4; n = n ? 2 * n : 1) {
		printf("company\t%d", n);
		for (int i = 0; i < n; i++)
			if ((pid[i] = fork()) == 0)
				for (;;) {
					burn(20 * turns_per_us);
					atomic_fetch_add(&done[i], 20);
				}
		for (int held = 0; held < 2; held++) {
			static double ms[NETS];
			double t0 = now(CLOCK_MONOTONIC),
			       cpu = now(CLOCK_PROCESS_CPUTIME_ID), others = 0;

			for (int i = 0; i < n; i++)
				others -= (double)atomic_load(&done[i]);
			for (int i = 0; i < NETS; i++) {
				double t = now(CLOCK_MONOTONIC);

				net(held);
				ms[i] = (now(CLOCK_MONOTONIC) - t) / 1e3;
			}
			for (int i = 0; i < n; i++)
				others += (double)atomic_load(&done[i]);
			printf("\t%.1f\t%.1f\t%.0f", median(ms, NETS),
			    (now(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1e3 / NETS,
			    100 * others / (now(CLOCK_MONOTONIC) - t0) /
				det_cpu_cores());
		}
		printf("\n");
		for (int i = 0; i < n; i++)
			if (pid[i] > 0) {
				(void)kill(pid[i], SIGKILL);
				(void)waitpid(pid[i], NULL, 0);
			}
	}
	(void)munmap((void *)done, MOST * sizeof *done);
}

int
main(int argc, char *argv[])
{
	threads = argc > 1 ? atoi(argv[1]) : det_cpu_cores();
	if (threads < 2) {
		printf("# one thread: nothing to time\n");
		return 0;
	}
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	calibrate();
	time_gaps();
	time_grains();
	time_company();
	return 0;
}
