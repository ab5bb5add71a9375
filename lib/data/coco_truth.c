/* SPDX-License-Identifier: MIT
 *
 * COCO instances as ground truth. Annotations may come before what they name, so they are
 * kept with their ids and resolved at the end.
 *
 * The annotated area is kept where it says more than the box: where it is exactly the box's
 * own, 0 is stored, which means just that. `ignore` becomes a flag; COCO's own evaluation
 * takes no notice of it (formats/data.md).
 */
#include "data/truth_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/coco.h"

struct pending {
	int64_t image, category;
	struct det_truth_object object;
};

struct loading {
	struct det_truth_reader *r;
	const char *dir; /* of the pictures */
	struct pending *pending;
	size_t n, cap;
	struct det_idmap images, categories; /* ids to indices, to numbers of classes */
	uint32_t file;
};

static enum det_err
on_image(void *ctx, const struct det_coco_image *v)
{
	struct loading *s = ctx;
	struct det_truth_image *im;
	char *path;
	uint32_t image;
	int is_new;
	enum det_err e;

	if (!*v->file_name)
		return det_truth_wrong(s->r, "bad-annotation", s->file, v->place.line,
		    "", "image %lld has no file_name", (long long)v->id);
	if (v->id < 0)
		return det_truth_wrong(s->r, "bad-annotation", s->file, v->place.line,
		    v->file_name, "image id %lld: 0 or more expected",
		    (long long)v->id);
	if ((e = *v->file_name == '/' ? det_strdup(&path, v->file_name)
				      : det_path_join(&path, s->dir, v->file_name)) ||
	    (e = det_truth_image(&image, s->r, path, v->id, s->file, v->place.line)))
		return e;
	im = &s->r->t->image[image];
	if (v->width >= 1 && v->height >= 1 && v->width < 1e6 && v->height < 1e6) {
		im->width = (long)v->width;
		im->height = (long)v->height;
	} else if (!s->r->p->finding) {
		det_truth_try_size(s->r, image);
	}
	return det_idmap_add(&is_new, &s->images, v->id, image);
}

static enum det_err
on_category(void *ctx, const struct det_coco_category *v)
{
	struct loading *s = ctx;
	size_t before = s->r->classes.n;
	int32_t label;
	int is_new;
	enum det_err e;

	if (v->id < 0)
		return det_truth_wrong(s->r, "bad-annotation", s->file, v->place.line,
		    "", "category id %lld: 0 or more expected", (long long)v->id);
	if ((e = det_truth_class(&label, s->r, v->name, (long)v->id)))
		return e;
	if (s->r->classes.n == before &&
	    (e = det_truth_wrong(s->r, "duplicate-class", s->file, v->place.line, "",
		 "two categories have the name '%s'", v->name)))
		return e;
	return det_idmap_add(&is_new, &s->categories, v->id, (uint32_t)label);
}

static enum det_err
on_annotation(void *ctx, const struct det_coco_annotation *v)
{
	struct loading *s = ctx;
	struct pending *p;
	struct det_box *b;
	enum det_err e;

	if ((e = det_grow(&s->pending, &s->cap, s->n + 1, sizeof *s->pending)))
		return e;
	p = &s->pending[s->n++];
	*p = (struct pending){ v->image_id, v->category_id,
		{ .file = s->file, .line = v->place.line } };
	b = &p->object.box;
	b->x1 = v->bbox[0];
	b->y1 = v->bbox[1];
	b->x2 = v->bbox[0] + v->bbox[2];
	b->y2 = v->bbox[1] + v->bbox[3];
	if (v->area != (b->x2 - b->x1) * (b->y2 - b->y1))
		b->area = v->area;
	b->flags = (v->crowd ? DET_BOX_CROWD : 0u) | (v->ignore ? DET_BOX_IGNORE : 0u) |
		   (v->difficult ? DET_BOX_DIFFICULT : 0u);
	return DET_OK;
}

static enum det_err
on_duplicate(void *ctx, const char *what, int64_t id, struct det_coco_place place)
{
	struct loading *s = ctx;

	return det_truth_wrong(s->r, "duplicate-id", s->file, place.line, "",
	    "%s id %lld comes twice", what, (long long)id);
}

static enum det_err
resolve(struct loading *s, struct pending *p)
{
	uint32_t class = det_idmap_find(&s->categories, p->category);

	p->object.image = det_idmap_find(&s->images, p->image);
	if (p->object.image == DET_IDMAP_NONE)
		return det_truth_wrong(s->r, "unknown-image", s->file, p->object.line,
		    "", "an annotation of image %lld, which is not among the images",
		    (long long)p->image);
	if (class == DET_IDMAP_NONE)
		return det_truth_wrong(s->r, "unknown-class", s->file, p->object.line,
		    s->r->t->image[p->object.image].path,
		    "category %lld is not among the categories",
		    (long long)p->category);
	p->object.box.label = (int32_t) class;
	return det_truth_object(s->r, &p->object);
}

/* The directory of the file, where no other is given. */
static enum det_err
own_dir(char **out, const struct det_truth_params *p)
{
	const char *slash = strrchr(p->path, '/');

	if (p->images)
		return det_strdup(out, p->images);
	if (!slash)
		return det_strdup(out, "");
	return det_strndup(out, p->path, (size_t)(slash - p->path) + 1);
}

enum det_err
det_truth_coco(struct det_truth_reader *r)
{
	struct loading s = { .r = r };
	const struct det_coco_sink sink = { &s, on_image, on_category, on_annotation,
		NULL, on_duplicate };
	char *dir = NULL;
	enum det_err e;

	if (!(e = own_dir(&dir, r->p)) &&
	    !(e = det_truth_file(
		  &s.file, r, strcmp(r->p->path, "-") ? r->p->path : "stdin"))) {
		s.dir = dir;
		e = det_coco_read_instances(r->p->path, &sink);
	}
	for (size_t i = 0; i < s.n && !e; i++)
		e = resolve(&s, &s.pending[i]);
	det_idmap_release(&s.images);
	det_idmap_release(&s.categories);
	free(s.pending);
	free(dir);
	return e;
}
