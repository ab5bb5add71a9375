/* SPDX-License-Identifier: MIT
 *
 * Squares of LANES x LANES floats turned about their diagonal, in registers: zipping rows
 * i and i + LANES/2 into rows 2i and 2i + 1 rotates the bits of the index (row, lane) by
 * one place, so log2(LANES) rounds of it swap row and lane.
 */
#ifndef DET_BLOCK_TURN_SIMD_H
#define DET_BLOCK_TURN_SIMD_H

#include "nn/block.h"

#define UNROLL16 _Pragma("GCC unroll 16")

INLINE void
turn_round(vec *out, const vec *in)
{
	int i;

	UNROLL16
	for (i = 0; i < LANES / 2; i++) {
		out[2 * i] = v_zip_lo(in[i], in[i + LANES / 2]);
		out[2 * i + 1] = v_zip_hi(in[i], in[i + LANES / 2]);
	}
}

INLINE void
turn_square(vec *x)
{
	vec t[LANES];

	turn_round(t, x);
	turn_round(x, t);
#if DET_SIMD == 512
	turn_round(t, x);
	turn_round(x, t);
#elif DET_SIMD == 256
	turn_round(t, x);
	UNROLL16
	for (int i = 0; i < LANES; i++)
		x[i] = t[i];
#endif
}

/* One square: LANES channels by n pixels. Inlined with constant whole: all of both. */
INLINE void
turn_in_square(float *out, size_t row, const float *in, size_t plane, size_t c,
    size_t n, int whole)
{
	vec x[LANES];
	size_t i;

	UNROLL16
	for (i = 0; i < LANES; i++) {
		if (whole)
			x[i] = v_load(in + i * plane);
		else
			x[i] = i < c ? v_load_n(in + i * plane, n) : v_zero();
	}
	turn_square(x);
	UNROLL16
	for (i = 0; i < LANES; i++)
		if (whole || i < n)
			v_store(out + i * row, x[i]);
}

TARGET static void
turn_in(float *out, const float *in, size_t plane, size_t c, size_t n)
{
	size_t p, k;

	for (p = 0; p < n; p += LANES)
		for (k = 0; k < DET_BLOCK; k += LANES) {
			float *o = out + p * DET_BLOCK + k;
			const float *i = in + k * plane + p;

			if (n - p >= LANES && c >= k + LANES)
				turn_in_square(o, DET_BLOCK, i, plane, LANES, LANES, 1);
			else
				turn_in_square(o, DET_BLOCK, i, plane,
				    c > k ? c - k : 0, n - p < LANES ? n - p : LANES,
				    0);
		}
}

/* Rows of the next squares are asked for, as many as are turned: they come from memory, in
 * runs too short for the processor to see where they lead. */
TARGET static void
turn_rows(float *out, size_t row, const float *in, size_t plane, size_t c, size_t n,
    size_t after)
{
	size_t p, k, i;

	for (k = 0; k < c; k += LANES) {
		size_t high = c - k < LANES ? c - k : LANES;
		size_t next = c + after - k - high, ahead = next < LANES ? next : LANES;

		for (p = 0; p < n; p += LANES) {
			float *o = out + p * row + k;
			const float *from = in + k * plane + p;

			for (i = 0; p * sizeof *in % 64 == 0 && i < ahead; i++)
				__builtin_prefetch(from + (high + i) * plane, 0, 2);
			if (n - p >= LANES && high == LANES)
				turn_in_square(o, row, from, plane, LANES, LANES, 1);
			else
				turn_in_square(o, row, from, plane, high,
				    n - p < LANES ? n - p : LANES, 0);
		}
	}
}

INLINE void
turn_out_square(
    float *out, size_t plane, const float *in, size_t c, size_t n, int whole)
{
	vec x[LANES];
	size_t i;

	UNROLL16
	for (i = 0; i < LANES; i++)
		x[i] = whole || i < n ? v_load(in + i * DET_BLOCK) : v_zero();
	turn_square(x);
	UNROLL16
	for (i = 0; i < LANES; i++) {
		if (whole)
			v_store(out + i * plane, x[i]);
		else if (i < c)
			v_store_n(out + i * plane, x[i], n);
	}
}

TARGET static void
turn_out(float *out, size_t plane, const float *in, size_t c, size_t n)
{
	size_t p, k;

	for (p = 0; p < n; p += LANES)
		for (k = 0; k < c; k += LANES) {
			float *o = out + k * plane + p;
			const float *i = in + p * DET_BLOCK + k;

			if (n - p >= LANES && c >= k + LANES)
				turn_out_square(o, plane, i, LANES, LANES, 1);
			else
				turn_out_square(o, plane, i, c - k,
				    n - p < LANES ? n - p : LANES, 0);
		}
}

#endif
