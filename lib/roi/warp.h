/* SPDX-License-Identifier: MIT
 *
 * Regions cut out of a picture and resized to one size, with what lies around them: the
 * input of R-CNN (Girshick et al., CVPR 2014, appendix A).
 */
#ifndef DET_WARP_H
#define DET_WARP_H

#include "stream/boxes.h"

struct det_warp_params {
	long w, h; /* of the output, 1 .. 4096 */
	/* Pixels of context on each side of the region, in the output; less than half of
	 * w and h. 0: the region alone. */
	long context;
	int square; /* the tightest square around the region, so that it keeps its shape */
};

#define DET_WARP_DEFAULTS       \
	{                       \
		227, 227, 16, 0 \
	}

/* A normalised picture: C planes of h rows of w floats, `stride` floats from row to row and
 * `plane` from plane to plane. x0, y0: where in the space of the boxes its corner lies. */
struct det_warp_picture {
	const float *data;
	size_t c, h, w, stride, plane;
	double x0, y0;
};

/* DET_INVALID where a size or the context is out of its range. */
enum det_err det_warp_check(const struct det_warp_params *p) DET_MUST_USE;

/* out is (b->n, C, p->h, p->w): row i is box i. What lies beyond the picture is 0, and so is
 * all of a box that does not meet it. DET_INVALID where a box is not finite, and where NaN or
 * infinity lies in a region, naming the box. */
enum det_err det_warp_boxes(float *out, const struct det_warp_picture *im,
    const struct det_boxes *b, const struct det_warp_params *p,
    int threads) DET_MUST_USE;

#endif
