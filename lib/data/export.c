/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "data/export_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "box/map.h"

/* Decimals that each format has in use: enough for a person in tsv, all in JSON, C's %f
 * in the formats that Darknet and the VOC tools print with it. */
static const struct {
	long coord, score;
} usual[] = {
	[DET_EXPORT_TSV] = { 2, 4 },
	[DET_EXPORT_JSONL] = { -1, -1 },
	[DET_EXPORT_COCO] = { -1, -1 },
	[DET_EXPORT_VOC] = { 6, 6 },
	[DET_EXPORT_YOLO] = { 6, 6 },
};

static int
in_files(const struct det_export *x)
{
	return x->p.format == DET_EXPORT_VOC || x->p.format == DET_EXPORT_YOLO;
}

static enum det_err
make_dir(const char *dir)
{
	struct stat st;

	if (mkdir(dir, 0777) == 0)
		return DET_OK;
	if (errno != EEXIST)
		return det_fail(DET_IO, "%s:", dir);
	if (stat(dir, &st) < 0)
		return det_fail(DET_IO, "%s:", dir);
	if (!S_ISDIR(st.st_mode))
		return det_fail(
		    DET_INVALID, "%s: a directory expected, found a file", dir);
	return DET_OK;
}

enum det_err
det_export_new(struct det_export **out, const struct det_export_params *p)
{
	struct det_export *x;
	enum det_err e;

	if (p->format < DET_EXPORT_TSV || p->format > DET_EXPORT_YOLO ||
	    p->coord_decimals < -2 || p->coord_decimals > 17 ||
	    p->score_decimals < -2 || p->score_decimals > 17)
		return det_fail(DET_INVALID, "an export parameter is out of range");
	if ((e = det_calloc(&x, 1, sizeof *x)))
		return e;
	x->p = *p;
	if (p->gt && p->coord_decimals == DET_EXPORT_USUAL)
		x->p.coord_decimals = DET_EXPORT_EXACT;
	else if (p->coord_decimals == DET_EXPORT_USUAL)
		x->p.coord_decimals = usual[p->format].coord;
	if (p->score_decimals == DET_EXPORT_USUAL)
		x->p.score_decimals = usual[p->format].score;
	if (in_files(x) && !p->dir)
		e = det_fail(DET_INVALID, "a directory to write files in expected");
	else if (in_files(x))
		e = make_dir(p->dir);
	else if (p->format == DET_EXPORT_COCO)
		e = det_buf_printf(&x->text, p->gt ? "{\"images\":[" : "[");
	else if (p->format == DET_EXPORT_TSV && p->header)
		e = det_buf_printf(&x->text, "path\tclass\tscore\tx1\ty1\tx2\ty2\n");
	if (e)
		det_export_free(x);
	else
		*out = x;
	return e;
}

void
det_export_free(struct det_export *x)
{
	if (!x)
		return;
	det_export_voc_free(x);
	det_classes_release(&x->classes);
	det_buf_free(&x->text);
	det_buf_free(&x->later);
	det_nameset_release(&x->names);
	free(x);
}

struct det_buf *
det_export_text(struct det_export *x)
{
	return &x->text;
}

static enum det_err
copy_table(struct det_classes *to, const struct det_classes *from)
{
	enum det_err e = DET_OK;

	det_classes_release(to);
	for (size_t i = 0; !e && i < from->n; i++)
		e = det_classes_add(
		    to, from->name[i], strlen(from->name[i]), from->source[i]);
	return e;
}

void
det_export_image_rule(struct det_export *x, int rule)
{
	x->p.image_id = rule;
}

enum det_err
det_export_classes(struct det_export *x, const struct det_classes *c)
{
	enum det_err e;

	if ((x->files || x->has_table) && !det_classes_same(&x->classes, c))
		return det_fail(DET_INVALID, "the streams have different classes: one "
					     "set of files can't hold both");
	if ((e = copy_table(&x->classes, c)))
		return e;
	x->has_table = x->p.gt && (in_files(x) || x->p.format == DET_EXPORT_COCO);
	return x->p.format == DET_EXPORT_VOC && !x->p.gt && !x->files
		   ? det_export_voc_begin(x)
		   : DET_OK;
}

