/* SPDX-License-Identifier: MIT
 *
 * Reverse-mode differentiation of a network: the layers in order, every value kept; then in
 * the opposite order, each turning the gradient by its output into those by its inputs and
 * weights (op.h, det_op_back). Where several layers read a value their gradients add up.
 *
 * What goes through an activation is done here, once for all operators: the gradient is
 * multiplied with its derivative before the operator sees it.
 *
 * Non-finite numbers are looked for where they end up (outputs; gradients of weights and
 * inputs); only when there are any are the layers searched for where they began.
 */
#include "nn/grad_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/finite.h"
#include "base/mem.h"
#include "base/parallel.h"

static enum det_err
fail_at(enum det_err e, const struct det_grad *g, size_t i)
{
	const struct det_node *n = &g->net->node[i];

	return det_fail_in(e, "%s:%d: layer '%s'", g->net->file, n->line, n->name);
}

static enum det_err
check_operators(const struct det_grad *g)
{
	size_t i;

	for (i = 0; i < g->net->n_nodes; i++) {
		const struct det_op *op = g->net->node[i].op;

		/* a fold or a way is the engine's business: the layer must do it itself */
		if (g->row[i].live && op && !op->train_forward &&
		    (op->traits & DET_OP_FOLDS || op->ways))
			return fail_at(det_fail(DET_UNSUPPORTED,
					   "operator '%s' can't be trained", op->name),
			    g, i);
	}
	return DET_OK;
}

static void
mark_live(struct det_grad *g)
{
	const struct det_net *net = g->net;
	size_t i, k;

	for (i = 0; i < net->n_outputs; i++)
		g->row[net->output[i].node].live = 1;
	for (i = net->n_nodes; i-- > 0;)
		for (k = 0; g->row[i].live && k < net->node[i].n_in; k++)
			g->row[net->node[i].in[k]].live = 1;
}

enum det_err
det_grad_new(struct det_grad **out, const struct det_net *net,
    const struct det_weights *w, const struct det_grad_params *p)
{
	struct det_grad *g = NULL;
	enum det_err e;

	if ((e = det_calloc(&g, 1, sizeof *g)))
		return e;
	g->net = net;
	g->p = *p;
	if (g->p.bn_momentum < 0)
		g->p.bn_momentum = p->form == DET_BN_TORCH ? .1 : .01;
	g->threads = p->threads > 0 ? p->threads : det_cpu_cores();
	if (net->n_inputs > DET_OP_MAX_IN) {
		e = det_fail(
		    DET_LIMIT, "%s: more than %d inputs", net->file, DET_OP_MAX_IN);
		goto fail;
	}
	if ((e = det_calloc(&g->row, net->n_nodes, sizeof *g->row)) ||
	    (e = det_calloc(&g->dims, net->n_nodes, sizeof *g->dims)))
		goto fail;
	mark_live(g);
	if ((e = check_operators(g)) || (e = det_grad_bind(g, w)))
		goto fail;
	*out = g;
	return DET_OK;
fail:
	det_grad_free(g);
	return e;
}

void
det_grad_free(struct det_grad *g)
{
	if (!g)
		return;
	free(g->param);
	free(g->weight);
	free(g->store);
	free(g->data);
	free(g->moved);
	free(g->weight_grad);
	free(g->row);
	free(g->dims);
	free(g->values.at);
	free(g->grads.at);
	free(g->scratch.at);
	free(g);
}

/* --- forward --- */

/* Whether a layer's batch normalisation goes by its running statistics: 1, or 0; or -1 where
 * it has none. */
static int
by_running(const struct det_grad *g, const struct det_node *n, int train)
{
	int found = -1;
	size_t i;

	for (i = n->weight; i < n->weight + n->n_weights; i++) {
		const struct det_param *p = &g->param[g->net->use[i]];

		if (p->role == DET_PARAM_MEAN)
			found = !train || g->p.bn_frozen || p->frozen;
	}
	return found;
}

