/* SPDX-License-Identifier: MIT
 *
 * AP of a set in which images count several times or not at all, from the curves that are
 * there. The order of detections and what they match stay as they are; what changes is how
 * much each adds. So a draw costs a walk over the weights (the sums of what is counted, for
 * each class) and then, for each threshold, one over the true positives.
 *
 * A detection that counts at every threshold is in the sums. The few that count at some
 * (they met a crowd at a low threshold and nothing at a high one) are kept aside, and looked
 * through for each threshold.
 */
#include "eval/eval_gather.h"
#include "eval/eval_impl.h"

struct weigher {
	const struct det_eval *e;
	const uint32_t *weight;
	size_t limit;
	/* of the class at hand */
	struct det_eval_reach reach;
	const uint32_t *image, *rank, *ignored;
	size_t n;
	uint32_t *sum;   /* counted at every threshold, up to and with each */
	uint32_t *mixed; /* places of those that count at some */
	size_t n_mixed;
};

static void
weigh_class(struct weigher *w, uint32_t full)
{
	uint32_t sum = 0;

	w->n_mixed = 0;
	for (size_t i = 0; i < w->n; i++) {
		if (w->ignored[i] == 0 && w->rank[i] < w->limit)
			sum += w->weight[w->image[i]];
		else if (w->ignored[i] != full && w->rank[i] < w->limit)
			w->mixed[w->n_mixed++] = (uint32_t)i;
		w->sum[i] = sum;
	}
}

/* What place j of the mixed adds at threshold t. */
static uint32_t
mixed_weight(const struct weigher *w, size_t j, size_t t)
{
	const uint32_t at = w->mixed[j];

	return w->ignored[at] >> t & 1 ? 0 : w->weight[w->image[at]];
}

static double
weigh_curve(const struct weigher *w, const struct det_eval_curve *c, size_t t)
{
	size_t m = w->n_mixed;
	uint32_t mixed = 0, hits = 0;
	struct det_eval_gather g;

	for (size_t k = 0; k < c->ntp; k++)
		hits += w->weight[w->image[c->at[k]]];
	for (size_t j = 0; j < m; j++)
		mixed += mixed_weight(w, j, t);
	g = det_eval_gather_start(&w->reach, hits);
	for (size_t k = c->ntp; k-- > 0;) {
		const uint32_t at = c->at[k];
		const uint32_t before = hits - w->weight[w->image[at]];

		for (; m > 0 && w->mixed[m - 1] > at; m--)
			mixed -= mixed_weight(w, m - 1, t);
		/* what was not drawn adds nothing: precision is no higher there than at the
		 * hit before it, and 0/0 is not above anything */
		det_eval_gather_add(&g,
		    (double)hits / ((double)(w->sum[at] + mixed) + c->eps), hits,
		    before);
		hits = before;
	}
	return det_eval_gather_end(&g);
}

/* Objects that count, each as often as its image: into every n_iou-th of npos. */
static void
weigh_objects(
    double *npos, const struct det_eval *e, size_t area, const uint32_t *weight)
{
	const uint8_t *ignored = e->gt_ignored + area * e->set->n_gt;

	for (size_t k = 0; k < e->n_class; k++)
		npos[k * e->rule.n_iou] = 0;
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
		.limit = e->rule.max_dets[max],
		.sum = scratch,
		.mixed = scratch + e->n,
	};

	/* each class's first figure is its number of objects until its turn comes */
	weigh_objects(ap, e, area, weight);
	for (size_t k = 0; k < e->n_class; k++) {
		const size_t cell = det_eval_cell(e, area, max, k, 0);
		double *out = ap + k * n_iou;
		const double npos = out[0];

		w.image = e->image + e->start[k];
		w.rank = e->rank + e->start[k];
		w.ignored = e->ignored + area * e->n + e->start[k];
		w.n = e->start[k + 1] - e->start[k];
		if (npos > 0) {
			det_eval_reach(&w.reach, e->rule.points, (uint64_t)npos);
			weigh_class(&w, full);
		}
		for (size_t t = 0; t < n_iou; t++)
			out[t] =
			    npos > 0 ? weigh_curve(&w, &e->curve[cell + t], t) : -1;
	}
}
