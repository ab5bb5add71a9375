/* SPDX-License-Identifier: MIT
 *
 * Layers that join, split and rearrange. On maps they are lines of a network text where
 * that has such; what only an SSD's or an RPN's tail does (caffe_net.h) is followed as
 * symbols:
 *
 *   Permute 0 2 3 1   map -> permuted            Flatten, Reshape   permuted -> rows
 *   Concat            rows -> rows               Reshape (N,-1,K)   rows -> rows of K
 *   Softmax, Sigmoid  rows of K -> scored rows   Flatten            rows -> flat rows
 *   Reshape (N,2,-1,W)  map -> pairs   Softmax   pairs -> pairs     Reshape -> scores
 */
#include <string.h>

#include "caffe/caffe_net.h"

enum det_err
cf_add_split(struct cf_work *w)
{
	struct cf_view *in;
	size_t at;
	enum det_err e;

	if ((e = cf_ends(w, 1, 1, 1, CF_MAX_ENDS)) || (e = cf_bottom(&in, w, 0)))
		return e;
	at = (size_t)(in - w->c->view);
	for (size_t i = 0; !e && i < w->l->n_tops; i++)
		e = cf_view_alias(w->c, w->l->top[i], &w->c->view[at]);
	return e;
}

/* A line of several inputs, all maps. */
static enum det_err
join(size_t *out, struct cf_work *w, const char *op)
{
	struct cf_view *top;
	size_t in;
	enum det_err e;

	if ((e = cf_value_add(out, w->c, w->l->name, op, w->l)))
		return e;
	for (size_t i = 0; i < w->l->n_bottoms; i++)
		if ((e = cf_bottom_map(&in, w, i)) || (e = cf_value_in(w->c, *out, in)))
			return e;
	if ((e = cf_view_add(&top, w->c, w->l->top[0], CF_MAP)))
		return e;
	return cf_view_part(top, *out);
}

enum det_err
cf_add_eltwise(struct cf_work *w)
{
	static const char *const passed[] = { "stable_prod_grad", NULL };
	const char *op = "SUM";
	double coeff = 1;
	size_t value;
	enum det_err e;

	if ((e = cf_ends(w, 2, 64, 1, 1)) || (e = cf_params(w, "eltwise_param")) ||
	    (e = cf_word(&op, w->p, "operation")))
		return e;
	cf_ignore(w->p, passed);
	if (strcmp(op, "SUM") != 0 && strcmp(op, "1") != 0)
		return cf_bad(
		    w, DET_UNSUPPORTED, "operation: SUM expected, found '%s'", op);
	for (size_t i = 0; i < cf_count(w->p, "coeff") && i < 64; i++)
		if ((e = cf_double_at(&coeff, w->p, "coeff", i, -1e6, 1e6)))
			return e;
		else if (coeff < 1 || coeff > 1)
			return cf_bad(
			    w, DET_UNSUPPORTED, "coeff: 1 expected, found %g", coeff);
	if ((e = join(&value, w, "add")))
		return e;
	w->c->value[value].c = w->c->value[w->c->value[value].in[0]].c;
	return DET_OK;
}

/* The axis of Concat and Slice, under its name in V1 too. */
static enum det_err
read_axis(long *axis, const struct cf_work *w, const char *old)
{
	enum det_err e;

	if ((e = cf_long(axis, w->p, old, 0, 7)))
		return e;
	return cf_long(axis, w->p, "axis", -8, 7);
}

