/* SPDX-License-Identifier: MIT
 *
 * The decode text and what all decoders share. The arithmetic follows Darknet's C source
 * (yolo_layer.c, region_layer.c, detection_layer.c, blas.c; reference implementation by
 * J. Redmon): floats, with exp taken in double and rounded once, products and quotients in
 * Darknet's order. Darknet ends with centre and size relative to the input; the corners in
 * input pixels are computed from those in double:
 *
 *   x1 = (x - w/2) * in_w     x2 = (x + w/2) * in_w     and so for y
 *
 * Departures: NaN and infinity are errors (Darknet carries them on); a threshold is
 * compared in float, as there.
 */
#include "box/decode_impl.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

struct det_decode {
	struct det_decode_map *map;
	size_t n, cap;
};

static const struct det_decode_kind *const kinds[] = { &det_decode_yolo3,
	&det_decode_region, &det_decode_detection, &det_decode_classes };

static enum det_err
find_kind(const struct det_decode_kind **out, const char *word)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (!strcmp(word, kinds[i]->name)) {
			*out = kinds[i];
			return DET_OK;
		}
	return det_fail(DET_INVALID,
	    "'%.40s' is no decoder: yolo3, region, detection or classes expected",
	    word);
}

static enum det_err
parse_map(struct det_decode *d, struct det_line *l)
{
	struct det_decode_map *m = &d->map[d->n];
	enum det_err e;

	*m = (struct det_decode_map){ 0 };
	if ((e = find_kind(&m->kind, l->word)))
		return e;
	if (l->name || l->n_inputs != 1)
		return det_fail(DET_INVALID, "%s(MAP) key=value ... expected", l->word);
	for (size_t i = 0; i < d->n; i++)
		if (!strcmp(d->map[i].name, l->input[0]))
			return det_fail(
			    DET_INVALID, "map '%s' is decoded twice", l->input[0]);
	if ((e = det_line_size(&m->net_w, &m->net_h, l, "net", 1 << 20)) ||
	    (e = m->kind->parse(m, l)) || (e = det_line_unused(l)))
		return e;
	if ((e = det_strdup(&m->name, l->input[0])))
		return e;
	d->n++;
	return DET_OK;
}

enum det_err
det_decode_parse(
    struct det_decode **out, const char *text, size_t len, const char *name)
{
	struct det_decode *d;
	struct det_line l;
	const char *line;
	size_t n, at = 0, number = 0;
	enum det_err e;

	*out = NULL;
	if ((e = det_calloc(&d, 1, sizeof *d)))
		return e;
	while (det_line_next(&line, &n, text, len, &at)) {
		number++;
		if ((e = det_line_parse(&l, line, n)))
			goto fail;
		if (l.word &&
		    !(e = det_grow(&d->map, &d->cap, d->n + 1, sizeof *d->map)))
			e = parse_map(d, &l);
		det_line_release(&l);
		if (e)
			goto fail;
	}
	if (d->n == 0) {
		det_decode_free(d);
		return det_fail(DET_INVALID, "%s: no map to decode", name);
	}
	*out = d;
	return DET_OK;
fail:
	det_decode_free(d);
	return det_fail_in(e, "%s:%zu", name, number);
}

void
det_decode_free(struct det_decode *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->n; i++)
		free(d->map[i].name);
	free(d->map);
	free(d);
}

size_t
det_decode_maps(const struct det_decode *d)
{
	return d->n;
}

const char *
det_decode_map(const struct det_decode *d, size_t i)
{
	return i < d->n ? d->map[i].name : NULL;
}

enum det_err
det_decode_anchors(struct det_decode_map *m, struct det_line *l)
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
det_decode_class_count(struct det_decode_map *m, struct det_line *l)
{
	enum det_err e =
	    det_line_long(&m->classes, l, "classes", 1, DET_DECODE_CLASSES);

	if (!e && !m->classes)
		return det_fail(DET_INVALID, "classes=N expected");
	return e;
}

enum det_err
det_decode_check_map(
    const struct det_decode_map *m, const struct det_tensor *t, size_t channels)
{
	char shape[96];

	if (t->rank == 4 && t->dims[1] == channels)
		return DET_OK;
	return det_fail(DET_INVALID, "map '%s' is %s: 1x%zuxHxW expected (%s)", m->name,
	    det_shape_text(shape, sizeof shape, t), channels, m->kind->name);
}

enum det_err
det_decode_add(struct det_decode_job *j, const struct det_decode_rel *r, float score,
    size_t label, const struct det_decode_at *at)
{
	struct det_box b = { 0 };

	if (!isfinite(r->x) || !isfinite(r->y) || !isfinite(r->w) || !isfinite(r->h) ||
	    !isfinite(score))
		return det_fail(DET_INVALID,
		    "map '%s': row %zu, column %zu, anchor %zu: the box is not finite",
		    j->m->name, at->row, at->col, at->anchor);
	b.x1 = ((double)r->x - (double)r->w / 2) * j->in_w;
	b.x2 = ((double)r->x + (double)r->w / 2) * j->in_w;
	b.y1 = ((double)r->y - (double)r->h / 2) * j->in_h;
	b.y2 = ((double)r->y + (double)r->h / 2) * j->in_h;
	b.score = (double)score;
	b.label = (int32_t)label;
	b.source = j->base + at->candidate > INT32_MAX
		       ? -1
		       : (int32_t)(j->base + at->candidate);
	return det_boxes_add(j->out, &b);
}

