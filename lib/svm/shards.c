/* SPDX-License-Identifier: MIT */
#include "svm/shards.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/finite.h"
#include "base/mem.h"
#include "box/map.h"
#include "box/merge.h"
#include "stream/reader.h"

enum { FEATURES, BOX_FEATURES, KINDS };

struct det_shards {
	struct det_shards_params p;
	struct det_map *map;
	char *seen; /* of each file: it was read to its end */
	size_t at;  /* the file that is read */
	struct det_reader *rd;
	struct det_record r;
	int ended; /* r is not a record: the next is to be read */
	struct det_classes known;
	long *label; /* of each class of the stream */
	size_t n_labels;
	struct det_item item;
	struct det_shard_item it;
	size_t items, bad, unknown;
	int have_gt, have_boxes;
	struct det_tensor tensor[KINDS]; /* the item's; .data NULL: none came */
	size_t chw[KINDS][3];            /* of a row; 0: none was seen */
};

enum det_err
det_shards_open(struct det_shards **out, const struct det_shards_params *p)
{
	struct det_shards *s;
	enum det_err e;

	*out = NULL;
	if ((e = det_calloc(&s, 1, sizeof *s)))
		return e;
	s->p = *p;
	if ((e = det_calloc(&s->map, p->n, sizeof *s->map)) ||
	    (e = det_calloc(&s->seen, p->n, 1)))
		goto fail;
	for (size_t i = 0; i < p->n; i++)
		if ((e = det_map_open(&s->map[i], p->path[i])))
			goto fail;
	*out = s;
	return DET_OK;
fail:
	det_shards_close(s);
	return e;
}

void
det_shards_close(struct det_shards *s)
{
	if (!s)
		return;
	det_shards_rewind(s);
	for (size_t i = 0; s->map && i < s->p.n; i++)
		det_map_close(&s->map[i]);
	free(s->map);
	free(s->seen);
	det_record_release(&s->r);
	det_classes_release(&s->known);
	free(s->label);
	det_item_release(&s->item);
	det_boxes_release(&s->it.gt);
	det_boxes_release(&s->it.boxes);
	free(s);
}

void
det_shards_rewind(struct det_shards *s)
{
	det_reader_close(s->rd);
	s->rd = NULL;
	s->at = 0;
	s->items = s->bad = s->unknown = 0;
	s->ended = 0;
}

/* --- an item's records --- */

/* Labels of the stream by name; a stream without a table has the model's. */
static enum det_err
map_classes(struct det_shards *s)
{
	struct det_classes c = { 0 };
	struct det_buf b = { 0 };
	int changed;
	enum det_err e;

	free(s->label);
	s->label = NULL;
	s->n_labels = 0;
	det_classes_release(&s->known);
	if ((e = det_record_load(&s->r)) ||
	    (e = det_classes_parse(&c, s->r.tensor.data, s->r.size)) || c.n == 0)
		goto out;
	if ((e = det_classes_text(&b, s->p.classes)) ||
	    (e = det_classes_parse(&s->known, b.text, b.len)) ||
	    (e = det_alloc(&s->label, c.n, sizeof *s->label)) ||
	    (e = det_classes_join(&s->known, s->label, &changed, &c)))
		goto out;
	s->n_labels = c.n;
out:
	det_buf_free(&b);
	det_classes_release(&c);
	return e;
}

/* The objects whose class the model has, in its labels. */
static enum det_err
take_objects(struct det_shards *s)
{
	const size_t most = s->p.classes->n;
	struct det_boxes *b = &s->it.gt;
	size_t n = 0;
	enum det_err e;

	if ((e = det_boxes_read(b, &s->r)) ||
	    (e = det_boxes_map(b, &s->item, DET_SPACE_INPUT)))
		return e;
	for (size_t i = 0; i < b->n; i++) {
		long label = b->box[i].label;

		if (label >= 0 && s->n_labels)
			label = (size_t)label < s->n_labels ? s->label[label] : -1;
		if (label < 0 || (size_t)label >= most) {
			s->unknown++;
			continue;
		}
		b->box[n] = b->box[i];
		b->box[n++].label = (int32_t)label;
	}
	b->n = n;
	s->have_gt = 1;
	return DET_OK;
}

