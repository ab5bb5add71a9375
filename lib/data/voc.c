/* SPDX-License-Identifier: MIT
 *
 * A folder of PASCAL VOC annotations: DIR/Annotations (or annotations, or DIR itself) with a
 * file ID.xml a picture, DIR/JPEGImages (or images, Images, or DIR itself) with the pictures,
 * and, where a split is asked for, DIR/ImageSets/Main/SPLIT.txt with an ID at the front of
 * each line. A picture belongs to an annotation by its name; the name inside the annotation
 * counts only where there is no such picture (tools that rename files leave it stale).
 */
#include "data/truth_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#define MAX_XML  ((size_t)1 << 26)
#define MAX_LIST ((size_t)1 << 28)

struct folder {
	struct det_truth_reader *r;
	char *annotations;
	struct det_listing images;
	int have_images;
};

/* Path of the picture of annotation `id`; *found where it is there. */
static enum det_err
picture(char **out, struct folder *f, const char *id, const char *filename)
{
	const struct det_listing *l = &f->images;
	const char *base = strrchr(filename, '/'), *dot;
	struct det_buf guess = { 0 };
	size_t i = det_strings_find(&l->stem, id);
	enum det_err e;

	base = base ? base + 1 : filename;
	if (f->have_images && i < l->stem.n)
		return det_path_join(out, l->dir, l->file.name[l->of_stem[i]]);
	if (f->have_images && det_strings_find(&l->file, base) < l->file.n)
		return det_path_join(out, l->dir, base);
	dot = strrchr(base, '.');
	if (!(e = det_buf_printf(&guess, "%s%s", id, dot ? dot : ".jpg")))
		e = det_path_join(out, l->dir, guess.text);
	det_buf_free(&guess);
	return e;
}

static enum det_err
objects(struct folder *f, const struct det_voc *v, uint32_t image, uint32_t file)
{
	enum det_err e;

	for (size_t i = 0; i < v->n; i++) {
		const struct det_voc_object *o = &v->object[i];
		double c[4] = { o->corner[0], o->corner[1], o->corner[2],
			o->corner[3] };
		struct det_truth_object out = {
			.image = image, .file = file, .line = o->line
		};

		det_truth_corners(c, f->r, DET_CORNERS_INCLUSIVE);
		out.box = (struct det_box){ .x1 = c[0],
			.y1 = c[1],
			.x2 = c[2],
			.y2 = c[3],
			.flags = o->difficult ? DET_BOX_DIFFICULT : 0 };
		if ((e = det_truth_class(&out.box.label, f->r, o->name, -1)) ||
		    (e = det_truth_object(f->r, &out)))
			return e;
	}
	return DET_OK;
}

static enum det_err
one(struct folder *f, const char *id, const struct det_voc *v, uint32_t file)
{
	struct det_truth *t = f->r->t;
	struct det_truth_image *im;
	char *path = NULL;
	uint32_t image;
	enum det_err e;

	if ((e = picture(&path, f, id, v->filename)) ||
	    (e = det_truth_image(&image, f->r, path, (int64_t)t->n_images, file, 0)))
		return e;
	im = &t->image[image];
	if (v->width > 0 && v->height > 0 && v->width < 1e6 && v->height < 1e6) {
		im->width = (long)v->width;
		im->height = (long)v->height;
	} else if (!f->r->p->finding) {
		det_truth_try_size(f->r, image); /* else it stays unknown */
	}
	return objects(f, v, image, file);
}

/* `line` of the list names it; 0 where there is no list. */
static enum det_err
annotation(struct folder *f, const char *id, uint32_t list, uint64_t line)
{
	struct det_buf name = { 0 };
	struct det_voc v = { 0 };
	char *path = NULL, *text = NULL;
	uint32_t file = 0;
	size_t n;
	enum det_err e;

	if ((e = det_buf_printf(&name, "%s.xml", id)) ||
	    (e = det_path_join(&path, f->annotations, name.text)) ||
	    (e = det_truth_file(&file, f->r, path)))
		goto out;
	if ((e = det_file_read(&text, &n, path, MAX_XML))) {
		if (e == DET_IO && f->r->p->finding)
			e = det_truth_wrong(f->r, "missing-annotation",
			    line ? list : file, line, "", "%s", det_errmsg());
		goto out;
	}
	if ((e = det_voc_parse(&v, text, n, path))) {
		if (e != DET_NOMEM && f->r->p->finding)
			e = det_truth_wrong(
			    f->r, "bad-annotation", file, 0, "", "%s", det_errmsg());
		goto out;
	}
	e = one(f, id, &v, file);
out:
	det_voc_release(&v);
	det_buf_free(&name);
	free(path);
	free(text);
	return e;
}

