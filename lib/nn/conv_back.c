/* SPDX-License-Identifier: MIT
 *
 * The way back through a convolution: its maps are blocked (nn/layout.h) once, for the
 * gradients of the input and of the weights alike, some images at a time so that the copies
 * stay within bounds.
 */
#include "nn/conv_back.h"

#include "base/cpu.h"
#include "base/mem.h"
#include "base/parallel.h"

/* Bytes of the copies of a chunk of images, about. */
#define COPIES ((size_t)96 << 20)

const struct det_back_kernels *
det_back_kernels(void)
{
#ifdef __x86_64__
	switch (det_cpu_level()) {
	case DET_CPU_AVX512: return &det_back_kernels_avx512;
	case DET_CPU_AVX2: return &det_back_kernels_avx2;
	case DET_CPU_C: break;
	}
#endif
	return &det_back_kernels_c;
}

static size_t
blocked_bytes(size_t n, size_t c, size_t hw)
{
	return n * det_blocked_channels(c) * hw * sizeof(float);
}

/* The problem of as many images as are taken at a time, the last time perhaps of fewer: it does
 * not depend on the threads, nor on which gradients are wanted. */
static struct det_conv
chunk_of(const struct det_conv *c)
{
	struct det_conv part = *c;
	size_t one = 2 * blocked_bytes(1, c->c, c->h * c->w) +
		     blocked_bytes(1, c->k, c->oh * c->ow);

	part.n = COPIES / one;
	if (part.n == 0)
		part.n = 1;
	if (part.n > c->n)
		part.n = c->n;
	return part;
}

/* Bytes of scratch: dy, x, then what the part at work wants. */
struct room {
	size_t y, x, rest;
};

static struct room
room_of(const struct det_conv *part, int threads)
{
	size_t in = det_conv_back_input_scratch(part, threads);
	int few = det_few_back_pays(part);
	size_t weight = few ? det_few_back_scratch(part, threads)
			    : det_conv_back_weight_scratch(part, threads);

	return (struct room){ blocked_bytes(part->n, part->k, part->oh * part->ow),
		few ? 0 : blocked_bytes(part->n, part->c, part->h * part->w),
		in > weight ? in : weight };
}

static size_t
bytes_of(const struct det_conv *part, int threads)
{
	struct room r = room_of(part, threads);

	return r.y + r.x + r.rest;
}

size_t
det_conv_back_scratch(const struct det_conv *c, int threads)
{
	struct det_conv part = chunk_of(c);
	size_t most = bytes_of(&part, threads), last;

	if (c->n % part.n == 0)
		return most;
	part.n = c->n % part.n;
	last = bytes_of(&part, threads);
	return last > most ? last : most;
}

/* The gradients of `part`, whose images begin at these pointers. */
static void
run_chunk(const struct det_conv *part, float *dx, int set, float *dw, const float *dy,
    const float *x, const float *weight, char *scratch, int threads)
{
	int blocked = det_conv_back_weight_blocked(part);
	struct room r = room_of(part, threads);
	float *y = (float *)(void *)scratch, *in = (float *)(void *)(scratch + r.y);

	if (dx || blocked)
		det_layout_block(y, dy, part->n, part->k, part->oh * part->ow, threads);
	if (dx)
		det_conv_back_input(part, dx, set, y, weight, in, threads);
	if (dw && det_few_back_pays(part)) {
		det_few_back_run(part, dw, y, x, in, threads);
		return;
	}
	if (dw && !blocked)
		det_conv_back_weight(part, dw, dy, x, in, threads);
	if (dw && blocked) {
		det_layout_block(in, x, part->n, part->c, part->h * part->w, threads);
		det_conv_back_weight(part, dw, y, in, scratch + r.y + r.x, threads);
	}
}

void
det_conv_back_run(const struct det_conv *c, float *dx, int set, float *dw,
    const float *dy, const float *x, const float *weight, void *scratch, int threads)
{
	struct det_conv part = chunk_of(c);
	size_t in = c->c * c->h * c->w, out = c->k * c->oh * c->ow, i, most = part.n;

	if (!dx && !dw)
		return;
	for (i = 0; i < c->n; i += part.n) {
		part.n = c->n - i < most ? c->n - i : most;
		run_chunk(&part, dx ? dx + i * in : NULL, set, dw, dy + i * out,
		    x ? x + i * in : NULL, weight, scratch, threads);
	}
}

/* --- bias ----------------------------------------------------------------------------- */

struct bias {
	float *sum;
	const float *dy;
	size_t n, k, area;
};

enum { LANES = 16, CHUNK = 512 };

static double
sum_of(const float *x, size_t n)
{
	double all = 0;
	size_t i, l, m;

	for (; n > 0; x += m, n -= m) {
		float s[LANES] = { 0 };

		m = n < CHUNK ? n : CHUNK;
		for (i = 0; i + LANES <= m; i += LANES)
#pragma omp simd
			for (l = 0; l < LANES; l++)
				s[l] += x[i + l];
		for (l = 0; i + l < m; l++)
			s[l] += x[i + l];
		for (l = 0; l < LANES; l++)
			all += (double)s[l];
	}
	return all;
}

static void
sum_channel(const void *ctx, size_t k, int worker)
{
	const struct bias *b = ctx;
	double s = 0;
	size_t i;

	(void)worker;
	for (i = 0; i < b->n; i++)
		s += sum_of(b->dy + (i * b->k + k) * b->area, b->area);
	b->sum[k] += (float)s;
}

void
det_bias_back_run(
    float *sum, const float *dy, size_t n, size_t k, size_t area, int threads)
{
	struct bias b = { sum, dy, n, k, area };

	det_parallel(threads, k, sum_channel, &b);
}
