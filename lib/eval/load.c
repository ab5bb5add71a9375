/* SPDX-License-Identifier: MIT */
#include "eval/load.h"

#include <stdlib.h>

#include "base/mem.h"
#include "data/coco.h"

#define LISTED 5

struct loading {
	struct det_eval_set *s;
	struct det_eval_misfits *misfits;
	const char *path;
	struct category {
		int64_t id;
		char *name;
	} * category;
	struct det_coco_annotation *annotation;
	size_t n_category, cap_category, n_annotation, cap_annotation;
};

void
det_eval_misfits_release(struct det_eval_misfits *m)
{
	det_buf_free(&m->image_ids);
	det_buf_free(&m->class_ids);
}

static enum det_err
list(struct det_buf *b, size_t *listed, long long *last, int64_t id, const char *name)
{
	if (*listed > LISTED || (*listed && *last == (long long)id && !name))
		return DET_OK;
	*last = id;
	if (++*listed > LISTED)
		return det_buf_printf(b, " ...");
	if (name)
		return det_buf_printf(b, "%s'%s'", b->len ? ", " : "", name);
	return det_buf_printf(b, "%s%lld", b->len ? ", " : "", (long long)id);
}

enum det_err
det_eval_misfit_image(struct det_eval_misfits *m, int64_t id, const char *name)
{
	m->images++;
	m->boxes++;
	return list(&m->image_ids, &m->listed_images, &m->last_image, id, name);
}

enum det_err
det_eval_misfit_class(struct det_eval_misfits *m, int64_t id, const char *name)
{
	m->classes++;
	m->boxes++;
	return list(&m->class_ids, &m->listed_classes, &m->last_class, id, name);
}

static enum det_err
at_place(enum det_err e, const struct loading *l, const struct det_coco_place *p)
{
	return det_fail_in(e, "%s: byte %llu (line %llu)", l->path,
	    (unsigned long long)p->at, (unsigned long long)p->line);
}

static enum det_err
take_image(void *ctx, const struct det_coco_image *v)
{
	struct loading *l = ctx;
	uint32_t index;
	enum det_err e = det_eval_set_image(&index, l->s, v->id, v->file_name);

	return e ? at_place(e, l, &v->place) : DET_OK;
}

static enum det_err
take_category(void *ctx, const struct det_coco_category *v)
{
	struct loading *l = ctx;
	enum det_err e = det_grow(
	    &l->category, &l->cap_category, l->n_category + 1, sizeof *l->category);

	if (e)
		return e;
	l->category[l->n_category].id = v->id;
	if (!(e = det_strdup(&l->category[l->n_category].name, v->name)))
		l->n_category++;
	return e;
}

/* The images and categories may come later in the file. */
static enum det_err
take_annotation(void *ctx, const struct det_coco_annotation *v)
{
	struct loading *l = ctx;
	enum det_err e = det_grow(&l->annotation, &l->cap_annotation,
	    l->n_annotation + 1, sizeof *l->annotation);

	if (!e)
		l->annotation[l->n_annotation++] = *v;
	return e;
}

static int
by_id(const void *va, const void *vb)
{
	const struct category *a = va, *b = vb;

	return a->id < b->id ? -1 : a->id > b->id;
}

static enum det_err
set_classes(struct loading *l)
{
	struct det_classes c = { .n = l->n_category };
	enum det_err e;

	if (l->n_category > 1)
		qsort(l->category, l->n_category, sizeof *l->category, by_id);
	if (!(e = det_alloc(&c.name, c.n, sizeof *c.name)) &&
	    !(e = det_alloc(&c.source, c.n, sizeof *c.source))) {
		for (size_t i = 0; i < c.n; i++) {
			c.name[i] = l->category[i].name;
			c.source[i] = (long)l->category[i].id;
		}
		e = det_eval_set_classes(l->s, &c);
	}
	free(c.name);
	free(c.source);
	return e;
}

static enum det_err
add_annotation(struct loading *l, size_t number)
{
	const struct det_coco_annotation *a = &l->annotation[number];
	const int64_t image = det_eval_find_image(l->s, a->image_id);
	struct det_eval_gt g = { .area = a->given & DET_COCO_AREA ? a->area : -1,
		.id = a->given & DET_COCO_ID ? a->id : (int64_t)number };
	enum det_err e = det_eval_rect_xywh(&g.r, a->bbox);

	if (!e && (a->given & DET_COCO_AREA) && a->area < 0)
		e = det_fail(DET_INVALID, "an area of %g: 0 or more expected", a->area);
	if (e)
		return at_place(e, l, &a->place);
	if (image < 0)
		return det_eval_misfit_image(l->misfits, a->image_id, NULL);
	g.label = det_eval_find_class(l->s, a->category_id);
	if (g.label < 0)
		return det_eval_misfit_class(l->misfits, a->category_id, NULL);
	g.image = (uint32_t)image;
	g.flags = (a->crowd ? DET_BOX_CROWD : 0u) | (a->ignore ? DET_BOX_IGNORE : 0u) |
		  (a->difficult ? DET_BOX_DIFFICULT : 0u);
	e = det_eval_add_gt(l->s, &g);
	return e ? at_place(e, l, &a->place) : DET_OK;
}

enum det_err
det_eval_load_coco(
    struct det_eval_set *s, const char *path, struct det_eval_misfits *misfits)
{
	struct loading l = { .s = s, .misfits = misfits, .path = path };
	const struct det_coco_sink sink = { .ctx = &l,
		.image = take_image,
		.category = take_category,
		.annotation = take_annotation };
	enum det_err e = det_coco_read_instances(path, &sink);

	if (!e)
		e = set_classes(&l);
	for (size_t i = 0; !e && i < l.n_annotation; i++)
		e = add_annotation(&l, i);
	for (size_t i = 0; i < l.n_category; i++)
		free(l.category[i].name);
	free(l.category);
	free(l.annotation);
	return e;
}

static enum det_err
take_result(void *ctx, const struct det_coco_result *v)
{
	struct loading *l = ctx;
	struct det_eval_det d = { .score = v->score };
	const int64_t image = v->image_name
				  ? det_eval_find_image_name(l->s, v->image_name)
				  : det_eval_find_image(l->s, v->image_id);
	enum det_err e = det_eval_rect_xywh(&d.r, v->bbox);

	if (e)
		return at_place(e, l, &v->place);
	if (image < 0)
		return det_eval_misfit_image(l->misfits, v->image_id, v->image_name);
	d.label = det_eval_find_class(l->s, v->category_id);
	if (d.label < 0)
		return det_eval_misfit_class(l->misfits, v->category_id, NULL);
	d.image = (uint32_t)image;
	e = det_eval_add_det(l->s, &d);
	return e ? at_place(e, l, &v->place) : DET_OK;
}

enum det_err
det_eval_load_results(
    struct det_eval_set *s, const char *path, struct det_eval_misfits *misfits)
{
	struct loading l = { .s = s, .misfits = misfits, .path = path };
	const struct det_coco_sink sink = { .ctx = &l, .result = take_result };

	return det_coco_read_results(path, &sink);
}