static enum det_err
take_boxes(struct det_shards *s)
{
	enum det_err e = det_boxes_read(&s->it.boxes, &s->r);

	s->have_boxes = 1;
	return e ? e : det_boxes_map(&s->it.boxes, &s->item, DET_SPACE_INPUT);
}

/* Rows of one length in all of the streams: (n, C), or (n, C, H, W). */
static enum det_err
take_tensor(struct det_shards *s, int kind)
{
	struct det_tensor *t = &s->tensor[kind];
	const char *name = kind ? s->p.box_features : s->p.features;
	size_t *chw = s->chw[kind], now[3] = { 0, 1, 1 }, count, bad;
	char shape[96];
	enum det_err e;

	if ((e = det_record_load(&s->r)))
		return e;
	*t = s->r.tensor;
	if (t->dtype != DET_F32 || (t->rank != 2 && t->rank != 4) ||
	    (e = det_tensor_count(&count, t)))
		return det_fail(DET_INVALID,
		    "tensor '%s' is %s %s: rows of f32 expected, (n, C) or (n, C, H, "
		    "W)",
		    name,
		    det_dtype_name(t->dtype) ? det_dtype_name(t->dtype) : "of no type",
		    det_shape_text(shape, sizeof shape, t));
	for (int i = 1; i < t->rank; i++)
		now[i - 1] = t->dims[i];
	if (t->dims[0] == 0)
		return DET_OK; /* no row: of any length */
	if (count == 0)
		return det_fail(
		    DET_INVALID, "tensor '%s' has rows of no feature", name);
	if (chw[0] == 0)
		memcpy(chw, now, sizeof now);
	if (memcmp(chw, now, sizeof now) != 0)
		return det_fail(DET_INVALID,
		    "tensor '%s' has rows of %zux%zux%zu, those before had %zux%zux%zu",
		    name, now[0], now[1], now[2], chw[0], chw[1], chw[2]);
	if (s->seen[s->at])
		return DET_OK;
	bad = det_finite_first(t->data, count, 1);
	if (bad == count)
		return DET_OK;
	return det_fail(DET_INVALID, "tensor '%s': %s in row %zu, feature %zu", name,
	    ((const float *)t->data)[bad] != ((const float *)t->data)[bad] ? "NaN"
									   : "infinity",
	    bad / (count / t->dims[0]), bad % (count / t->dims[0]));
}

static enum det_err
take_record(struct det_shards *s)
{
	const char *name = det_record_name(&s->r);
	enum det_err e = DET_OK;

	if (s->r.kind == DET_BOXES && !strcmp(name, s->p.gt))
		return take_objects(s);
	if (s->r.kind == DET_BOXES && !strcmp(name, s->p.boxes))
		return take_boxes(s);
	if (s->r.kind != DET_TENSOR)
		return DET_OK;
	if (!strcmp(name, s->p.features))
		e = take_tensor(s, FEATURES);
	if (!e && s->p.box_features && !strcmp(name, s->p.box_features))
		e = take_tensor(s, BOX_FEATURES);
	return e;
}

/* That all came, and fits together. */
static enum det_err
whole(struct det_shards *s)
{
	const char *lists[] = { s->p.gt, s->p.boxes };
	const char *names[] = { s->p.features, s->p.box_features };
	const int have[] = { s->have_gt, s->have_boxes };

	for (int i = 0; i < 2; i++)
		if (!have[i])
			return det_fail(DET_INVALID, "no box list '%s'", lists[i]);
	for (int i = 0; i < KINDS; i++) {
		if (names[i] && !s->tensor[i].rank)
			return det_fail(DET_INVALID, "no tensor '%s'%s", names[i],
			    i == BOX_FEATURES ? " to correct boxes by" : "");
		if (names[i] && s->tensor[i].dims[0] != s->it.boxes.n)
			return det_fail(DET_INVALID,
			    "tensor '%s' has %zu rows, list '%s' %zu boxes: a row of "
			    "each box expected",
			    names[i], s->tensor[i].dims[0], s->p.boxes, s->it.boxes.n);
	}
	s->it.number = s->items++;
	s->it.item = &s->item;
	s->it.x = s->tensor[FEATURES].data;
	s->it.box_x = s->tensor[BOX_FEATURES].data;
	return DET_OK;
}

