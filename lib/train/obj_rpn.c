/* SPDX-License-Identifier: MIT
 *
 * The region proposal network's loss (Ren et al., Faster R-CNN, NIPS 2015): is there an
 * object at an anchor, and where.
 *
 *   rpn_cls   cross-entropy of "object" over a sample of the anchors, sigmoid or softmax as
 *             the text "propose" decodes it
 *   rpn_box   smooth L1 of the deltas of those in the sample that have an object
 *
 * An anchor has an object where its IoU is .7 or more, or as large as any anchor's with some
 * object; it has none below .3; between, it does not count. The sample is 256 anchors of an
 * image, at most 128 of them with an object. What differs:
 *
 *             anchors     smooth L1   denominators
 *   tv        all         beta 1/9    both: the sample of the whole batch
 *   d2        all         L1          both: 256 times the images
 *   caffe     those that  beta 1/9    classes: the sample of the batch; boxes: each image's
 *             lie inside              own sample, and the number of images
 *
 * Sources: torchvision models/detection/rpn.py, Detectron2 proposal_generator/rpn.py,
 * py-faster-rcnn rpn/anchor_target_layer.py with Caffe's SmoothL1Loss.
 *
 * Departure: py-faster-rcnn draws with numpy's generator, torchvision with torch's; here a
 * sample depends on seed, run and image.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "train/anchored.h"
#include "train/rcnn_profile.h"
#include "train/sample.h"

struct rpn {
	struct det_anchored a;
	struct det_assign_params assign;
	int profile, inside, sigmoid;
	long sample;
	double positive, beta, box_weight;
	struct det_objects objects;
	struct det_assign match;
	struct det_tally tally;
	/* of the batch */
	int32_t *to; /* of each image's anchors */
	size_t to_cap;
	struct rpn_image {
		struct det_boxes store; /* of its truth */
		double box_scale;
	} * image;
	struct det_example *truth; /* of each, in the coder's coordinates */
	size_t images, image_cap;
};

static enum det_err
read_keys(struct rpn *r, struct det_line *l, const struct det_coder *coder)
{
	static const struct det_assign_params usual = DET_ASSIGN_RPN;
	enum det_err e;

	r->assign = usual;
	if ((e = det_rcnn_profile(&r->profile, &r->assign.flag, l, coder)))
		return e;
	r->inside = r->profile == DET_RCNN_CAFFE;
	r->sample = 256;
	r->positive = .5;
	r->box_weight = 1;
	r->beta = r->profile == DET_RCNN_D2 ? 0 : 1. / 9;
	if ((e = det_line_double(&r->assign.high, l, "iou", 0, 1)) ||
	    (e = det_line_double(&r->assign.low, l, "low", 0, 1)) ||
	    (e = det_line_bool(&r->assign.touching, l, "touching")) ||
	    (e = det_line_bool(&r->inside, l, "inside")) ||
	    (e = det_line_long(&r->sample, l, "sample", 1, 1000000000)) ||
	    (e = det_line_double(&r->positive, l, "positive", 0, 1)) ||
	    (e = det_line_double(&r->beta, l, "beta", 0, 100)) ||
	    (e = det_line_double(&r->box_weight, l, "box_weight", 0, 1e3)) ||
	    (e = det_anchored_flags(&r->assign.flag, l)))
		return e;
	if (r->assign.low > r->assign.high)
		return det_fail(DET_INVALID,
		    "low of at most iou, %g, expected, found %g", r->assign.high,
		    r->assign.low);
	return DET_OK;
}

/* --- the sample -------------------------------------------------------------------------- */

static enum det_err
make_room(struct rpn *r, size_t n)
{
	size_t all;
	enum det_err e;

	if ((e = det_mul(&all, n, r->a.n)) ||
	    (e = det_room(&r->to, &r->to_cap, all, sizeof *r->to)))
		return e;
	if (n <= r->images)
		return DET_OK;
	free(r->truth);
	r->truth = NULL;
	if ((e = det_grow(&r->image, &r->image_cap, n, sizeof *r->image)) ||
	    (e = det_alloc(&r->truth, n, sizeof *r->truth)))
		return e;
	for (; r->images < n; r->images++)
		r->image[r->images] = (struct rpn_image){ 0 };
	return DET_OK;
}

/* What each anchor of image i is trained towards; *n is the size of the sample. */
static enum det_err
sample(size_t *n, struct rpn *r, const struct det_objective_in *in, size_t i)
{
	struct det_assign_params p = r->assign;
	struct det_example *t = &r->truth[i];
	struct det_random random;
	int32_t *to = r->to + i * r->a.n;
	size_t pos, neg;
	enum det_err e;

	if ((e = det_rcnn_truth(t, &r->image[i].store, &in->truth[i],
		 &r->a.level[0].line->delta.coder)))
		return e;
	if (r->inside) {
		p.in_w = t->x2 > t->x1 ? t->x2 : (double)in->in_w;
		p.in_h = t->y2 > t->y1 ? t->y2 : (double)in->in_h;
	}
	/* whatever it is, it is an object: its class does not count */
	if ((e = det_objects_set(&r->objects, t, &p.flag, INT32_MAX)) ||
	    (e = det_assign_run(&r->match, &r->a.spots, t, &r->objects, &p)))
		return e;
	r->tally.objects += r->objects.n;
	r->tally.unmatched += r->match.unmatched;
	for (size_t k = 0; k < r->a.n; k++)
		to[k] = r->match.to[k];
	det_sample_seed(&random, in->seed, DET_SAMPLE_RPN, in->run, i);
	det_sample(to, r->a.n, (size_t)((double)r->sample * r->positive),
	    (size_t)r->sample, &random, &pos, &neg);
	*n = pos + neg;
	return DET_OK;
}

