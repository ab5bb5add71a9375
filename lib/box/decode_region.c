/* SPDX-License-Identifier: MIT
 *
 * YOLOv2 (Redmon, Farhadi: YOLO9000: better, faster, stronger, CVPR 2017), as Darknet's
 * region_layer.c computes it. The map is (1, A*(5+K), H, W), raw: for each of A anchors the
 * planes x, y, w, h, objectness, then K classes.
 *
 *   x = (col + s(tx)) / W        w = exp(tw) * anchor_w / W        (anchors: cells)
 *   y = (row + s(ty)) / H        h = exp(th) * anchor_h / H
 *   score_k = s(to) * p_k        p: softmax over the classes, or logistic without `softmax`
 *
 * A candidate counts where s(to) > threshold, a class of it where its score is. Under
 * `background` the objectness plane is one more class, "nothing", within the softmax, and
 * score_k = p_k. The tree of YOLO9000 and masks (coords > 4) are not supported.
 */
#include "box/decode_impl.h"

#include <stdlib.h>

#include "base/mem.h"

static enum det_err
parse(struct det_decode_line *m, struct det_line *l)
{
	long coords = 4;
	enum det_err e;

	if ((e = det_decode_anchor_pairs(m, l)) || (e = det_decode_class_count(m, l)) ||
	    (e = det_line_bool(&m->softmax, l, "softmax")) ||
	    (e = det_line_bool(&m->background, l, "background")))
		return e;
	return det_line_long(&coords, l, "coords", 4, 4);
}

static struct det_decode_rel
box_of(const struct det_decode_line *m, const float *x, size_t hw, size_t w, size_t h,
    const struct det_decode_at *at)
{
	struct det_decode_rel r;
	double aw = (double)m->anchor[2 * at->anchor];
	double ah = (double)m->anchor[2 * at->anchor + 1];

	r.x = ((float)at->col + det_decode_logistic(x[0])) / (float)w;
	r.y = ((float)at->row + det_decode_logistic(x[hw])) / (float)h;
	r.w = (float)(exp((double)x[2 * hw]) * aw / (double)w);
	r.h = (float)(exp((double)x[3 * hw]) * ah / (double)h);
	return r;
}

/* p[0..K] of the classes; under background p[0] is that of "nothing", else unused. */
static void
class_probs(float *p, const struct det_decode_line *m, const float *x, size_t hw)
{
	size_t classes = (size_t)m->classes;

	if (m->softmax && m->background)
		det_decode_softmax(p, x + 4 * hw, classes + 1, hw);
	else if (m->softmax)
		det_decode_softmax(p + 1, x + 5 * hw, classes, hw);
	else
		for (size_t k = 0; k < classes; k++)
			p[1 + k] = det_decode_logistic(x[(5 + k) * hw]);
}

static enum det_err
run_cell(struct det_decode_job *j, float *p, const float *x, size_t hw, size_t w,
    size_t h, const struct det_decode_at *at)
{
	const struct det_decode_line *m = j->m;
	float obj = m->background ? 1 : det_decode_logistic(x[4 * hw]), prob;
	struct det_decode_rel r;
	enum det_err e;

	if (!(obj > j->thresh))
		return DET_OK;
	r = box_of(m, x, hw, w, h, at);
	class_probs(p, m, x, hw);
	for (size_t k = 0; k < (size_t)m->classes; k++) {
		prob = obj * p[1 + k];
		if (prob > j->thresh && (e = det_decode_add(j, &r, prob, k, at)))
			return e;
	}
	return DET_OK;
}

static enum det_err
run(struct det_decode_job *j, const struct det_tensor *t, const float *x, size_t count)
{
	const struct det_decode_line *m = j->m;
	size_t entries = 5 + (size_t)m->classes, w, h, hw;
	float *p = NULL;
	enum det_err e;

	(void)count;
	if ((e = det_decode_check_map(m, t, m->anchors * entries)) ||
	    (e = det_alloc(&p, (size_t)m->classes + 1, sizeof *p)))
		return e;
	h = t->dims[2];
	w = t->dims[3];
	hw = h * w;
	for (size_t i = 0; i < hw && !e; i++)
		for (size_t a = 0; a < m->anchors && !e; a++) {
			struct det_decode_at at = { i / w, i % w, a,
				i * m->anchors + a };

			e = run_cell(j, p, x + a * entries * hw + i, hw, w, h, &at);
		}
	j->base += hw * m->anchors;
	free(p);
	return e;
}

const struct det_decode_kind det_decode_region = {
	.name = "region", .maps = 1, .parse = parse, .run = run
};
