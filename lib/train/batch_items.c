/* SPDX-License-Identifier: MIT
 *
 * What a batch is made of: the records of an item until the next begins. Its picture goes
 * into the slot as it is, its objects mapped to the input, cut at the picture and in the
 * model's labels; what is wrong with one of them is counted, and the first is put into
 * words. Proposals are mapped and cut as objects are; what an augmentation leaves outside the
 * picture is no fault of theirs.
 *
 * An item that is marked as bad leaves no gap: the next good one takes its place in the
 * batch.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "box/map.h"
#include "model/made.h"
#include "train/batch_impl.h"

const char *
det_batch_fault_about(enum det_batch_fault f)
{
	static const char *const about[] = { "boxes without an area",
		"boxes outside their picture",
		"boxes of classes that the model does not have", "bad items",
		"proposals without an area" };

	return about[f];
}

/* --- items --- */

static void
fault(struct det_batches *b, struct det_batch_slot *s, enum det_batch_fault f,
    const char *what)
{
	if (s->out.faults[f]++ == 0)
		(void)snprintf(s->text[f], DET_BATCH_TEXT, "item %llu '%.100s': %.120s",
		    (unsigned long long)(b->items - 1),
		    b->item.path ? b->item.path : "", what);
}

static enum det_err
item_fail(const struct det_batches *b, enum det_err e)
{
	return det_fail_in(e, "item %llu '%.200s'", (unsigned long long)(b->items - 1),
	    b->item.path ? b->item.path : "");
}

/* The label in the model's classes, -1: none. */
static int32_t
label_of(const struct det_batches *b, int32_t label)
{
	const size_t most = b->p.classes->n;

	if (label < 0)
		return -1;
	if (b->n_label)
		return (size_t)label < b->n_label ? b->label[label] : -1;
	return most == 0 || (size_t)label < most ? label : -1;
}

