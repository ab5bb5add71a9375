/* SPDX-License-Identifier: MIT
 *
 * The second stage of R-CNN's descendants (Girshick, Fast R-CNN, ICCV 2015): scores of the
 * classes and box deltas for each proposal. CLS is (R, K + b) with b = 1 where there is a
 * background, BOX (R, 4 n); row i is proposal i of the list `boxes`.
 *
 *   score_k = softmax over all K + b, or the logistic of each alone, or the number itself:
 *             the margin of an SVM (Girshick et al., R-CNN, CVPR 2014), of any sign
 *   box_k   = proposal i moved by its deltas 4c .. 4c + 3, times std_k, plus mean_k
 *
 * where column c is that of class k among n = K + b, or among n = K (no deltas of the
 * background); under `agnostic` all classes share those of n = 1, or of n = 2 (background
 * and the rest). Without BOX every class has the proposal as it is. The labels 0 .. K - 1
 * leave the background out, wherever it stands.
 *
 * Follows torchvision's roi_heads.py (postprocess_detections) and, by `unscaled` with
 * plus_one and clip=inclusive, py-faster-rcnn's test.py (im_detect), which divides proposals
 * by the scale of the picture before it decodes: its one pixel is one of the original.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "box/decode_impl.h"
#include "box/nms_impl.h"

/* A list of four numbers, or of four for each class; *out NULL: there is none. */
static enum det_err
four_each(float **out, size_t *sets, const struct det_decode_line *m,
    struct det_line *l, const char *key, double lo)
{
	const char *given = NULL;
	double *v = NULL;
	size_t most, n = 0;
	enum det_err e;

	if ((e = det_line_word(&given, l, key)) || !given)
		return e;
	most = 4 * (size_t)m->classes;
	if ((e = det_alloc(&v, most, sizeof *v)) ||
	    (e = det_line_list(v, &n, most, l, key, lo, 1e6)))
		goto out;
	if (n != 4 && (n != most || m->agnostic)) {
		e = m->agnostic || m->classes == 1
			? det_fail(DET_INVALID, "%s: four numbers expected, found %zu",
			      key, n)
			: det_fail(DET_INVALID,
			      "%s: four numbers, or four for each of %ld classes "
			      "expected, found %zu",
			      key, m->classes, n);
		goto out;
	}
	if ((e = det_alloc(out, n, sizeof **out)))
		goto out;
	*sets = n / 4;
	for (size_t i = 0; i < n; i++)
		(*out)[i] = (float)v[i];
out:
	free(v);
	return e;
}

static enum det_err
norm_keys(struct det_decode_line *m, struct det_line *l)
{
	size_t means = 0;
	enum det_err e;

	if ((e = four_each(&m->mean, &means, m, l, "mean", -1e6)) ||
	    (e = four_each(&m->std, &m->norms, m, l, "std", 1e-6)))
		return e;
	if (means != m->norms)
		return det_fail(DET_INVALID,
		    "mean and std: as many numbers of both expected, found %zu and %zu",
		    4 * means, 4 * m->norms);
	return DET_OK;
}

void
det_decode_normalise(float delta[4], const struct det_decode_line *m, size_t k)
{
	const size_t at = m->norms > 1 ? 4 * k : 0;

	for (size_t i = 0; m->norms && i < 4; i++)
		delta[i] = (delta[i] - m->mean[at + i]) / m->std[at + i];
}

void
det_decode_restore(
    float out[4], const struct det_decode_line *m, size_t k, const float delta[4])
{
	const size_t at = m->norms > 1 ? 4 * k : 0;

	for (size_t i = 0; i < 4; i++)
		out[i] =
		    m->norms ? delta[i] * m->std[at + i] + m->mean[at + i] : delta[i];
}

static enum det_err
parse(struct det_decode_line *m, struct det_line *l)
{
	static const float weights[4] = { 10, 10, 5, 5 };
	const char *list = "proposals";
	enum det_err e;

	m->delta.coder = (struct det_coder)DET_CODER_DEFAULTS;
	for (size_t i = 0; i < 4; i++)
		m->delta.coder.weight[i] = weights[i];
	m->delta.background = DET_BACKGROUND_FIRST;
	m->delta.score = DET_SCORE_SOFTMAX;
	if ((e = det_decode_delta_keys(m, l)) ||
	    (e = det_line_word(&list, l, "boxes")) ||
	    (e = det_line_bool(&m->agnostic, l, "agnostic")) ||
	    (e = det_line_bool(&m->unscaled, l, "unscaled")) ||
	    (e = det_line_long(&m->top, l, "top", 0, INT32_MAX)) ||
	    (e = norm_keys(m, l)))
		return e;
	return det_strdup(&m->list, list);
}

/* Columns of BOX: which it has tells how they are laid out. */
int
det_decode_columns(
    struct det_decode_columns *y, const struct det_decode_line *m, size_t deltas)
{
	const size_t bg = m->delta.background == DET_BACKGROUND_FIRST;

	*y = (struct det_decode_columns){ .classes = (size_t)m->classes,
		.deltas = deltas,
		.first_score = bg,
		.step = m->agnostic ? 0 : 4 };
	y->scores = y->classes + (m->delta.background != DET_BACKGROUND_NONE);
	if (m->maps == 1)
		return deltas == 0;
	if (m->agnostic) {
		y->first_delta = deltas == 8 && bg ? 4 : 0;
		return deltas == 4 || deltas == 8;
	}
	y->first_delta = deltas == 4 * y->scores && bg ? 4 : 0;
	return deltas > 0 && (deltas == 4 * y->scores || deltas == 4 * y->classes);
}

static int
is_table(const struct det_tensor *t)
{
	return t->rank == 2 || (t->rank == 4 && t->dims[2] == 1 && t->dims[3] == 1);
}

