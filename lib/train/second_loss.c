/* SPDX-License-Identifier: MIT
 *
 * The loss of the second stage (Girshick, Fast R-CNN, ICCV 2015, eq. 1): softmax
 * cross-entropy of the rows' classes, and smooth L1 of the deltas of the rows that have an
 * object, in the columns of its class, towards targets that are normalised as decoding undoes
 * it. Both are divided by the number of rows of the batch: torchvision's roi_heads.py,
 * Detectron2's fast_rcnn.py and Caffe's SmoothL1Loss agree.
 */
#include <string.h>

#include "base/mem.h"
#include "train/loss.h"
#include "train/second_impl.h"

/* That there is a value a row and class, and where. */
static enum det_err
check_outputs(struct det_decode_columns *y, const struct det_second *d,
    const struct det_second_out *o)
{
	const struct det_tensor *cls = &o->cls->value;
	const struct det_tensor *box = o->box ? &o->box->value : NULL;
	const size_t n = d->chosen.n;
	const int fits = det_decode_columns(y, d->line, box ? box->dims[1] : 0);
	char shape[96];

	if (cls->dims[0] != n || cls->dims[1] != y->scores ||
	    cls->dims[2] * cls->dims[3] != 1)
		return det_fail(DET_INVALID, "map '%s' is %s: %zux%zu expected",
		    d->line->map[0], det_shape_text(shape, sizeof shape, cls), n,
		    y->scores);
	if (box && (!fits || box->dims[0] != n || box->dims[2] * box->dims[3] != 1))
		return det_fail(DET_INVALID,
		    "map '%s' is %s: %zu rows of deltas of each class expected",
		    d->line->map[1], det_shape_text(shape, sizeof shape, box), n);
	return DET_OK;
}

static double
classes(struct det_second *d, const struct det_decode_columns *y,
    const struct det_system_out *o)
{
	const size_t n = d->chosen.n;
	const struct det_columns c = { o->value.data, n, y->scores, 1, y->scores };
	const int32_t background =
	    d->line->delta.background == DET_BACKGROUND_FIRST ? 0 : (int32_t)y->classes;

	for (size_t i = 0; i < n; i++)
		d->label[i] = d->object[i].label < 0
				  ? background
				  : d->object[i].label + (int32_t)y->first_score;
	return det_loss_softmax(o->grad, &c, d->label, NULL, 1 / (double)n);
}

static double
boxes(const struct det_second *d, const struct det_decode_columns *y,
    const struct det_system_out *o)
{
	const float *x = o->value.data;
	const size_t n = d->chosen.n;
	double sum = 0;

	memset(o->grad, 0, o->count * sizeof *o->grad);
	for (size_t i = 0; i < n; i++) {
		const struct det_box *b = &d->object[i];
		const struct det_roi *r = &d->roi[i];
		const float from[4] = { r->x1, r->y1, r->x2, r->y2 };
		float target[4];
		size_t at;

		if (b->label < 0)
			continue;
		at = i * y->deltas + y->first_delta + (size_t)b->label * y->step;
		det_second_target(target, d, from, b);
		det_decode_normalise(target, d->line, (size_t)b->label);
		sum += det_loss_smooth_l1(o->grad + at, x + at, target, NULL, 4,
		    d->p.box_weight / (double)n, d->p.beta);
	}
	return sum;
}

enum det_err
det_second_loss(struct det_second *d, const struct det_second_out *o, double *value)
{
	struct det_decode_columns y;
	enum det_err e;

	if ((e = check_outputs(&y, d, o)) ||
	    (e = det_grow(&d->label, &d->label_cap, d->chosen.n, sizeof *d->label)))
		return e;
	value[0] = classes(d, &y, o->cls);
	o->cls->born = 1;
	if (!o->box)
		return DET_OK;
	value[1] = boxes(d, &y, o->box);
	o->box->born = 1;
	return DET_OK;
}
