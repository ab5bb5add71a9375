/* SPDX-License-Identifier: MIT
 *
 * The first reading of all rows: norms, positives, and how many there are of what. A positive
 * is an object's own row. It may come twice, among the proposals by chance and by itself, so
 * objects that have a row are remembered by picture, corners, class and mirroring.
 */
#include "svm/svm_impl.h"

#include <math.h>

#include "svm/ridge.h"

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

/* Whether an object is not in a set yet, of this item or another of the same picture. */
static enum det_err
is_new(int *fresh, struct det_svm_trainer *t, struct det_nameset *set,
    const struct det_shard_item *it, size_t object)
{
	const struct det_box *b = &it->gt.box[object];
	const struct det_item *item = it->item;
	enum det_err e;

	t->name.len = 0;
	if ((e = det_buf_printf(&t->name, "%.6g %.6g %.6g %.6g %ld %d%d %s", b->x1,
		 b->y1, b->x2, b->y2, (long)b->label, item->map.flip, item->map.vflip,
		 item->path ? item->path : "")))
		return e;
	return det_nameset_add(fresh, set, t->name.text);
}

static enum det_err
count_objects(struct det_svm_trainer *t, const struct det_shard_item *it)
{
	enum det_err e;

	for (size_t i = 0; i < it->gt.n; i++) {
		int fresh;

		if (it->gt.box[i].flags & DET_BOX_ASIDE)
			continue;
		if ((e = is_new(&fresh, t, &t->met, it, i)))
			return e;
		t->r->per_class[it->gt.box[i].label].objects += fresh != 0;
	}
	return DET_OK;
}

/* Rows that are positives of class k: a row for each object, and those near one. */
static enum det_err
take_positives(struct det_svm_trainer *t, const struct det_shard_item *it, size_t k)
{
	struct det_svm_cache *c = &t->cache[k];
	enum det_err e;

	for (size_t i = 0; i < it->boxes.n; i++) {
		const size_t at = i * t->r->classes + k;
		const int32_t own = t->o.equal[at];
		int fresh = 0;

		if (own >= 0 && (e = is_new(&fresh, t, &t->objects, it, (size_t)own)))
			return e;
		if (!fresh && !(t->p->positive_iou > 0 &&
				  (double)t->o.best[at] >= t->p->positive_iou))
			continue;
		if ((e = det_svm_cache_positive(c, it->x + i * c->dims)))
			return e;
	}
	return DET_OK;
}

/* Rows that boxes will learn from. */
static void
survey_boxes(struct det_svm_trainer *t, const struct det_shards *s,
    const struct det_shard_item *it)
{
	struct det_svm_result *r = t->r;

	r->box_dims = det_shards_box_dims(s);
	r->box_mean_norm += norms(it->box_x, it->boxes.n, r->box_dims);
	r->box_count += it->boxes.n;
	for (size_t i = 0; i < it->boxes.n; i++)
		for (size_t k = 0; k < r->classes; k++)
			r->per_class[k].box_near +=
			    (double)t->o.best[i * r->classes + k] > t->p->box_iou;
}

static enum det_err
survey_box_item(struct det_svm_trainer *t, const struct det_shard_item *it, void *ctx)
{
	(void)ctx;
	if (it->boxes.n)
		survey_boxes(t, t->p->box_shards, it);
	return DET_OK;
}

static enum det_err
survey_item(struct det_svm_trainer *t, const struct det_shard_item *it, void *ctx)
{
	struct det_svm_result *r = t->r;
	enum det_err e;

	(void)ctx;
	r->items++;
	if ((e = count_objects(t, it)) || it->boxes.n == 0)
		return e;
	if (it->boxes.n >> DET_SVM_ROW_BITS)
		return det_fail(DET_LIMIT, "%zu rows in an item", it->boxes.n);
	r->rows += it->boxes.n;
	r->dims = det_shards_dims(t->s);
	r->mean_norm += norms(it->x, it->boxes.n, r->dims);
	if (it->box_x)
		survey_boxes(t, t->s, it);
	for (size_t k = 0; k < r->classes && !e; k++) {
		t->cache[k].dims = r->dims;
		e = take_positives(t, it, k);
	}
	return e;
}

/* How many negatives a class may keep: floats of all classes, and liblinear's nodes, 16 bytes
 * a value, of one. */
static enum det_err
bound_negatives(struct det_svm_trainer *t)
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

/* That boxes can be learnt is known before hours of mining, and not after them. */
static enum det_err
check_boxes(const struct det_svm_trainer *t)
{
	const struct det_svm_result *r = t->r;
	enum det_err e;

	for (size_t k = 0; k < r->classes; k++)
		if ((e = det_ridge_fits(
			 r->per_class[k].box_rows, r->box_dims, t->p->memory)))
			return det_fail_in(e, "boxes of class '%s'",
			    det_class_name(t->classes, (long)k));
	return DET_OK;
}

enum det_err
det_svm_survey(struct det_svm_trainer *t)
{
	struct det_svm_result *r = t->r;
	size_t positives = 0;
	enum det_err e;

	if ((e = det_svm_walk(t, survey_item, NULL)))
		return e;
	if (r->rows == 0)
		return det_fail(
		    DET_INVALID, "no row of features in %zu items", r->items);
	if (t->p->box_shards &&
	    (e = det_svm_walk_over(t, t->p->box_shards, survey_box_item, NULL)))
		return e;
	r->mean_norm /= (double)r->rows;
	if (r->box_count)
		r->box_mean_norm /= (double)r->box_count;
	for (size_t k = 0; k < r->classes; k++) {
		struct det_svm_cache *c = &t->cache[k];

		c->dims = r->dims;
		c->scale = det_svm_scale(t->p->norm, r->mean_norm);
		r->per_class[k].positives = c->positives;
		r->per_class[k].box_rows = r->per_class[k].box_near;
		if (t->p->box_rows && r->per_class[k].box_rows > t->p->box_rows)
			r->per_class[k].box_rows = t->p->box_rows;
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
	return (e = check_boxes(t)) ? e : bound_negatives(t);
}
