/* SPDX-License-Identifier: MIT
 *
 * Vectors whose results are the same bits with each instruction set, operation by operation:
 * nothing is fused. A source defines DET_SIMD (512, 256 or 0) and includes this, once.
 * Private to the library.
 */
#ifndef DET_PLAIN_SIMD_H
#define DET_PLAIN_SIMD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* gcc doesn't know this, and doesn't need it: -std=c11 */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

#if DET_SIMD == 512
#define TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")))
enum { LANES = 16 };
#elif DET_SIMD == 256
#define TARGET __attribute__((target("avx2,fma")))
enum { LANES = 8 };
#else
#define TARGET
enum { LANES = 4 };
#endif
#if defined __x86_64__
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline)) TARGET

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef int32_t veci __attribute__((vector_size(4 * LANES)));

INLINE vec
v_zero(void)
{
	return (vec){ 0 };
}

INLINE vec
v_set(float x)
{
	return x - v_zero();
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
v_fma(vec a, vec b, vec c)
{
	return a * b + c;
}

INLINE vec
v_choose(veci yes, vec a, vec b)
{
	return (vec)((yes & (veci)a) | (~yes & (veci)b));
}

INLINE vec
v_max(vec a, vec b)
{
	return v_choose(a > b, a, b);
}

INLINE vec
v_if_neg(vec x, vec a, vec b)
{
	return v_choose(x < v_zero(), a, b);
}

#endif
