/* SPDX-License-Identifier: MIT
 *
 * The step of some weights: one pass, in which all that belongs to a weight is read and
 * written once, since memory is what it takes. g is the gradient times its scale, within the
 * limit; w the weight, all of single precision.
 *
 *   sgd     g += decay w;  m = mu m + g;       w -= lr m      (nesterov: lr (g + mu m))
 *   caffe   g += decay w;  v = mu m + lr g;    w -= v         (nesterov: (1 + mu) v - mu m)
 *   adam    g += decay w;  m = b1 m + (1 - b1) g;  s = b2 s + (1 - b2) g^2
 *           w -= lr / (1 - b1^t) m / (sqrt(s) / sqrt(1 - b2^t) + eps)
 *   adamw   w *= 1 - lr decay, in place of the first
 *
 * as in torch.optim (SGD without dampening, Adam, AdamW) and in Caffe's SGD and Nesterov
 * solvers. Darknet's is `sgd` with its decay on matrices alone. Adam: Kingma and Ba, 2015;
 * AdamW: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019.
 *
 * The compiler makes the vectors, of each instruction set; none fuses multiply and add, so
 * that all give the same bits.
 */
#include <math.h>

#ifdef __SSE2__
#include <immintrin.h>
#endif

#include "base/cpu.h"
#include "train/optim_impl.h"

#define INLINE static inline __attribute__((always_inline))

enum { BIT = 256 };

INLINE float
limited(float g, float limit)
{
	g = g > limit ? limit : g;
	return g < -limit ? -limit : g;
}

INLINE void
sgd(const struct det_optim_part *p)
{
	float *restrict w = p->w, *restrict m = p->m;
	const float *restrict g = p->g;
	const float scale = p->scale, limit = p->limit, decay = p->decay, lr = p->lr,
		    mu = p->momentum, ahead = p->nesterov ? mu : 1,
		    now = p->nesterov ? 1.f : 0.f;
	size_t i;

#pragma omp simd
	for (i = 0; i < p->n; i++) {
		float d = limited(g[i] * scale, limit) + decay * w[i];

		m[i] = mu * m[i] + d;
		w[i] -= lr * (now * d + ahead * m[i]);
	}
}

INLINE void
caffe(const struct det_optim_part *p)
{
	float *restrict w = p->w, *restrict m = p->m;
	const float *restrict g = p->g;
	const float scale = p->scale, limit = p->limit, decay = p->decay, lr = p->lr,
		    mu = p->momentum, back = p->nesterov ? mu : 0;
	size_t i;

#pragma omp simd
	for (i = 0; i < p->n; i++) {
		float d = limited(g[i] * scale, limit) + decay * w[i], old = m[i],
		      v = mu * old + lr * d;

		m[i] = v;
		w[i] -= v + back * (v - old);
	}
}

/* sqrtf may set errno, which keeps compilers from making vectors of it. */
INLINE void
roots(float *x, size_t n)
{
	size_t i = 0;

#ifdef __SSE2__
	for (; i + 4 <= n; i += 4)
		_mm_storeu_ps(x + i, _mm_sqrt_ps(_mm_loadu_ps(x + i)));
#endif
	for (; i < n; i++)
		x[i] = sqrtf(x[i]);
}

/* n <= BIT */
INLINE void
adam_bit(const struct det_optim_part *p, size_t at, size_t n)
{
	float *restrict w = p->w + at, *restrict m = p->m + at, *restrict s = p->s + at;
	const float *restrict g = p->g + at;
	const float scale = p->scale, limit = p->limit, decay = p->decay, lr = p->lr,
		    b1 = p->beta1, c1 = p->part1, b2 = p->beta2, c2 = p->part2,
		    eps = p->eps, root = p->root, keep = p->keep;
	float r[BIT];
	size_t i;

#pragma omp simd
	for (i = 0; i < n; i++) {
		float d = limited(g[i] * scale, limit) + decay * w[i];

		m[i] = b1 * m[i] + c1 * d;
		r[i] = s[i] = b2 * s[i] + c2 * d * d;
	}
	roots(r, n);
#pragma omp simd
	for (i = 0; i < n; i++)
		w[i] = keep * w[i] - lr * m[i] / (r[i] * root + eps);
}

INLINE void
adam(const struct det_optim_part *p)
{
	size_t i;

	for (i = 0; i < p->n; i += BIT)
		adam_bit(p, i, p->n - i < BIT ? p->n - i : BIT);
}

INLINE void
average(const struct det_optim_part *p)
{
	float *restrict avg = p->avg;
	const float *restrict w = p->w;
	const float blend = p->blend;
	size_t i;

#pragma omp simd
	for (i = 0; i < p->n; i++)
		avg[i] += blend * (w[i] - avg[i]);
}

INLINE void
run(const struct det_optim_part *p, enum det_optim_kind kind)
{
	if (p->g)
		switch (kind) {
		case DET_OPTIM_SGD: sgd(p); break;
		case DET_OPTIM_CAFFE: caffe(p); break;
		case DET_OPTIM_ADAM:
		case DET_OPTIM_ADAMW: adam(p); break;
		}
	if (p->avg)
		average(p); /* what it reads is still in the cache */
}

/* Eight sums, so that additions need not wait for one another. */
INLINE double
squares(const float *x, size_t n)
{
	double sum[8] = { 0 }, all = 0;
	size_t i, k;

	for (i = 0; i + 8 <= n; i += 8)
#pragma omp simd
		for (k = 0; k < 8; k++)
			sum[k] += (double)x[i + k] * (double)x[i + k];
	for (; i < n; i++)
		sum[0] += (double)x[i] * (double)x[i];
	for (k = 0; k < 8; k++)
		all += sum[k];
	return all;
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static void
run_avx2(const struct det_optim_part *p, enum det_optim_kind kind)
{
	run(p, kind);
}

__attribute__((target("avx2"))) static double
squares_avx2(const float *x, size_t n)
{
	return squares(x, n);
}
#endif

void
det_optim_part_run(const struct det_optim_part *p, enum det_optim_kind kind)
{
#ifdef __x86_64__
	if (det_cpu_level() >= DET_CPU_AVX2) {
		run_avx2(p, kind);
		return;
	}
#endif
	run(p, kind);
}

double
det_optim_squares(const float *x, size_t n)
{
#ifdef __x86_64__
	if (det_cpu_level() >= DET_CPU_AVX2)
		return squares_avx2(x, n);
#endif
	return squares(x, n);
}
