/* SPDX-License-Identifier: MIT
 *
 * Times what is bound by memory rather than by sums: changes of layout,
 * operators, depthwise convolutions, fully connected layers. By hand
 *
 *   make build/tests/bench/ops
 *   build/tests/bench/ops [-j THREADS] [-r RUNS] [-c] [WHAT ...]
 *
 * Columns: what and on which sizes, ms (the least of the runs), GB/s (each byte read or
 * written counted once), percent of what a copy of as many bytes reaches. With -c the
 * process's own time is taken. DET_CPU=avx512|avx2|c chooses kernels.
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
#include "nn/conv_algo.h"
#include "nn/layout.h"
#include "tests/unit/lone_op.h"

#ifdef __x86_64__
#define TARGETS __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define TARGETS
#endif

static int threads, runs = 15, own;

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
		seed = seed * 1664525u + 1013904223u;
		p[i] = (float)(int)(seed >> 8) / (float)(1 << 23) - 1;
	}
	return p;
}

/* Seconds of the fastest of the runs, each long enough to be measured. */
static double
least(void (*fn)(const void *ctx), const void *ctx)
{
	double best = 1e9, t;
	int i, k, times = 1;

	for (i = 0; i < runs; i++) {
		t = now();
		for (k = 0; k < times; k++)
			fn(ctx);
		t = now() - t;
		if (t < 2e-4 && times < 1000) {
			times *= 4;
			i = -1;
			continue;
		}
		if (t / times < best)
			best = t / times;
	}
	return best;
}

/* --- a copy, to compare with --- */

struct copy {
	float *out;
	const float *in;
	size_t n, parts;
};

static void
copy_part(const void *ctx, size_t i, int worker)
{
	const struct copy *c = ctx;
	size_t from = c->n * i / c->parts, to = c->n * (i + 1) / c->parts;

	(void)worker;
	memcpy(c->out + from, c->in + from, (to - from) * sizeof *c->out);
}

static void
copy_run(const void *ctx)
{
	const struct copy *c = ctx;

	det_parallel(threads, c->parts, copy_part, c);
}

/* GB/s of a copy whose two sides are `bytes` together. */
static double
copy_speed(double bytes)
{
	size_t n = (size_t)bytes / 2 / sizeof(float);
	struct copy c = { floats(n), floats(n), n, n / 16384 + 1 };
	double s = least(copy_run, &c);

	free(c.out), free((void *)(uintptr_t)c.in);
	return bytes / s * 1e-9;
}

static void
report(const char *what, double bytes, double s)
{
	double speed = bytes / s * 1e-9;

	printf("  %-44s %8.3f ms %7.1f GB/s %4.0f%% of a copy\n", what, s * 1e3, speed,
	    100 * speed / copy_speed(bytes));
	fflush(stdout);
}

/* --- layouts --- */

struct turn {
	float *out;
	const float *in;
	size_t c, hw;
};

static void
turn_block(const void *ctx)
{
	const struct turn *t = ctx;

	det_layout_block(t->out, t->in, 1, t->c, t->hw, threads);
}

static void
turn_plain(const void *ctx)
{
	const struct turn *t = ctx;

	det_layout_plain(t->out, t->in, 1, t->c, t->hw, threads);
}

static void
layouts(void)
{
	static const size_t sizes[][2] = { { 64, 224 * 224 }, { 256, 56 * 56 },
		{ 512, 32 * 32 }, { 255, 52 * 52 }, { 256, 13 * 13 }, { 24, 38 * 38 },
		{ 1024, 100 * 100 } };
	char what[80];
	size_t i;

	for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		size_t c = sizes[i][0], hw = sizes[i][1];
		size_t plain = c * hw, blocked = det_blocked_channels(c) * hw;
		double bytes = (double)(plain + blocked) * sizeof(float);
		float *a = floats(plain), *b = floats(blocked);
		struct turn in = { b, a, c, hw }, out = { a, b, c, hw };

		(void)snprintf(what, sizeof what, "block %zu x %zu", c, hw);
		report(what, bytes, least(turn_block, &in));
		(void)snprintf(what, sizeof what, "plain %zu x %zu", c, hw);
		report(what, bytes, least(turn_plain, &out));
		free(a), free(b);
	}
}

/* --- depthwise: MobileNet's layers, beside the same on plain maps --- */

struct deep {
	struct det_conv c;
	float *out;
	const float *in, *weight, *shift;
	void *scratch;
};

static void
deep_blocked(const void *ctx)
{
	const struct deep *d = ctx;
	struct det_epilogue e = { .shift = d->shift, .act = DET_ACT_RELU };

	det_depthwise_run(&d->c, d->out, d->in, d->weight, &e, d->scratch, threads);
}

static void
deep_plain(const void *ctx)
{
	const struct deep *d = ctx;
	struct det_epilogue e = { .shift = d->shift, .act = DET_ACT_RELU };

	det_conv_depthwise_run(
	    &d->c, d->out, d->in, d->weight, &e, d->scratch, threads);
}

