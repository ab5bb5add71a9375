/* SPDX-License-Identifier: MIT
 *
 * What all decoders share at work. The arithmetic of Darknet's kinds follows its C source
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

#include "base/finite.h"
#include "base/mem.h"
#include "box/best.h"
#include "box/map.h"

enum det_err
det_decode_check_map(
    const struct det_decode_line *m, const struct det_tensor *t, size_t channels)
{
	char shape[96];

	if (t->rank == 4 && t->dims[1] == channels)
		return DET_OK;
	return det_fail(DET_INVALID, "map '%s' is %s: 1x%zuxHxW expected (%s)",
	    m->map[0], det_shape_text(shape, sizeof shape, t), channels, m->kind->name);
}

enum det_err
det_decode_add_box(struct det_decode_job *j, const double box[4], float score,
    int32_t label, const struct det_decode_at *at)
{
	size_t source = j->base + at->candidate;
	struct det_box b = { .x1 = box[0],
		.y1 = box[1],
		.x2 = box[2],
		.y2 = box[3],
		.score = (double)score,
		.label = label,
		.source = source > INT32_MAX ? -1 : (int32_t)source };

	return det_boxes_add(j->out, &b);
}

enum det_err
det_decode_add(struct det_decode_job *j, const struct det_decode_rel *r, float score,
    size_t label, const struct det_decode_at *at)
{
	double box[4];

	if (!isfinite(r->x) || !isfinite(r->y) || !isfinite(r->w) || !isfinite(r->h) ||
	    !isfinite(score))
		return det_fail(DET_INVALID,
		    "map '%s': row %zu, column %zu, anchor %zu: the box is not finite",
		    j->m->map[0], at->row, at->col, at->anchor);
	box[0] = ((double)r->x - (double)r->w / 2) * j->in_w;
	box[1] = ((double)r->y - (double)r->h / 2) * j->in_h;
	box[2] = ((double)r->x + (double)r->w / 2) * j->in_w;
	box[3] = ((double)r->y + (double)r->h / 2) * j->in_h;
	return det_decode_add_box(j, box, score, (int32_t)label, at);
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

enum det_err
det_decode_fail_bad(const struct det_decode_job *j, size_t which, size_t i)
{
	const struct det_decode_line *m = j->m;
	const struct det_tensor *t = j->map[which];
	const char *what = isnan(((const float *)t->data)[i]) ? "NaN" : "infinity";
	size_t w, hw, entries;

	if (t->rank != 4 || m->kind->rows)
		return det_fail(
		    DET_INVALID, "map '%s': %s at element %zu", m->map[which], what, i);
	w = t->dims[3];
	hw = t->dims[2] * w;
	if (!m->anchors)
		return det_fail(DET_INVALID,
		    "map '%s': %s at row %zu, column %zu, channel %zu", m->map[which],
		    what, i % hw / w, i % w, i / hw);
	entries = t->dims[1] / m->anchors;
	return det_fail(DET_INVALID,
	    "map '%s': %s at row %zu, column %zu, anchor %zu, entry %zu", m->map[which],
	    what, i % hw / w, i % w, entries ? i / hw / entries : 0,
	    entries ? i / hw % entries : i / hw);
}

static enum det_err
check_input(const struct det_decode_job *j, size_t which)
{
	const struct det_tensor *t = j->map[which];
	const struct det_decode_kind *kind = j->m->kind;
	const char *name = j->m->map[which];
	char shape[96];
	size_t count, bad;
	enum det_err e;

	if (t->dtype != DET_F32)
		return det_fail(DET_INVALID, "map '%s' is %s: f32 expected", name,
		    det_dtype_name(t->dtype) ? det_dtype_name(t->dtype)
					     : "of no dtype");
	if ((e = det_tensor_count(&count, t)))
		return e;
	if (!kind->rows && (t->rank < 2 || t->dims[0] != 1 || count == 0))
		return det_fail(DET_INVALID,
		    "map '%s' is %s: one image (1xCxHxW) expected", name,
		    det_shape_text(shape, sizeof shape, t));
	if (kind->scans)
		return DET_OK;
	bad = det_finite_first(t->data, count, 1);
	return bad < count ? det_decode_fail_bad(j, which, bad) : DET_OK;
}

static enum det_err
run_line(struct det_decode_job *j)
{
	size_t count;
	enum det_err e;

	for (size_t i = 0; i < j->m->maps; i++)
		if ((e = check_input(j, i)))
			return e;
	if ((e = det_tensor_count(&count, j->map[0])))
		return e;
	return j->m->kind->run(j, j->map[0], j->map[0]->data, count);
}

/* Chooses what the line works on. */
static enum det_err
set_line(struct det_decode_job *j, const struct det_decode *d,
    const struct det_decode_line *m, const struct det_decode_in *in,
    const struct det_decode_params *p)
{
	j->m = m;
	j->in_w = (double)(p->in_w > 0 ? p->in_w : m->net_w);
	j->in_h = (double)(p->in_h > 0 ? p->in_h : m->net_h);
	if (!(j->in_w > 0) || !(j->in_h > 0))
		return det_fail(DET_INVALID,
		    "map '%s': neither the item nor the decode text (net=WxH) tells "
		    "the size of the input",
		    m->map[0]);
	j->clip[0] = p->x1;
	j->clip[1] = p->y1;
	j->clip[2] = p->x2;
	j->clip[3] = p->y2;
	if (!(p->x2 > p->x1)) {
		j->clip[0] = j->clip[1] = 0;
		j->clip[2] = j->in_w;
		j->clip[3] = j->in_h;
	}
	j->top = p->top >= 0 ? p->top : m->top;
	for (size_t i = 0; i < m->maps; i++)
		j->map[i] = &in->maps[m->map_at + i];
	j->list = m->list ? &in->lists[m->list_at] : NULL;
	j->grid = m->grid && in->grids && in->grids[m->grid_at].data
		      ? &in->grids[m->grid_at]
		      : NULL;
	j->anchors = d->anchors;
	return DET_OK;
}

