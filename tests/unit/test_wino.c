/* SPDX-License-Identifier: MIT
 *
 * Winograd's convolutions against a direct one in double, for every instruction set and
 * several numbers of threads; and their matrices against those that interpolation at the
 * stated points gives.
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
#include "nn/conv_algo.h"
#include "nn/wino.h"
#include "tests/unit/tap.h"

enum { SIDE = 8, SCALE = 1, SHIFT = 2, RESIDUAL = 4, INPLACE = 8 };

static uint32_t seed = 3;

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

/* --- convolutions ------------------------------------------------------------------- */

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

/* Where channel ch, pixel i of image n of a blocked map is. */
static size_t
at(size_t n, size_t channels, size_t hw, size_t ch, size_t i)
{
	return ((n * det_blocks(channels) + ch / DET_BLOCK) * hw + i) * DET_BLOCK +
	       ch % DET_BLOCK;
}

/* out (n,k,oh*ow): the sums as they are defined. */
static void
direct(double *out, const struct det_conv *c, const float *in, const float *weight)
{
	size_t n, k, ch, y, x, i, j;

	for (n = 0; n < c->n; n++)
		for (k = 0; k < c->k; k++)
			for (y = 0; y < c->oh; y++)
				for (x = 0; x < c->ow; x++) {
					double sum = 0;

					for (i = 0; i < 9; i++) {
						size_t sy = y + i / 3 - c->pad_top,
						       sx = x + i % 3 - c->pad_left;

						if (sy >= c->h || sx >= c->w)
							continue;
						j = sy * c->w + sx;
						for (ch = 0; ch < c->c; ch++)
							sum +=
							    (double)in[at(n, c->c,
								c->h * c->w, ch, j)] *
							    (double)
								weight[(k * c->c + ch) *
									   9 +
								       i];
					}
					*out++ = sum;
				}
}

struct problem {
	struct det_conv c;
	int bits;
};

struct data {
	float *in, *weight, *packed, *scale, *shift, *res, *out, *first;
	double *sum;
	size_t floats; /* of out */
};

static void
fill(struct data *d, const struct det_conv *c)
{
	size_t k16 = det_blocked_channels(c->k), hw = c->oh * c->ow;

	d->in = floats(c->n * det_blocked_channels(c->c) * c->h * c->w);
	d->weight = floats(c->k * c->c * 9);
	d->scale = floats(k16);
	d->shift = floats(k16);
	d->floats = c->n * k16 * hw;
	d->res = floats(d->floats);
	d->out = floats(d->floats);
	d->first = floats(d->floats);
	if (det_alloc(&d->packed, det_wino_packed(c, 4, 1), 1) ||
	    det_alloc(&d->sum, c->n * c->k * hw, sizeof *d->sum))
		abort();
	det_wino_pack(c, 4, d->packed, d->weight, 2);
	direct(d->sum, c, d->in, d->weight);
}

static void
release(struct data *d)
{
	free(d->in), free(d->weight), free(d->packed), free(d->scale), free(d->shift),
	    free(d->res), free(d->out), free(d->first), free(d->sum);
}

/* The largest error, relative to the largest output. */
static double
error_of(const struct data *d, const struct problem *p)
{
	const struct det_conv *c = &p->c;
	size_t hw = c->oh * c->ow, n, k, i;
	double worst = 0, largest = 0;

	for (n = 0; n < c->n; n++)
		for (k = 0; k < c->k; k++)
			for (i = 0; i < hw; i++) {
				double x = d->sum[(n * c->k + k) * hw + i], err;
				size_t o = at(n, c->k, hw, k, i);

				x *= p->bits & SCALE ? (double)d->scale[k] : 1;
				x += p->bits & SHIFT ? (double)d->shift[k] : 0;
				x += p->bits & (RESIDUAL | INPLACE) ? (double)d->res[o]
								    : 0;
				x = act_of(x, c->act);
				err = fabs((double)d->out[o] - x);
				if (!(err <= worst))
					worst = err;
				if (fabs(x) > largest)
					largest = fabs(x);
			}
	return worst / (largest > 0 ? largest : 1);
}

