/* SPDX-License-Identifier: MIT
 *
 * R-CNN's second training (Girshick et al., Rich feature hierarchies, CVPR 2014; its
 * rcnn_train.m and rcnn_train_bbox_regressor.m), as SPP-net has it too:
 *
 *   survey   all rows are read once: the mean norm of the features, which are then scaled to
 *            a mean norm of 20; the positives of each class, the objects' own boxes (one row
 *            each, the first that coincides); how many rows the regression will have
 *   mine     one SVM a class; from item to item, negatives are rows that overlap every
 *            object of the class by less than .3. Of the first item all are taken, later
 *            those that score above -1.0001 and are not there yet. The SVM is trained at the
 *            first item, whenever more than 2000 came, and at the last (svm_cache.c)
 *   boxes    for each class: rows that overlap an object of it by more than .6, towards the
 *            deltas of the one they overlap most; ridge regression (ridge.c)
 *
 * The scale is folded into the weights, so that whoever uses them need not know of it.
 * Sides of boxes are x2 - x1 of continuous corners, as box/coder.h has them.
 *
 * Departures: the mean norm is that of all rows (R-CNN: of a sample); negatives are bounded
 * in number; difficult objects are neither positive nor negative. Instead of mining negatives
 * can be drawn at random, each row of each item as likely as any other (Vitter's
 * algorithm R), to see what mining is worth.
 */
#include "svm/svm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/text.h"
#include "box/coder.h"
#include "svm/overlaps.h"
#include "svm/ridge.h"

#define ROW_BITS 24 /* of a key; items have the rest */

struct trainer {
	const struct det_svm_train_params *p;
	const struct det_classes *classes;
	struct det_shards *s;
	struct det_svm_result *r;
	struct det_svm_mining mining;
	struct det_svm_cache *cache; /* of each class */
	struct det_overlaps o;
	void (*say)(void *ctx);
	void *ctx;
	double *w, *b, *z; /* weights of all classes, together; scores of an item */
	size_t z_cap;
	size_t *seen; /* of each class: negatives that a draw has met */
	struct det_random random;
	struct det_nameset objects; /* that have a row already */
	struct det_buf name;
};

/* One walk over all items. */
typedef enum det_err visit(
    struct trainer *t, const struct det_shard_item *it, void *ctx);

static enum det_err
walk(struct trainer *t, visit *f, void *ctx)
{
	struct det_shard_item *it;
	int more;
	enum det_err e;

	det_shards_rewind(t->s);
	for (;;) {
		if ((e = det_shards_next(t->s, &it, &more)) || !more)
			return e;
		if ((e = det_overlaps_find(&t->o, it, t->r->classes)) ||
		    (e = f(t, it, ctx)))
			return det_fail_in(
			    e, "item '%s'", it->item->path ? it->item->path : "");
		if (t->say)
			t->say(t->ctx);
	}
}

/* --- survey --- */

static double
norms(const float *x, size_t rows, size_t dims)
{
	double all = 0;

	for (size_t i = 0; i < rows; i++) {
		double sum = 0;

		for (size_t k = 0; k < dims; k++)
			sum += (double)x[i * dims + k] * (double)x[i * dims + k];
		all += sqrt(sum);
	}
	return all;
}

/* Whether an object has no row yet, in this item or another of the same picture: it may be
 * among the proposals by chance, and come by itself as well. */
static enum det_err
is_new(int *fresh, struct trainer *t, const struct det_shard_item *it, size_t object)
{
	const struct det_box *b = &it->gt.box[object];
	const struct det_item *item = it->item;
	enum det_err e;

	t->name.len = 0;
	if ((e = det_buf_printf(&t->name, "%.6g %.6g %.6g %.6g %ld %d%d %s", b->x1,
		 b->y1, b->x2, b->y2, (long)b->label, item->map.flip, item->map.vflip,
		 item->path ? item->path : "")))
		return e;
	return det_nameset_add(fresh, &t->objects, t->name.text);
}

/* Rows that are positives of class k: a row for each object, and those near one. */
static enum det_err
take_positives(struct trainer *t, const struct det_shard_item *it, size_t k)
{
	struct det_svm_cache *c = &t->cache[k];
	enum det_err e;

	for (size_t i = 0; i < it->boxes.n; i++) {
		const size_t at = i * t->r->classes + k;
		const int32_t own = t->o.equal[at];
		int fresh = 0;

		if (own >= 0 && (e = is_new(&fresh, t, it, (size_t)own)))
			return e;
		if (!fresh && !(t->p->positive_iou > 0 &&
				  (double)t->o.best[at] >= t->p->positive_iou))
			continue;
		if ((e = det_svm_cache_positive(c, it->x + i * c->dims)))
			return e;
	}
	return DET_OK;
}

