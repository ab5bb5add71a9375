/* SPDX-License-Identifier: MIT
 *
 * The text "anchors" and the shapes of the boxes in a cell. Implementations agree on the
 * idea (an area, and a ratio h / w) and differ in arithmetic, so each of these is done as
 * the program that it is named after does it, rounding where that rounds:
 *
 *   round=none  w = sqrt(s s / r), h = r w, in double          Detectron2, keras-retinanet
 *   round=half  w = s (1 / sqrt(r)), h = s sqrt(r), in float; half of each rounded to the
 *               nearest whole number, halves to even           torchvision
 *   round=base  for each ratio w0 = round(sqrt(b b / r)), h0 = round(w0 r), halves to even;
 *               w = w0 s / b, h = h0 s / b, and the box runs from -(w - 1) / 2 to
 *               (w - 1) / 2 around (b - 1) / 2: last pixels belong to it
 *                                                              py-faster-rcnn
 *
 * SSD's prior boxes (Liu et al. 2016, section 2.2; prior_box_layer.cpp of its Caffe) are
 * min x min, sqrt(min max) squared, then for each ratio min sqrt(r) x min / sqrt(r) and the
 * same of 1 / r. Torchvision's DefaultBoxGenerator has the same order in fractions of the
 * input (`relative`).
 *
 * Departure: SSD's Caffe writes corners divided by the size of the input; here they stay
 * pixels, which saves a rounding.
 */
#include "box/anchors_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/line.h"
#include "base/mem.h"
#include "base/text.h"

static enum det_err
take_list(double *v, size_t *n, struct det_line *l, const char *key, int required)
{
	enum det_err e;

	*n = 0;
	if ((e = det_line_list(v, n, DET_ANCHORS_LIST, l, key, 1e-6, 1e6)))
		return e;
	if (required && *n == 0)
		return det_fail(
		    DET_INVALID, "%s(%s): %s=... expected", l->word, l->input[0], key);
	return DET_OK;
}

static enum det_err
room(struct det_anchors_line *m, size_t n)
{
	if (n > DET_ANCHORS_CELL)
		return det_fail(DET_LIMIT, "%zu anchors in a cell: at most %d expected",
		    n, DET_ANCHORS_CELL);
	m->n = n;
	return det_calloc(&m->cell, n, 4 * sizeof *m->cell);
}

/* --- grid ------------------------------------------------------------------------------ */

enum { ROUND_NONE, ROUND_HALF, ROUND_BASE };

static void
shape_none(float box[4], double size, double ratio)
{
	double w = sqrt(size * size / ratio), h = ratio * w;

	box[0] = (float)(-w / 2);
	box[1] = (float)(-h / 2);
	box[2] = (float)(w / 2);
	box[3] = (float)(h / 2);
}

static void
shape_half(float box[4], double size, double ratio)
{
	float high = sqrtf((float)ratio), wide = 1 / high;
	float w = rintf(wide * (float)size / 2), h = rintf(high * (float)size / 2);

	box[0] = -w;
	box[1] = -h;
	box[2] = w;
	box[3] = h;
}

static void
shape_base(float box[4], double size, double ratio, double base)
{
	double w = rint(sqrt(base * base / ratio)), h = rint(w * ratio);
	double middle = (base - 1) / 2;

	w *= size / base;
	h *= size / base;
	box[0] = (float)(middle - .5 * (w - 1));
	box[1] = (float)(middle - .5 * (h - 1));
	box[2] = (float)(middle + .5 * (w - 1));
	box[3] = (float)(middle + .5 * (h - 1));
}

/* Each size, times 2^(k/octaves). */
static enum det_err
take_sizes(double *size, size_t *n, struct det_line *l)
{
	double v[DET_ANCHORS_LIST];
	long octaves = 1;
	int truncate = 0;
	size_t given;
	enum det_err e;

	*n = 0;
	if ((e = take_list(v, &given, l, "sizes", 1)) ||
	    (e = det_line_long(&octaves, l, "octaves", 1, 16)) ||
	    (e = det_line_bool(&truncate, l, "truncate")))
		return e;
	if (given * (size_t)octaves > DET_ANCHORS_LIST)
		return det_fail(DET_LIMIT, "more than %d sizes", DET_ANCHORS_LIST);
	for (size_t i = 0; i < given; i++)
		for (long k = 0; k < octaves; k++) {
			double s = v[i] * pow(2, (double)k / (double)octaves);

			size[(*n)++] = truncate ? trunc(s) : s;
		}
	return DET_OK;
}

