/* SPDX-License-Identifier: MIT
 *
 * Ground truth in the formats of other programs, written so that det-gt reads the same boxes
 * back, as far as the format can say them; what it can't is counted, for a warning.
 *
 *   coco   instances: images, annotations with ids from 1, categories with the data set's
 *          ids or from 1. bbox is x1, y1, x2 - x1, y2 - y1; area the annotated one or the
 *          box's; iscrowd always; ignore and difficult where set. Nothing is lost but, of
 *          coordinates that are no dyadic fractions, the last bit (x + w rounds).
 *   voc    a file ID.xml a picture: corners x1 + 1, y1 + 1, x2, y2. Loses crowd, ignore and
 *          annotated areas.
 *   yolo   a file ID.txt a picture, and classes.txt. Loses all flags and annotated areas;
 *          corners come back to within a few units of the last bit.
 */
#include "data/export_impl.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define CHECK(call)               \
	do {                      \
		if ((e = call))   \
			return e; \
	} while (0)

/* Counts what a format can't hold. */
static void
lose(struct det_export *x, const struct det_box *b, unsigned kept)
{
	unsigned flags = b->flags & ~kept;

	x->lost.difficult += (flags & DET_BOX_DIFFICULT) != 0;
	x->lost.crowd += (flags & DET_BOX_CROWD) != 0;
	x->lost.ignore += (flags & DET_BOX_IGNORE) != 0;
	x->lost.area += b->area > 0;
}

/* --- COCO ------------------------------------------------------------------------------ */

static enum det_err
coco_box(struct det_export *x, const char *image, const struct det_box *b)
{
	double w = b->x2 - b->x1, h = b->y2 - b->y1;
	const double v[] = { b->x1, b->y1, w, h };
	struct det_buf *t = &x->later;
	long category = 0;
	enum det_err e;

	CHECK(det_export_category(&category, x, b->label));
	CHECK(det_buf_printf(t, "%s\n{\"id\":%zu,\"image_id\":%s,\"category_id\":%ld",
	    x->entries ? "," : "", x->entries + 1, image, category));
	CHECK(det_buf_printf(t, ",\"bbox\":["));
	for (size_t i = 0; i < 4; i++) {
		CHECK(det_buf_add(t, ",", i > 0));
		CHECK(det_export_coord(t, x, v[i]));
	}
	CHECK(det_buf_printf(t, "],\"area\":"));
	CHECK(det_export_coord(t, x, b->area > 0 ? b->area : w * h));
	CHECK(det_buf_printf(t, ",\"iscrowd\":%d", (b->flags & DET_BOX_CROWD) != 0));
	if (b->flags & DET_BOX_IGNORE)
		CHECK(det_buf_printf(t, ",\"ignore\":1"));
	if (b->flags & DET_BOX_DIFFICULT)
		CHECK(det_buf_printf(t, ",\"difficult\":1"));
	x->entries++;
	return det_buf_add(t, "}", 1);
}

enum det_err
det_export_gt_coco(
    struct det_export *x, const struct det_item *it, const struct det_boxes *b)
{
	struct det_buf id = { 0 }, *t = &x->text;
	const char *base = strrchr(it->path, '/');
	enum det_err e;

	if ((e = det_export_image_id(&id, x, it)) ||
	    (e = det_buf_printf(t,
		 "%s\n{\"id\":%s,\"file_name\":", x->images++ ? "," : "", id.text)) ||
	    (e = det_json_string(t, base ? base + 1 : it->path)) ||
	    (e = it->width > 0 && it->height > 0
		     ? det_buf_printf(
			   t, ",\"width\":%ld,\"height\":%ld}", it->width, it->height)
		     : det_buf_printf(t, "}")))
		goto out;
	for (size_t i = 0; i < b->n && !e; i++)
		e = coco_box(x, id.text, &b->box[i]);
out:
	det_buf_free(&id);
	return e;
}

enum det_err
det_export_gt_coco_end(struct det_export *x)
{
	struct det_buf *t = &x->text;
	long category = 0;
	enum det_err e;

	CHECK(det_buf_printf(t, "],\n\"annotations\":["));
	CHECK(det_buf_add(t, x->later.text ? x->later.text : "", x->later.len));
	CHECK(det_buf_printf(t, "],\n\"categories\":["));
	for (size_t i = 0; i < x->classes.n; i++) {
		CHECK(det_export_category(&category, x, (long)i));
		CHECK(det_buf_printf(
		    t, "%s\n{\"id\":%ld,\"name\":", i ? "," : "", category));
		CHECK(det_json_string(t, x->classes.name[i]));
		CHECK(det_buf_add(t, "}", 1));
	}
	return det_buf_printf(t, "]}\n");
}

