/* SPDX-License-Identifier: MIT
 *
 * Box regression, a class at a time, so that one matrix is in memory: rows that overlap an
 * object of the class are read again and summed up (ridge.c), towards the deltas of
 * box/coder.h to the object that they overlap most.
 */
#include "svm/svm_impl.h"

#include <stdlib.h>

#include "base/mem.h"
#include "box/coder.h"
#include "svm/ridge.h"

/* --- boxes --- */

struct regression {
	size_t k;
	struct det_ridge *ridge;
};

static enum det_err
add_boxes(struct det_svm_trainer *t, const struct det_shard_item *it, void *ctx)
{
	static const struct det_coder coder = DET_CODER_DEFAULTS;
	const struct regression *g = ctx;
	float target[4];
	enum det_err e;

	for (size_t i = 0; i < it->boxes.n; i++) {
		const size_t at = i * t->r->classes + g->k;
		const struct det_box *b = &it->boxes.box[i], *to;

		if (!((double)t->o.best[at] > t->p->box_iou))
			continue;
		to = &it->gt.box[t->o.object[at]];
		det_coder_encode(target, &coder,
		    (const float[4]){
			(float)b->x1, (float)b->y1, (float)b->x2, (float)b->y2 },
		    (const float[4]){
			(float)to->x1, (float)to->y1, (float)to->x2, (float)to->y2 });
		if ((e = det_ridge_add(
			 g->ridge, it->box_x + i * t->r->box_dims, target)))
			return e;
	}
	return DET_OK;
}

static enum det_err
regress_class(struct det_svm_trainer *t, size_t k, double *w)
{
	struct det_svm_result *r = t->r;
	struct det_svm_class *c = &r->per_class[k];
	struct regression g = { k, NULL };
	double b[4];
	enum det_err e;

	if (c->box_rows == 0)
		return DET_OK;
	if ((e = det_ridge_new(&g.ridge, c->box_rows, r->box_dims,
		 det_svm_scale(t->p->norm, r->box_mean_norm), t->p->lambda,
		 t->p->memory, t->p->threads)) ||
	    (e = det_svm_walk(t, add_boxes, &g)) ||
	    (e = det_ridge_solve(w, b, c->box_error, g.ridge)))
		goto out;
	for (size_t i = 0; i < 4 * r->box_dims; i++)
		r->box_weight[4 * k * r->box_dims + i] = (float)w[i];
	for (size_t i = 0; i < 4; i++)
		r->box_bias[4 * k + i] = (float)b[i];
out:
	det_ridge_free(g.ridge);
	return e;
}

enum det_err
det_svm_regress(struct det_svm_trainer *t)
{
	struct det_svm_result *r = t->r;
	double *w = NULL;
	size_t n;
	enum det_err e;

	if ((e = det_mul(&n, 4 * r->classes, r->box_dims)) ||
	    (e = det_calloc(&r->box_weight, n, sizeof *r->box_weight)) ||
	    (e = det_calloc(&r->box_bias, 4 * r->classes, sizeof *r->box_bias)) ||
	    (e = det_alloc(&w, 4 * r->box_dims, sizeof *w)))
		goto out;
	for (size_t k = 0; k < r->classes && !e; k++)
		e = regress_class(t, k, w);
out:
	free(w);
	return e;
}
