/* SPDX-License-Identifier: MIT
 *
 * The orders that an evaluation needs.
 *
 * Detections are first put in the order that decides between equal scores: as they came, or
 * by image id and then as they came; where all classes are one, by class before that, which
 * is how pycocotools lines them up. A bucket sort parts them by class, and each class is
 * sorted by falling score: the order in which precision and recall are counted. Classes one
 * by one, because what is sorted then stays in the cache. Another bucket sort, by image,
 * gives the groups within which matching takes place. All are stable.
 *
 * Where they are one, classes are ordered by the data set's own ids if every class has one.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval/eval_impl.h"
#include "eval/eval_radix.h"

#define AHEAD 16

/* out: in[0..n) stably by key[in[i]] < n_key; start[k] .. start[k + 1] are those of key k. */
static void
bucket(uint32_t *out, size_t *start, const uint32_t *in, size_t n, const uint32_t *key,
    size_t n_key)
{
	memset(start, 0, (n_key + 1) * sizeof *start);
	for (size_t i = 0; i < n; i++)
		start[key[in[i]] + 1]++;
	for (size_t k = 0; k < n_key; k++)
		start[k + 1] += start[k];
	for (size_t i = 0; i < n; i++)
		out[start[key[in[i]]]++] = in[i];
	memmove(start + 1, start, n_key * sizeof *start);
	start[0] = 0;
}

struct ranked {
	int64_t id;
	uint32_t index;
};

