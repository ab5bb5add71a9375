/* SPDX-License-Identifier: MIT
 *
 * concat, slice, add: what Darknet calls route and shortcut.
 *
 * concat puts channels one after another. For a batch of one, a channel range of a map is
 * one piece of memory: the engine then lets the producers write into the result and only
 * what could not be placed there is copied (DET_OP_JOINS); a slice is a view.
 *
 * add sums maps of one shape. Its form `darknet` takes a second map of another shape, as
 * Darknet's shortcut_cpu does, with integer divisions of widths:
 *   stride = max(w1 / w2, 1), sample = max(w2 / w1, 1), over the common minima i, j, k:
 *   out[k, j*sample, i*sample] += b[k, j*stride, i*stride]
 * where 1 is b, 2 is a, and out begins as a copy of a.
 */
#include <math.h>
#include <string.h>

#include "nn/op.h"

#include "base/parallel.h"
#include "nn/block.h"

struct concat_args {
	char none;
};

static const struct det_key concat_keys[] = { DET_KEY_LAST };

static enum det_err
concat_shape(size_t out[4], const struct det_node *n, const size_t (*in)[4])
{
	size_t i, d, known = 1;

	memcpy(out, in[0], sizeof in[0]);
	for (i = 1; i < n->n_in; i++) {
		for (d = 2; d < 4; d++) { /* the planner looks at batches */
			if (out[d] && in[i][d] && out[d] != in[i][d])
				return det_fail(DET_INVALID,
				    "input %zu is %zux%zu, the ones before it %zux%zu",
				    i + 1, in[i][2], in[i][3], out[2], out[3]);
			if (!out[d])
				out[d] = in[i][d];
		}
		out[1] += in[i][1];
	}
	for (i = 0; i < n->n_in; i++)
		known &= in[i][1] != 0;
	if (!known)
		out[1] = 0;
	return DET_OK;
}

static int
concat_view(
    size_t *at, const struct det_node *n, const size_t in[4], const size_t out[4])
{
	(void)in;
	(void)out;
	*at = 0;
	return n->n_in == 1;
}

/* Each part is whole blocks, but the last, which ends as the result does. */
static int
concat_blocked(const struct det_node *n, const size_t (*in)[4], const size_t out[4])
{
	size_t i;

	(void)out;
	for (i = 0; i + 1 < n->n_in; i++)
		if (in[i][1] % DET_BLOCK)
			return 0;
	return 1;
}

/* Floats of one element of a batch, in the layout of the run. */
static size_t
one_map(const struct det_op_run *r, const size_t d[4])
{
	const size_t one[4] = { 1, d[1], d[2], d[3] };

	return det_layout_floats(r->blocked ? DET_BLOCKED : DET_PLAIN, one);
}

static void
concat_run(const struct det_op_run *r)
{
	size_t all = one_map(r, r->out_dims), i, b, at = 0, len;

	for (i = 0; i < r->n_in; i++, at += len) {
		len = one_map(r, r->in_dims[i]);
		for (b = 0; b < r->out_dims[0]; b++)
			det_op_copy(
			    r->out + b * all + at, r->in[i] + b * len, len, r->threads);
	}
}

static void
concat_backward(const struct det_op_back *b)
{
	size_t all = det_op_chw(b->out_dims), i, k, at = 0, len;

	for (i = 0; i < b->n_in; i++, at += len) {
		len = det_op_chw(b->in_dims[i]);
		for (k = 0; b->in_grad[i] && k < b->out_dims[0]; k++) {
			float *to = b->in_grad[i] + k * len;
			const float *from = b->out_grad + k * all + at;

			if (b->fresh[i])
				det_op_copy(to, from, len, b->threads);
			else
				det_op_add_to(to, from, len, b->threads);
		}
	}
}

const struct det_op det_op_concat = {
	.name = "concat",
	.traits = DET_OP_JOINS | DET_OP_SETS,
	.in_lo = 1,
	.in_hi = DET_OP_MAX_IN,
	.args_size = sizeof(struct concat_args),
	.keys = concat_keys,
	.fixed_act = -1,
	.shape = concat_shape,
	.view = concat_view,
	.blocked = concat_blocked,
	.run = concat_run,
	.backward = concat_backward,
};

/* --- slice --- */

struct slice_args {
	long from, n, groups, group;
};

static const struct det_key slice_keys[] = {
	DET_KEY_I("from", slice_args, from, 0, 1L << 24, 0),
	DET_KEY_I("n", slice_args, n, 0, 1L << 24, 0),
	DET_KEY_I("groups", slice_args, groups, 1, 1L << 24, 0),
	DET_KEY_I("group", slice_args, group, 0, 1L << 24, 0),
	DET_KEY_LAST,
};

