/* SPDX-License-Identifier: MIT
 *
 * The matrix product under every blocked convolution (nn/layout.h), and how its weights are
 * packed. Private to lib/nn.
 *
 * C (rows, K) = A (rows, D) . B (D, K): rows are pixels or Winograd's tiles, D the channels
 * that are summed (for a direct convolution taps x channels, the tap first), K the output
 * channels. A and C are blocked: 16 neighbouring channels of a row are one vector. D and K
 * are counted in blocks of 16, with the lanes of no channel.
 *
 * B is packed in panels of `wide` blocks of K, the last panel of as many as are left:
 * a panel has D rows of 16 * (its blocks) floats, one after another, panel after panel.
 */
#ifndef DET_PRODUCT_H
#define DET_PRODUCT_H

#include <stddef.h>

#include "nn/gemm.h"
#include "nn/layout.h"

/* Where element (d, k) of B lies, in floats, d < 16 * depth, k < 16 * blocks. */
static inline size_t
det_panel_at(size_t wide, size_t depth, size_t blocks, size_t d, size_t k)
{
	size_t panel = k / (DET_BLOCK * wide), first = panel * wide;
	size_t width = (blocks - first < wide ? blocks - first : wide) * DET_BLOCK;

	return first * DET_BLOCK * depth * DET_BLOCK + d * width +
	       (k - first * DET_BLOCK);
}

/* A part of such a product: `rows` rows, blocks from .. from+take of D, all of K. */
struct det_product {
	const float *a; /* block from, row 0; row r is 16 floats at a + 16 r */
	size_t a_block; /* floats from one block of D to the next */
	const float *b; /* packed, its beginning */
	size_t depth;   /* blocks of D that B was packed with */
	size_t from, take;
	float *c; /* row r of block k of K: c + k * c_block + 16 r */
	size_t c_block;
	size_t blocks; /* of K */
	size_t rows;   /* any number */
	int first;     /* C is written; else added to */
	/* After the last part of D; pointers at block 0 and row 0 of C, residual laid out
	 * as C is, scale and shift one float a channel. NULL: nothing more is done. */
	const struct det_epilogue *end;
};

/* One panel of such a product whose rows need not lie side by side: the depth is taps (or
 * one) of some blocks, or of floats side by side, and rows are told by a pointer for each
 * tap, or by distances. */
struct det_panel {
	/* Where tap t of row r begins: at[t * at_tap + r]; or, at being NULL, at
	 * a + t * a_tap + r * a_row. */
	const float *const *at;
	size_t at_tap;
	const float *a;
	size_t a_tap, a_row;
	const float *outside; /* 16 zeros: what `at` holds for rows outside the image */
	size_t taps;
	/* Blocks of a tap, the first of them, and the floats from one to the next; or,
	 * blocks being 0, the floats of a tap. */
	size_t blocks, from, a_block;
	size_t steps;
	const float *b;     /* the panel, where this part of the depth begins */
	size_t wide;        /* its blocks of K */
	const float *ahead; /* to be fetched meanwhile, or NULL */
	size_t ahead_lines; /* of 16 floats */
	int far;            /* C is probably not in the caches */
	size_t rows;
	const float
	    *sum; /* of the parts of the depth before, laid out as C; NULL: none */
	size_t sum_block;
	float *c;
	size_t c_block;
	const struct det_epilogue
	    *end; /* at the panel's first channel, C's first row */
};

#endif