static enum det_err
survey_item(struct trainer *t, const struct det_shard_item *it, void *ctx)
{
	struct det_svm_result *r = t->r;
	enum det_err e = DET_OK;

	(void)ctx;
	r->items++;
	if (it->boxes.n == 0)
		return DET_OK;
	if (it->boxes.n >> ROW_BITS)
		return det_fail(DET_LIMIT, "%zu rows in an item", it->boxes.n);
	r->rows += it->boxes.n;
	r->dims = det_shards_dims(t->s);
	r->box_dims = it->box_x ? det_shards_box_dims(t->s) : 0;
	r->mean_norm += norms(it->x, it->boxes.n, r->dims);
	if (it->box_x)
		r->box_mean_norm += norms(it->box_x, it->boxes.n, r->box_dims);
	for (size_t k = 0; k < r->classes && !e; k++) {
		t->cache[k].dims = r->dims;
		e = take_positives(t, it, k);
		for (size_t i = 0; i < it->boxes.n; i++)
			r->per_class[k].box_rows +=
			    (double)t->o.best[i * r->classes + k] > t->p->box_iou;
	}
	return e;
}

static double
scale_to(double norm, double mean)
{
	return norm > 0 && mean > 0 ? norm / mean : 1;
}

/* How many negatives a class may keep: floats of all classes, and liblinear's nodes, 16 bytes
 * a value, of one. */
static enum det_err
bound_negatives(struct trainer *t)
{
	const double row = 4. * (double)t->r->dims * (double)t->r->classes +
			   16 * ((double)t->r->dims + 2);
	const double most = (double)t->p->memory / row;

	t->mining = t->p->mining;
	t->mining.most = most < 1e9 ? (size_t)most : (size_t)1e9;
	if (t->mining.most < 16)
		return det_fail(DET_LIMIT,
		    "rows of %zu features, %zu classes: %zu MiB hold too few negatives",
		    t->r->dims, t->r->classes, t->p->memory >> 20);
	return DET_OK;
}

static enum det_err
survey(struct trainer *t)
{
	struct det_svm_result *r = t->r;
	size_t positives = 0;
	enum det_err e;

	if ((e = walk(t, survey_item, NULL)))
		return e;
	if (r->rows == 0)
		return det_fail(
		    DET_INVALID, "no row of features in %zu items", r->items);
	r->mean_norm /= (double)r->rows;
	r->box_mean_norm /= (double)r->rows;
	for (size_t k = 0; k < r->classes; k++) {
		struct det_svm_cache *c = &t->cache[k];

		c->dims = r->dims;
		c->scale = scale_to(t->p->norm, r->mean_norm);
		r->per_class[k].positives = c->positives;
		positives += c->positives;
	}
	if (positives == 0 && det_shards_unknown(t->s))
		return det_fail(DET_INVALID,
		    "no positive among %zu rows of %zu items: %zu objects are of "
		    "classes "
		    "that the model does not have",
		    r->rows, r->items, det_shards_unknown(t->s));
	if (positives == 0)
		return det_fail(DET_INVALID,
		    "no positive among %zu rows of %zu items: rows of the objects' own "
		    "boxes expected besides those of proposals",
		    r->rows, r->items);
	return bound_negatives(t);
}

/* --- negatives --- */

static int
is_negative(const struct trainer *t, size_t row, size_t k)
{
	return (double)t->o.iou[row * t->r->classes + k] < t->p->negative_iou;
}

struct mining {
	int first, again; /* the first item of all; the second pass, or a later one */
	size_t left;
};

static uint64_t
key_of(const struct det_shard_item *it, size_t row)
{
	return (uint64_t)it->number << ROW_BITS | row;
}

static enum det_err
mine_class(struct trainer *t, const struct det_shard_item *it, size_t k,
    const struct mining *m)
{
	struct det_svm_cache *c = &t->cache[k];
	enum det_err e;

	for (size_t i = 0; i < it->boxes.n; i++) {
		const double z = t->z[i * t->r->classes + k];

		if (!is_negative(t, i, k) || !(m->first || z > t->mining.hard) ||
		    (m->again && det_svm_cache_has(c, key_of(it, i))))
			continue;
		if ((e = det_svm_cache_negative(c, it->x + i * c->dims, key_of(it, i),
			 &t->mining, &t->p->solve)))
			return e;
	}
	return DET_OK;
}

/* The weights of all classes as they stand, for the scores of an item. */
static void
gather_weights(struct trainer *t)
{
	const size_t dims = t->r->dims;

	for (size_t k = 0; k < t->r->classes; k++) {
		if (!t->cache[k].w)
			continue;
		memcpy(t->w + k * dims, t->cache[k].w, dims * sizeof *t->w);
		t->b[k] = t->cache[k].b;
	}
}

