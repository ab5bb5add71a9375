/* SPDX-License-Identifier: MIT
 *
 * Negatives, and the SVMs on them: mined, as R-CNN's rcnn_train.m does, class by class from
 * item to item under the SVMs as they stand (svm_cache.c has the rules of what stays); or drawn
 * at random, each row of each item as likely as any other (Vitter's algorithm R), to see what
 * mining is worth.
 */
#include "svm/svm_impl.h"

#include <string.h>

#include "base/mem.h"

/* --- negatives --- */

static int
is_negative(const struct det_svm_trainer *t, size_t row, size_t k)
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
	return (uint64_t)it->number << DET_SVM_ROW_BITS | row;
}

static enum det_err
mine_class(struct det_svm_trainer *t, const struct det_shard_item *it, size_t k,
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
gather_weights(struct det_svm_trainer *t)
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
mine_item(struct det_svm_trainer *t, const struct det_shard_item *it, void *ctx)
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

enum det_err
det_svm_mine(struct det_svm_trainer *t)
{
	enum det_err e = DET_OK;

	for (long pass = 0; pass < t->p->passes && !e; pass++) {
		struct mining m = { pass == 0, pass > 0, t->r->items };

		e = det_svm_walk(t, mine_item, &m);
	}
	return e;
}

/* Negative number `met` of class k takes a place with the right probability. */
static enum det_err
draw_item(struct det_svm_trainer *t, const struct det_shard_item *it, void *ctx)
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

enum det_err
det_svm_draw(struct det_svm_trainer *t)
{
	enum det_err e;

	det_random_seed(&t->random, t->p->seed, 0);
	if ((e = det_svm_walk(t, draw_item, NULL)))
		return e;
	for (size_t k = 0; k < t->r->classes && !e; k++) {
		t->r->per_class[k].kept = t->cache[k].negatives;
		e = det_svm_cache_train(&t->cache[k], &t->mining, &t->p->solve);
	}
	return e;
}