enum det_err
cf_add_slice(struct cf_work *w)
{
	size_t in, n = w->l->n_tops, points, value;
	long axis = 1, from = 0, to, c;
	struct cf_view *top;
	enum det_err e;

	if ((e = cf_ends(w, 1, 1, 1, CF_MAX_ENDS)) ||
	    (e = cf_params(w, "slice_param")) ||
	    (e = read_axis(&axis, w, "slice_dim")) || (e = cf_bottom_map(&in, w, 0)))
		return e;
	c = (long)w->c->value[in].c;
	points = cf_count(w->p, "slice_point");
	if (axis != 1 || c == 0)
		return cf_bad(w, DET_UNSUPPORTED, "only channels can be cut");
	if (points ? points != n - 1 : c % (long)n != 0)
		return cf_bad(w, DET_INVALID,
		    "%zu tops of %ld channels: equal parts or %zu points expected", n,
		    c, n - 1);
	for (size_t i = 0; i < n; i++, from = to) {
		to = points ? c : c / (long)n * (long)(i + 1);
		if ((e = cf_long_at(&to, w->p, "slice_point", i, 1, 1L << 24)))
			return e;
		if (to <= from || to > c)
			return cf_bad(w, DET_INVALID, "slice_point %ld", to);
		if ((e = cf_value_add(&value, w->c, w->l->top[i], "slice", w->l)) ||
		    (e = cf_value_in(w->c, value, in)) ||
		    (e = det_buf_printf(&w->c->value[value].keys, " from=%ld n=%ld",
			 from, to - from)) ||
		    (e = cf_view_add(&top, w->c, w->l->top[i], CF_MAP)) ||
		    (e = cf_view_part(top, value)))
			return e;
		w->c->value[value].c = (size_t)(to - from);
		w->c->value[value].vector = w->c->value[in].vector;
	}
	return DET_OK;
}

/* Parts of all bottoms, which must be of one kind and form. */
static enum det_err
join_views(struct cf_work *w, enum cf_kind_of_view kind)
{
	struct det_caffe *c = w->c;
	struct cf_view *top, *in;
	size_t at;
	enum det_err e;

	if ((e = cf_view_add(&top, c, w->l->top[0], kind)))
		return e;
	at = c->n_views - 1;
	/* hidden from the look-up of bottoms, which may have its name */
	c->view[at].blob = "";
	for (size_t i = 0; i < w->l->n_bottoms; i++) {
		if ((e = cf_bottom(&in, w, i)))
			return e;
		top = &c->view[at];
		if (i == 0) {
			top->cols = in->cols;
			top->score = in->score;
		}
		if (in->kind != kind || in->cols != top->cols ||
		    in->score != top->score)
			return cf_bad(w, DET_UNSUPPORTED,
			    "bottom '%s' is of another kind or shape than '%s'",
			    w->l->bottom[i], w->l->bottom[0]);
		for (size_t k = 0; !e && k < in->n; k++)
			e = cf_view_part(top, in->part[k]);
		if (e)
			return e;
	}
	c->view[at].blob = w->l->top[0];
	return DET_OK;
}

enum det_err
cf_add_concat(struct cf_work *w)
{
	long axis = 1;
	struct cf_view *first;
	size_t value;
	enum det_err e;

	if ((e = cf_ends(w, 1, CF_MAX_ENDS, 1, 1)) ||
	    (e = cf_params(w, "concat_param")) ||
	    (e = read_axis(&axis, w, "concat_dim")) || (e = cf_bottom(&first, w, 0)))
		return e;
	if (first->kind == CF_ROWS && axis == 1)
		return join_views(w, CF_ROWS);
	if (first->kind == CF_PRIORS && axis == 2)
		return join_views(w, CF_PRIORS);
	if (axis != 1 && axis != -3)
		return cf_bad(w, DET_UNSUPPORTED, "axis: 1 expected, found %ld", axis);
	if ((e = cf_ends(w, 1, 64, 1, 1)) || (e = join(&value, w, "concat")))
		return e;
	w->c->value[value].vector = 1;
	for (size_t i = 0; i < w->c->value[value].n_in; i++) {
		const struct cf_value *in = &w->c->value[w->c->value[value].in[i]];

		w->c->value[value].c = in->c && (i == 0 || w->c->value[value].c)
					   ? w->c->value[value].c + in->c
					   : 0;
		w->c->value[value].vector &= in->vector;
	}
	return DET_OK;
}

