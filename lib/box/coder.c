/* SPDX-License-Identifier: MIT
 *
 * Box deltas; coder.h has the formulas. Each operation is one float operation, in
 * torchvision's order (models/detection/_utils.py): sizes, then centres from the near
 * corner, then half the decoded size off the decoded centre. py-faster-rcnn computes the
 * same with sizes that are 1 larger (lib/fast_rcnn/bbox_transform.py); decoding what it
 * encoded gives x2 + 1, y2 + 1, here as there. keras-retinanet multiplies by a deviation
 * where this divides by a weight, which can differ in the last bit.
 */
#include "box/coder.h"

#include <math.h>

struct middle {
	float x, y, w, h;
};

static struct middle
middle_of(const float box[4], int plus_one)
{
	struct middle m;

	m.w = box[2] - box[0] + (float)plus_one;
	m.h = box[3] - box[1] + (float)plus_one;
	m.x = box[0] + .5f * m.w;
	m.y = box[1] + .5f * m.h;
	return m;
}

void
det_coder_decode(float box[4], const struct det_coder *c, const float anchor[4],
    const float delta[4])
{
	struct middle a = middle_of(anchor, c->plus_one != 0);
	float d[4], x, y, w, h;

	for (int i = 0; i < 4; i++)
		d[i] = delta[i] / c->weight[i];
	if (c->form == DET_CODER_CORNER) {
		for (int i = 0; i < 4; i++)
			box[i] = anchor[i] + d[i] * (i % 2 ? a.h : a.w);
		return;
	}
	x = d[0] * a.w + a.x;
	y = d[1] * a.h + a.y;
	w = .5f * (expf(fminf(d[2], c->clamp)) * a.w);
	h = .5f * (expf(fminf(d[3], c->clamp)) * a.h);
	box[0] = x - w;
	box[1] = y - h;
	box[2] = x + w;
	box[3] = y + h;
}

void
det_coder_decode_backward(float delta_grad[4], const struct det_coder *c,
    const float anchor[4], const float delta[4], const float box_grad[4])
{
	struct middle a = middle_of(anchor, c->plus_one != 0);
	const float side[2] = { a.w, a.h };

	for (int i = 0; c->form == DET_CODER_CORNER && i < 4; i++)
		delta_grad[i] = box_grad[i] * side[i % 2] / c->weight[i];
	for (int i = 0; c->form != DET_CODER_CORNER && i < 2; i++) {
		float near = box_grad[i], far = box_grad[i + 2];
		float d = delta[i + 2] / c->weight[i + 2];

		delta_grad[i] = (near + far) * side[i] / c->weight[i];
		delta_grad[i + 2] =
		    d > c->clamp
			? 0
			: (far - near) * .5f * (expf(d) * side[i]) / c->weight[i + 2];
	}
}

void
det_coder_encode(float delta[4], const struct det_coder *c, const float anchor[4],
    const float box[4])
{
	struct middle a = middle_of(anchor, c->plus_one != 0);
	struct middle b = middle_of(box, c->plus_one != 0);

	if (c->form == DET_CODER_CORNER) {
		for (int i = 0; i < 4; i++)
			delta[i] =
			    c->weight[i] * (box[i] - anchor[i]) / (i % 2 ? a.h : a.w);
		return;
	}
	delta[0] = c->weight[0] * (b.x - a.x) / a.w;
	delta[1] = c->weight[1] * (b.y - a.y) / a.h;
	delta[2] = c->weight[2] * logf(b.w / a.w);
	delta[3] = c->weight[3] * logf(b.h / a.h);
}
