/* SPDX-License-Identifier: MIT
 *
 * R-CNN's second training (Girshick et al., Rich feature hierarchies, CVPR 2014; its
 * rcnn_train.m and rcnn_train_bbox_regressor.m), as SPP-net has it too:
 *
 * in three steps, a file each, svm_NAME.c:
 *
 *   survey   all rows are read once: the mean norm of the features, which are then scaled to
 *            a mean norm of 20; the positives of each class, the objects' own boxes (one row
 *            each, the first that coincides); how many rows the regression will have
 *   mine     one SVM a class; from item to item, negatives are rows that overlap every
 *            object of the class by less than .3. Of the first item all are taken, later
 *            those that score above -1.0001 and are not there yet. The SVM is trained at the
 *            first item, whenever more than 2000 came, and at the last (svm_cache.c)
 *   boxes    of each class: rows that overlap an object of it by more than .6, towards the
 *            deltas of the one they overlap most; ridge regression (ridge.c), if one
 *            likes on rows of other features, which may be fewer and longer
 *
 * The scale is folded into the weights, so that whoever uses them need not know of it.
 * Sides of boxes are x2 - x1 of continuous corners, as box/coder.h has them.
 *
 * Departures: the mean norm is that of all rows (R-CNN: of a sample); negatives are bounded
 * in number; difficult objects are neither positive nor negative; instead of being mined
 * negatives can be drawn at random.
 */
#include "svm/svm_impl.h"

#include <stdlib.h>

#include "base/mem.h"

enum det_err
det_svm_walk(struct det_svm_trainer *t, det_svm_visit *f, void *ctx)
{
	return det_svm_walk_over(t, t->s, f, ctx);
}

enum det_err
det_svm_walk_over(
    struct det_svm_trainer *t, struct det_shards *s, det_svm_visit *f, void *ctx)
{
	struct det_shard_item *it;
	int more;
	enum det_err e;

	det_shards_rewind(s);
	for (;;) {
		if ((e = det_shards_next(s, &it, &more)) || !more)
			return e;
		if ((e = det_overlaps_find(&t->o, it, t->r->classes)) ||
		    (e = f(t, it, ctx)))
			return det_fail_in(
			    e, "item '%s'", it->item->path ? it->item->path : "");
		if (t->say)
			t->say(t->ctx);
	}
}

double
det_svm_scale(double norm, double mean)
{
	return norm > 0 && mean > 0 ? norm / mean : 1;
}

/* --- all together --- */

static enum det_err
take_svm(struct det_svm_trainer *t, size_t k)
{
	const struct det_svm_cache *c = &t->cache[k];
	struct det_svm_class *x = &t->r->per_class[k];

	x->met = c->met;
	x->trained = c->trained;
	x->stopped = c->stopped;
	x->fit = c->fit;
	t->r->bias[k] = DET_SVM_NEVER;
	if (c->positives == 0)
		return DET_OK;
	if (!c->trained)
		return det_fail(DET_INVALID,
		    "class '%s' has %zu positives and no negative: nothing to tell "
		    "them from",
		    det_class_name(t->classes, (long)k), c->positives);
	for (size_t i = 0; i < c->dims; i++)
		t->r->weight[k * c->dims + i] = (float)c->w[i];
	t->r->bias[k] = (float)c->b;
	return DET_OK;
}

static enum det_err
train_all(struct det_svm_trainer *t)
{
	struct det_svm_result *r = t->r;
	size_t n;
	enum det_err e;

	if ((e = det_calloc(&r->per_class, r->classes, sizeof *r->per_class)) ||
	    (e = det_calloc(&t->cache, r->classes, sizeof *t->cache)) ||
	    (e = det_calloc(&t->seen, r->classes, sizeof *t->seen)) ||
	    (e = det_calloc(&t->b, r->classes, sizeof *t->b)) ||
	    (e = det_svm_survey(t)))
		return e;
	if ((e = det_mul(&n, r->classes, r->dims)) ||
	    (e = det_calloc(&t->w, n, sizeof *t->w)) ||
	    (e = det_calloc(&r->weight, n, sizeof *r->weight)) ||
	    (e = det_calloc(&r->bias, r->classes, sizeof *r->bias)) ||
	    (e = t->p->passes > 0 ? det_svm_mine(t) : det_svm_draw(t)))
		return e;
	for (size_t k = 0; k < r->classes; k++)
		if ((e = take_svm(t, k)))
			return e;
	for (size_t k = 0; k < r->classes; k++)
		det_svm_cache_release(&t->cache[k]);
	return r->box_dims ? det_svm_regress(t) : DET_OK;
}

enum det_err
det_svm_train(struct det_svm_result *out, struct det_shards *s,
    const struct det_classes *classes, const struct det_svm_train_params *p,
    void (*say)(void *ctx), void *ctx)
{
	struct det_svm_trainer t = {
		.p = p, .classes = classes, .s = s, .r = out, .say = say, .ctx = ctx
	};
	enum det_err e;

	*out = (struct det_svm_result){ .classes = classes->n };
	if ((e = train_all(&t)))
		det_svm_result_release(out);
	for (size_t k = 0; t.cache && k < classes->n; k++)
		det_svm_cache_release(&t.cache[k]);
	free(t.cache);
	free(t.seen);
	free(t.w);
	free(t.b);
	free(t.z);
	det_overlaps_release(&t.o);
	det_nameset_release(&t.met);
	det_nameset_release(&t.objects);
	det_buf_free(&t.name);
	return e;
}

void
det_svm_result_release(struct det_svm_result *r)
{
	free(r->weight);
	free(r->bias);
	free(r->box_weight);
	free(r->box_bias);
	free(r->per_class);
	*r = (struct det_svm_result){ 0 };
}
