/* SPDX-License-Identifier: MIT
 *
 * COCO's JSON to entries. One table a kind of entry says which members are wanted and what
 * they are; one loop fills them in. A member that comes twice in an entry is refused (JSON
 * leaves open which one holds), and so is an id that comes twice in a list.
 */
#include "data/coco.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/idmap.h"
#include "base/text.h"
#include "data/json.h"

enum want {
	ID,   /* a whole number */
	NAME, /* a string */
	ID_OR_NAME,
	NUMBER,
	FLAG, /* 0, 1, false, true */
	BOX,  /* four numbers */
};

#define MEMBERS 9

/* The members of an entry: which are wanted, and what was found. */
struct member {
	const char *key;
	size_t len;
	enum want want;
	int required;
};

struct entry {
	struct det_coco_place place;
	unsigned seen; /* bit i: member i */
	int64_t id[MEMBERS];
	double number[MEMBERS];
	double box[4];
	struct det_buf name; /* an entry has one string at most */
	int named;
};

struct coco {
	struct det_json *j;
	const struct det_coco_sink *sink;
	struct det_idmap images, categories, annotations;
	struct entry entry;
};

#define M(k, want, required)                    \
	{                                       \
		k, sizeof k - 1, want, required \
	}

enum { IMAGE_ID, IMAGE_FILE, IMAGE_W, IMAGE_H };
static const struct member image_members[] = { M("id", ID, 1), M("file_name", NAME, 0),
	M("width", NUMBER, 0), M("height", NUMBER, 0), { 0 } };

enum { CATEGORY_ID, CATEGORY_NAME };
static const struct member category_members[] = { M("id", ID, 1), M("name", NAME, 1),
	{ 0 } };

enum { A_ID, A_AREA, A_CROWD, A_IGNORE, A_DIFFICULT, A_IMAGE, A_CATEGORY, A_BOX };
static const struct member annotation_members[] = { M("id", ID, 0),
	M("area", NUMBER, 0), M("iscrowd", FLAG, 0), M("ignore", FLAG, 0),
	M("difficult", FLAG, 0), M("image_id", ID, 1), M("category_id", ID, 1),
	M("bbox", BOX, 1), { 0 } };

enum { R_IMAGE, R_CATEGORY, R_BOX, R_SCORE };
static const struct member result_members[] = { M("image_id", ID_OR_NAME, 1),
	M("category_id", ID, 1), M("bbox", BOX, 1), M("score", NUMBER, 1), { 0 } };

static enum det_err
wrong(struct coco *c, const struct member *m, const char *wanted,
    const struct det_json_token *t)
{
	return det_json_fail(c->j, DET_INVALID, t, "%s: %s expected, found %s", m->key,
	    wanted, det_json_kind_name(t->kind));
}

static enum det_err
whole(int64_t *out, struct coco *c, const struct member *m,
    const struct det_json_token *t)
{
	if (t->kind != DET_JSON_NUM)
		return wrong(c, m, "a whole number", t);
	if (!t->whole && (t->number != rint(t->number) || fabs(t->number) > 0x1p53))
		return det_json_fail(c->j, DET_INVALID, t,
		    "%s: a whole number of 64 bits expected, found %.17g", m->key,
		    t->number);
	*out = t->whole ? t->integer : (int64_t)t->number;
	return DET_OK;
}

static enum det_err
name(struct coco *c, const struct member *m, const struct det_json_token *t)
{
	if (memchr(t->text, 0, t->len))
		return det_json_fail(
		    c->j, DET_INVALID, t, "%s: a NUL inside a name", m->key);
	c->entry.name.len = 0;
	c->entry.named = 1;
	return det_buf_add(&c->entry.name, t->text, t->len);
}

static enum det_err
box(struct coco *c, const struct member *m, const struct det_json_token *first)
{
	struct det_json_token t;
	enum det_err e;

	if (first->kind != DET_JSON_ARRAY)
		return wrong(c, m, "four numbers in an array", first);
	for (size_t i = 0; i < 4; i++) {
		if ((e = det_json_next(c->j, &t)))
			return e;
		if (t.kind != DET_JSON_NUM)
			return wrong(c, m, "four numbers", &t);
		c->entry.box[i] = t.number;
	}
	return det_json_expect(c->j, &t, DET_JSON_ARRAY_END, m->key);
}

