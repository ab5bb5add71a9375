/* SPDX-License-Identifier: MIT
 *
 * YOLOv3 (Redmon, Farhadi: YOLOv3: an incremental improvement, 2018), as Darknet's
 * yolo_layer.c computes it. The map is (1, A*(5+K), H, W), raw: for each of A anchors the
 * planes x, y, w, h, objectness, then K classes.
 *
 *   x = (col + s(tx)) / W        w = exp(tw) * anchor_w / in_w     (anchors: input pixels)
 *   y = (row + s(ty)) / H        h = exp(th) * anchor_h / in_h
 *   score_k = s(to) * s(tk)
 *
 * s is the logistic. A candidate counts where s(to) > threshold, a class of it where its
 * score is. `scale_xy` other than 1 stretches s(tx), s(ty) about 1/2, t * a - (a - 1) / 2,
 * and `new_coords` is the form of Scaled-YOLOv4: the map is logistic already and
 * w = (2 tw)^2 * anchor_w / in_w; both as in A. Bochkovskiy's Darknet.
 */
#include "box/decode_impl.h"

static enum det_err
parse(struct det_decode_line *m, struct det_line *l)
{
	double scale = 1;
	enum det_err e;

	if ((e = det_decode_anchor_pairs(m, l)) || (e = det_decode_class_count(m, l)) ||
	    (e = det_line_double(&scale, l, "scale_xy", 1e-3, 1e3)) ||
	    (e = det_line_bool(&m->new_coords, l, "new_coords")))
		return e;
	m->scale_xy = (float)scale;
	return DET_OK;
}

static float
activate(const struct det_decode_line *m, float x)
{
	return m->new_coords ? x : det_decode_logistic(x);
}

static float
stretch(const struct det_decode_line *m, float s)
{
	float shift = (float)(-.5 * (double)(m->scale_xy - 1));

	return m->scale_xy != 1 ? s * m->scale_xy + shift : s;
}

static float
size(const struct det_decode_line *m, float t, float anchor, double in)
{
	if (m->new_coords)
		return t * t * 4 * anchor / (float)in;
	return (float)(exp((double)t) * (double)anchor / in);
}

/* `x` points at the anchor's first plane, at the cell; planes are hw apart. */
static struct det_decode_rel
box_of(const struct det_decode_job *j, const float *x, size_t hw, size_t w, size_t h,
    const struct det_decode_at *at)
{
	const struct det_decode_line *m = j->m;
	struct det_decode_rel r;

	r.x = ((float)at->col + stretch(m, activate(m, x[0]))) / (float)w;
	r.y = ((float)at->row + stretch(m, activate(m, x[hw]))) / (float)h;
	r.w = size(m, x[2 * hw], m->anchor[2 * at->anchor], j->in_w);
	r.h = size(m, x[3 * hw], m->anchor[2 * at->anchor + 1], j->in_h);
	return r;
}

static enum det_err
run(struct det_decode_job *j, const struct det_tensor *t, const float *x, size_t count)
{
	const struct det_decode_line *m = j->m;
	size_t entries = 5 + (size_t)m->classes, h, w, hw;
	enum det_err e;

	(void)count;
	if ((e = det_decode_check_map(m, t, m->anchors * entries)))
		return e;
	h = t->dims[2];
	w = t->dims[3];
	hw = h * w;
	for (size_t i = 0; i < hw; i++)
		for (size_t a = 0; a < m->anchors; a++) {
			const float *c = x + a * entries * hw + i;
			float obj = activate(m, c[4 * hw]), prob;
			struct det_decode_at at = { i / w, i % w, a,
				i * m->anchors + a };
			struct det_decode_rel r;

			if (!(obj > j->thresh))
				continue;
			r = box_of(j, c, hw, w, h, &at);
			for (size_t k = 0; k < (size_t)m->classes; k++) {
				prob = obj * activate(m, c[(5 + k) * hw]);
				if (prob > j->thresh &&
				    (e = det_decode_add(j, &r, prob, k, &at)))
					return e;
			}
		}
	j->base += hw * m->anchors;
	return DET_OK;
}

const struct det_decode_kind det_decode_yolo3 = {
	.name = "yolo3", .maps = 1, .parse = parse, .run = run
};
