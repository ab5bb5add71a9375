/* SPDX-License-Identifier: MIT
 *
 * Winograd's transforms on blocked maps, one table of functions for each instruction set:
 * wino_simd.h has the formulas, wino.c what is done with them. Private to lib/nn.
 */
#ifndef DET_WINO_H
#define DET_WINO_H

#include <stddef.h>

#include "nn/conv.h"
#include "nn/gemm.h"

enum {
	DET_WINO_TAPS = 9 * DET_BLOCK
}; /* floats of an input channel's sixteen filters */

/* How tiles of m x m outputs lie on an image, counted along rows. */
struct det_wino_grid {
	size_t h, w, oh, ow;
	size_t pad_top, pad_left;
	size_t across, down; /* tiles in a row, rows of tiles */
};

/* Sixteen channels of tiles first .. first+n of one image, sums to outputs. */
struct det_wino_output {
	const float *m; /* place p of tile t: m + p * place + 16 (t - first) */
	size_t place;
	const struct det_wino_grid *grid;
	size_t first, n;
	float *out;                 /* (oh,ow,16) */
	const float *residual;      /* likewise, or NULL */
	const float *scale, *shift; /* 16 each, or NULL */
	enum det_act act;
	float alpha;
};

/* The places of a tile of (m+2) x (m+2) are counted along rows. */
struct det_wino_kernels {
	/* v[p * place + 16 (t - first) + lane] of tiles first .. first+n of an image whose
	 * sixteen channels are map (h,w,16) */
	void (*input)(float *v, size_t place, const float *map,
	    const struct det_wino_grid *grid, size_t first, size_t n);
	/* u[p * place + row * d + lane] of d < n input channels by 16 output channels, taps
	 * (n,9,16) */
	void (*weight)(float *u, size_t place, size_t row, const float *taps, size_t n);
	void (*output)(const struct det_wino_output *o);
};

extern const struct det_wino_kernels det_wino_c[3];
#ifdef __x86_64__
extern const struct det_wino_kernels det_wino_avx2[3], det_wino_avx512[3];
#endif

/* Those for det_cpu_level(); m is 2, 4 or 6. */
const struct det_wino_kernels *det_wino_kernels(int m);

/* How a convolution is cut up. wino_plan.c */
struct det_wino_plan {
	struct det_wino_grid grid;
	size_t m, places;     /* outputs of a tile's side, places of a tile */
	size_t in, out;       /* blocks of channels */
	size_t image, tiles;  /* tiles of an image, and of all */
	int alone;            /* by tiles, not by channels: see wino.c */
	size_t block, blocks; /* tiles at a time */
	size_t take, parts;   /* output blocks at a time */
	size_t depth;         /* input blocks at a time */
	size_t u, v, mm;      /* floats from place to place of U, V and M */
	size_t taps;          /* floats of the weights before they are transformed */
	size_t shared, own;   /* floats of scratch: of all threads, of each */
};

/* What is summed in which order depends on the problem and m alone. */
struct det_wino_plan det_wino_plan_make(const struct det_conv *c, int m, int threads);

#endif
