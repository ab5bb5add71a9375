/* SPDX-License-Identifier: MIT
 *
 * Vectors of floats, the same few operations for each instruction set. A source file
 * defines DET_SIMD (512, 256 or 0) and includes this; + - * / on `vec` come with the
 * compiler.
 */
#ifndef DET_GEMM_SIMD_H
#define DET_GEMM_SIMD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if DET_SIMD == 512

#include <immintrin.h>

#define TARGET        __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")))
#define INLINE        static inline __attribute__((always_inline)) TARGET
#define DET_TILE_ROWS 8
enum { LANES = 16, ROWS = DET_TILE_ROWS, VECS = 3 };
typedef __m512 vec;
typedef int32_t veci __attribute__((vector_size(64)));

INLINE vec
v_set(float x)
{
	return _mm512_set1_ps(x);
}

INLINE vec
v_load(const float *p)
{
	return _mm512_loadu_ps(p);
}

INLINE void
v_store(float *p, vec x)
{
	_mm512_storeu_ps(p, x);
}

/* The first n lanes, 0 < n <= LANES; the others are 0, and their memory untouched. */
INLINE vec
v_load_n(const float *p, size_t n)
{
	return _mm512_maskz_loadu_ps((__mmask16)(0xffffu >> (LANES - n)), p);
}

INLINE void
v_store_n(float *p, vec x, size_t n)
{
	_mm512_mask_storeu_ps(p, (__mmask16)(0xffffu >> (LANES - n)), x);
}

INLINE vec
v_fma(vec a, vec b, vec c)
{
	return _mm512_fmadd_ps(a, b, c);
}

/* The larger, or the smaller; b where either is not a number. */
INLINE vec
v_max(vec a, vec b)
{
	return _mm512_max_ps(a, b);
}

INLINE vec
v_min(vec a, vec b)
{
	return _mm512_min_ps(a, b);
}

/* x < 0 ? a : b */
INLINE vec
v_if_neg(vec x, vec a, vec b)
{
	return _mm512_mask_blend_ps(
	    _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ), b, a);
}

/* Lanes 0, 2, 4 .. of a followed by b. */
INLINE vec
v_even(vec a, vec b)
{
	const __m512i at =
	    _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);

	return _mm512_permutex2var_ps(a, at, b);
}

/* Lanes 1, 3, 5 .. */
INLINE vec
v_odd(vec a, vec b)
{
	const __m512i at =
	    _mm512_set_epi32(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);

	return _mm512_permutex2var_ps(a, at, b);
}

/* a0 b0 a1 b1 ..: the first vector of it, and the second. */
INLINE vec
v_zip_lo(vec a, vec b)
{
	const __m512i at =
	    _mm512_set_epi32(23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);

	return _mm512_permutex2var_ps(a, at, b);
}

INLINE vec
v_zip_hi(vec a, vec b)
{
	const __m512i at = _mm512_set_epi32(
	    31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8);

	return _mm512_permutex2var_ps(a, at, b);
}

/* Lanes r, r + 3, r + 6 .. of a, b, c in a row. Of the lanes at one place in the three just
 * one is wanted: choose it, then put them in order. */
INLINE vec
v_third(vec a, vec b, vec c, int r)
{
	const __m512i order =
	    _mm512_set_epi32(13, 10, 7, 4, 1, 14, 11, 8, 5, 2, 15, 12, 9, 6, 3, 0);
	const unsigned every = 0x9249; /* bits 0, 3, 6 .. */
	__mmask16 in_b = (__mmask16)(r == 0 ? every << 2 : r == 1 ? every : every << 1);
	__mmask16 in_c = (__mmask16)(r == 0 ? every << 1 : r == 1 ? every << 2 : every);

	a = _mm512_mask_blend_ps(in_b, a, b);
	a = _mm512_mask_blend_ps(in_c, a, c);
	return _mm512_permutexvar_ps(
	    _mm512_and_si512(
		_mm512_add_epi32(order, _mm512_set1_epi32(r)), _mm512_set1_epi32(15)),
	    a);
}

#elif DET_SIMD == 256

#include <immintrin.h>

#define TARGET        __attribute__((target("avx2,fma")))
#define INLINE        static inline __attribute__((always_inline)) TARGET
#define DET_TILE_ROWS 4
enum { LANES = 8, ROWS = DET_TILE_ROWS, VECS = 3 };
typedef __m256 vec;
typedef int32_t veci __attribute__((vector_size(32)));

INLINE vec
v_set(float x)
{
	return _mm256_set1_ps(x);
}

INLINE vec
v_load(const float *p)
{
	return _mm256_loadu_ps(p);
}

INLINE void
v_store(float *p, vec x)
{
	_mm256_storeu_ps(p, x);
}

INLINE __m256i
v_mask(size_t n)
{
	return _mm256_cmpgt_epi32(
	    _mm256_set1_epi32((int)n), _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0));
}

INLINE vec
v_load_n(const float *p, size_t n)
{
	return _mm256_maskload_ps(p, v_mask(n));
}

