/* SPDX-License-Identifier: MIT
 *
 * The formats that are one text: TSV, JSON lines, COCO results.
 *
 * TSV: tabs, line ends and backslashes in a path or class are written \t \n \r \\, so that
 * a line is always one box and splits at its tabs; other control characters \x1b and so on,
 * so that a file's name can't drive a terminal. A picture without boxes has one line
 * with class "-" and empty fields, one that could not be read has class "!".
 *
 * COCO results (cocodataset.org, "Results format", object detection): bbox is x, y, width,
 * height from the upper left corner of the picture, continuous and from 0, as in the
 * annotations. category_id is the data set's own number where every class of the table has
 * one, else label + 1.
 */
#include "data/export_impl.h"

#include <stdio.h>
#include <string.h>

enum det_err
det_tsv_text(struct det_buf *b, const char *s)
{
	static const char from[] = "\t\n\r\\", to[] = "tnr\\";
	enum det_err e = DET_OK;

	for (; !e && *s; s++) {
		const char *p = strchr(from, *s);

		if (p)
			e = det_buf_printf(b, "\\%c", to[p - from]);
		else if ((unsigned char)*s < 0x20 || *s == 0x7f)
			e = det_buf_printf(b, "\\x%02x", (unsigned)*s);
		else
			e = det_buf_add(b, s, 1);
	}
	return e;
}

static enum det_err
tsv_box(struct det_export *x, const struct det_item *it, const struct det_box *b)
{
	const double v[] = { b->x1, b->y1, b->x2, b->y2 };
	struct det_buf name = { 0 }, *t = &x->text;
	enum det_err e;

	if ((e = det_export_class(&name, x, b->label)) ||
	    (e = det_tsv_text(t, it->path)) || (e = det_buf_add(t, "\t", 1)) ||
	    (e = det_tsv_text(t, name.text ? name.text : "")) ||
	    (e = det_buf_add(t, "\t", 1)) || (e = det_export_score(t, x, b->score)))
		goto out;
	for (size_t i = 0; i < 4 && !e; i++)
		if (!(e = det_buf_add(t, "\t", 1)))
			e = det_export_coord(t, x, v[i]);
	if (!e)
		e = det_buf_add(t, "\n", 1);
out:
	det_buf_free(&name);
	return e;
}

enum det_err
det_export_tsv(
    struct det_export *x, const struct det_item *it, const struct det_boxes *b)
{
	enum det_err e;

	for (size_t i = 0; i < b->n; i++)
		if ((e = tsv_box(x, it, &b->box[i])))
			return e;
	if (b->n || (x->p.no_empty && !it->error))
		return DET_OK;
	if ((e = det_tsv_text(&x->text, it->path)))
		return e;
	return det_buf_printf(&x->text, "\t%s\t\t\t\t\t\n", it->error ? "!" : "-");
}

/* `open`, then four numbers parted by commas, then "]". */
static enum det_err
json_four(struct det_export *x, const char *open, const double v[4])
{
	enum det_err e = det_buf_printf(&x->text, "%s", open);

	for (size_t i = 0; i < 4 && !e; i++)
		if (!i || !(e = det_buf_add(&x->text, ",", 1)))
			e = det_export_coord(&x->text, x, v[i]);
	return e ? e : det_buf_add(&x->text, "]", 1);
}

static enum det_err
jsonl_box(struct det_export *x, const struct det_box *b)
{
	const double v[] = { b->x1, b->y1, b->x2, b->y2 };
	struct det_buf name = { 0 }, *t = &x->text;
	enum det_err e;

	if ((e = det_export_class(&name, x, b->label)) ||
	    (e = det_buf_printf(t, "{\"label\":%ld,\"class\":", (long)b->label)) ||
	    (e = det_json_string(t, name.text ? name.text : "")) ||
	    (e = det_buf_printf(t, ",\"score\":")) ||
	    (e = det_export_score(t, x, b->score)) ||
	    (e = json_four(x, ",\"box\":[", v)))
		goto out;
	e = det_buf_add(t, "}", 1);
out:
	det_buf_free(&name);
	return e;
}