static enum det_err
slice_check(const struct det_node *n)
{
	const struct slice_args *a = n->args;

	if (a->groups && (a->from || a->n))
		return det_fail(DET_INVALID, "slice: groups with from or n");
	if (a->group && a->group >= a->groups)
		return det_fail(DET_INVALID,
		    "slice: group %ld of %ld (they count from 0)", a->group, a->groups);
	return DET_OK;
}

static size_t
slice_from(const struct slice_args *a, size_t c)
{
	return a->groups ? c / (size_t)a->groups * (size_t)a->group : (size_t)a->from;
}

static enum det_err
slice_shape(size_t out[4], const struct det_node *n, const size_t (*in)[4])
{
	const struct slice_args *a = n->args;
	size_t c = in[0][1], from = slice_from(a, c);

	memcpy(out, in[0], sizeof in[0]);
	if (!c) {
		out[1] = (size_t)a->n;
		return DET_OK;
	}
	if (a->groups && c % (size_t)a->groups)
		return det_fail(
		    DET_INVALID, "%ld groups do not divide %zu channels", a->groups, c);
	out[1] = a->groups ? c / (size_t)a->groups
		 : a->n    ? (size_t)a->n
			   : c - (from < c ? from : c);
	if (!out[1] || from + out[1] > c)
		return det_fail(DET_INVALID,
		    "channels from %zu on, %zu of them, of %zu", from, out[1], c);
	return DET_OK;
}

static int
slice_view(
    size_t *at, const struct det_node *n, const size_t in[4], const size_t out[4])
{
	*at = slice_from(n->args, in[1]) * in[2] * in[3];
	return in[0] == 1 || in[1] == out[1];
}

/* Whole blocks, or all that there are: then the place and the length of a slice are the
 * same in both layouts. */
static int
slice_blocked(const struct det_node *n, const size_t (*in)[4], const size_t out[4])
{
	size_t from = slice_from(n->args, in[0][1]);

	return from % DET_BLOCK == 0 &&
	       (out[1] % DET_BLOCK == 0 || from + out[1] == in[0][1]);
}

static void
slice_run(const struct det_op_run *r)
{
	size_t at = slice_from(r->node->args, r->in_dims[0][1]) * r->out_dims[2] *
		    r->out_dims[3],
	       len = one_map(r, r->out_dims), all = one_map(r, r->in_dims[0]), b;

	for (b = 0; b < r->out_dims[0]; b++)
		det_op_copy(r->out + b * len, r->in[0] + b * all + at, len, r->threads);
}

static void
slice_backward(const struct det_op_back *b)
{
	const size_t *d = b->in_dims[0];
	size_t at = slice_from(b->node->args, d[1]) * d[2] * d[3], k;
	size_t len = det_op_chw(b->out_dims), all = det_op_chw(d);

	for (k = 0; b->in_grad[0] && k < d[0]; k++)
		det_op_add_to(b->in_grad[0] + k * all + at, b->out_grad + k * len, len,
		    b->threads);
}

const struct det_op det_op_slice = {
	.name = "slice",
	.in_lo = 1,
	.in_hi = 1,
	.args_size = sizeof(struct slice_args),
	.keys = slice_keys,
	.fixed_act = -1,
	.check = slice_check,
	.shape = slice_shape,
	.view = slice_view,
	.blocked = slice_blocked,
	.run = slice_run,
	.backward = slice_backward,
};

/* --- add --- */

struct add_args {
	struct det_act_args act;
	int darknet;
};

static const struct det_key add_keys[] = {
	DET_KEYS_ACT(add_args),
	DET_KEY_F("darknet", add_args, darknet),
	DET_KEY_LAST,
};

static enum det_err
add_check(const struct det_node *n)
{
	const struct add_args *a = n->args;

	if (a->darknet && n->n_in != 2)
		return det_fail(DET_INVALID, "add: darknet takes 2 inputs");
	return DET_OK;
}

static enum det_err
add_shape(size_t out[4], const struct det_node *n, const size_t (*in)[4])
{
	const struct add_args *a = n->args;
	size_t i, d;

	memcpy(out, in[0], sizeof in[0]);
	if (a->darknet) {
		/* the integer ratios of widths and heights must agree, as there */
		if (in[0][2] && in[0][3] && in[1][2] && in[1][3] &&
		    (in[1][3] / in[0][3] != in[1][2] / in[0][2] ||
			in[0][3] / in[1][3] != in[0][2] / in[1][2]))
			return det_fail(DET_INVALID,
			    "%zux%zu and %zux%zu differ by different factors", in[0][2],
			    in[0][3], in[1][2], in[1][3]);
		return DET_OK;
	}
	for (i = 1; i < n->n_in; i++)
		for (d = 1; d < 4; d++) {
			if (out[d] && in[i][d] && out[d] != in[i][d])
				return det_fail(DET_INVALID,
				    "input %zu is %zux%zux%zu, the first %zux%zux%zu",
				    i + 1, in[i][1], in[i][2], in[i][3], in[0][1],
				    in[0][2], in[0][3]);
			if (!out[d])
				out[d] = in[i][d];
		}
	return DET_OK;
}