static enum det_err
member(struct coco *c, const struct member *m, size_t i)
{
	struct entry *v = &c->entry;
	struct det_json_token t;
	enum det_err e;

	if ((e = det_json_next(c->j, &t)))
		return e;
	if (t.kind == DET_JSON_NULL)
		return DET_OK;
	if (v->seen >> i & 1)
		return det_json_fail(
		    c->j, DET_INVALID, &t, "%s: comes twice in one entry", m->key);
	v->seen |= 1u << i;
	switch (m->want) {
	case ID: return whole(&v->id[i], c, m, &t);
	case NAME:
		if (t.kind != DET_JSON_TEXT)
			return wrong(c, m, "a string", &t);
		return name(c, m, &t);
	case ID_OR_NAME:
		return t.kind == DET_JSON_TEXT ? name(c, m, &t)
					       : whole(&v->id[i], c, m, &t);
	case NUMBER:
		if (t.kind != DET_JSON_NUM)
			return wrong(c, m, "a number", &t);
		v->number[i] = t.number;
		return DET_OK;
	case FLAG:
		if (t.kind != DET_JSON_NUM && t.kind != DET_JSON_TRUE &&
		    t.kind != DET_JSON_FALSE)
			return wrong(c, m, "0 or 1", &t);
		v->id[i] = t.kind == DET_JSON_TRUE ||
			   (t.kind == DET_JSON_NUM && t.number != 0);
		return DET_OK;
	default: return box(c, m, &t);
	}
}

/* Reads the entry whose { was read. */
static enum det_err
entry(struct coco *c, const struct member *members, const struct det_json_token *open)
{
	struct det_json_token t;
	enum det_err e;

	c->entry.place = (struct det_coco_place){ open->at, open->line };
	c->entry.seen = 0;
	c->entry.named = 0;
	for (;;) {
		const struct member *m = members;

		if ((e = det_json_next(c->j, &t)))
			return e;
		if (t.kind == DET_JSON_OBJECT_END)
			break;
		while (
		    m->key && (m->len != t.len || memcmp(m->key, t.text, t.len) != 0))
			m++;
		e = m->key ? member(c, m, (size_t)(m - members)) : det_json_skip(c->j);
		if (e)
			return e;
	}
	for (size_t i = 0; members[i].key; i++)
		if (members[i].required && !(c->entry.seen >> i & 1))
			return det_json_fail(c->j, DET_INVALID, open,
			    "an entry without %s", members[i].key);
	return DET_OK;
}

static const char *
text(const struct coco *c)
{
	return c->entry.named ? c->entry.name.text : "";
}

/* Sees to it that ids don't come twice. */
static enum det_err
claim(struct coco *c, struct det_idmap *ids, const char *what, int64_t id)
{
	struct det_json_token at = { .at = c->entry.place.at,
		.line = c->entry.place.line };
	int is_new;
	enum det_err e;

	if ((e = det_idmap_add(&is_new, ids, id, (uint32_t)ids->n)) || is_new)
		return e;
	if (c->sink->duplicate)
		return c->sink->duplicate(c->sink->ctx, what, id, c->entry.place);
	return det_json_fail(
	    c->j, DET_INVALID, &at, "%s id %lld comes twice", what, (long long)id);
}

static enum det_err
image(struct coco *c)
{
	const struct entry *v = &c->entry;
	struct det_coco_image out = { v->place, v->id[IMAGE_ID], text(c),
		v->seen >> IMAGE_W & 1 ? v->number[IMAGE_W] : 0,
		v->seen >> IMAGE_H & 1 ? v->number[IMAGE_H] : 0 };
	enum det_err e = claim(c, &c->images, "image", out.id);

	return e || !c->sink->image ? e : c->sink->image(c->sink->ctx, &out);
}

static enum det_err
category(struct coco *c)
{
	const struct entry *v = &c->entry;
	struct det_coco_category out = { v->place, v->id[CATEGORY_ID], text(c) };
	enum det_err e = claim(c, &c->categories, "category", out.id);

	return e || !c->sink->category ? e : c->sink->category(c->sink->ctx, &out);
}

static enum det_err
annotation(struct coco *c)
{
	const struct entry *v = &c->entry;
	unsigned seen = v->seen;
	struct det_coco_annotation out = { .place = v->place,
		.given = seen & 31,
		.image_id = v->id[A_IMAGE],
		.category_id = v->id[A_CATEGORY] };
	enum det_err e;

	if (seen >> A_ID & 1)
		out.id = v->id[A_ID];
	if (seen >> A_AREA & 1)
		out.area = v->number[A_AREA];
	out.crowd = (seen >> A_CROWD & 1) && v->id[A_CROWD];
	out.ignore = (seen >> A_IGNORE & 1) && v->id[A_IGNORE];
	out.difficult = (seen >> A_DIFFICULT & 1) && v->id[A_DIFFICULT];
	memcpy(out.bbox, v->box, sizeof out.bbox);
	if ((seen >> A_ID & 1) && (e = claim(c, &c->annotations, "annotation", out.id)))
		return e;
	return c->sink->annotation ? c->sink->annotation(c->sink->ctx, &out) : DET_OK;
}

