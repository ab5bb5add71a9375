/* SPDX-License-Identifier: MIT
 *
 * What is common to all formats of ground truth: gathering pictures, objects and classes,
 * checking boxes, and settling the whole once everything was read: the class table, labels,
 * objects sorted by picture.
 *
 * The class table is the caller's where one is given; else the data set's own order where it
 * has one (COCO: ascending ids; YOLO: the file of names); else the names that occur, sorted
 * (which is VOC's own order of its twenty).
 */
#include "data/truth_impl.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "image/picture_head.h"

#define MAX_TABLE ((size_t)1 << 24)

void
det_truth_release(struct det_truth *t)
{
	for (size_t i = 0; i < t->n_images; i++)
		free(t->image[i].path);
	for (size_t i = 0; i < t->n_files; i++)
		free(t->file[i]);
	free(t->image);
	free(t->object);
	free(t->file);
	det_classes_release(&t->classes);
	*t = (struct det_truth){ 0 };
}

enum det_err
det_truth_wrong(struct det_truth_reader *r, const char *kind, uint32_t file,
    uint64_t line, const char *image, const char *fmt, ...)
{
	const char *name = file < r->t->n_files ? r->t->file[file] : r->p->path;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (r->p->finding) {
		det_text_clean(text, strlen(text), 0);
		r->p->finding(
		    r->p->ctx, &(struct det_finding){ kind, name, line, image, text });
		return DET_OK;
	}
	if (line)
		return det_fail(
		    DET_INVALID, "%s:%llu: %s", name, (unsigned long long)line, text);
	return det_fail(DET_INVALID, "%s: %s", name, text);
}

enum det_err
det_truth_file(uint32_t *index, struct det_truth_reader *r, const char *path)
{
	struct det_truth *t = r->t;
	enum det_err e;

	if ((e = det_grow(&t->file, &t->cap_files, t->n_files + 1, sizeof *t->file)) ||
	    (e = det_strdup(&t->file[t->n_files], path)))
		return e;
	*index = (uint32_t)t->n_files++;
	return DET_OK;
}

enum det_err
det_truth_image(uint32_t *index, struct det_truth_reader *r, char *path, int64_t id,
    uint32_t file, uint64_t line)
{
	struct det_truth *t = r->t;
	enum det_err e = DET_OK;

	if (t->n_images >= UINT32_MAX - 1)
		e = det_fail(DET_LIMIT, "more than %zu pictures", t->n_images);
	if (e || (e = det_grow(
		      &t->image, &t->cap_images, t->n_images + 1, sizeof *t->image))) {
		free(path);
		return e;
	}
	*index = (uint32_t)t->n_images;
	t->image[t->n_images++] = (struct det_truth_image){
		.path = path, .id = id, .file = file, .line = line
	};
	return DET_OK;
}

enum det_err
det_truth_class(
    int32_t *label, struct det_truth_reader *r, const char *name, long source)
{
	size_t i = det_strings_find(&r->classes, name);
	enum det_err e;

	*label = (int32_t)i;
	if (i < r->classes.n)
		return DET_OK;
	if (!*name || strpbrk(name, "\t\n\r"))
		return det_fail(DET_INVALID, "a class without a name, or with a tab or "
					     "the end of a line in its name");
	if (i >= INT32_MAX)
		return det_fail(DET_LIMIT, "too many classes");
	if ((e = det_grow(&r->source, &r->cap_source, i + 1, sizeof *r->source)) ||
	    (e = det_strings_add(&r->classes, name)))
		return e;
	r->source[i] = source;
	return DET_OK;
}

void
det_truth_corners(double c[4], const struct det_truth_reader *r, int usual)
{
	det_corners(c, r->p->corners, usual);
}

void
det_corners(double c[4], int corners, int usual)
{
	int how = corners == DET_CORNERS_USUAL ? usual : corners;

	if (how == DET_CORNERS_INCLUSIVE) {
		c[0] -= 1;
		c[1] -= 1;
	} else if (how == DET_CORNERS_INCLUSIVE0) {
		c[2] += 1;
		c[3] += 1;
	}
}