static double
add_flop(const struct det_node *n, const size_t (*in)[4], const size_t out[4])
{
	(void)in;
	return (double)(n->n_in - 1) * (double)out[0] * (double)det_op_chw(out);
}

/* Calls back to what Darknet's shortcut joins: rows of `count` values, every `sample`-th of
 * a's map from `at_a` on with every `stride`-th of b's from `at_b` on. */
struct shortcut_row {
	size_t at_a, at_b, sample, stride, count;
};

static void
shortcut_rows(const size_t a[4], const size_t b[4],
    void (*fn)(const void *ctx, const struct shortcut_row *r), const void *ctx)
{
	size_t c = a[1] < b[1] ? a[1] : b[1], h = a[2] < b[2] ? a[2] : b[2], n, k, j;
	struct shortcut_row r = { .stride = b[3] > a[3] ? b[3] / a[3] : 1,
		.sample = a[3] > b[3] ? a[3] / b[3] : 1,
		.count = a[3] < b[3] ? a[3] : b[3] };

	for (n = 0; n < a[0]; n++)
		for (k = 0; k < c; k++)
			for (j = 0; j < h; j++) {
				r.at_a = ((n * a[1] + k) * a[2] + j * r.sample) * a[3];
				r.at_b = ((n * b[1] + k) * b[2] + j * r.stride) * b[3];
				fn(ctx, &r);
			}
}

static void
shortcut_add(const void *ctx, const struct shortcut_row *s)
{
	const struct det_op_run *r = ctx;
	float *out = r->out + s->at_a;
	const float *in = r->in[1] + s->at_b;
	size_t i;

	for (i = 0; i < s->count; i++)
		out[i * s->sample] += in[i * s->stride];
}

static void
add_darknet(const struct det_op_run *r)
{
	size_t all = r->out_dims[0] * det_op_chw(r->out_dims);

	det_op_copy(r->out, r->in[0], all, r->threads);
	shortcut_rows(r->in_dims[0], r->in_dims[1], shortcut_add, r);
	det_op_activate(r->out, r->out, all, r->act, r->alpha, r->threads);
}

static void
shortcut_back(const void *ctx, const struct shortcut_row *s)
{
	const struct det_op_back *b = ctx;
	const float *g = b->out_grad + s->at_a;
	float *in = b->in_grad[1] + s->at_b;
	size_t i;

	for (i = 0; i < s->count; i++)
		in[i * s->stride] += g[i * s->sample];
}

static int
is_darknet(const struct add_args *a, const size_t (*in)[4])
{
	return a->darknet && memcmp(in[0], in[1], sizeof in[0]);
}

static int
add_blocked(const struct det_node *n, const size_t (*in)[4], const size_t out[4])
{
	(void)out;
	return !is_darknet(n->args, in);
}

#define ADD_CHUNK ((size_t)16384)

static void
add_part(const void *ctx, size_t part, int worker)
{
	const struct det_op_run *r = ctx;
	size_t all = det_op_floats(r), i = part * ADD_CHUNK, t;
	const float *x[DET_OP_MAX_IN];

	(void)worker;
	for (t = 0; t < r->n_in; t++)
		x[t] = r->in[t] + i;
	det_block_kernels()->sum(r->out + i, x, r->n_in,
	    all - i < ADD_CHUNK ? all - i : ADD_CHUNK, r->act, r->alpha);
}

static void
add_run(const struct det_op_run *r)
{
	if (is_darknet(r->node->args, r->in_dims))
		add_darknet(r);
	else
		det_parallel(r->threads, (det_op_floats(r) + ADD_CHUNK - 1) / ADD_CHUNK,
		    add_part, r);
}

static void
add_backward(const struct det_op_back *b)
{
	size_t all = b->out_dims[0] * det_op_chw(b->out_dims), k;
	int darknet = is_darknet(b->node->args, b->in_dims);

	for (k = 0; k < b->n_in; k++) {
		if (!b->in_grad[k])
			continue;
		if (k == 1 && darknet)
			shortcut_rows(b->in_dims[0], b->in_dims[1], shortcut_back, b);
		else
			det_op_add_to(b->in_grad[k], b->out_grad, all, b->threads);
	}
}

const struct det_op det_op_add = {
	.name = "add",
	.traits = DET_OP_ACT | DET_OP_INPLACE | DET_OP_ADDS,
	.in_lo = 2,
	.in_hi = DET_OP_MAX_IN,
	.args_size = sizeof(struct add_args),
	.keys = add_keys,
	.fixed_act = -1,
	.check = add_check,
	.shape = add_shape,
	.flop = add_flop,
	.blocked = add_blocked,
	.run = add_run,
	.backward = add_backward,
};
