/* SPDX-License-Identifier: MIT
 *
 * Times the convolutions of the detectors' networks (conv_layers.h), each shape once, and
 * adds them up by how often the net has them. `make bench BENCH=conv` runs it; by hand
 *
 *   make build/tests/bench/conv
 *   build/tests/bench/conv [-j THREADS] [-r RUNS] [-a ALGO] [-bmcpt] [NET ...]
 *
 * Maps are blocked, but for the first layer's, and weights packed beforehand, as the engine
 * does; with -p maps are plain and weights as they lie, with -a in one way wherever that can,
 * with -t in every way, each with its modelled time.
 *
 * Columns: shape, times it occurs, algorithm, ms (the median, with -m the least), GFLOP/s
 * (counting what a direct convolution multiplies: Winograd's can pass the peak), percent of
 * the peak that a loop of multiply-adds on registers reaches on as many threads. With -b
 * also im2col and OpenBLAS for the same, and the ratio. With -c the process's own time is
 * taken: on one thread it tells more than the wall's where others use the machine.
 * DET_CPU=avx512|avx2|c chooses kernels.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "base/parallel.h"
#include "base/cpu.h"
#include "base/mem.h"
#include "nn/blas.h"
#include "nn/conv.h"
#include "nn/engine.h"
#include "tests/bench/conv_layers.h"

static int threads, runs = 5, least, own, plain_maps, all_ways;
static enum det_conv_algo forced;

static double
now(void)
{
	struct timespec t;

	clock_gettime(own ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* `steps` rounds of 12 independent multiply-adds, which never leave the registers. */
#define PEAK(name, isa, type, set, add, fma, store, reg)                            \
	__attribute__((target(isa))) static void name(size_t steps)                 \
	{                                                                           \
		type a0 = set(0), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0,      \
		     x = set(.5f);                                                  \
		type a6 = a0, a7 = a0, a8 = a0, a9 = a0, a10 = a0, a11 = a0;        \
		float sink[16];                                                     \
                                                                                    \
		for (; steps > 0; steps--) {                                        \
			a0 = fma(a0, x, x), a1 = fma(a1, x, x), a2 = fma(a2, x, x); \
			a3 = fma(a3, x, x), a4 = fma(a4, x, x), a5 = fma(a5, x, x); \
			a6 = fma(a6, x, x), a7 = fma(a7, x, x), a8 = fma(a8, x, x); \
			a9 = fma(a9, x, x), a10 = fma(a10, x, x),                   \
			a11 = fma(a11, x, x);                                       \
			/* each is wanted, every time */                            \
			__asm__ volatile(""                                         \
					 : "+" reg(a0), "+" reg(a1), "+" reg(a2),   \
					 "+" reg(a3), "+" reg(a4), "+" reg(a5));    \
			__asm__ volatile(""                                         \
					 : "+" reg(a6), "+" reg(a7), "+" reg(a8),   \
					 "+" reg(a9), "+" reg(a10), "+" reg(a11));  \
		}                                                                   \
		store(sink, add(a0, a11));                                          \
		__asm__ volatile("" : : "m"(sink));                                 \
	}
#ifdef __x86_64__
PEAK(peak256, "avx2,fma", __m256, _mm256_set1_ps, _mm256_add_ps, _mm256_fmadd_ps,
    _mm256_storeu_ps, "x")
PEAK(peak512, "avx512f", __m512, _mm512_set1_ps, _mm512_add_ps, _mm512_fmadd_ps,
    _mm512_storeu_ps, "v")
#endif

static const size_t peak_steps = 2000000;

static void
peak_part(const void *ctx, size_t i, int worker)
{
	void (*const *loop)(size_t) = ctx;

	(void)i;
	(void)worker;
	(*loop)(peak_steps);
}

static double
peak_of(void (*loop)(size_t), double lanes)
{
	double best = 0;
	int i;

	for (i = 0; i < 5; i++) {
		double t = now(), rate;

		det_parallel(threads, (size_t)threads, peak_part, &loop);
		rate = 24 * lanes * (double)peak_steps * threads / (now() - t) * 1e-9;
		if (rate > best)
			best = rate;
	}
	return best;
}

