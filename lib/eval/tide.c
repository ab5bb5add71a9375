/* SPDX-License-Identifier: MIT
 *
 * TIDE: a general toolbox for identifying object detection errors (Bolya, Foley, Hays,
 * Hoffman; ECCV 2020). After the authors' program, version 1.0:
 *
 * In each image the `max_dets` best detections, best first, each take the free object of
 * their class with the highest IoU, if that is at least `pos`. Those left over that cover an
 * ignored object (one with a flag of `ignore`) of their class (intersection over their own area above `pos`) count
 * neither way. Any other is an error, the first of these that holds:
 *
 *   Loc   best IoU with an object of its class is in [bg, pos]
 *   Cls   best IoU with an object of another class is at least pos
 *   Dupe  an object of its class that is taken has IoU of at least pos
 *   Bkg   best IoU with any object is at most bg
 *   Both  all else
 *
 * and an object that was not taken and is no Loc's or Cls's target is a Miss. Mending one
 * type alone gives another AP; its gain is the difference. Mended means: of the Loc (Cls)
 * errors with the same target, the best scored becomes a hit (of the target's class), if the
 * target was not taken, and the others go; Dupe, Bkg and Both go; for a Miss there is one
 * object less to be found. The gains don't add up to what is missing: mending all at once
 * gives 1.
 *
 * AP is over 101 recalls at IoU `pos`, its mean over the classes that have an object or a
 * detection: a class without objects that is detected counts as 0 here, as it does in the
 * authors' program, other than in rule coco.
 *
 * Departure: equal scores are in the order of the input everywhere.
 */
#include "eval/tide.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define NO_GT  UINT32_MAX
#define BARS   100
#define IS_HIT (-2)

enum verdict { OUT, HIT, ERROR }; /* OUT: cut off or ignored */

struct work {
	const struct det_eval_set *s;
	struct det_eval_byimage by;
	struct det_tide_params p;
	unsigned char *verdict, *type; /* of each detection */
	uint32_t *target;              /* of a Loc or Cls error */
	unsigned char *taken, *usable; /* of each object */
	uint32_t
	    *best; /* of each object: the best scored error that has it as target */
	/* detections that are not OUT, best first, with all that an AP needs of them: AP is
	 * computed nine times, and the set's own arrays are too wide for that */
	struct ranked {
		double score;
		uint32_t index;
		int32_t label, mended; /* mended: label once it is; -1: gone */
		int kind;              /* enum det_tide_type, or IS_HIT */
	} * rank;
	size_t n;
	double *iou; /* of one image: [det][gt] */
	/* of one AP */
	size_t *npos, *tp, *seen, *start; /* [classes], [classes + 1] */
	double *precision;                /* at each true positive, class by class */
};

static int
is_ignored(const struct work *w, const struct det_eval_gt *g)
{
	return (g->flags & w->p.ignore) != 0;
}

/* One image. */
struct view {
	const uint32_t *det, *gt;
	size_t nd, ng;
};

static struct view
view_of(const struct work *w, size_t i)
{
	const struct det_eval_byimage *b = &w->by;
	struct view v = { b->det + b->det_start[i], b->gt + b->gt_start[i],
		b->det_start[i + 1] - b->det_start[i],
		b->gt_start[i + 1] - b->gt_start[i] };

	v.nd = v.nd < w->p.max_dets ? v.nd : w->p.max_dets;
	return v;
}

/* The best of the image's objects that count, for detection d: `same` 1 of its class, 0 of
 * others, -1 any; `taken` 1 those taken, 0 those free, -1 any. */
static double
best_of(uint32_t *which, const struct work *w, const struct view *v, size_t d, int same,
    int taken)
{
	const int32_t label = w->s->det[v->det[d]].label;
	double best = 0;

	*which = NO_GT;
	for (size_t k = 0; k < v->ng; k++) {
		const struct det_eval_gt *g = &w->s->gt[v->gt[k]];
		const double iou = w->iou[d * v->ng + k];

		if (is_ignored(w, g) || (same >= 0 && (g->label == label) != same) ||
		    (taken >= 0 && w->taken[v->gt[k]] != taken))
			continue;
		if (*which == NO_GT || iou > best) {
			best = iou;
			*which = v->gt[k];
		}
	}
	return best;
}

static int
covers_ignored(const struct work *w, const struct view *v, size_t d)
{
	const struct det_eval_det *b = &w->s->det[v->det[d]];

	for (size_t k = 0; k < v->ng; k++) {
		const struct det_eval_gt *g = &w->s->gt[v->gt[k]];

		if (is_ignored(w, g) && g->label == b->label &&
		    det_eval_common(&b->r, &g->r) > w->p.pos * b->r.size)
			return 1;
	}
	return 0;
}

static void
aim(struct work *w, uint32_t det, uint32_t gt)
{
	const struct det_eval_det *all = w->s->det;

	w->target[det] = gt;
	if (w->taken[gt])
		return;
	w->usable[gt] = 1;
	if (w->best[gt] == NO_GT || all[det].score > all[w->best[gt]].score)
		w->best[gt] = det;
}

