/* SPDX-License-Identifier: MIT
 *
 * YOLO labels: a text file beside each picture, or in a folder of their own, with lines
 * "class cx cy w h" relative to the upright picture's size. Which files: formats/data.md.
 *
 * The text has few digits (Darknet prints six), so corners come back a little off the pixels
 * that they were made from. With `snap` a corner goes to the nearest whole pixel where the
 * digits can't tell it from there: cx and w with d decimals are each known to half a unit of
 * the last one, so x1 = (cx - w/2) * width is known to .75 * 10^-d * width.
 */
#include "data/truth_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#define MAX_LABELS ((size_t)1 << 26)
#define MAX_LIST   ((size_t)1 << 28)

struct yolo {
	struct det_truth_reader *r;
	char *labels;   /* directory; NULL: as list_labels says */
	int32_t *class; /* number in the file -> number of the class */
	size_t n_classes;
	size_t n_files; /* files of labels that were there */
	char *missing;  /* the first that was not, or NULL */
};

static enum det_err
read_names(struct yolo *y, const char *path)
{
	const char *line;
	char *text, *name;
	size_t size, n, at = 0, cap = 0;
	enum det_err e;

	if ((e = det_file_read(&text, &size, path, MAX_LIST)))
		return e;
	while (!e && det_line_next(&line, &n, text, size, &at)) {
		while (n && strchr(" \t", line[n - 1]))
			n--;
		if (!n && at >= size)
			break;
		if ((e = det_strndup(&name, line, n)))
			break;
		if (!(e = det_grow(
			  &y->class, &cap, y->n_classes + 1, sizeof *y->class)) &&
		    (e = det_truth_class(&y->class[y->n_classes], y -> r, name, -1)))
			e = det_fail_in(e, "%s:%zu", path, y->n_classes + 1);
		if (!e && y->class[y->n_classes] != (int32_t)y->n_classes)
			e = det_fail(DET_INVALID, "%s:%zu: '%s' is there twice", path,
			    y->n_classes + 1, name);
		y->n_classes++;
		free(name);
	}
	free(text);
	if (!e && !y->n_classes)
		e = det_fail(DET_INVALID, "%s: names of classes expected", path);
	return e;
}

static enum det_err
find_names(struct yolo *y)
{
	static const char *const places[] = { "classes.txt", "obj.names", "names.txt",
		"data.names", "labels/classes.txt", NULL };
	const struct det_truth_params *p = y->r->p;
	char *path;
	enum det_err e;

	if (p->names)
		return read_names(y, p->names);
	for (size_t i = 0; places[i]; i++) {
		if ((e = det_path_join(&path, p->path, places[i])))
			return e;
		if (det_is_file(path)) {
			e = read_names(y, path);
			free(path);
			return e;
		}
		free(path);
	}
	return det_fail(DET_INVALID,
	    "%s: a file of class names expected: none is given, and there is no "
	    "classes.txt or obj.names",
	    p->path);
}

/* Five numbers of a line; *decimals of the coarsest coordinate. 0: not that. */
static int
five(double v[5], int *decimals, const char *line, size_t n)
{
	char word[64];
	size_t at = 0, k = 0;

	*decimals = 17;
	for (; at < n; k++) {
		size_t from, len;
		const char *point;

		while (at < n && strchr(" \t", line[at]))
			at++;
		for (from = at; at < n && line[at] && !strchr(" \t", line[at]);)
			at++;
		len = at - from;
		if (!len)
			break;
		if (k == 5 || len >= sizeof word)
			return 0;
		memcpy(word, line + from, len);
		word[len] = 0;
		if (det_parse_double(&v[k], word, -1e9, 1e9))
			return 0;
		point = strchr(word, '.');
		if (k && strspn(word, "0123456789.-") == len) {
			int d = point ? (int)strlen(point + 1) : 0;

			*decimals = d < *decimals ? d : *decimals;
		}
	}
	return k == 5;
}

static double
snapped(double v, double size, int decimals)
{
	double near = rint(v) + 0.; /* no -0 */

	/* a little more than the text's own doubt, for the rounding of doubles */
	return fabs(v - near) <= .76 * pow(10, -decimals) * size + 1e-9 ? near : v;
}

