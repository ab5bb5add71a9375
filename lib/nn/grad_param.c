/* SPDX-License-Identifier: MIT
 *
 * The parameters of a network in training: copied from where they are found, each at an
 * aligned place of one store, with gradients in the same order behind.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/grad_plan.h"

static int
ends(const char *s, const char *end)
{
	size_t a = strlen(s), b = strlen(end);

	return a >= b && !strcmp(s + a - b, end);
}

/* By the suffix, and by whether the layer's first weight is a matrix: then `bias` is added to
 * its product. */
static enum det_param_role
role_of(const char *name, int of_product)
{
	if (ends(name, "bn.weight"))
		return DET_PARAM_SCALE;
	if (ends(name, "bn.bias"))
		return DET_PARAM_SHIFT;
	if (ends(name, ".mean"))
		return DET_PARAM_MEAN;
	if (ends(name, ".var"))
		return DET_PARAM_VAR;
	if (ends(name, ".weight"))
		return of_product ? DET_PARAM_WEIGHT : DET_PARAM_SCALE;
	return of_product ? DET_PARAM_BIAS : DET_PARAM_SHIFT;
}

/* conv (out,C,kh,kw), fc (out,in), local (OH,OW,out,C,kh,kw) */
static void
fans(struct det_param *p, const struct det_tensor *w)
{
	int first = w->rank == 6 ? 2 : 0, i;

	p->fan_in = w->dims[first + 1];
	p->fan_out = w->dims[first];
	for (i = first + 2; i < w->rank; i++) {
		p->fan_in *= w->dims[i];
		p->fan_out *= w->dims[i];
	}
}

/* What node n, the first that uses weight w, says of it. */
static void
describe(struct det_grad *g, const struct det_node *n, size_t w)
{
	struct det_param *p = &g->param[w];
	const struct det_tensor *first = &g->weight[g->net->use[n->weight]];
	int of_product = first->rank > 1;

	p->role = role_of(p->name, of_product);
	if (of_product && (p->role == DET_PARAM_WEIGHT || p->role == DET_PARAM_BIAS))
		fans(p, first);
}

static int
is_statistic(const struct det_param *p)
{
	return p->role == DET_PARAM_MEAN || p->role == DET_PARAM_VAR;
}

/* Finds all and sums their sizes up, in floats that keep each aligned. */
static enum det_err
find_all(struct det_grad *g, const struct det_weights *from, size_t *floats)
{
	const struct det_net *net = g->net;
	size_t w, n;
	enum det_err e;

	*floats = 0;
	for (w = 0; w < net->n_weights; w++) {
		struct det_param *p = &g->param[w];

		p->name = net->weight[w].name;
		if ((e = from->find(from->ctx, p->name, &g->weight[w])) ||
		    (e = det_net_check_weight(net, w, &g->weight[w], g->threads)) ||
		    (e = det_tensor_count(&p->count, &g->weight[w])) ||
		    (e = det_mul(&n, p->count, sizeof(float))) ||
		    (e = det_add(&n, n, DET_ALIGN)) ||
		    (e = det_add(floats, *floats,
			 det_pad(p->count * sizeof(float)) / sizeof(float))))
			return e;
		p->rank = g->weight[w].rank;
		memcpy(p->dims, g->weight[w].dims, sizeof p->dims);
	}
	return DET_OK;
}

enum det_err
det_grad_bind(struct det_grad *g, const struct det_weights *from)
{
	const struct det_net *net = g->net;
	size_t floats, at = 0, w, i, j;
	enum det_err e;

	g->n_params = net->n_weights;
	if ((e = det_calloc(&g->param, net->n_weights, sizeof *g->param)) ||
	    (e = det_calloc(&g->weight, net->n_weights, sizeof *g->weight)) ||
	    (e = det_calloc(&g->data, net->n_uses, sizeof *g->data)) ||
	    (e = det_calloc(&g->moved, net->n_uses, sizeof *g->moved)) ||
	    (e = det_calloc(&g->weight_grad, net->n_uses, sizeof *g->weight_grad)) ||
	    (e = find_all(g, from, &floats)) ||
	    (e = det_mul(&g->store_bytes, floats, 2 * sizeof(float))) ||
	    (e = det_calloc(&g->store, floats, 2 * sizeof(float))))
		return e;
	for (i = net->n_nodes; i-- > 0;)
		for (j = 0; j < net->node[i].n_weights; j++)
			describe(g, &net->node[i], net->use[net->node[i].weight + j]);
	for (w = 0; w < net->n_weights; w++) {
		struct det_param *p = &g->param[w];

		p->value = g->store + at;
		p->grad = is_statistic(p) ? NULL : g->store + floats + at;
		memcpy(p->value, g->weight[w].data, p->count * sizeof(float));
		if (from->done)
			from->done(
			    from->ctx, g->weight[w].data, p->count * sizeof(float));
		g->weight[w].data = p->value;
		at += det_pad(p->count * sizeof(float)) / sizeof(float);
	}
	return DET_OK;
}

void
det_grad_point(struct det_grad *g)
{
	size_t i;

	for (i = 0; i < g->net->n_uses; i++) {
		const struct det_param *p = &g->param[g->net->use[i]];

		g->data[i] = p->value;
		g->moved[i] = is_statistic(p) && !p->frozen ? p->value : NULL;
		g->weight_grad[i] = p->frozen ? NULL : p->grad;
	}
}

int
det_grad_learns(const struct det_grad *g, const struct det_node *n)
{
	size_t i;

	for (i = n->weight; i < n->weight + n->n_weights; i++)
		if (g->weight_grad[i])
			return 1;
	return 0;
}

size_t
det_grad_n_params(const struct det_grad *g)
{
	return g->n_params;
}

struct det_param *
det_grad_param(struct det_grad *g, size_t i)
{
	return i < g->n_params ? &g->param[i] : NULL;
}

size_t
det_grad_layers(const struct det_grad *g)
{
	size_t n = 0;

	for (size_t k = 0; k < g->net->n_nodes; k++)
		n += g->row[k].live;
	return n;
}

void
det_grad_layer(struct det_grad_layer *out, const struct det_grad *g, size_t i)
{
	const struct det_node *n;
	size_t k = 0;

	while (!g->row[k].live || i-- > 0)
		k++;
	n = &g->net->node[k];
	*out = (struct det_grad_layer){ .net = g->net->name,
		.name = n->name,
		.op = n->op ? n->op->name : "input",
		.param = g->net->use + n->weight,
		.n_params = n->n_weights };
	memcpy(out->dims, g->dims[k], sizeof out->dims);
}

void
det_grad_clear(struct det_grad *g)
{
	size_t i;

	for (i = 0; i < g->n_params; i++)
		if (g->param[i].grad)
			memset(g->param[i].grad, 0, g->param[i].count * sizeof(float));
}
