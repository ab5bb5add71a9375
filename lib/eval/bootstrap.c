/* SPDX-License-Identifier: MIT
 *
 * Draw i has the random numbers of stream i, so it is the same whichever thread makes it.
 * AP of a draw is computed from the matches and weights (det_eval_weighted); equal scores of
 * different images stay in the order of the input. A draw without any object has no AP and
 * is left out.
 */
#include "eval/bootstrap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/random.h"

#define F DET_BOOTSTRAP_FIGURES

struct work {
	const struct det_eval *e[2];
	int sides;
	struct det_bootstrap_params p;
	size_t n;          /* figures */
	long iou[F];       /* threshold of each; DET_EVAL_EVERY: the mean */
	double *value;     /* [2][F][draws]; NaN: no objects */
	uint32_t *weight;  /* [threads][n_image] */
	uint32_t *scratch; /* [threads][2 * most detections] */
	double *ap;        /* [threads][classes * thresholds] */
	size_t most;
};

/* The mean over classes and thresholds that a figure is. */
static double
figure(const struct det_eval *e, const double *ap, long iou)
{
	const double *full = e->ap + det_eval_cell(e, 0, e->rule.n_max - 1, 0, 0);
	double sum = 0;
	size_t n = 0;

	for (size_t k = 0; k < e->n_class; k++)
		for (size_t t = 0; t < e->rule.n_iou; t++) {
			const double v = ap[k * e->rule.n_iou + t];

			if (iou >= 0 && (size_t)iou != t)
				continue;
			if (v >= 0)
				sum += v;
			/* a class that has no object at all counts as 0 where the rule
			 * says so; one that this draw has missed is left out */
			n += v >= 0 ||
			     (e->rule.absent && full[k * e->rule.n_iou + t] < 0);
		}
	return n ? sum / (double)n : NAN;
}

static void
draw(const void *ctx, size_t i, int worker)
{
	const struct work *w = ctx;
	const size_t images = w->e[0]->set->n_image;
	uint32_t *weight = w->weight + (size_t)worker * images;
	uint32_t *scratch = w->scratch + (size_t)worker * 2 * w->most;
	double *ap = w->ap + (size_t)worker * w->e[0]->n_class * w->e[0]->rule.n_iou;
	struct det_random r;

	memset(weight, 0, images * sizeof *weight);
	det_random_seed(&r, w->p.seed, i);
	for (size_t k = 0; k < images; k++)
		weight[det_random_below(&r, images)]++;
	for (int s = 0; s < w->sides; s++) {
		const struct det_eval *e = w->e[s];

		det_eval_weighted(ap, e, 0, e->rule.n_max - 1, weight, scratch);
		for (size_t f = 0; f < w->n; f++)
			w->value[((size_t)s * F + f) * w->p.draws + i] =
			    figure(e, ap, w->iou[f]);
	}
}

static int
ascending(const void *va, const void *vb)
{
	const double a = *(const double *)va, b = *(const double *)vb;

	return a < b ? -1 : a > b;
}

/* Between the two nearest of n sorted values. */
static double
quantile(const double *v, size_t n, double q)
{
	const double at = q * (double)(n - 1), low = floor(at);
	const size_t i = (size_t)low;

	return i + 1 < n ? v[i] + (at - low) * (v[i + 1] - v[i]) : v[n - 1];
}

/* Sorts v. */
static struct det_interval
interval(double *v, size_t n, double value, double level)
{
	struct det_interval r = { value, value, value, 0 };
	double sum = 0, squares = 0;

	if (n == 0)
		return r;
	for (size_t i = 0; i < n; i++)
		sum += v[i];
	for (size_t i = 0; i < n; i++)
		squares += (v[i] - sum / (double)n) * (v[i] - sum / (double)n);
	r.sd = n > 1 ? sqrt(squares / (double)(n - 1)) : 0;
	qsort(v, n, sizeof *v, ascending);
	r.lo = quantile(v, n, (1 - level) / 2);
	r.hi = quantile(v, n, (1 + level) / 2);
	return r;
}

static double
value_now(const struct det_eval *e, long iou)
{
	return det_eval_mean_ap(e, 0, e->rule.n_max - 1, DET_EVAL_EVERY, iou);
}