INLINE void
v_store_n(float *p, vec x, size_t n)
{
	_mm256_maskstore_ps(p, v_mask(n), x);
}

INLINE vec
v_fma(vec a, vec b, vec c)
{
	return _mm256_fmadd_ps(a, b, c);
}

INLINE vec
v_max(vec a, vec b)
{
	return _mm256_max_ps(a, b);
}

INLINE vec
v_min(vec a, vec b)
{
	return _mm256_min_ps(a, b);
}

INLINE vec
v_if_neg(vec x, vec a, vec b)
{
	return _mm256_blendv_ps(
	    b, a, _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_LT_OQ));
}

INLINE vec
v_even(vec a, vec b)
{
	__m256 mixed = _mm256_shuffle_ps(a, b, 0x88); /* a0 a2 b0 b2 a4 a6 b4 b6 */

	return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(mixed), 0xd8));
}

INLINE vec
v_odd(vec a, vec b)
{
	__m256 mixed = _mm256_shuffle_ps(a, b, 0xdd);

	return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(mixed), 0xd8));
}

INLINE vec
v_zip_lo(vec a, vec b)
{
	return _mm256_permute2f128_ps(
	    _mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x20);
}

INLINE vec
v_zip_hi(vec a, vec b)
{
	return _mm256_permute2f128_ps(
	    _mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x31);
}

INLINE vec
v_third(vec a, vec b, vec c, int r)
{
	const __m256i order = _mm256_set_epi32(5, 2, 7, 4, 1, 6, 3, 0);
	vec x = r == 0   ? _mm256_blend_ps(_mm256_blend_ps(a, b, 0x92), c, 0x24)
		: r == 1 ? _mm256_blend_ps(_mm256_blend_ps(a, b, 0x24), c, 0x49)
			 : _mm256_blend_ps(_mm256_blend_ps(a, b, 0x49), c, 0x92);

	return _mm256_permutevar8x32_ps(
	    x, _mm256_and_si256(_mm256_add_epi32(order, _mm256_set1_epi32(r)),
		   _mm256_set1_epi32(7)));
}

#else

#ifdef __aarch64__
#include <arm_neon.h>
#define DET_TILE_ROWS 8
typedef float32x4_t vec;
#else
#define DET_TILE_ROWS 4
typedef float vec __attribute__((vector_size(16)));
#endif
enum { LANES = 4, ROWS = DET_TILE_ROWS, VECS = 3 };
#define TARGET
#define INLINE static inline __attribute__((always_inline))
typedef int32_t veci __attribute__((vector_size(16)));

INLINE vec
v_set(float x)
{
	return (vec){ x, x, x, x };
}

INLINE vec
v_load(const float *p)
{
	vec x;

	memcpy(&x, p, sizeof x);
	return x;
}

INLINE void
v_store(float *p, vec x)
{
	memcpy(p, &x, sizeof x);
}

INLINE vec
v_load_n(const float *p, size_t n)
{
	vec x = v_set(0);

	memcpy(&x, p, n * sizeof *p);
	return x;
}

INLINE void
v_store_n(float *p, vec x, size_t n)
{
	memcpy(p, &x, n * sizeof *p);
}

INLINE vec
v_fma(vec a, vec b, vec c)
{
#ifdef __aarch64__
	return vfmaq_f32(c, a, b);
#else
	return a * b + c;
#endif
}

INLINE vec
v_choose(veci mask, vec a, vec b)
{
	return (vec)((mask & (veci)a) | (~mask & (veci)b));
}

INLINE vec
v_max(vec a, vec b)
{
	return v_choose((veci)(a > b), a, b);
}

INLINE vec
v_min(vec a, vec b)
{
	return v_choose((veci)(a < b), a, b);
}

INLINE vec
v_if_neg(vec x, vec a, vec b)
{
	return v_choose((veci)(x < v_set(0)), a, b);
}

INLINE vec
v_even(vec a, vec b)
{
	return (vec){ a[0], a[2], b[0], b[2] };
}

INLINE vec
v_odd(vec a, vec b)
{
	return (vec){ a[1], a[3], b[1], b[3] };
}

INLINE vec
v_zip_lo(vec a, vec b)
{
	return (vec){ a[0], b[0], a[1], b[1] };
}

INLINE vec
v_zip_hi(vec a, vec b)
{
	return (vec){ a[2], b[2], a[3], b[3] };
}

INLINE vec
v_third(vec a, vec b, vec c, int r)
{
	return r == 0   ? (vec){ a[0], a[3], b[2], c[1] }
	       : r == 1 ? (vec){ a[1], b[0], b[3], c[2] }
			: (vec){ a[2], b[1], c[0], c[3] };
}

#endif

INLINE vec
v_zero(void)
{
	return v_set(0);
}

/* The sum of the lanes, in pairs of halves: the same order whatever the compiler. */
INLINE float
v_sum(vec x)
{
	float t[LANES];
	size_t i, n;

	v_store(t, x);
	for (n = LANES / 2; n > 0; n /= 2)
		for (i = 0; i < n; i++)
			t[i] += t[i + n];
	return t[0];
}

#endif
