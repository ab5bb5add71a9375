/* SPDX-License-Identifier: MIT
 *
 * The blocked product against a sum in double, for every instruction set: all heights of
 * tiles and widths of panels, depth in one part and in several, every end.
 */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "nn/product.h"
#include "tests/unit/tap.h"

enum { SCALE = 1, SHIFT = 2, RESIDUAL = 4, INPLACE = 8 };

static uint32_t seed = 7;

static float *
floats(size_t n)
{
	float *p;
	size_t i;

	if (det_alloc(&p, n, sizeof *p))
		abort();
	for (i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		p[i] = (float)(int)(seed >> 8) / (float)(1 << 23) - 1;
	}
	return p;
}

static double
act_of(double x, enum det_act act)
{
	switch (act) {
	case DET_ACT_LINEAR: break;
	case DET_ACT_RELU: return x > 0 ? x : 0;
	case DET_ACT_RELU6: return x > 6 ? 6 : x > 0 ? x : 0;
	case DET_ACT_LEAKY: return x > 0 ? x : .125 * x;
	case DET_ACT_SIGMOID: return 1 / (1 + exp(-x));
	case DET_ACT_MISH: return x * tanh(log1p(exp(x)));
	case DET_ACT_SILU: return x / (1 + exp(-x));
	}
	return x;
}

/* The largest error, in what rounding may cause; negative where memory beside C changed. */
static double
error_of(
    size_t rows, size_t depth, size_t blocks, size_t part, int bits, enum det_act act)
{
	const struct det_kernels *ker = det_kernels();
	size_t a_block = (rows + 3) * DET_BLOCK, c_block = (rows + 1) * DET_BLOCK;
	size_t d, k, r, from, d16 = depth * DET_BLOCK, k16 = blocks * DET_BLOCK;
	float *a = floats(depth * a_block), *plain = floats(d16 * k16);
	float *b = floats(d16 * k16), *c = floats(blocks * c_block);
	float *before = floats(blocks * c_block), *res = floats(blocks * c_block);
	float *scale = floats(k16), *shift = floats(k16);
	struct det_epilogue e = { .scale = bits & SCALE ? scale : NULL,
		.shift = bits & SHIFT ? shift : NULL,
		.residual = bits & INPLACE    ? c
			    : bits & RESIDUAL ? res
					      : NULL,
		.act = act,
		.alpha = .125f };
	double worst = 0;

	for (d = 0; d < d16; d++)
		for (k = 0; k < k16; k++)
			b[det_panel_at(ker->wide, depth, blocks, d, k)] =
			    plain[d * k16 + k];
	memcpy(before, c, blocks * c_block * sizeof *c);
	for (from = 0; from < depth; from += part) {
		size_t take = depth - from < part ? depth - from : part;
		struct det_product p = { a + from * a_block, a_block, b, depth, from,
			take, c, c_block, blocks, rows, from == 0,
			from + take == depth && bits + (int)act ? &e : NULL };

		ker->product(&p);
	}
	for (k = 0; k < k16; k++) {
		size_t at = k / DET_BLOCK * c_block + k % DET_BLOCK;

		for (r = 0; r < rows; r++) {
			size_t here = at + r * DET_BLOCK;
			double sum = 0, size = 1, err;

			for (d = 0; d < d16; d++) {
				double x = (double)a[d / DET_BLOCK * a_block +
						     r * DET_BLOCK + d % DET_BLOCK] *
					   (double)plain[d * k16 + k];

				sum += x;
				size += fabs(x);
			}
			if (e.scale)
				sum *= (double)scale[k];
			if (e.shift)
				sum += (double)shift[k];
			if (e.residual)
				sum += (double)(bits & INPLACE ? before : res)[here];
			err = fabs(act_of(sum, act) - (double)c[here]) / (1e-6 * size);
			if (!(err <= worst))
				worst = err;
		}
		if (c[at + rows * DET_BLOCK] != before[at + rows * DET_BLOCK])
			worst = -1, k = k16;
	}
	free(a), free(plain), free(b), free(c), free(before), free(res), free(scale),
	    free(shift);
	return worst;
}

static int
check(size_t rows, size_t depth, size_t blocks, size_t part, int bits, enum det_act act)
{
	double err = error_of(rows, depth, blocks, part, bits, act);

	if (err >= 0 && err <= 1)
		return 0;
	printf(
	    "# %zu rows, depth %zu in parts of %zu, %zu blocks, bits %d, act %d: %g\n",
	    rows, depth, part, blocks, bits, (int)act, err);
	return 1;
}

static int
shapes(void)
{
	size_t rows, blocks;
	int bad = 0;

	for (rows = 1; rows <= 26; rows++)
		for (blocks = 1; blocks <= 9; blocks++)
			bad += check(rows, 3, blocks, 3, 0, DET_ACT_LINEAR);
	bad += check(170, 2, 5, 2, 0, DET_ACT_LINEAR);
	bad += check(49, 33, 2, 33, 0, DET_ACT_LINEAR);
	return bad;
}

static int
parts(void)
{
	size_t part;
	int bad = 0;

	for (part = 1; part <= 5; part++) {
		bad += check(7, 5, 6, part, 0, DET_ACT_LINEAR);
		bad += check(13, 5, 3, part, SCALE | SHIFT | RESIDUAL, DET_ACT_RELU);
	}
	return bad;
}

static int
ends(void)
{
	int bad = 0, bits, act;

	for (bits = 0; bits <= (SCALE | SHIFT | RESIDUAL | INPLACE); bits++)
		for (act = 0; act <= DET_ACT_SILU; act++)
			bad += check(8, 2, 5, 2, bits, (enum det_act)act);
	return bad;
}

/* In a process of its own, as the level is chosen once a process. */
static void
each_level(int (*test)(void), const char *what)
{
	enum det_cpu_level l;

	for (l = DET_CPU_C; l <= det_cpu_supported(); l++) {
		int status = 1;
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			int bad;

			setenv("DET_CPU", det_cpu_name(l), 1);
			bad = det_cpu_level() != l || test();
			fflush(stdout);
			_exit(bad);
		}
		ok(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "%s, %s",
		    what, det_cpu_name(l));
	}
}

int
main(void)
{
	each_level(shapes, "product: shapes");
	each_level(parts, "product: depth in parts");
	each_level(ends, "product: ends");
	return done();
}
