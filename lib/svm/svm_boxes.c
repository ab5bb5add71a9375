/* SPDX-License-Identifier: MIT
 *
 * Box regression: rows that overlap an object of a class are summed up for it (ridge.c),
 * towards the deltas of box/coder.h to the object that they overlap most. One reading of all
 * rows is for as many classes, in their order, as memory has room for: for all, unless
 * features are long. Which classes share a reading changes nothing in what they learn.
 *
 * The rows are those of the SVMs, or come from shards of their own. R-CNN takes them all; here
 * a bound takes every so many-th of a class's, since the matrix of long features grows with
 * the square of their number.
 */
#include "svm/svm_impl.h"

#include <stdlib.h>

#include "base/mem.h"
#include "box/coder.h"
#include "svm/ridge.h"

/* Of the classes from .. to: a regression each, NULL for those without rows. */
struct regressions {
	size_t from, to;
	struct det_ridge **of;
	size_t *met; /* of each class: rows near an object, so far */
};

/* In integers: rounded shares would take a row less than were announced. */
int
det_svm_takes(size_t i, size_t n, size_t most)
{
	return most >= n || (uint64_t)(i + 1) * most / n > (uint64_t)i * most / n;
}

static enum det_err
add_row(struct det_svm_trainer *t, const struct det_shard_item *it, size_t row,
    size_t k, const struct regressions *g)
{
	const struct det_svm_class *c = &t->r->per_class[k];
	static const struct det_coder coder = DET_CODER_DEFAULTS;
	const size_t at = row * t->r->classes + k;
	const struct det_box *b = &it->boxes.box[row], *to;
	float target[4];

	if (!((double)t->o.best[at] > t->p->box_iou) ||
	    !det_svm_takes(g->met[k]++, c->box_near, c->box_rows))
		return DET_OK;
	to = &it->gt.box[t->o.object[at]];
	det_coder_encode(target, &coder,
	    (const float[4]){ (float)b->x1, (float)b->y1, (float)b->x2, (float)b->y2 },
	    (const float[4]){
		(float)to->x1, (float)to->y1, (float)to->x2, (float)to->y2 });
	return det_ridge_add(g->of[k], it->box_x + row * t->r->box_dims, target);
}

static enum det_err
add_boxes(struct det_svm_trainer *t, const struct det_shard_item *it, void *ctx)
{
	const struct regressions *g = ctx;
	enum det_err e = DET_OK;

	for (size_t k = g->from; k < g->to; k++)
		for (size_t i = 0; i < it->boxes.n && g->of[k] && !e; i++)
			e = add_row(t, it, i, k, g);
	return e;
}

static enum det_err
solve(struct det_svm_trainer *t, size_t k, double *w, struct det_ridge *ridge)
{
	struct det_svm_result *r = t->r;
	double b[4];
	enum det_err e;

	if ((e = det_ridge_solve(w, b, r->per_class[k].box_error, ridge)))
		return e;
	for (size_t i = 0; i < 4 * r->box_dims; i++)
		r->box_weight[4 * k * r->box_dims + i] = (float)w[i];
	for (size_t i = 0; i < 4; i++)
		r->box_bias[4 * k + i] = (float)b[i];
	return DET_OK;
}

/* Begins the classes from g->to on, one at least, up to where memory is full. */
static enum det_err
begin(struct det_svm_trainer *t, struct regressions *g)
{
	const struct det_svm_result *r = t->r;
	double left = (double)t->p->memory;
	int begun = 0;
	enum det_err e;

	for (g->from = g->to; g->to < r->classes; g->to++) {
		const size_t rows = r->per_class[g->to].box_rows;

		if (rows == 0)
			continue;
		left -= det_ridge_bytes(rows, r->box_dims);
		if (left < 0 && begun)
			break;
		if ((e = det_ridge_new(&g->of[g->to], rows, r->box_dims,
			 det_svm_scale(t->p->norm, r->box_mean_norm), t->p->lambda,
			 t->p->memory, t->p->threads)))
			return e;
		begun = 1;
	}
	return DET_OK;
}

static enum det_err
regress(struct det_svm_trainer *t, struct regressions *g, double *w)
{
	struct det_shards *s = t->p->box_shards ? t->p->box_shards : t->s;
	enum det_err e = DET_OK;

	while (!e && g->to < t->r->classes) {
		if ((e = begin(t, g)) || (e = det_svm_walk_over(t, s, add_boxes, g)))
			return e;
		for (size_t k = g->from; k < g->to && !e; k++) {
			if (!g->of[k])
				continue;
			e = solve(t, k, w, g->of[k]);
			det_ridge_free(g->of[k]);
			g->of[k] = NULL;
		}
	}
	return e;
}

enum det_err
det_svm_regress(struct det_svm_trainer *t)
{
	struct det_svm_result *r = t->r;
	struct regressions g = { .of = NULL };
	double *w = NULL;
	size_t n;
	enum det_err e;

	if ((e = det_mul(&n, 4 * r->classes, r->box_dims)) ||
	    (e = det_calloc(&r->box_weight, n, sizeof *r->box_weight)) ||
	    (e = det_calloc(&r->box_bias, 4 * r->classes, sizeof *r->box_bias)) ||
	    (e = det_calloc(&g.of, r->classes, sizeof *g.of)) ||
	    (e = det_calloc(&g.met, r->classes, sizeof *g.met)) ||
	    (e = det_alloc(&w, 4 * r->box_dims, sizeof *w)))
		goto out;
	e = regress(t, &g, w);
out:
	for (size_t k = 0; g.of && k < r->classes; k++)
		det_ridge_free(g.of[k]);
	free(g.of);
	free(g.met);
	free(w);
	return e;
}
