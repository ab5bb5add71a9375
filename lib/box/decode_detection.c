/* SPDX-License-Identifier: MIT
 *
 * YOLOv1 (Redmon, Divvala, Girshick, Farhadi: You only look once, CVPR 2016), as Darknet's
 * detection_layer.c computes it. The map is S*S*(K + 5B) numbers, in three blocks:
 *
 *   classes       S*S cells x K
 *   confidences   S*S cells x B
 *   coordinates   S*S cells x B x (x, y, w, h)
 *
 *   x = (col + tx) / S      w = tw^2 with `sqrt`, else tw      (of the whole input)
 *   y = (row + ty) / S      h = th^2                     th
 *   score_k = confidence * class_k
 *
 * Nothing is squashed, except that `softmax` puts a softmax over the classes of a cell.
 * There is no test of the confidence alone: a class counts where its score is above the
 * threshold.
 *
 * Departure: without `sqrt` a size can come out negative; such a box covers nothing and is
 * left out, where Darknet keeps it.
 */
#include "box/decode_impl.h"

#include <stdlib.h>

#include "base/mem.h"

static enum det_err
parse(struct det_decode_line *m, struct det_line *l)
{
	long coords = 4;
	enum det_err e;

	m->side = 7;
	m->num = 1;
	if ((e = det_line_long(&m->side, l, "side", 1, 1024)) ||
	    (e = det_line_long(&m->num, l, "num", 1, DET_DECODE_ANCHORS)) ||
	    (e = det_decode_class_count(m, l)) ||
	    (e = det_line_bool(&m->square_root, l, "sqrt")) ||
	    (e = det_line_bool(&m->softmax, l, "softmax")))
		return e;
	return det_line_long(&coords, l, "coords", 4, 4);
}

static float
size(const struct det_decode_line *m, float t)
{
	return m->square_root ? (float)((double)t * (double)t) : t;
}

/* The boxes of one cell: `classes`, `conf` and `coord` point at its parts. */
static enum det_err
run_cell(struct det_decode_job *j, const float *classes, const float *conf,
    const float *coord, struct det_decode_at at)
{
	const struct det_decode_line *m = j->m;
	float side = (float)m->side, prob;
	enum det_err e;

	for (; at.anchor < (size_t)m->num; at.anchor++, at.candidate++) {
		const float *c = coord + 4 * at.anchor;
		struct det_decode_rel r = { (c[0] + (float)at.col) / side,
			(c[1] + (float)at.row) / side, size(m, c[2]), size(m, c[3]) };

		if (r.w < 0 || r.h < 0)
			continue;
		for (size_t k = 0; k < (size_t)m->classes; k++) {
			prob = conf[at.anchor] * classes[k];
			if (prob > j->thresh &&
			    (e = det_decode_add(j, &r, prob, k, &at)))
				return e;
		}
	}
	return DET_OK;
}

static enum det_err
run(struct det_decode_job *j, const struct det_tensor *t, const float *x, size_t count)
{
	const struct det_decode_line *m = j->m;
	size_t side = (size_t)m->side, num = (size_t)m->num, cells = side * side;
	size_t classes = (size_t)m->classes, want;
	const float *conf, *coord, *cls;
	float *p = NULL;
	char shape[96];
	enum det_err e;

	if ((e = det_mul(&want, cells, classes + 5 * num)))
		return e;
	if (count != want)
		return det_fail(DET_INVALID,
		    "map '%s' is %s: %zu numbers (%zu cells of %zu classes and %zu "
		    "boxes) "
		    "expected",
		    m->map[0], det_shape_text(shape, sizeof shape, t), want, cells,
		    classes, num);
	conf = x + cells * classes;
	coord = conf + cells * num;
	if ((e = det_alloc(&p, classes, sizeof *p)))
		return e;
	for (size_t i = 0; i < cells && !e; i++) {
		struct det_decode_at at = { i / side, i % side, 0, i * num };

		cls = x + i * classes;
		if (m->softmax) {
			det_decode_softmax(p, cls, classes, 1);
			cls = p;
		}
		e = run_cell(j, cls, conf + i * num, coord + 4 * i * num, at);
	}
	j->base += cells * num;
	free(p);
	return e;
}

const struct det_decode_kind det_decode_detection = {
	.name = "detection", .maps = 1, .parse = parse, .run = run
};
