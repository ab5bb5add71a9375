/* SPDX-License-Identifier: MIT
 *
 * The loops of scan.h; a source file defines DET_SIMD (512, 256 or 0) and includes this.
 * Private to lib/box.
 *
 * Arithmetic is the same for each instruction set, operation by operation (nothing is
 * fused), so that results are the same bits everywhere. A softmax column is summed in the
 * order of its channels.
 */
#ifndef DET_SCAN_SIMD_H
#define DET_SCAN_SIMD_H

#include "base/finite.h"
#include "base/plain_simd.h"
#include "base/exp_simd.h"
#include "box/scan.h"

/* Bit i: lane i is true (all ones). */
INLINE unsigned
v_bits(veci m)
{
#if DET_SIMD == 512
	return _mm512_movepi32_mask((__m512i)m);
#elif DET_SIMD == 256
	return (unsigned)_mm256_movemask_ps((__m256)m);
#elif defined __x86_64__
	return (unsigned)_mm_movemask_ps((__m128)m);
#else
	unsigned bits = 0;

	for (int i = 0; i < LANES; i++)
		bits |= (unsigned)(m[i] & 1) << i;
	return bits;
#endif
}

INLINE veci
v_odd_bits(vec x)
{
	return ((veci)x & 0x7f800000) == 0x7f800000;
}

INLINE size_t
note(uint32_t *at, size_t found, unsigned bits, size_t i)
{
	for (; bits; bits &= bits - 1)
		at[found++] = (uint32_t)(i + (size_t)__builtin_ctz(bits));
	return found;
}

/* `step` 1: a floor for each place; 0: one for all. */
INLINE size_t
scan(uint32_t *at, const float *x, const float *floor, size_t step, size_t n, int *odd)
{
	veci any = { 0 };
	size_t i, found = 0;
	vec v, f = v_set(floor[0]);

	for (i = 0; i + LANES <= n; i += LANES) {
		v = v_load(x + i);
		if (step)
			f = v_load(floor + i);
		any |= v_odd_bits(v);
		found = note(at, found, v_bits(v >= f), i);
	}
	*odd |= v_bits(any) != 0;
	for (; i < n; i++) {
		*odd |= (int)det_float_odd(x[i]);
		if (x[i] >= floor[i * step])
			at[found++] = (uint32_t)i;
	}
	return found;
}

TARGET static size_t
scan_above(uint32_t *at, const float *x, size_t n, float floor, int *odd)
{
	return scan(at, x, &floor, 0, n, odd);
}

TARGET static size_t
scan_above_each(uint32_t *at, const float *x, const float *floor, size_t n, int *odd)
{
	return n ? scan(at, x, floor, 1, n, odd) : 0;
}

/* One vector of columns; `few` of them are there where not all are. */
INLINE void
softmax_columns(
    float *most, float *sum, const float *x, size_t few, size_t channels, size_t stride)
{
	float pad[LANES] = { 0 };
	vec m = v_zero(), s = m, v;

	for (int pass = 0; pass < 2; pass++)
		for (size_t c = 0; c < channels; c++) {
			if (few < LANES) {
				memcpy(pad, x + c * stride, few * sizeof *pad);
				v = v_load(pad);
			} else {
				v = v_load(x + c * stride);
			}
			if (pass)
				s += v_exp(v - m);
			else
				m = c ? v_max(v, m) : v;
		}
	v_store(pad, m);
	memcpy(most, pad, few * sizeof *pad);
	v_store(pad, s);
	memcpy(sum, pad, few * sizeof *pad);
}

TARGET static void
scan_softmax(
    float *most, float *sum, const float *x, size_t n, size_t channels, size_t stride)
{
	size_t i;

	for (i = 0; i + LANES <= n; i += LANES)
		softmax_columns(most + i, sum + i, x + i, LANES, channels, stride);
	if (i < n)
		softmax_columns(most + i, sum + i, x + i, n - i, channels, stride);
}

#define DET_SCAN                                           \
	{                                                  \
		scan_above, scan_above_each, scan_softmax, \
	}

#endif