/* The view of the bottom again, of another kind and shape. */
static enum det_err
become(struct cf_work *w, enum cf_kind_of_view kind, size_t cols)
{
	struct cf_view *in, *out;
	enum det_err e;

	if ((e = cf_bottom(&in, w, 0)) || (e = cf_view_alias(w->c, w->l->top[0], in)))
		return e;
	out = &w->c->view[w->c->n_views - 1];
	out->kind = kind;
	out->cols = cols;
	return DET_OK;
}

enum det_err
cf_add_flatten(struct cf_work *w)
{
	long axis = 1, end = -1;
	struct cf_view *in;
	struct cf_value *v;
	size_t value;
	enum det_err e;

	if ((e = cf_ends(w, 1, 1, 1, 1)) || (e = cf_params(w, "flatten_param")) ||
	    (e = cf_long(&axis, w->p, "axis", -8, 8)) ||
	    (e = cf_long(&end, w->p, "end_axis", -8, 8)) || (e = cf_bottom(&in, w, 0)))
		return e;
	if (axis != 1 || end != -1)
		return cf_bad(w, DET_UNSUPPORTED,
		    "axis 1 to end_axis -1 expected, found %ld to %ld", axis, end);
	if (in->kind == CF_PERMUTED || in->kind == CF_ROWS)
		return become(w, CF_ROWS, 0);
	if ((e = cf_unary(&value, w, "flatten")))
		return e;
	v = &w->c->value[value];
	v->c = v->vector ? v->c : 0;
	v->vector = 1;
	return DET_OK;
}

/* An RPN's (N, 2A, H, W) to (N, 2, A*H, W), and back. */
static enum det_err
reshape_pairs(int *done, struct cf_work *w, const struct cf_view *in, const long *dim)
{
	size_t c = w->c->value[in->part[0]].c;

	*done = 1;
	if (in->kind == CF_MAP && dim[1] == 2 && dim[2] == -1 && dim[3] == 0)
		return become(w, CF_PAIRS, 0);
	if (in->kind == CF_PAIRS && dim[2] == -1 && dim[3] == 0 && (size_t)dim[1] == c)
		return become(w, in->score == CF_SOFTMAX ? CF_SCORES : CF_MAP, 0);
	*done = 0;
	return DET_OK;
}

static enum det_err
reshape_map(struct cf_work *w, const long *dim, size_t n)
{
	long shape[3] = { 1, 1, 1 };
	size_t in, value;
	enum det_err e;

	if ((e = cf_bottom_map(&in, w, 0)))
		return e;
	for (size_t i = 1; i < n; i++) {
		shape[i - 1] = dim[i] == -1 ? 0 : dim[i];
		if (dim[i] == 0 && i == 1)
			shape[0] = (long)w->c->value[in].c;
		if (dim[i] != -1 && shape[i - 1] == 0)
			return cf_bad(w, DET_UNSUPPORTED,
			    "a dim of 0 where the size is not known");
	}
	if ((e = cf_unary(&value, w, "reshape")))
		return e;
	w->c->value[value].c = (size_t)shape[0];
	w->c->value[value].vector = shape[1] == 1 && shape[2] == 1;
	return det_buf_printf(&w->c->value[value].keys, " shape=%ld,%ld,%ld", shape[0],
	    shape[1], shape[2]);
}

