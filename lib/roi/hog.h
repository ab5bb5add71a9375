/* SPDX-License-Identifier: MIT
 *
 * Histograms of oriented gradients of regions of a picture, each resampled to one size (Dalal
 * and Triggs, CVPR 2005): features without a network.
 */
#ifndef DET_HOG_H
#define DET_HOG_H

#include "image/norm.h"
#include "roi/warp.h"
#include "stream/boxes.h"

enum {
	DET_HOG_BINS = 9,                /* orientations, over half a turn */
	DET_HOG_BLOCK = 4 * DET_HOG_BINS /* numbers of a block, 2x2 cells */
};

/* Of all rows of a picture, and what it takes to make them. */
#define DET_HOG_BYTES ((size_t)1 << 33)

struct det_hog_params {
	long w, h;    /* of the window in pixels: whole cells, at least 2 each way */
	long cell;    /* pixels a side of a cell: even, 2 .. 64 */
	long context; /* pixels of the window on each side that are around the box */
};

#define DET_HOG_DEFAULTS     \
	{                    \
		64, 64, 8, 0 \
	}

/* Checks p; *size is the length of a row: 36 of each of (w/cell - 1) (h/cell - 1) blocks. */
enum det_err det_hog_size(size_t *size, const struct det_hog_params *p) DET_MUST_USE;

/* DET_LIMIT where n rows, with what it takes to make them, are more than DET_HOG_BYTES. */
enum det_err det_hog_fits(const struct det_hog_params *p, size_t n) DET_MUST_USE;

/* out is (b->n, size): row i is box i, its blocks in rows, of each its cells in rows, of each
 * 9 bins. The picture has 1 to 3 channels; `norm` says how its numbers were made of bytes, of
 * which the gradients are. A box that does not meet the picture, or that is less than 2^-10
 * pixels wide or high, makes a row of 0. DET_INVALID where a box is not finite, and where the
 * picture holds NaN, infinity or what no byte could have become. Doesn't depend on the
 * number of threads. DET_LIMIT as det_hog_fits has it; besides that
 * a thread takes 64 MiB at most, or what one window needs. */
enum det_err det_hog_boxes(float *out, const struct det_warp_picture *im,
    const struct det_norm *norm, const struct det_boxes *b,
    const struct det_hog_params *p, int threads) DET_MUST_USE;

#endif
