/* SPDX-License-Identifier: MIT
 *
 * Chosen convolutions in every way there is (tests/conv_try.h; random ones are in
 * test_conv_shapes.c), fully connected layers and activations against naive double
 * arithmetic, for every instruction set that this processor has and 1 to 3 threads.
 */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "nn/conv.h"
#include "tests/conv_try.h"
#include "tests/unit/tap.h"

static float *
floats(size_t n)
{
	static uint32_t seed;
	float *p;

	if (det_alloc(&p, n, sizeof *p))
		abort();
	conv_fill(p, n, ++seed);
	return p;
}

/* n c h w, k kh kw, strides, dilations, pads t l b r, groups */
static const struct shape {
	size_t n, c, h, w, k, kh, kw, sy, sx, dy, dx, t, l, b, r, g;
} shapes[] = {
	/* 1x1: one pixel, fewer than a vector, tails of rows and columns */
	{ 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1 },
	{ 1, 3, 2, 2, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1 },
	{ 1, 17, 5, 7, 9, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1 },
	{ 2, 64, 13, 13, 33, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1 },
	{ 1, 600, 13, 13, 75, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1 },
	{ 1, 32, 40, 44, 64, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1 },
	{ 1, 40, 14, 15, 24, 1, 1, 2, 2, 1, 1, 0, 0, 0, 0, 1 },
	{ 2, 130, 7, 7, 21, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1 },
	{ 1, 500, 1, 1, 21, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1 },
	{ 1, 90, 5, 10, 13, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
	{ 1, 80, 28, 26, 12, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
	{ 1, 8, 6, 6, 8, 1, 1, 1, 1, 1, 1, 1, 2, 0, 1, 1 },
	{ 1, 1100, 4, 4, 20, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1 },
	/* 3x3 */
	{ 1, 3, 33, 35, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
	{ 1, 3, 32, 32, 32, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1 },
	{ 1, 3, 31, 37, 32, 3, 3, 2, 2, 1, 1, 0, 0, 1, 1, 1 },
	{ 2, 16, 19, 21, 20, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
	{ 1, 64, 26, 26, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
	{ 1, 70, 13, 13, 50, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
	{ 2, 33, 12, 17, 18, 3, 3, 1, 1, 1, 1, 0, 0, 0, 0, 1 },
	{ 1, 16, 14, 15, 16, 3, 3, 1, 1, 1, 1, 2, 2, 2, 2, 1 },
	{ 1, 40, 18, 70, 17, 3, 3, 1, 1, 1, 1, 2, 0, 0, 1, 1 },
	{ 1, 200, 13, 14, 24, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
	{ 1, 100, 60, 60, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
	{ 1, 64, 27, 26, 40, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1 },
	{ 1, 20, 12, 13, 10, 3, 3, 3, 2, 1, 1, 1, 0, 1, 2, 1 },
	{ 1, 9, 20, 20, 11, 3, 3, 1, 1, 2, 2, 2, 2, 2, 2, 1 },
	{ 1, 9, 20, 23, 11, 3, 3, 2, 3, 3, 2, 4, 1, 0, 3, 1 },
	{ 1, 4, 1, 1, 6, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
	{ 3, 5, 2, 3, 7, 3, 3, 1, 1, 1, 1, 2, 2, 2, 2, 1 },
	{ 1, 6, 3, 3, 4, 3, 3, 1, 1, 6, 6, 6, 6, 6, 6, 1 },
	{ 1, 2, 3, 90, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
	{ 1, 2, 90, 3, 3, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1 },
	/* other kernels */
	{ 1, 3, 40, 41, 24, 7, 7, 2, 2, 1, 1, 3, 3, 3, 3, 1 },
	{ 1, 3, 47, 47, 12, 11, 11, 4, 4, 1, 1, 2, 2, 2, 2, 1 },
	{ 1, 7, 15, 18, 13, 5, 5, 1, 1, 1, 1, 2, 2, 2, 2, 1 },
	{ 1, 7, 15, 18, 13, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0, 1 },
	{ 1, 7, 15, 18, 13, 4, 6, 2, 1, 1, 1, 1, 3, 2, 2, 1 },
	{ 1, 7, 15, 18, 13, 1, 7, 1, 1, 1, 1, 0, 3, 0, 3, 1 },
	{ 1, 7, 15, 18, 13, 7, 1, 1, 1, 1, 1, 3, 0, 3, 0, 1 },
	{ 1, 24, 7, 7, 19, 7, 7, 1, 1, 1, 1, 0, 0, 0, 0, 1 },
	/* groups */
	{ 1, 8, 11, 12, 12, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 4 },
	{ 2, 48, 13, 13, 32, 5, 5, 1, 1, 1, 1, 2, 2, 2, 2, 2 },
	{ 1, 32, 9, 9, 64, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 8 },
	{ 1, 6, 9, 9, 18, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 3 },
	/* depthwise, also with a multiplier */
	{ 1, 16, 20, 21, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 16 },
	{ 2, 7, 20, 21, 7, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 7 },
	{ 1, 7, 40, 50, 7, 5, 5, 1, 1, 1, 1, 2, 2, 2, 2, 7 },
	{ 1, 7, 10, 11, 7, 5, 5, 2, 2, 1, 1, 2, 2, 2, 2, 7 },
	{ 1, 5, 10, 11, 5, 3, 3, 1, 1, 2, 3, 2, 3, 2, 3, 5 },
	{ 1, 5, 13, 17, 5, 3, 4, 2, 3, 3, 2, 2, 3, 1, 0, 5 },
	{ 1, 4, 3, 3, 4, 7, 7, 1, 1, 1, 1, 3, 3, 3, 3, 4 },
	{ 1, 4, 9, 9, 12, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 4 },
	{ 1, 3, 1, 40, 3, 1, 3, 1, 1, 1, 1, 0, 1, 0, 1, 3 },
	{ 1, 6, 5, 5, 6, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 6 },
	/* the kernel covers the image, and as if it did */
	{ 20, 9, 7, 7, 13, 7, 7, 1, 1, 1, 1, 0, 0, 0, 0, 1 },
	{ 1, 30, 3, 3, 50, 3, 3, 1, 1, 1, 1, 0, 0, 0, 0, 1 },
	{ 40, 33, 1, 1, 70, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1 },
	{ 3, 5, 3, 3, 6, 3, 3, 1, 1, 2, 2, 0, 0, 2, 2, 1 },
	{ 2, 6, 4, 5, 6, 4, 5, 1, 1, 1, 1, 0, 0, 1, 2, 1 },
	/* SSD's fc6: dilated by 6 */
	{ 1, 20, 19, 19, 32, 3, 3, 1, 1, 6, 6, 6, 6, 6, 6, 1 },
};

static struct det_conv
problem(const struct shape *s)
{
	struct det_conv c = { .n = s->n,
		.c = s->c,
		.h = s->h,
		.w = s->w,
		.k = s->k,
		.kh = s->kh,
		.kw = s->kw,
		.stride_y = s->sy,
		.stride_x = s->sx,
		.dilate_y = s->dy,
		.dilate_x = s->dx,
		.pad_top = s->t,
		.pad_left = s->l,
		.pad_bottom = s->b,
		.pad_right = s->r,
		.groups = s->g,
		.act = DET_ACT_LINEAR,
		.alpha = .1f };

	if (det_conv_shape(&c))
		printf("# %s\n", det_errmsg()), abort();
	return c;
}

/* One in three where each takes thirty times as long: where the processor is emulated, and under
 * sanitizers (DET_SAN), whose business every shape is but not every sum at its end. */
static int
check(const struct det_conv *c, int bits, int threads, int whole)
{
	static int turn;
	const struct conv_case p = { *c, bits, 7 * (uint32_t)bits + (uint32_t)c->w };
	const struct conv_ways ways = { .least = 1, .most = threads };
	const char *san = getenv("DET_SAN");

	if ((getenv("DET_EMULATED") || (san && *san && !whole)) && turn++ % 3)
		return 0;
	return conv_try(&p, &ways, NULL);
}

static void
convolutions(void)
{
	int bad = 0, turn = 0;
	size_t i;

	for (i = 0; i < sizeof shapes / sizeof shapes[0]; i++, turn++) {
		struct det_conv c = problem(&shapes[i]);

		bad += check(&c, turn % 2 ? CONV_SCALE | CONV_SHIFT : 0, 3, 0);
		/* the rest in turn: every activation and every mixture comes up */
		c.act = (enum det_act)(turn % (DET_ACT_SILU + 1));
		bad += check(&c, turn * 5 % (CONV_ALL + 1), 3, 1);
	}
	ok(bad == 0, "%zu shapes, in every way as the reference", i);
}

/* Every activation with every mixture of scale, shift and residual. */
static void
epilogues(void)
{
	static const size_t some[] = { 3, 7, 17, 45, 55 };
	int bad = 0, act, bits;
	size_t i;

	for (i = 0; i < sizeof some / sizeof some[0]; i++)
		for (act = 0; act <= DET_ACT_SILU; act++)
			for (bits = 0; bits <= CONV_ALL; bits++) {
				struct det_conv c = problem(&shapes[some[i]]);

				/* the whole table on one shape, the others take turns */
				if (some[i] != 7 && (act + bits) % 5 != (int)i)
					continue;
				c.act = (enum det_act)act;
				c.alpha = .25f;
				bad += check(&c, bits, 2, 0);
			}
	ok(bad == 0, "every activation, every mixture of scale, shift and residual");
}

static int
connected(int threads)
{
	static const size_t sizes[][3] = { { 1, 1, 1 }, { 1, 10, 1000 },
		{ 1, 1000, 37 }, { 2, 33, 129 }, { 3, 5, 64 }, { 5, 21, 300 },
		{ 17, 50, 700 }, { 40, 97, 520 }, { 13, 500, 390 }, { 200, 3, 77 },
		{ 131, 145, 1000 }, { 7, 19, 128 }, { 24, 21, 7003 }, { 25, 30, 31 } };
	size_t s, i, j, k;
	int bad = 0;

	for (s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
		size_t m = sizes[s][0], n = sizes[s][1], kk = sizes[s][2];
		float *in = floats(m * kk), *weight = floats(n * kk),
		      *out = floats(m * n);
		float *scale = s % 2 ? floats(n) : NULL,
		      *shift = s % 3 ? floats(n) : NULL;
		enum det_act act = (enum det_act)(s % (DET_ACT_SILU + 1));
		void *scratch =
		    floats(det_fc_scratch(m, n, kk, threads) / sizeof(float) + 1);
		double worst = 0;

		det_fc_run(out, in, weight, scale, shift, m, n, kk, act, .1f, scratch,
		    threads);
		free(scratch);
		for (i = 0; i < m; i++)
			for (j = 0; j < n; j++) {
				double v = 0, size = 0, err;

				for (k = 0; k < kk; k++) {
					double p = (double)in[i * kk + k] *
						   (double)weight[j * kk + k];

					v += p;
					size += fabs(p);
				}
				if (scale)
					v *= (double)scale[j];
				if (shift)
					v += (double)shift[j];
				err = fabs(conv_ref_act(v, act, .1f) -
					   (double)out[i * n + j]) /
				      (2e-6 * (size + 1));
				if (!(err <= worst))
					worst = err;
			}
		if (worst > 1) {
			printf("# fc %zux%zux%zu act %d: error %g of what is allowed\n",
			    m, n, kk, (int)act, worst);
			bad++;
		}
		free(in), free(weight), free(out), free(scale), free(shift);
	}
	return bad;
}

/* Relative error over the whole range; where the true value is below the normal floats, or
 * so far out that sigmoid(x) is under exp(-87), absolute. */
static int
activations(int threads)
{
	enum { N = 200001 };
	static float x[N], y[N], z[N];
	int act, bad = 0;
	size_t i;

	(void)threads;
	for (i = 0; i < N; i++)
		x[i] = i < N / 2 ? ((float)i - N / 4) * (2 * 20.f / N)
				 : ((float)i - 3 * N / 4) * (2 * 400.f / N);
	for (act = 0; act <= DET_ACT_SILU; act++) {
		double worst = 0;
		size_t at = 0;

		det_act_run(y, x, N, (enum det_act)act, .1f);
		for (i = 0; i < N; i++) {
			double want =
			    conv_ref_act((double)x[i], (enum det_act)act, .1f);
			double err = fabs((double)y[i] - want) / (fabs(want) + 1e-29);

			if (!(err <= worst))
				worst = err, at = i;
		}
		printf("# act %d: largest relative error %.3g at %g\n", act, worst,
		    (double)x[at]);
		bad += !(worst <= 1e-6);
		/* in place, and from any place in memory */
		memcpy(z, x, sizeof z);
		det_act_run(z + 3, z + 3, 1000, (enum det_act)act, .1f);
		bad += memcmp(z + 3, y + 3, 1000 * sizeof *y) != 0;
		det_act_run(z, x + 5, 7, (enum det_act)act, .1f);
		bad += memcmp(z, y + 5, 7 * sizeof *y) != 0;
	}
	return bad;
}

/* Root mean square error against the root mean square of the output, 256 channels deep. */
static double
rounding(const struct det_conv *c)
{
	float *in = floats(conv_ref_in(c)), *weight = floats(conv_ref_weights(c));
	float *out = floats(conv_ref_out(c));
	double *map, err = 0, size = 0;
	size_t area = c->oh * c->ow, k, i;
	void *scratch;

	if (det_alloc(&scratch, det_conv_scratch(c, 1), 1) ||
	    det_alloc(&map, area, sizeof *map))
		abort();
	det_conv_run(c, out, in, weight, NULL, NULL, NULL, scratch, 1);
	for (k = 0; k < c->k; k++) {
		conv_ref_map(map, NULL, c, in, weight, 0, k);
		for (i = 0; i < area; i++) {
			err += pow(map[i] - (double)out[k * area + i], 2);
			size += map[i] * map[i];
		}
	}
	free(in), free(weight), free(out), free(scratch), free(map);
	return sqrt(err / size);
}

static int
winograd(int threads)
{
	static const struct shape deep = { 1, 256, 13, 13, 16, 3, 3, 1, 1, 1, 1, 1, 1,
		1, 1, 1 };
	struct det_conv c = problem(&deep);
	double fast, plain;
	int bad;

	bad = strncmp(det_conv_algorithm(&c, threads), "winograd", 8) != 0;
	fast = rounding(&c);
	c.direct = 1;
	bad += strncmp(det_conv_algorithm(&c, threads), "winograd", 8) == 0;
	plain = rounding(&c);
	printf("# relative rounding error: winograd %.2g, direct %.2g\n", fast, plain);
	return bad + !(fast < 3e-6) + !(plain < 1e-6);
}

/* Runs `test` in a process of its own, as the level is chosen once a process. */
static void
each_level(int (*test)(int), const char *what, int threads)
{
	enum det_cpu_level l;

	for (l = DET_CPU_C; l <= det_cpu_supported(); l++) {
		int status = 1;
		pid_t pid;

		fflush(stdout); /* or the child prints it again */
		pid = fork();

		if (pid == 0) {
			setenv("DET_CPU", det_cpu_name(l), 1);
			int bad = det_cpu_level() != l || test(threads);

			fflush(stdout);
			_exit(bad);
		}
		ok(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0,
		    "%s, %s, threads %d", what, det_cpu_name(l), threads);
	}
}

static void
refusals(void)
{
	struct det_conv good = problem(&shapes[3]), c;

	c = good, c.h = 2, c.kh = 5;
	ok(det_conv_shape(&c) == DET_INVALID,
	    "a kernel larger than its input is refused");
	c = good, c.groups = 3;
	ok(det_conv_shape(&c) == DET_INVALID, "groups that do not divide are refused");
	c = good, c.stride_x = 0;
	ok(det_conv_shape(&c) == DET_INVALID, "a stride of 0 is refused");
	c = good, c.k = SIZE_MAX / 4;
	ok(det_conv_shape(&c) != DET_OK, "a size that overflows is refused");
	c = good, c.c = c.k = 1, c.h = 1, c.w = SIZE_MAX / 16;
	ok(det_conv_shape(&c) != DET_OK, "one that overflows when blocked is refused");
	c = good, c.pad_left = SIZE_MAX;
	ok(det_conv_shape(&c) != DET_OK, "padding that overflows is refused");
	c = good, c.kh = 3, c.dilate_y = SIZE_MAX / 2 + 1;
	ok(det_conv_shape(&c) != DET_OK, "dilation that overflows is refused");
}

int
main(void)
{
	int threads;

	convolutions();
	epilogues();
	for (threads = 1; threads <= 3; threads++)
		each_level(connected, "fully connected layers", threads);
	each_level(activations, "activations", 1);
	each_level(winograd, "winograd's choice and rounding", 1);
	refusals();
	return done();
}