/* --- top_per_class ---------------------------------------------------------------------- */

/* The largest of the lines', 0 where none has it; and the number of their classes. */
static size_t
most_per_class(size_t *classes, const struct det_decode *d)
{
	size_t most = 0;

	*classes = 0;
	for (size_t i = 0; i < d->n; i++) {
		const struct det_decode_line *m = &d->line[i];

		if ((size_t)m->top_per_class > most)
			most = (size_t)m->top_per_class;
		if ((size_t)m->classes > *classes)
			*classes = (size_t)m->classes;
	}
	return most;
}

/* Keeps the `most` best boxes of each class, in their order. Keys of a class lie together,
 * from first[class] on. */
static enum det_err
cut_classes(struct det_boxes *b, size_t most, size_t classes)
{
	size_t *first = NULL, *end = NULL, kept = 0;
	uint64_t *key = NULL;
	char *keep = NULL;
	enum det_err e;

	if ((e = det_calloc(&first, classes + 1, sizeof *first)) ||
	    (e = det_calloc(&end, classes + 1, sizeof *end)) ||
	    (e = det_alloc(&key, b->n, sizeof *key)) ||
	    (e = det_calloc(&keep, b->n, 1)))
		goto out;
	for (size_t i = 0; i < b->n; i++)
		if (b->box[i].label < (int32_t)classes)
			first[b->box[i].label + 1]++;
		else
			keep[i] = 1; /* of a line that has no such key */
	for (size_t c = 1; c <= classes; c++)
		first[c] += first[c - 1];
	memcpy(end, first, (classes + 1) * sizeof *end);
	for (size_t i = 0; i < b->n; i++)
		if (!keep[i])
			key[end[b->box[i].label]++] =
			    det_best_key((float)b->box[i].score, (uint32_t)i);
	for (size_t c = 0; c < classes; c++) {
		size_t n = end[c] - first[c];

		det_best_select(key + first[c], n, most);
		for (size_t i = 0; i < n && i < most; i++)
			keep[det_best_number(key[first[c] + i])] = 1;
	}
	for (size_t i = 0; i < b->n; i++)
		if (keep[i])
			b->box[kept++] = b->box[i];
	b->n = kept;
out:
	free(first);
	free(end);
	free(key);
	free(keep);
	return e;
}

static enum det_err
run_lines(struct det_decode_job *j, const struct det_decode *d,
    const struct det_decode_in *in, const struct det_decode_params *p)
{
	enum det_err e;

	for (size_t i = 0; i < d->n; i++) {
		size_t from = j->out->n;

		if ((e = set_line(j, d, &d->line[i], in, p)) || (e = run_line(j)))
			return e;
		for (; p->by_line && from < j->out->n; from++)
			j->out->box[from].label = (int32_t)i;
	}
	return DET_OK;
}

enum det_err
det_decode_place(struct det_decode_params *p, const struct det_item *it)
{
	double rect[4] = { 0 };
	enum det_err e = DET_OK;

	if (it->in_w > 0 && it->in_h > 0)
		e = det_item_picture(rect, it);
	p->in_w = it->in_w;
	p->in_h = it->in_h;
	p->x1 = rect[0];
	p->y1 = rect[1];
	p->x2 = rect[2];
	p->y2 = rect[3];
	p->scale = it->map.sx;
	return e;
}

enum det_err
det_decode_run(struct det_boxes *out, const struct det_decode *d,
    const struct det_decode_in *in, const struct det_decode_params *p)
{
	struct det_decode_job j = { .out = out, .thresh = (float)p->thresh };
	size_t classes, most = most_per_class(&classes, d);
	enum det_err e;

	out->n = 0;
	out->space = DET_SPACE_INPUT;
	if (!(p->thresh >= -1 && p->thresh <= 1))
		return det_fail(DET_INVALID, "a score threshold in 0 to 1 expected");
	j.scale = p->scale > 0 ? p->scale : 1;
	if (most && (e = det_alloc(&j.class_floor, classes, sizeof *j.class_floor)))
		return e;
	for (size_t i = 0; most && i < classes; i++)
		j.class_floor[i] = -INFINITY;
	e = run_lines(&j, d, in, p);
	if (!e && most && !p->by_line)
		e = cut_classes(out, most, classes);
	free(j.class_floor);
	return e;
}