static enum det_err
label_line(struct yolo *y, uint32_t image, const char *line, size_t n, uint32_t file,
    uint64_t number)
{
	const struct det_truth_image *im = &y->r->t->image[image];
	struct det_truth_object o = { .image = image, .file = file, .line = number };
	struct det_box *b = &o.box;
	double v[5], w = (double)im->width, h = (double)im->height;
	int decimals;

	if (!five(v, &decimals, line, n))
		return det_truth_wrong(y->r, "bad-annotation", file, number, im->path,
		    "a line of five numbers expected: class cx cy w h");
	if (v[0] != rint(v[0]) || v[0] < 0 || v[0] >= (double)y->n_classes)
		return det_truth_wrong(y->r, "unknown-class", file, number, im->path,
		    "class %g: a number from 0 to %zu expected", v[0],
		    y->n_classes - 1);
	b->label = y->class[(size_t)v[0]];
	b->x1 = (v[1] - v[3] / 2) * w;
	b->y1 = (v[2] - v[4] / 2) * h;
	b->x2 = (v[1] + v[3] / 2) * w;
	b->y2 = (v[2] + v[4] / 2) * h;
	if (y->r->p->snap) {
		b->x1 = snapped(b->x1, w, decimals);
		b->y1 = snapped(b->y1, h, decimals);
		b->x2 = snapped(b->x2, w, decimals);
		b->y2 = snapped(b->y2, h, decimals);
	}
	return det_truth_object(y->r, &o);
}

static enum det_err
labels(struct yolo *y, uint32_t image, const char *path)
{
	const char *line;
	char *text;
	size_t size, n, at = 0;
	uint64_t number = 0;
	uint32_t file;
	enum det_err e;

	if (!det_is_file(path)) /* nothing to be found in that picture */
		return y->missing ? DET_OK : det_strdup(&y->missing, path);
	y->n_files++;
	if ((e = det_file_read(&text, &size, path, MAX_LABELS)))
		return e;
	e = det_truth_file(&file, y->r, path);
	y->r->t->image[image].file = file;
	while (!e && det_line_next(&line, &n, text, size, &at)) {
		number++;
		while (n && strchr(" \t", line[n - 1]))
			n--;
		if (n)
			e = label_line(y, image, line, n, file, number);
	}
	free(text);
	return e;
}

/* Darknet's rule: the picture's path with its last folder "images" made "labels", and its
 * ending .txt. */
static enum det_err
labels_of(char **out, const struct yolo *y, const char *picture)
{
	const char *dot = strrchr(picture, '.'), *base = strrchr(picture, '/');
	const char *at = NULL;
	struct det_buf b = { 0 };
	size_t n;
	enum det_err e;

	base = base ? base + 1 : picture;
	n = dot && dot > base ? (size_t)(dot - picture) : strlen(picture);
	if (y->labels) {
		if ((e = det_buf_printf(
			 &b, "%.*s.txt", (int)(n - (size_t)(base - picture)), base)))
			return e;
		e = det_path_join(out, y->labels, b.text);
		det_buf_free(&b);
		return e;
	}
	for (const char *p = picture; (p = strstr(p, "images/")); p++)
		if (p == picture || p[-1] == '/')
			at = p;
	if (at)
		e = det_buf_printf(&b, "%.*slabels%.*s.txt", (int)(at - picture),
		    picture, (int)(n - (size_t)(at - picture) - 6), at + 6);
	else
		e = det_buf_printf(&b, "%.*s.txt", (int)n, picture);
	*out = b.text;
	return e;
}

static enum det_err
picture(struct yolo *y, char *path, uint32_t file, uint64_t line)
{
	struct det_truth *t = y->r->t;
	char *text = NULL;
	uint32_t image;
	enum det_err e;

	if ((e = det_truth_image(&image, y->r, path, (int64_t)t->n_images, file, line)))
		return e;
	if ((e = det_truth_size(y->r, image))) {
		const char *kind =
		    det_is_file(path) ? "unreadable-image" : "missing-image";

		return e == DET_NOMEM ? e
				      : det_truth_wrong(y->r, kind, file, line, path,
					    "%s", det_errmsg());
	}
	if (!(e = labels_of(&text, y, path)))
		e = labels(y, image, text);
	free(text);
	return e;
}

/* Label files that belong to no picture: nobody reads them, so only who asks is told. Only
 * in a folder of labels alone; among pictures, lists and names are text as well. */
static enum det_err
orphans(struct yolo *y, const struct det_listing *pictures)
{
	static const char *const endings[] = { ".txt", NULL };
	struct det_truth_reader *r = y->r;
	struct det_listing l;
	enum det_err e;

	if (!r->p->finding || !y->labels || !det_is_dir(y->labels) ||
	    !strcmp(y->labels, r->p->path) || !strcmp(y->labels, pictures->dir))
		return DET_OK;
	if ((e = det_listing_read(&l, y->labels, endings)))
		return e;
	for (size_t i = 0; i < l.stem.n && !e; i++) {
		const char *name = l.file.name[l.of_stem[i]];
		char *path;
		uint32_t file;

		if (!strcmp(name, "classes.txt") ||
		    det_strings_find(&pictures->stem, l.stem.name[i]) <
			pictures->stem.n)
			continue;
		if ((e = det_path_join(&path, y->labels, name)))
			break;
		if (!(e = det_truth_file(&file, r, path)))
			e = det_truth_wrong(r, "missing-image", file, 0, "",
			    "labels of a picture that is not in %s", pictures->dir);
		free(path);
	}
	det_listing_release(&l);
	return e;
}

