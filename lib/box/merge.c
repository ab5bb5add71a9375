/* SPDX-License-Identifier: MIT
 *
 * Several lists of one picture become one.
 *
 * concat: one list after the other. `source` numbers, where there are any, go on from the
 * highest of the lists before, as they do where the lists of anchors or proposals that they
 * count are put together in the same order.
 *
 * wbf: weighted boxes fusion of all, each score times its list's weight; nms_fuse.c has the
 * formula.
 *
 * rescore: the boxes of the first list stay where they are, and a box that the others see
 * too scores higher. YOLOv1 (Redmon, Divvala, Girshick, Farhadi, CVPR 2016, section 4.3,
 * combining Fast R-CNN and YOLO) says that each box of R-CNN is boosted by the probability
 * that YOLO gives a similar one and by how much the two overlap, without giving a
 * formula. Here, for box i of score s_i, over the boxes j of the same class in each other
 * list k of weight w_k,
 *
 *   e_i = max  w_k p_j IoU(i, j)   where IoU(i, j) > the threshold; 0 where there is none
 *
 *   or:   s_i' = 1 - (1 - s_i) (1 - boost e_i)     probabilities stay probabilities
 *   add:  s_i' = s_i + boost e_i                   for scores of any range
 *
 * Boxes that only the others see are not taken over: put them in with concat.
 */
#include "box/merge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "box/nms_grid.h"

static enum det_err
check(const struct det_boxes *in, const double *weight, size_t n,
    const struct det_merge_params *p)
{
	double top = p->combine == DET_MERGE_OR ? 1 : DBL_MAX;

	if (!(p->iou >= 0 && p->iou <= 1))
		return det_fail(DET_INVALID, "an overlap threshold in 0 to 1 expected");
	if (!(p->boost >= 0 && p->boost <= top))
		return det_fail(DET_INVALID, "a boost of 0 to %g expected", top);
	for (size_t k = 0; k < n; k++) {
		if (!(weight[k] > 0) || !isfinite(weight[k]))
			return det_fail(
			    DET_INVALID, "list %zu: a weight above 0 expected", k + 1);
		if (in[k].space != in[0].space)
			return det_fail(DET_INVALID,
			    "list %zu is in other pixels than the first", k + 1);
		for (size_t i = 0; i < in[k].n; i++) {
			const struct det_box *b = &in[k].box[i];

			if (!det_box_finite(b) || !isfinite(b->score))
				return det_fail(DET_INVALID,
				    "list %zu: box %zu is not finite", k + 1, i);
		}
	}
	return DET_OK;
}

/* All lists, one after the other, without what scores too little. */
static enum det_err
put_together(struct det_boxes *out, const struct det_boxes *in, const double *weight,
    size_t n, const struct det_merge_params *p)
{
	int64_t offset = 0;
	enum det_err e;

	for (size_t k = 0; k < n; k++) {
		int64_t next = offset;

		for (size_t i = 0; i < in[k].n; i++) {
			struct det_box b = in[k].box[i];

			if (b.source >= 0 && b.source + offset >= INT32_MAX)
				return det_fail(DET_LIMIT,
				    "list %zu: box %zu has source %d, after %lld of "
				    "others: too high",
				    k + 1, i, (int)b.source, (long long)offset);
			if (b.source >= 0) {
				b.source += (int32_t)offset;
				next = b.source >= next ? b.source + 1 : next;
			}
			if (b.score < p->min_score)
				continue;
			b.score *= weight[k];
			if ((e = det_boxes_add(out, &b)))
				return e;
		}
		offset = next;
	}
	return DET_OK;
}

static enum det_err
fuse(struct det_boxes *out, const struct det_boxes *in, const double *weight, size_t n,
    const struct det_merge_params *p)
{
	struct det_nms_params np = DET_NMS_DEFAULTS;
	enum det_err e;

	np.method = DET_NMS_FUSE;
	np.iou = p->iou;
	np.agnostic = p->agnostic;
	np.plus_one = p->plus_one;
	np.fuse = p->fuse;
	np.threads = p->threads;
	np.total = np.top = 0;
	for (size_t k = 0; k < n; k++) {
		np.total += weight[k];
		np.top = weight[k] > np.top ? weight[k] : np.top;
	}
	if ((e = put_together(out, in, weight, n, p)))
		return e;
	return det_nms(out, &np);
}

/* One list as a grid, to look up what overlaps a box. */
struct witness {
	const struct det_boxes *list;
	struct det_fbox *f;
	struct det_grid grid;
};

