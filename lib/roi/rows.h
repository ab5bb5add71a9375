/* SPDX-License-Identifier: MIT
 *
 * From the box list of an item to a tensor with a row a box: pooled from feature maps, cut out
 * of the picture, or histograms of its gradients. What det-roipool does with an item.
 */
#ifndef DET_ROWS_H
#define DET_ROWS_H

#include "base/text.h"
#include "image/norm.h"
#include "roi/hog.h"
#include "roi/roi.h"
#include "roi/warp.h"
#include "stream/item.h"

/* An `op` besides those of enum det_roi_op: made from the picture itself. */
enum { DET_ROWS_WARP = DET_ROI_SPP + 1, DET_ROWS_HOG };

#define DET_ROWS_MAPS 16 /* at most */

struct det_rows_params {
	int op;
	struct det_roi_params roi;
	struct det_roi_pyramid pyramid;
	struct det_roi_scales
	    scales; /* factor: of this item's; shorter is not looked at */
	double stride[DET_ROWS_MAPS]; /* of each map */
	size_t strides;               /* 0: they follow from the maps' sizes */
	struct det_warp_params warp;
	struct det_hog_params hog;
	int original; /* warp, hog: from the original picture, not the input */
	struct det_norm
	    norm; /* of the picture: original's to be made by, hog's undone */
};

#define DET_ROWS_DEFAULTS                                                     \
	{                                                                     \
		.roi = DET_ROI_DEFAULTS, .pyramid = DET_ROI_PYRAMID_DEFAULTS, \
		.scales = DET_ROI_SCALES_DEFAULTS, .warp = DET_WARP_DEFAULTS, \
		.hog = DET_HOG_DEFAULTS, .norm = DET_NORM_DEFAULTS,           \
	}

/* What the rows are made from; of several scales the one map at each. */
struct det_rows_in {
	const struct det_item *item;
	/* n maps, or of warp and hog the tensor "image"; under `original` the picture's encoded
	 * bytes, or n = 0: the item's path is read */
	const char *const *name;
	const struct det_tensor *tensor;
	size_t n;
};

/* Memory that is used again from item to item; start from {0}. */
struct det_rows {
	struct det_tensor t; /* f32 (boxes, C, h, w); of spp and hog (boxes, D, 1, 1) */
	float *row;
	struct det_roi *roi;
	size_t row_cap, roi_cap;
};

/* Words of `op`, roi.spp, pyramid.epsilon, `original` and scales.rule; NULL ends each. */
extern const char *const det_rows_ops[],
    *const det_rows_forms[], *const det_rows_guards[], *const det_rows_pictures[],
							   *const det_rows_rules[];

/* Whether rows are made from the picture, not from feature maps. */
int det_rows_cuts(const struct det_rows_params *p);

enum det_err det_rows_check(const struct det_rows_params *p) DET_MUST_USE;

/* Adds what matters to rows from n maps of those names (of several scales one name), in det-roipool's options, "op=max
 * size=7x7 maps=p5": for the attribute "made" of the rows. */
enum det_err det_rows_text(struct det_buf *out, const struct det_rows_params *p,
    const char *const *map, size_t n) DET_MUST_USE;

/* Sets r->t. The list's boxes are converted to the space that is needed; no box makes no
 * row, which is no error. */
enum det_err det_rows_make(struct det_rows *r, struct det_boxes *b,
    const struct det_rows_in *in, const struct det_rows_params *p,
    int threads) DET_MUST_USE;
void det_rows_release(struct det_rows *r);

#endif