/* Samples of all images; what the terms are multiplied with. */
static enum det_err
sample_all(struct rpn *r, const struct det_objective_in *in, double *cls_scale)
{
	size_t n, all = 0;
	enum det_err e;

	if ((e = make_room(r, in->n)))
		return e;
	r->tally = (struct det_tally){ 0 };
	for (size_t i = 0; i < in->n; i++) {
		if ((e = sample(&n, r, in, i)))
			return det_fail_in(e, "image %zu of the batch", i);
		r->image[i].box_scale = n ? 1 / ((double)n * (double)in->n) : 0;
		all += n;
	}
	if (r->profile == DET_RCNN_D2)
		all = (size_t)r->sample * in->n;
	*cls_scale = all ? 1 / (double)all : 0;
	for (size_t i = 0; r->profile != DET_RCNN_CAFFE && i < in->n; i++)
		r->image[i].box_scale = *cls_scale;
	return DET_OK;
}

/* --- the loss ---------------------------------------------------------------------------- */

static double
one_class(const struct rpn *r, float *grad, const float *x, size_t stride, int object,
    double scale)
{
	const struct det_columns c = { x, 1, r->a.planes, stride, 1 };
	const float target = (float)object;
	const int32_t label = object ? r->a.front : r->a.background;

	if (r->sigmoid)
		return det_loss_sigmoid(grad, x, &target, NULL, 1, scale);
	return det_loss_softmax(grad, &c, &label, NULL, scale);
}

static double
classes(const struct rpn *r, const struct det_objective_in *in, float *const *grad,
    size_t image, double scale)
{
	const int32_t *to = r->to + image * r->a.n;
	double sum = 0;

	for (size_t i = 0; i < r->a.levels; i++) {
		const struct det_anchored_level *l = &r->a.level[i];
		const float *x = in->map[l->cls].data;
		const size_t stride = det_anchored_stride(&r->a, l);

		for (size_t k = 0; k < l->count; k++) {
			size_t at;

			if (to[l->first + k] == DET_ASSIGN_IGNORE)
				continue;
			at = det_anchored_plane(&r->a, l, image, k % l->anchors, 0) +
			     k / l->anchors;
			sum += one_class(r, grad[l->cls] + at, x + at, stride,
			    to[l->first + k] >= 0, scale);
		}
	}
	return sum;
}

static enum det_err
run(void *self, const struct det_objective_in *in, float *const *grad, double *value)
{
	struct rpn *r = self;
	const struct det_box_loss b = { .beta = r->beta };
	struct det_objective_in with = *in;
	double scale = 0;
	enum det_err e;

	value[0] = value[1] = 0;
	if ((e = det_anchored_fit(&r->a, in)) || (e = sample_all(r, in, &scale)))
		return e;
	with.truth = r->truth;
	det_anchored_clear(&r->a, in, grad);
	for (size_t i = 0; i < in->n; i++) {
		value[0] += classes(r, in, grad, i, scale);
		value[1] += det_anchored_boxes(&r->a, &with, grad, i,
		    r->to + i * r->a.n, &b, r->image[i].box_scale * r->box_weight);
		if ((e = det_anchored_check(value[0], "rpn_cls", i)) ||
		    (e = det_anchored_check(value[1], "rpn_box", i)))
			return e;
	}
	return DET_OK;
}

static void
free_rpn(void *self)
{
	struct rpn *r = self;

	if (!r)
		return;
	for (size_t i = 0; i < r->images; i++)
		det_boxes_release(&r->image[i].store);
	free(r->image);
	free(r->truth);
	free(r->to);
	det_objects_release(&r->objects);
	det_assign_release(&r->match);
	det_anchored_release(&r->a);
	free(r);
}

static enum det_err
open_rpn(struct det_objective *out, const struct det_objective_params *p)
{
	static const char *const terms[] = { "rpn_cls", "rpn_box", NULL };
	const struct det_decode_line *first = det_decode_line(p->decode, 0);
	struct rpn *r;
	enum det_err e;

	if ((e = det_calloc(&r, 1, sizeof *r)))
		return e;
	r->sigmoid = first->delta.score == DET_SCORE_SIGMOID;
	if ((e = det_anchored_open(
		 &r->a, p, "rpn", r->sigmoid ? DET_SCORE_SIGMOID : DET_SCORE_SOFTMAX)))
		goto fail;
	if (r->a.classes != 1 || (!r->sigmoid && r->a.background < 0)) {
		e = det_fail(DET_INVALID,
		    "rpn: map '%s': classes=1, and of a softmax a background, expected",
		    first->map[0]);
		goto fail;
	}
	if ((e = read_keys(r, p->line, &first->delta.coder)))
		goto fail;
	*out = (struct det_objective){ .self = r,
		.term = terms,
		.run = run,
		.free = free_rpn,
		.tally = &r->tally };
	return DET_OK;
fail:
	free_rpn(r);
	return e;
}

const struct det_objective_kind det_objective_rpn = { "rpn",
	"region proposals of Faster R-CNN", NULL, open_rpn };
