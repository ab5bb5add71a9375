/* SPDX-License-Identifier: MIT
 *
 * Times the blocked product (nn/product.h) alone, on one thread: rows, channels in and out,
 * GFLOP/s with the weights warm, and with as many weights in turn as no cache holds.
 * DET_CPU=avx512|avx2|c chooses kernels.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "nn/product.h"

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *
zeros(size_t n)
{
	float *p;
	size_t i;

	if (det_alloc(&p, n, sizeof *p))
		abort();
	for (i = 0; i < n; i++)
		p[i] = (float)(i % 17) * .125f;
	return p;
}

static double
rate(size_t rows, size_t k, size_t d, size_t copies)
{
	size_t kb = det_blocks(k), db = det_blocks(d), each = kb * db * 256, i, run;
	float *a = zeros(rows * db * 16), *b = zeros(each * copies);
	float *c = zeros(rows * kb * 16);
	struct det_epilogue e = { .act = DET_ACT_RELU };
	double flop = 2. * (double)(rows * k * d), best = 1e9;
	size_t calls = (size_t)(4e8 / flop) + 1;

	for (run = 0; run < 5; run++) {
		double t = now();

		for (i = 0; i < calls; i++) {
			struct det_product p = { a, rows * 16, b + i % copies * each,
				db, 0, db, c, rows * 16, kb, rows, 1, &e };

			det_kernels()->product(&p);
		}
		t = (now() - t) / (double)calls;
		if (t < best)
			best = t;
	}
	free(a), free(b), free(c);
	return flop / best * 1e-9;
}

int
main(void)
{
	static const size_t size[][3] = { { 784, 512, 128 }, { 49, 512, 512 },
		{ 49, 2048, 512 }, { 49, 512, 2048 }, { 196, 256, 1024 },
		{ 196, 1024, 256 }, { 169, 512, 1024 }, { 169, 256, 512 },
		{ 3136, 64, 64 }, { 3136, 64, 256 }, { 3136, 256, 64 },
		{ 2704, 128, 256 }, { 10816, 64, 128 }, { 10816, 32, 64 },
		{ 784, 48, 128 }, { 784, 16, 128 }, { 1, 512, 512 }, { 2, 512, 512 },
		{ 3, 512, 512 }, { 4, 512, 512 }, { 5, 512, 512 }, { 7, 512, 512 },
		{ 9, 512, 512 }, { 13, 512, 512 }, { 25, 512, 512 } };
	size_t i;

	printf("# %s\n", det_cpu_name(det_cpu_level()));
	for (i = 0; i < sizeof size / sizeof size[0]; i++) {
		const size_t *s = size[i];
		size_t cold = (size_t)96 * 1024 * 1024 / (s[1] * s[2] * 4) + 1;

		printf("%5zu rows %5zu -> %5zu  %6.1f GFLOP/s warm %6.1f cold\n", s[0],
		    s[2], s[1], rate(s[0], s[1], s[2], 1),
		    rate(s[0], s[1], s[2], cold > 2000 ? 2000 : cold));
		fflush(stdout);
	}
	return 0;
}