enum det_err
det_truth_size(struct det_truth_reader *r, uint32_t image)
{
	struct det_truth_image *im = &r->t->image[image];
	struct det_image_info info;
	enum det_err e;

	if (im->width > 0 && im->height > 0)
		return DET_OK;
	if ((e = det_image_head_file(&info, NULL, NULL, im->path)))
		return e;
	im->width = (long)info.w;
	im->height = (long)info.h;
	return DET_OK;
}

void
det_truth_try_size(struct det_truth_reader *r, uint32_t image)
{
	if (det_truth_size(r, image))
		r->t->image[image].width = r->t->image[image].height = 0;
}

/* What a box must be in any data set. Sides of no length are let through: they are in data
 * sets, and whoever trains or evaluates has to know what to do with them. */
static enum det_err
check_box(struct det_truth_reader *r, const struct det_truth_object *o, int *keep)
{
	const struct det_box *b = &o->box;
	const char *image = r->t->image[o->image].path;

	*keep = 0;
	if (!(fabs(b->x1) < 1e15 && fabs(b->y1) < 1e15 && fabs(b->x2) < 1e15 &&
		fabs(b->y2) < 1e15))
		return det_truth_wrong(r, "not-finite", o->file, o->line, image,
		    "a box within 1e15 expected");
	if (!(b->area >= 0 && b->area < 1e30))
		return det_truth_wrong(r, "bad-annotation", o->file, o->line, image,
		    "an area of %g: 0 to 1e30 expected", (double)b->area);
	if (b->x2 < b->x1 || b->y2 < b->y1)
		return det_truth_wrong(r, "inverted", o->file, o->line, image,
		    "a box from %g,%g to %g,%g: its end is before its beginning", b->x1,
		    b->y1, b->x2, b->y2);
	*keep = 1;
	return DET_OK;
}

enum det_err
det_truth_object(struct det_truth_reader *r, const struct det_truth_object *o)
{
	struct det_truth *t = r->t;
	int keep;
	enum det_err e;

	if ((e = check_box(r, o, &keep)) || !keep ||
	    (e = det_grow(
		 &t->object, &t->cap_objects, t->n_objects + 1, sizeof *t->object)))
		return e;
	t->object[t->n_objects] = *o;
	t->object[t->n_objects].box.score = 1;
	t->n_objects++;
	return DET_OK;
}

/* The table that the caller gave. */
static enum det_err
given_table(struct det_classes *c, const char *path)
{
	char *text;
	size_t n;
	enum det_err e;

	if ((e = det_file_read(&text, &n, path, MAX_TABLE)))
		return e;
	if ((e = det_classes_parse(c, text, n)))
		e = det_fail_in(e, "%s", path);
	else if (c->n == 0)
		e = det_fail(DET_INVALID, "%s: names of classes expected", path);
	else
		e = det_classes_unique(c, path);
	free(text);
	return e;
}

struct order {
	const char *name;
	long source;
	int32_t met; /* number in the order they were met */
};

