/* SPDX-License-Identifier: MIT
 *
 * From matches to figures. Only true positives move recall, and between two of them
 * precision only falls, so a curve is the list of its true positives:
 *
 *   recall     r_k = (k + 1) / npos
 *   precision  p_k = (k + 1) / (seen_k + eps)       eps: 2^-52 by COCO's rule, else 0
 *   envelope   e_k = max of p_j, j >= k
 *
 * AP by COCO's points (cocoeval.py, accumulate) is the mean, over recalls 0, .01 ... 1, of
 * the envelope at the first r_k at or above; 0 where there is none. By VOC 2007 (VOCap,
 * voc_ap) the same over eleven. By VOC 2010 (VOCdevkit's VOCap, voc_ap) and Darknet's
 * `detector map` it is the area under the envelope, sum of (r_k - r_(k-1)) e_k. The points
 * are the doubles of those implementations: i * .01, i * .1 for Python (the eighth is
 * .7000000000000001, which a recall of 7/10 does not reach), and for MATLAB's 0:.1:1, which
 * counts from both ends, i * .1 up to the middle and 1 - (10 - i) * .1 beyond.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "eval/eval_impl.h"

#define COCO_EPS 0x1p-52
#define MOST     101 /* points */

double
det_eval_curve_precision(const struct det_eval_curve *c, size_t k)
{
	return (double)(k + 1) / ((double)c->seen[k] + c->eps);
}

double
det_eval_curve_recall(const struct det_eval_curve *c, size_t k)
{
	return (double)(k + 1) / (double)c->npos;
}

/* The recalls that AP is read at. Returns how many they are. */
static size_t
fill_points(double *at, enum det_eval_points points)
{
	size_t n = points == DET_EVAL_POINTS_101 ? 101 : 11;
	double step = n == 101 ? .01 : .1;

	for (size_t i = 0; i < n; i++)
		at[i] = (double)i * step;
	if (points == DET_EVAL_POINTS_11_MATLAB)
		for (size_t i = 6; i < n; i++) {
			double back = (double)(n - 1 - i) * step;

			at[i] = 1 - back;
		}
	at[n - 1] = points == DET_EVAL_POINTS_101 ? 1 : at[n - 1];
	return n;
}

/* AP gathered from the last true positive to the first. */
struct gather {
	double at[MOST];
	size_t n;         /* points not yet passed; 0 for the area */
	size_t n_all;     /* points; 0: the area */
	double best, sum; /* envelope, what it made so far */
};

static void
gather_start(struct gather *g, enum det_eval_points points)
{
	g->n_all = points == DET_EVAL_POINTS_ALL ? 0 : fill_points(g->at, points);
	g->n = g->n_all;
	g->best = 0;
	g->sum = 0;
}

static void
gather_skip(struct gather *g, double recall)
{
	while (g->n && g->at[g->n - 1] > recall)
		g->n--;
}

/* One more: its precision, its recall and that before it. All points in (before, recall],
 * and those at or below 0 with the first one, have the envelope as it is now. */
static void
gather_add(struct gather *g, double precision, double recall, double before)
{
	if (precision > g->best)
		g->best = precision;
	if (g->n_all == 0)
		g->sum += (recall - before) * g->best;
	while (g->n && (g->at[g->n - 1] > before || before <= 0)) {
		g->sum += g->best;
		g->n--;
	}
}

static double
gather_end(const struct gather *g)
{
	return g->n_all ? g->sum / (double)g->n_all : g->sum;
}

double
det_eval_curve_ap(const struct det_eval_curve *c, enum det_eval_points points)
{
	struct gather g;

	if (c->npos == 0)
		return -1;
	gather_start(&g, points);
	if (c->ntp)
		gather_skip(&g, det_eval_curve_recall(c, c->ntp - 1));
	for (size_t k = c->ntp; k-- > 0;)
		gather_add(&g, det_eval_curve_precision(c, k),
		    det_eval_curve_recall(c, k), (double)k / (double)c->npos);
	return gather_end(&g);
}

void
det_eval_curve_envelope(
    double *out, const struct det_eval_curve *c, const double *at, size_t n)
{
	double best = 0;

	for (size_t k = c->ntp; n > 0; n--) {
		while (k > 0 && det_eval_curve_recall(c, k - 1) >= at[n - 1]) {
			double p = det_eval_curve_precision(c, --k);

			best = p > best ? p : best;
		}
		out[n - 1] = best;
	}
}

