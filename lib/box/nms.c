/* SPDX-License-Identifier: MIT
 *
 * Non-maximum suppression: the cuts by score and number, the division into classes, and the
 * choice among the methods, each of which has a file nms_*.c with its formula.
 *
 * Conventions that detectors differ in are parameters: > or >= (py-faster-rcnn's compiled
 * NMS drops at the threshold, all others keep), sides with +1, class-wise or not. Equal
 * scores are taken in the order of the input.
 *
 * Boxes are sorted by score, then stably by class; each class is then a run, and runs do not
 * depend on each other: they are shared out over threads.
 *
 * torchvision separates the classes of up to 1000 boxes in another way: it adds to each
 * coordinate, in float, the class number times (the largest coordinate + 1), and treats all
 * as one class. That rounds the boxes, so an overlap near the threshold can fall to either
 * side; `trick` does the same, for those who compare results to the last box.
 *
 * The order of the cuts: min_score, pre_max_per_class, pre_max, suppression with
 * max_per_class, max.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "box/nms_impl.h"

#define TRICK_MAX     1000 /* boxes that torchvision takes as one class */
#define PARALLEL_FROM 4000 /* boxes that are worth waking threads for */

static enum det_err
check_params(const struct det_nms_params *p)
{
	int greedy = p->method == DET_NMS_GREEDY;

	if (!(p->iou >= 0 && p->iou <= 1))
		return det_fail(DET_INVALID, "an overlap threshold in 0 to 1 expected");
	if (p->ge && !(p->iou > 0))
		return det_fail(DET_INVALID,
		    "a threshold of 0 with >= would drop every box but one");
	if (!(p->sigma > 0))
		return det_fail(DET_INVALID, "a sigma above 0 expected");
	if (!greedy && p->overlap != DET_NMS_IOU)
		return det_fail(DET_INVALID, "only greedy NMS knows DIoU");
	if (!(p->eta > 0 && p->eta <= 1))
		return det_fail(DET_INVALID, "an eta above 0, at most 1, expected");
	if (!greedy && (p->eta < 1 || p->trick >= 0))
		return det_fail(
		    DET_INVALID, "only greedy NMS knows eta and the coordinate trick");
	if (p->trick >= 0 && (p->agnostic || p->max_per_class))
		return det_fail(DET_INVALID,
		    "the coordinate trick is of classes, without a limit of each");
	if (!greedy && p->wide)
		return det_fail(DET_INVALID, "only greedy NMS compares in double");
	if (p->pre_max < 0 || p->pre_max_per_class < 0 || p->max_per_class < 0 ||
	    p->max < 0)
		return det_fail(DET_INVALID, "a limit of 0 (none) or more expected");
	if (!(p->total > 0) || !(p->top > 0))
		return det_fail(DET_INVALID, "weights above 0 expected");
	return DET_OK;
}

static enum det_err
check(const struct det_boxes *b, const struct det_nms_params *p)
{
	enum det_err e = check_params(p);

	if (e)
		return e;
	if (b->n > UINT32_MAX)
		return det_fail(
		    DET_LIMIT, "%zu boxes: at most 2^32 - 1 expected", b->n);
	for (size_t i = 0; i < b->n; i++) {
		const struct det_box *x = &b->box[i];

		if (!det_box_finite(x) || !isfinite(x->score))
			return det_fail(DET_INVALID, "box %zu is not finite", i);
		if (p->method == DET_NMS_FUSE && x->score < 0 &&
		    x->score >= p->min_score)
			return det_fail(DET_INVALID,
			    "box %zu has score %g: fusion needs 0 or more", i,
			    x->score);
	}
	return DET_OK;
}

/* Sorted boxes lie anywhere in a list larger than the caches: fetching them early saves a
 * quarter of the time of 100,000. */
static void
fetch_ahead(const struct det_box *b, const struct det_rank *r, size_t i, size_t n)
{
	if (i + 16 < n)
		__builtin_prefetch(&b[r[i + 16].index]);
}