static double
within(double v, double lo, double hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

static int
has_area(const struct det_box *box)
{
	return box->x2 - box->x1 >= DET_BATCH_LEAST &&
	       box->y2 - box->y1 >= DET_BATCH_LEAST;
}

static void
cut(struct det_box *box, const double rect[4])
{
	box->x1 = within(box->x1, rect[0], rect[2]);
	box->x2 = within(box->x2, rect[0], rect[2]);
	box->y1 = within(box->y1, rect[1], rect[3]);
	box->y2 = within(box->y2, rect[1], rect[3]);
}

/* The box in the input, cut at the picture; says what is wrong with it. */
static enum det_batch_fault
take_box(const struct det_batches *b, struct det_box *box, const double rect[4])
{
	if (!has_area(box))
		return DET_BATCH_NO_AREA;
	cut(box, rect);
	if (!has_area(box))
		return DET_BATCH_OUTSIDE;
	box->label = label_of(b, box->label);
	return box->label < 0 ? DET_BATCH_CLASS : DET_BATCH_FAULTS;
}

/* Its class, in words where it has a name. */
static void
add_class(char *text, size_t size, const struct det_batches *b, int32_t label)
{
	const size_t n = strlen(text);

	if (label >= 0 && (size_t)label < b->classes.n)
		(void)snprintf(
		    text + n, size - n, "class '%.60s'", b->classes.name[label]);
	else
		(void)snprintf(text + n, size - n, "label %ld", (long)label);
}

/* Where the picture lies; the item knows its input from here on. */
static enum det_err
find_picture(double rect[4], struct det_batches *b)
{
	const int none = b->item.in_w == 0 || b->item.in_h == 0;

	if (none && b->p.lists) {
		if (b->item.width <= 0 || b->item.height <= 0)
			return det_fail(
			    DET_INVALID, "the item does not tell the picture's size");
		b->item.in_w = b->item.width;
		b->item.in_h = b->item.height;
	} else if (none) {
		b->item.in_h = (long)b->image.tensor.dims[2];
		b->item.in_w = (long)b->image.tensor.dims[3];
	}
	return det_item_picture(rect, &b->item);
}

static enum det_err
add_proposals(struct det_batches *b, struct det_batch_slot *s)
{
	struct det_proposed *to = &s->proposed[s->out.n];
	double rect[4];
	char text[DET_BATCH_TEXT];
	enum det_err e;

	if (!b->p.proposals)
		return DET_OK;
	if ((e = find_picture(rect, b)) ||
	    (e = det_boxes_map(&b->proposals, &b->item, DET_SPACE_INPUT)))
		return e;
	s->first[b->p.size + s->out.n] = s->places.n;
	to->n = 0;
	for (size_t i = 0; i < b->proposals.n; i++) {
		struct det_box box = b->proposals.box[i];

		if (!has_area(&box)) {
			(void)snprintf(text, sizeof text,
			    "'%.40s', box %zu: %.6g,%.6g %.6g,%.6g in the input",
			    b->p.proposals, i, box.x1, box.y1, box.x2, box.y2);
			fault(b, s, DET_BATCH_PROPOSED, text);
			continue;
		}
		cut(&box, rect);
		if (!has_area(&box))
			continue;
		if ((e = det_boxes_add(&s->places, &box)))
			return e;
		to->n++;
	}
	return DET_OK;
}

static enum det_err
add_boxes(struct det_batches *b, struct det_batch_slot *s)
{
	struct det_example *t = &s->truth[s->out.n];
	double rect[4];
	char text[DET_BATCH_TEXT];
	enum det_err e;

	if ((e = find_picture(rect, b)) ||
	    (e = det_boxes_map(&b->gt, &b->item, DET_SPACE_INPUT)))
		return e;
	*t = (struct det_example){
		.x1 = rect[0], .y1 = rect[1], .x2 = rect[2], .y2 = rect[3]
	};
	s->first[s->out.n] = s->boxes.n;
	for (size_t i = 0; i < b->gt.n; i++) {
		struct det_box box = b->gt.box[i];
		enum det_batch_fault f = take_box(b, &box, rect);

		if (f == DET_BATCH_FAULTS) {
			if ((e = det_boxes_add(&s->boxes, &box)))
				return e;
			t->n++;
			continue;
		}
		box = b->gt.box[i];
		(void)snprintf(text, sizeof text,
		    "box %zu: %.6g,%.6g %.6g,%.6g in the input, ", i, box.x1, box.y1,
		    box.x2, box.y2);
		add_class(text, sizeof text, b, box.label);
		fault(b, s, f, text);
	}
	return DET_OK;
}

static enum det_err
add_image(struct det_batches *b, struct det_batch_slot *s)
{
	const struct det_tensor *t = &b->image.tensor;
	size_t one, all, bytes;
	enum det_err e;

	if ((e = det_tensor_count(&one, t)) || (e = det_mul(&all, one, b->p.size)) ||
	    (e = det_mul(&bytes, one, sizeof(float))) ||
	    (e = det_room(&s->out.image.data, &s->cap, all, sizeof(float))))
		return e;
	if (s->out.n == 0) {
		void *data = s->out.image.data;

		s->out.image = *t;
		s->out.image.data = data;
	}
	memcpy((float *)s->out.image.data + s->out.n * one, t->data, bytes);
	return DET_OK;
}

static int
same_size(const struct det_tensor *a, const struct det_tensor *b)
{
	return a->dims[1] == b->dims[1] && a->dims[2] == b->dims[2] &&
	       a->dims[3] == b->dims[3];
}

static enum det_err
item_whole(struct det_batches *b)
{
	if (!b->have_image && !b->p.lists)
		return det_fail(DET_INVALID,
		    "a tensor '%s' expected, found none: is det-image missing?",
		    b->p.image);
	if (!b->have_gt)
		return det_fail(DET_INVALID,
		    "a list '%s' of objects expected, found none: is det-gt missing?",
		    b->p.gt);
	if (b->p.proposals && !b->have_proposals)
		return det_fail(DET_INVALID,
		    "a list '%s' of boxes expected, found none: is det-propose "
		    "missing before det-image --train?",
		    b->p.proposals);
	return DET_OK;
}

/* The item that was read goes to the slot, or to the next; *s is NULL where nobody wants
 * more. */
static enum det_err
item_end(struct det_batches *b, struct det_batch_slot **s)
{
	enum det_err e;

	if (!b->open)
		return DET_OK;
	b->open = 0;
	if (b->items <= b->p.skip)
		return DET_OK;
	if (b->item.error) {
		fault(b, *s, DET_BATCH_BAD, b->item.error);
		return DET_OK;
	}
	if ((e = item_whole(b)))
		return item_fail(b, e);
	if ((*s)->out.n > 0 && !b->p.lists &&
	    !same_size(&(*s)->out.image, &b->image.tensor)) {
		(*s)->out.cut = 1;
		det_batch_slot_give(b, *s);
		if (!(*s = det_batch_slot_next(b)))
			return DET_OK;
	}
	if ((!b->p.lists && (e = add_image(b, *s))) || (e = add_boxes(b, *s)) ||
	    (e = add_proposals(b, *s)) ||
	    (e = det_strdup(
		 &(*s)->path[(*s)->out.n], b->item.path ? b->item.path : "")))
		return item_fail(b, e);
	(*s)->out.n++;
	(*s)->out.items = b->items;
	(*s)->out.epoch = (uint64_t)b->epoch;
	if ((*s)->out.n == b->p.size) {
		det_batch_slot_give(b, *s);
		*s = det_batch_slot_next(b);
	}
	return DET_OK;
}

/* --- records --- */

/* The model's label of a name, -1: none. */
static int32_t
find_class(const struct det_classes *model, const char *name)
{
	for (size_t k = 0; k < model->n; k++)
		if (!strcmp(name, model->name[k]))
			return (int32_t)k;
	return -1;
}

/* `from`: the stream's own begin there, after those of a model that were put before them. */
static enum det_err
fail_classes(const struct det_classes *c, size_t from, const struct det_classes *model)
{
	struct det_buf has = { 0 }, knows = { 0 };
	enum det_err e;

	if (!(e = det_classes_quote(&has, c, from)) &&
	    !(e = det_classes_quote(&knows, model, 0)))
		e = det_fail(DET_INVALID,
		    "no class of the stream is known to the model: the stream has %s; "
		    "the model knows %s",
		    has.text, knows.text);
	det_buf_free(&has);
	det_buf_free(&knows);
	return e;
}

enum det_err
det_batch_classes_check(const struct det_classes *c, const struct det_attrs *head,
    const struct det_classes *model)
{
	size_t met = 0;

	if (model->n == 0 || c->n == 0)
		return DET_OK;
	if (c->n > model->n && det_attr_is(head, "known", "0"))
		return fail_classes(c, model->n, model);
	for (size_t i = 0; i < c->n; i++)
		met += find_class(model, c->name[i]) >= 0;
	return met ? DET_OK : fail_classes(c, 0, model);
}

/* The stream's class table in the model's labels. */
static enum det_err
map_classes(struct det_batches *b)
{
	const struct det_classes *m = b->p.classes, *c = &b->classes;
	enum det_err e;

	free(b->label);
	b->label = NULL;
	b->n_label = 0;
	if ((e = det_batch_classes_check(c, &b->r.attrs, m)) || m->n == 0 || c->n == 0)
		return e;
	if ((e = det_alloc(&b->label, c->n, sizeof *b->label)))
		return e;
	b->n_label = c->n;
	for (size_t i = 0; i < c->n; i++)
		b->label[i] = find_class(m, c->name[i]);
	return DET_OK;
}

static enum det_err
stream_begin(struct det_batches *b)
{
	enum det_err e;

	if ((e = det_record_load(&b->r)))
		return e;
	det_classes_release(&b->classes);
	if ((e = det_classes_parse(&b->classes, b->r.tensor.data, b->r.size)) ||
	    (e = map_classes(b)) || b->head_read++)
		return e;
	b->head = b->r.attrs;
	b->r.attrs = (struct det_attrs){ 0 };
	return DET_OK;
}

static enum det_err
item_begin(struct det_batches *b)
{
	enum det_err e;

	b->items++;
	b->open = 1;
	b->have_gt = b->have_image = b->have_proposals = 0;
	b->epoch = 0;
	e = det_attr_long(&b->epoch, &b->r.attrs, "epoch", 0, LONG_MAX);
	return e ? e : det_item_read(&b->item, &b->r);
}

/* Keeps the picture: its record, and another for those that follow. */
static enum det_err
image_read(struct det_batches *b)
{
	struct det_record r = b->r;
	const struct det_tensor *t = &r.tensor;
	char shape[64];
	enum det_err e;

	if (t->dtype != DET_F32 || t->rank != 4 || t->dims[0] != 1)
		return item_fail(
		    b, det_fail(DET_INVALID,
			   "tensor '%s': one image of f32 expected, found %s %s",
			   b->p.image, det_dtype_name(t->dtype),
			   det_shape_text(shape, sizeof shape, t)));
	if (b->p.norm && (e = det_made_norm_agrees(&r.attrs, b->p.norm, "the model")))
		return item_fail(b, e);
	if ((e = det_record_load(&b->r)))
		return item_fail(b, e);
	r = b->r;
	b->r = b->image;
	b->image = r;
	b->have_image = 1;
	return DET_OK;
}

/* A list may be both: objects as proposals. */
static enum det_err
boxes_read(struct det_batches *b, const char *name)
{
	enum det_err e;

	if (!strcmp(name, b->p.gt)) {
		b->have_gt = 1;
		if ((e = det_boxes_read(&b->gt, &b->r)))
			return e;
	}
	if (!b->p.proposals || strcmp(name, b->p.proposals) != 0)
		return DET_OK;
	b->have_proposals = 1;
	return det_boxes_read(&b->proposals, &b->r);
}

enum det_err
det_batch_record(struct det_batches *b, struct det_batch_slot **s)
{
	const char *name = det_record_name(&b->r);
	enum det_err e;

	switch (b->r.kind) {
	case DET_STREAM:
	case DET_ITEM:
	case DET_END:
		if ((e = item_end(b, s)) || !*s)
			return e;
		return b->r.kind == DET_STREAM ? stream_begin(b)
		       : b->r.kind == DET_ITEM ? item_begin(b)
					       : DET_OK;
	case DET_TENSOR:
		if (b->items <= b->p.skip || b->p.lists ||
		    strcmp(name, b->p.image) != 0)
			return DET_OK;
		return image_read(b);
	case DET_BOXES:
		if (b->items <= b->p.skip)
			return DET_OK;
		e = boxes_read(b, name);
		return e ? item_fail(b, e) : DET_OK;
	default: return DET_OK;
	}
}