static enum det_err
witness_new(struct witness *w, const struct det_boxes *list, double weight,
    const struct det_merge_params *p)
{
	float one = p->plus_one ? 1 : 0;
	enum det_err e;

	*w = (struct witness){ .list = list };
	if ((e = det_alloc(&w->f, list->n, sizeof *w->f)))
		return e;
	for (size_t i = 0; i < list->n; i++) {
		double v = list->box[i].score * weight * p->boost;

		if (p->combine == DET_MERGE_OR && !(v >= 0 && v <= 1))
			return det_fail(DET_INVALID,
			    "box %zu of a list to rescore by has score %g, %g with its "
			    "weight and boost: 0 to 1 expected",
			    i, list->box[i].score, v);
		w->f[i] = det_iou_box(&list->box[i], one);
	}
	if (list->n > UINT32_MAX)
		return det_fail(DET_LIMIT, "%zu boxes are too many", list->n);
	if ((e = det_grid_new(&w->grid, w->f, list->n, p->iou, one)))
		return e;
	for (size_t i = 0; i < list->n; i++)
		if (list->box[i].score >= p->min_score)
			(void)det_grid_add(&w->grid, &w->f[i], (uint32_t)i);
	return DET_OK;
}

static void
witness_free(struct witness *w)
{
	free(w->f);
	det_grid_free(&w->grid);
}

/* The largest p_j IoU among the boxes that confirm *b. */
static double
evidence(struct witness *w, const struct det_box *b, const struct det_merge_params *p)
{
	float one = p->plus_one ? 1 : 0, t = (float)p->iou, u;
	const struct det_nms_scan *scan = det_nms_scan_best();
	struct det_fbox f = det_iou_box(b, one);
	size_t near = det_grid_near(&w->grid, &f);
	double most = 0, v;

	for (size_t n = 0; n < near; n++) {
		const struct det_chunk *c = &w->grid.chunk[w->grid.found[n]];
		unsigned m = scan->mask(c, &f, t * .9999f, one);

		for (; m; m &= m - 1) {
			const struct det_box *o;

			o = &w->list->box[c->id[__builtin_ctz(m)]];
			u = det_iou(&w->f[c->id[__builtin_ctz(m)]], &f, one);
			if (!(u > t) || (!p->agnostic && o->label != b->label))
				continue;
			v = o->score * (double)u;
			most = v > most ? v : most;
		}
	}
	return most;
}

static enum det_err
rescore(struct det_boxes *out, const struct det_boxes *in, const double *weight,
    size_t n, const struct det_merge_params *p)
{
	struct witness w = { 0 };
	double *e = NULL, v;
	enum det_err err;

	if ((err = put_together(out, in, weight, 1, p)) ||
	    (err = det_calloc(&e, out->n, sizeof *e)))
		goto out;
	for (size_t i = 0; p->combine == DET_MERGE_OR && i < out->n; i++)
		if (!(out->box[i].score >= 0 && out->box[i].score <= 1)) {
			err = det_fail(DET_INVALID,
			    "score %g with its list's weight: 0 to 1 expected, or "
			    "scores "
			    "that are added",
			    out->box[i].score);
			goto out;
		}
	for (size_t k = 1; k < n; k++) {
		if ((err = witness_new(&w, &in[k], weight[k], p)))
			goto out;
		for (size_t i = 0; i < out->n; i++) {
			v = weight[k] * evidence(&w, &out->box[i], p);
			e[i] = v > e[i] ? v : e[i];
		}
		witness_free(&w);
		w = (struct witness){ 0 };
	}
	for (size_t i = 0; i < out->n; i++) {
		double s = out->box[i].score, x = p->boost * e[i];

		/* what nobody confirms keeps its digits */
		if (x > 0)
			out->box[i].score =
			    p->combine == DET_MERGE_OR ? 1 - (1 - s) * (1 - x) : s + x;
	}
out:
	witness_free(&w);
	free(e);
	return err;
}

enum det_err
det_merge(struct det_boxes *out, const struct det_boxes *in, const double *weight,
    size_t n, const struct det_merge_params *p)
{
	enum det_err e = check(in, weight, n, p);

	out->n = 0;
	if (e || n == 0)
		return e;
	out->space = in[0].space;
	switch (p->method) {
	case DET_MERGE_WBF: return fuse(out, in, weight, n, p);
	case DET_MERGE_RESCORE: return rescore(out, in, weight, n, p);
	default: return put_together(out, in, weight, n, p);
	}
}

static size_t
find_name(const struct det_classes *c, const char *name)
{
	size_t i = 0;

	while (i < c->n && strcmp(c->name[i], name) != 0)
		i++;
	return i;
}

enum det_err
det_classes_join(
    struct det_classes *sum, long *map, int *changed, const struct det_classes *c)
{
	enum det_err e;

	*changed = 0;
	for (size_t i = 0; i < c->n; i++) {
		size_t at = find_name(sum, c->name[i]);

		if (at == sum->n) {
			*changed = 1;
			if ((e = det_classes_add(
				 sum, c->name[i], strlen(c->name[i]), c->source[i])))
				return e;
		}
		map[i] = (long)at;
	}
	return DET_OK;
}
