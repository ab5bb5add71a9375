/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "stream/item.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

void
det_item_release(struct det_item *it)
{
	free(it->path);
	free(it->error);
	*it = (struct det_item){ 0 };
}

/* "sx sy tx ty", " flip" and " vflip". */
static enum det_err
map_parse(struct det_transform *m, char *s)
{
	double *v[] = { &m->sx, &m->sy, &m->tx, &m->ty };
	char *save = NULL, *word = strtok_r(s, " ", &save);

	for (int i = 0; i < 4; i++, word = strtok_r(NULL, " ", &save))
		if (!word || det_parse_double(v[i], word, -DBL_MAX, DBL_MAX))
			return det_fail(
			    DET_CORRUPT, "an item's map is not four numbers");
	if ((m->flip = word && !strcmp(word, "flip")))
		word = strtok_r(NULL, " ", &save);
	if ((m->vflip = word && !strcmp(word, "vflip")))
		word = strtok_r(NULL, " ", &save);
	if (word || m->sx == 0 || m->sy == 0)
		return det_fail(DET_CORRUPT, "an item's map can't be undone");
	return DET_OK;
}

/* "WxH" */
static enum det_err
size_parse(long *w, long *h, char *s)
{
	char *x = strchr(s, 'x');

	if (!x)
		return det_fail(DET_CORRUPT, "an item's input size is not WxH");
	*x = 0;
	if (det_parse_long(w, s, 0, 1 << 24) || det_parse_long(h, x + 1, 0, 1 << 24))
		return det_fail(DET_CORRUPT, "an item's input size is not WxH");
	return DET_OK;
}

enum det_err
det_item_read(struct det_item *it, const struct det_record *r)
{
	const struct det_attrs *a = &r->attrs;
	char *map = NULL, *input = NULL;
	enum det_err e;

	det_item_release(it);
	it->orientation = 1;
	it->map.sx = it->map.sy = 1;
	if ((e = det_attr_get(&it->path, a, "path")) ||
	    (e = det_attr_get(&it->error, a, "error")) ||
	    (e = det_attr_get(&map, a, "map")) ||
	    (e = det_attr_get(&input, a, "input")) ||
	    (e = det_attr_long(&it->id, a, "id", 0, __LONG_MAX__)) ||
	    (e = det_attr_long(&it->width, a, "width", 0, 1 << 24)) ||
	    (e = det_attr_long(&it->height, a, "height", 0, 1 << 24)) ||
	    (e = det_attr_long(&it->orientation, a, "orientation", 1, 8)))
		goto fail;
	if (map && (e = map_parse(&it->map, map)))
		goto fail;
	if (input && (e = size_parse(&it->in_w, &it->in_h, input)))
		goto fail;
	if (!it->path)
		e = det_strdup(&it->path, "");
fail:
	free(map);
	free(input);
	return e;
}

static enum det_err
set_long(struct det_attrs *a, const char *key, long v)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%ld", v);
	return det_attr_set(a, key, text);
}

enum det_err
det_item_store(struct det_record *r, const struct det_item *it)
{
	struct det_attrs *a = &r->attrs;
	char map[160], n[4][32];
	enum det_err e;

	r->kind = DET_ITEM;
	r->size = 0;
	if ((e = set_long(a, "id", it->id)) ||
	    (e = det_attr_set(a, "path", it->path ? it->path : "")))
		return e;
	if (it->error && (e = det_attr_set(a, "error", it->error)))
		return e;
	if ((it->width || it->height) && ((e = set_long(a, "width", it->width)) ||
					     (e = set_long(a, "height", it->height))))
		return e;
	if (it->orientation > 1 && (e = set_long(a, "orientation", it->orientation)))
		return e;
	if (!it->in_w && !it->in_h)
		return DET_OK;
	(void)snprintf(map, sizeof map, "%ldx%ld", it->in_w, it->in_h);
	if ((e = det_attr_set(a, "input", map)))
		return e;
	(void)snprintf(map, sizeof map, "%s %s %s %s%s%s",
	    det_double_text(n[0], it->map.sx), det_double_text(n[1], it->map.sy),
	    det_double_text(n[2], it->map.tx), det_double_text(n[3], it->map.ty),
	    it->map.flip ? " flip" : "", it->map.vflip ? " vflip" : "");
	return det_attr_set(a, "map", map);
}

