/* SPDX-License-Identifier: MIT
 *
 * The formats that are files in a directory: PASCAL VOC results and YOLO text.
 *
 * VOC results (VOCdevkit, comp3/comp4): PREFIX + class + ".txt", lines
 * "id score x1 y1 x2 y2", where VOC counts pixels from 1 and names a box by its first and
 * its last pixel. The continuous box [x1,x2) of ours has first pixel x1 + 1 and last pixel
 * x2 in that count, so x1 + 1, y1 + 1, x2, y2 are written (Detectron2 does the same);
 * Darknet adds 1 to all four and then moves them into the picture, which is the other rule
 * to be had. Every class of the table has a file, empty where nothing was found.
 *
 * YOLO text (Darknet's labels): one file a picture, lines "label cx cy w h", relative to
 * the picture's width and height. A picture without boxes has an empty file.
 */
#define _POSIX_C_SOURCE 200809L
#include "data/export_impl.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define FLUSH_AT ((size_t)1 << 16)

/* A name for a file: what a path or a terminal would take amiss becomes '_'. */
static void
tame(char *s)
{
	for (; *s; s++)
		if (*s == '/' || (unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '_';
}

/* Adds the gathered lines to the file, which is opened for this. */
static enum det_err
flush(struct det_export_file *f)
{
	struct det_newfile *n = &f->file;
	enum det_err e;

	if (!f->lines.len)
		return DET_OK;
	if (n->fd < 0 && (n->fd = open(n->temp, O_WRONLY | O_APPEND | O_CLOEXEC)) < 0)
		return det_fail(DET_IO, "%s:", n->path);
	e = det_write_all(n->fd, f->lines.text, f->lines.len, n->path);
	if (close(n->fd) < 0 && !e)
		e = det_fail(DET_IO, "%s:", n->path);
	n->fd = -1;
	f->lines.len = 0;
	return e;
}

static enum det_err
voc_file(struct det_export *x, const char *class)
{
	struct det_export_file *f = &x->file[x->files];
	struct det_buf path = { 0 };
	size_t dir;
	enum det_err e;

	*f = (struct det_export_file){ .file.fd = -1 };
	if ((e = det_buf_printf(&path, "%s/", x->p.dir)))
		return e;
	dir = path.len;
	if ((e = det_buf_printf(&path, "%s%s.txt", x->p.prefix, class)))
		goto out;
	tame(path.text + dir);
	for (size_t i = 0; i < x->files; i++)
		if (!strcmp(path.text, x->file[i].file.path)) {
			e = det_fail(DET_INVALID,
			    "two classes would both be written to '%s'", path.text);
			goto out;
		}
	if ((e = det_file_create(&f->file, path.text)))
		goto out;
	x->files++;
	if (!f->file.temp) {
		e = det_fail(
		    DET_INVALID, "%s: a regular file expected there", path.text);
		goto out;
	}
	if (close(f->file.fd) < 0)
		e = det_fail(DET_IO, "%s:", path.text);
	f->file.fd = -1;
out:
	det_buf_free(&path);
	return e;
}

enum det_err
det_export_voc_begin(struct det_export *x)
{
	enum det_err e;

	if (!x->classes.n)
		return det_fail(DET_INVALID,
		    "the stream has no class table: VOC results are a file a class");
	if ((e = det_calloc(&x->file, x->classes.n, sizeof *x->file)))
		return e;
	for (size_t i = 0; i < x->classes.n; i++)
		if ((e = voc_file(x, x->classes.name[i])))
			return e;
	return DET_OK;
}

static void
voc_corners(double v[4], const struct det_export *x, const struct det_item *it,
    const struct det_box *b)
{
	double w = (double)it->width, h = (double)it->height;
	double last = x->p.voc == DET_EXPORT_VOC_DARKNET ? 1 : 0;

	v[0] = b->x1 + 1;
	v[1] = b->y1 + 1;
	v[2] = b->x2 + last;
	v[3] = b->y2 + last;
	if (x->p.voc != DET_EXPORT_VOC_DARKNET)
		return;
	v[0] = v[0] < 1 ? 1 : v[0];
	v[1] = v[1] < 1 ? 1 : v[1];
	v[2] = w > 0 && v[2] > w ? w : v[2];
	v[3] = h > 0 && v[3] > h ? h : v[3];
}

static enum det_err
voc_line(struct det_export *x, const char *id, const struct det_item *it,
    const struct det_box *b)
{
	struct det_buf *t;
	double v[4];
	enum det_err e;

	if (b->label < 0 || (size_t)b->label >= x->files)
		return det_fail(DET_INVALID,
		    "class %ld of a box is not in the table of %zu", (long)b->label,
		    x->files);
	t = &x->file[b->label].lines;
	voc_corners(v, x, it, b);
	if ((e = det_buf_printf(t, "%s ", id)) ||
	    (e = det_export_score(t, x, b->score)))
		return e;
	for (size_t i = 0; i < 4; i++)
		if ((e = det_buf_add(t, " ", 1)) || (e = det_export_coord(t, x, v[i])))
			return e;
	if ((e = det_buf_add(t, "\n", 1)))
		return e;
	return t->len >= FLUSH_AT ? flush(&x->file[b->label]) : DET_OK;
}

enum det_err
det_export_voc(
    struct det_export *x, const struct det_item *it, const struct det_boxes *b)
{
	struct det_buf id = { 0 };
	enum det_err e;

	if (!x->files && (e = det_export_voc_begin(x)))
		return e;
	if ((e = det_export_stem(&id, it)))
		goto out;
	if (id.text[strcspn(id.text, " \t\n\r\v\f")]) {
		e = det_fail(DET_INVALID,
		    "'%s': VOC results can't name a file with blanks", it->path);
		goto out;
	}
	for (size_t i = 0; i < b->n && !e; i++)
		e = voc_line(x, id.text, it, &b->box[i]);
out:
	det_buf_free(&id);
	return e;
}

enum det_err
det_export_voc_end(struct det_export *x)
{
	enum det_err e;

	for (size_t i = 0; i < x->files; i++)
		if ((e = flush(&x->file[i])))
			return e;
	for (size_t i = 0; i < x->files; i++) {
		struct det_newfile *f = &x->file[i].file;

		f->fd = open(f->temp, O_WRONLY | O_CLOEXEC);
		if (f->fd < 0)
			return det_fail(DET_IO, "%s:", f->path);
		if ((e = det_file_commit(f)))
			return e;
	}
	return DET_OK;
}

void
det_export_voc_free(struct det_export *x)
{
	for (size_t i = 0; i < x->files; i++) {
		det_file_abandon(&x->file[i].file);
		det_buf_free(&x->file[i].lines);
	}
	free(x->file);
}

/* Two pictures of one name (a/1.jpg, b/1.jpg) would silently share a file. */
static enum det_err
claim(struct det_export *x, const char *stem, const struct det_item *it)
{
	int is_new;
	enum det_err e = det_nameset_add(&is_new, &x->names, stem);

	if (!e && !is_new)
		e = det_fail(DET_INVALID,
		    "'%s': a second picture would be written to '%s.txt'", it->path,
		    stem);
	return e;
}

static enum det_err
yolo_line(struct det_buf *t, const struct det_export *x, const struct det_item *it,
    const struct det_box *b)
{
	double w = (double)it->width, h = (double)it->height;
	const double v[] = { (b->x1 + b->x2) / 2 / w, (b->y1 + b->y2) / 2 / h,
		(b->x2 - b->x1) / w, (b->y2 - b->y1) / h };
	enum det_err e;

	if (b->label < 0)
		return det_fail(DET_INVALID, "a box has no class");
	if ((e = det_buf_printf(t, "%ld", (long)b->label)))
		return e;
	for (size_t i = 0; i < 4; i++)
		if ((e = det_buf_add(t, " ", 1)) || (e = det_export_coord(t, x, v[i])))
			return e;
	if (x->p.score &&
	    ((e = det_buf_add(t, " ", 1)) || (e = det_export_score(t, x, b->score))))
		return e;
	return det_buf_add(t, "\n", 1);
}

static enum det_err
write_file(const char *path, const struct det_buf *t)
{
	struct det_newfile f;
	enum det_err e;

	if ((e = det_file_create(&f, path)))
		return e;
	if ((e = det_write_all(f.fd, t->text, t->len, path)) ||
	    (e = det_file_commit(&f)))
		det_file_abandon(&f);
	return e;
}

enum det_err
det_export_picture_file(struct det_export *x, const struct det_item *it,
    const char *ending, const struct det_buf *text)
{
	struct det_buf stem = { 0 }, path = { 0 };
	enum det_err e;

	if ((e = det_export_stem(&stem, it)))
		return e;
	tame(stem.text);
	if (!(e = claim(x, stem.text, it)) &&
	    !(e = det_buf_printf(&path, "%s/%s.%s", x->p.dir, stem.text, ending)))
		e = write_file(path.text, text);
	det_buf_free(&stem);
	det_buf_free(&path);
	return e;
}

enum det_err
det_export_yolo(
    struct det_export *x, const struct det_item *it, const struct det_boxes *b)
{
	struct det_buf lines = { 0 };
	enum det_err e;

	if (b->n && (it->width <= 0 || it->height <= 0))
		return det_fail(DET_INVALID, "the item does not tell the picture's "
					     "size, which YOLO text is relative "
					     "to");
	e = det_buf_add(&lines, "", 0);
	for (size_t i = 0; i < b->n && !e; i++)
		e = yolo_line(&lines, x, it, &b->box[i]);
	if (!e)
		e = det_export_picture_file(x, it, "txt", &lines);
	det_buf_free(&lines);
	return e;
}