static void
depthwise(void)
{
	static const size_t sizes[][3] = { { 32, 150, 1 }, { 64, 150, 2 },
		{ 128, 75, 1 }, { 128, 75, 2 }, { 256, 38, 1 }, { 256, 38, 2 },
		{ 512, 19, 1 }, { 512, 19, 2 }, { 1024, 10, 1 } };
	size_t i;

	for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		size_t c = sizes[i][0], hw = sizes[i][1], s = sizes[i][2];
		struct deep d = { .c = { .n = 1,
				      .c = c,
				      .h = hw,
				      .w = hw,
				      .k = c,
				      .kh = 3,
				      .kw = 3,
				      .stride_y = s,
				      .stride_x = s,
				      .dilate_y = 1,
				      .dilate_x = 1,
				      .pad_top = 1,
				      .pad_left = 1,
				      .pad_bottom = 1,
				      .pad_right = 1,
				      .groups = c } };
		double bytes, plain, blocked, sums;
		char what[80];

		if (det_conv_shape(&d.c) ||
		    det_alloc(&d.scratch, det_conv_depthwise_scratch(&d.c, threads), 1))
			abort();
		bytes = (double)(c * (hw * hw + d.c.oh * d.c.ow)) * sizeof(float);
		sums = (double)(9 * c * d.c.oh * d.c.ow);
		d.in = floats(c * hw * hw);
		d.out = floats(c * d.c.oh * d.c.ow);
		d.weight = floats(9 * c);
		d.shift = floats(c);
		plain = least(deep_plain, &d);
		blocked = least(deep_blocked, &d);
		(void)snprintf(what, sizeof what, "%zu x %zu^2 / %zu", c, hw, s);
		report(what, bytes, blocked);
		printf("    %.0f GFLOP/s; on plain maps %.3f ms, %.2f of that\n",
		    2e-9 * sums / blocked, plain * 1e3, blocked / plain);
		free(d.out), free(d.scratch);
		free((void *)(uintptr_t)d.in), free((void *)(uintptr_t)d.weight),
		    free((void *)(uintptr_t)d.shift);
	}
}

/* --- fully connected: few inputs beside a loop that reads, many beside the peak --- */

struct reading {
	const float *in;
	size_t n, parts;
	float *sum; /* one for each part, lest the loop be left out */
};

typedef float vec16 __attribute__((vector_size(64)));

TARGETS static void
read_part(const void *ctx, size_t i, int worker)
{
	const struct reading *r = ctx;
	size_t from = r->n * i / r->parts / 64 * 64,
	       to = r->n * (i + 1) / r->parts / 64 * 64;
	vec16 a = { 0 }, b = a, c = a, d = a;

	(void)worker;
	for (; from < to; from += 64) {
		const vec16 *p = (const vec16 *)(const void *)(r->in + from);

		a += p[0], b += p[1], c += p[2], d += p[3];
	}
	a += b + c + d;
	r->sum[i] = a[0] + a[7];
}

static void
read_run(const void *ctx)
{
	const struct reading *r = ctx;

	det_parallel(threads, r->parts, read_part, r);
}

static double
read_speed(size_t n)
{
	struct reading r = { floats(n), n, n / 65536 + 1, NULL };
	double s;

	r.sum = floats(r.parts);
	s = least(read_run, &r);
	free((void *)(uintptr_t)r.in), free(r.sum);
	return (double)n * sizeof(float) / s * 1e-9;
}

struct connected {
	float *out;
	const float *in, *weight;
	size_t m, n, k;
	void *scratch;
};

static void
fc_run(const void *ctx)
{
	const struct connected *f = ctx;

	det_fc_run(f->out, f->in, f->weight, NULL, NULL, f->m, f->n, f->k, DET_ACT_RELU,
	    0, f->scratch, threads);
}

static void
connected(void)
{
	static const size_t sizes[][2] = { { 4096, 25088 }, { 4096, 4096 },
		{ 1024, 12544 }, { 1024, 1024 }, { 81, 1024 }, { 1000, 2048 } };
	static const size_t inputs[] = { 1, 2, 4, 8, 12, 16, 64, 300, 1000 };
	size_t i, j;

	for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		size_t n = sizes[i][0], k = sizes[i][1];
		double limit = read_speed(n * k);
		float *weight = floats(n * k);

		printf("  %zu -> %zu, %.1f MB; reading alone %.1f GB/s\n", k, n,
		    4e-6 * (double)(n * k), limit);
		for (j = 0; j < sizeof inputs / sizeof *inputs; j++) {
			size_t m = inputs[j];
			struct connected f = { floats(m * n), floats(m * k), weight, m,
				n, k, NULL };
			double s, flop = 2. * (double)m * (double)n * (double)k;

			if (flop > 5e10 ||
			    det_alloc(&f.scratch, det_fc_scratch(m, n, k, threads), 1))
				continue;
			s = least(fc_run, &f);
			printf("    m %4zu %9.3f ms %6.1f GB/s %3.0f%% of reading, "
			       "%.0f GFLOP/s\n",
			    m, s * 1e3, 4e-9 * (double)(n * k) / s,
			    400e-9 * (double)(n * k) / s / limit, flop / s * 1e-9);
			fflush(stdout);
			free(f.out), free((void *)(uintptr_t)f.in), free(f.scratch);
		}
		free(weight);
	}
}

