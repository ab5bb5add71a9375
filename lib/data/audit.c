/* SPDX-License-Identifier: MIT
 *
 * The readers report what they find amiss in the annotations; here come the pictures (are
 * they there, do they decode, have they the size that the annotations say, are two the same)
 * and the boxes (have they an area, are they inside).
 *
 * EXIF: pictures are used upright. An annotation made on the stored pixels of a picture that
 * is to be turned by a quarter shows itself by its size, which is that of the stored pixels;
 * for half turns and mirrors, and for labels relative to the size, it can't be told, and that
 * is noted.
 *
 * A box "without area": where corners name the first and the last pixel, one that begins and
 * ends on the same column or row, because that is what a click without a drag leaves; else
 * one whose side is 0.
 */
#include "data/audit.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/idmap.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "data/export_impl.h"
#include "image/picture_head.h"

#define MAX_BYTES ((size_t)1 << 30)

struct picture {
	enum det_err err;
	char message[256];
	struct det_image_info info;
	size_t stored_w, stored_h, size;
	uint64_t hash;
};

struct checking {
	const struct det_check_params *p;
	struct det_truth truth;
	struct picture *picture;
	struct det_buf *out;
	size_t bad;
	enum det_err e; /* of a finding */
};

static enum det_err
row(struct checking *c, const char *level, const struct det_finding *f)
{
	const char *words[] = { level, f->kind, f->file };
	enum det_err e = DET_OK;

	c->bad += !strcmp(level, "bad");
	for (size_t i = 0; i < 3 && !e; i++)
		if (!(e = det_tsv_text(c->out, words[i])))
			e = det_buf_add(c->out, "\t", 1);
	if (e || (e = det_buf_printf(c->out, "%llu\t", (unsigned long long)f->line)) ||
	    (e = det_tsv_text(c->out, f->image)) ||
	    (e = det_buf_add(c->out, "\t", 1)) || (e = det_tsv_text(c->out, f->text)))
		return e;
	return det_buf_add(c->out, "\n", 1);
}

static void
on_finding(void *ctx, const struct det_finding *f)
{
	struct checking *c = ctx;

	if (!c->e)
		c->e = row(c, "bad", f);
}

static enum det_err found(struct checking *c, const char *level, const char *kind,
    const struct det_truth_image *im, const char *fmt, ...) DET_PRINTF(5, 6);

static enum det_err
found(struct checking *c, const char *level, const char *kind,
    const struct det_truth_image *im, const char *fmt, ...)
{
	const char *file =
	    im->file < c->truth.n_files ? c->truth.file[im->file] : c->p->truth.path;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return row(
	    c, level, &(struct det_finding){ kind, file, im->line, im->path, text });
}

/* One picture, on any thread. */
static void
look(const void *ctx, size_t i, int worker)
{
	const struct checking *c = ctx;
	const struct det_image_params decode = DET_IMAGE_DEFAULTS;
	struct picture *v = &c->picture[i];
	struct det_image im = { 0 };
	char *data = NULL;

	(void)worker;
	if (c->p->heads) {
		v->err = det_image_head_file(
		    &v->info, &v->stored_w, &v->stored_h, c->truth.image[i].path);
	} else if (!(v->err = det_file_read(
			 &data, &v->size, c->truth.image[i].path, MAX_BYTES))) {
		const unsigned char *bytes = (unsigned char *)data;

		v->hash = det_hash(DET_HASH_START, bytes, v->size);
		v->err = det_image_head(
		    &v->info, &v->stored_w, &v->stored_h, bytes, v->size);
		if (!v->err)
			v->err = det_image_decode(&im, NULL, bytes, v->size, &decode);
	}
	if (v->err)
		(void)snprintf(v->message, sizeof v->message, "%s", det_errmsg());
	det_image_release(&im);
	free(data);
}

