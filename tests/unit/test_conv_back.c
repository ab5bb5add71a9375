/* SPDX-License-Identifier: MIT
 *
 * Gradients of convolutions and fully connected layers against sums in double, by every
 * instruction set: this program runs itself again with DET_CPU set.
 *
 *   test_conv_back [-n CASES] [-s SEED]
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
#include "nn/conv_back.h"
#include "tests/unit/tap.h"

static uint32_t seed = 1;

static uint32_t
draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

static size_t
below(size_t n)
{
	return draw() % n;
}

static void *
memory(size_t n, size_t size)
{
	void *p;

	if (det_calloc(&p, n, size))
		exit(2);
	return p;
}

static float *
floats(size_t n)
{
	float *p = memory(n, sizeof *p);
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = (float)(draw() >> 8) / (float)(1 << 23) - 1;
	return p;
}

static double *
doubles(const float *from, size_t n)
{
	double *p = memory(n, sizeof *p);
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = (double)from[i];
	return p;
}

static float *
copy(const float *from, size_t n)
{
	float *p = memory(n, sizeof *p);

	memcpy(p, from, n * sizeof *p);
	return p;
}

/* The largest difference, of the largest number wanted. */
static double
distance(const float *got, const double *want, size_t n)
{
	double most = 1e-3, d = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		double e = fabs((double)got[i] - want[i]);

		most = fmax(most, fabs(want[i]));
		d = e <= d ? d : e; /* NaN stays */
	}
	return d / most;
}

struct maps {
	struct det_conv c;
	size_t nx, ny, nw;
	float *x, *y, *w, *dx, *dw; /* dx, dw: what is there before */
};

static struct maps
make(const struct det_conv *c)
{
	struct maps m = { .c = *c };

	m.nx = c->n * c->c * c->h * c->w;
	m.ny = c->n * c->k * c->oh * c->ow;
	m.nw = c->k * (c->c / c->groups) * c->kh * c->kw;
	m.x = floats(m.nx);
	m.y = floats(m.ny);
	m.w = floats(m.nw);
	m.dx = floats(m.nx);
	m.dw = floats(m.nw);
	return m;
}

static void
drop(struct maps *m)
{
	free(m->x);
	free(m->y);
	free(m->w);
	free(m->dx);
	free(m->dw);
}

/* One output's part of both gradients: the definition, term by term. */
static void
back_pixel(const struct maps *m, double *dx, double *dw, size_t n, size_t k, size_t y,
    size_t x)
{
	const struct det_conv *c = &m->c;
	size_t cg = c->c / c->groups, first = k / (c->k / c->groups) * cg, ch, i, j;
	double g = (double)m->y[((n * c->k + k) * c->oh + y) * c->ow + x];

	for (ch = 0; ch < cg; ch++)
		for (i = 0; i < c->kh; i++)
			for (j = 0; j < c->kw; j++) {
				size_t u =
				    y * c->stride_y + i * c->dilate_y - c->pad_top;
				size_t v =
				    x * c->stride_x + j * c->dilate_x - c->pad_left;
				size_t a, b;

				if (u >= c->h || v >= c->w)
					continue;
				a = ((n * c->c + first + ch) * c->h + u) * c->w + v;
				b = ((k * cg + ch) * c->kh + i) * c->kw + j;
				dx[a] += g * (double)m->w[b];
				dw[b] += g * (double)m->x[a];
			}
}

static void
back(const struct maps *m, double *dx, double *dw)
{
	const struct det_conv *c = &m->c;
	size_t n, k, y, x;

	for (n = 0; n < c->n; n++)
		for (k = 0; k < c->k; k++)
			for (y = 0; y < c->oh; y++)
				for (x = 0; x < c->ow; x++)
					back_pixel(m, dx, dw, n, k, y, x);
}

/* By `threads`, both or one at a time. */
static void
run(const struct maps *m, float *dx, float *dw, int threads, int apart)
{
	size_t bytes = det_conv_back_scratch(&m->c, threads);
	void *scratch = memory(bytes, 1);

	memset(
	    scratch, 0xff, bytes); /* NaN: nothing may be read before it is written */
	if (apart) {
		det_conv_back_run(
		    &m->c, dx, 0, NULL, m->y, NULL, m->w, scratch, threads);
		det_conv_back_run(
		    &m->c, NULL, 0, dw, m->y, m->x, NULL, scratch, threads);
	} else
		det_conv_back_run(&m->c, dx, 0, dw, m->y, m->x, m->w, scratch, threads);
	free(scratch);
}

