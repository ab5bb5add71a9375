/* SPDX-License-Identifier: MIT
 *
 * What the files of HOG share. Private to lib/roi.
 */
#ifndef DET_HOG_IMPL_H
#define DET_HOG_IMPL_H

#include "roi/hog.h"

/* A stretch of the picture resampled to whole cells: pixel (u, v) of it has its centre at
 * x + (u + 1/2) step_x, y + (v + 1/2) step_y of the picture. */
struct det_hog_view {
	double x, y, step_x, step_y;
	size_t cells_w, cells_h;
};

/* The picture, and what its numbers are multiplied by to be of bytes. */
struct det_hog_source {
	const struct det_warp_picture *im;
	float gain[3];
	size_t cell;
};

/* Pixels of the picture that a pixel of a view is made of. */
struct det_hog_tap {
	uint32_t first, n;
};

/* Parts of a block of scratch memory; counts in floats, each rounded up to 16. */
struct det_hog_scratch {
	struct det_hog_tap *tap; /* of each column of the view, and of one row */
	float *weight;           /* of them, `most` a column */
	float *mixed;            /* a row of the picture's width */
	float *ring;             /* three resampled rows of each channel */
	float *gx, *gy, *square; /* of a row */
	float *cast;             /* a row's votes in each block column */
	float *open;             /* votes of the two block rows being filled */
	float *block;            /* finished blocks */
	size_t most_x, most_y;   /* taps of a column, of a row, at most */
	size_t span;             /* floats from one row of the ring to the next */
};

/* Cuts `base`, of *floats floats, into the parts that view v needs; with base NULL only
 * counts them. */
enum det_err det_hog_scratch_set(struct det_hog_scratch *s, size_t *floats, float *base,
    const struct det_hog_source *src, const struct det_hog_view *v) DET_MUST_USE;

/* Fills s->block: (cells_h - 1, cells_w - 1, 36). */
struct det_hog_kernel {
	const char *name;
	void (*blocks)(const struct det_hog_scratch *s,
	    const struct det_hog_source *src, const struct det_hog_view *v);
};

/* The one to use; or by number, for tests: NULL past the last and where the processor lacks
 * what it needs. All give the same bits. */
const struct det_hog_kernel *det_hog_kernel_best(void);
const struct det_hog_kernel *det_hog_kernel_number(size_t i, int *more);

/* det_hog_boxes by a given kernel; `alone`: no box shares a view with another. */
enum det_err det_hog_boxes_by(float *out, const struct det_hog_kernel *k, int alone,
    const struct det_warp_picture *im, const struct det_norm *norm,
    const struct det_boxes *b, const struct det_hog_params *p,
    int threads) DET_MUST_USE;

#endif