/* --- VOC ------------------------------------------------------------------------------- */

/* Text between tags. Control characters, which XML can't hold, are refused. */
static enum det_err
xml_text(struct det_buf *b, const char *s)
{
	static const char from[] = "&<>";
	static const char *const to[] = { "&amp;", "&lt;", "&gt;" };
	enum det_err e = DET_OK;

	for (; !e && *s; s++) {
		const char *p = strchr(from, *s);

		if ((unsigned char)*s < 0x20)
			return det_fail(DET_INVALID,
			    "XML can't hold a name with control characters");
		e = p ? det_buf_printf(b, "%s", to[p - from]) : det_buf_add(b, s, 1);
	}
	return e;
}

static enum det_err
voc_object(struct det_buf *t, struct det_export *x, const struct det_box *b)
{
	static const char *const names[] = { "xmin", "ymin", "xmax", "ymax" };
	const double v[] = { b->x1 + 1, b->y1 + 1, b->x2, b->y2 };
	enum det_err e;

	if (b->label < 0 || (size_t)b->label >= x->classes.n)
		return det_fail(DET_INVALID, "a box has no class of the table");
	lose(x, b, DET_BOX_DIFFICULT);
	CHECK(det_buf_printf(t, "\t<object>\n\t\t<name>"));
	CHECK(xml_text(t, x->classes.name[b->label]));
	CHECK(
	    det_buf_printf(t, "</name>\n\t\t<difficult>%d</difficult>\n\t\t<bndbox>\n",
		(b->flags & DET_BOX_DIFFICULT) != 0));
	for (size_t i = 0; i < 4; i++) {
		CHECK(det_buf_printf(t, "\t\t\t<%s>", names[i]));
		CHECK(det_export_coord(t, x, v[i]));
		CHECK(det_buf_printf(t, "</%s>\n", names[i]));
	}
	return det_buf_printf(t, "\t\t</bndbox>\n\t</object>\n");
}

enum det_err
det_export_gt_voc(
    struct det_export *x, const struct det_item *it, const struct det_boxes *b)
{
	const char *base = strrchr(it->path, '/');
	struct det_buf t = { 0 };
	enum det_err e;

	if ((e = det_buf_printf(&t, "<annotation>\n\t<filename>")) ||
	    (e = xml_text(&t, base ? base + 1 : it->path)) ||
	    (e = det_buf_printf(&t,
		 "</filename>\n\t<size>\n\t\t<width>%ld</width>\n\t\t<height>%ld</"
		 "height>\n"
		 "\t\t<depth>3</depth>\n\t</size>\n",
		 it->width, it->height)))
		goto out;
	for (size_t i = 0; i < b->n && !e; i++)
		e = voc_object(&t, x, &b->box[i]);
	if (!e && !(e = det_buf_printf(&t, "</annotation>\n")))
		e = det_export_picture_file(x, it, "xml", &t);
out:
	det_buf_free(&t);
	return e;
}

/* --- YOLO ------------------------------------------------------------------------------ */

enum det_err
det_export_gt_yolo(
    struct det_export *x, const struct det_item *it, const struct det_boxes *b)
{
	for (size_t i = 0; i < b->n; i++)
		lose(x, &b->box[i], 0);
	return det_export_yolo(x, it, b);
}

enum det_err
det_export_gt_yolo_end(struct det_export *x)
{
	struct det_item table = { .path = (char[]){ "classes.txt" } };
	struct det_buf t = { 0 };
	enum det_err e = det_buf_add(&t, "", 0);

	for (size_t i = 0; i < x->classes.n && !e; i++)
		e = det_buf_printf(&t, "%s\n", x->classes.name[i]);
	if (!e)
		e = det_export_picture_file(x, &table, "txt", &t);
	det_buf_free(&t);
	return e;
}

size_t
det_export_lost(char *text, size_t cap, const struct det_export *x)
{
	const struct {
		const char *what;
		size_t n;
	} lost[] = { { "difficult flags", x->lost.difficult },
		{ "crowd flags", x->lost.crowd }, { "ignore flags", x->lost.ignore },
		{ "annotated areas", x->lost.area } };
	size_t all = 0, at = 0;

	if (cap)
		text[0] = 0;
	for (size_t i = 0; i < 4; i++) {
		if (lost[i].n && at < cap)
			at += (size_t)snprintf(text + at, cap - at, "%s%zu %s",
			    all ? ", " : "", lost[i].n, lost[i].what);
		all += lost[i].n;
	}
	return all;
}
