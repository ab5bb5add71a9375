/* SPDX-License-Identifier: MIT
 *
 * Dot products of rows with few inputs: a step loads a vector of each of some rows and of
 * some inputs and multiplies each with each. Sums stay vectors, between calls in memory, so
 * that a caller may take the rows piece by piece, as the first cache holds pieces of the
 * inputs, without a change to any result: a lane adds up its products from the left.
 */
#ifndef DET_BLOCK_DOTS_SIMD_H
#define DET_BLOCK_DOTS_SIMD_H

#include "nn/block.h"

#if DET_SIMD == 512 || defined(__aarch64__)
enum { DOTS_INPUTS = 6 };
#else
enum { DOTS_INPUTS = 3 };
#endif

/* How far weights are asked for ahead where there is time enough between two lines of them
 * for the processor to lose their track at the end of each page. */
enum { DOTS_AHEAD = 512 };

/* rows x inputs sums at acc. */
INLINE void
dots_tile(float *acc, const struct det_block_dots *d, const float *in,
    const float *weight, int rows, int inputs)
{
	vec s[4][DOTS_INPUTS];
	size_t i, input = d->rows * DET_BLOCK;
	int r, j;

	UNROLL16
	for (r = 0; r < rows; r++)
		UNROLL16
	for (j = 0; j < inputs; j++)
		s[r][j] = v_load(acc + (size_t)j * input + r * DET_BLOCK);
	for (i = 0; i + LANES <= d->n; i += LANES) {
		vec x[DOTS_INPUTS];

		UNROLL16
		for (j = 0; j < inputs; j++)
			x[j] = v_load(in + (size_t)j * d->in_row + i);
		UNROLL16
		for (r = 0; r < rows; r++) {
			const float *at = weight + (size_t)r * d->weight_row + i;
			vec w = v_load(at);

			if (inputs > 2)
				__builtin_prefetch(at + DOTS_AHEAD);
			UNROLL16
			for (j = 0; j < inputs; j++)
				s[r][j] = v_fma(w, x[j], s[r][j]);
		}
	}
	UNROLL16
	for (r = 0; r < rows; r++)
		UNROLL16
	for (j = 0; j < inputs; j++) {
		if (i < d->n)
			s[r][j] = v_fma(
			    v_load_n(weight + (size_t)r * d->weight_row + i, d->n - i),
			    v_load_n(in + (size_t)j * d->in_row + i, d->n - i),
			    s[r][j]);
		v_store(acc + (size_t)j * input + r * DET_BLOCK, s[r][j]);
	}
}

/* All rows with `inputs` of the inputs, from number `first` on. */
INLINE void
dots_rows(const struct det_block_dots *d, size_t first, int inputs)
{
	const float *in = d->in + first * d->in_row, *w = d->weight;
	float *acc = d->acc + first * d->rows * DET_BLOCK;
	size_t r = 0;

	for (; r + 4 <= d->rows; r += 4, w += 4 * d->weight_row, acc += 4 * DET_BLOCK)
		dots_tile(acc, d, in, w, 4, inputs);
	for (; r < d->rows; r++, w += d->weight_row, acc += DET_BLOCK)
		dots_tile(acc, d, in, w, 1, inputs);
}

/* Inputs in groups of nearly the same size. */
TARGET static void
dots_add(const struct det_block_dots *d)
{
	size_t parts = (d->inputs + DOTS_INPUTS - 1) / DOTS_INPUTS, i, j = 0, to;

	for (i = 1; i <= parts; i++, j = to) {
		to = d->inputs * i / parts;
		switch (to - j) {
		case 1: dots_rows(d, j, 1); break;
		case 2: dots_rows(d, j, 2); break;
		case 3: dots_rows(d, j, 3); break;
#if DET_SIMD == 512 || defined(__aarch64__)
		case 4: dots_rows(d, j, 4); break;
		case 5: dots_rows(d, j, 5); break;
		case 6: dots_rows(d, j, 6); break;
#endif
		}
	}
}

/* Sums of lanes, in pairs of halves: zipping two vectors' halves and adding leaves one with
 * the sums of both, taking turns; so many vectors become one with a lane for each, in
 * order. */
TARGET static void
dots_fold(float *sum, const float *acc, size_t n)
{
	size_t i, k, half;

	for (i = 0; i + LANES <= n; i += LANES) {
		vec x[LANES];

		UNROLL16
		for (k = 0; k < LANES; k++)
			x[k] = v_load(acc + (i + k) * DET_BLOCK);
		UNROLL16
		for (half = LANES / 2; half > 0; half /= 2)
			UNROLL16
		for (k = 0; k < half; k++)
			x[k] =
			    v_zip_lo(x[k], x[k + half]) + v_zip_hi(x[k], x[k + half]);
		v_store(sum + i, x[0]);
	}
	for (; i < n; i++)
		sum[i] = v_sum(v_load(acc + i * DET_BLOCK));
}

#endif
