/* SPDX-License-Identifier: MIT
 *
 * The graph of a network: names, shapes, weights. The text is read in net_parse.c.
 *
 * Shapes are settled twice by the same rules: when a text is parsed, from the inputs that
 * it declares, where 0 ("any") flows through as "not known yet"; and by the engine, when a
 * tensor with real sizes arrives.
 */
#include "nn/graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"

/* The slot that holds the name, or the free one where it belongs. */
static struct det_net_name *
slot(struct det_net_name *names, size_t cap, const char *name)
{
	size_t i = (size_t)det_hash_text(name) & (cap - 1);

	while (names[i].name && strcmp(names[i].name, name))
		i = (i + 1) & (cap - 1);
	return &names[i];
}

static enum det_err
grow_names(struct det_net *net)
{
	size_t cap = net->cap_names ? net->cap_names * 2 : 64, i;
	struct det_net_name *names;
	enum det_err e;

	if ((e = det_calloc(&names, cap, sizeof *names)))
		return e;
	for (i = 0; i < net->cap_names; i++)
		if (net->names[i].name)
			*slot(names, cap, net->names[i].name) = net->names[i];
	free(net->names);
	net->names = names;
	net->cap_names = cap;
	return DET_OK;
}

enum det_err
det_net_bind(struct det_net *net, const char *name, size_t node)
{
	struct det_net_name *s;
	enum det_err e;

	if (net->n_names * 2 >= net->cap_names && (e = grow_names(net)))
		return e;
	s = slot(net->names, net->cap_names, name);
	if (s->name)
		return det_fail(DET_INVALID, "the name '%s' is taken", name);
	if ((e = det_strdup(&s->name, name)))
		return e;
	s->node = node;
	net->n_names++;
	return DET_OK;
}

int
det_net_find(const struct det_net *net, size_t *node, const char *name)
{
	const struct det_net_name *s;

	if (!net->cap_names)
		return 0;
	s = slot(net->names, net->cap_names, name);
	if (!s->name)
		return 0;
	*node = s->node;
	return 1;
}

void
det_net_free(struct det_net *net)
{
	size_t i;

	if (!net)
		return;
	for (i = 0; i < net->n_nodes; i++) {
		free(net->node[i].name);
		free(net->node[i].in);
		free(net->node[i].args);
	}
	for (i = 0; i < net->n_outputs; i++)
		free(net->output[i].name);
	for (i = 0; i < net->n_weights; i++)
		free(net->weight[i].name);
	for (i = 0; i < net->cap_names; i++)
		free(net->names[i].name);
	free(net->node);
	free(net->input);
	free(net->output);
	free(net->weight);
	free(net->names);
	free(net->name);
	free(net->file);
	free(net);
}

const char *
det_net_name(const struct det_net *net)
{
	return net->name;
}

size_t
det_net_inputs(const struct det_net *net)
{
	return net->n_inputs;
}

static void
as_tensor(struct det_tensor *t, const size_t dims[4])
{
	*t = (struct det_tensor){ .dtype = DET_F32, .rank = 4 };
	memcpy(t->dims, dims, 4 * sizeof *dims);
}

const char *
det_net_input(const struct det_net *net, size_t i, struct det_tensor *shape)
{
	const struct det_node *n;

	if (i >= net->n_inputs)
		return NULL;
	n = &net->node[net->input[i]];
	if (shape)
		as_tensor(shape, n->dims);
	return n->name;
}

size_t
det_net_outputs(const struct det_net *net)
{
	return net->n_outputs;
}

const char *
det_net_output(const struct det_net *net, size_t i)
{
	return i < net->n_outputs ? net->output[i].name : NULL;
}

const char *
det_net_weight(const struct det_net *net, size_t i, struct det_tensor *shape)
{
	if (i >= net->n_weights)
		return NULL;
	if (shape)
		*shape = net->weight[i].shape;
	return net->weight[i].name;
}