static enum det_tide_type
type_of(struct work *w, const struct view *v, size_t d)
{
	uint32_t gt;
	double iou = best_of(&gt, w, v, d, 1, -1);

	if (gt != NO_GT && iou >= w->p.bg && iou <= w->p.pos) {
		aim(w, v->det[d], gt);
		return DET_TIDE_LOC;
	}
	iou = best_of(&gt, w, v, d, 0, -1);
	if (gt != NO_GT && iou >= w->p.pos) {
		aim(w, v->det[d], gt);
		return DET_TIDE_CLS;
	}
	iou = best_of(&gt, w, v, d, 1, 1);
	if (gt != NO_GT && iou >= w->p.pos)
		return DET_TIDE_DUPE;
	return best_of(&gt, w, v, d, -1, -1) <= w->p.bg ? DET_TIDE_BKG : DET_TIDE_BOTH;
}

static void
judge_image(struct work *w, const struct view *v)
{
	uint32_t gt;

	for (size_t d = 0; d < v->nd; d++)
		for (size_t k = 0; k < v->ng; k++)
			w->iou[d * v->ng + k] = det_eval_iou(
			    &w->s->det[v->det[d]].r, &w->s->gt[v->gt[k]].r);
	for (size_t d = 0; d < v->nd; d++) {
		w->verdict[v->det[d]] = ERROR;
		if (best_of(&gt, w, v, d, 1, 0) >= w->p.pos && gt != NO_GT) {
			w->verdict[v->det[d]] = HIT;
			w->taken[gt] = 1;
		}
	}
	for (size_t d = 0; d < v->nd; d++) {
		if (w->verdict[v->det[d]] == HIT)
			continue;
		if (covers_ignored(w, v, d))
			w->verdict[v->det[d]] = OUT;
		else
			w->type[v->det[d]] = (unsigned char)type_of(w, v, d);
	}
}

/* What a detection is once errors of type `fix` are mended: 1 a hit of *label, 0 a false
 * positive, -1 gone. */
static int
outcome(const struct ranked *r, int fix, int32_t *label)
{
	*label = r->label;
	if (r->kind == IS_HIT)
		return 1;
	if (r->kind != fix)
		return 0;
	*label = r->mended;
	return r->mended < 0 ? -1 : 1;
}

static double
class_ap(const double *precision, size_t n, size_t npos)
{
	double sum = 0, top = 0;
	size_t k = n;

	/* from the highest recall down: the envelope as it grows */
	for (int bar = BARS; bar >= 0; bar--) {
		const double at = (double)bar / BARS;

		while (k > 0 && (double)k / (double)npos >= at) {
			k--;
			top = precision[k] > top ? precision[k] : top;
		}
		/* the first hit that reaches `at` was taken in, none before it */
		sum += k < n ? top : 0;
	}
	return sum / (BARS + 1);
}

/* AP with errors of one type mended (-1: none); `ahead`: false positives come last. */
static double
ap_with(struct work *w, int fix, int ahead)
{
	const size_t classes = w->s->classes.n;
	double sum = 0;
	size_t n = 0;
	int32_t label;

	memset(w->start, 0, (classes + 1) * sizeof *w->start);
	memset(w->tp, 0, classes * sizeof *w->tp);
	memset(w->seen, 0, classes * sizeof *w->seen);
	for (size_t i = 0; i < w->n; i++)
		if (outcome(&w->rank[i], fix, &label) > 0)
			w->start[label + 1]++;
	for (size_t k = 0; k < classes; k++)
		w->start[k + 1] += w->start[k];
	for (size_t i = 0; i < w->n; i++) {
		const int what = outcome(&w->rank[i], fix, &label);

		if (what < 0)
			continue;
		w->seen[label]++;
		if (what == 0)
			continue;
		w->tp[label]++;
		w->precision[w->start[label] + w->tp[label] - 1] =
		    ahead ? 1 : (double)w->tp[label] / (double)w->seen[label];
	}
	for (size_t k = 0; k < classes; k++) {
		if (w->npos[k] == 0 && w->seen[k] == 0)
			continue;
		n++;
		if (w->npos[k] > 0)
			sum +=
			    class_ap(w->precision + w->start[k], w->tp[k], w->npos[k]);
	}
	return n ? sum / (double)n : -1;
}

/* npos, without the objects that are missed: `all`, or those that nothing would find. */
static void
count_objects(struct work *w, int missed, int all)
{
	memset(w->npos, 0, w->s->classes.n * sizeof *w->npos);
	for (size_t i = 0; i < w->s->n_gt; i++) {
		const struct det_eval_gt *g = &w->s->gt[i];

		if (g->label < 0 || is_ignored(w, g))
			continue;
		if (missed && !w->taken[i] && (all || !w->usable[i]))
			continue;
		w->npos[g->label]++;
	}
}

static int
better_first(const void *va, const void *vb)
{
	const struct ranked *a = va, *b = vb;

	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	return a->index < b->index ? -1 : 1;
}

