/* SPDX-License-Identifier: MIT
 *
 * What the decoders of box deltas share: their keys, and the box that an anchor or a
 * proposal and its delta make. A decoded box is cut to the picture before its sides are
 * compared with min_size, as all implementations do it; a side of exactly min_size stays
 * (torchvision, py-faster-rcnn). With plus_one a side is x2 - x1 + 1.
 */
#include "box/decode_impl.h"

#include <string.h>

#include "base/text.h"

static const char *const backgrounds[] = { "none", "first", "last", NULL };
static const char *const scores[] = { "sigmoid", "softmax", NULL };
static const char *const forms[] = { "center", "corner", NULL };

static enum det_err
clip_key(int *clip, struct det_line *l)
{
	for (size_t i = 0; i < l->n_args; i++)
		if (!strcmp(l->arg[i].key, "clip") && l->arg[i].value &&
		    !strcmp(l->arg[i].value, "inclusive")) {
			l->arg[i].used = 1;
			*clip = DET_CLIP_INCLUSIVE;
			return DET_OK;
		}
	return det_line_bool(clip, l, "clip");
}

static enum det_err
coder_keys(struct det_coder *c, struct det_line *l)
{
	const char *clamp = NULL;
	double w[4], v;
	size_t n = 0;
	enum det_err e;

	if ((e = det_line_list(w, &n, 4, l, "weights", 1e-6, 1e6)) ||
	    (e = det_line_word(&clamp, l, "clamp")) ||
	    (e = det_line_choice(&c->form, l, "coder", forms)) ||
	    (e = det_line_bool(&c->plus_one, l, "plus_one")))
		return e;
	if (n != 0 && n != 4)
		return det_fail(
		    DET_INVALID, "weights: four numbers expected, found %zu", n);
	for (size_t i = 0; i < n; i++)
		c->weight[i] = (float)w[i];
	if (!clamp)
		return DET_OK;
	if (!strcmp(clamp, "none")) {
		c->clamp = INFINITY;
		return DET_OK;
	}
	if ((e = det_parse_double(&v, clamp, 0, 80)))
		return det_fail_in(e, "clamp");
	c->clamp = (float)v;
	return DET_OK;
}

enum det_err
det_decode_delta_keys(struct det_decode_line *m, struct det_line *l)
{
	struct det_decode_delta *d = &m->delta;
	double min_size = (double)d->min_size;
	enum det_err e;

	if ((e = det_decode_class_count(m, l)) || (e = coder_keys(&d->coder, l)) ||
	    (e = det_line_choice(&d->background, l, "background", backgrounds)) ||
	    (e = det_line_choice(&d->score, l, "score", scores)) ||
	    (e = clip_key(&d->clip, l)) ||
	    (e = det_line_double(&min_size, l, "min_size", 0, 1e6)) ||
	    (e = det_line_bool(&d->min_scaled, l, "min_scaled")))
		return e;
	d->min_size = (float)min_size;
	return DET_OK;
}

/* Edges in float: torchvision and py-faster-rcnn clamp float boxes to whole numbers. */
static void
cut(float box[4], const struct det_decode_job *j)
{
	int last = j->m->delta.clip == DET_CLIP_INCLUSIVE;
	float lo, hi;

	for (int i = 0; i < 4; i++) {
		lo = (float)j->clip[i % 2];
		hi = (float)(j->clip[2 + i % 2] - last);
		box[i] = fmaxf(lo, fminf(hi, box[i]));
	}
}

enum det_err
det_decode_delta_box(float box[4], int *keep, const struct det_decode_job *j,
    const float anchor[4], const float *delta, const struct det_decode_at *at)
{
	const struct det_decode_delta *d = &j->m->delta;
	float least = d->min_size, one = (float)(d->coder.plus_one != 0);

	if (delta)
		det_coder_decode(box, &d->coder, anchor, delta);
	else
		memcpy(box, anchor, 4 * sizeof *box);
	for (int i = 0; i < 4; i++)
		if (!isfinite(box[i]))
			return det_fail(DET_INVALID,
			    "map '%s': row %zu, column %zu, anchor %zu: the box is not "
			    "finite",
			    j->m->map[0], at->row, at->col, at->anchor);
	if (d->clip)
		cut(box, j);
	if (d->min_scaled)
		least = (float)((double)least * j->scale);
	*keep = box[2] - box[0] + one >= least && box[3] - box[1] + one >= least;
	return DET_OK;
}

enum det_err
det_decode_add_corners(struct det_decode_job *j, const float box[4], float score,
    int32_t label, const struct det_decode_at *at)
{
	const double corners[4] = { (double)box[0], (double)box[1], (double)box[2],
		(double)box[3] };

	return det_decode_add_box(j, corners, score, label, at);
}