enum det_err
det_item_write(struct det_writer *w, const struct det_item *it)
{
	struct det_record r = { 0 };
	enum det_err e = det_item_store(&r, it);

	if (!e)
		e = det_writer_put(w, &r);
	det_record_release(&r);
	return e;
}

void
det_classes_release(struct det_classes *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->name[i]);
	free(c->name);
	free(c->source);
	*c = (struct det_classes){ 0 };
}

enum det_err
det_classes_add(struct det_classes *c, const char *name, size_t n, long source)
{
	size_t cap = c->cap;
	enum det_err e;

	if ((e = det_grow(&c->name, &cap, c->n + 1, sizeof *c->name)) ||
	    (e = det_grow(&c->source, &c->cap, c->n + 1, sizeof *c->source)) ||
	    (e = det_strndup(&c->name[c->n], name, n)))
		return e;
	c->source[c->n++] = source;
	return DET_OK;
}

int
det_classes_same(const struct det_classes *a, const struct det_classes *b)
{
	if (a->n != b->n)
		return 0;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->name[i], b->name[i]) != 0)
			return 0;
	return 1;
}

enum det_err
det_classes_text(struct det_buf *b, const struct det_classes *c)
{
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < c->n; i++)
		e = c->source[i] >= 0
			? det_buf_printf(b, "%s\t%ld\n", c->name[i], c->source[i])
			: det_buf_printf(b, "%s\n", c->name[i]);
	return e;
}

enum det_err
det_classes_quote(struct det_buf *b, const struct det_classes *c, size_t first)
{
	const size_t most = 8, rest = c->n > first ? c->n - first : 0;
	const size_t n = rest > most ? most : rest;
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < n; i++)
		e = det_buf_printf(
		    b, "%s'%.60s'", i > 0 ? ", " : "", c->name[first + i]);
	if (!e && rest > n)
		e = det_buf_printf(b, " and %zu more", rest - n);
	return e;
}

enum det_err
det_classes_parse(struct det_classes *c, const char *text, size_t len)
{
	size_t at = 0, n, k;
	const char *line, *tab;
	long source;
	enum det_err e;

	*c = (struct det_classes){ 0 };
	while (det_line_next(&line, &n, text, len, &at)) {
		char id[24] = "-1";

		tab = memchr(line, '\t', n);
		k = tab ? (size_t)(tab - line) : n;
		if (tab && n - k - 1 > 0 && n - k - 1 < sizeof id) {
			memcpy(id, tab + 1, n - k - 1);
			id[n - k - 1] = 0;
		}
		if (det_parse_long(&source, id, -1, __LONG_MAX__)) {
			e = det_fail_in(DET_CORRUPT, "class table, line %zu", c->n + 1);
			goto fail;
		}
		if ((e = det_classes_add(c, line, k, source)))
			goto fail;
	}
	return DET_OK;
fail:
	det_classes_release(c);
	return e;
}

const char *
det_class_name(const struct det_classes *c, long label)
{
	return label >= 0 && (size_t)label < c->n ? c->name[label] : "?";
}

/* By name, equal ones as they come: pointers into one table. */
static int
by_name(const void *a, const void *b)
{
	char *const *const x = *(char *const *const *)a, *const *const y =
							     *(char *const *const *)b;
	const int d = strcmp(*x, *y);

	return d ? d : (x > y) - (x < y);
}

enum det_err
det_classes_unique(const struct det_classes *c, const char *file)
{
	char ***v;
	enum det_err e;

	if ((e = det_alloc(&v, c->n + 1, sizeof *v)))
		return e;
	for (size_t i = 0; i < c->n; i++)
		v[i] = &c->name[i];
	qsort(v, c->n, sizeof *v, by_name);
	for (size_t i = 1; !e && i < c->n; i++)
		if (strcmp(*v[i - 1], *v[i]) == 0)
			e = det_fail(DET_INVALID,
			    "%s: each name once expected, found '%s' as classes %zu "
			    "and %zu",
			    file, *v[i], (size_t)(v[i - 1] - c->name) + 1,
			    (size_t)(v[i] - c->name) + 1);
	free(v);
	return e;
}