static enum det_err
result(struct coco *c)
{
	const struct entry *v = &c->entry;
	struct det_coco_result out = { .place = v->place,
		.image_id = v->named ? 0 : v->id[R_IMAGE],
		.image_name = v->named ? v->name.text : NULL,
		.category_id = v->id[R_CATEGORY],
		.score = v->number[R_SCORE] };

	memcpy(out.bbox, v->box, sizeof out.bbox);
	return c->sink->result ? c->sink->result(c->sink->ctx, &out) : DET_OK;
}

/* The entries of a list, whose [ was read. */
static enum det_err
entries(struct coco *c, const char *what, const struct member *members,
    enum det_err (*give)(struct coco *))
{
	struct det_json_token t;
	enum det_err e;

	for (;;) {
		if ((e = det_json_next(c->j, &t)))
			return e;
		if (t.kind == DET_JSON_ARRAY_END)
			return DET_OK;
		if (t.kind != DET_JSON_OBJECT)
			return det_json_fail(c->j, DET_INVALID, &t,
			    "%s: objects expected, found %s", what,
			    det_json_kind_name(t.kind));
		if ((e = entry(c, members, &t)) || (e = give(c)))
			return e;
	}
}

static enum det_err
instances(struct coco *c, const struct det_json_token *open)
{
	static const struct {
		const char *key;
		const struct member *members;
		enum det_err (*give)(struct coco *);
	} lists[] = { { "images", image_members, image },
		{ "annotations", annotation_members, annotation },
		{ "categories", category_members, category } };
	struct det_json_token t;
	unsigned seen = 0;
	enum det_err e;

	for (;;) {
		size_t i = 0;

		if ((e = det_json_next(c->j, &t)))
			return e;
		if (t.kind == DET_JSON_OBJECT_END)
			break;
		while (i < 3 && !det_json_is(&t, lists[i].key))
			i++;
		if (i < 3 && seen >> i & 1)
			return det_json_fail(
			    c->j, DET_INVALID, &t, "a second list '%s'", lists[i].key);
		if (i == 3) {
			if ((e = det_json_skip(c->j)))
				return e;
			continue;
		}
		seen |= 1u << i;
		if ((e = det_json_expect(c->j, &t, DET_JSON_ARRAY, lists[i].key)) ||
		    (e = entries(c, lists[i].key, lists[i].members, lists[i].give)))
			return e;
	}
	if (!(seen & 1))
		return det_json_fail(c->j, DET_INVALID, open,
		    "COCO instances have a list 'images', this object has none");
	return DET_OK;
}

enum accept { INSTANCES = 1, RESULTS = 2 };

static enum det_err
read_all(struct coco *c, unsigned accept)
{
	struct det_json_token t;
	enum det_err e;

	if ((e = det_json_next(c->j, &t)))
		return e;
	if (t.kind == DET_JSON_OBJECT && (accept & INSTANCES))
		e = instances(c, &t);
	else if (t.kind == DET_JSON_ARRAY && (accept & RESULTS))
		e = entries(c, "results", result_members, result);
	else
		e = det_json_fail(c->j, DET_INVALID, &t, "%s expected, found %s",
		    accept == INSTANCES ? "COCO instances (an object)"
		    : accept == RESULTS ? "COCO results (an array)"
					: "COCO instances or results",
		    det_json_kind_name(t.kind));
	return e ? e : det_json_next(c->j, &t);
}

static enum det_err
run(struct det_json *j, const struct det_coco_sink *sink, unsigned accept)
{
	struct coco c = { .j = j, .sink = sink };
	enum det_err e = read_all(&c, accept);

	det_json_close(j);
	det_idmap_release(&c.images);
	det_idmap_release(&c.categories);
	det_idmap_release(&c.annotations);
	det_buf_free(&c.entry.name);
	return e;
}

static enum det_err
run_file(const char *path, const struct det_coco_sink *sink, unsigned accept)
{
	struct det_json *j;
	enum det_err e = det_json_open(&j, path);

	return e ? e : run(j, sink, accept);
}

enum det_err
det_coco_read_instances(const char *path, const struct det_coco_sink *sink)
{
	return run_file(path, sink, INSTANCES);
}

enum det_err
det_coco_read_results(const char *path, const struct det_coco_sink *sink)
{
	return run_file(path, sink, RESULTS);
}

enum det_err
det_coco_read(const char *path, const struct det_coco_sink *sink)
{
	return run_file(path, sink, INSTANCES | RESULTS);
}

enum det_err
det_coco_read_memory(
    const void *data, size_t n, const char *name, const struct det_coco_sink *sink)
{
	struct det_json *j;
	enum det_err e = det_json_open_memory(&j, data, n, name);

	return e ? e : run(j, sink, INSTANCES | RESULTS);
}
