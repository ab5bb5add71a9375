/* SPDX-License-Identifier: MIT */
#include "stream/boxes.h"

#include <math.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/mem.h"

void
det_boxes_release(struct det_boxes *b)
{
	free(b->box);
	*b = (struct det_boxes){ 0 };
}

enum det_err
det_boxes_add(struct det_boxes *b, const struct det_box *box)
{
	enum det_err e;

	if ((e = det_grow(&b->box, &b->cap, b->n + 1, sizeof *b->box)))
		return e;
	b->box[b->n++] = *box;
	return DET_OK;
}

static void
load(struct det_box *b, const unsigned char *p)
{
	b->x1 = det_lef64(p);
	b->y1 = det_lef64(p + 8);
	b->x2 = det_lef64(p + 16);
	b->y2 = det_lef64(p + 24);
	b->score = det_lef64(p + 32);
	b->area = det_lef64(p + 40);
	b->label = (int32_t)det_le32(p + 48);
	b->flags = det_le32(p + 52);
	b->source = (int32_t)det_le32(p + 56);
}

static void
store(unsigned char *p, const struct det_box *b)
{
	det_putf64(p, b->x1);
	det_putf64(p + 8, b->y1);
	det_putf64(p + 16, b->x2);
	det_putf64(p + 24, b->y2);
	det_putf64(p + 32, b->score);
	det_putf64(p + 40, b->area);
	det_put32(p + 48, (uint32_t)b->label);
	det_put32(p + 52, b->flags);
	det_put32(p + 56, (uint32_t)b->source);
	det_put32(p + 60, 0);
}

static int
finite(const struct det_box *b)
{
	return det_box_finite(b) && isfinite(b->score) && isfinite(b->area);
}

enum det_err
det_boxes_read(struct det_boxes *b, struct det_record *r)
{
	const unsigned char *p;
	size_t n = r->size / DET_BOX_SIZE;
	enum det_err e;

	if (r->kind != DET_BOXES)
		return det_fail(DET_INVALID, "a box list expected, found a %s record",
		    det_kind_name(r->kind));
	if ((e = det_record_load(r)) ||
	    (e = det_grow(&b->box, &b->cap, n, sizeof *b->box)))
		return e;
	if (det_attr_is(&r->attrs, "space", "image"))
		b->space = DET_SPACE_IMAGE;
	else if (det_attr_is(&r->attrs, "space", "input"))
		b->space = DET_SPACE_INPUT;
	else
		return det_fail(DET_CORRUPT,
		    "box list '%s' has no space: input or image expected",
		    det_record_name(r));
	p = r->tensor.data;
	b->n = 0;
	for (size_t i = 0; i < n; i++, p += DET_BOX_SIZE) {
		load(&b->box[i], p);
		if (!finite(&b->box[i]))
			return det_fail(DET_CORRUPT,
			    "box %zu of '%s' holds NaN or infinity", i,
			    det_record_name(r));
		if (det_le32(p + 60))
			return det_fail(DET_UNSUPPORTED,
			    "box %zu of '%s' has a reserved field set", i,
			    det_record_name(r));
	}
	b->n = n;
	return DET_OK;
}

enum det_err
det_boxes_write(struct det_writer *w, const char *name, const struct det_boxes *b,
    const struct det_attrs *a)
{
	struct det_attrs all = { 0 };
	unsigned char *bytes = NULL;
	size_t at = 0;
	char *key = NULL, *value = NULL;
	enum det_err e;

	if ((e = det_attr_add(&all, "name", name)) ||
	    (e = det_attr_add(
		 &all, "space", b->space == DET_SPACE_IMAGE ? "image" : "input")))
		goto fail;
	while (a && !(e = det_attr_next(a, &at, &key, &value)) && key) {
		e = det_attr_set(&all, key, value);
		free(key);
		free(value);
		if (e)
			goto fail;
	}
	if (e || (e = det_alloc(&bytes, b->n, DET_BOX_SIZE)))
		goto fail;
	for (size_t i = 0; i < b->n; i++) {
		if (!finite(&b->box[i])) {
			e = det_fail(DET_INVALID,
			    "box %zu of '%s' holds NaN or infinity", i, name);
			goto fail;
		}
		store(bytes + i * DET_BOX_SIZE, &b->box[i]);
	}
	e = det_writer_make(w, DET_BOXES, &all, bytes, b->n * DET_BOX_SIZE);
fail:
	free(bytes);
	free(all.text);
	return e;
}
