/* SPDX-License-Identifier: MIT
 *
 * Which rows the head is trained on. The first stage's outputs become proposals as det-propose
 * makes them, by the same decoder and suppression; or they come with the picture, and count in
 * the order of their list. The objects themselves are proposals too,
 * so that there is something to learn from before the first stage has learnt. Each is given
 * the object that it overlaps most, from an IoU of .5 on, or nothing; a sample of both is
 * pooled.
 *
 * Proposals are constants: no gradient goes through their coordinates (Ren et al. 2015,
 * section 3.2, approximate joint training), as in py-faster-rcnn, torchvision and Detectron2.
 *
 * Departure: a least size in pixels of the original (min_scaled) counts those of the input,
 * as a batch does not tell its scale.
 */
#include <string.h>

#include "base/mem.h"
#include "box/iou.h"
#include "train/rcnn_profile.h"
#include "train/sample.h"
#include "train/second_impl.h"

/* Image i of a batch of maps. */
static struct det_tensor
slice(const struct det_tensor *t, size_t i)
{
	struct det_tensor one = *t;

	one.dims[0] = 1;
	one.data = (float *)t->data + i * t->dims[1] * t->dims[2] * t->dims[3];
	return one;
}

static enum det_err
propose(struct det_second *d, const struct det_system *s, const struct det_batch *b,
    size_t i)
{
	const struct det_system_part *part = &s->part;
	const struct det_example *t = &b->truth[i];
	struct det_tensor map[DET_SYSTEM_MAPS];
	const struct det_decode_in in = { .maps = map };
	const struct det_decode_params p = { .thresh = -1,
		.by_line = 1,
		.top = d->p.pre,
		.in_w = (long)b->image.dims[3],
		.in_h = (long)b->image.dims[2],
		.x1 = t->x1,
		.y1 = t->y1,
		.x2 = t->x2,
		.y2 = t->y2 };
	enum det_err e;

	for (size_t k = 0; k < part->maps; k++)
		map[k] =
		    slice(&s->net[part->map[k].net].out[part->map[k].output].value, i);
	if ((e = det_decode_run(&d->list, part->decode, &in, &p)))
		return e;
	return det_nms(&d->list, &d->nms);
}

/* Those of the stream. Under plus_one they stay as they are, as det-roipool and det-head take
 * them. */
static enum det_err
take_given(struct det_second *d, const struct det_proposed *from)
{
	const size_t most = (size_t)d->p.post;
	enum det_err e;

	d->list.n = 0;
	for (size_t k = 0; k < from->n && (!most || k < most); k++)
		if ((e = det_boxes_add(&d->list, &from->box[k])))
			return e;
	return DET_OK;
}

static void
set_corners(float box[4], const struct det_box *b)
{
	box[0] = det_iou_coord(b->x1);
	box[1] = det_iou_coord(b->y1);
	box[2] = det_iou_coord(b->x2);
	box[3] = det_iou_coord(b->y2);
}

/* The objects follow the proposals; all as floats for the matcher. */
static enum det_err
gather(struct det_second *d, const struct det_example *t)
{
	enum det_err e;

	if ((e = det_objects_set(&d->objects, t, &d->p.assign.flag, d->classes)))
		return e;
	for (size_t k = 0; d->p.own && k < d->objects.n; k++)
		if ((e = det_boxes_add(&d->list, &t->box[d->objects.object[k]])))
			return e;
	if ((e = det_room(
		 &d->corner, &d->corner_cap, 4 * d->list.n, sizeof *d->corner)))
		return e;
	for (size_t k = 0; k < d->list.n; k++)
		set_corners(d->corner + 4 * k, &d->list.box[k]);
	return det_spots_set(
	    &d->spots, d->corner, d->list.n, d->line->delta.coder.plus_one);
}

/* Which objects the list leads to: what it misses is not found in detection, though it is
 * learnt here as a proposal of its own. */
static enum det_err
count_objects(struct det_second *d, const struct det_example *t)
{
	const size_t n = d->list.n - (d->p.own ? d->objects.n : 0);
	enum det_err e;

	if ((e = det_room(&d->iou, &d->iou_cap, d->list.n, sizeof *d->iou)))
		return e;
	for (size_t k = 0; k < d->objects.n; k++) {
		float most = 0;

		(void)det_spots_iou(d->iou, &d->spots, &t->box[d->objects.object[k]]);
		for (size_t i = 0; i < n; i++)
			most = d->iou[i] > most ? d->iou[i] : most;
		d->tally.objects++;
		d->tally.unmatched += !((double)most >= d->p.assign.high);
	}
	return DET_OK;
}