static int
by_class_name(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int
by_source(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	return x->met < y->met ? -1 : x->met > y->met;
}

/* The table of the classes met; label[i] is that of class i. */
static enum det_err
own_table(int32_t *label, struct det_classes *c, const struct det_truth_reader *r)
{
	struct order *order;
	size_t n = r->classes.n;
	enum det_err e;

	if ((e = det_alloc(&order, n, sizeof *order)))
		return e;
	for (size_t i = 0; i < n; i++)
		order[i] =
		    (struct order){ r->classes.name[i], r->source[i], (int32_t)i };
	if (n)
		qsort(order, n, sizeof *order, r->sorted ? by_class_name : by_source);
	for (size_t i = 0; i < n && !e; i++) {
		e = det_classes_add(
		    c, order[i].name, strlen(order[i].name), order[i].source);
		label[order[i].met] = (int32_t)i;
	}
	free(order);
	return e;
}

static enum det_err
settle_classes(int32_t *label, struct det_truth_reader *r)
{
	struct det_classes *c = &r->t->classes;
	struct det_strings table = { 0 };
	enum det_err e;

	if (!r->p->classes)
		return own_table(label, c, r);
	e = given_table(c, r->p->classes);
	for (size_t i = 0; i < c->n && !e; i++)
		e = det_strings_add(&table, c->name[i]);
	for (size_t i = 0; i < r->classes.n && !e; i++) {
		size_t at = det_strings_find(&table, r->classes.name[i]);

		label[i] = at < table.n ? (int32_t)at : -1;
	}
	det_strings_release(&table);
	return e;
}

/* Labels by the table; those of other classes are dropped or reported. */
static enum det_err
settle_labels(struct det_truth_reader *r, const int32_t *label)
{
	struct det_truth *t = r->t;
	size_t kept = 0;
	enum det_err e;

	for (size_t i = 0; i < t->n_objects; i++) {
		struct det_truth_object *o = &t->object[i];
		int32_t met = o->box.label;

		o->box.label = label[met];
		if (o->box.label < 0 && !r->p->skip_unknown &&
		    (e = det_truth_wrong(r, "unknown-class", o->file, o->line,
			 t->image[o->image].path,
			 "class '%s' is not in the table of %zu classes",
			 r->classes.name[met], t->classes.n)))
			return e;
		if (o->box.label >= 0)
			t->object[kept++] = *o;
	}
	t->n_objects = kept;
	return DET_OK;
}

/* By picture, in each as they came (counting sort). */
static enum det_err
settle_order(struct det_truth *t)
{
	struct det_truth_object *sorted;
	size_t at = 0;
	enum det_err e;

	for (size_t i = 0; i < t->n_objects; i++)
		t->image[t->object[i].image].n++;
	for (size_t i = 0; i < t->n_images; i++) {
		t->image[i].first = at;
		at += t->image[i].n;
		t->image[i].n = 0;
	}
	if ((e = det_alloc(&sorted, t->n_objects, sizeof *sorted)))
		return e;
	for (size_t i = 0; i < t->n_objects; i++) {
		struct det_truth_image *im = &t->image[t->object[i].image];
		struct det_truth_object *o = &sorted[im->first + im->n];

		*o = t->object[i];
		o->box.source = (int32_t)im->n++;
	}
	free(t->object);
	t->object = sorted;
	t->cap_objects = t->n_objects;
	return DET_OK;
}

static enum det_err
settle(struct det_truth_reader *r)
{
	int32_t *label;
	enum det_err e;

	if ((e = det_alloc(&label, r->classes.n, sizeof *label)))
		return e;
	if (!(e = settle_classes(label, r)) && !(e = settle_labels(r, label)))
		e = settle_order(r->t);
	free(label);
	return e;
}

enum det_err
det_truth_read(struct det_truth *out, const struct det_truth_params *p)
{
	struct det_truth_reader r = { .t = out, .p = p };
	enum det_err e;

	*out = (struct det_truth){ 0 };
	switch (p->format) {
	case DET_TRUTH_VOC: e = det_truth_voc(&r); break;
	case DET_TRUTH_COCO: e = det_truth_coco(&r); break;
	case DET_TRUTH_YOLO: e = det_truth_yolo(&r); break;
	default: e = det_truth_csv(&r);
	}
	if (!e)
		e = settle(&r);
	det_strings_release(&r.classes);
	free(r.source);
	if (e)
		det_truth_release(out);
	return e;
}

void
det_truth_item(struct det_item *out, const struct det_truth *t, size_t i)
{
	const struct det_truth_image *im = &t->image[i];

	*out = (struct det_item){ .path = im->path,
		.id = (long)im->id,
		.width = im->width,
		.height = im->height,
		.orientation = 1,
		.map = { 1, 1, 0, 0, 0, 0 } };
}

enum det_err
det_truth_boxes(struct det_boxes *out, const struct det_truth *t, size_t i)
{
	const struct det_truth_image *im = &t->image[i];
	enum det_err e;

	out->n = 0;
	out->space = DET_SPACE_IMAGE;
	for (size_t k = im->first; k < im->first + im->n; k++)
		if ((e = det_boxes_add(out, &t->object[k].box)))
			return e;
	return DET_OK;
}
