/* SPDX-License-Identifier: MIT
 *
 * Which weights a network needs, and which layers share them.
 *
 * A layer's weights are stored under its own name, or under the one that its line, or the
 * line of the instance around it, gives with weights=NAME. Where a layer bears that name and
 * takes its weights from a third, so does this one. Every stored name is listed once, at the
 * layer that needs it first; all users must want the same shape. A dim that one user leaves
 * open (an fc behind an input of any size) is settled by any other.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "nn/graph.h"

#define MAX_HOPS 64 /* a layer that takes from one that takes from one ... */

static enum det_err
fail_at(enum det_err e, const struct det_net *net, const struct det_node *n)
{
	return det_fail_in(e, "%s:%d: layer '%s'", net->file, n->line, n->name);
}

/* The name under which the weights of n are stored. */
static enum det_err
stored_name(const char **name, const struct det_net *net, const struct det_node *n)
{
	const struct det_node *from = n;
	size_t at, hops;

	for (hops = 0; from->weights; hops++) {
		*name = from->weights;
		if (!det_net_find(net, &at, from->weights))
			return DET_OK;
		from = &net->node[at];
		if (!from->op || !from->op->weight)
			return fail_at(
			    det_fail(DET_INVALID, "weights=%s has no weights", *name),
			    net, n);
		if (hops == MAX_HOPS)
			return fail_at(det_fail(DET_INVALID,
					   "weights=%s leads from layer to layer more "
					   "than %d times",
					   n->weights, MAX_HOPS),
			    net, n);
	}
	*name = from->name;
	return DET_OK;
}

/* Whether both can be had from one tensor; *a gets what only b knows. */
static int
agree(struct det_tensor *a, const struct det_tensor *b)
{
	int i;

	if (a->rank != b->rank)
		return 0;
	for (i = 0; i < a->rank; i++) {
		if (a->dims[i] && b->dims[i] && a->dims[i] != b->dims[i])
			return 0;
		if (!a->dims[i])
			a->dims[i] = b->dims[i];
	}
	return 1;
}

static enum det_err
add_use(struct det_net *net, struct det_node *n, size_t weight)
{
	enum det_err e;

	if ((e = det_grow(
		 &net->use, &net->cap_uses, net->n_uses + 1, sizeof *net->use)))
		return e;
	net->use[net->n_uses++] = weight;
	n->n_weights++;
	return DET_OK;
}

/* Notes that n needs the weight of this full name (malloc'd, taken over). */
static enum det_err
need(struct det_net *net, struct det_names *seen, struct det_node *n, char *name,
    const struct det_tensor *shape)
{
	char a[128], b[128];
	struct det_net_weight *w;
	size_t at;
	enum det_err e;

	if (det_names_find(seen, &at, name)) {
		w = &net->weight[at];
		free(name);
		if (agree(&w->shape, shape))
			return add_use(net, n, at);
		return fail_at(
		    det_fail(DET_INVALID, "wants '%s' as %s, a layer before it as %s",
			w->name, det_shape_text(a, sizeof a, shape),
			det_shape_text(b, sizeof b, &w->shape)),
		    net, n);
	}
	if ((e = det_grow(&net->weight, &net->cap_weights, net->n_weights + 1,
		 sizeof *net->weight))) {
		free(name);
		return e;
	}
	net->weight[net->n_weights] =
	    (struct det_net_weight){ .name = name, .shape = *shape };
	if ((e = det_names_add(seen, name, net->n_weights++)))
		return e;
	return add_use(net, n, net->n_weights - 1);
}

/* The weights that one layer wants, with the shapes that are settled. */
static enum det_err
list_layer(struct det_net *net, struct det_names *seen, struct det_node *n)
{
	size_t in[DET_OP_MAX_IN][4], i, len;
	struct det_tensor shape;
	const char *suffix, *stored = NULL;
	struct det_buf b;
	enum det_err e;

	if ((e = stored_name(&stored, net, n)))
		return e;
	for (i = 0; i < n->n_in; i++)
		memcpy(in[i], net->node[n->in[i]].dims, sizeof in[i]);
	for (i = 0;; i++) {
		shape = (struct det_tensor){ .dtype = DET_F32 };
		suffix = n->op->weight(&shape, n, i, (const size_t(*)[4])in, n->dims);
		if (!suffix)
			return DET_OK;
		if ((e = det_tensor_bytes(&len, &shape)))
			return fail_at(e, net, n);
		b = (struct det_buf){ 0 };
		if ((e = det_buf_printf(&b, "%s/%s.%s", net->name, stored, suffix)) ||
		    (e = need(net, seen, n, b.text, &shape)))
			return e;
	}
}

enum det_err
det_net_list_weights(struct det_net *net)
{
	struct det_names seen = { 0 };
	enum det_err e = DET_OK;
	size_t i;

	for (i = 0; !e && i < net->n_nodes; i++) {
		net->node[i].weight = net->n_uses;
		if (net->node[i].op && net->node[i].op->weight)
			e = list_layer(net, &seen, &net->node[i]);
	}
	det_names_free(&seen);
	return e;
}