static void
summarise(struct det_bootstrap *out, struct work *w, size_t f, double *gain)
{
	double *a = w->value + f * w->p.draws, *b = a + F * w->p.draws;
	const double now = value_now(w->e[0], w->iou[f]);
	double better = 0, other;
	size_t n = 0;

	for (size_t i = 0; i < w->p.draws; i++) {
		if (isnan(a[i]))
			continue;
		a[n] = a[i];
		if (w->sides == 2) {
			b[n] = b[i];
			gain[n] = b[n] - a[n];
			better += gain[n] > 0 ? 1 : gain[n] == 0 ? .5 : 0;
		}
		n++;
	}
	out->used = n;
	out->a[f] = interval(a, n, now, w->p.level);
	if (w->sides < 2)
		return;
	other = value_now(w->e[1], w->iou[f]);
	out->b[f] = interval(b, n, other, w->p.level);
	out->gain[f] = interval(gain, n, other - now, w->p.level);
	out->better[f] = n ? better / (double)n : .5;
}

static void
choose_figures(struct det_bootstrap *out, struct work *w)
{
	static const double at[] = { .5, .75 };
	long i;

	w->n = 1;
	w->iou[0] = DET_EVAL_EVERY;
	(void)snprintf(out->name[0], sizeof out->name[0], "AP");
	for (size_t k = 0; k < 2; k++) {
		if ((i = det_eval_iou_index(&w->e[0]->rule, at[k])) < 0)
			continue;
		w->iou[w->n] = i;
		(void)snprintf(
		    out->name[w->n], sizeof out->name[0], "AP%.0f", at[k] * 100);
		w->n++;
	}
	out->n = w->n;
}

static enum det_err
check_same(const struct det_eval *a, const struct det_eval *b)
{
	if (!b)
		return DET_OK;
	if (strcmp(a->rule.name, b->rule.name) != 0 || a->n_class != b->n_class ||
	    a->rule.n_iou != b->rule.n_iou || a->set->n_image != b->set->n_image)
		return det_fail(DET_INVALID,
		    "two results of one rule for the same images expected");
	for (size_t i = 0; i < a->set->n_image; i++)
		if (a->set->image[i].id != b->set->image[i].id)
			return det_fail(DET_INVALID,
			    "image %zu is %lld in one result and %lld in the other", i,
			    (long long)a->set->image[i].id,
			    (long long)b->set->image[i].id);
	return DET_OK;
}

enum det_err
det_bootstrap_run(struct det_bootstrap *out, const struct det_eval *a,
    const struct det_eval *b, const struct det_bootstrap_params *p)
{
	struct work w = { .e = { a, b }, .sides = b ? 2 : 1, .p = *p };
	const size_t threads = p->threads > 1 ? (size_t)p->threads : 1;
	double *gain = NULL;
	size_t n;
	enum det_err e;

	*out = (struct det_bootstrap){ 0 };
	if ((e = check_same(a, b)))
		return e;
	choose_figures(out, &w);
	w.most = b && b->n > a->n ? b->n : a->n;
	if ((e = det_mul(&n, p->draws, (size_t)2 * F)) ||
	    (e = det_alloc(&w.value, n, sizeof *w.value)) ||
	    (e = det_alloc(&gain, p->draws, sizeof *gain)) ||
	    (e = det_mul(&n, threads, a->set->n_image)) ||
	    (e = det_alloc(&w.weight, n, sizeof *w.weight)) ||
	    (e = det_mul(&n, threads * 2, w.most)) ||
	    (e = det_alloc(&w.scratch, n, sizeof *w.scratch)) ||
	    (e = det_mul(&n, threads * a->rule.n_iou, a->n_class)) ||
	    (e = det_alloc(&w.ap, n, sizeof *w.ap)))
		goto done;
	if (a->set->n_image > 0)
		det_parallel((int)threads, p->draws, draw, &w);
	else
		w.p.draws = 0;
	for (size_t f = 0; f < w.n; f++)
		summarise(out, &w, f, gain);
done:
	free(w.value);
	free(w.weight);
	free(w.scratch);
	free(w.ap);
	free(gain);
	return e;
}