struct det_fbox
det_nms_box(const struct det_nms_run *run, size_t i)
{
	const struct det_box *b = &run->box[run->r[i].index];
	float one = run->p->plus_one ? 1 : 0, shift;
	struct det_fbox f;

	fetch_ahead(run->box, run->r, i, run->n);
	f = det_iou_box(b, one);
	if (!run->shift)
		return f;
	shift = run->shift[run->r[i].index];
	f.x1 += shift;
	f.y1 += shift;
	f.x2 += shift;
	f.y2 += shift;
	f.area = det_iou_side(f.x1, f.x2, one) * det_iou_side(f.y1, f.y2, one);
	return f;
}

enum det_err
det_nms_boxes(struct det_fbox **f, const struct det_nms_run *run)
{
	enum det_err e = det_alloc(f, run->n, sizeof **f);

	for (size_t i = 0; !e && i < run->n; i++)
		(*f)[i] = det_nms_box(run, i);
	return e;
}

enum det_err
det_nms_cut(const struct det_nms_run *run)
{
	const struct det_nms_params *p = run->p;
	struct det_rank *r, *scratch = NULL;
	const struct det_boxes b = { .box = run->box };
	size_t n = 0;
	enum det_err e;

	if ((e = det_alloc(&r, run->n, sizeof *r)) ||
	    (e = det_alloc(&scratch, run->n, sizeof *scratch)))
		goto out;
	for (size_t i = 0; i < run->n; i++) {
		uint32_t index = run->r[i].index;

		run->keep[index] = run->box[index].score >= p->min_score;
		if (run->keep[index])
			r[n++].index = index;
	}
	if (p->max_per_class && n > (size_t)p->max_per_class) {
		det_rank_by_score(r, scratch, n, &b);
		for (size_t i = (size_t)p->max_per_class; i < n; i++)
			run->keep[r[i].index] = 0;
	}
out:
	free(r);
	free(scratch);
	return e;
}

/* What torchvision adds to the coordinates of each box. */
static enum det_err
trick(float **shift, const struct det_box *b, size_t all, const struct det_rank *r,
    size_t n, const struct det_nms_params *p)
{
	float far = -FLT_MAX;
	enum det_err e;

	if ((e = det_calloc(shift, all, sizeof **shift)))
		return e;
	for (size_t i = 0; i < n; i++) {
		struct det_fbox f = det_iou_box(&b[r[i].index], 0);

		far = f.x1 > far ? f.x1 : far;
		far = f.y1 > far ? f.y1 : far;
		far = f.x2 > far ? f.x2 : far;
		far = f.y2 > far ? f.y2 : far;
	}
	for (size_t i = 0; i < n; i++)
		(*shift)[r[i].index] =
		    (float)(b[r[i].index].label + p->trick) * (far + 1);
	return DET_OK;
}

/* The runs of a list, and how each went. */
struct work {
	struct det_nms_run all; /* r is sorted by class here */
	size_t *start;          /* of n + 1 runs */
	size_t n;
	enum det_err *e;
};

static void
one_run(const void *ctx, size_t i, int worker)
{
	static enum det_err (*const methods[])(const struct det_nms_run *) = {
		[DET_NMS_GREEDY] = det_nms_greedy,
		[DET_NMS_SOFT_LINEAR] = det_nms_soft,
		[DET_NMS_SOFT_GAUSS] = det_nms_soft,
		[DET_NMS_MATRIX_LINEAR] = det_nms_matrix,
		[DET_NMS_MATRIX_GAUSS] = det_nms_matrix,
		[DET_NMS_FUSE] = det_nms_fuse,
	};
	const struct work *w = ctx;
	struct det_nms_run run = w->all;

	(void)worker;
	run.r += w->start[i];
	run.n = w->start[i + 1] - w->start[i];
	w->e[i] = methods[run.p->method](&run);
}