static void
run(const struct data *d, const struct problem *p, int m, int threads)
{
	struct det_epilogue e = { .scale = p->bits & SCALE ? d->scale : NULL,
		.shift = p->bits & SHIFT ? d->shift : NULL,
		.residual = p->bits & INPLACE    ? d->out
			    : p->bits & RESIDUAL ? d->res
						 : NULL,
		.act = p->c.act,
		.alpha = .125f };
	size_t bytes = det_wino_scratch(&p->c, m, threads);
	unsigned char *scratch;

	if (det_alloc(&scratch, bytes + 64, 1))
		abort();
	memset(scratch, 0xff, bytes + 64); /* what is not written first is no number */
	memcpy(d->out, d->res, d->floats * sizeof *d->out);
	det_wino_run(&p->c, m, d->out, d->in, p->c.packed ? d->packed : d->weight, &e,
	    scratch, threads);
	for (size_t i = 0; i < 64; i++)
		if (scratch[bytes + i] != 0xff)
			d->out[0] = NAN;
	free(scratch);
}

/* All m, one to three threads; 1 where the errors are too large or the bits differ. */
static int
check(const struct problem *problem)
{
	static const double most[] = { 2e-6, 1e-5, 4e-5 };
	struct problem p = *problem;
	struct data d;
	int m, threads, bad = 0;

	if (det_conv_shape(&p.c))
		abort();
	fill(&d, &p.c);
	for (m = 2; m <= 6; m += 2) {
		double err = 0;
		int same = 1;

		if (!det_wino_can(&p.c, m)) {
			bad = 1;
			continue;
		}
		for (threads = 1; threads <= 3; threads++) {
			p.c.packed = threads % 2;
			run(&d, &p, m, threads);
			if (threads == 1) {
				err = error_of(&d, &p);
				memcpy(d.first, d.out, d.floats * sizeof *d.out);
			}
			same &= !memcmp(d.first, d.out, d.floats * sizeof *d.out);
		}
		if (same && err <= most[m / 2 - 1])
			continue;
		printf("# m %d, %zux%zux%zux%zu -> %zu, pads %zu %zu %zu %zu, bits %d, "
		       "act "
		       "%d: error %.3g%s\n",
		    m, p.c.n, p.c.c, p.c.h, p.c.w, p.c.k, p.c.pad_top, p.c.pad_left,
		    p.c.pad_bottom, p.c.pad_right, p.bits, (int)p.c.act, err,
		    same ? "" : ", bits differ");
		bad = 1;
	}
	release(&d);
	return bad;
}

static struct problem
problem_of(size_t n, size_t c, size_t h, size_t w, size_t k, size_t pad)
{
	struct problem p = { { .n = n,
				 .c = c,
				 .h = h,
				 .w = w,
				 .k = k,
				 .kh = 3,
				 .kw = 3,
				 .stride_y = 1,
				 .stride_x = 1,
				 .dilate_y = 1,
				 .dilate_x = 1,
				 .pad_top = pad,
				 .pad_left = pad,
				 .pad_bottom = pad,
				 .pad_right = pad,
				 .groups = 1,
				 .in_layout = DET_BLOCKED,
				 .out_layout = DET_BLOCKED },
		0 };

	return p;
}

static int
sizes(void)
{
	static const size_t list[][6] = { { 1, 16, 1, 1, 16, 1 }, { 1, 3, 2, 5, 7, 1 },
		{ 1, 16, 3, 3, 16, 0 }, { 1, 40, 7, 7, 24, 1 }, { 2, 33, 6, 6, 65, 1 },
		{ 1, 16, 13, 14, 130, 1 }, { 3, 17, 5, 19, 48, 1 },
		{ 1, 20, 25, 4, 16, 2 }, { 2, 16, 9, 8, 100, 0 },
		{ 1, 100, 14, 13, 33, 1 }, { 1, 16, 6, 9, 16, 7 },
		{ 1, 64, 30, 31, 36, 1 } };
	size_t i;
	int bad = 0;

	for (i = 0; i < sizeof list / sizeof list[0]; i++) {
		const size_t *s = list[i];
		struct problem p = problem_of(s[0], s[1], s[2], s[3], s[4], s[5]);

		bad += check(&p);
	}
	return bad;
}

/* Many channels: by channels rather than by tiles, in several parts and blocks. */
static int
deep(void)
{
	struct problem p = problem_of(1, 300, 13, 13, 40, 1),
		       q = problem_of(2, 400, 50, 49, 10, 1);

	return check(&p) + check(&q);
}

static int
pads(void)
{
	int bad = 0, i;

	for (i = 0; i < 81; i++) {
		struct problem p = problem_of(1, 16, 5, 6, 16, 0);

		p.c.pad_top = (size_t)(i % 3);
		p.c.pad_left = (size_t)(i / 3 % 3);
		p.c.pad_bottom = (size_t)(i / 9 % 3);
		p.c.pad_right = (size_t)(i / 27);
		bad += check(&p);
	}
	return bad;
}