static enum det_err
check_size(struct checking *c, struct det_truth_image *im, const struct picture *v)
{
	size_t w = (size_t)im->width, h = (size_t)im->height;
	int relative = c->p->truth.format == DET_TRUTH_YOLO;

	if (v->info.orientation > 1 && (relative || v->info.orientation < 5))
		return found(c, "note", "exif-orientation", im,
		    "turned by EXIF orientation %d: whether its boxes are those of the "
		    "upright picture can't be told",
		    v->info.orientation);
	if (w == 0 || (w == v->info.w && h == v->info.h))
		return DET_OK;
	if (v->info.orientation >= 5 && w == v->stored_w && h == v->stored_h)
		return found(c, "bad", "exif-orientation", im,
		    "turned by EXIF orientation %d to %zux%zu, but annotated as "
		    "%zux%zu: "
		    "its boxes are those of the stored pixels",
		    v->info.orientation, v->info.w, v->info.h, w, h);
	return found(c, "bad", "size-mismatch", im,
	    "annotated as %zux%zu, but it is %zux%zu", w, h, v->info.w, v->info.h);
}

static enum det_err
check_pictures(struct checking *c)
{
	struct det_nameset paths = { 0 };
	struct det_idmap content = { 0 };
	int is_new;
	enum det_err e = DET_OK;

	for (size_t i = 0; i < c->truth.n_images && !e; i++) {
		struct det_truth_image *im = &c->truth.image[i];
		struct picture *v = &c->picture[i];
		uint32_t first;

		if ((e = det_nameset_add(&is_new, &paths, im->path)))
			break;
		if (!is_new) {
			e = found(c, "bad", "duplicate-image", im,
			    "the same picture a second time");
			continue;
		}
		if (v->err) {
			/* YOLO's reader needed it, and has said so already */
			if (c->p->truth.format != DET_TRUTH_YOLO || im->width > 0)
				e = found(c, "bad",
				    v->err == DET_IO ? "missing-image"
						     : "unreadable-image",
				    im, "%s", v->message);
			continue;
		}
		if ((e = check_size(c, im, v)) || c->p->heads)
			continue;
		first = det_idmap_find(&content, (int64_t)v->hash);
		if (first != DET_IDMAP_NONE && c->picture[first].size == v->size)
			e = found(c, "bad", "duplicate-image", im,
			    "the same bytes as %s", c->truth.image[first].path);
		else
			e = det_idmap_add(
			    &is_new, &content, (int64_t)v->hash, (uint32_t)i);
	}
	det_nameset_release(&paths);
	det_idmap_release(&content);
	return e;
}

static int
inclusive(const struct det_truth_params *p)
{
	return p->corners == DET_CORNERS_INCLUSIVE ||
	       p->corners == DET_CORNERS_INCLUSIVE0 ||
	       (p->corners == DET_CORNERS_USUAL && p->format == DET_TRUTH_VOC);
}

static enum det_err
check_box(struct checking *c, const struct det_truth_object *o)
{
	const struct det_truth_image *im = &c->truth.image[o->image];
	const struct picture *v = &c->picture[o->image];
	const struct det_box *b = &o->box;
	double w = im->width > 0 ? (double)im->width : v->err ? 0 : (double)v->info.w;
	double h = im->height > 0 ? (double)im->height : v->err ? 0 : (double)v->info.h;
	double least = inclusive(&c->p->truth) ? 1 : 0, slack = 1e-6 * (w + h);
	struct det_truth_image at = *im;
	enum det_err e;

	at.file = o->file;
	at.line = o->line;
	if ((b->x2 - b->x1 <= least || b->y2 - b->y1 <= least) &&
	    (e = found(c, "bad", "no-area", &at,
		 "a box of '%s' without area: %g x %g at %g,%g",
		 det_class_name(&c->truth.classes, b->label), b->x2 - b->x1 - least,
		 b->y2 - b->y1 - least, b->x1, b->y1)))
		return e;
	if (w > 0 && (b->x1 < -slack || b->y1 < -slack || b->x2 > w + slack ||
			 b->y2 > h + slack))
		return found(c, "bad", "outside", &at,
		    "a box of '%s' from %g,%g to %g,%g in a picture of %gx%g",
		    det_class_name(&c->truth.classes, b->label), b->x1, b->y1, b->x2,
		    b->y2, w, h);
	return DET_OK;
}