static int
by_id(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* place[r[i].index] = i once r is sorted. */
static void
rank_ids(uint32_t *place, struct ranked *r, size_t n)
{
	qsort(r, n, sizeof *r, by_id);
	for (size_t i = 0; i < n; i++)
		place[r[i].index] = (uint32_t)i;
}

static enum det_err
rank_images(uint32_t *place, uint32_t *at, const struct det_eval_set *s)
{
	struct ranked *r;
	enum det_err e;

	if ((e = det_alloc(&r, s->n_image, sizeof *r)))
		return e;
	for (size_t i = 0; i < s->n_image; i++)
		r[i] = (struct ranked){ s->image[i].id, (uint32_t)i };
	rank_ids(place, r, s->n_image);
	for (size_t i = 0; i < s->n_image; i++)
		at[place[i]] = (uint32_t)i;
	free(r);
	return DET_OK;
}

static enum det_err
rank_classes(uint32_t *place, const struct det_classes *c, int apart)
{
	struct ranked *r;
	int all = 1;
	enum det_err e;

	if ((e = det_alloc(&r, c->n, sizeof *r)))
		return e;
	/* apart, the order of classes means nothing */
	for (size_t i = 0; i < c->n; i++)
		all = all && c->source[i] >= 0 && !apart;
	for (size_t i = 0; i < c->n; i++)
		r[i] = (struct ranked){ all ? c->source[i] : (int64_t)i, (uint32_t)i };
	rank_ids(place, r, c->n);
	free(r);
	return DET_OK;
}

/* What the sorts need: keys of boxes, and room. Keys are copied out of the boxes because a
 * sorted list visits them in no order, and these arrays are a tenth of the size. */
struct sorter {
	const struct det_eval *e;
	uint32_t *image_place, *class_place; /* of each image, of each label */
	uint32_t *image_at;                  /* the image that has a place */
	uint32_t *image, *class; /* of each box: places of its image and its class */
	uint32_t *list, *other;
	size_t *start; /* for as many keys as there are images or classes */
	size_t n;      /* boxes in the list */
};

static void
sorter_release(struct sorter *o)
{
	free(o->image_place);
	free(o->class_place);
	free(o->image_at);
	free(o->image);
	free(o->class);
	free(o->list);
	free(o->other);
	free(o->start);
}

static enum det_err
sorter_new(struct sorter *o, const struct det_eval *e)
{
	const struct det_eval_set *s = e->set;
	size_t most = s->n_det > s->n_gt ? s->n_det : s->n_gt;
	size_t keys = s->n_image > s->classes.n ? s->n_image : s->classes.n;
	enum det_err err;

	*o = (struct sorter){ .e = e };
	if ((err = det_alloc(&o->image_place, s->n_image, sizeof *o->image_place)) ||
	    (err = det_alloc(&o->class_place, s->classes.n, sizeof *o->class_place)) ||
	    (err = det_alloc(&o->image, most, sizeof *o->image)) ||
	    (err = det_alloc(&o->class, most, sizeof *o->class)) ||
	    (err = det_alloc(&o->list, most, sizeof *o->list)) ||
	    (err = det_alloc(&o->other, most, sizeof *o->other)) ||
	    (err = det_calloc(&o->start, keys + 2, sizeof *o->start)) ||
	    (err = det_alloc(&o->image_at, s->n_image, sizeof *o->image_at)) ||
	    (err = rank_images(o->image_place, o->image_at, s)))
		return err;
	return rank_classes(o->class_place, &s->classes, e->rule.classes);
}

static void
sorter_add(struct sorter *o, size_t i, uint32_t image, int32_t label)
{
	if (label < 0)
		return;
	o->image[i] = o->image_place[image];
	o->class[i] = o->class_place[label];
	o->list[o->n++] = (uint32_t)i;
}

static int
in_order(const uint32_t *list, size_t n, const uint32_t *key)
{
	for (size_t i = 1; i < n; i++)
		if (key[list[i]] < key[list[i - 1]])
			return 0;
	return 1;
}

/* The list stably by image or class, in place. */
static void
sorter_by(struct sorter *o, const uint32_t *key, size_t n_key)
{
	uint32_t *swap = o->list;

	bucket(o->other, o->start, o->list, o->n, key, n_key);
	o->list = o->other;
	o->other = swap;
}

/* A list by class: by image and class, its order kept within them. */
static enum det_err
groups(uint32_t **out, size_t **start, const struct sorter *o)
{
	const size_t n = o->e->set->n_image;
	enum det_err e;

	if ((e = det_alloc(out, o->n, sizeof **out)) ||
	    (e = det_alloc(start, n + 1, sizeof **start)))
		return e;
	bucket(*out, *start, o->list, o->n, o->image, n);
	return DET_OK;
}

static enum det_err
sort_gt(struct det_eval_work *w, struct sorter *o)
{
	const struct det_eval_set *s = w->e->set;

	o->n = 0;
	for (size_t i = 0; i < s->n_gt; i++)
		sorter_add(o, i, s->gt[i].image, s->gt[i].label);
	w->e->n_unknown_gt = s->n_gt - o->n;
	sorter_by(o, o->class, s->classes.n);
	return groups(&w->gt, &w->gt_start, o);
}

/* Numbers the detections of each image and class. The number takes the place of the image
 * in o->image, which nobody needs any more: at ten million detections the time it takes to
 * get memory counts. */
static void
rank_in_groups(struct sorter *o, const uint32_t *det)
{
	uint32_t k = 0, image = UINT32_MAX, class = 0;

	for (size_t i = 0; i < o->n; i++) {
		const uint32_t d = det[i], its = o->e->rule.classes ? o->class[d] : 0;

		k = o->image[d] == image && its == class ? k + 1 : 0;
		image = o->image[d];
		class = its;
		o->image[d] = k;
	}
}

/* The part of the list that holds class k, once it is by class. */
static void
class_part(size_t *from, size_t *to, const struct sorter *o, size_t k)
{
	*from = o->e->rule.classes ? o->start[k] : 0;
	*to = o->e->rule.classes ? o->start[k + 1] : o->n;
}

/* Sorts a part of the list by score; `other` gets the places of their images. */
static void
sort_part(const struct sorter *o, size_t from, size_t to, struct det_eval_keyed *a,
    struct det_eval_keyed *b, uint32_t (*count)[DET_EVAL_BUCKETS])
{
	const struct det_eval_det *det = o->e->set->det;

	for (size_t i = from; i < to; i++) {
		const uint32_t d = o->list[i];

		if (i + AHEAD < to)
			__builtin_prefetch(&det[o->list[i + AHEAD]].score);
		a[i - from] = (struct det_eval_keyed){ det_eval_score_key(det[d].score),
			d, o->image[d] };
	}
	a = det_eval_radix(a, b, to - from, count);
	for (size_t i = from; i < to; i++) {
		o->list[i] = a[i - from].index;
		o->other[i] = a[i - from].image;
	}
}

static enum det_err
sort_parts(const struct sorter *o)
{
	struct det_eval_keyed *a = NULL, *b = NULL;
	uint32_t(*count)[DET_EVAL_BUCKETS] = NULL;
	size_t most = 0, from, to;
	enum det_err e;

	for (size_t k = 0; k < o->e->n_class; k++) {
		class_part(&from, &to, o, k);
		most = to - from > most ? to - from : most;
	}
	if (!(e = det_alloc(&a, most, sizeof *a)) &&
	    !(e = det_alloc(&b, most, sizeof *b)) &&
	    !(e = det_alloc(&count, DET_EVAL_DIGITS, sizeof *count)))
		for (size_t k = 0; k < o->e->n_class; k++) {
			class_part(&from, &to, o, k);
			sort_part(o, from, to, a, b, count);
		}
	free(a);
	free(b);
	free(count);
	return e;
}

/* Takes what ranks beyond the last limit out of the list, and hands the arrays over: the
 * list is e->order, beside it are images and ranks, and o->image, ranks before, are places. */
static void
class_order(struct det_eval_work *w, struct sorter *o)
{
	struct det_eval *e = w->e;
	const size_t limit = e->rule.max_dets[e->rule.n_max - 1];
	size_t from, to, n = 0;

	for (size_t k = 0; k < e->n_class; k++) {
		class_part(&from, &to, o, k);
		for (size_t i = from; i < to; i++) {
			const uint32_t d = o->list[i], rank = o->image[d];

			if (i + AHEAD < to)
				__builtin_prefetch(&o->image[o->list[i + AHEAD]], 1);
			if (rank >= limit) {
				o->image[d] = DET_EVAL_CUT;
				continue;
			}
			o->list[n] = d;
			o->other[n] = o->image_at[o->other[i]];
			o->class[n] = rank;
			o->image[d] = (uint32_t)n++;
		}
		e->start[k + 1] = n;
	}
	e->n = n;
	e->order = o->list;
	e->image = o->other;
	e->rank = o->class;
	w->pos = o->image;
	o->list = o->other = o->class = o->image = NULL;
}

/* Which ranges of area each detection lies outside of, as bits. */
static void
find_outside(uint8_t *outside, const struct det_eval *e)
{
	for (size_t i = 0; i < e->set->n_det; i++) {
		unsigned bits = 0;

		for (size_t a = 0; a < e->rule.n_area; a++)
			bits |= (unsigned)det_eval_outside(
				    &e->rule.area[a], e->set->det[i].r.size)
				<< a;
		outside[i] = (uint8_t)bits;
	}
}

static enum det_err
sort_det(struct det_eval_work *w, struct sorter *o)
{
	struct det_eval *e = w->e;
	const struct det_eval_set *s = e->set;
	enum det_err err;

	o->n = 0;
	for (size_t i = 0; i < s->n_det; i++)
		sorter_add(o, i, s->det[i].image, s->det[i].label);
	e->n_unknown_det = s->n_det - o->n;
	if (e->rule.by_image && !e->rule.classes)
		sorter_by(o, o->class, s->classes.n);
	/* results mostly come image by image */
	if (e->rule.by_image && !in_order(o->list, o->n, o->image))
		sorter_by(o, o->image, s->n_image);
	if (e->rule.classes)
		sorter_by(o, o->class, s->classes.n);
	if ((err = sort_parts(o)) || (err = groups(&w->det, &w->det_start, o)) ||
	    (err = det_alloc(&w->outside, s->n_det, sizeof *w->outside)) ||
	    (err = det_calloc(&e->start, e->n_class + 1, sizeof *e->start)))
		return err;
	find_outside(w->outside, e);
	rank_in_groups(o, w->det);
	class_order(w, o);
	return DET_OK;
}

enum det_err
det_eval_sort(struct det_eval_work *w)
{
	struct sorter o;
	enum det_err e;

	if (!(e = sorter_new(&o, w->e)) && !(e = sort_gt(w, &o)))
		e = sort_det(w, &o);
	w->class_place = o.class_place;
	o.class_place = NULL;
	if (!e && !w->e->rule.classes)
		memset(
		    w->class_place, 0, w->e->set->classes.n * sizeof *w->class_place);
	sorter_release(&o);
	return e;
}

void
det_eval_work_release(struct det_eval_work *w)
{
	free(w->det);
	free(w->gt);
	free(w->det_start);
	free(w->gt_start);
	free(w->class_place);
	free(w->pos);
	free(w->outside);
}
