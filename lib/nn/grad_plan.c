/* SPDX-License-Identifier: MIT
 *
 * Where the values and the gradients of a network in training lie.
 *
 * Values live until the next forward pass: they lie one after another, views inside what they
 * view. Gradients of values live from the first layer that adds to one, which is the last
 * that reads the value, to the layer whose own it is: nn/arena.h places them by that.
 *
 * A gradient that a layer passes on as it is (views, activations by themselves after the
 * derivative, sums) is not copied: the memory becomes that of one input's, its heir's. For that
 * the layer must be the last reader of the input, so that it is the first to write there.
 */
#include "nn/grad_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/arena.h"

static enum det_err
reserve(struct det_grad_memory *m, size_t size)
{
	enum det_err e;

	if (size < DET_ALIGN)
		size = DET_ALIGN;
	if (size <= m->size)
		return DET_OK;
	free(m->at);
	*m = (struct det_grad_memory){ 0 };
	if ((e = det_alloc(&m->at, size, 1)))
		return e;
	m->size = size;
	return DET_OK;
}

/* Takes n floats of a memory that is *size bytes so far; *at is where. */
static enum det_err
take(size_t *at, size_t *size, size_t n)
{
	size_t bytes;
	enum det_err e;

	if ((e = det_mul(&bytes, n, sizeof(float))) ||
	    (e = det_add(&bytes, bytes, DET_ALIGN - 1)))
		return e;
	*at = *size;
	return det_add(size, *size, det_pad(bytes - (DET_ALIGN - 1)));
}

static int
is_view(const struct det_grad *g, size_t i, size_t *at)
{
	const struct det_node *n = &g->net->node[i];

	*at = 0;
	return n->op->view && !n->op->train_forward &&
	       n->op->view(at, n, g->dims[n->in[0]], g->dims[i]);
}

/* Scratch of a layer, both ways. */
static size_t
scratch_of(const struct det_grad *g, size_t i)
{
	const struct det_node *n = &g->net->node[i];
	size_t in[DET_OP_MAX_IN][4], a = 0, b = 0;
	const size_t(*d)[4] = (const size_t(*)[4])in;

	det_net_in_dims(in, n, (const size_t(*)[4])g->dims);
	if (n->op->back_scratch)
		a = n->op->back_scratch(n, d, g->dims[i], g->threads);
	if (n->op->scratch && !n->op->train_forward)
		b = n->op->scratch(n, d, g->dims[i], g->threads);
	return a > b ? a : b;
}

/* Offsets of one layer's memory among the values; they become addresses when all is known. */
struct place {
	size_t value, pre, saved;
};

static enum det_err
place_layer(struct det_grad *g, struct place *p, size_t i)
{
	const struct det_node *n = &g->net->node[i];
	struct det_grad_row *r = &g->row[i];
	size_t in[DET_OP_MAX_IN][4], at, need;
	float alpha;
	enum det_err e = DET_OK;

	r->view = 0;
	r->count = g->dims[i][0] * det_op_chw(g->dims[i]);
	p->value = p->pre = p->saved = DET_GRAD_NONE;
	if (!n->op || !r->live || !r->count)
		return DET_OK;
	if ((r->view = (unsigned char)is_view(g, i, &at)))
		return DET_OK;
	det_net_in_dims(in, n, (const size_t(*)[4])g->dims);
	need = n->op->train_saved
		   ? n->op->train_saved(n, (const size_t(*)[4])in, g->dims[i])
		   : 0;
	e = take(&p->value, &g->value_bytes, r->count);
	if (!e && det_grad_act_needs_input(det_grad_act(n, &alpha)))
		e = take(&p->pre, &g->value_bytes, r->count);
	if (!e && need)
		e = take(&p->saved, &g->value_bytes, need);
	need = scratch_of(g, i);
	if (need > g->scratch_bytes)
		g->scratch_bytes = need;
	return e;
}

static float *
address(const struct det_grad *g, size_t at)
{
	return at == DET_GRAD_NONE ? NULL : (float *)(void *)(g->values.at + at);
}

static enum det_err
place_values(struct det_grad *g)
{
	struct place *p = NULL;
	size_t i, n = g->net->n_nodes;
	enum det_err e;

	g->value_bytes = g->scratch_bytes = 0;
	if ((e = det_calloc(&p, n, sizeof *p)))
		return e;
	for (i = 0; !e && i < n; i++)
		e = place_layer(g, &p[i], i);
	if (e || (e = reserve(&g->values, g->value_bytes)) ||
	    (e = reserve(&g->scratch, g->scratch_bytes)))
		goto out;
	for (i = 0; i < n; i++) {
		g->row[i].value = address(g, p[i].value);
		g->row[i].pre = address(g, p[i].pre);
		g->row[i].saved = address(g, p[i].saved);
	}
out:
	free(p);
	return e ? det_fail_in(e, "the values of network '%s'", g->net->name) : DET_OK;
}

static int
same_inputs(const struct det_grad *g, const struct det_tensor *in)
{
	size_t i;

	for (i = 0; i < g->net->n_inputs; i++)
		if (memcmp(g->dims[g->net->input[i]], in[i].dims, sizeof *g->dims))
			return 0;
	return g->planned;
}