/* Two boxes of a picture that are equal in all. */
static enum det_err
check_twins(struct checking *c, size_t image)
{
	const struct det_truth_image *im = &c->truth.image[image];
	const struct det_truth_object *o = c->truth.object + im->first;
	enum det_err e;

	for (size_t i = 0; i < im->n && im->n < 10000; i++)
		for (size_t k = 0; k < i; k++) {
			const struct det_box *a = &o[i].box, *b = &o[k].box;
			struct det_truth_image at = *im;

			if (a->label != b->label || a->x1 != b->x1 || a->y1 != b->y1 ||
			    a->x2 != b->x2 || a->y2 != b->y2)
				continue;
			at.file = o[i].file;
			at.line = o[i].line;
			if ((e = found(c, "bad", "duplicate-box", &at,
				 "a box of '%s' that is there already, in line %llu",
				 det_class_name(&c->truth.classes, a->label),
				 (unsigned long long)o[k].line)))
				return e;
			break;
		}
	return DET_OK;
}

static enum det_err
count(struct checking *c, const char *kind, const char *name, size_t n)
{
	return det_buf_printf(c->out, "count\t%s\t-\t0\t-\t", kind) ||
		       det_tsv_text(c->out, name) || det_buf_printf(c->out, " %zu\n", n)
		   ? DET_NOMEM
		   : DET_OK;
}

/* Pictures, those without boxes, boxes a class, boxes by the root of their area in octaves. */
static enum det_err
figures(struct checking *c)
{
	const struct det_truth *t = &c->truth;
	size_t empty = 0, octave[16] = { 0 }, *of_class;
	char name[64];
	enum det_err e;

	if ((e = det_calloc(&of_class, t->classes.n, sizeof *of_class)))
		return e;
	for (size_t i = 0; i < t->n_images; i++)
		empty += t->image[i].n == 0;
	for (size_t i = 0; i < t->n_objects; i++) {
		const struct det_box *b = &t->object[i].box;
		double side = sqrt((b->x2 - b->x1) * (b->y2 - b->y1));
		int o = side < 1 ? 0 : 1 + (int)log2(side);

		of_class[b->label]++;
		octave[o < 15 ? o : 15]++;
	}
	if (!(e = count(c, "images", "all", t->n_images)))
		e = count(c, "images", "without-boxes", empty);
	for (size_t i = 0; i < t->classes.n && !e; i++)
		e = count(c, "class", t->classes.name[i], of_class[i]);
	for (int i = 0; i < 16 && !e; i++) {
		(void)snprintf(name, sizeof name, i < 15 ? "%g..%g" : "%g..",
		    i ? ldexp(1, i - 1) : 0, ldexp(1, i));
		if (octave[i])
			e = count(c, "box-side", name, octave[i]);
	}
	free(of_class);
	return e;
}

enum det_err
det_check(struct det_buf *out, size_t *bad, const struct det_check_params *p)
{
	struct det_check_params own = *p;
	struct checking c = { .p = &own, .out = out };
	enum det_err e;

	own.truth.finding = on_finding;
	own.truth.ctx = &c;
	if ((e = det_buf_printf(out, "level\tkind\tfile\tline\timage\ttext\n")) ||
	    (e = det_truth_read(&c.truth, &own.truth)))
		return e;
	if ((e = c.e) ||
	    (e = det_calloc(&c.picture, c.truth.n_images, sizeof *c.picture)))
		goto out;
	det_parallel(p->threads, c.truth.n_images, look, &c);
	e = check_pictures(&c);
	for (size_t i = 0; i < c.truth.n_objects && !e; i++)
		e = check_box(&c, &c.truth.object[i]);
	for (size_t i = 0; i < c.truth.n_images && !e; i++)
		e = check_twins(&c, i);
	if (!e)
		e = figures(&c);
	*bad = c.bad;
out:
	free(c.picture);
	det_truth_release(&c.truth);
	return e;
}
