/* SPDX-License-Identifier: MIT
 *
 * Box deltas: how a network says where a box lies relative to an anchor, a prior or a
 * proposal (R-CNN, Girshick et al. 2014, appendix C).
 *
 *   dx = wx (gx - ax) / aw     dw = ww log(gw / aw)       (gx, gy: centre; gw, gh: size)
 *   dy = wy (gy - ay) / ah     dh = wh log(gh / ah)
 *
 * Weights multiply in encoding and divide in decoding; SSD's variances .1 .1 .2 .2 are
 * weights 10 10 5 5. All arithmetic is in float, in torchvision's order.
 */
#ifndef DET_CODER_H
#define DET_CODER_H

#include "base/err.h"

enum det_coder_form {
	DET_CODER_CENTER, /* the above */
	DET_CODER_CORNER, /* keras-retinanet: (g - a) / side of the anchor, per corner */
};

struct det_coder {
	float weight[4]; /* wx wy ww wh, above 0 */
	float clamp; /* dw, dh are at most this (after the division); INFINITY: none */
	int plus_one; /* py-faster-rcnn: sizes of anchors are x2 - x1 + 1 in decoding (and
	                  * of both in encoding); the decoded x2 is cx + w/2, no -1 */
	int form;     /* enum det_coder_form */
};

/* log(1000 / 16), torchvision's and Detectron2's limit. */
#define DET_CODER_CLAMP 4.135166556742356f

#define DET_CODER_DEFAULTS                                           \
	{                                                            \
		{ 1, 1, 1, 1 }, DET_CODER_CLAMP, 0, DET_CODER_CENTER \
	}

/* x1 y1 x2 y2 from and to. Results may be infinite where deltas are extreme and there is no
 * clamp: callers check. */
void det_coder_decode(float box[4], const struct det_coder *c, const float anchor[4],
    const float delta[4]);
/* The gradient by the deltas from that by the decoded box; 0 where a size is clamped. */
void det_coder_decode_backward(float delta_grad[4], const struct det_coder *c,
    const float anchor[4], const float delta[4], const float box_grad[4]);
void det_coder_encode(float delta[4], const struct det_coder *c, const float anchor[4],
    const float box[4]);

#endif
