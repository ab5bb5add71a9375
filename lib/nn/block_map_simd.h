/* SPDX-License-Identifier: MIT
 *
 * Sums, affine maps, windows and norms on blocked maps. A pixel is PARTS vectors; what goes
 * over pixels does all parts of one before the next, so that memory is read in a row.
 */
#ifndef DET_BLOCK_MAP_SIMD_H
#define DET_BLOCK_MAP_SIMD_H

#include "nn/act_simd.h"
#include "nn/block.h"

enum { PARTS = DET_BLOCK / LANES };

#define EACH_PART UNROLL16 for (v = 0; v < PARTS; v++)

INLINE void
sum_loop(float *y, const float *const *x, size_t terms, size_t n, enum det_act act,
    float alpha)
{
	vec a = v_set(alpha), s;
	size_t i, t;

	for (i = 0; i + LANES <= n; i += LANES) {
		s = v_load(x[0] + i);
		for (t = 1; t < terms; t++)
			s = s + v_load(x[t] + i);
		v_store(y + i, v_act(s, act, a));
	}
	if (i == n)
		return;
	s = v_load_n(x[0] + i, n - i);
	for (t = 1; t < terms; t++)
		s = s + v_load_n(x[t] + i, n - i);
	v_store_n(y + i, v_act(s, act, a), n - i);
}

/* Two terms, the usual number, have a loop of their own. */
TARGET static void
sum_run(float *y, const float *const *x, size_t terms, size_t n, enum det_act act,
    float alpha){
#define CALL(constant)                                     \
	terms == 2 ? sum_loop(y, x, 2, n, constant, alpha) \
		   : sum_loop(y, x, terms, n, constant, alpha)
	FOR_EACH_ACT(act, CALL)
#undef CALL
}

INLINE void affine_loop(float *y, const float *x, size_t n, const float *scale,
    const float *shift, enum det_act act, float alpha)
{
	vec a = v_set(alpha), s[PARTS], t[PARTS];
	size_t i;
	int v;

	EACH_PART
	{
		s[v] = v_load(scale + v * LANES);
		t[v] = v_load(shift + v * LANES);
	}
	for (i = 0; i < n * DET_BLOCK; i += DET_BLOCK)
		EACH_PART v_store(y + i + v * LANES,
		    v_act(v_load(x + i + v * LANES) * s[v] + t[v], act, a));
}

TARGET static void
affine_run(float *y, const float *x, size_t n, const float *scale, const float *shift,
    enum det_act act, float alpha){
#define CALL(constant) affine_loop(y, x, n, scale, shift, constant, alpha)
	FOR_EACH_ACT(act, CALL)
#undef CALL
}

INLINE void largest_loop(
    float *out, const struct det_block_window *w, size_t n, size_t rows, size_t cols)
{
	size_t x, r, j;
	int v;

	for (x = 0; x < n; x++, out += DET_BLOCK) {
		const float *p = w->in + x * w->step * DET_BLOCK;
		vec top[PARTS];

		EACH_PART top[v] = v_load(p + v * LANES);
		for (r = 0; r < rows; r++)
			for (j = r == 0; j < cols; j++)
				EACH_PART top[v] = v_max(top[v],
				    v_load(p + r * w->ld + j * DET_BLOCK + v * LANES));
		EACH_PART v_store(out + v * LANES, top[v]);
	}
}

TARGET static void
largest_run(float *out, const struct det_block_window *w, size_t n)
{
	if (w->rows == 2 && w->cols == 2)
		largest_loop(out, w, n, 2, 2);
	else if (w->rows == 3 && w->cols == 3)
		largest_loop(out, w, n, 3, 3);
	else
		largest_loop(out, w, n, w->rows, w->cols);
}

TARGET static void
average_run(float *out, const struct det_block_window *w, size_t n, float div)
{
	size_t x, r, j;
	int v;

	for (x = 0; x < n; x++, out += DET_BLOCK) {
		const float *p = w->in + x * w->step * DET_BLOCK;
		vec all[PARTS];

		EACH_PART all[v] = v_zero();
		for (r = 0; r < w->rows; r++) {
			vec row[PARTS];

			EACH_PART row[v] = v_zero();
			for (j = 0; j < w->cols; j++)
				EACH_PART row[v] =
				    row[v] +
				    v_load(p + r * w->ld + j * DET_BLOCK + v * LANES);
			EACH_PART all[v] = all[v] + row[v];
		}
		EACH_PART v_store(out + v * LANES, all[v] / v_set(div));
	}
}

