/* SPDX-License-Identifier: MIT
 *
 * The orders that an evaluation needs, all from one sort by score.
 *
 * Detections are first put in the order that decides between equal scores: as they came,
 * or by image id and then as they came; where all classes are one, by class before that,
 * which is how pycocotools lines them up. A stable sort by falling score follows, on the 64
 * bits of the double (turned so that they order as whole numbers), eleven at a time; digits
 * that all scores share cost nothing. From the sorted list, bucket sorts, stable too, give
 *
 *   by class                  the order in which precision and recall are counted
 *   by image and class        the groups within which matching takes place
 *
 * Classes are ordered by the data set's own ids where every class has one.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval/eval_impl.h"

#define DIGIT   11
#define BUCKETS (1 << DIGIT)
#define DIGITS  6 /* of eleven bits in 64 */

struct keyed {
	uint64_t key;
	uint32_t index;
};

/* Falling doubles as growing whole numbers; -0 equals 0. */
static uint64_t
score_key(double score)
{
	uint64_t u;

	score += 0.0;
	memcpy(&u, &score, sizeof u);
	return u >> 63 ? u : ~u & ~(UINT64_C(1) << 63);
}

/* One digit: from a to b. Returns 0 and leaves a as it is where all keys have the same. */
static int
radix_pass(struct keyed *b, const struct keyed *a, size_t n, uint32_t *count, int digit)
{
	const int shift = digit * DIGIT;
	uint32_t sum = 0;

	if (count[a[0].key >> shift & (BUCKETS - 1)] == n)
		return 0;
	for (size_t i = 0; i < BUCKETS; i++) {
		uint32_t here = count[i];

		count[i] = sum;
		sum += here;
	}
	for (size_t i = 0; i < n; i++)
		b[count[a[i].key >> shift & (BUCKETS - 1)]++] = a[i];
	return 1;
}

/* list[0..n): indices of detections, stably sorted by falling score. */
static enum det_err
sort_scores(uint32_t *list, size_t n, const struct det_eval_det *det)
{
	struct keyed *a = NULL, *b = NULL, *swap;
	uint32_t(*count)[BUCKETS] = NULL;
	enum det_err e;

	if ((e = det_alloc(&a, n, sizeof *a)) || (e = det_alloc(&b, n, sizeof *b)) ||
	    (e = det_calloc(&count, DIGITS, sizeof *count)))
		goto fail;
	for (size_t i = 0; i < n; i++) {
		a[i] = (struct keyed){ score_key(det[list[i]].score), list[i] };
		for (int d = 0; d < DIGITS; d++)
			count[d][a[i].key >> d * DIGIT & (BUCKETS - 1)]++;
	}
	for (int d = 0; d < DIGITS && n; d++)
		if (radix_pass(b, a, n, count[d], d)) {
			swap = a;
			a = b;
			b = swap;
		}
	for (size_t i = 0; i < n; i++)
		list[i] = a[i].index;
fail:
	free(a);
	free(b);
	free(count);
	return e;
}

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

/* Once r is sorted, its i-th has place i, and at[i] says which it was. */
static void
rank_ids(uint32_t *place, uint32_t *at, struct ranked *r, size_t n)
{
	qsort(r, n, sizeof *r, by_id);
	for (size_t i = 0; i < n; i++) {
		place[r[i].index] = (uint32_t)i;
		at[i] = r[i].index;
	}
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
	rank_ids(place, at, r, s->n_image);
	free(r);
	return DET_OK;
}

static enum det_err
rank_classes(uint32_t *place, uint32_t *at, const struct det_classes *c)
{
	struct ranked *r;
	int all = 1;
	enum det_err e;

	if ((e = det_alloc(&r, c->n, sizeof *r)))
		return e;
	for (size_t i = 0; i < c->n; i++)
		all = all && c->source[i] >= 0;
	for (size_t i = 0; i < c->n; i++)
		r[i] = (struct ranked){ all ? c->source[i] : (int64_t)i, (uint32_t)i };
	rank_ids(place, at, r, c->n);
	free(r);
	return DET_OK;
}

/* What the sorts need: keys of boxes, and room. Keys are copied out of the boxes because a
 * sorted list visits them in no order, and these arrays are a tenth of the size. */