enum det_err
det_export_jsonl(
    struct det_export *x, const struct det_item *it, const struct det_boxes *b)
{
	struct det_buf *t = &x->text;
	enum det_err e;

	if ((e = det_buf_printf(t, "{\"path\":")) ||
	    (e = det_json_string(t, it->path)) ||
	    (e = det_buf_printf(t, ",\"id\":%ld,\"width\":%ld,\"height\":%ld", it->id,
		 it->width, it->height)))
		return e;
	if (it->error && ((e = det_buf_printf(t, ",\"error\":")) ||
			     (e = det_json_string(t, it->error))))
		return e;
	if ((e = det_buf_printf(t, ",\"boxes\":[")))
		return e;
	for (size_t i = 0; i < b->n; i++)
		if ((i && (e = det_buf_add(t, ",", 1))) ||
		    (e = jsonl_box(x, &b->box[i])))
			return e;
	return det_buf_printf(t, "]}\n");
}

/* The digits that end the file's name, as the number of the picture. */
static enum det_err
id_digits(struct det_buf *b, const struct det_item *it, const char *stem)
{
	size_t n = strlen(stem), from = n;
	long id;

	while (from > 0 && stem[from - 1] >= '0' && stem[from - 1] <= '9')
		from--;
	if (from == n)
		return det_fail(DET_INVALID,
		    "'%s': digits expected at the end of the file's name, as COCO's "
		    "have; "
		    "image ids can be item numbers (item) or names (stem) as well",
		    it->path);
	if (det_parse_long(&id, stem + from, 0, __LONG_MAX__))
		return det_fail(
		    DET_INVALID, "'%s': too many digits for an image id", it->path);
	return det_buf_printf(b, "%ld", id);
}

enum det_err
det_export_image_id(
    struct det_buf *b, const struct det_export *x, const struct det_item *it)
{
	struct det_buf stem = { 0 };
	enum det_err e;

	if (x->p.image_id == DET_EXPORT_ID_ITEM)
		return det_buf_printf(b, "%ld", it->id);
	if (!(e = det_export_stem(&stem, it)))
		e = x->p.image_id == DET_EXPORT_ID_STEM ? det_json_string(b, stem.text)
							: id_digits(b, it, stem.text);
	det_buf_free(&stem);
	return e;
}

enum det_err
det_export_category(long *id, const struct det_export *x, long label)
{
	const struct det_classes *c = &x->classes;

	if (label < 0)
		return det_fail(DET_INVALID, "a box has no class");
	*id = label + 1;
	for (size_t i = 0; i < c->n; i++)
		if (c->source[i] < 0)
			return DET_OK;
	if (c->n && (size_t)label >= c->n)
		return det_fail(
		    DET_INVALID, "class %ld is not in the table of %zu", label, c->n);
	if (c->n)
		*id = c->source[label];
	return DET_OK;
}

enum det_err
det_export_coco(
    struct det_export *x, const struct det_item *it, const struct det_boxes *b)
{
	struct det_buf id = { 0 }, *t = &x->text;
	long category = 0;
	enum det_err e = det_export_image_id(&id, x, it);

	for (size_t i = 0; i < b->n && !e; i++) {
		const struct det_box *v = &b->box[i];
		const double xywh[] = { v->x1, v->y1, v->x2 - v->x1, v->y2 - v->y1 };

		if ((e = det_export_category(&category, x, v->label)) ||
		    (e = det_buf_printf(t, "%s\n{\"image_id\":%s,\"category_id\":%ld",
			 x->entries ? "," : "", id.text, category)) ||
		    (e = json_four(x, ",\"bbox\":[", xywh)) ||
		    (e = det_buf_printf(t, ",\"score\":")) ||
		    (e = det_export_score(t, x, v->score)))
			break;
		e = det_buf_add(t, "}", 1);
		x->entries++;
	}
	det_buf_free(&id);
	return e;
}