/* A number for each layer of each run: distinct inputs give unrelated ones. */
static unsigned long long
layer_seed(unsigned long long seed, unsigned long long run, size_t layer)
{
	unsigned long long v[2] = { run, layer };
	int i;

	for (i = 0; i < 2; i++) {
		seed = (seed ^ v[i]) + 0x9e3779b97f4a7c15ull;
		seed = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9ull;
		seed = (seed ^ seed >> 27) * 0x94d049bb133111ebull;
		seed ^= seed >> 31;
	}
	return seed;
}

static enum det_err
set_statistics(struct det_grad *g, int train)
{
	size_t i;

	for (i = 0; i < g->net->n_nodes; i++) {
		const struct det_node *n = &g->net->node[i];
		const size_t *d = g->dims[i];
		int running = by_running(g, n, train);

		g->row[i].stats = running != 0;
		if (running == 0 && g->row[i].live && d[0] * d[2] * d[3] == 1)
			return fail_at(
			    det_fail(DET_INVALID,
				"batch normalisation in training needs more than one "
				"value a channel"),
			    g, i);
	}
	return DET_OK;
}

static void
forward_layer(struct det_grad *g, size_t i, unsigned long long run)
{
	const struct det_node *n = &g->net->node[i];
	const struct det_grad_row *row = &g->row[i];
	const float *in[DET_OP_MAX_IN];
	size_t dims[DET_OP_MAX_IN][4], k;
	float alpha;
	enum det_act act = det_grad_act(n, &alpha);
	struct det_op_train t = {
		.run = { .node = n,
		    .n_in = n->n_in,
		    .in = in,
		    .in_dims = (const size_t(*)[4])dims,
		    .out = row->pre ? row->pre : row->value,
		    .out_dims = g->dims[i],
		    .weight = g->data + n->weight,
		    .act = row->pre ? DET_ACT_LINEAR : act,
		    .alpha = alpha,
		    .scratch = g->scratch.at,
		    .threads = g->threads },
		.moved = g->moved + n->weight,
		.saved = row->saved,
		.train = g->train,
		.frozen = row->stats,
		.momentum = g->p.bn_momentum,
		.darknet = g->p.form == DET_BN_DARKNET_FORM,
		.seed = layer_seed(g->p.seed, run, i),
	};

	for (k = 0; k < n->n_in; k++)
		in[k] = k < det_op_reads(n) ? g->row[n->in[k]].value : NULL;
	det_net_in_dims(dims, n, (const size_t(*)[4])g->dims);
	if (n->op->train_forward)
		n->op->train_forward(&t);
	else
		n->op->run(&t.run);
	if (row->pre)
		det_op_activate(
		    row->value, row->pre, row->count, act, alpha, g->threads);
}

/* Some output is not finite: says where that began. */
static enum det_err
blame_forward(const struct det_grad *g)
{
	size_t i, bad, each;

	for (i = 0; i < g->net->n_nodes; i++) {
		const struct det_grad_row *r = &g->row[i];

		if (!r->live || !r->count)
			continue;
		bad = det_finite_first(r->value, r->count, g->threads);
		if (bad == r->count)
			continue;
		each = det_op_chw(g->dims[i]);
		return fail_at(
		    det_fail(DET_INVALID, "%s at index %zu of image %zu of the batch",
			r->value[bad] != r->value[bad] ? "NaN" : "infinity", bad % each,
			bad / each),
		    g, i);
	}
	return det_fail(DET_INVALID, "network '%s': NaN or infinity", g->net->name);
}

static enum det_err
check_outputs(const struct det_grad *g)
{
	size_t i;

	for (i = 0; i < g->net->n_outputs; i++) {
		const struct det_grad_row *r = &g->row[g->net->output[i].node];

		if (det_finite_first(r->value, r->count, g->threads) < r->count)
			return blame_forward(g);
	}
	return DET_OK;
}

enum det_err
det_grad_forward(
    struct det_grad *g, const struct det_tensor *in, int train, unsigned long long run)
{
	size_t i;
	enum det_err e;

