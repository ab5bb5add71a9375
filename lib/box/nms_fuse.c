/* SPDX-License-Identifier: MIT
 *
 * Weighted boxes fusion (Solovyev, Wang, Gabruseva: Weighted boxes fusion, Image and Vision
 * Computing 107, 2021). Boxes of one class are taken best first. One joins the cluster whose
 * fused box it overlaps most, if by more than the threshold, else it opens a cluster. The
 * fused box of a cluster with members b_i of scores s_i, n in number, is
 *
 *   b = sum s_i b_i / sum s_i,    s = sum s_i / n  or  max s_i
 *
 * and changes with every member. Where boxes of several lists were put together, each score
 * multiplied by its list's weight, the mean is finally scaled by min(n, T) / T, T being the
 * sum of the weights, so that what only one detector saw counts less; and the maximum is
 * divided by the largest weight. For a single list T is 1. This is the authors' ensemble-boxes
 * 1.0 with conf_type avg and max, ties by the order of the input.
 *
 * Departures: empty boxes stay, each alone, and clusters of scores 0 keep their first box;
 * sums are in double, overlaps in float. Scores below 0 have no meaning here, and are
 * refused before anything is changed (nms.c).
 */
#include <stdlib.h>

#include "base/mem.h"
#include "box/nms_impl.h"

struct cluster {
	uint32_t index; /* of its first box, which becomes the fused one */
	size_t n;
	double sum, max, x1, y1, x2, y2; /* coordinates times scores */
};

static void
fused_box(struct det_box *out, const struct cluster *c)
{
	if (!(c->sum > 0))
		return;
	out->x1 = c->x1 / c->sum;
	out->y1 = c->y1 / c->sum;
	out->x2 = c->x2 / c->sum;
	out->y2 = c->y2 / c->sum;
}

/* The kept box that *b overlaps most, the first of equals; k->n: none by more than t. */
static size_t
best_match(const struct det_nms_run *run, const struct det_kept *k,
    const struct det_fbox *b, float one)
{
	float t = (float)run->p->iou, v;
	size_t best = k->n;

	for (size_t i = 0;; i++) {
		struct det_fbox other;

		i = run->scan->next(k, i, b, t * .9999f, one);
		if (i >= k->n)
			return best;
		other = det_kept_box(k, i);
		v = det_iou(&other, b, one);
		if (v > t || (run->p->ge && best == k->n && v >= t)) {
			best = i;
			t = v;
		}
	}
}

static void
join(struct cluster *c, const struct det_box *b)
{
	c->n++;
	c->sum += b->score;
	c->max = b->score > c->max ? b->score : c->max;
	c->x1 += b->score * b->x1;
	c->y1 += b->score * b->y1;
	c->x2 += b->score * b->x2;
	c->y2 += b->score * b->y2;
}

static void
finish(const struct det_nms_run *run, const struct cluster *c)
{
	const struct det_nms_params *p = run->p;
	struct det_box *b = &run->box[c->index];
	double n = (double)c->n;

	/* a box that stayed alone is itself to the last digit */
	if (c->n > 1) {
		fused_box(b, c);
		b->area = 0;
		b->flags = 0;
		b->source = -1;
	}
	b->score = p->fuse == DET_FUSE_MAX
		       ? c->max / p->top
		       : c->sum / n * (n < p->total ? n / p->total : 1);
	run->keep[c->index] = 1;
}

enum det_err
det_nms_fuse(const struct det_nms_run *run)
{
	float one = run->p->plus_one ? 1 : 0;
	struct cluster *cluster = NULL;
	struct det_kept kept = { 0 };
	struct det_box fused;
	struct det_fbox f;
	enum det_err e;

	if ((e = det_kept_new(&kept, run->n)) ||
	    (e = det_calloc(&cluster, run->n, sizeof *cluster)))
		goto out;
	for (size_t i = 0; i < run->n; i++) {
		const struct det_box *b = &run->box[run->r[i].index];
		size_t c;

		run->keep[run->r[i].index] = 0;
		f = det_nms_box(run, i);
		c = best_match(run, &kept, &f, one);
		if (c == kept.n) {
			cluster[c].index = run->r[i].index;
			det_kept_add(&kept, &f);
			join(&cluster[c], b);
			continue;
		}
		join(&cluster[c], b);
		fused = run->box[cluster[c].index];
		fused_box(&fused, &cluster[c]);
		f = det_iou_box(&fused, one);
		det_kept_set(&kept, c, &f);
	}
	for (size_t c = 0; c < kept.n; c++)
		finish(run, &cluster[c]);
out:
	det_kept_free(&kept);
	free(cluster);
	return e;
}