static enum det_err
mine_item(struct trainer *t, const struct det_shard_item *it, void *ctx)
{
	struct mining *m = ctx;
	struct det_svm_result *r = t->r;
	const int last = --m->left == 0;
	size_t n;
	enum det_err e;

	if ((e = det_mul(&n, it->boxes.n, r->classes)) ||
	    (e = det_room(&t->z, &t->z_cap, n, sizeof *t->z)))
		return e;
	gather_weights(t);
	if (it->boxes.n)
		det_svm_scores(t->z, it->x, it->boxes.n, t->w, t->b, r->classes,
		    r->dims, t->p->threads);
	for (size_t k = 0; k < r->classes; k++) {
		struct det_svm_cache *c = &t->cache[k];

		if (c->positives == 0)
			continue;
		if ((e = mine_class(t, it, k, m)))
			return e;
		if (!m->first && !last && c->added <= t->mining.added)
			continue;
		r->per_class[k].kept = c->negatives;
		if ((e = det_svm_cache_train(c, &t->mining, &t->p->solve)))
			return e;
	}
	m->first = 0;
	return DET_OK;
}

static enum det_err
mine(struct trainer *t)
{
	enum det_err e = DET_OK;

	for (long pass = 0; pass < t->p->passes && !e; pass++) {
		struct mining m = { pass == 0, pass > 0, t->r->items };

		e = walk(t, mine_item, &m);
	}
	return e;
}

/* Negative number `met` of class k takes a place with the right probability. */
static enum det_err
draw_item(struct trainer *t, const struct det_shard_item *it, void *ctx)
{
	const size_t most = t->p->drawn < t->mining.most ? t->p->drawn : t->mining.most;
	enum det_err e;

	(void)ctx;
	for (size_t i = 0; i < it->boxes.n; i++)
		for (size_t k = 0; k < t->r->classes; k++) {
			struct det_svm_cache *c = &t->cache[k];
			const float *row = it->x + i * c->dims;
			size_t place;

			if (c->positives == 0 || !is_negative(t, i, k))
				continue;
			place = t->seen[k]++;
			if (place < most) {
				if ((e = det_svm_cache_negative(c, row, key_of(it, i),
					 &t->mining, &t->p->solve)))
					return e;
				continue;
			}
			place = (size_t)det_random_below(&t->random, t->seen[k]);
			if (place < most)
				memcpy(c->negative + place * c->dims, row,
				    c->dims * sizeof *row);
		}
	return DET_OK;
}

static enum det_err
draw(struct trainer *t)
{
	enum det_err e;

	det_random_seed(&t->random, t->p->seed, 0);
	if ((e = walk(t, draw_item, NULL)))
		return e;
	for (size_t k = 0; k < t->r->classes && !e; k++) {
		t->r->per_class[k].kept = t->cache[k].negatives;
		e = det_svm_cache_train(&t->cache[k], &t->mining, &t->p->solve);
	}
	return e;
}

/* --- boxes --- */

struct regression {
	size_t k;
	struct det_ridge *ridge;
};

static enum det_err
add_boxes(struct trainer *t, const struct det_shard_item *it, void *ctx)
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
regress_class(struct trainer *t, size_t k, double *w)
{
	struct det_svm_result *r = t->r;
	struct det_svm_class *c = &r->per_class[k];
	struct regression g = { k, NULL };
	double b[4];
	enum det_err e;

	if (c->box_rows == 0)
		return DET_OK;
	if ((e = det_ridge_new(&g.ridge, c->box_rows, r->box_dims,
		 scale_to(t->p->norm, r->box_mean_norm), t->p->lambda, t->p->memory,
		 t->p->threads)) ||
	    (e = walk(t, add_boxes, &g)) ||
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

static enum det_err
regress(struct trainer *t)
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

/* --- all together --- */

static enum det_err
take_svm(struct trainer *t, size_t k)
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
train_all(struct trainer *t)
{
	struct det_svm_result *r = t->r;
	size_t n;
	enum det_err e;

	if ((e = det_calloc(&r->per_class, r->classes, sizeof *r->per_class)) ||
	    (e = det_calloc(&t->cache, r->classes, sizeof *t->cache)) ||
	    (e = det_calloc(&t->seen, r->classes, sizeof *t->seen)) ||
	    (e = det_calloc(&t->b, r->classes, sizeof *t->b)) || (e = survey(t)))
		return e;
	if ((e = det_mul(&n, r->classes, r->dims)) ||
	    (e = det_calloc(&t->w, n, sizeof *t->w)) ||
	    (e = det_calloc(&r->weight, n, sizeof *r->weight)) ||
	    (e = det_calloc(&r->bias, r->classes, sizeof *r->bias)) ||
	    (e = t->p->passes > 0 ? mine(t) : draw(t)))
		return e;
	for (size_t k = 0; k < r->classes; k++)
		if ((e = take_svm(t, k)))
			return e;
	for (size_t k = 0; k < r->classes; k++)
		det_svm_cache_release(&t->cache[k]);
	return r->box_dims ? regress(t) : DET_OK;
}

enum det_err
det_svm_train(struct det_svm_result *out, struct det_shards *s,
    const struct det_classes *classes, const struct det_svm_train_params *p,
    void (*say)(void *ctx), void *ctx)
{
	struct trainer t = {
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