/* One class in one area: the curves of all limits and thresholds at once. */
struct tally {
	struct det_eval *e;
	struct det_eval_curve *curve; /* [n_max][apart], n_iou of them in use */
	size_t apart;
	size_t from, to; /* the class in e->order */
	const uint32_t *hit, *ignored;
	/* counted so far, by limit: at every threshold; the few more, by threshold */
	size_t all[DET_EVAL_MAX_DETS], extra[DET_EVAL_MAX_DETS][DET_EVAL_MAX_IOU];
};

static struct tally
tally_of(struct det_eval *e, size_t area, size_t class)
{
	const size_t cell = det_eval_cell(e, area, 0, class, 0);

	return (struct tally){
		.e = e,
		.curve = e->curve + cell,
		.apart = e->n_class * e->rule.n_iou,
		.from = e->start[class],
		.to = e->start[class + 1],
		.hit = e->hit + area * e->n,
		.ignored = e->ignored + area * e->n,
	};
}

/* The true positives alone, so that room can be made for them. */
static void
tally_count(struct tally *y)
{
	const struct det_eval_rule *r = &y->e->rule;

	for (size_t i = y->from; i < y->to; i++)
		for (uint32_t b = y->hit[i] & ~y->ignored[i]; b; b &= b - 1)
			for (size_t m = r->n_max;
			     m-- > 0 && y->e->rank[i] < r->max_dets[m];)
				y->curve[m * y->apart + (size_t)__builtin_ctz(b)].ntp++;
}

/* Detection i is one more under limit m. */
static void
tally_add(struct tally *y, size_t i, size_t m)
{
	const uint32_t ignored = y->ignored[i];

	if (ignored == 0)
		y->all[m]++;
	else
		for (size_t t = 0; t < y->e->rule.n_iou; t++)
			y->extra[m][t] += !(ignored >> t & 1);
	for (uint32_t b = y->hit[i] & ~ignored; b; b &= b - 1) {
		const size_t t = (size_t)__builtin_ctz(b);
		struct det_eval_curve *c = &y->curve[m * y->apart + t];

		c->at[c->ntp] = (uint32_t)(i - y->from);
		c->seen[c->ntp++] = (uint32_t)(y->all[m] + y->extra[m][t]);
	}
}

static void
tally_write(struct tally *y)
{
	const struct det_eval_rule *r = &y->e->rule;
	const uint32_t full = UINT32_MAX >> (32 - r->n_iou);

	for (size_t m = 0; m < r->n_max; m++)
		for (size_t t = 0; t < r->n_iou; t++)
			y->curve[m * y->apart + t].ntp = 0;
	for (size_t i = y->from; i < y->to; i++)
		if (y->ignored[i] != full)
			for (size_t m = r->n_max;
			     m-- > 0 && y->e->rank[i] < r->max_dets[m];)
				tally_add(y, i, m);
	for (size_t m = 0; m < r->n_max; m++)
		for (size_t t = 0; t < r->n_iou; t++)
			y->curve[m * y->apart + t].counted = y->all[m] + y->extra[m][t];
}

static void
figures(struct det_eval *e, size_t cell)
{
	const struct det_eval_curve *c = &e->curve[cell];

	e->ap[cell] = det_eval_curve_ap(c, e->rule.points);
	e->recall[cell] = c->npos ? (double)c->ntp / (double)c->npos : -1;
}

struct curves {
	struct det_eval *e;
	int write;
};

static void
class_curves(const void *ctx, size_t class, int worker)
{
	const struct curves *v = ctx;
	const struct det_eval_rule *r = &v->e->rule;

	(void)worker;
	for (size_t a = 0; a < r->n_area; a++) {
		struct tally y = tally_of(v->e, a, class);

		if (!v->write) {
			tally_count(&y);
			continue;
		}
		tally_write(&y);
		for (size_t m = 0; m < r->n_max; m++)
			for (size_t t = 0; t < r->n_iou; t++)
				figures(v->e, det_eval_cell(v->e, a, m, class, t));
	}
}

enum det_err
det_eval_curves(struct det_eval *e, const size_t *npos, int threads)
{
	struct curves v = { .e = e };
	size_t total = 0;
	enum det_err err;

	det_parallel(threads, e->n_class, class_curves, &v);
	for (size_t i = 0; i < e->n_cell; i++)
		if ((err = det_add(&total, total, e->curve[i].ntp)))
			return err;
	if ((err = det_mul(&total, total, 2)) ||
	    (err = det_alloc(&e->points, total, sizeof *e->points)))
		return err;
	total = 0;
	for (size_t i = 0; i < e->n_cell; i++) {
		struct det_eval_curve *c = &e->curve[i];
		size_t class = i / e->rule.n_iou % e->n_class;
		size_t area = i / e->rule.n_iou / e->n_class / e->rule.n_max;

		c->npos = npos[area * e->n_class + class];
		c->eps = e->rule.points == DET_EVAL_POINTS_101 ? COCO_EPS : 0;
		c->at = e->points + total;
		c->seen = c->at + c->ntp;
		total += 2 * c->ntp;
	}
	v.write = 1;
	det_parallel(threads, e->n_class, class_curves, &v);
	return DET_OK;
}

