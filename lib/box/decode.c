/* SPDX-License-Identifier: MIT
 *
 * The decode text: its lines, and what they want of the stream. Each kind of line is in a
 * file of its own; decode_run.c has what they share at work.
 */
#include "box/decode_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static const struct det_decode_kind *const kinds[] = { &det_decode_yolo3,
	&det_decode_region, &det_decode_detection, &det_decode_classes,
	&det_decode_anchors, &det_decode_rcnn };

static enum det_err
find_kind(const struct det_decode_kind **out, const char *word)
{
	struct det_buf known = { 0 };
	enum det_err e;

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (!strcmp(word, kinds[i]->name)) {
			*out = kinds[i];
			det_buf_free(&known);
			return DET_OK;
		}
		if ((e = det_buf_printf(&known, "%s%s", i ? ", " : "", kinds[i]->name)))
			goto out;
	}
	e = det_fail(
	    DET_INVALID, "'%.40s' is no decoder: one of %s expected", word, known.text);
out:
	det_buf_free(&known);
	return e;
}

/* The number of a name in a set, where it is added unless it is there. */
static enum det_err
number(size_t *at, struct det_decode_names *s, const char *name)
{
	enum det_err e;

	for (*at = 0; *at < s->n; ++*at)
		if (!strcmp(s->name[*at], name))
			return DET_OK;
	if ((e = det_grow(&s->name, &s->cap, s->n + 1, sizeof *s->name)))
		return e;
	s->name[s->n++] = name;
	return DET_OK;
}

static enum det_err
name_inputs(struct det_decode *d, struct det_decode_line *m, const struct det_line *l)
{
	size_t at, before;
	enum det_err e;

	m->map_at = d->maps.n;
	for (size_t i = 0; i < m->maps; i++) {
		if ((e = det_strdup(&m->map[i], l->input[i])))
			return e;
		before = d->maps.n;
		if ((e = number(&at, &d->maps, m->map[i])))
			return e;
		if (at < before)
			return det_fail(
			    DET_INVALID, "map '%s' is decoded twice", l->input[i]);
	}
	if (m->list && (e = number(&m->list_at, &d->lists, m->list)))
		return e;
	return m->grid ? number(&m->grid_at, &d->grids, m->grid) : DET_OK;
}

/* What the line holds belongs to d from the start, for det_decode_free. */
static enum det_err
parse_line(void *ctx, struct det_line *l, const char *text, size_t n)
{
	struct det_decode *d = ctx;
	struct det_decode_line *m;
	enum det_err e;

	(void)text;
	(void)n;
	if ((e = det_grow(&d->line, &d->cap, d->n + 1, sizeof *d->line)))
		return e;
	m = &d->line[d->n++];
	*m = (struct det_decode_line){ 0 };
	if ((e = find_kind(&m->kind, l->word)))
		return e;
	m->maps = m->kind->one && l->n_inputs == 1 ? 1 : m->kind->maps;
	if (l->name || l->n_inputs != m->maps)
		return det_fail(DET_INVALID, "%s(%s) key=value ... expected", l->word,
		    m->kind->maps == 1 ? "MAP" : "CLASSES, BOXES");
	if ((e = det_line_size(&m->net_w, &m->net_h, l, "net", 1 << 20)) ||
	    (e = m->kind->parse(m, l)) || (e = det_line_unused(l)))
		return e;
	return name_inputs(d, m, l);
}

enum det_err
det_decode_parse(
    struct det_decode **out, const char *text, size_t len, const char *name)
{
	struct det_decode *d;
	enum det_err e;

	*out = NULL;
	if ((e = det_calloc(&d, 1, sizeof *d)))
		return e;
	if (!(e = det_lines_parse(text, len, name, parse_line, d)) && d->n == 0)
		e = det_fail(DET_INVALID, "%s: no map to decode", name);
	if (e)
		det_decode_free(d);
	else
		*out = d;
	return e;
}

void
det_decode_free(struct det_decode *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->n; i++) {
		for (size_t k = 0; k < DET_DECODE_INPUTS; k++)
			free(d->line[i].map[k]);
		free(d->line[i].list);
		free(d->line[i].grid);
		free(d->line[i].mean);
		free(d->line[i].std);
	}
	free(d->line);
	free(d->maps.name);
	free(d->lists.name);
	free(d->grids.name);
	free(d);
}

const struct det_decode_line *
det_decode_line(const struct det_decode *d, size_t i)
{
	return i < d->n ? &d->line[i] : NULL;
}

const char *
det_decode_line_word(const struct det_decode_line *m)
{
	return m->kind->name;
}

size_t
det_decode_maps(const struct det_decode *d)
{
	return d->maps.n;
}

const char *
det_decode_map(const struct det_decode *d, size_t i)
{
	return i < d->maps.n ? d->maps.name[i] : NULL;
}

size_t
det_decode_lists(const struct det_decode *d)
{
	return d->lists.n;
}

const char *
det_decode_list(const struct det_decode *d, size_t i)
{
	return i < d->lists.n ? d->lists.name[i] : NULL;
}

size_t
det_decode_grids(const struct det_decode *d)
{
	return d->grids.n;
}

const char *
det_decode_grid(const struct det_decode *d, size_t i)
{
	return i < d->grids.n ? d->grids.name[i] : NULL;
}

enum det_err
det_decode_bind(struct det_decode *d, const struct det_anchors *a)
{
	for (size_t i = 0; a && i < d->n; i++)
		if (d->line[i].grid &&
		    !det_anchors_find(&d->line[i].bound, a, d->line[i].grid))
			return det_fail(DET_INVALID,
			    "map '%s' wants the anchors of '%s': the text 'anchors' "
			    "has no such map",
			    d->line[i].map[0], d->line[i].grid);
	d->anchors = a;
	return DET_OK;
}

enum det_err
det_decode_anchor_pairs(struct det_decode_line *m, struct det_line *l)
{
	double v[2 * DET_DECODE_ANCHORS];
	size_t n = 0;
	enum det_err e;

	if ((e = det_line_list(v, &n, 2 * DET_DECODE_ANCHORS, l, "anchors", 1e-6, 1e6)))
		return e;
	if (n == 0 || n % 2)
		return det_fail(DET_INVALID,
		    "anchors: pairs of width,height expected, found %zu numbers", n);
	m->anchors = n / 2;
	for (size_t i = 0; i < n; i++)
		m->anchor[i] = (float)v[i];
	return DET_OK;
}

enum det_err
det_decode_class_count(struct det_decode_line *m, struct det_line *l)
{
	enum det_err e =
	    det_line_long(&m->classes, l, "classes", 1, DET_DECODE_CLASSES);

	if (!e && !m->classes)
		return det_fail(DET_INVALID, "classes=N expected");
	return e;
}
