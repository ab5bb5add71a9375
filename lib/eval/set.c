/* SPDX-License-Identifier: MIT */
#include "eval/set.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

void
det_eval_set_release(struct det_eval_set *s)
{
	for (size_t i = 0; i < s->n_image; i++)
		free(s->image[i].name);
	free(s->image);
	free(s->gt);
	free(s->det);
	det_classes_release(&s->classes);
	det_idmap_release(&s->ids);
	det_idmap_release(&s->sources);
	det_idmap_release(&s->names);
	det_idmap_release(&s->stems);
	det_idmap_release(&s->class_names);
	*s = (struct det_eval_set){ 0 };
}

static enum det_err
name_add(struct det_idmap *m, const char *name, size_t index)
{
	int is_new;

	return det_idmap_add(&is_new, m, (int64_t)det_hash_text(name), (uint32_t)index);
}

static enum det_err
class_add(struct det_eval_set *s, const char *name, long source)
{
	struct det_classes *c = &s->classes;
	int is_new = 1;
	enum det_err e;

	if (source >= 0 &&
	    (e = det_idmap_add(&is_new, &s->sources, source, (uint32_t)c->n)))
		return e;
	if (!is_new)
		return det_fail(DET_INVALID, "class id %ld occurs twice: '%s' and '%s'",
		    source, c->name[det_idmap_find(&s->sources, source)], name);
	if ((e = name_add(&s->class_names, name, c->n)) ||
	    (e = det_strdup(&c->name[c->n], name)))
		return e;
	c->source[c->n++] = source;
	return DET_OK;
}

enum det_err
det_eval_set_classes(struct det_eval_set *s, const struct det_classes *c)
{
	enum det_err e = DET_OK;

	if (s->classes.name)
		return det_fail(DET_INVALID, "a second class table");
	if (c->n > INT32_MAX)
		return det_fail(
		    DET_LIMIT, "%zu classes; at most %ld", c->n, (long)INT32_MAX);
	if ((e = det_calloc(&s->classes.name, c->n, sizeof *c->name)) ||
	    (e = det_calloc(&s->classes.source, c->n, sizeof *c->source)))
		return e;
	for (size_t i = 0; i < c->n && !e; i++)
		e = class_add(s, c->name[i], c->source[i]);
	return e;
}

/* The part of a path that names the picture. */
static const char *
stem_of(size_t *n, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const char *dot = strrchr(name, '.');

	*n = dot && dot > name ? (size_t)(dot - name) : strlen(name);
	return name;
}

static enum det_err
stem_add(struct det_idmap *m, const char *path, size_t index)
{
	size_t n;
	const char *stem = stem_of(&n, path);
	int is_new;

	return det_idmap_add(
	    &is_new, m, (int64_t)det_hash(DET_HASH_START, stem, n), (uint32_t)index);
}

enum det_err
det_eval_set_image(
    uint32_t *index, struct det_eval_set *s, int64_t id, const char *name)
{
	struct det_eval_image im = { .id = id };
	int is_new;
	enum det_err e;

	if ((e = det_grow(&s->image, &s->cap_image, s->n_image + 1, sizeof im)) ||
	    (e = det_idmap_add(&is_new, &s->ids, id, (uint32_t)s->n_image)))
		return e;
	if (!is_new)
		return det_fail(
		    DET_INVALID, "image id %lld occurs twice", (long long)id);
	if ((e = det_strdup(&im.name, name ? name : "")))
		return e;
	*index = (uint32_t)s->n_image;
	s->image[s->n_image++] = im;
	if (name && *name && !(e = name_add(&s->names, name, *index)))
		e = stem_add(&s->stems, name, *index);
	return e;
}

static int64_t
found(uint32_t index)
{
	return index == DET_IDMAP_NONE ? -1 : (int64_t)index;
}

int64_t
det_eval_find_image(const struct det_eval_set *s, int64_t id)
{
	return found(det_idmap_find(&s->ids, id));
}

int64_t
det_eval_find_image_name(const struct det_eval_set *s, const char *name)
{
	int64_t i = found(det_idmap_find(&s->names, (int64_t)det_hash_text(name)));

	return i >= 0 && strcmp(s->image[i].name, name) == 0 ? i : -1;
}

int64_t
det_eval_find_image_stem(const struct det_eval_set *s, const char *stem)
{
	int64_t i = found(det_idmap_find(&s->stems, (int64_t)det_hash_text(stem)));
	const char *its;
	size_t n;

	if (i < 0)
		return -1;
	its = stem_of(&n, s->image[i].name);
	return strlen(stem) == n && memcmp(its, stem, n) == 0 ? i : -1;
}

int32_t
det_eval_find_class(const struct det_eval_set *s, int64_t source)
{
	return (int32_t)found(det_idmap_find(&s->sources, source));
}

int32_t
det_eval_find_class_name(const struct det_eval_set *s, const char *name)
{
	int64_t i =
	    found(det_idmap_find(&s->class_names, (int64_t)det_hash_text(name)));

	return i >= 0 && strcmp(s->classes.name[i], name) == 0 ? (int32_t)i : -1;
}