/* What is in dx does not count. */
static void
run_set(const struct maps *m, float *dx)
{
	void *scratch = memory(det_conv_back_scratch(&m->c, 2), 1);

	det_conv_back_run(&m->c, dx, 1, NULL, m->y, NULL, m->w, scratch, 2);
	free(scratch);
}

static void
try(const struct det_conv *c, const char *what)
{
	struct maps m = make(c);
	double *dx = doubles(m.dx, m.nx), *dw = doubles(m.dw, m.nw), a, b, far;
	float *x = copy(m.dx, m.nx), *w = copy(m.dw, m.nw);
	float *x3 = copy(m.dx, m.nx), *w3 = copy(m.dw, m.nw);
	float *set = memory(m.nx, sizeof *set);
	int same;
	size_t i;

	back(&m, dx, dw);
	run(&m, x, w, 1, 0);
	run(&m, x3, w3, 3, 1);
	a = distance(x, dx, m.nx);
	b = distance(w, dw, m.nw);
	for (i = 0; i < m.nx; i++) {
		dx[i] -= (double)m.dx[i];
		set[i] = NAN;
	}
	run_set(&m, set);
	far = distance(set, dx, m.nx);
	a = far <= a ? a : far; /* NaN stays */
	same = !memcmp(x, x3, m.nx * sizeof *x) && !memcmp(w, w3, m.nw * sizeof *w);
	ok(a < 2e-5 && b < 2e-5 && same,
	    "%s: n %zu c %zu %zux%zu k %zu %zux%zu s %zu,%zu d %zu,%zu p "
	    "%zu,%zu,%zu,%zu "
	    "g %zu: %.1e %.1e%s",
	    what, c->n, c->c, c->h, c->w, c->k, c->kh, c->kw, c->stride_y, c->stride_x,
	    c->dilate_y, c->dilate_x, c->pad_top, c->pad_left, c->pad_bottom,
	    c->pad_right, c->groups, a, b, same ? "" : ", threads differ");
	drop(&m);
	free(dx), free(dw), free(x), free(w), free(x3), free(w3), free(set);
}

static struct det_conv
problem(size_t n, size_t c, size_t h, size_t w, size_t k, size_t kernel, size_t stride,
    size_t dilate, size_t pad, size_t groups)
{
	return (struct det_conv){ .n = n,
		.c = c,
		.h = h,
		.w = w,
		.k = k,
		.kh = kernel,
		.kw = kernel,
		.stride_y = stride,
		.stride_x = stride,
		.dilate_y = dilate,
		.dilate_x = dilate,
		.pad_top = pad,
		.pad_left = pad,
		.pad_bottom = pad,
		.pad_right = pad,
		.groups = groups };
}

static void
try_known(void)
{
	static const size_t of[][10] = {
		{ 2, 32, 14, 13, 48, 3, 1, 1, 1, 1 },
		{ 1, 80, 9, 30, 40, 1, 1, 1, 0, 1 },
		{ 2, 32, 15, 14, 64, 1, 2, 1, 0, 1 },
		{ 2, 20, 15, 14, 36, 3, 2, 1, 1, 1 },
		{ 2, 3, 33, 40, 64, 7, 2, 1, 3, 1 },
		{ 1, 16, 19, 19, 32, 3, 1, 6, 6, 1 },
		{ 2, 3, 40, 30, 20, 11, 4, 1, 2, 1 },
		{ 3, 3, 61, 83, 100, 3, 1, 1, 1, 1 },
		{ 2, 1, 50, 401, 70, 5, 1, 2, 3, 1 },
		{ 2, 24, 12, 11, 24, 3, 1, 1, 1, 24 },
		{ 2, 24, 12, 11, 48, 3, 2, 1, 1, 24 },
		{ 1, 64, 10, 10, 32, 3, 1, 1, 1, 2 },
		{ 1, 12, 10, 10, 18, 3, 1, 1, 1, 3 },
		{ 1, 5, 6, 7, 8, 1, 1, 1, 2, 1 },
		{ 1, 5, 6, 7, 8, 2, 3, 2, 5, 1 },
		{ 3, 256, 3, 3, 24, 3, 1, 1, 1, 1 },
		{ 2, 128, 1, 1, 126, 1, 1, 1, 0, 1 },
		{ 2, 40, 5, 5, 33, 3, 1, 1, 0, 1 },
		{ 2, 17, 9, 1, 16, 3, 3, 1, 1, 1 },
		{ 1, 160, 20, 20, 112, 3, 1, 1, 1, 1 },
	};
	size_t i;

	for (i = 0; i < sizeof of / sizeof *of; i++) {
		const size_t *v = of[i];
		struct det_conv c =
		    problem(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9]);

		if (det_conv_shape(&c))
			exit(2);
		try(&c, "known");
	}
}

