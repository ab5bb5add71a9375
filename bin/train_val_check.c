/* SPDX-License-Identifier: MIT
 *
 * What --val must be, seen before anything is trained: a whole stream of pictures that are
 * there, each with its list of objects, of classes that the model has. It is walked through
 * once; pictures are not read.
 *
 * Its digest goes to the recipe, so that a run goes on with the stream that it began with:
 * 64 bits of FNV-1a over each record's kind, size, CRC and attributes, but for its history.
 */
#define _POSIX_C_SOURCE 200809L
#include "bin/train_job.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/mem.h"
#include "box/decode.h"
#include "model/pipeline.h"

struct look {
	struct train_job *j;
	struct det_item item;
	char *list; /* of proposals, that the model does not make; NULL: none */
	size_t items, lists;
	int inside, gt, source, listed;
	uint64_t digest;
};

static void
add_number(struct look *l, uint64_t v)
{
	unsigned char b[8];

	det_put64(b, v);
	l->digest = det_hash(l->digest, b, sizeof b);
}

static void
add_record(struct look *l, const struct det_record *r)
{
	add_number(l, r->kind);
	add_number(l, r->size);
	add_number(l, r->flags & DET_HAS_CRC ? r->crc : 0);
	if (r->kind != DET_STREAM && r->kind != DET_END)
		l->digest = det_hash(l->digest, r->attrs.text, r->attrs.len);
}

static enum det_err
look_head(struct look *l, struct det_record *r)
{
	struct det_classes c = { 0 };
	enum det_err e;

	if ((e = det_record_load(r)) ||
	    (e = det_classes_parse(&c, r->tensor.data, r->size)))
		return e;
	e = det_batch_classes_check(&c, &r->attrs, det_model_classes(l->j->model));
	det_classes_release(&c);
	return e;
}

/* What is wrong with the item that has been read. */
static enum det_err
look_item(struct look *l)
{
	const char *path = l->item.path ? l->item.path : "";
	enum det_err e = DET_OK;

	if (!l->inside)
		return DET_OK;
	l->inside = 0;
	if (l->item.error)
		e = det_fail(DET_INVALID, "marked as bad: %s", l->item.error);
	else if (!l->gt)
		e = det_fail(DET_INVALID,
		    "a list '%s' of objects expected, found none: is det-gt missing?",
		    l->j->o->gt);
	else if (l->list && !l->listed && l->lists > 0)
		e = det_fail(DET_INVALID,
		    "a list '%s' of boxes, as items before have, expected, found none",
		    l->list);
	else if (!l->source && !*path)
		e = det_fail(DET_INVALID, "the path of a picture expected, found none");
	else if (!l->source && access(path, R_OK) < 0)
		e = det_fail(DET_IO, "the picture can't be read:");
	l->lists += (size_t)l->listed;
	return e ? det_fail_in(e, "item %zu '%.200s'", l->items - 1, path) : DET_OK;
}

static enum det_err
look_record(struct look *l, struct det_record *r)
{
	const char *name = det_record_name(r);
	enum det_err e;

	add_record(l, r);
	switch (r->kind) {
	case DET_STREAM:
	case DET_ITEM:
	case DET_END:
		if ((e = look_item(l)))
			return e;
		if (r->kind == DET_STREAM)
			return look_head(l, r);
		if (r->kind == DET_END)
			return DET_OK;
		l->items++;
		l->inside = 1;
		l->gt = l->source = l->listed = 0;
		return det_item_read(&l->item, r);
	case DET_BOXES:
		l->gt |= !strcmp(name, l->j->o->gt);
		l->listed |= l->list && !strcmp(name, l->list);
		return DET_OK;
	case DET_TENSOR: l->source |= !strcmp(name, "source"); return DET_OK;
	default: return DET_OK;
	}
}

/* What the head wants and the model's own maps are not decoded to. */
static enum det_err
find_list(struct look *l)
{
	struct det_decode *d;
	const char *text;
	size_t len;
	enum det_err e;

	det_model_text(l->j->model, "propose", &text, &len);
	if (text)
		return DET_OK;
	det_model_text(l->j->model, "decode", &text, &len);
	if (!text)
		return DET_OK;
	if ((e = det_decode_parse(&d, text, len, "decode")))
		return e;
	if (det_decode_lists(d) > 0)
		e = det_strdup(&l->list, det_decode_list(d, 0));
	det_decode_free(d);
	return e;
}

/* Whether the pipe can do without the stream's proposals. */
static int
proposes(const struct det_model *m)
{
	struct det_pipeline p = { 0 };
	const char *text;
	size_t len;
	int found;

	det_model_text(m, "pipeline", &text, &len);
	if (!text || det_pipeline_parse(&p, text, len))
		return 0;
	found = det_pipeline_find(&p, "det-propose") != NULL;
	det_pipeline_release(&p);
	return found;
}

static enum det_err
look_all(struct look *l, int in)
{
	struct det_reader *rd;
	struct det_record r = { 0 };
	int more = 1;
	enum det_err e;

	if ((e = det_reader_open_fd(&rd, in, l->j->o->val)))
		return e;
	while (!(e = det_reader_next(rd, &r, &more)) && more)
		if ((e = look_record(l, &r)))
			break;
	if (!e && l->items == 0)
		e = det_fail(
		    DET_INVALID, "pictures with their objects expected, found no item");
	if (!e && l->lists > 0 && l->lists < l->items)
		e = det_fail(DET_INVALID,
		    "a list '%s' in every item or in none expected, found %zu in %zu "
		    "items",
		    l->list, l->lists, l->items);
	det_record_release(&r);
	det_reader_close(rd);
	return e;
}

void
train_validate_check(struct train_job *j)
{
	struct look l = { .j = j, .digest = DET_HASH_START };

	train_validate_ready(j);
	if (find_list(&l) || look_all(&l, train_validate_open(j)))
		tool_die(j->t, "--val %s: %s", j->o->val, det_errmsg());
	if (l.list && !l.lists && !proposes(j->model))
		tool_die(j->t,
		    "--val %s: a list '%s' of boxes expected, found none: is "
		    "det-propose missing?",
		    j->o->val, l.list);
	j->val_proposals = l.lists > 0;
	(void)snprintf(j->val_digest, sizeof j->val_digest, "%016" PRIx64, l.digest);
	det_item_release(&l.item);
	free(l.list);
}
