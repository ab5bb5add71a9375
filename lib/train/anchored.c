/* SPDX-License-Identifier: MIT
 *
 * What objectives of detectors with anchors share; anchored.h says what. Targets of boxes
 * are the coder's (box/coder.h) of the line that decodes the same map, so what a perfect net
 * puts out decodes to the objects themselves.
 */
#include "train/anchored.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* --- the text ---------------------------------------------------------------------------- */

static enum det_err
check_line(const struct det_decode_line *m, const struct det_decode_line *first,
    const char *what, enum det_decode_score score)
{
	const struct det_decode_delta *d = &m->delta;

	if (strcmp(det_decode_line_word(m), "anchors"))
		return det_fail(DET_INVALID,
		    "%s: a line 'anchors' of the decode text expected, found '%s'",
		    what, det_decode_line_word(m));
	if (d->score != (int)score)
		return det_fail(DET_INVALID,
		    "%s: map '%s': score=%s expected in the decode text", what,
		    m->map[0], score == DET_SCORE_SOFTMAX ? "softmax" : "sigmoid");
	if (m->classes != first->classes || d->background != first->delta.background)
		return det_fail(DET_INVALID,
		    "%s: map '%s': the classes and background of map '%s' expected",
		    what, m->map[0], first->map[0]);
	return DET_OK;
}

static enum det_err
open_level(struct det_anchored *a, const struct det_decode_line *m)
{
	struct det_anchored_level *l = &a->level[a->levels++];

	l->line = m;
	l->cls = m->map_at;
	l->box = m->map_at + 1;
	if (!a->text || !det_anchors_find(&l->grid, a->text, m->grid))
		return det_fail(DET_INVALID,
		    "map '%s': the model's text 'anchors' has no '%s'", m->map[0],
		    m->grid);
	l->anchors = det_anchors_in_cell(a->text, l->grid);
	return DET_OK;
}

enum det_err
det_anchored_open(struct det_anchored *a, const struct det_objective_params *p,
    const char *what, enum det_decode_score score)
{
	const struct det_decode_line *m, *first = det_decode_line(p->decode, 0);
	size_t n = 0;
	enum det_err e;

	*a = (struct det_anchored){ .text = p->anchors, .background = -1 };
	while (det_decode_line(p->decode, n))
		n++;
	if ((e = det_calloc(&a->level, n, sizeof *a->level)))
		return e;
	for (size_t i = 0; (m = det_decode_line(p->decode, i)); i++)
		if ((e = check_line(m, first, what, score)) || (e = open_level(a, m))) {
			det_anchored_release(a);
			return e;
		}
	a->classes = (size_t)first->classes;
	a->planes = a->classes + (first->delta.background != DET_BACKGROUND_NONE);
	a->front = first->delta.background == DET_BACKGROUND_FIRST;
	if (first->delta.background != DET_BACKGROUND_NONE)
		a->background = a->front ? 0 : (int32_t)a->classes;
	return DET_OK;
}

void
det_anchored_release(struct det_anchored *a)
{
	free(a->level);
	free(a->anchor);
	det_spots_release(&a->spots);
	*a = (struct det_anchored){ 0 };
}

enum det_err
det_anchored_flags(struct det_flag_rules *r, struct det_line *l)
{
	static const char *const rules[] = { "use", "ignore", "drop", NULL };
	enum det_err e;

	if ((e = det_line_choice(&r->difficult, l, "difficult", rules)) ||
	    (e = det_line_choice(&r->crowd, l, "crowd", rules)))
		return e;
	return det_line_double(&r->ignore_over, l, "ignore_over", 0, 1);
}

/* --- the batch --------------------------------------------------------------------------- */

static enum det_err
check_map(const struct det_tensor *t, const char *name, size_t n, size_t channels,
    const struct det_tensor *like)
{
	char shape[96];

	if (t->dtype == DET_F32 && t->rank == 4 && t->dims[0] == n &&
	    t->dims[1] == channels && t->dims[2] == like->dims[2] &&
	    t->dims[3] == like->dims[3])
		return DET_OK;
	return det_fail(DET_INVALID, "map '%s' is %s: f32 %zux%zux%zux%zu expected",
	    name, det_shape_text(shape, sizeof shape, t), n, channels, like->dims[2],
	    like->dims[3]);
}

/* Checks shapes and numbers the anchors; *same stays 1 where nothing has changed. */
static enum det_err
fit_level(struct det_anchored *a, struct det_anchored_level *l,
    const struct det_objective_in *in, int *same)
{
	const struct det_tensor *c = &in->map[l->cls], *b = &in->map[l->box];
	enum det_err e;

	if (c->rank != 4)
		return det_fail(DET_INVALID, "map '%s' has rank %d: 4 expected",
		    l->line->map[0], c->rank);
	if ((e = check_map(c, l->line->map[0], in->n, l->anchors * a->planes, c)) ||
	    (e = check_map(b, l->line->map[1], in->n, l->anchors * 4, c)))
		return e;
	*same = *same && l->h == c->dims[2] && l->w == c->dims[3];
	l->h = c->dims[2];
	l->w = c->dims[3];
	l->hw = l->h * l->w;
	l->first = a->n;
	if ((e = det_mul(&l->count, l->hw, l->anchors)) ||
	    (e = det_add(&a->n, a->n, l->count)))
		return e;
	return DET_OK;
}