void
det_decode_softmax(float *y, const float *x, size_t n, size_t stride)
{
	float sum = 0, largest = -FLT_MAX;

	for (size_t i = 0; i < n; i++)
		if (x[i * stride] > largest)
			largest = x[i * stride];
	for (size_t i = 0; i < n; i++) {
		y[i] = (float)exp((double)(x[i * stride] - largest));
		sum += y[i];
	}
	for (size_t i = 0; i < n; i++)
		y[i] /= sum;
}

/* The bits of a NaN or infinity have all exponent bits set; integer tests vectorise and
 * need no floating-point exceptions. */
static size_t
first_bad(const float *x, size_t n)
{
	uint32_t u, bad;
	size_t i = 0, k;

	for (; i + 64 <= n; i += 64) {
		bad = 0;
		for (k = 0; k < 64; k++) {
			memcpy(&u, x + i + k, sizeof u);
			bad |= (u & 0x7f800000u) == 0x7f800000u;
		}
		if (bad)
			break;
	}
	for (; i < n; i++) {
		memcpy(&u, x + i, sizeof u);
		if ((u & 0x7f800000u) == 0x7f800000u)
			break;
	}
	return i;
}

static enum det_err
fail_bad(const struct det_decode_map *m, const struct det_tensor *t, size_t i)
{
	const char *what = isnan(((const float *)t->data)[i]) ? "NaN" : "infinity";
	size_t w, hw, entries;

	if (t->rank != 4 || !m->anchors)
		return det_fail(
		    DET_INVALID, "map '%s': %s at element %zu", m->name, what, i);
	w = t->dims[3];
	hw = t->dims[2] * w;
	entries = t->dims[1] / m->anchors;
	return det_fail(DET_INVALID,
	    "map '%s': %s at row %zu, column %zu, anchor %zu, entry %zu", m->name, what,
	    i % hw / w, i % w, entries ? i / hw / entries : 0,
	    entries ? i / hw % entries : i / hw);
}

static enum det_err
run_map(struct det_decode_job *j, const struct det_tensor *t)
{
	char shape[96];
	size_t count, bad;
	enum det_err e;

	if (t->dtype != DET_F32)
		return det_fail(DET_INVALID, "map '%s' is %s: f32 expected", j->m->name,
		    det_dtype_name(t->dtype) ? det_dtype_name(t->dtype)
					     : "of no dtype");
	if ((e = det_tensor_count(&count, t)))
		return e;
	if (t->rank < 2 || t->dims[0] != 1 || count == 0)
		return det_fail(DET_INVALID,
		    "map '%s' is %s: one image (1xCxHxW) expected", j->m->name,
		    det_shape_text(shape, sizeof shape, t));
	bad = first_bad(t->data, count);
	if (bad < count)
		return fail_bad(j->m, t, bad);
	return j->m->kind->run(j, t, t->data, count);
}

size_t
det_decode_lists(const struct det_decode *d)
{
	(void)d;
	return 0;
}

const char *
det_decode_list(const struct det_decode *d, size_t i)
{
	(void)d, (void)i;
	return NULL;
}

size_t
det_decode_grids(const struct det_decode *d)
{
	(void)d;
	return 0;
}

const char *
det_decode_grid(const struct det_decode *d, size_t i)
{
	(void)d, (void)i;
	return NULL;
}

enum det_err
det_decode_bind(struct det_decode *d, const struct det_anchors *a)
{
	(void)d, (void)a;
	return DET_OK;
}

enum det_err
det_decode_run(struct det_boxes *out, const struct det_decode *d,
    const struct det_decode_in *in, const struct det_decode_params *p)
{
	struct det_decode_job j = { .out = out, .thresh = (float)p->thresh };
	enum det_err e;

	out->n = 0;
	out->space = DET_SPACE_INPUT;
	if (!(p->thresh >= 0 && p->thresh <= 1))
		return det_fail(DET_INVALID, "a score threshold in 0 to 1 expected");
	for (size_t i = 0; i < d->n; i++) {
		j.m = &d->map[i];
		j.in_w = (double)(p->in_w > 0 ? p->in_w : j.m->net_w);
		j.in_h = (double)(p->in_h > 0 ? p->in_h : j.m->net_h);
		if (!(j.in_w > 0) || !(j.in_h > 0))
			return det_fail(DET_INVALID,
			    "map '%s': neither the item nor the decode text (net=WxH) "
			    "tells the size of the input",
			    j.m->name);
		if ((e = run_map(&j, &in->maps[i])))
			return e;
	}
	return DET_OK;
}
