/* SPDX-License-Identifier: MIT
 *
 * Localization Recall Precision (Oksuz, Cam, Akbas, Kalkan; ECCV 2018). With threshold t,
 * over the detections scored at least s:
 *
 *   LRP(s) = (sum over TP of (1 - IoU) / (1 - t)  +  FP  +  FN) / (TP + FP + FN)
 *
 * oLRP is the least of LRP(s) over all s that are scores, and over no detections at all,
 * where it is 1. The components are those at that s. Matching is the rule's; equal scores go
 * together; of equal LRP the highest score is taken.
 */
#include "eval/lrp.h"

#include "eval/byimage.h"

struct sums {
	size_t tp, fp;
	double off; /* sum of 1 - IoU */
};

static struct det_lrp
parts(const struct sums *s, size_t npos, double t, double score)
{
	const double tp = (double)s->tp, fp = (double)s->fp, n = (double)npos;
	struct det_lrp l = { 1, -1, -1, -1, score };

	l.lrp = (s->off / (1 - t) + fp + (n - tp)) / (fp + n);
	l.loc = s->tp ? s->off / tp : -1;
	l.fp = s->tp + s->fp ? fp / (tp + fp) : -1;
	l.fn = 1 - tp / n;
	return l;
}

static struct det_lrp
of_class(const struct det_eval *e, size_t class, size_t iou)
{
	const size_t max = e->rule.n_max - 1, end = e->start[class + 1];
	const size_t npos = e->curve[det_eval_cell(e, 0, max, class, iou)].npos;
	struct det_lrp best = { 1, -1, -1, 1, -1 }, now;
	struct sums s = { 0, 0, 0 };

	if (npos == 0)
		return (struct det_lrp){ -1, -1, -1, -1, -1 };
	for (size_t i = e->start[class]; i < end; i++) {
		const struct det_eval_det *d = &e->set->det[e->order[i]];
		const int32_t g = e->gt[iou * e->n + i];

		if (e->rank[i] < e->rule.max_dets[max] && !(e->ignored[i] >> iou & 1)) {
			const int hit = e->hit[i] >> iou & 1;

			s.tp += hit == 1;
			s.fp += hit == 0;
			if (hit && g >= 0)
				s.off += 1 - det_eval_iou(&d->r, &e->set->gt[g].r);
		}
		if (i + 1 < end && e->set->det[e->order[i + 1]].score == d->score)
			continue;
		now = parts(&s, npos, e->rule.iou[iou], d->score);
		if (now.lrp < best.lrp)
			best = now;
	}
	return best;
}

enum det_err
det_lrp_classes(struct det_lrp *out, const struct det_eval *e, size_t iou)
{
	if (!e->gt || iou >= e->rule.n_iou || !(e->rule.iou[iou] < 1))
		return det_fail(DET_INVALID, "LRP needs a threshold below 1 and which "
					     "object each detection met");
	for (size_t k = 0; k < e->n_class; k++)
		out[k] = of_class(e, k, iou);
	return DET_OK;
}

static void
add(double *sum, size_t *n, double v)
{
	if (v >= 0) {
		*sum += v;
		++*n;
	}
}

struct det_lrp
det_lrp_mean(const struct det_lrp *of, size_t n)
{
	struct det_lrp m = { 0, 0, 0, 0, -1 };
	size_t k[4] = { 0, 0, 0, 0 };

	for (size_t i = 0; i < n; i++) {
		add(&m.lrp, &k[0], of[i].lrp);
		add(&m.loc, &k[1], of[i].loc);
		add(&m.fp, &k[2], of[i].fp);
		add(&m.fn, &k[3], of[i].fn);
	}
	m.lrp = k[0] ? m.lrp / (double)k[0] : -1;
	m.loc = k[1] ? m.loc / (double)k[1] : -1;
	m.fp = k[2] ? m.fp / (double)k[2] : -1;
	m.fn = k[3] ? m.fn / (double)k[3] : -1;
	return m;
}