enum det_err
det_grad_plan_values(struct det_grad *g, const struct det_tensor *in)
{
	const struct det_net *net = g->net;
	unsigned char *live = NULL;
	size_t i, at;
	enum det_err e;

	if (!same_inputs(g, in)) {
		g->planned = 0;
		if ((e = det_alloc(&live, net->n_nodes, 1)))
			return e;
		for (i = 0; i < net->n_nodes; i++)
			live[i] = g->row[i].live;
		e = det_net_set_sizes(net, g->dims, live, in, g->weight);
		free(live);
		if (e || (e = place_values(g)))
			return e;
		g->planned = 1;
	}
	for (i = 0; i < net->n_inputs; i++)
		g->row[net->input[i]].value = in[i].data;
	for (i = 0; i < net->n_nodes; i++)
		if (g->row[i].view) {
			(void)is_view(g, i, &at);
			g->row[i].value = g->row[net->node[i].in[0]].value + at;
		}
	return DET_OK;
}

/* --- gradients --- */

/* Whether the layer hands its gradient, when through its activation, on to input k as is. */
static int
passes(const struct det_grad *g, size_t i, size_t k)
{
	const struct det_node *n = &g->net->node[i];

	if (g->row[n->in[k]].count != g->row[i].count)
		return 0;
	if (n->op->traits & DET_OP_ADDS)
		return !memcmp(g->dims[i], g->dims[n->in[k]], sizeof *g->dims);
	return g->row[i].view || n->op->traits & DET_OP_ACTIVATES;
}

static int
occurs_once(const struct det_node *n, size_t k)
{
	size_t j;

	for (j = 0; j < n->n_in; j++)
		if (j != k && n->in[j] == n->in[k])
			return 0;
	return 1;
}

/* The first input that may have this layer's memory. */
static size_t
choose_heir(const struct det_grad *g, size_t i, const size_t *last)
{
	const struct det_node *n = &g->net->node[i];
	size_t k;

	for (k = 0; n->op && k < det_op_reads(n); k++) {
		size_t j = n->in[k];

		if (g->row[j].wants && g->net->node[j].op && last[j] == i &&
		    occurs_once(n, k) && passes(g, i, k))
			return j;
	}
	return DET_GRAD_NONE;
}

static void
mark_wanted(struct det_grad *g, float *const *in_grad)
{
	const struct det_net *net = g->net;
	size_t i, k;

	for (i = 0; i < net->n_inputs; i++)
		g->row[net->input[i]].wants = in_grad[i] != NULL;
	for (i = 0; i < net->n_nodes; i++) {
		const struct det_node *n = &net->node[i];
		struct det_grad_row *r = &g->row[i];

		r->born = 0;
		r->grad = NULL;
		r->heir = DET_GRAD_NONE;
		if (!n->op)
			continue;
		r->wants = (unsigned char)(r->live && det_grad_learns(g, n));
		for (k = 0; r->live && k < det_op_reads(n); k++)
			r->wants |= g->row[n->in[k]].wants;
	}
}

/* last[i] = the last layer with a gradient that reads i, or i itself; span[i]: of the memory
 * that begins with i; head[i] = the layer whose memory i's gradient is. Times count
 * backward. */
static enum det_err
lay_out(struct det_grad *g, size_t *last, size_t *head, struct det_span *span)
{
	const struct det_net *net = g->net;
	size_t n = net->n_nodes, i, j, k, used = 0;
	enum det_err e;

	for (i = 0; i < n; i++) {
		last[i] = head[i] = i;
		for (k = 0; g->row[i].wants && net->node[i].op &&
			    k < det_op_reads(&net->node[i]);
		     k++)
			last[net->node[i].in[k]] = i;
	}
	for (i = n; i-- > 0;) {
		if (!g->row[i].wants || !net->node[i].op)
			continue;
		if ((j = g->row[i].heir = choose_heir(g, i, last)) != DET_GRAD_NONE)
			head[j] = head[i];
		span[head[i]].last = n - 1 - i;
		if (head[i] != i)
			continue;
		span[i].first = n - 1 - last[i];
		span[i].size = det_pad(g->row[i].count * sizeof(float));
	}
	/* those that are the memory of something, moved together for the placement */
	for (i = 0; i < n; i++)
		if (span[i].size) {
			last[i] = used;
			span[used++] = span[i];
		}
	if ((e = det_arena_place(span, used, &g->grad_bytes)) ||
	    (e = reserve(&g->grads, g->grad_bytes)))
		return e;
	for (i = 0; i < n; i++)
		if (g->row[i].wants && net->node[i].op && g->row[i].count)
			g->row[i].grad =
			    (float *)(void *)(g->grads.at + span[last[head[i]]].at);
	return DET_OK;
}

enum det_err
det_grad_plan_back(struct det_grad *g, float *const *in_grad)
{
	size_t n = g->net->n_nodes, *last = NULL, *head = NULL, i;
	struct det_span *span = NULL;
	enum det_err e;

	mark_wanted(g, in_grad);
	if ((e = det_calloc(&last, n, sizeof *last)) ||
	    (e = det_calloc(&head, n, sizeof *head)) ||
	    (e = det_calloc(&span, n, sizeof *span)))
		goto out;
	if ((e = lay_out(g, last, head, span)))
		e = det_fail_in(e, "the gradients of network '%s'", g->net->name);
	for (i = 0; i < g->net->n_inputs; i++)
		g->row[g->net->input[i]].grad = in_grad[i];
out:
	free(last);
	free(head);
	free(span);
	return e;
}