/* The rows that are left, with their objects. */
static enum det_err
choose(struct det_second *d, const struct det_example *t)
{
	static const struct det_box nothing = { .label = -1 };
	size_t n = d->chosen.n;
	enum det_err e;

	for (size_t k = 0; k < d->assign.n; k++)
		n += d->assign.to[k] != DET_ASSIGN_IGNORE;
	if ((e = det_grow(&d->object, &d->object_cap, n, sizeof *d->object)) ||
	    (e = det_grow(&d->roi, &d->roi_cap, n, sizeof *d->roi)))
		return e;
	for (size_t k = 0; k < d->assign.n; k++) {
		const int32_t to = d->assign.to[k];

		if (to == DET_ASSIGN_IGNORE)
			continue;
		d->object[d->chosen.n] = to < 0 ? nothing : t->box[to];
		if ((e = det_boxes_add(&d->chosen, &d->list.box[k])))
			return e;
	}
	return DET_OK;
}

static void
set_roi(struct det_roi *r, const struct det_box *b)
{
	*r = (struct det_roi){ det_iou_coord(b->x1), det_iou_coord(b->y1),
		det_iou_coord(b->x2), det_iou_coord(b->y2), 0 };
}

enum det_err
det_second_match(struct det_second *d, struct det_example *t,
    const struct det_example *truth, const struct det_proposed *given)
{
	enum det_err e;

	if ((e = det_rcnn_truth(t, &d->truth, truth, &d->line->delta.coder)) ||
	    (given && (e = take_given(d, given))) || (e = gather(d, t)) ||
	    (given && (e = count_objects(d, t))))
		return e;
	return det_assign_run(&d->assign, &d->spots, t, &d->objects, &d->p.assign);
}

void
det_second_target(float target[4], const struct det_second *d, const float from[4],
    const struct det_box *object)
{
	const float to[4] = { (float)object->x1, (float)object->y1, (float)object->x2,
		(float)object->y2 };

	det_coder_encode(target, &d->line->delta.coder, from, to);
}

/* Rows of image i are added; their maps are those of its levels. */
static enum det_err
sample_image(struct det_second *d, const struct det_system *s,
    const struct det_batch *b, const struct det_roi_map *maps, size_t i)
{
	const size_t from = d->chosen.n;
	struct det_boxes added;
	struct det_example t;
	struct det_random random;
	size_t pos, neg;
	enum det_err e;

	if ((!d->given && (e = propose(d, s, b, i))) ||
	    (e = det_second_match(
		 d, &t, &b->truth[i], d->given ? &b->proposed[i] : NULL)))
		return e;
	det_sample_seed(&random, s->seed, DET_SAMPLE_ROI, b->run, i);
	det_sample(d->assign.to, d->assign.n,
	    (size_t)((double)d->p.sample * d->p.positive), (size_t)d->p.sample, &random,
	    &pos, &neg);
	if ((e = choose(d, &t)))
		return e;
	added = d->chosen;
	added.box += from;
	added.n -= from;
	d->first[i + 1] = d->chosen.n;
	if (!added.n)
		return DET_OK;
	if (d->rows.op == DET_ROWS_WARP) {
		for (size_t k = from; k < d->chosen.n; k++)
			set_roi(&d->roi[k], &d->chosen.box[k]);
		return DET_OK;
	}
	if ((e = det_roi_assign(
		 d->roi + from, &added, maps, d->levels, &d->rows.pyramid)))
		return e;
	for (size_t k = from; k < d->chosen.n; k++)
		d->roi[k].map += i * d->levels;
	return DET_OK;
}

enum det_err
det_second_sample(struct det_second *d, struct det_system *s, const struct det_batch *b,
    const struct det_roi_map *maps)
{
	enum det_err e;

	if ((e = det_grow(
		 &d->first, &d->first_cap, b->image.dims[0] + 1, sizeof *d->first)))
		return e;
	d->first[0] = d->chosen.n = 0;
	d->tally = (struct det_tally){ 0 };
	for (size_t i = 0; i < b->image.dims[0]; i++)
		if ((e = sample_image(d, s, b, maps, i)))
			return det_fail_in(e, "image %zu of the batch", i);
	return DET_OK;
}