static enum det_err
rect_check(const struct det_eval_rect *r)
{
	if (!isfinite(r->x1) || !isfinite(r->y1) || !isfinite(r->x2) ||
	    !isfinite(r->y2))
		return det_fail(DET_INVALID,
		    "a box holds NaN or infinity: %g %g to %g %g", r->x1, r->y1, r->x2,
		    r->y2);
	if (r->x2 < r->x1 || r->y2 < r->y1)
		return det_fail(DET_INVALID,
		    "a box ends before it begins: %g %g to %g %g", r->x1, r->y1, r->x2,
		    r->y2);
	if (fabs(r->x1) > DET_EVAL_MAX_COORD || fabs(r->y1) > DET_EVAL_MAX_COORD ||
	    fabs(r->x2) > DET_EVAL_MAX_COORD || fabs(r->y2) > DET_EVAL_MAX_COORD)
		return det_fail(DET_INVALID, "a box reaches beyond %g: %g %g to %g %g",
		    DET_EVAL_MAX_COORD, r->x1, r->y1, r->x2, r->y2);
	return DET_OK;
}

/* Tests the side, not the corner: x + w rounds, so that a tiny negative w would be lost. */
enum det_err
det_eval_rect_xywh(struct det_eval_rect *r, const double v[4])
{
	if (v[2] < 0 || v[3] < 0)
		return det_fail(DET_INVALID,
		    "a box has a negative side: %g x %g at %g %g", v[2], v[3], v[0],
		    v[1]);
	*r =
	    (struct det_eval_rect){ v[0], v[1], v[0] + v[2], v[1] + v[3], v[2] * v[3] };
	return rect_check(r);
}

enum det_err
det_eval_rect_corners(struct det_eval_rect *r, const double v[4])
{
	*r = (struct det_eval_rect){ v[0], v[1], v[2], v[3],
		(v[2] - v[0]) * (v[3] - v[1]) };
	return rect_check(r);
}

static enum det_err
place_check(const struct det_eval_set *s, uint32_t image, int32_t label)
{
	if (image >= s->n_image)
		return det_fail(DET_INVALID, "a box of image number %lu of %zu",
		    (unsigned long)image, s->n_image);
	if (label < -1 || (label >= 0 && (size_t)label >= s->classes.n))
		return det_fail(DET_INVALID,
		    "a box has label %ld; there are %zu classes", (long)label,
		    s->classes.n);
	return DET_OK;
}

/* Boxes are numbered in 32 bits, and -1 is none. */
static enum det_err
room(void *array, size_t *cap, size_t n, size_t size)
{
	if (n >= INT32_MAX)
		return det_fail(DET_LIMIT, "more than %ld boxes", (long)INT32_MAX);
	return det_grow(array, cap, n + 1, size);
}

enum det_err
det_eval_add_gt(struct det_eval_set *s, const struct det_eval_gt *b)
{
	enum det_err e;

	if (!isfinite(b->area))
		return det_fail(
		    DET_INVALID, "an annotated area is no number: %g", b->area);
	if ((e = place_check(s, b->image, b->label)) ||
	    (e = room(&s->gt, &s->cap_gt, s->n_gt, sizeof *b)))
		return e;
	s->gt[s->n_gt] = *b;
	if (b->area < 0)
		s->gt[s->n_gt].area = b->r.size;
	s->n_gt++;
	return DET_OK;
}

enum det_err
det_eval_add_det(struct det_eval_set *s, const struct det_eval_det *b)
{
	enum det_err e;

	if (!isfinite(b->score))
		return det_fail(DET_INVALID, "a score is no number: %g", b->score);
	if ((e = place_check(s, b->image, b->label)) ||
	    (e = room(&s->det, &s->cap_det, s->n_det, sizeof *b)))
		return e;
	s->det[s->n_det++] = *b;
	return DET_OK;
}

static enum det_err
list_check(const struct det_boxes *b)
{
	if (b->n && b->space != DET_SPACE_IMAGE)
		return det_fail(DET_INVALID,
		    "boxes in the space of the picture expected, found space input");
	return DET_OK;
}

/* A label of the stream becomes one of the set; -1 stays. */
static enum det_err
map_label(int32_t *out, int32_t l, const int32_t *label, size_t n)
{
	if (l >= 0 && (size_t)l >= n)
		return det_fail(DET_INVALID,
		    "label %ld: the stream's table has %zu classes", (long)l, n);
	*out = l < 0 ? -1 : label ? label[l] : l;
	return DET_OK;
}

enum det_err
det_eval_add_gt_list(struct det_eval_set *s, uint32_t image, const struct det_boxes *b,
    const int32_t *label, size_t n)
{
	enum det_err e = list_check(b);

	for (size_t i = 0; i < b->n && !e; i++) {
		const struct det_box *from = &b->box[i];
		const double c[4] = { from->x1, from->y1, from->x2, from->y2 };
		struct det_eval_gt g = {
			.area = from->area > 0 ? from->area : -1,
			.id = from->source,
			.image = image,
			.flags = from->flags,
		};

		if ((e = map_label(&g.label, from->label, label, n)) ||
		    (e = det_eval_rect_corners(&g.r, c)) ||
		    (e = det_eval_add_gt(s, &g)))
			return det_fail_in(e, "object %zu", i);
	}
	return e;
}

enum det_err
det_eval_add_det_list(struct det_eval_set *s, uint32_t image, const struct det_boxes *b,
    const int32_t *label, size_t n)
{
	enum det_err e = list_check(b);

	for (size_t i = 0; i < b->n && !e; i++) {
		const struct det_box *from = &b->box[i];
		const double c[4] = { from->x1, from->y1, from->x2, from->y2 };
		struct det_eval_det d = {
			.score = from->score,
			.image = image,
		};

		if ((e = map_label(&d.label, from->label, label, n)) ||
		    (e = det_eval_rect_corners(&d.r, c)) ||
		    (e = det_eval_add_det(s, &d)))
			return det_fail_in(e, "box %zu", i);
	}
	return e;
}