enum det_err
det_anchored_fit(struct det_anchored *a, const struct det_objective_in *in)
{
	int same = a->in_h == in->in_h && a->in_w == in->in_w;
	enum det_err e;

	a->n = 0;
	for (size_t i = 0; i < a->levels; i++)
		if ((e = fit_level(a, &a->level[i], in, &same)))
			return e;
	if (same)
		return DET_OK;
	/* until all of it is made, no batch is like the last */
	a->in_h = a->in_w = 0;
	if (a->n > INT32_MAX / 4)
		return det_fail(
		    DET_LIMIT, "%zu anchors: at most %d expected", a->n, INT32_MAX / 4);
	if ((e = det_room(&a->anchor, &a->cap, a->n, 4 * sizeof *a->anchor)))
		return e;
	for (size_t i = 0; i < a->levels; i++) {
		const struct det_anchored_level *l = &a->level[i];
		const struct det_anchors_at at = { l->h, l->w, (long)in->in_h,
			(long)in->in_w };

		if ((e = det_anchors_make(
			 a->anchor + 4 * l->first, a->text, l->grid, &at)))
			return e;
	}
	if ((e = det_spots_set(
		 &a->spots, a->anchor, a->n, a->level[0].line->delta.coder.plus_one)))
		return e;
	a->in_h = in->in_h;
	a->in_w = in->in_w;
	return DET_OK;
}

void
det_anchored_clear(
    const struct det_anchored *a, const struct det_objective_in *in, float *const *grad)
{
	for (size_t i = 0; i < a->levels; i++) {
		const struct det_anchored_level *l = &a->level[i];

		memset(grad[l->cls], 0,
		    in->n * l->count * a->planes * sizeof *grad[l->cls]);
		memset(grad[l->box], 0, in->n * l->count * 4 * sizeof *grad[l->box]);
	}
}

size_t
det_anchored_stride(const struct det_anchored *a, const struct det_anchored_level *l)
{
	(void)a;
	return l->line->class_major ? l->anchors * l->hw : l->hw;
}

size_t
det_anchored_plane(const struct det_anchored *a, const struct det_anchored_level *l,
    size_t image, size_t anchor, size_t plane)
{
	size_t channel = l->line->class_major ? plane * l->anchors + anchor
					      : anchor * a->planes + plane;

	return (image * l->anchors * a->planes + channel) * l->hw;
}

/* --- boxes ------------------------------------------------------------------------------- */

/* The loss of one box; delta_grad is set. */
static double
one_box(float delta_grad[4], const struct det_coder *c, const float anchor[4],
    const float delta[4], const struct det_box *object, const struct det_box_loss *b,
    double scale)
{
	const float object_box[4] = { (float)object->x1, (float)object->y1,
		(float)object->x2, (float)object->y2 };
	float target[4], box[4], grad[4];
	double loss;

	if (!b->giou) {
		det_coder_encode(target, c, anchor, object_box);
		return det_loss_smooth_l1(
		    delta_grad, delta, target, NULL, 4, scale, b->beta);
	}
	det_coder_decode(box, c, anchor, delta);
	loss = det_loss_giou(grad, box, object_box, scale);
	det_coder_decode_backward(delta_grad, c, anchor, delta, grad);
	return loss;
}

static double
level_boxes(const struct det_anchored *a, const struct det_anchored_level *l,
    const struct det_example *t, const float *x, float *grad, const int32_t *to,
    const struct det_box_loss *b, double scale)
{
	double sum = 0;

	for (size_t i = 0; i < l->count; i++) {
		float delta[4], delta_grad[4];
		size_t at;

		if (to[l->first + i] < 0)
			continue;
		at = i % l->anchors * 4 * l->hw + i / l->anchors;
		for (size_t k = 0; k < 4; k++)
			delta[k] = x[at + k * l->hw];
		sum += one_box(delta_grad, &l->line->delta.coder,
		    a->anchor + 4 * (l->first + i), delta, &t->box[to[l->first + i]], b,
		    scale);
		for (size_t k = 0; k < 4; k++)
			grad[at + k * l->hw] += delta_grad[k];
	}
	return sum;
}

double
det_anchored_boxes(const struct det_anchored *a, const struct det_objective_in *in,
    float *const *grad, size_t image, const int32_t *to, const struct det_box_loss *b,
    double scale)
{
	double sum = 0;

	for (size_t i = 0; i < a->levels; i++) {
		const struct det_anchored_level *l = &a->level[i];
		size_t at = image * l->count * 4;

		sum += level_boxes(a, l, &in->truth[image],
		    (const float *)in->map[l->box].data + at, grad[l->box] + at, to, b,
		    scale);
	}
	return sum;
}

enum det_err
det_anchored_check(double value, const char *term, size_t image)
{
	if (isfinite(value))
		return DET_OK;
	return det_fail(
	    DET_INVALID, "loss '%s': image %zu of the batch: not finite", term, image);
}