/* Places of detections that are ignored at some thresholds but not at all follow the sums
 * in scratch. */
struct weigher {
	const struct det_eval *e;
	const uint32_t *weight, *ignored;
	uint32_t *sum, *mixed; /* of the class: counted so far; places of the mixed */
	size_t n_mixed, all;
	size_t from, class;
	double npos;
};

static void
weigh_class(struct weigher *w, size_t limit, uint32_t full)
{
	const struct det_eval *e = w->e;
	const size_t to = e->start[w->class + 1];
	uint32_t sum = 0;

	w->from = e->start[w->class];
	w->n_mixed = 0;
	for (size_t i = w->from; i < to; i++) {
		if (w->ignored[i] == 0) {
			if (e->rank[i] < limit)
				sum += w->weight[e->image[i]];
		} else if (w->ignored[i] != full && e->rank[i] < limit) {
			w->mixed[w->n_mixed++] = (uint32_t)(i - w->from);
		}
		w->sum[i - w->from] = sum;
	}
}

static double
weigh_curve(const struct weigher *w, const struct det_eval_curve *c, size_t t)
{
	const struct det_eval *e = w->e;
	const uint32_t *image = e->image + w->from;
	size_t m = w->n_mixed;
	double mixed = 0, tp = 0;
	struct gather g;

	gather_start(&g, e->rule.points);
	for (size_t k = 0; k < c->ntp; k++)
		tp += (double)w->weight[image[c->at[k]]];
	for (size_t j = 0; j < m; j++)
		if (!(w->ignored[w->from + w->mixed[j]] >> t & 1))
			mixed += (double)w->weight[image[w->mixed[j]]];
	gather_skip(&g, tp / w->npos);
	for (size_t k = c->ntp; k-- > 0;) {
		const uint32_t at = c->at[k];
		const double here = (double)w->weight[image[at]];

		for (; m > 0 && w->mixed[m - 1] > at; m--)
			if (!(w->ignored[w->from + w->mixed[m - 1]] >> t & 1))
				mixed -= (double)w->weight[image[w->mixed[m - 1]]];
		/* what was not drawn adds nothing: precision is no higher there than at the
		 * hit before it, and 0/0 is not above anything */
		gather_add(&g, tp / ((double)w->sum[at] + mixed + c->eps), tp / w->npos,
		    (tp - here) / w->npos);
		tp -= here;
	}
	return gather_end(&g);
}

/* Objects that count, each as often as its image. */
static void
weigh_objects(
    double *npos, const struct det_eval *e, size_t area, const uint32_t *weight)
{
	const uint8_t *ignored = e->gt_ignored + area * e->set->n_gt;

	for (size_t i = 0; i < e->set->n_gt; i++) {
		const struct det_eval_gt *g = &e->set->gt[i];

		if (!ignored[i])
			npos[det_eval_class(e, g->label) * e->rule.n_iou] +=
			    (double)weight[g->image];
	}
}

void
det_eval_weighted(double *ap, const struct det_eval *e, size_t area, size_t max,
    const uint32_t *weight, uint32_t *scratch)
{
	const size_t n_iou = e->rule.n_iou;
	const uint32_t full = UINT32_MAX >> (32 - n_iou);
	struct weigher w = {
		.e = e,
		.weight = weight,
		.ignored = e->ignored + area * e->n,
		.sum = scratch,
		.mixed = scratch + e->n,
	};

	for (size_t k = 0; k < e->n_class; k++)
		ap[k * n_iou] = 0;
	/* each class's first figure is its number of objects until its turn comes */
	weigh_objects(ap, e, area, weight);
	for (w.class = 0; w.class < e->n_class; w.class ++) {
		const size_t cell = det_eval_cell(e, area, max, w.class, 0);
		double *out = ap + w.class * n_iou;

		w.npos = out[0];
		if (w.npos > 0)
			weigh_class(&w, e->rule.max_dets[max], full);
		for (size_t t = 0; t < n_iou; t++)
			out[t] =
			    w.npos > 0 ? weigh_curve(&w, &e->curve[cell + t], t) : -1;
	}
}