/* --- the streams --- */

static enum det_err
open_file(struct det_shards *s)
{
	const struct det_map *m = &s->map[s->at];
	enum det_err e =
	    det_reader_open_bytes(&s->rd, m->data, m->size, s->p.path[s->at]);

	/* the second time nothing is new */
	if (!e && s->seen[s->at])
		det_reader_trust(s->rd);
	return e;
}

/* The next record of all files; *more = 0 after the last. */
static enum det_err
next_record(struct det_shards *s, int *more)
{
	enum det_err e;

	for (;;) {
		*more = 0;
		if (s->at == s->p.n)
			return DET_OK;
		if (!s->rd && (e = open_file(s)))
			return e;
		if ((e = det_reader_next(s->rd, &s->r, more)) || *more)
			return e;
		det_reader_close(s->rd);
		s->rd = NULL;
		s->seen[s->at++] = 1;
	}
}

static enum det_err
read_item(struct det_shards *s, int *more)
{
	enum det_err e;

	s->have_gt = s->have_boxes = 0;
	memset(s->tensor, 0, sizeof s->tensor);
	if ((e = det_item_read(&s->item, &s->r)))
		return e;
	for (;;) {
		if ((e = next_record(s, more)) || !*more || s->r.kind == DET_ITEM ||
		    s->r.kind == DET_END)
			return e;
		if (!s->item.error && (e = take_record(s)))
			return e;
	}
}

static enum det_err
read_on(struct det_shards *s, int *more)
{
	int here = 1; /* whether s->r is a record that is still to be looked at */
	enum det_err e;

	if (!s->ended && (e = next_record(s, &here)))
		return e;
	for (; here;) {
		s->ended = 0;
		if (s->r.kind == DET_STREAM && (e = map_classes(s)))
			return e;
		if (s->r.kind == DET_ITEM) {
			if ((e = read_item(s, &here)))
				return e;
			s->ended = here;
			if (!s->item.error) {
				*more = 1;
				return whole(s);
			}
			s->bad++;
			continue;
		}
		if ((e = next_record(s, &here)))
			return e;
	}
	*more = 0;
	return DET_OK;
}

enum det_err
det_shards_next(struct det_shards *s, struct det_shard_item **it, int *more)
{
	const size_t items = s->items + s->bad;
	enum det_err e;

	*it = &s->it;
	*more = 0;
	e = read_on(s, more);
	if (!e)
		return DET_OK;
	if (s->rd && s->item.path && items == s->items + s->bad)
		e = det_fail_in(e, "item %zu '%s'", items, s->item.path);
	return s->at < s->p.n ? det_fail_in(e, "%s", s->p.path[s->at]) : e;
}

static size_t
features(const struct det_shards *s, int kind)
{
	return s->chw[kind][0] * s->chw[kind][1] * s->chw[kind][2];
}

size_t
det_shards_dims(const struct det_shards *s)
{
	return features(s, FEATURES);
}

size_t
det_shards_box_dims(const struct det_shards *s)
{
	return features(s, BOX_FEATURES);
}

void
det_shards_shape(size_t chw[3], const struct det_shards *s, int box)
{
	memcpy(chw, s->chw[box ? BOX_FEATURES : FEATURES], sizeof s->chw[0]);
}

size_t
det_shards_bad(const struct det_shards *s)
{
	return s->bad;
}

size_t
det_shards_unknown(const struct det_shards *s)
{
	return s->unknown;
}