	g->ran = 0;
	g->train = train;
	for (i = 0; i < g->net->n_inputs; i++)
		if ((e = det_net_check_input(g->net, i, &in[i], g->threads)))
			return e;
	det_grad_point(g);
	if ((e = det_grad_plan_values(g, in)) || (e = set_statistics(g, train)))
		return e;
	det_parallel_begin();
	for (i = 0; i < g->net->n_nodes; i++)
		if (g->net->node[i].op && g->row[i].live && g->row[i].count &&
		    !g->row[i].view)
			forward_layer(g, i, run);
	e = check_outputs(g);
	det_parallel_end();
	g->ran = !e;
	return e;
}

size_t
det_grad_outputs(const struct det_grad *g)
{
	return g->net->n_outputs;
}

const char *
det_grad_output(const struct det_grad *g, size_t i, struct det_tensor *out)
{
	const struct det_net_out *o = &g->net->output[i];

	if (i >= g->net->n_outputs)
		return NULL;
	if (out && g->ran) {
		*out = (struct det_tensor){
			.dtype = DET_F32, .rank = 4, .data = g->row[o->node].value
		};
		memcpy(out->dims, g->dims[o->node], sizeof *g->dims);
	}
	return o->name;
}

/* --- backward --- */

/* The memory of a gradient that is going to be added to. */
static float *
receive(struct det_grad *g, size_t i)
{
	struct det_grad_row *r = &g->row[i];

	if (!r->born)
		memset(r->grad, 0, r->count * sizeof *r->grad);
	r->born = 1;
	return r->grad;
}

/* Adds what the caller gives for output node i. */
static void
take_outputs(struct det_grad *g, size_t i, const float *const *out_grad)
{
	struct det_grad_row *r = &g->row[i];
	size_t k;

	for (k = 0; k < g->net->n_outputs; k++) {
		if (g->net->output[k].node != i || !out_grad[k])
			continue;
		if (r->born)
			det_op_add_to(r->grad, out_grad[k], r->count, g->threads);
		else
			det_op_copy(r->grad, out_grad[k], r->count, g->threads);
		r->born = 1;
	}
}

static void
run_backward(struct det_grad *g, size_t i)
{
	const struct det_node *n = &g->net->node[i];
	const struct det_grad_row *row = &g->row[i];
	const float *in[DET_OP_MAX_IN];
	float *in_grad[DET_OP_MAX_IN];
	size_t dims[DET_OP_MAX_IN][4], k, wanted = 0;
	struct det_op_back b = { .node = n,
		.n_in = n->n_in,
		.in = in,
		.in_dims = (const size_t(*)[4])dims,
		.out = row->value,
		.out_dims = g->dims[i],
		.out_grad = row->grad,
		.in_grad = in_grad,
		.weight = g->data + n->weight,
		.weight_grad = g->weight_grad + n->weight,
		.saved = row->saved,
		.scratch = g->scratch.at,
		.threads = g->threads,
		.frozen = row->stats,
		.darknet = g->p.form == DET_BN_DARKNET_FORM };

	for (k = 0; k < n->n_in; k++) {
		size_t j = n->in[k];
		int read = k < det_op_reads(n);

		in[k] = read ? g->row[j].value : NULL;
		in_grad[k] = NULL;
		if (read && j != row->heir && g->row[j].wants) {
			b.fresh[k] = !g->row[j].born && n->op->traits & DET_OP_SETS;
			if (b.fresh[k])
				g->row[j].born = 1;
			in_grad[k] = receive(g, j);
			wanted++;
		}
	}
	if (!wanted && !det_grad_learns(g, n))
		return;
	det_net_in_dims(dims, n, (const size_t(*)[4])g->dims);
	n->op->backward(&b);
}

static enum det_err
backward_layer(struct det_grad *g, size_t i, int search)
{
	const struct det_node *n = &g->net->node[i];
	struct det_grad_row *r = &g->row[i];
	enum det_act act;
	float alpha;
	size_t bad;

	if (search &&
	    (bad = det_finite_first(r->grad, r->count, g->threads)) < r->count)
		return fail_at(
		    det_fail(DET_INVALID,
			"%s in the gradient by its output, at index %zu of "
			"image %zu of the batch",
			r->grad[bad] != r->grad[bad] ? "NaN" : "infinity",
			bad % det_op_chw(g->dims[i]), bad / det_op_chw(g->dims[i])),
		    g, i);
	if (!n->op)
		return DET_OK;
	act = det_grad_act(n, &alpha);
	if (!r->view)
		det_grad_act_back(
		    r->grad, r->value, r->pre, r->count, act, alpha, g->threads);
	run_backward(g, i);
	if (r->heir != DET_GRAD_NONE)
		g->row[r->heir].born = 1;
	return DET_OK;
}