static int
ends(void)
{
	int bad = 0, bits, act;

	for (bits = 0; bits <= (SCALE | SHIFT | RESIDUAL | INPLACE); bits++)
		for (act = 0; act <= DET_ACT_SILU; act++) {
			struct problem p = problem_of(2, 19, 7, 5, 37, 1);

			p.bits = bits;
			p.c.act = (enum det_act)act;
			p.c.alpha = .125f;
			bad += check(&p);
		}
	return bad;
}

/* --- matrices ----------------------------------------------------------------------- */

/* What interpolation at m + 1 points and infinity gives: input n x n, weights n x 3,
 * outputs m x n, n = m + 2. */
struct matrices {
	double input[SIDE][SIDE], weight[SIDE][SIDE], output[SIDE][SIDE];
};

/* c (degree n) times x - p */
static void
times(double *c, int n, double p)
{
	c[n + 1] = 0;
	for (int i = n + 1; i > 0; i--)
		c[i] = c[i - 1] - p * c[i];
	c[0] *= -p;
}

static struct matrices
derive(int m)
{
	const double a = sqrt(.5), b = sqrt(2);
	const double points[3][SIDE - 1] = { { 0, 1, -1 }, { 0, a, -a, b, -b },
		{ 0, 1, -1, .5, -.5, 2, -2 } };
	const double *p = points[m / 2 - 1];
	struct matrices x = { { { 0 } }, { { 0 } }, { { 0 } } };
	int i, j, degree;

	for (i = 0; i <= m + 1; i++) {
		double product = 1, turn;

		x.input[i][0] = 1;
		for (j = degree = 0; j <= m; j++)
			if (j != i) {
				times(x.input[i], degree++, p[j]);
				if (i <= m)
					product *= p[i] - p[j];
			}
		turn = i == 0 && product < 0 ? -1 : 1;
		for (j = 0; j < m + 2; j++)
			x.input[i][j] *= turn;
		for (j = 0; j < 3; j++)
			x.weight[i][j] = i > m ? j == 2 : turn * pow(p[i], j) / product;
		for (j = 0; j < m; j++)
			x.output[j][i] = i > m ? j == m - 1 : pow(p[i], j);
	}
	return x;
}

/* Whether T x T' is y for the one x that is 1 at a, b: T is rows x cols, y's element i, j
 * stands at y[(i * rows + j) * step]. */
static int
is_transformed(
    double t[SIDE][SIDE], int rows, int a, int b, const float *y, size_t step)
{
	for (int i = 0; i < rows; i++)
		for (int j = 0; j < rows; j++)
			if (!(fabs(t[i][a] * t[j][b] -
				   (double)y[(size_t)(i * rows + j) * step]) <= 1e-5))
				return 0;
	return 1;
}

static int
matrices(void)
{
	static float x[SIDE * SIDE * DET_BLOCK], y[SIDE * SIDE * DET_BLOCK];
	int bad = 0, m, i;

	for (m = 2; m <= 6; m += 2) {
		const struct det_wino_kernels *ker = det_wino_kernels(m);
		struct matrices t = derive(m);
		size_t n = (size_t)m + 2, side = (size_t)m;
		struct det_wino_grid g = { n, n, side, side, 0, 0, 1, 1 };
		struct det_wino_output o = {
			.m = x, .place = DET_BLOCK, .grid = &g, .n = 1, .out = y
		};
		int cols = m + 2, lane = 5;

		for (i = 0; i < cols * cols; i++) {
			float *one = &x[i * DET_BLOCK + lane];

			memset(x, 0, sizeof x);
			*one = 1;
			ker->input(y, DET_BLOCK, x, &g, 0, 1);
			bad += !is_transformed(
			    t.input, cols, i / cols, i % cols, y + lane, DET_BLOCK);
			ker->output(&o);
			bad += !is_transformed(
			    t.output, m, i / cols, i % cols, y + lane, DET_BLOCK);
			if (i >= 9)
				continue;
			ker->weight(y, DET_BLOCK, 0, x, 1);
			bad += !is_transformed(
			    t.weight, cols, i / 3, i % 3, y + lane, DET_BLOCK);
		}
	}
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
	each_level(matrices, "winograd: matrices are those of the points");
	each_level(sizes, "winograd: sizes");
	each_level(deep, "winograd: many channels");
	each_level(pads, "winograd: padding");
	each_level(ends, "winograd: what follows the sum");
	return done();
}
