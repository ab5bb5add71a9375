/* SPDX-License-Identifier: MIT
 *
 * The two ways in which a map lies in memory inside the engine; what goes in and comes out
 * of one is always plain.
 *
 *   plain    (N, C, H, W)                     as everywhere else in the toolkit
 *   blocked  (N, ceil(C/16), H, W, 16)        sixteen channels of a pixel side by side
 *
 * A blocked pixel is one cache line and one vector of 16 (two of 8, four of 4): convolutions
 * take pixels as they lie, in any stride and on maps of any width, with neither packing nor
 * shuffles. The block is 16 on every processor, so that plans and tests are the same on all.
 *
 * Where C is no multiple of 16 the last block has lanes of no channel. Whoever writes a
 * blocked map writes them too, with any finite number (det_layout_block writes 0); whoever
 * reads it must not let them into a result: packed weights are 0 there.
 */
#ifndef DET_LAYOUT_H
#define DET_LAYOUT_H

#include <stddef.h>

enum { DET_BLOCK = 16 };

enum det_layout { DET_PLAIN, DET_BLOCKED };

/* Blocks that hold c channels. */
static inline size_t
det_blocks(size_t c)
{
	return (c + DET_BLOCK - 1) / DET_BLOCK;
}

/* Channels with the lanes of no channel. */
static inline size_t
det_blocked_channels(size_t c)
{
	return det_blocks(c) * DET_BLOCK;
}

/* Floats of a map (N,C,H,W) in a layout. The products were checked when its shape was. */
static inline size_t
det_layout_floats(enum det_layout layout, const size_t d[4])
{
	return d[0] * (layout == DET_BLOCKED ? det_blocked_channels(d[1]) : d[1]) *
	       d[2] * d[3];
}

/* From one layout to the other, n maps of c channels of hw pixels; out and in apart. */
void det_layout_block(
    float *out, const float *in, size_t n, size_t c, size_t hw, int threads);
void det_layout_plain(
    float *out, const float *in, size_t n, size_t c, size_t hw, int threads);

#endif
