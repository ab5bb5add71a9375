/* SPDX-License-Identifier: MIT */
#include "data/dataset.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "data/splits.h"
#include "image/gallery.h"

struct det_dataset {
	struct det_dataset_params p;
	struct det_gallery *gallery;
	struct det_export *x;
	struct det_buf folder, path;
	struct det_splits splits;
};

/* A folder that is not there, or holds nothing: files of another set would stay among these,
 * and count as pictures without objects, or with others. */
static enum det_err
check_empty(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *f;
	enum det_err e = DET_OK;

	if (!d)
		return errno == ENOENT ? DET_OK : det_fail(DET_IO, "%s:", dir);
	while (!e && (f = readdir(d)))
		if (strcmp(f->d_name, ".") != 0 && strcmp(f->d_name, "..") != 0)
			e = det_fail(DET_INVALID,
			    "%s: an empty or new folder expected, found '%s' in it",
			    dir, f->d_name);
	(void)closedir(d);
	return e;
}

enum det_err
det_dataset_new(struct det_dataset **out, const struct det_dataset_params *p,
    const struct det_classes *c)
{
	struct det_export_params xp = DET_EXPORT_DEFAULTS;
	struct det_dataset *s;
	enum det_err e;

	if (p->truth != DET_EXPORT_COCO && p->truth != DET_EXPORT_VOC &&
	    p->truth != DET_EXPORT_YOLO)
		return det_fail(
		    DET_INVALID, "ground truth as COCO, VOC or YOLO expected");
	if ((e = check_empty(p->dir)) || (e = det_calloc(&s, 1, sizeof *s)))
		return e;
	s->p = *p;
	xp.format = p->truth;
	xp.gt = 1;
	xp.dir = p->dir;
	xp.image_id = DET_EXPORT_ID_ITEM;
	if ((e = det_buf_printf(&s->folder, "%s/", p->dir)) ||
	    (e = det_gallery_new(
		 &s->gallery, s->folder.text, 0, p->picture, p->quality)) ||
	    (e = det_export_new(&s->x, &xp)) || (e = det_export_classes(s->x, c))) {
		det_dataset_free(s);
		return e;
	}
	*out = s;
	return DET_OK;
}

void
det_dataset_free(struct det_dataset *s)
{
	size_t count;
	enum det_err e = DET_OK;

	if (!s)
		return;
	if (s->gallery)
		e = det_gallery_finish(s->gallery, &count);
	(void)e;
	det_export_free(s->x);
	det_buf_free(&s->folder);
	det_buf_free(&s->path);
	det_splits_release(&s->splits);
	free(s);
}

/* The name that the gallery gives the picture. */
static enum det_err
name_picture(struct det_dataset *s, const char *path)
{
	const char *base = strrchr(path, '/'), *dot;
	const enum det_format f = s->p.picture;

	base = base ? base + 1 : path;
	dot = strrchr(base, '.');
	s->path.len = 0;
	return det_buf_printf(&s->path, "%.*s%s",
	    (int)(dot && dot != base ? (size_t)(dot - base) : strlen(base)), base,
	    f == DET_FORMAT_JPEG  ? ".jpg"
	    : f == DET_FORMAT_PPM ? ".ppm"
				  : ".png");
}

enum det_err
det_dataset_put(struct det_dataset *s, const struct det_image *im,
    const struct det_item *it, struct det_boxes *b)
{
	struct det_item named = *it;
	enum det_err e;

	if ((e = name_picture(s, it->path)))
		return e;
	named.path = s->path.text;
	if (s->p.truth == DET_EXPORT_VOC &&
	    (e = det_splits_add(&s->splits, named.path,
		 (size_t)(strrchr(named.path, '.') - named.path))))
		return e;
	if ((e = det_gallery_put(s->gallery, im, named.path, named.id)))
		return e;
	return det_export_item(s->x, &named, b);
}

enum det_err
det_dataset_end(struct det_dataset *s)
{
	struct det_newfile f = { .fd = -1 };
	const struct det_buf *t = det_export_text(s->x);
	enum det_err e;

	if ((e = det_export_end(s->x)))
		return e;
	if (s->p.truth == DET_EXPORT_VOC &&
	    s->p.share[0] + s->p.share[1] + s->p.share[2] > 0)
		return det_splits_write(&s->splits, s->p.dir, s->p.share);
	if (s->p.truth != DET_EXPORT_COCO)
		return DET_OK;
	s->path.len = 0;
	if ((e = det_buf_printf(&s->path, "%struth.json", s->folder.text)) ||
	    (e = det_file_create(&f, s->path.text)))
		return e;
	if (!(e = det_write_all(f.fd, t->text, t->len, s->path.text)))
		e = det_file_commit(&f);
	det_file_abandon(&f);
	return e;
}

size_t
det_dataset_lost(char *text, size_t cap, const struct det_dataset *s)
{
	return det_export_lost(text, cap, s->x);
}