TARGET static void
repeat_run(float *out, const float *in, size_t n, size_t times, float gain)
{
	vec g = v_set(gain);
	size_t x, j;
	int v;

	for (x = 0; x < n; x++, in += DET_BLOCK) {
		vec p[PARTS];

		EACH_PART p[v] = g * v_load(in + v * LANES);
		for (j = 0; j < times; j++, out += DET_BLOCK)
			EACH_PART v_store(out + v * LANES, p[v]);
	}
}

TARGET static void
between_run(float *out, const float *r0, const float *r1,
    const struct det_block_column *at, size_t n, float part, float gain)
{
	vec fy = v_set(part), g = v_set(gain);
	size_t x;
	int v;

	for (x = 0; x < n; x++, out += DET_BLOCK) {
		size_t lo = at[x].lo * DET_BLOCK, hi = at[x].hi * DET_BLOCK;
		vec fx = v_set(at[x].part);

		EACH_PART
		{
			vec a = v_load(r0 + lo + v * LANES);
			vec b = v_load(r1 + lo + v * LANES);

			a = a + fx * (v_load(r0 + hi + v * LANES) - a);
			b = b + fx * (v_load(r1 + hi + v * LANES) - b);
			v_store(out + v * LANES, g * (a + fy * (b - a)));
		}
	}
}

TARGET static void
squares_run(float *acc, const float *x, const float *mask, size_t n)
{
	size_t i;
	int v;

	for (i = 0; i < n * DET_BLOCK; i += DET_BLOCK)
		EACH_PART
		{
			vec p = v_load(mask + v * LANES) * v_load(x + i + v * LANES);

			v_store(acc + i + v * LANES,
			    v_fma(p, p, v_load(acc + i + v * LANES)));
		}
}

TARGET static void
multiply_run(float *y, const float *x, const float *each, const float *scale, size_t n)
{
	size_t i;
	int v;

	for (i = 0; i < n; i++)
		EACH_PART
		{
			size_t at = i * DET_BLOCK + (size_t)(v * LANES);

			v_store(y + at, v_load(x + at) * v_set(each[i]) *
					    v_load(scale + v * LANES));
		}
}

INLINE vec
v_sqrt(vec x)
{
#if DET_SIMD == 512
	return _mm512_sqrt_ps(x);
#elif DET_SIMD == 256
	return _mm256_sqrt_ps(x);
#elif defined(__aarch64__)
	return vsqrtq_f32(x);
#else
	for (int i = 0; i < LANES; i++)
		x[i] = __builtin_sqrtf(x[i]);
	return x;
#endif
}

TARGET static void
roots_run(float *y, const float *x, const float *sum, size_t n, float gain, float from)
{
	vec g = v_set(gain), f = v_set(from), s, t;
	size_t i;

	for (i = 0; i + LANES <= n; i += LANES) {
		s = v_sqrt(f + g * v_load(sum + i));
		t = v_load(x + i);
		v_store(y + i, t / (s * v_sqrt(s)));
	}
	if (i < n) {
		s = v_sqrt(f + g * v_load_n(sum + i, n - i));
		t = v_load_n(x + i, n - i);
		v_store_n(y + i, t / (s * v_sqrt(s)), n - i);
	}
}

/* In floats for some pixels at a time, then in double. */
TARGET static void
moments_run(double *sum, double *square, const float *x, const float *from, size_t n)
{
	enum { SOME = 32 };
	float t[DET_BLOCK];
	size_t p, i, k;
	int v;

	for (p = 0; p < n; p += SOME) {
		size_t m = n - p < SOME ? n - p : SOME;
		vec s[PARTS], q[PARTS];

		EACH_PART s[v] = q[v] = v_zero();
		for (i = p; i < p + m; i++)
			EACH_PART
			{
				vec d = v_load(x + i * DET_BLOCK + v * LANES) -
					v_load(from + v * LANES);

				s[v] = s[v] + d;
				q[v] = v_fma(d, d, q[v]);
			}
		EACH_PART v_store(t + v * LANES, s[v]);
		for (k = 0; k < DET_BLOCK; k++)
			sum[k] += (double)t[k];
		EACH_PART v_store(t + v * LANES, q[v]);
		for (k = 0; k < DET_BLOCK; k++)
			square[k] += (double)t[k];
	}
}

#endif