static enum det_err
check_trainable(const struct det_grad *g)
{
	size_t i;

	for (i = 0; i < g->net->n_nodes; i++)
		if (g->row[i].wants && g->net->node[i].op &&
		    !g->net->node[i].op->backward)
			return fail_at(det_fail(DET_UNSUPPORTED,
					   "operator '%s' has no backward pass",
					   g->net->node[i].op->name),
			    g, i);
	return DET_OK;
}

/* search: stops at the first layer whose gradient is not finite. */
static enum det_err
pass(
    struct det_grad *g, const float *const *out_grad, float *const *in_grad, int search)
{
	size_t i;
	enum det_err e;

	if ((e = det_grad_plan_back(g, in_grad)) || (e = check_trainable(g)))
		return e;
	for (i = g->net->n_nodes; i-- > 0;) {
		struct det_grad_row *r = &g->row[i];

		if (r->wants && r->live && r->count) {
			take_outputs(g, i, out_grad);
			if (r->born && (e = backward_layer(g, i, search)))
				return e;
		}
		if (r->wants && !g->net->node[i].op)
			(void)receive(g, i);
	}
	return DET_OK;
}

/* All that the caller gets to see is finite: NULL, or the name of what is not. */
static const char *
find_odd(const struct det_grad *g, float *const *in_grad)
{
	size_t i;

	for (i = 0; i < g->net->n_inputs; i++) {
		size_t n = g->row[g->net->input[i]].count;

		if (in_grad[i] && det_finite_first(in_grad[i], n, g->threads) < n)
			return g->net->node[g->net->input[i]].name;
	}
	for (i = 0; i < g->n_params; i++) {
		const struct det_param *p = &g->param[i];

		if (p->grad && !p->frozen &&
		    det_finite_first(p->grad, p->count, g->threads) < p->count)
			return p->name;
	}
	return NULL;
}

enum det_err
det_grad_backward(
    struct det_grad *g, const float *const *out_grad, float *const *in_grad)
{
	float *none[DET_OP_MAX_IN] = { NULL };
	const char *odd;
	enum det_err e;

	if (!g->ran)
		return det_fail(
		    DET_INVALID, "network '%s': backward before forward", g->net->name);
	if (!in_grad)
		in_grad = none;
	det_parallel_begin();
	e = pass(g, out_grad, in_grad, 0);
	if (!e && (odd = find_odd(g, in_grad)) && !(e = pass(g, out_grad, in_grad, 1)))
		e = det_fail(DET_INVALID, "the gradient of '%s' is not finite", odd);
	det_parallel_end();
	return e;
}

static double
flop_of(const struct det_grad *g, size_t i)
{
	const struct det_node *n = &g->net->node[i];
	size_t dims[DET_OP_MAX_IN][4], k;
	double f, times = 1;

	if (!n->op || !n->op->flop || !g->row[i].live)
		return 0;
	det_net_in_dims(dims, n, (const size_t(*)[4])g->dims);
	f = n->op->flop(n, (const size_t(*)[4])dims, g->dims[i]);
	for (k = 0; k < n->n_in; k++)
		if (g->row[n->in[k]].wants) {
			times++;
			break;
		}
	return f * (times + (g->row[i].wants && det_grad_learns(g, n)));
}

void
det_grad_stats(const struct det_grad *g, struct det_grad_stats *s)
{
	size_t i;

	*s = (struct det_grad_stats){ .params = g->store_bytes };
	if (!g->planned)
		return;
	s->values = g->value_bytes;
	s->value_grads = g->grad_bytes;
	s->scratch = g->scratch_bytes;
	for (i = 0; i < g->net->n_nodes; i++)
		s->flop += flop_of(g, i);
}
