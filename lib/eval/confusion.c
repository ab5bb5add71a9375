/* SPDX-License-Identifier: MIT
 *
 * The programs that print this matrix disagree in how detections and objects are brought
 * together; the rule here:
 *
 * In each image take the detections scored at least min_score, whatever their class, and the
 * objects that are not ignored (that have no flag of `ignore`). Of all pairs that overlap by at
 * least `iou` the closest is joined first; then the closest of the pairs whose two are both
 * free; and so on (equal IoU: the same class first, then in the order of the input). Each
 * pair counts in the row of the object's class and the column of the detection's; an object
 * left over in column "nothing"; a detection left over in row "nothing", unless at least
 * half of it lies in an ignored object of its class.
 */
#include "eval/confusion.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define MAX_CLASSES 10000

struct pair {
	double iou;
	int same;
	uint32_t det, gt; /* places in their image */
};

static int
closest_first(const void *va, const void *vb)
{
	const struct pair *a = va, *b = vb;

	if (a->iou != b->iou)
		return a->iou > b->iou ? -1 : 1;
	if (a->same != b->same)
		return a->same ? -1 : 1;
	if (a->det != b->det)
		return a->det < b->det ? -1 : 1;
	return a->gt < b->gt ? -1 : 1;
}

static int
is_ignored(const struct det_confusion *c, const struct det_eval_gt *g)
{
	return (g->flags & c->ignore) != 0;
}

struct work {
	const struct det_eval_set *s;
	struct det_eval_byimage by;
	struct pair *pair;
	size_t cap;
	unsigned char *det_done, *gt_done; /* of the image in work */
};

static enum det_err
join_image(struct det_confusion *c, struct work *w, const uint32_t *det, size_t nd,
    const uint32_t *gt, size_t ng)
{
	size_t n = 0;
	enum det_err e;

	for (size_t d = 0; d < nd; d++)
		for (size_t k = 0; k < ng; k++) {
			const struct det_eval_det *a = &w->s->det[det[d]];
			const struct det_eval_gt *b = &w->s->gt[gt[k]];
			const double iou = det_eval_iou(&a->r, &b->r);

			if (is_ignored(c, b) || iou < c->iou || !(iou > 0))
				continue;
			if ((e = det_grow(&w->pair, &w->cap, n + 1, sizeof *w->pair)))
				return e;
			w->pair[n++] = (struct pair){ iou, a->label == b->label,
				(uint32_t)d, (uint32_t)k };
		}
	if (n > 1)
		qsort(w->pair, n, sizeof *w->pair, closest_first);
	for (size_t i = 0; i < n; i++) {
		const struct pair *p = &w->pair[i];
		const size_t row = (size_t)w->s->gt[gt[p->gt]].label;

		if (w->det_done[p->det] || w->gt_done[p->gt])
			continue;
		w->det_done[p->det] = w->gt_done[p->gt] = 1;
		c->count[row * (c->n + 1) + (size_t)w->s->det[det[p->det]].label]++;
	}
	return DET_OK;
}

static int
in_ignored(const struct det_confusion *c, const struct work *w, uint32_t det,
    const uint32_t *gt, size_t ng)
{
	const struct det_eval_det *a = &w->s->det[det];

	for (size_t k = 0; k < ng; k++) {
		const struct det_eval_gt *b = &w->s->gt[gt[k]];

		if (is_ignored(c, b) && a->label == b->label && a->r.size > 0 &&
		    det_eval_common(&a->r, &b->r) >= a->r.size / 2)
			return 1;
	}
	return 0;
}

static enum det_err
count_image(struct det_confusion *c, struct work *w, size_t image)
{
	const uint32_t *det = w->by.det + w->by.det_start[image];
	const uint32_t *gt = w->by.gt + w->by.gt_start[image];
	const size_t all = w->by.det_start[image + 1] - w->by.det_start[image];
	const size_t ng = w->by.gt_start[image + 1] - w->by.gt_start[image];
	size_t nd = 0;
	enum det_err e;

	while (nd < all && w->s->det[det[nd]].score >= c->min_score)
		nd++; /* best first */
	memset(w->det_done, 0, nd);
	memset(w->gt_done, 0, ng);
	if ((e = join_image(c, w, det, nd, gt, ng)))
		return e;
	for (size_t k = 0; k < ng; k++)
		if (!w->gt_done[k] && !is_ignored(c, &w->s->gt[gt[k]]))
			c->count[(size_t)w->s->gt[gt[k]].label * (c->n + 1) + c->n]++;
	for (size_t d = 0; d < nd; d++) {
		if (w->det_done[d])
			continue;
		if (in_ignored(c, w, det[d], gt, ng))
			c->ignored++;
		else
			c->count[c->n * (c->n + 1) + (size_t)w->s->det[det[d]].label]++;
	}
	return DET_OK;
}

enum det_err
det_confusion_run(struct det_confusion *out, const struct det_eval_set *s,
    double min_score, double iou, uint32_t ignore)
{
	struct work w = { .s = s };
	enum det_err e;

	*out = (struct det_confusion){
		.min_score = min_score, .iou = iou, .ignore = ignore, .n = s->classes.n
	};
	if (s->classes.n > MAX_CLASSES)
		return det_fail(DET_LIMIT,
		    "a confusion matrix of %zu classes: %d at most", s->classes.n,
		    MAX_CLASSES);
	if ((e = det_calloc(
		 &out->count, (out->n + 1) * (out->n + 1), sizeof *out->count)) ||
	    (e = det_eval_byimage_make(&w.by, s)) ||
	    (e = det_alloc(&w.det_done, w.by.most_det, 1)) ||
	    (e = det_alloc(&w.gt_done, w.by.most_gt, 1)))
		goto done;
	for (size_t i = 0; !e && i < s->n_image; i++)
		e = count_image(out, &w, i);
done:
	det_eval_byimage_release(&w.by);
	free(w.pair);
	free(w.det_done);
	free(w.gt_done);
	if (e)
		det_confusion_release(out);
	return e;
}

void
det_confusion_release(struct det_confusion *c)
{
	free(c->count);
	c->count = NULL;
}