static size_t
channels(size_t most)
{
	size_t n = 1 + below(most);

	return below(2) ? n : (n + 15) / 16 * 16;
}

static void
try_random(void)
{
	struct det_conv c = { 0 };
	size_t g = below(4) ? 1 : 1 + below(4);

	c.n = 1 + below(3);
	c.groups = g;
	c.c = g * channels(40);
	c.k = g * channels(60);
	if (below(8) == 0)
		c.groups = c.c, c.k = c.c * (1 + below(2));
	if (below(5) == 0)
		c.groups = 1, c.c = 1 + below(4);
	c.h = 1 + below(20);
	c.w = 1 + below(20);
	c.kh = 1 + below(5);
	c.kw = below(3) ? c.kh : 1 + below(5);
	c.stride_y = 1 + below(3) * below(2);
	c.stride_x = below(3) ? c.stride_y : 1 + below(4);
	c.dilate_y = 1 + below(3) * below(2);
	c.dilate_x = below(3) ? c.dilate_y : 1 + below(4);
	c.pad_top = below(5);
	c.pad_left = below(3) ? c.pad_top : below(7);
	c.pad_bottom = below(3) ? c.pad_top : below(5);
	c.pad_right = below(3) ? c.pad_left : below(5);
	if (!det_conv_shape(&c))
		try(&c, "random");
}

static void
try_fc(size_t m, size_t n, size_t k)
{
	struct det_conv c = problem(m, k, 1, 1, n, 1, 1, 1, 0, 1);
	struct maps p;
	double *dx, *dw, a, b;
	float *got[2][2];
	int t;

	if (det_conv_shape(&c))
		exit(2);
	p = make(&c);
	dx = doubles(p.dx, p.nx);
	dw = doubles(p.dw, p.nw);
	back(&p, dx, dw);
	for (t = 0; t < 2; t++) {
		void *scratch = memory(det_fc_back_scratch(m, n, k, 1 + 2 * t), 1);

		got[t][0] = copy(p.dx, p.nx);
		got[t][1] = copy(p.dw, p.nw);
		det_fc_back_run(
		    got[t][0], got[t][1], p.y, p.x, p.w, m, n, k, scratch, 1 + 2 * t);
		free(scratch);
	}
	a = distance(got[0][0], dx, p.nx);
	b = distance(got[0][1], dw, p.nw);
	ok(a < 2e-5 && b < 2e-5 &&
		!memcmp(got[0][0], got[1][0], p.nx * sizeof(float)) &&
		!memcmp(got[0][1], got[1][1], p.nw * sizeof(float)),
	    "fc: %zu inputs of %zu to %zu: %.1e %.1e", m, k, n, a, b);
	for (t = 0; t < 4; t++)
		free(got[t / 2][t % 2]);
	free(dx), free(dw);
	drop(&p);
}

static void
try_bias(void)
{
	size_t n = 3, k = 5, area = 1234, i;
	float *dy = floats(n * k * area), *sum = floats(k);
	double *want = doubles(sum, k);

	for (i = 0; i < n * k * area; i++)
		want[i / area % k] += (double)dy[i];
	det_bias_back_run(sum, dy, n, k, area, 2);
	ok(distance(sum, want, k) < 1e-6, "the gradient of a bias");
	free(dy), free(sum), free(want);
}

static void
try_all(size_t cases)
{
	size_t i;

	try_known();
	for (i = 0; i < cases; i++)
		try_random();
	for (i = 0; i < cases / 4; i++)
		try_fc(1 + below(70), 1 + below(90), 1 + below(500));
	try_fc(2, 300, 1000);
	try_bias();
}

/* Again, by another instruction set: what it prints is told on a line. */
static void
again(char *self, const char *level)
{
	char command[4096];
	int n = snprintf(
	    command, sizeof command, "DET_CPU=%s '%s' -c >/dev/null", level, self);

	n = n < (int)sizeof command ? system(command) : 0;
	ok(WIFEXITED(n) && WEXITSTATUS(n) == 0, "the same by %s", level);
}

int
main(int argc, char **argv)
{
	size_t cases = 60;
	int opt, child = 0, level;

	while ((opt = getopt(argc, argv, "n:s:c")) != -1)
		switch (opt) {
		case 'n': cases = strtoul(optarg, NULL, 10); break;
		case 's': seed = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'c': child = 1; break;
		default: return 2;
		}
	try_all(cases);
	for (level = 0; !child && level < (int)det_cpu_level(); level++)
		again(argv[0], det_cpu_name((enum det_cpu_level)level));
	return done();
}
