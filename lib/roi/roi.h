/* SPDX-License-Identifier: MIT
 *
 * Features of regions of interest: from boxes of any size and feature maps to tensors of
 * one size, a row a box.
 */
#ifndef DET_ROI_H
#define DET_ROI_H

#include "base/tensor.h"
#include "stream/boxes.h"
#include "stream/scale.h"

enum det_roi_op {
	DET_ROI_ALIGN, /* mean of bilinear samples (He et al., Mask R-CNN, 2017) */
	DET_ROI_MAX,   /* largest cell of each bin (Girshick, Fast R-CNN, 2015) */
	DET_ROI_SPP,   /* largest cell, several grids (He et al., SPP-net, 2014) */
};

/* How a level of the pyramid cuts a response box of `a` cells into n. */
enum det_roi_spp {
	DET_ROI_SPP_DETECTION, /* floor(i a / n) .. ceil((i + 1) a / n) */
	DET_ROI_SPP_FIXED,     /* windows of ceil(a / n), floor(a / n) apart */
};

#define DET_ROI_LEVELS 8   /* of a spatial pyramid */
#define DET_ROI_BINS   256 /* a side */

struct det_roi_params {
	int op;    /* enum det_roi_op */
	long h, w; /* align, max: bins of a RoI */
	long
	    sampling; /* align: samples a side of a bin, up to 64; 0: one a cell begun */
	int aligned;  /* align: cell centres lie at half cells (Detectron2) */
	long level[DET_ROI_LEVELS]; /* spp: bins a side of each level */
	size_t levels;
	int spp; /* enum det_roi_spp */
	double offset0,
	    offset; /* spp: of a map's first cell, and how far a box shrinks,
	                           in pixels */
};

#define DET_ROI_DEFAULTS                                                            \
	{                                                                           \
		.op = DET_ROI_ALIGN, .h = 7, .w = 7, .sampling = 2,                 \
		.level = { 6, 3, 2, 1 }, .levels = 4, .spp = DET_ROI_SPP_DETECTION, \
	}

/* A feature map of one image, (C,H,W). `scale` is cells per pixel of the input. */
struct det_roi_map {
	const char *name; /* for messages */
	const float *data;
	size_t c, h, w;
	double scale;
};

/* A box in the input's pixels, and the map that it is pooled from. */
struct det_roi {
	float x1, y1, x2, y2;
	size_t map;
};

/* Takes f32 (1,C,H,W), no side 0; scale is left 0. */
enum det_err det_roi_map_set(
    struct det_roi_map *m, const char *name, const struct det_tensor *t) DET_MUST_USE;

/* The scale of each map from its size: 2^round(log2(rows / height)), of the picture in the
 * input without its padding, as torchvision infers it. */
enum det_err det_roi_scale_maps(
    struct det_roi_map *m, size_t n, double height) DET_MUST_USE;

/* Which map of a pyramid a box goes to (Lin et al., FPN, CVPR 2017, eq. 1):
 *
 *   level = floor(level0 + log2(sqrt(area) / canonical)),  map of scale 2^-level
 *
 * kept within the levels there are. Where the tiny number goes that guards exact powers of
 * two tells implementations apart. */
enum det_roi_epsilon {
	DET_ROI_EPSILON_TV, /* floor(level0 + log2(s / canonical) + 1e-6) */
	DET_ROI_EPSILON_D2, /* floor(level0 + log2(s / canonical + 1e-8)) */
};

struct det_roi_pyramid {
	double canonical; /* pixels, above 0 */
	long level0;
	int epsilon; /* enum det_roi_epsilon */
};

#define DET_ROI_PYRAMID_DEFAULTS           \
	{                                  \
		224, 4, DET_ROI_EPSILON_TV \
	}

/* Fills roi[0 .. b->n). Maps MUST be in the order of their levels, each half the scale of
 * the one before; one map takes all boxes. DET_INVALID otherwise, and where a coordinate is
 * not finite. Coordinates beyond 1e18 are taken as that. */
enum det_err det_roi_assign(struct det_roi *roi, const struct det_boxes *b,
    const struct det_roi_map *m, size_t n,
    const struct det_roi_pyramid *p) DET_MUST_USE;

/* Several scales of a picture: map k is of the input stretched by factor[k]. */
enum det_roi_scale_rule {
	DET_ROI_SCALE_AREA, /* the scaled box's area nearest `area` (Fast R-CNN) */
	DET_ROI_SCALE_SIDE, /* the scale nearest the one that makes it so (SPP-net) */
};

struct det_roi_scales {
	size_t n; /* 1 .. DET_SCALES */
	int rule; /* enum det_roi_scale_rule */
	double area;
	double factor[DET_SCALES][2]; /* of x and of y */
	double shorter; /* side of the picture in the input, without padding; of SIDE */
};

#define DET_ROI_SCALES_DEFAULTS                                  \
	{                                                        \
		.n = 1, .area = 224 * 224, .factor[0] = { 1, 1 } \
	}

enum det_err det_roi_scales_check(const struct det_roi_scales *s) DET_MUST_USE;

/* The scale for a box of w x h pixels of the input. */
size_t det_roi_scale_of(const struct det_roi_scales *s, double w, double h);

/* Fills roi[0 .. b->n): each box stretched to its scale, and on the map of it. */
enum det_err det_roi_assign_scales(struct det_roi *roi, const struct det_boxes *b,
    const struct det_roi_scales *s) DET_MUST_USE;

/* Checks the parameters; *bins is the number of outputs of a channel: h * w, or the sum of
 * the squares of the levels. */
enum det_err det_roi_bins(size_t *bins, const struct det_roi_params *p) DET_MUST_USE;

/* Pools roi[0 .. n) from m[roi.map], all of the same C. out is (n, C, h, w); of spp, each row
 * is its levels one after another, each (C, level, level). Bins without a cell are 0.
 *
 * DET_INVALID where a RoI is not finite, and where NaN or infinity lies in what a RoI
 * covers, naming the RoI. The result does not depend on the number of threads. */
enum det_err det_roi_pool(float *out, const struct det_roi_map *m, size_t maps,
    const struct det_roi *roi, size_t n, const struct det_roi_params *p,
    int threads) DET_MUST_USE;

/* The way back: adds to grad[map], of each map's shape, the gradients of det_roi_pool's
 * inputs given those of its outputs. All else is as it was in that call; equal calls give equal
 * bits, on any number of threads. Gradients are not looked at: NaN goes where it is sent. */
enum det_err det_roi_pool_back(float *const *grad, const float *out_grad,
    const struct det_roi_map *m, size_t maps, const struct det_roi *roi, size_t n,
    const struct det_roi_params *p, int threads) DET_MUST_USE;

#endif