enum det_err
det_export_item(struct det_export *x, const struct det_item *it, struct det_boxes *b)
{
	enum det_err e;

	if (it->error)
		b->n = 0;
	if ((e = det_boxes_map(b, it, DET_SPACE_IMAGE)))
		return e;
	if (it->error && x->p.format != DET_EXPORT_TSV &&
	    x->p.format != DET_EXPORT_JSONL)
		return DET_OK;
	if (x->p.gt && x->p.format == DET_EXPORT_COCO)
		return det_export_gt_coco(x, it, b);
	if (x->p.gt && x->p.format == DET_EXPORT_VOC)
		return det_export_gt_voc(x, it, b);
	if (x->p.gt && x->p.format == DET_EXPORT_YOLO)
		return det_export_gt_yolo(x, it, b);
	switch (x->p.format) {
	case DET_EXPORT_TSV: return det_export_tsv(x, it, b);
	case DET_EXPORT_JSONL: return det_export_jsonl(x, it, b);
	case DET_EXPORT_COCO: return det_export_coco(x, it, b);
	case DET_EXPORT_VOC: return det_export_voc(x, it, b);
	default: return det_export_yolo(x, it, b);
	}
}

enum det_err
det_export_end(struct det_export *x)
{
	if (x->p.gt && x->p.format == DET_EXPORT_COCO)
		return det_export_gt_coco_end(x);
	if (x->p.gt && x->p.format == DET_EXPORT_YOLO)
		return det_export_gt_yolo_end(x);
	if (x->p.gt)
		return DET_OK;
	if (x->p.format == DET_EXPORT_COCO)
		return det_buf_printf(&x->text, "%s]\n", x->entries ? "\n" : "");
	return x->p.format == DET_EXPORT_VOC ? det_export_voc_end(x) : DET_OK;
}

/* "-0.00" is 0.00; a program in another locale gets a point all the same. */
static enum det_err
number(struct det_buf *b, double v, long decimals)
{
	char exact[32];
	size_t at = b->len;
	enum det_err e;

	if (v == 0)
		v = 0;
	if (decimals < 0)
		return det_buf_printf(b, "%s", det_double_text(exact, v));
	if ((e = det_buf_printf(b, "%.*f", (int)decimals, v)))
		return e;
	for (char *p = b->text + at; *p; p++)
		if (*p == ',')
			*p = '.';
	if (b->text[at] == '-' && strspn(b->text + at, "-0.") == b->len - at) {
		memmove(b->text + at, b->text + at + 1, b->len - at);
		b->len--;
	}
	return DET_OK;
}

enum det_err
det_export_coord(struct det_buf *b, const struct det_export *x, double v)
{
	return number(b, v, x->p.coord_decimals);
}

enum det_err
det_export_score(struct det_buf *b, const struct det_export *x, double v)
{
	return number(b, v, x->p.score_decimals);
}

enum det_err
det_export_class(struct det_buf *b, const struct det_export *x, long label)
{
	if (label >= 0 && (size_t)label < x->classes.n)
		return det_buf_printf(b, "%s", x->classes.name[label]);
	return det_buf_printf(b, "%ld", label);
}

enum det_err
det_export_stem(struct det_buf *b, const struct det_item *it)
{
	const char *base = strrchr(it->path, '/'), *dot;
	size_t n;

	base = base ? base + 1 : it->path;
	if (!*base || !strcmp(it->path, "-"))
		return det_buf_printf(b, "item-%ld", it->id);
	dot = strrchr(base, '.');
	n = dot && dot != base ? (size_t)(dot - base) : strlen(base);
	return det_buf_add(b, base, n);
}