static void
rank_all(struct work *w)
{
	for (size_t i = 0; i < w->s->n_det; i++) {
		const struct det_eval_det *d = &w->s->det[i];
		struct ranked *r = &w->rank[w->n];
		const int kind = w->verdict[i] == HIT ? IS_HIT : w->type[i];

		if (w->verdict[i] == OUT)
			continue;
		*r = (struct ranked){ d->score, (uint32_t)i, d->label, -1, kind };
		if ((kind == DET_TIDE_LOC || kind == DET_TIDE_CLS) &&
		    w->best[w->target[i]] == i)
			r->mended = w->s->gt[w->target[i]].label;
		w->n++;
	}
	if (w->n > 1)
		qsort(w->rank, w->n, sizeof *w->rank, better_first);
}

static enum det_err
work_make(struct work *w)
{
	const size_t nd = w->s->n_det, ng = w->s->n_gt, classes = w->s->classes.n;
	size_t most, pairs;
	enum det_err e;

	if ((e = det_eval_byimage_make(&w->by, w->s)))
		return e;
	most = w->by.most_det < w->p.max_dets ? w->by.most_det : w->p.max_dets;
	if ((e = det_mul(&pairs, most, w->by.most_gt)) ||
	    (e = det_calloc(&w->verdict, nd, 1)) || (e = det_calloc(&w->type, nd, 1)) ||
	    (e = det_alloc(&w->target, nd, sizeof *w->target)) ||
	    (e = det_alloc(&w->rank, nd, sizeof *w->rank)) ||
	    (e = det_alloc(&w->precision, nd, sizeof *w->precision)) ||
	    (e = det_calloc(&w->taken, ng, 1)) || (e = det_calloc(&w->usable, ng, 1)) ||
	    (e = det_alloc(&w->best, ng, sizeof *w->best)) ||
	    (e = det_alloc(&w->iou, pairs, sizeof *w->iou)) ||
	    (e = det_alloc(&w->npos, classes, sizeof *w->npos)) ||
	    (e = det_alloc(&w->tp, classes, sizeof *w->tp)) ||
	    (e = det_alloc(&w->seen, classes, sizeof *w->seen)) ||
	    (e = det_alloc(&w->start, classes + 1, sizeof *w->start)))
		return e;
	memset(w->best, 0xff, ng * sizeof *w->best);
	return DET_OK;
}

static void
work_release(struct work *w)
{
	det_eval_byimage_release(&w->by);
	free(w->verdict);
	free(w->type);
	free(w->target);
	free(w->rank);
	free(w->precision);
	free(w->taken);
	free(w->usable);
	free(w->best);
	free(w->iou);
	free(w->npos);
	free(w->tp);
	free(w->seen);
	free(w->start);
}

static void
measure(struct det_tide *out, struct work *w)
{
	const struct det_eval_set *s = w->s;
	double ap;

	for (size_t i = 0; i < w->n; i++)
		if (w->rank[i].kind != IS_HIT)
			out->count[w->rank[i].kind]++;
	for (size_t i = 0; i < s->n_gt; i++)
		out->count[DET_TIDE_MISS] += s->gt[i].label >= 0 &&
					     !is_ignored(w, &s->gt[i]) &&
					     !w->taken[i] && !w->usable[i];
	count_objects(w, 0, 0);
	out->ap = ap_with(w, -1, 0);
	for (int k = 0; k < DET_TIDE_MISS; k++) {
		ap = ap_with(w, k, 0);
		out->gain[k] = ap > out->ap ? ap - out->ap : 0;
	}
	out->gain_fp = ap_with(w, -1, 1) - out->ap;
	count_objects(w, 1, 0);
	ap = ap_with(w, -1, 0);
	out->gain[DET_TIDE_MISS] = ap > out->ap ? ap - out->ap : 0;
	count_objects(w, 1, 1);
	out->gain_fn = ap_with(w, -1, 0) - out->ap;
}

enum det_err
det_tide_run(
    struct det_tide *out, const struct det_eval_set *s, const struct det_tide_params *p)
{
	struct work w = { .s = s, .p = *p };
	enum det_err e;

	*out = (struct det_tide){ .p = *p };
	if ((e = work_make(&w)))
		goto done;
	for (size_t i = 0; i < s->n_image; i++) {
		const struct view v = view_of(&w, i);

		judge_image(&w, &v);
	}
	rank_all(&w);
	measure(out, &w);
done:
	work_release(&w);
	return e;
}

const char *
det_tide_name(enum det_tide_type type, const char **about)
{
	static const char *const names[][2] = {
		{ "Cls", "well placed, of another class" },
		{ "Loc", "of the right class, badly placed" },
		{ "Both", "neither well placed nor of the right class" },
		{ "Dupe", "a second detection of an object" },
		{ "Bkg", "nothing is there" },
		{ "Miss", "objects that were not detected" },
	};

	if (about)
		*about = names[type][1];
	return names[type][0];
}
