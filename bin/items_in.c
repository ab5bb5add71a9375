/* SPDX-License-Identifier: MIT */
#include "bin/items_in.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "box/map.h"
#include "box/merge.h"

/* Classes that the model does not have can't be found: a name that is spelt otherwise would
 * go unnoticed. */
static void
warn_unknown(
    struct tool *t, const struct det_classes *model, const struct det_classes *joined)
{
	const size_t n = joined->n - model->n;
	struct det_buf names = { 0 };

	if (!model->n || n == 0)
		return;
	tool_check(t, det_classes_quote(&names, joined, model->n));
	tool_warn(t, "the model does not know %zu class%s of the stream: %s", n,
	    n > 1 ? "es" : "", names.text);
	det_buf_free(&names);
}

/* The joined table does not show that nothing was shared: whoever learns from the stream
 * must know. */
static void
note_known(struct tool *t, struct det_attrs *a, const struct det_classes *model,
    const struct det_classes *own, const struct det_classes *joined)
{
	if (model->n && own->n && joined->n == model->n + own->n)
		tool_check(t, det_attr_set(a, "known", "0"));
}

static void
write_head(struct tool *t, struct det_record *strm, const struct det_classes *c)
{
	struct det_buf b = { 0 };

	tool_history(t, &strm->attrs);
	tool_check(t, det_classes_text(&b, c));
	tool_check(t, det_writer_make(t->out, DET_STREAM, &strm->attrs, b.text, b.len));
	det_buf_free(&b);
}

/* The model's classes, then those of the stream that it lacks. Source ids are the data
 * set's where it gives any. */
static void
join(struct tool *t, struct items_in *s, struct det_classes *sum,
    const struct det_classes *model, const struct det_classes *own)
{
	int changed;

	tool_check(t, det_alloc(&s->map, own->n + model->n, sizeof *s->map));
	tool_check(t, det_classes_join(sum, s->map, &changed, model));
	tool_check(t, det_classes_join(sum, s->map, &changed, own));
	s->n_map = own->n;
	for (size_t i = 0; i < own->n; i++) {
		s->same &= s->map[i] == (long)i;
		if (own->source[i] >= 0)
			sum->source[s->map[i]] = own->source[i];
	}
}

void
items_in_open(struct tool *t, struct items_in *s)
{
	const struct det_classes none = { 0 }, *model = &none;
	struct det_record strm = { 0 };
	struct det_classes own, sum = { 0 };

	*s = (struct items_in){ .same = 1 };
	if (t->model)
		model = det_model_classes(t->model);
	tool_check(t, det_reader_open_fd(&s->rd, 0, "stdin"));
	if (det_items_new(&s->items, &strm, s->rd))
		tool_read_failed(t, s->rd);
	tool_check(t, det_classes_parse(&own, strm.tensor.data, strm.size));
	join(t, s, &sum, model, &own);
	warn_unknown(t, model, &sum);
	note_known(t, &strm.attrs, model, &own, &sum);
	write_head(t, &strm, &sum);
	det_record_release(&strm);
	det_classes_release(&own);
	det_classes_release(&sum);
}

static void
relabel(const struct items_in *s, struct det_boxes *boxes)
{
	for (size_t i = 0; i < boxes->n; i++) {
		int32_t label = boxes->box[i].label;

		if (label >= 0 && (size_t)label < s->n_map)
			boxes->box[i].label = (int32_t)s->map[label];
	}
}

void
items_in_boxes(
    struct tool *t, struct items_in *s, const char *name, struct det_boxes *boxes)
{
	relabel(s, boxes);
	tool_check(t, det_boxes_write(t->out, name, boxes, NULL));
}

static int
same_input(const struct det_item *a, const struct det_item *b)
{
	return a->in_w == b->in_w && a->in_h == b->in_h && a->map.sx == b->map.sx &&
	       a->map.sy == b->map.sy && a->map.tx == b->map.tx &&
	       a->map.ty == b->map.ty && a->map.flip == b->map.flip &&
	       a->map.vflip == b->map.vflip;
}

/* Boxes in pixels of an input that the item no longer has become the original picture's. */
static void
write_boxes(struct tool *t, struct items_in *s, struct det_record *r,
    const struct det_item *was, const struct det_item *it)
{
	tool_check(t, det_boxes_read(&s->boxes, r));
	if (!it->error && s->boxes.space == DET_SPACE_INPUT && !same_input(was, it)) {
		tool_check(t, det_boxes_map(&s->boxes, was, DET_SPACE_IMAGE));
		tool_check(t, det_attr_set(&r->attrs, "space", "image"));
	}
	relabel(s, &s->boxes);
	tool_check(
	    t, det_boxes_write(t->out, det_record_name(r), &s->boxes, &r->attrs));
}

void
items_in_write(struct tool *t, struct items_in *s, struct det_items_one *one,
    const struct det_item *it)
{
	tool_check(t, det_item_store(&one->head, it));
	tool_check(t, det_writer_put(t->out, &one->head));
	for (size_t i = 0; i < one->n; i++)
		if (one->with[i].kind == DET_BOXES &&
		    (!s->same || !same_input(&one->item, it)))
			write_boxes(t, s, &one->with[i], &one->item, it);
		else
			tool_check(t, det_writer_put(t->out, &one->with[i]));
}

void
items_in_broken(struct tool *t, struct items_in *s, const char *why)
{
	(void)det_fail(DET_TRUNCATED, "%s", why);
	tool_read_failed(t, s->rd);
}

void
items_in_close(struct items_in *s)
{
	det_items_free(s->items);
	det_reader_close(s->rd);
	det_boxes_release(&s->boxes);
	free(s->map);
	*s = (struct items_in){ 0 };
}