/* GFLOP/s of all threads together, 0 if unknown. */
static double
peak(void)
{
	double best = 0;

#ifdef __x86_64__
	if (det_cpu_supported() >= DET_CPU_AVX2)
		best = peak_of(peak256, 8);
	if (det_cpu_supported() >= DET_CPU_AVX512) {
		double wide = peak_of(peak512, 16);

		printf("# peak: 256 bits %.1f, 512 bits %.1f GFLOP/s, %d threads\n",
		    best, wide, threads);
		if (wide > best)
			best = wide;
	}
#endif
	return best;
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

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* What one would write in an afternoon: the columns, a product on each thread's share. */
struct plain {
	const struct det_conv *c;
	float *out, *col;
	const float *in, *weight, *shift;
	size_t plane, depth;
};

static void
plain_row(const void *ctx, size_t r, int worker)
{
	const struct plain *p = ctx;
	const struct det_conv *c = p->c;
	size_t ch = r / (c->kh * c->kw), i = r / c->kw % c->kh, j = r % c->kw, y, x;
	float *o = p->col + r * p->plane;

	(void)worker;
	for (y = 0; y < c->oh; y++)
		for (x = 0; x < c->ow; x++) {
			size_t sy = y * c->stride_y + i - c->pad_top,
			       sx = x * c->stride_x + j - c->pad_left;

			*o++ = sy < c->h && sx < c->w
				   ? p->in[(ch * c->h + sy) * c->w + sx]
				   : 0;
		}
}

static void
plain_product(const void *ctx, size_t t, int worker)
{
	const struct plain *p = ctx;
	size_t p0 = p->plane * t / (size_t)threads;
	size_t p1 = p->plane * (t + 1) / (size_t)threads;
	const float *b = p->c->kh > 1 || p->c->stride_y > 1 ? p->col : p->in;

	(void)worker;
	det_sgemm(p->out + p0, p->plane, p->weight, p->depth, 0, b + p0, p->plane, 0,
	    p->c->k, p1 - p0, p->depth, 0);
}

static void
plain_leaky(const void *ctx, size_t k, int worker)
{
	const struct plain *p = ctx;

	(void)worker;
	for (size_t r = 0; r < p->plane; r++) {
		float v = p->out[k * p->plane + r] + p->shift[k];

		p->out[k * p->plane + r] = v > 0 ? v : .1f * v;
	}
}

static void
plain(const struct det_conv *c, float *out, const float *in, const float *weight,
    const float *shift, float *col)
{
	struct plain p = { c, out, col, in, weight, shift, c->oh * c->ow,
		c->c * c->kh * c->kw };

	if (c->kh > 1 || c->stride_y > 1)
		det_parallel(threads, p.depth, plain_row, &p);
	det_parallel(threads, (size_t)threads, plain_product, &p);
	det_parallel(threads, c->k, plain_leaky, &p);
}

static double
median_of(double *t)
{
	qsort(t + 1, (size_t)runs, sizeof *t, by_value);
	return t[least ? 1 : 1 + runs / 2];
}

/* *bytes: of packed weights, *pack: seconds that this took */
static double
measure(const struct det_conv *asked, size_t *bytes, double *pack)
{
	const size_t in_dims[4] = { asked->n, asked->c, asked->h, asked->w };
	const size_t out_dims[4] = { asked->n, asked->k, asked->oh, asked->ow };
	struct det_conv c = *asked;
	size_t i;
	float *in = floats(det_layout_floats(c.in_layout, in_dims));
	float *out = floats(det_layout_floats(c.out_layout, out_dims));
	float *weight = floats(c.k * (c.c / c.groups) * c.kh * c.kw);
	float *shift = floats(det_blocked_channels(c.k)), *packed = NULL;
	void *scratch;
	double *t, median;

	*pack = 0;
	*bytes = plain_maps ? 0 : det_conv_packed_bytes(&c, threads);
	if (*bytes) {
		packed = floats(*bytes / sizeof *packed);
		*pack = -now();
		det_conv_pack(&c, packed, weight, threads);
		*pack += now();
		c.packed = 1;
	}
	if (det_alloc(&scratch, det_conv_scratch(&c, threads), 1) ||
	    det_alloc(&t, (size_t)runs + 1, sizeof *t))
		abort();
	for (i = 0; i <= (size_t)runs; i++) {
		t[i] = -now();
		det_conv_run(&c, out, in, packed ? packed : weight, NULL, shift, NULL,
		    scratch, threads);
		t[i] += now();
	}
	median = median_of(t);
	free(in), free(weight), free(out), free(shift), free(packed), free(scratch),
	    free(t);
	return median;
}

static double
measure_blas(const struct det_conv *c)
{
	size_t depth = c->c * c->kh * c->kw, i;
	float *in = floats(c->c * c->h * c->w), *weight = floats(c->k * depth);
	float *out = floats(c->k * c->oh * c->ow), *shift = floats(c->k);
	float *col =
	    c->kh > 1 || c->stride_y > 1 ? floats(depth * c->oh * c->ow) : NULL;
	double *t, median;

	if (det_alloc(&t, (size_t)runs + 1, sizeof *t))
		abort();
	for (i = 0; i <= (size_t)runs; i++) {
		t[i] = -now();
		plain(c, out, in, weight, shift, col);
		t[i] += now();
	}
	median = median_of(t);
	free(in), free(weight), free(out), free(shift), free(col), free(t);
	return median;
}

static struct det_conv
problem(const struct layer *l)
{
	size_t pad = (l->kernel - 1) * l->dilate / 2;
	struct det_conv c = { .n = 1,
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
		.groups = l->groups,
		.act = DET_ACT_LEAKY,
		.alpha = .1f };

	if (!plain_maps) {
		c.in_layout = l->c < DET_BLOCK ? DET_PLAIN : DET_BLOCKED;
		c.out_layout = DET_BLOCKED;
	}
	if (det_conv_shape(&c))
		abort();
	c.algo = forced;
	return c;
}

static double
flop_of(const struct det_conv *c)
{
	return 2. * (double)(c->k * c->c / c->groups * c->kh * c->kw) *
	       (double)(c->oh * c->ow);
}

/* One way of a layer; returns seconds. */
static double
line(const struct det_conv *c, size_t count, double top, double *pack)
{
	struct det_conv asked = *c;
	double flop = flop_of(c), s;
	size_t bytes;

	s = measure(c, &bytes, pack);
	asked.packed = bytes > 0;
	printf("  %4zux%3zux%-3zu -> %4zu %zux%zu/%zu %2zux  %-20s %8.3f ms %6.1f "
	       "GFLOP/s %3.0f%% %5.1f MiB",
	    c->c, c->h, c->w, c->k, c->kh, c->kw, c->stride_y, count,
	    det_conv_algorithm(&asked, threads), s * 1e3, flop / s * 1e-9,
	    top > 0 ? flop / s * 1e-7 / top : 0, (double)bytes / (1 << 20));
	return s;
}

/* Every way that can, beside its model. */
static void
ways(const struct det_conv *asked)
{
	struct det_conv c = *asked;
	int a;

	for (a = DET_CONV_AUTO + 1; a < DET_CONV_ALGOS; a++) {
		size_t bytes;
		double s, pack;

		c.algo = (enum det_conv_algo)a;
		if (!det_conv_can(&c, c.algo))
			continue;
		s = measure(&c, &bytes, &pack);
		printf("      %-10s %8.3f ms, modelled %8.3f (%.2f)\n",
		    det_conv_algo_name(c.algo), s * 1e3,
		    det_conv_cost(&c, c.algo, threads) * 1e-3,
		    det_conv_cost(&c, c.algo, threads) * 1e-6 / s);
	}
}

static void
bench(const char *name, const struct layer *l, int blas, double top)
{
	double all = 0, all_blas = 0, flops = 0, packs = 0;

	printf("%s\n", name);
	for (; l->count; l++) {
		struct det_conv c = problem(l);
		double pack, s = line(&c, l->count, top, &pack);

		all += s * (double)l->count;
		packs += pack * (double)l->count;
		flops += flop_of(&c) * (double)l->count;
		if (blas && l->groups == 1) {
			double b = measure_blas(&c);

			printf("   plain %8.3f ms %5.2fx", b * 1e3, b / s);
			all_blas += b * (double)l->count;
		}
		printf("\n");
		if (all_ways)
			ways(&c);
		fflush(stdout);
	}
	printf("%s, %d threads, %s: %.1f ms, %.1f GFLOP, %.1f GFLOP/s, %.0f%% of peak, "
	       "weights packed in %.1f ms",
	    name, threads, det_cpu_name(det_cpu_level()), all * 1e3, flops * 1e-9,
	    flops / all * 1e-9, top > 0 ? flops / all * 1e-7 / top : 0, packs * 1e3);
	if (blas)
		printf("; plain %.1f ms, %.2fx", all_blas * 1e3, all_blas / all);
	printf("\n");
}

int
main(int argc, char *argv[])
{
	int opt, blas = 0, suits, i;
	const char *text;
	size_t n;
	double top;

	threads = det_cpu_cores();
	while ((opt = getopt(argc, argv, "j:r:a:bmcpt")) != -1)
		switch (opt) {
		case 'j': threads = atoi(optarg); break;
		case 'r': runs = atoi(optarg); break;
		case 'b': blas = 1; break;
		case 'm': least = 1; break;
		case 'c': own = 1; break;
		case 'p': plain_maps = 1; break;
		case 't': all_ways = 1; break;
		case 'a':
			if ((i = det_conv_algo_find(optarg)) < 0)
				return 2;
			forced = (enum det_conv_algo)i;
			break;
		default:
			fprintf(stderr, "usage: bench-conv [-j THREADS] [-r RUNS] [-a "
					"ALGO] [-bmcpt] [NET ...]\n");
			return 2;
		}
	if (threads < 1 || runs < 1)
		return 2;
	if (blas) {
		if (det_blas_info(&text, &suits)) {
			fprintf(stderr, "%s\n", det_errmsg());
			return 2;
		}
		printf("# OpenBLAS: %s\n", text);
	}
	top = peak();
	for (n = 0; n < sizeof nets / sizeof nets[0]; n++) {
		int wanted = optind == argc;

		for (i = optind; i < argc; i++)
			wanted |= strcmp(argv[i], nets[n].name) == 0;
		if (wanted)
			bench(nets[n].name, nets[n].layers, blas, top);
	}
	return 0;
}