void
det_net_in_dims(size_t (*in)[4], const struct det_node *n, const size_t (*dims)[4])
{
	size_t i;

	for (i = 0; i < n->n_in; i++)
		memcpy(in[i], dims[n->in[i]], sizeof in[i]);
}

/* Every dim and the whole must stay small enough that no later product overflows. */
static enum det_err
check_size(const size_t d[4])
{
	struct det_tensor t;
	char text[96];
	size_t bytes;
	int i;

	as_tensor(&t, d);
	for (i = 0; i < 4; i++)
		if (d[i] > DET_MAX_DIM)
			return det_fail(DET_LIMIT, "a shape of %s is too large",
			    det_shape_text(text, sizeof text, &t));
	for (i = 0; i < 4; i++)
		t.dims[i] = d[i] ? d[i] : 1; /* what is not known yet */
	if (det_tensor_bytes(&bytes, &t) || bytes > (size_t)1 << 40)
		return det_fail(DET_LIMIT, "a shape of %s is too large",
		    det_shape_text(text, sizeof text, &t));
	return DET_OK;
}

enum det_err
det_net_shapes(const struct det_net *net, size_t (*dims)[4], const unsigned char *live)
{
	size_t in[DET_OP_MAX_IN][4], i;
	const struct det_node *n;
	enum det_err e;

	for (i = 0; i < net->n_nodes; i++) {
		n = &net->node[i];
		if (live && !live[i])
			continue;
		if (n->op) {
			det_net_in_dims(in, n, (const size_t(*)[4])dims);
			if ((e = n->op->shape(dims[i], n, (const size_t(*)[4])in)))
				return det_fail_in(e, "%s:%d: layer '%s'", net->file,
				    n->line, n->name);
		}
		if ((e = check_size(dims[i])))
			return det_fail_in(
			    e, "%s:%d: '%s'", net->file, n->line, n->name);
	}
	return DET_OK;
}

/* The weights that the layers want, with the shapes that are settled. */
static enum det_err
list_weights(struct det_net *net)
{
	size_t in[DET_OP_MAX_IN][4], i, j, len;
	struct det_net_weight *w;
	struct det_tensor shape;
	struct det_node *n;
	struct det_buf b;
	const char *suffix;
	enum det_err e;

	for (i = 0; i < net->n_nodes; i++) {
		n = &net->node[i];
		n->weight = net->n_weights;
		if (!n->op || !n->op->weight)
			continue;
		for (j = 0; j < n->n_in; j++)
			memcpy(in[j], net->node[n->in[j]].dims, sizeof in[j]);
		for (j = 0;; j++) {
			shape = (struct det_tensor){ .dtype = DET_F32 };
			suffix = n->op->weight(
			    &shape, n, j, (const size_t(*)[4])in, n->dims);
			if (!suffix)
				break;
			if ((e = det_tensor_bytes(&len, &shape)))
				return det_fail_in(e, "%s:%d: layer '%s'", net->file,
				    n->line, n->name);
			if ((e = det_grow(&net->weight, &net->cap_weights,
				 net->n_weights + 1, sizeof *net->weight)))
				return e;
			b = (struct det_buf){ 0 };
			if ((e = det_buf_printf(
				 &b, "%s/%s.%s", net->name, n->name, suffix)))
				return e;
			w = &net->weight[net->n_weights++];
			w->name = b.text;
			w->shape = shape;
			n->n_weights++;
		}
	}
	return DET_OK;
}

enum det_err
det_net_settle(struct det_net *net)
{
	size_t(*dims)[4], i;
	enum det_err e;

	if ((e = det_calloc(&dims, net->n_nodes, sizeof *dims)))
		return e;
	for (i = 0; i < net->n_nodes; i++)
		memcpy(dims[i], net->node[i].dims, sizeof dims[i]);
	e = det_net_shapes(net, dims, NULL);
	for (i = 0; !e && i < net->n_nodes; i++)
		memcpy(net->node[i].dims, dims[i], sizeof dims[i]);
	free(dims);
	return e ? e : list_weights(net);
}