static enum det_err
all_pictures(struct yolo *y, const char *dir)
{
	struct det_listing l;
	char *path;
	enum det_err e;

	if ((e = det_listing_read(&l, dir, det_picture_endings)))
		return e;
	if (l.file.n == 0)
		e = det_fail(DET_INVALID, "%s: pictures expected, found none", dir);
	for (size_t i = 0; i < l.file.n && !e; i++)
		if (!(e = det_path_join(&path, dir, l.file.name[i])))
			e = picture(y, path, UINT32_MAX, 0);
	if (!e)
		e = orphans(y, &l);
	det_listing_release(&l);
	return e;
}

/* Paths a line, relative to the data set's directory, or in p->images. */
static enum det_err
listed(struct yolo *y, const char *list)
{
	const struct det_truth_params *p = y->r->p;
	const char *line;
	char *text, *path;
	size_t size, n, at = 0;
	uint64_t number = 0;
	uint32_t file;
	enum det_err e;

	if ((e = det_file_read(&text, &size, list, MAX_LIST)))
		return e;
	e = det_truth_file(&file, y->r, list);
	while (!e && det_line_next(&line, &n, text, size, &at)) {
		char *name;
		const char *base;

		number++;
		if (!n)
			continue;
		if ((e = det_strndup(&name, line, n)))
			break;
		base = strrchr(name, '/');
		base = base ? base + 1 : name;
		if (p->images)
			e = det_path_join(&path, p->images, base);
		else if (*name == '/')
			e = det_strdup(&path, name);
		else
			e = det_path_join(
			    &path, p->path, !strncmp(name, "./", 2) ? name + 2 : name);
		if (!e)
			e = picture(y, path, file, number);
		free(name);
	}
	free(text);
	return e;
}

/* The folders of pictures and labels; of a split, first those that are its own. */
static enum det_err
folders(struct yolo *y, char **images)
{
	static const char *const image_dirs[] = { "images", NULL },
				 *const label_dirs[] = { "labels", NULL };
	const struct det_truth_params *p = y->r->p;
	enum det_err e;

	if ((e = det_first_dir(&y->labels, p->path, label_dirs)))
		return e;
	return p->images ? det_strdup(images, p->images)
			 : det_first_dir(images, p->path, image_dirs);
}

/* DIR/images/SPLIT with DIR/labels/SPLIT, or DIR/SPLIT/images with DIR/SPLIT/labels. */
static enum det_err
split_folders(struct yolo *y, char **images)
{
	static const char *const places[][2] = { { "images/%", "labels/%" },
		{ "%/images", "%/labels" } };
	const struct det_truth_params *p = y->r->p;
	enum det_err e;

	for (size_t i = 0; i < 2; i++) {
		char *path[2] = { NULL, NULL };

		for (size_t k = 0; k < 2; k++) {
			const char *mark = strchr(places[i][k], '%');
			struct det_buf b = { 0 };

			e = det_buf_printf(&b, "%.*s%s%s", (int)(mark - places[i][k]),
			    places[i][k], p->split, mark + 1);
			if (!e)
				e = det_path_join(&path[k], p->path, b.text);
			det_buf_free(&b);
			if (e) {
				free(path[0]);
				return e;
			}
		}
		if (det_is_dir(path[0])) {
			*images = path[0];
			y->labels = path[1];
			return DET_OK;
		}
		free(path[0]);
		free(path[1]);
	}
	return det_fail(DET_INVALID,
	    "%s: no %s.txt, images/%s or %s/images there, for the split '%s'", p->path,
	    p->split, p->split, p->split, p->split);
}

static enum det_err
split(struct yolo *y)
{
	const struct det_truth_params *p = y->r->p;
	struct det_buf name = { 0 };
	char *list = NULL, *images = NULL;
	enum det_err e;

	if ((e = det_buf_printf(&name, "%s.txt", p->split)) ||
	    (e = det_path_join(&list, p->path, name.text)))
		goto out;
	if (det_is_file(list)) {
		if (p->images)
			e = folders(y, &images);
		if (!e)
			e = listed(y, list);
	} else if (!(e = split_folders(y, &images))) {
		e = all_pictures(y, images);
	}
out:
	det_buf_free(&name);
	free(list);
	free(images);
	return e;
}

enum det_err
det_truth_yolo(struct det_truth_reader *r)
{
	struct yolo y = { .r = r };
	char *images = NULL;
	enum det_err e;

	if ((e = find_names(&y)))
		goto out;
	if (r->p->split)
		e = split(&y);
	else if (!(e = folders(&y, &images)))
		e = all_pictures(&y, images);
	/* one picture may have no labels; that none has is a wrong directory */
	if (!e && !y.n_files && y.missing)
		e = det_fail(DET_INVALID,
		    "%s: labels expected, found none for any picture, as %s",
		    r->p->path, y.missing);
out:
	free(y.missing);
	free(y.labels);
	free(y.class);
	free(images);
	return e;
}