static enum det_err
parse_grid(struct det_anchors_line *m, struct det_line *l)
{
	static const char *const rounds[] = { "none", "half", "base", NULL };
	static const char *const orders[] = { "ratio", "size", NULL };
	double size[DET_ANCHORS_LIST], ratio[DET_ANCHORS_LIST] = { 1 }, base = 16;
	size_t sizes, ratios, s, r;
	int round = ROUND_NONE, by_size = 0;
	enum det_err e;

	if ((e = take_sizes(size, &sizes, l)) ||
	    (e = take_list(ratio, &ratios, l, "ratios", 0)) ||
	    (e = det_line_choice(&round, l, "round", rounds)) ||
	    (e = det_line_choice(&by_size, l, "order", orders)) ||
	    (e = det_line_double(&base, l, "base", 1, 1e4)))
		return e;
	ratios += ratios == 0;
	if ((e = room(m, sizes * ratios)))
		return e;
	for (size_t i = 0; i < m->n; i++) {
		s = by_size ? i / ratios : i % sizes;
		r = by_size ? i % ratios : i / sizes;
		if (round == ROUND_BASE)
			shape_base(m->cell + 4 * i, size[s], ratio[r], base);
		else if (round == ROUND_HALF)
			shape_half(m->cell + 4 * i, size[s], ratio[r]);
		else
			shape_none(m->cell + 4 * i, size[s], ratio[r]);
	}
	return DET_OK;
}

/* --- prior ----------------------------------------------------------------------------- */

struct prior {
	double min[DET_ANCHORS_LIST], max[DET_ANCHORS_LIST], ratio[DET_ANCHORS_LIST];
	size_t mins, maxs, ratios;
	int no_flip;
};

static void
add_shape(struct det_anchors_line *m, float w, float h)
{
	m->cell[2 * m->n] = w;
	m->cell[2 * m->n + 1] = h;
	m->n++;
}

/* The two shapes of a ratio, each in its program's arithmetic. */
static void
add_ratio(struct det_anchors_line *m, double min, double ratio, int no_flip)
{
	double w = min * sqrt(ratio), h = min / sqrt(ratio);
	float r = (float)ratio, s = (float)min;

	if (m->relative)
		add_shape(m, (float)w, (float)h);
	else
		add_shape(m, s * sqrtf(r), s / sqrtf(r));
	if (no_flip)
		return;
	r = (float)(1. / (double)r);
	if (m->relative)
		add_shape(m, (float)h, (float)w);
	else
		add_shape(m, s * sqrtf(r), s / sqrtf(r));
}

static void
add_priors(struct det_anchors_line *m, const struct prior *p)
{
	for (size_t i = 0; i < p->mins; i++) {
		add_shape(m, (float)p->min[i], (float)p->min[i]);
		if (p->maxs) {
			float side = (float)sqrt(p->min[i] * p->max[i]);

			add_shape(m, side, side);
		}
		for (size_t k = 0; k < p->ratios; k++)
			if (fabs(p->ratio[k] - 1) >= 1e-6)
				add_ratio(m, p->min[i], p->ratio[k], p->no_flip);
	}
}

static enum det_err
parse_prior(struct det_anchors_line *m, struct det_line *l)
{
	static const char *const clips[] = { "none", "corner", "center", "size", NULL };
	struct prior p;
	int truncate = 0;
	enum det_err e;

	p.no_flip = 0;
	if ((e = take_list(p.min, &p.mins, l, "min", 1)) ||
	    (e = take_list(p.max, &p.maxs, l, "max", 0)) ||
	    (e = take_list(p.ratio, &p.ratios, l, "ratios", 0)) ||
	    (e = det_line_bool(&p.no_flip, l, "noflip")) ||
	    (e = det_line_bool(&truncate, l, "truncate")) ||
	    (e = det_line_bool(&m->relative, l, "relative")) ||
	    (e = det_line_choice(&m->clip, l, "clip", clips)))
		return e;
	if (p.maxs && p.maxs != p.mins)
		return det_fail(DET_INVALID,
		    "max: as many numbers as min has expected (%zu), found %zu", p.mins,
		    p.maxs);
	for (size_t i = 0; truncate && i < p.mins; i++) {
		p.min[i] = trunc(p.min[i]);
		p.max[i] = p.maxs ? trunc(p.max[i]) : 0;
	}
	if ((e = room(m, p.mins * (1 + (size_t)(p.maxs != 0) + 2 * p.ratios))))
		return e;
	m->n = 0;
	add_priors(m, &p);
	for (size_t i = 0; m->relative && m->clip == DET_PRIOR_SIZE && i < 2 * m->n;
	     i++)
		m->cell[i] = fminf(m->cell[i], 1);
	return DET_OK;
}

/* --- pairs ----------------------------------------------------------------------------- */

