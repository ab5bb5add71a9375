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
#include "eval/eval_gather.h"
#include "eval/eval_impl.h"

#define COCO_EPS 0x1p-52

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
	const size_t n = points == DET_EVAL_POINTS_101 ? 101 : 11;
	const double step = n == 101 ? .01 : .1;

	for (size_t i = 0; i < n; i++)
		at[i] = (double)i * step;
	if (points == DET_EVAL_POINTS_11_MATLAB)
		for (size_t i = n / 2 + 1; i < n; i++) {
			double back = (double)(n - 1 - i) * step;

			at[i] = 1 - back;
		}
	return n;
}

void
det_eval_reach(struct det_eval_reach *r, enum det_eval_points points, uint64_t npos)
{
	double at[DET_EVAL_POINTS_MOST];

	r->npos = (double)npos;
	r->n = points == DET_EVAL_POINTS_ALL ? 0 : fill_points(at, points);
	for (size_t i = 0; i < r->n; i++) {
		uint64_t k = (uint64_t)(at[i] * r->npos);

		/* the product rounds, the quotient decides */
		while (k > 1 && (double)(k - 1) / r->npos >= at[i])
			k--;
		while (k < 1 || (double)k / r->npos < at[i])
			k++;
		r->need[i] = k;
	}
}

static double
curve_ap(const struct det_eval_curve *c, const struct det_eval_reach *r)
{
	struct det_eval_gather g = det_eval_gather_start(r, c->ntp);

	if (c->npos == 0)
		return -1;
	for (size_t k = c->ntp; k-- > 0;)
		det_eval_gather_add(&g, det_eval_curve_precision(c, k), k + 1, k);
	return det_eval_gather_end(&g);
}

double
det_eval_curve_ap(const struct det_eval_curve *c, enum det_eval_points points)
{
	struct det_eval_reach r;

	det_eval_reach(&r, points, c->npos ? c->npos : 1);
	return curve_ap(c, &r);
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
figures(struct det_eval *e, size_t cell, const struct det_eval_reach *reach)
{
	const struct det_eval_curve *c = &e->curve[cell];

	e->ap[cell] = curve_ap(c, reach);
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
	struct det_eval_reach reach;

	(void)worker;
	for (size_t a = 0; a < r->n_area; a++) {
		struct tally y = tally_of(v->e, a, class);

		if (!v->write) {
			tally_count(&y);
			continue;
		}
		tally_write(&y);
		/* all its cells have as many objects */
		det_eval_reach(&reach, r->points, y.curve->npos ? y.curve->npos : 1);
		for (size_t m = 0; m < r->n_max; m++)
			for (size_t t = 0; t < r->n_iou; t++)
				figures(
				    v->e, det_eval_cell(v->e, a, m, class, t), &reach);
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
