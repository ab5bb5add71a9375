/* SPDX-License-Identifier: MIT
 *
 * Greedy non-maximum suppression. Boxes are taken best first; one is kept unless it
 * overlaps a box kept before it (of its class, or of any under `agnostic`) by more than the
 * threshold. Overlap is computed in float, and compared with the threshold rounded to
 * float: an IoU of exactly 3/5 is not more than .6.
 *
 * Conventions that detectors differ in are parameters: > or >= (py-faster-rcnn's compiled
 * NMS drops at the threshold, all others keep), sides with +1, class-wise or not. Equal
 * scores are taken in the order of the input.
 *
 * Method: boxes are sorted by score, then stably by class; each class is then a run. A
 * candidate is compared with the kept boxes only (never with those already dropped) by
 * nms_scan.c, which finds boxes that may be above the threshold without dividing; those few
 * are decided by the division itself, so the result is that of the plain formula.
 *
 * The order of the cuts: min_score, pre_max, suppression with max_per_class, max.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "box/nms_impl.h"

static enum det_err
check(const struct det_boxes *b, const struct det_nms_params *p)
{
	if (!(p->iou >= 0 && p->iou <= 1))
		return det_fail(DET_INVALID, "an overlap threshold in 0 to 1 expected");
	if (p->ge && !(p->iou > 0))
		return det_fail(DET_INVALID,
		    "a threshold of 0 with >= would drop every box but one");
	if (p->method == DET_NMS_SOFT_GAUSS && !(p->sigma > 0))
		return det_fail(DET_INVALID, "a sigma above 0 expected");
	if (p->method != DET_NMS_GREEDY && p->overlap != DET_NMS_IOU)
		return det_fail(DET_INVALID, "soft NMS uses IoU, not DIoU");
	if (p->pre_max < 0 || p->max_per_class < 0 || p->max < 0)
		return det_fail(DET_INVALID, "a limit of 0 (none) or more expected");
	if (b->n > UINT32_MAX)
		return det_fail(
		    DET_LIMIT, "%zu boxes: at most 2^32 - 1 expected", b->n);
	for (size_t i = 0; i < b->n; i++) {
		const struct det_box *x = &b->box[i];

		if (!isfinite(x->x1) || !isfinite(x->y1) || !isfinite(x->x2) ||
		    !isfinite(x->y2) || !isfinite(x->score))
			return det_fail(DET_INVALID, "box %zu is not finite", i);
	}
	return DET_OK;
}

struct greedy {
	struct det_kept kept;
	const struct det_scan *scan;
	const struct det_nms_params *p;
	float one, t, lo;
};

static int
above(const struct greedy *g, float v)
{
	return g->p->ge ? v >= g->t : v > g->t;
}

static int
suppressed(const struct greedy *g, const struct det_fbox *c)
{
	const struct det_kept *k = &g->kept;
	size_t i = 0;

	for (;; i++) {
		struct det_fbox other;

		i = g->scan->next(k, i, c, g->lo, g->one);
		if (i >= k->n)
			return 0;
		other = (struct det_fbox){ k->x1[i], k->y1[i], k->x2[i], k->y2[i],
			k->area[i] };
		if (above(g, g->p->overlap == DET_NMS_DIOU
				 ? det_iou_distance(&other, c, g->one)
				 : det_iou(&other, c, g->one)))
			return 1;
	}
}

/* Sorted boxes lie anywhere in a list larger than the caches: fetching them early saves a
 * quarter of the time of 100,000. */
static void
fetch_ahead(const struct det_boxes *b, const struct det_rank *r, size_t i, size_t n)
{
	if (i + 16 < n)
		__builtin_prefetch(&b->box[r[i + 16].index]);
}

static void
greedy_run(struct greedy *g, const struct det_boxes *b, unsigned char *keep,
    const struct det_rank *r, size_t n)
{
	size_t limit = g->p->max_per_class ? (size_t)g->p->max_per_class : n;
	struct det_fbox c;

	det_kept_clear(&g->kept);
	for (size_t i = 0; i < n; i++) {
		fetch_ahead(b, r, i, n);
		if (g->kept.n == limit) {
			keep[r[i].index] = 0;
			continue;
		}
		c = det_iou_box(&b->box[r[i].index], g->one);
		keep[r[i].index] = !suppressed(g, &c);
		if (keep[r[i].index])
			det_kept_add(&g->kept, &c);
	}
}

/* Runs over every class, or over all boxes at once; r is sorted for it here. */
static enum det_err
suppress(struct det_boxes *b, unsigned char *keep, struct det_rank *r,
    struct det_rank *scratch, size_t n, const struct det_nms_params *p)
{
	struct greedy g = { .scan = det_scan_best(), .p = p };
	size_t from, to;
	enum det_err e = DET_OK;

	g.one = p->plus_one ? 1 : 0;
	g.t = (float)p->iou;
	/* DIoU is at most IoU, so the scan's bound holds for it too */
	g.lo = g.t * .9999f;
	if (p->method == DET_NMS_GREEDY && (e = det_kept_new(&g.kept, n)))
		return e;
	if (!p->agnostic)
		det_rank_by_label(r, scratch, n);
	for (from = 0; from < n && !e; from = to) {
		for (to = from + 1; to < n; to++)
			if (!p->agnostic && r[to].label != r[from].label)
				break;
		if (p->method == DET_NMS_GREEDY)
			greedy_run(&g, b, keep, r + from, to - from);
		else
			e = det_nms_soft(b, keep, r + from, to - from, p);
	}
	det_kept_free(&g.kept);
	return e;
}

/* Replaces the list's boxes by those of r[0..n), in that order. */
static enum det_err
gather(struct det_boxes *b, const struct det_rank *r, size_t n)
{
	struct det_box *tmp;
	enum det_err e;

	if ((e = det_alloc(&tmp, n, sizeof *tmp)))
		return e;
	for (size_t i = 0; i < n; i++) {
		fetch_ahead(b, r, i, n);
		tmp[i] = b->box[r[i].index];
	}
	if (n)
		memcpy(b->box, tmp, n * sizeof *tmp);
	b->n = n;
	free(tmp);
	return DET_OK;
}

enum det_err
det_nms(struct det_boxes *b, const struct det_nms_params *p)
{
	struct det_rank *r = NULL, *scratch = NULL;
	unsigned char *keep = NULL;
	size_t n = 0, kept = 0;
	enum det_err e;

	if ((e = check(b, p)) || (e = det_alloc(&r, b->n, sizeof *r)) ||
	    (e = det_alloc(&scratch, b->n, sizeof *scratch)) ||
	    (e = det_calloc(&keep, b->n, 1)))
		goto out;
	for (size_t i = 0; i < b->n; i++)
		if (b->box[i].score >= p->min_score)
			r[n++].index = (uint32_t)i;
	det_rank_by_score(r, scratch, n, b);
	if (p->pre_max && n > (size_t)p->pre_max)
		n = (size_t)p->pre_max;
	if ((e = suppress(b, keep, r, scratch, n, p)))
		goto out;
	/* in the order of the list again, so that equal scores stay so when sorted */
	for (size_t i = 0; i < b->n; i++)
		if (keep[i])
			r[kept++].index = (uint32_t)i;
	det_rank_by_score(r, scratch, kept, b);
	if (p->max && kept > (size_t)p->max)
		kept = (size_t)p->max;
	e = gather(b, r, kept);
out:
	free(keep);
	free(scratch);
	free(r);
	return e;
}