static enum det_err
parse_pairs(struct det_anchors_line *m, struct det_line *l)
{
	double v[DET_ANCHORS_LIST];
	size_t n;
	enum det_err e;

	if ((e = take_list(v, &n, l, "anchors", 1)) ||
	    (e = det_line_bool(&m->cells, l, "cells")))
		return e;
	if (n % 2)
		return det_fail(DET_INVALID,
		    "anchors: pairs of width,height expected, found %zu numbers", n);
	if ((e = room(m, n / 2)))
		return e;
	for (size_t i = 0; i < n; i++)
		m->cell[i] = (float)v[i];
	return DET_OK;
}

/* --- the text -------------------------------------------------------------------------- */

static enum det_err
parse_stride(struct det_anchors_line *m, struct det_line *l)
{
	const char *word = NULL;
	size_t n = 0;
	enum det_err e;

	m->stride_of =
	    m->kind == DET_ANCHORS_GRID ? DET_STRIDE_FLOOR : DET_STRIDE_EXACT;
	if ((e = det_line_word(&word, l, "stride")) || !word)
		return e;
	if (!strcmp(word, "floor") || !strcmp(word, "exact")) {
		m->stride_of = *word == 'f' ? DET_STRIDE_FLOOR : DET_STRIDE_EXACT;
		return DET_OK;
	}
	if ((e = det_parse_doubles(m->stride, &n, 2, word, 1e-3, 1e6)))
		return det_fail_in(e, "stride (floor, exact, or pixels)");
	if (n == 1)
		m->stride[1] = m->stride[0];
	m->stride_of = DET_STRIDE_GIVEN;
	return DET_OK;
}

static enum det_err
parse_kind(struct det_anchors_line *m, struct det_line *l)
{
	static const struct {
		const char *name;
		enum det_err (*parse)(struct det_anchors_line *, struct det_line *);
		double offset;
	} kinds[] = { { "grid", parse_grid, 0 }, { "prior", parse_prior, .5 },
		{ "pairs", parse_pairs, .5 } };
	enum det_err e;

	while (m->kind < 3 && strcmp(l->word, kinds[m->kind].name) != 0)
		m->kind++;
	if (m->kind == 3)
		return det_fail(DET_INVALID,
		    "'%.40s' makes no anchors: grid, prior or pairs expected", l->word);
	if (l->name || l->n_inputs != 1)
		return det_fail(DET_INVALID, "%s(MAP) key=value ... expected", l->word);
	m->offset = kinds[m->kind].offset;
	if ((e = kinds[m->kind].parse(m, l)) || (e = parse_stride(m, l)) ||
	    (e = det_line_double(&m->offset, l, "offset", 0, 1)))
		return e;
	return det_line_unused(l);
}

/* What the line holds belongs to a from the start, for det_anchors_free. */
static enum det_err
parse_line(void *ctx, struct det_line *l, const char *line, size_t n)
{
	struct det_anchors *a = ctx;
	struct det_anchors_line *m;
	size_t same;
	enum det_err e;

	if ((e = det_grow(&a->line, &a->cap, a->n + 1, sizeof *a->line)))
		return e;
	m = &a->line[a->n];
	*m = (struct det_anchors_line){ 0 };
	a->n++;
	if ((e = parse_kind(m, l)) || (e = det_anchors_keep_text(m, line, n)))
		return e;
	if (det_anchors_find(&same, a, l->input[0]))
		return det_fail(
		    DET_INVALID, "map '%s' has anchors already", l->input[0]);
	return det_strdup(&m->map, l->input[0]);
}

enum det_err
det_anchors_parse(
    struct det_anchors **out, const char *text, size_t len, const char *name)
{
	struct det_anchors *a;
	enum det_err e;

	*out = NULL;
	if ((e = det_calloc(&a, 1, sizeof *a)))
		return e;
	if (!(e = det_lines_parse(text, len, name, parse_line, a)) && a->n == 0)
		e = det_fail(DET_INVALID, "%s: no map's anchors", name);
	if (e)
		det_anchors_free(a);
	else
		*out = a;
	return e;
}

void
det_anchors_free(struct det_anchors *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n; i++) {
		free(a->line[i].map);
		free(a->line[i].text);
		free(a->line[i].cell);
	}
	free(a->line);
	free(a);
}

size_t
det_anchors_maps(const struct det_anchors *a)
{
	return a->n;
}

const char *
det_anchors_map(const struct det_anchors *a, size_t i)
{
	return i < a->n ? a->line[i].map : NULL;
}

int
det_anchors_find(size_t *i, const struct det_anchors *a, const char *map)
{
	for (*i = 0; *i < a->n; ++*i)
		if (a->line[*i].map && !strcmp(a->line[*i].map, map))
			return 1;
	return 0;
}

size_t
det_anchors_in_cell(const struct det_anchors *a, size_t i)
{
	return i < a->n ? a->line[i].n : 0;
}