static enum det_err
find_runs(struct work *w, int one)
{
	const struct det_rank *r = w->all.r;
	enum det_err e;

	for (size_t i = 0; i < w->all.n; i++)
		w->n += i == 0 || (!one && r[i].label != r[i - 1].label);
	if ((e = det_alloc(&w->start, w->n + 1, sizeof *w->start)) ||
	    (e = det_calloc(&w->e, w->n, sizeof *w->e)))
		return e;
	w->n = 0;
	for (size_t i = 0; i < w->all.n; i++)
		if (i == 0 || (!one && r[i].label != r[i - 1].label))
			w->start[w->n++] = i;
	w->start[w->n] = w->all.n;
	return DET_OK;
}

/* Every class by itself, or all boxes at once; r is sorted for it here. */
static enum det_err
suppress(struct det_boxes *b, unsigned char *keep, struct det_rank *r,
    struct det_rank *scratch, size_t n, const struct det_nms_params *p)
{
	int tricked = p->trick >= 0 && n <= TRICK_MAX, one = p->agnostic || tricked;
	struct work w = { .all = { .box = b->box,
			      .keep = keep,
			      .r = r,
			      .n = n,
			      .p = p,
			      .scan = det_nms_scan_best() } };
	enum det_err e = DET_OK;

	if (!one)
		det_rank_by_label(r, scratch, n);
	if (tricked && (e = trick(&w.all.shift, b->box, b->n, r, n, p)))
		goto out;
	if ((e = find_runs(&w, one)))
		goto out;
	det_parallel(n < PARALLEL_FROM ? 1 : p->threads, w.n, one_run, &w);
	/* the message of another thread is not ours: what can fail there is memory */
	for (size_t i = 0; i < w.n && !e; i++)
		if (w.e[i])
			e = det_fail(w.e[i], "no memory to compare %zu boxes", n);
out:
	free(w.all.shift);
	free(w.start);
	free(w.e);
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
		fetch_ahead(b->box, r, i, n);
		tmp[i] = b->box[r[i].index];
	}
	if (n)
		memcpy(b->box, tmp, n * sizeof *tmp);
	b->n = n;
	free(tmp);
	return DET_OK;
}

/* How many of r[0..n), which are sorted, the limit leaves. */
static size_t
limited(const struct det_rank *r, size_t n, const struct det_nms_params *p)
{
	size_t k = p->max && n > (size_t)p->max ? (size_t)p->max : n;

	while (p->max_ties && k > 0 && k < n && r[k].key == r[k - 1].key)
		k++;
	return k;
}

/* The boxes marked in keep, best first. */
static size_t
ranked(struct det_rank *r, struct det_rank *scratch, const struct det_boxes *b,
    const unsigned char *keep)
{
	size_t n = 0;

	/* in the order of the list, so that equal scores stay so when sorted */
	for (size_t i = 0; i < b->n; i++)
		if (keep[i])
			r[n++].index = (uint32_t)i;
	det_rank_by_score(r, scratch, n, b);
	return n;
}

/* Unmarks what its class has too many of; r has been ranked by score. */
static void
limit_classes(unsigned char *keep, struct det_rank *r, struct det_rank *scratch,
    size_t n, size_t limit)
{
	size_t first = 0;

	det_rank_by_label(r, scratch, n);
	for (size_t i = 0; i < n; i++) {
		if (r[i].label != r[first].label)
			first = i;
		keep[r[i].index] = i - first < limit;
	}
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
		keep[i] = b->box[i].score >= p->min_score;
	n = ranked(r, scratch, b, keep);
	if (p->pre_max_per_class) {
		limit_classes(keep, r, scratch, n, (size_t)p->pre_max_per_class);
		n = ranked(r, scratch, b, keep);
	}
	memset(keep, 0, b->n);
	if (p->pre_max && n > (size_t)p->pre_max)
		n = (size_t)p->pre_max;
	if ((e = suppress(b, keep, r, scratch, n, p)))
		goto out;
	kept = ranked(r, scratch, b, keep);
	e = gather(b, r, limited(r, kept, p));
out:
	free(keep);
	free(scratch);
	free(r);
	return e;
}
