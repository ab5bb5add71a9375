/* SPDX-License-Identifier: MIT */
#include "data/results.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/coco.h"
#include "data/comp.h"
#include "data/truth_impl.h"

struct found {
	struct det_box box;
	uint32_t image;
};

struct loading {
	const struct det_truth *t;
	const char *path;
	struct det_idmap ids, categories;
	struct det_strings stems;
	uint32_t *of_stem;
	struct found *found;
	size_t n, cap, cap_stem;
};

static enum det_err
add_stem(struct loading *s, const char *path, uint32_t image)
{
	const char *base = strrchr(path, '/'), *dot;
	char *stem;
	enum det_err e;

	base = base ? base + 1 : path;
	dot = strrchr(base, '.');
	if ((e = det_strndup(&stem, base,
		 dot && dot != base ? (size_t)(dot - base) : strlen(base))))
		return e;
	if (det_strings_find(&s->stems, stem) == s->stems.n &&
	    !(e = det_grow(
		  &s->of_stem, &s->cap_stem, s->stems.n + 1, sizeof *s->of_stem))) {
		s->of_stem[s->stems.n] = image;
		e = det_strings_add(&s->stems, stem);
	}
	free(stem);
	return e;
}

static enum det_err
index_all(struct loading *s)
{
	int is_new;
	enum det_err e = DET_OK;

	for (size_t i = 0; i < s->t->n_images && !e; i++)
		if (!(e = det_idmap_add(
			  &is_new, &s->ids, s->t->image[i].id, (uint32_t)i)))
			e = add_stem(s, s->t->image[i].path, (uint32_t)i);
	for (size_t i = 0; i < s->t->classes.n && !e; i++)
		e = det_idmap_add(&is_new, &s->categories,
		    s->t->classes.source[i] >= 0 ? s->t->classes.source[i]
						 : (long)i + 1,
		    (uint32_t)i);
	return e;
}

static enum det_err
add(struct loading *s, uint32_t image, const struct det_box *b, uint64_t line)
{
	enum det_err e;

	if (b->x2 < b->x1 || b->y2 < b->y1)
		return det_fail(DET_INVALID,
		    "%s:%llu: a box from %g,%g to %g,%g: its end is before its "
		    "beginning",
		    s->path, (unsigned long long)line, b->x1, b->y1, b->x2, b->y2);
	if ((e = det_grow(&s->found, &s->cap, s->n + 1, sizeof *s->found)))
		return e;
	s->found[s->n] = (struct found){ *b, image };
	s->found[s->n].box.source = (int32_t)(s->n & INT32_MAX);
	s->n++;
	return DET_OK;
}

static uint32_t
by_name(const struct loading *s, const char *stem)
{
	size_t i = det_strings_find(&s->stems, stem);

	return i < s->stems.n ? s->of_stem[i] : DET_IDMAP_NONE;
}

static enum det_err
on_coco(void *ctx, const struct det_coco_result *v)
{
	struct loading *s = ctx;
	uint32_t image = v->image_name ? by_name(s, v->image_name)
				       : det_idmap_find(&s->ids, v->image_id);
	uint32_t label = det_idmap_find(&s->categories, v->category_id);
	unsigned long long line = v->place.line;
	struct det_box b = { .x1 = v->bbox[0],
		.y1 = v->bbox[1],
		.x2 = v->bbox[0] + v->bbox[2],
		.y2 = v->bbox[1] + v->bbox[3],
		.score = v->score,
		.label = (int32_t)label };

	if (image == DET_IDMAP_NONE && v->image_name)
		return det_fail(DET_INVALID,
		    "%s: byte %llu (line %llu): no picture '%s'", s->path,
		    (unsigned long long)v->place.at, line, v->image_name);
	if (image == DET_IDMAP_NONE)
		return det_fail(DET_INVALID, "%s: byte %llu (line %llu): no image %lld",
		    s->path, (unsigned long long)v->place.at, line,
		    (long long)v->image_id);
	if (label == DET_IDMAP_NONE)
		return det_fail(DET_INVALID,
		    "%s: byte %llu (line %llu): no category %lld", s->path,
		    (unsigned long long)v->place.at, line, (long long)v->category_id);
	return add(s, image, &b, line);
}

static enum det_err
on_comp(void *ctx, const struct det_comp_result *v)
{
	struct loading *s = ctx;
	uint32_t image = by_name(s, v->id);
	struct det_box b = { .x1 = v->box[0],
		.y1 = v->box[1],
		.x2 = v->box[2],
		.y2 = v->box[3],
		.score = v->score,
		.label = v->label };

	if (image == DET_IDMAP_NONE)
		return det_fail(DET_INVALID, "%s:%llu: no picture '%s'", v->file,
		    (unsigned long long)v->line, v->id);
	return add(s, image, &b, v->line);
}

/* By picture, in each as they came. */
static enum det_err
settle(struct det_results *out, const struct loading *s)
{
	size_t n = s->t->n_images;
	enum det_err e;

	if ((e = det_calloc(&out->first, n + 2, sizeof *out->first)) ||
	    (e = det_alloc(&out->box, s->n, sizeof *out->box)))
		return e;
	for (size_t i = 0; i < s->n; i++)
		out->first[s->found[i].image + 2]++;
	for (size_t i = 2; i < n + 2; i++)
		out->first[i] += out->first[i - 1];
	for (size_t i = 0; i < s->n; i++)
		out->box[out->first[s->found[i].image + 1]++] = s->found[i].box;
	out->n = s->n;
	return DET_OK;
}

enum det_err
det_results_read(
    struct det_results *out, const struct det_truth *t, const char *path, int corners)
{
	struct loading s = { .t = t, .path = path };
	const struct det_coco_sink coco = { .ctx = &s, .result = on_coco };
	const struct det_comp_sink comp = { &s, on_comp };
	enum det_err e;

	*out = (struct det_results){ 0 };
	if (!(e = index_all(&s)))
		e = det_is_dir(path)
			? det_comp_read(path, NULL, corners, &t->classes, &comp)
			: det_coco_read_results(path, &coco);
	if (!e)
		e = settle(out, &s);
	if (e)
		det_results_release(out);
	det_idmap_release(&s.ids);
	det_idmap_release(&s.categories);
	det_strings_release(&s.stems);
	free(s.of_stem);
	free(s.found);
	return e;
}

void
det_results_release(struct det_results *r)
{
	free(r->box);
	free(r->first);
	*r = (struct det_results){ 0 };
}

enum det_err
det_results_boxes(struct det_boxes *out, const struct det_results *r, size_t i)
{
	enum det_err e;

	out->n = 0;
	out->space = DET_SPACE_IMAGE;
	for (size_t k = r->first[i]; k < r->first[i + 1]; k++)
		if ((e = det_boxes_add(out, &r->box[k])))
			return e;
	return DET_OK;
}