enum det_err
cf_add_reshape(struct cf_work *w)
{
	struct cf_field *shape;
	struct cf_view *in;
	long axis = 0, axes = -1, dim[4] = { 0 };
	size_t n;
	int done;
	enum det_err e;

	if ((e = cf_ends(w, 1, 1, 1, 1)) || (e = cf_params(w, "reshape_param")) ||
	    (e = cf_long(&axis, w->p, "axis", -8, 8)) ||
	    (e = cf_long(&axes, w->p, "num_axes", -8, 8)) ||
	    (e = cf_message(&shape, w->p, "shape")) || (e = cf_bottom(&in, w, 0)))
		return e;
	n = cf_count(shape, "dim");
	if (n < 2 || n > 4 || axis != 0 || axes != -1)
		return cf_bad(w, DET_UNSUPPORTED,
		    "a shape of 2 to 4 dims from axis 0 expected, found %zu", n);
	for (size_t i = 0; i < n; i++)
		if ((e = cf_long_at(&dim[i], shape, "dim", i, -1, 1L << 30)))
			return e;
	if (dim[0] != 0 && dim[0] != 1 && dim[0] != -1)
		return cf_bad(w, DET_UNSUPPORTED, "the first dim is the batch's");
	if (in->kind == CF_PERMUTED || in->kind == CF_ROWS) {
		if (dim[1] == -1 && (n == 2 || (n == 3 && dim[2] > 0)))
			return become(w, CF_ROWS, (size_t)dim[2]);
		return cf_bad(w, DET_UNSUPPORTED,
		    "permuted maps can only become (N, -1) or (N, -1, K)");
	}
	if (n == 4 && (in->kind == CF_MAP || in->kind == CF_PAIRS)) {
		if ((e = reshape_pairs(&done, w, in, dim)) || done)
			return e;
	}
	return reshape_map(w, dim, n);
}

enum det_err
cf_add_permute(struct cf_work *w)
{
	long order[4] = { 0 };
	size_t n, in;
	enum det_err e;

	if ((e = cf_ends(w, 1, 1, 1, 1)) || (e = cf_params(w, "permute_param")) ||
	    (e = cf_bottom_map(&in, w, 0)))
		return e;
	n = cf_count(w->p, "order");
	for (size_t i = 0; i < 4 && i < n; i++)
		if ((e = cf_long_at(&order[i], w->p, "order", i, 0, 7)))
			return e;
	if (n == 4 && order[0] == 0 && order[1] == 1 && order[2] == 2 && order[3] == 3)
		return cf_add_split(w);
	if (n != 4 || order[0] != 0 || order[1] != 2 || order[2] != 3 || order[3] != 1)
		return cf_bad(w, DET_UNSUPPORTED, "order: 0 2 3 1 expected");
	return become(w, CF_PERMUTED, 0);
}

static enum det_err
score(struct cf_work *w, enum cf_score how)
{
	struct cf_view *in;
	enum det_err e;

	if ((e = cf_bottom(&in, w, 0)) || (e = become(w, in->kind, in->cols)))
		return e;
	w->c->view[w->c->n_views - 1].score = how;
	return DET_OK;
}

enum det_err
cf_add_softmax(struct cf_work *w)
{
	static const char *const passed[] = { "engine", NULL };
	long axis = 1;
	struct cf_view *in;
	size_t value;
	enum det_err e;

	if ((e = cf_ends(w, 1, 1, 1, 1)) || (e = cf_params(w, "softmax_param")) ||
	    (e = cf_long(&axis, w->p, "axis", -4, 3)) || (e = cf_bottom(&in, w, 0)))
		return e;
	cf_ignore(w->p, passed);
	if (in->kind == CF_ROWS && in->cols && (axis == 2 || axis == -1) &&
	    in->score == CF_RAW)
		return score(w, CF_SOFTMAX);
	if (in->kind == CF_PAIRS && axis == 1 && in->score == CF_RAW)
		return score(w, CF_SOFTMAX);
	if (axis != 1)
		return cf_bad(w, DET_UNSUPPORTED, "axis %ld of such a bottom", axis);
	return cf_unary(&value, w, "softmax");
}

enum det_err
cf_add_sigmoid(struct cf_work *w)
{
	static const char *const passed[] = { "engine", NULL };
	struct cf_view *in;
	size_t value;
	enum det_err e;

	if ((e = cf_ends(w, 1, 1, 1, 1)) || (e = cf_params(w, "sigmoid_param")) ||
	    (e = cf_bottom(&in, w, 0)))
		return e;
	cf_ignore(w->p, passed);
	if (in->kind == CF_ROWS && in->score == CF_RAW)
		return score(w, CF_SIGMOID);
	return cf_unary(&value, w, "sigmoid");
}