struct sorter {
	const struct det_eval *e;
	uint32_t *image_place, *class_place; /* of each image, of each label */
	uint32_t *image_at, *class_at;       /* and back */
	uint32_t *image,
	    *class; /* of each box: the places of its image and its class */
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
	free(o->class_at);
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
	    (err = det_alloc(&o->class_at, s->classes.n, sizeof *o->class_at)) ||
	    (err = rank_images(o->image_place, o->image_at, s)))
		return err;
	return rank_classes(o->class_place, o->class_at, &s->classes);
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

/* The class that box i is evaluated as. */
static uint32_t
sorter_class(const struct sorter *o, size_t i)
{
	return o->e->rule.classes ? o->class_at[o->class[i]] : 0;
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

/* The list by image and class, its order kept within them. */
static enum det_err
groups(uint32_t **out, size_t **start, struct sorter *o)
{
	const struct det_eval_set *s = o->e->set;
	enum det_err e;

	if ((e = det_alloc(out, o->n, sizeof **out)) ||
	    (e = det_alloc(start, s->n_image + 1, sizeof **start)))
		return e;
	if (o->e->rule.classes)
		sorter_by(o, o->class, s->classes.n);
	bucket(*out, *start, o->list, o->n, o->image, s->n_image);
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
	if (!w->e->rule.classes)
		sorter_by(o, o->class, s->classes.n);
	return groups(&w->gt, &w->gt_start, o);
}

/* Numbers the detections of each image and class; leaves the number in rank. */
static void
rank_in_groups(uint32_t *rank, const uint32_t *det, const struct sorter *o)
{
	const int classes = o->e->rule.classes;
	uint32_t k = 0;

	for (size_t i = 0; i < o->n; i++) {
		uint32_t d = det[i], before = i ? det[i - 1] : d;

		k = i && o->image[d] == o->image[before] &&
			    (!classes || o->class[d] == o->class[before])
			? k + 1
			: 0;
		rank[d] = k;
	}
}

/* e->order: sorted[0..n) by label, without those that rank beyond the last limit. pos holds
 * ranks before and places after. */
static void
class_order(struct det_eval_work *w, const uint32_t *sorted, const struct sorter *o)
{
	struct det_eval *e = w->e;
	const size_t limit = e->rule.max_dets[e->rule.n_max - 1];

	for (size_t i = 0; i < o->n; i++)
		if (w->pos[sorted[i]] < limit)
			e->start[sorter_class(o, sorted[i]) + 1]++;
	for (size_t k = 0; k < e->n_class; k++)
		e->start[k + 1] += e->start[k];
	for (size_t i = 0; i < o->n; i++) {
		const uint32_t d = sorted[i], rank = w->pos[d];
		size_t at;

		if (rank >= limit) {
			w->pos[d] = DET_EVAL_CUT;
			continue;
		}
		at = e->start[sorter_class(o, d)]++;
		e->order[at] = d;
		e->image[at] = o->image_at[o->image[d]];
		e->rank[at] = rank;
		w->pos[d] = (uint32_t)at;
	}
	memmove(e->start + 1, e->start, e->n_class * sizeof *e->start);
	e->start[0] = 0;
	e->n = e->start[e->n_class];
}

static enum det_err
sort_det(struct det_eval_work *w, struct sorter *o)
{
	struct det_eval *e = w->e;
	const struct det_eval_set *s = e->set;
	uint32_t *sorted = NULL;
	enum det_err err;

	o->n = 0;
	for (size_t i = 0; i < s->n_det; i++)
		sorter_add(o, i, s->det[i].image, s->det[i].label);
	e->n_unknown_det = s->n_det - o->n;
	if (e->rule.by_image && !e->rule.classes)
		sorter_by(o, o->class, s->classes.n);
	if (e->rule.by_image)
		sorter_by(o, o->image, s->n_image);
	if ((err = sort_scores(o->list, o->n, s->det)) ||
	    (err = det_alloc(&sorted, o->n, sizeof *sorted)))
		return err;
	if (o->n)
		memcpy(sorted, o->list, o->n * sizeof *sorted);
	if (!(err = groups(&w->det, &w->det_start, o)) &&
	    !(err = det_alloc(&w->pos, s->n_det, sizeof *w->pos)) &&
	    !(err = det_alloc(&e->order, o->n, sizeof *e->order)) &&
	    !(err = det_alloc(&e->image, o->n, sizeof *e->image)) &&
	    !(err = det_alloc(&e->rank, o->n, sizeof *e->rank)) &&
	    !(err = det_calloc(&e->start, e->n_class + 2, sizeof *e->start))) {
		rank_in_groups(w->pos, w->det, o);
		class_order(w, sorted, o);
	}
	free(sorted);
	return err;
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
}