static enum det_err
lay_out(struct det_decode_columns *y, const struct det_decode_job *j)
{
	const struct det_decode_line *m = j->m;
	const struct det_tensor *cls = j->map[0], *box = j->map[1];
	const size_t rows = j->list->n;
	const int fits =
	    det_decode_columns(y, m, box && is_table(box) ? box->dims[1] : 0);
	char shape[96];

	if (!is_table(cls) || cls->dims[0] != rows || cls->dims[1] != y->scores)
		return det_fail(DET_INVALID,
		    "map '%s' is %s: %zux%zu expected: a row for each of '%s', a score "
		    "for each class%s",
		    m->map[0], det_shape_text(shape, sizeof shape, cls), rows,
		    y->scores, m->list,
		    y->scores > y->classes ? " and the background" : "");
	if (box && (!fits || box->dims[0] != rows))
		return det_fail(DET_INVALID,
		    "map '%s' is %s: %zux%zu expected: a row for each of '%s', four "
		    "deltas for each %s",
		    m->map[1], det_shape_text(shape, sizeof shape, box), rows,
		    m->agnostic ? 4 : 4 * y->scores, m->list,
		    m->agnostic ? "row" : "class");
	return DET_OK;
}

/* The original's pixels, with its corner at 0: what py-faster-rcnn decodes in. */
static void
set_unscaled(struct det_decode_job *to, const struct det_decode_job *j)
{
	*to = *j;
	to->clip[0] = to->clip[1] = 0;
	to->clip[2] = round((j->clip[2] - j->clip[0]) / j->scale);
	to->clip[3] = round((j->clip[3] - j->clip[1]) / j->scale);
	to->scale = 1;
}

static enum det_err
decode(float box[4], int *keep, const struct det_decode_job *j, const struct det_box *b,
    const float delta[4], const struct det_decode_at *at)
{
	float from[4] = { (float)b->x1, (float)b->y1, (float)b->x2, (float)b->y2 };
	struct det_decode_job original;
	enum det_err e;

	if (!j->m->unscaled)
		return det_decode_delta_box(box, keep, j, from, delta, at);
	set_unscaled(&original, j);
	for (int i = 0; i < 4; i++)
		from[i] = (from[i] - (float)j->clip[i % 2]) / (float)j->scale;
	e = det_decode_delta_box(box, keep, &original, from, delta, at);
	for (int i = 0; i < 4; i++)
		box[i] = box[i] * (float)j->scale + (float)j->clip[i % 2];
	return e;
}

static void
scores(float *p, const float *cls, size_t n, int kind)
{
	if (kind == DET_SCORE_SOFTMAX) {
		det_decode_softmax(p, cls, n, 1);
		return;
	}
	for (size_t k = 0; k < n; k++)
		p[k] = kind == DET_SCORE_LINEAR ? cls[k] : det_decode_logistic(cls[k]);
}

/* Boxes of one proposal; p is scratch for its scores. */
static enum det_err
run_row(struct det_decode_job *j, const struct det_decode_columns *y, size_t row,
    const float *cls, const float *deltas, float *p)
{
	const struct det_decode_at at = { row, 0, 0, row };
	float box[4], delta[4];
	int keep;
	enum det_err e;

	scores(p, cls, y->scores, j->m->delta.score);
	for (size_t k = 0; k < y->classes; k++) {
		const float score = p[y->first_score + k];

		if (!(score > j->thresh))
			continue;
		if (deltas)
			det_decode_restore(
			    delta, j->m, k, deltas + y->first_delta + k * y->step);
		if ((e = decode(box, &keep, j, &j->list->box[row],
			 deltas ? delta : NULL, &at)))
			return e;
		if (keep &&
		    (e = det_decode_add_corners(j, box, score, (int32_t)k, &at)))
			return e;
	}
	return DET_OK;
}

/* Leaves the best `top` of the boxes from `from` on, best first. */
static enum det_err
keep_best(struct det_boxes *b, size_t from, size_t top)
{
	struct det_rank *r = NULL;
	struct det_box *best = NULL;
	const size_t n = b->n - from;
	enum det_err e;

	if ((e = det_alloc(&r, n, 2 * sizeof *r)) ||
	    (e = det_alloc(&best, top, sizeof *best)))
		goto out;
	for (size_t i = 0; i < n; i++)
		r[i].index = (uint32_t)(from + i);
	det_rank_by_score(r, r + n, n, b);
	for (size_t i = 0; i < top; i++)
		best[i] = b->box[r[i].index];
	for (size_t i = 0; i < top; i++)
		b->box[from + i] = best[i];
	b->n = from + top;
out:
	free(r);
	free(best);
	return e;
}

static enum det_err
run(struct det_decode_job *j, const struct det_tensor *t, const float *x, size_t count)
{
	const float *deltas = j->map[1] ? j->map[1]->data : NULL;
	const size_t from = j->out->n;
	struct det_decode_columns y;
	float *p = NULL;
	enum det_err e;

	(void)t, (void)count;
	if ((e = lay_out(&y, j)) || (e = det_alloc(&p, y.scores, sizeof *p)))
		return e;
	for (size_t i = 0; i < j->list->n && !e; i++)
		e = run_row(j, &y, i, x + i * y.scores,
		    deltas ? deltas + i * y.deltas : NULL, p);
	free(p);
	j->base += j->list->n;
	if (!e && j->top > 0 && j->out->n - from > (size_t)j->top)
		e = keep_best(j->out, from, (size_t)j->top);
	return e;
}

const struct det_decode_kind det_decode_rcnn = {
	.name = "rcnn", .parse = parse, .run = run, .maps = 2, .one = 1, .rows = 1
};