static enum det_err
all_files(struct folder *f)
{
	static const char *const xml[] = { ".xml", NULL };
	struct det_listing l;
	enum det_err e;

	if ((e = det_listing_read(&l, f->annotations, xml)))
		return e;
	if (l.file.n == 0)
		e = det_fail(DET_INVALID,
		    "%s: VOC annotations (.xml) expected, found none", f->annotations);
	for (size_t i = 0; i < l.file.n && !e; i++) {
		char *id = NULL;

		if (!(e = det_strndup(&id, l.file.name[i], strlen(l.file.name[i]) - 4)))
			e = annotation(f, id, 0, 0);
		free(id);
	}
	det_listing_release(&l);
	return e;
}

static enum det_err
list_line(struct folder *f, struct det_strings *seen, const char *line, size_t n,
    uint32_t file, uint64_t number)
{
	size_t from = 0, k;
	char *id;
	enum det_err e;

	while (from < n && strchr(" \t", line[from]))
		from++;
	for (k = from; k < n && line[k] && !strchr(" \t", line[k]);)
		k++;
	if (k == from)
		return DET_OK;
	if ((e = det_strndup(&id, line + from, k - from)))
		return e;
	if (strchr(id, '/'))
		e = det_truth_wrong(f->r, "bad-list", file, number, "",
		    "the name of an annotation expected, found '%s'", id);
	else if (det_strings_find(seen, id) < seen->n)
		e = det_truth_wrong(f->r, "duplicate-image", file, number, id,
		    "'%s' is listed a second time", id);
	else if (!(e = det_strings_add(seen, id)))
		e = annotation(f, id, file, number);
	free(id);
	return e;
}

static enum det_err
listed(struct folder *f, const char *path)
{
	struct det_strings seen = { 0 };
	const char *line;
	char *text = NULL;
	size_t size, n, at = 0;
	uint64_t number = 0;
	uint32_t file;
	enum det_err e;

	if ((e = det_file_read(&text, &size, path, MAX_LIST)) ||
	    (e = det_truth_file(&file, f->r, path)))
		goto out;
	while (!e && det_line_next(&line, &n, text, size, &at))
		e = list_line(f, &seen, line, n, file, ++number);
out:
	det_strings_release(&seen);
	free(text);
	return e;
}

/* DIR/ImageSets/Main/SPLIT.txt, or DIR/ImageSets/SPLIT.txt, or DIR/SPLIT.txt. */
static enum det_err
split_file(char **out, const struct det_truth_params *p)
{
	static const char *const places[] = { "ImageSets/Main/%s.txt",
		"ImageSets/%s.txt", "%s.txt" };
	struct det_buf name = { 0 };
	enum det_err e = DET_OK;

	for (size_t i = 0; i < 3 && !e; i++) {
		const char *mark = strchr(places[i], '%');

		name.len = 0;
		if ((e = det_buf_printf(&name, "%.*s%s%s", (int)(mark - places[i]),
			 places[i], p->split, mark + 2)) ||
		    (e = det_path_join(out, p->path, name.text)) || det_is_file(*out))
			break;
		free(*out);
		*out = NULL;
	}
	det_buf_free(&name);
	if (!e && !*out)
		e = det_fail(DET_INVALID,
		    "%s: no ImageSets/Main/%s.txt there, for the split '%s'", p->path,
		    p->split, p->split);
	return e;
}

enum det_err
det_truth_voc(struct det_truth_reader *r)
{
	static const char *const annotations[] = { "Annotations", "annotations", NULL };
	static const char *const images[] = { "JPEGImages", "images", "Images", NULL };
	struct folder f = { .r = r };
	char *dir = NULL, *list = NULL;
	enum det_err e;

	r->sorted = 1;
	if ((e = det_first_dir(&f.annotations, r->p->path, annotations)) ||
	    (e = r->p->images ? det_strdup(&dir, r->p->images)
			      : det_first_dir(&dir, r->p->path, images)) ||
	    (e = det_listing_read(&f.images, dir, det_picture_endings)))
		goto out;
	f.have_images = 1;
	if (r->p->split) {
		if (!(e = split_file(&list, r->p)))
			e = listed(&f, list);
	} else
		e = all_files(&f);
out:
	det_listing_release(&f.images);
	free(f.annotations);
	free(dir);
	free(list);
	return e;
}
