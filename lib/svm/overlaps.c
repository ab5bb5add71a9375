/* SPDX-License-Identifier: MIT */
#include "svm/overlaps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "box/iou.h"

#define COINCIDE .25 /* pixels of the original */

static int
coincide(
    const struct det_box *a, const struct det_box *b, const struct det_transform *m)
{
	const double x = COINCIDE * fabs(m->sx), y = COINCIDE * fabs(m->sy);

	return fabs(a->x1 - b->x1) <= x && fabs(a->x2 - b->x2) <= x &&
	       fabs(a->y1 - b->y1) <= y && fabs(a->y2 - b->y2) <= y;
}

static enum det_err
make_room(struct det_overlaps *o, size_t n)
{
	enum det_err e;

	if ((e = det_room(&o->iou, &o->iou_cap, n, sizeof *o->iou)) ||
	    (e = det_room(&o->object, &o->object_cap, n, sizeof *o->object)) ||
	    (e = det_room(&o->best, &o->best_cap, n, sizeof *o->best)) ||
	    (e = det_room(&o->equal, &o->equal_cap, n, sizeof *o->equal)))
		return e;
	for (size_t i = 0; i < n; i++) {
		o->iou[i] = o->best[i] = 0;
		o->object[i] = o->equal[i] = -1;
	}
	return DET_OK;
}

static void
meet(struct det_overlaps *o, size_t at, size_t object, float iou, int learnt, int same)
{
	if (iou > o->iou[at])
		o->iou[at] = iou;
	if (!learnt)
		return;
	if (iou > o->best[at]) {
		o->best[at] = iou;
		o->object[at] = (int32_t)object;
	}
	if (same && o->equal[at] < 0)
		o->equal[at] = (int32_t)object;
}

enum det_err
det_overlaps_find(
    struct det_overlaps *o, const struct det_shard_item *it, size_t classes)
{
	size_t n;
	enum det_err e;

	o->classes = classes;
	if ((e = det_mul(&n, it->boxes.n, classes)) || (e = make_room(o, n)))
		return e;
	for (size_t k = 0; k < it->gt.n; k++) {
		const struct det_box *g = &it->gt.box[k];
		const struct det_fbox object = det_iou_box(g, 0);
		const int learnt = !(g->flags & DET_BOX_ASIDE);

		for (size_t i = 0; i < it->boxes.n; i++) {
			const struct det_box *b = &it->boxes.box[i];
			const struct det_fbox box = det_iou_box(b, 0);

			meet(o, i * classes + (size_t)g->label, k,
			    det_iou(&box, &object, 0), learnt,
			    coincide(b, g, &it->item->map));
		}
	}
	return DET_OK;
}

void
det_overlaps_release(struct det_overlaps *o)
{
	free(o->iou);
	free(o->object);
	free(o->best);
	free(o->equal);
	*o = (struct det_overlaps){ 0 };
}