/* --- operators, on blocked maps and on plain ones --- */

struct alone {
	const struct lone *l;
	float *out;
	const float *in[LONE_IN];
	void *scratch;
	int blocked;
};

static void
alone_run(const void *ctx)
{
	const struct alone *a = ctx;

	lone_run(a->l, a->out, a->in, a->blocked, threads, a->scratch);
}

/* Seconds in one layout; bytes: of what is read and written. */
static double
alone(const struct lone *l, int blocked, double *bytes)
{
	enum det_layout layout = blocked ? DET_BLOCKED : DET_PLAIN;
	size_t n = det_layout_floats(layout, l->out_dims), i;
	struct alone a = { l, floats(n), { NULL }, lone_scratch(l, threads), blocked };
	double s;

	*bytes = (double)n * sizeof(float);
	for (i = 0; i < l->n_in; i++) {
		n = det_layout_floats(layout, l->dims[i]);
		*bytes += (double)n * sizeof(float);
		a.in[i] = floats(n);
	}
	s = least(alone_run, &a);
	for (i = 0; i < l->n_in; i++)
		free((void *)(uintptr_t)a.in[i]);
	free(a.out), free(a.scratch);
	return s;
}

static void
operators(void)
{
	static const struct {
		const char *stmt;
		size_t n_in, c, h, w;
	} list[] = { { "maxpool(x0) k=2 stride=2", 1, 64, 224, 224 },
		{ "maxpool(x0) k=2 stride=2", 1, 256, 56, 56 },
		{ "maxpool(x0) k=3 stride=2 pad=1", 1, 64, 112, 112 },
		{ "maxpool(x0) k=3 stride=1 pad=1", 1, 512, 19, 19 },
		{ "maxpool(x0) k=2 stride=1 pad=1 round=darknet", 1, 512, 13, 13 },
		{ "maxpool(x0) k=13 stride=1 pad=6", 1, 512, 13, 13 },
		{ "avgpool(x0) global", 1, 2048, 7, 7 },
		{ "upsample(x0)", 1, 256, 26, 26 },
		{ "upsample(x0) mode=bilinear", 1, 256, 26, 26 },
		{ "add(x0, x1)", 2, 256, 56, 56 },
		{ "add(x0, x1) act=relu", 2, 256, 100, 136 },
		{ "concat(x0, x1)", 2, 256, 26, 26 }, { "relu(x0)", 1, 64, 112, 112 },
		{ "silu(x0)", 1, 64, 112, 112 }, { "bn(x0) act=relu", 1, 64, 112, 112 },
		{ "l2norm(x0)", 1, 512, 38, 38 }, { "groupnorm(x0)", 1, 256, 100, 136 },
		{ "groupnorm(x0)", 1, 256, 25, 34 }, { "lrn(x0)", 1, 96, 54, 54 },
		{ "reorg(x0) stride=2", 1, 64, 26, 26 } };
	size_t i, k;

	for (i = 0; i < sizeof list / sizeof *list; i++) {
		size_t dims[LONE_IN][4];
		double bytes, plain_bytes, blocked, plain;
		char what[100];
		struct lone l;

		for (k = 0; k < list[i].n_in; k++)
			memcpy(dims[k],
			    (size_t[4]){ 1, list[i].c, list[i].h, list[i].w },
			    sizeof dims[k]);
		if (!lone_open(
			&l, list[i].stmt, (const size_t(*)[4])dims, list[i].n_in) ||
		    !lone_can(&l))
			abort();
		blocked = alone(&l, 1, &bytes);
		plain = alone(&l, 0, &plain_bytes);
		(void)snprintf(what, sizeof what, "%s %zux%zux%zu", list[i].stmt,
		    list[i].c, list[i].h, list[i].w);
		report(what, bytes, blocked);
		printf("    on plain maps %.3f ms, %.2f of that\n", plain * 1e3,
		    blocked / plain);
		lone_close(&l);
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} parts[] = { { "layout", layouts }, { "ops", operators }, { "depthwise", depthwise },
	{ "fc", connected } };

int
main(int argc, char *argv[])
{
	int opt, i;
	size_t n;

	threads = det_cpu_cores();
	while ((opt = getopt(argc, argv, "j:r:c")) != -1)
		switch (opt) {
		case 'j': threads = atoi(optarg); break;
		case 'r': runs = atoi(optarg); break;
		case 'c': own = 1; break;
		default:
			fprintf(stderr, "usage: ops [-j THREADS] [-r RUNS] [-c] "
					"[WHAT ...]\n");
			return 2;
		}
	if (threads < 1 || runs < 1)
		return 2;
	for (n = 0; n < sizeof parts / sizeof parts[0]; n++) {
		int wanted = optind == argc;

		for (i = optind; i < argc; i++)
			wanted |= strcmp(argv[i], parts[n].name) == 0;
		if (!wanted)
			continue;
		printf("%s, %d threads, %s\n", parts[n].name, threads,
		    det_cpu_name(det_cpu_level()));
		parts[n].run();
	}
	return 0;
}
