/* SPDX-License-Identifier: MIT
 *
 * Annotations may stand before the images and categories that they name (COCO's own files
 * have the categories last), so they wait, as they were read, until the file is through.
 * Of results nothing waits: the set's images and classes are known by then.
 *
 * As pycocotools has it, `ignore` is kept but rule `coco` does not look at it, and an area
 * that is not given is w * h (there it is an error).
 */
#include "eval/set_coco.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/coco.h"

struct waiting {
	int64_t image, class;
	struct det_eval_gt gt;
};

struct reading {
	struct det_eval_set *set;
	struct det_eval_strays *strays;
	const char *path;
	struct waiting *wait;
	size_t n, cap;
	struct det_classes classes;
	size_t cap_name, cap_source;
	int64_t last_id; /* results come image by image */
	int64_t last_image;
};

void
det_eval_strays_release(struct det_eval_strays *v)
{
	free(v->name);
	*v = (struct det_eval_strays){ 0 };
}

static void
stray(size_t *n, size_t *kept, int64_t *ids, int64_t id)
{
	++*n;
	for (size_t i = 0; i < *kept; i++)
		if (ids[i] == id)
			return;
	if (*kept < DET_EVAL_STRAYS)
		ids[(*kept)++] = id;
}

static enum det_err
on_image(void *ctx, const struct det_coco_image *v)
{
	struct reading *r = ctx;
	uint32_t index;

	return det_eval_set_image(
	    &index, r->set, v->id, *v->file_name ? v->file_name : NULL);
}

static enum det_err
on_category(void *ctx, const struct det_coco_category *v)
{
	struct reading *r = ctx;
	struct det_classes *c = &r->classes;
	enum det_err e;

	/* -1 means "none" in a class table */
	if (v->id < 0 || v->id > __LONG_MAX__)
		return det_fail(DET_INVALID,
		    "%s: line %llu: a category id of 0 or more expected, found %lld",
		    r->path, (unsigned long long)v->place.line, (long long)v->id);
	if ((e = det_grow(&c->name, &r->cap_name, c->n + 1, sizeof *c->name)) ||
	    (e = det_grow(&c->source, &r->cap_source, c->n + 1, sizeof *c->source)) ||
	    (e = det_strdup(&c->name[c->n], v->name)))
		return e;
	c->source[c->n++] = (long)v->id;
	return DET_OK;
}

static enum det_err
on_annotation(void *ctx, const struct det_coco_annotation *v)
{
	struct reading *r = ctx;
	struct waiting w = { .image = v->image_id, .class = v->category_id };
	enum det_err e;

	w.gt.id = v->given & DET_COCO_ID ? v->id : (int64_t)r->n;
	w.gt.area = v->given & DET_COCO_AREA ? v->area : -1;
	w.gt.flags = (v->crowd ? DET_BOX_CROWD : 0) | (v->ignore ? DET_BOX_IGNORE : 0) |
		     (v->difficult ? DET_BOX_DIFFICULT : 0);
	if ((e = det_eval_rect_xywh(&w.gt.r, v->bbox)))
		return det_fail_in(e, "%s: line %llu: annotation %lld", r->path,
		    (unsigned long long)v->place.line, (long long)w.gt.id);
	if ((e = det_grow(&r->wait, &r->cap, r->n + 1, sizeof w)))
		return e;
	r->wait[r->n++] = w;
	return DET_OK;
}

static enum det_err
settle(struct reading *r)
{
	struct det_eval_strays *y = r->strays;
	enum det_err e = DET_OK;

	for (size_t i = 0; i < r->n && !e; i++) {
		struct waiting *w = &r->wait[i];
		int64_t image = det_eval_find_image(r->set, w->image);

		w->gt.label = det_eval_find_class(r->set, w->class);
		if (w->gt.label < 0)
			stray(&y->n_class, &y->kept_class, y->class, w->class);
		if (image < 0) {
			stray(&y->n_image, &y->kept_image, y->image, w->image);
			continue;
		}
		w->gt.image = (uint32_t)image;
		e = det_eval_add_gt(r->set, &w->gt);
	}
	return e;
}

enum det_err
det_eval_read_coco_gt(
    struct det_eval_set *s, struct det_eval_strays *strays, const char *path)
{
	struct reading r = { .set = s, .strays = strays, .path = path };
	const struct det_coco_sink sink = {
		.ctx = &r,
		.image = on_image,
		.category = on_category,
		.annotation = on_annotation,
	};
	enum det_err e;

	if (!(e = det_coco_read_instances(path, &sink)) &&
	    !(e = det_eval_set_classes(s, &r.classes)))
		e = settle(&r);
	det_classes_release(&r.classes);
	free(r.wait);
	return e;
}

static enum det_err
find_image(int64_t *image, struct reading *r, const struct det_coco_result *v)
{
	*image = -1;
	if (!v->image_name) {
		if (r->last_image < 0 || r->last_id != v->image_id) {
			r->last_id = v->image_id;
			r->last_image = det_eval_find_image(r->set, v->image_id);
		}
		*image = r->last_image;
		if (*image < 0)
			stray(&r->strays->n_image, &r->strays->kept_image,
			    r->strays->image, v->image_id);
		return DET_OK;
	}
	*image = det_eval_find_image_name(r->set, v->image_name);
	if (*image < 0)
		*image = det_eval_find_image_stem(r->set, v->image_name);
	if (*image >= 0)
		return DET_OK;
	r->strays->n_image++;
	return r->strays->name ? DET_OK : det_strdup(&r->strays->name, v->image_name);
}

static enum det_err
on_result(void *ctx, const struct det_coco_result *v)
{
	struct reading *r = ctx;
	struct det_eval_det d = { .score = v->score };
	int64_t image;
	enum det_err e;

	if ((e = det_eval_rect_xywh(&d.r, v->bbox)))
		return det_fail_in(e, "%s: line %llu: byte %llu", r->path,
		    (unsigned long long)v->place.line, (unsigned long long)v->place.at);
	if ((e = find_image(&image, r, v)))
		return e;
	d.label = det_eval_find_class(r->set, v->category_id);
	if (d.label < 0)
		stray(&r->strays->n_class, &r->strays->kept_class, r->strays->class,
		    v->category_id);
	if (image < 0)
		return DET_OK;
	d.image = (uint32_t)image;
	return det_eval_add_det(r->set, &d);
}

enum det_err
det_eval_read_coco_det(
    struct det_eval_set *s, struct det_eval_strays *strays, const char *path)
{
	struct reading r = {
		.set = s,
		.strays = strays,
		.path = path,
		.last_image = -1,
	};
	const struct det_coco_sink sink = { .ctx = &r, .result = on_result };

	return det_coco_read_results(path, &sink);
}
