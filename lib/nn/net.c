/* SPDX-License-Identifier: MIT
 *
 * The graph of a network: names, shapes. The text is read in net_parse.c, the weights are
 * listed in net_weights.c.
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

/* The slot that holds the name, or the free one where it belongs. */
static struct det_name *
slot(struct det_name *names, size_t cap, const char *name)
{
	size_t i = (size_t)det_hash_text(name) & (cap - 1);

	while (names[i].name && strcmp(names[i].name, name))
		i = (i + 1) & (cap - 1);
	return &names[i];
}

static enum det_err
grow_names(struct det_names *t)
{
	size_t cap = t->cap ? t->cap * 2 : 64, i;
	struct det_name *names;
	enum det_err e;

	if ((e = det_calloc(&names, cap, sizeof *names)))
		return e;
	for (i = 0; i < t->cap; i++)
		if (t->slot[i].name)
			*slot(names, cap, t->slot[i].name) = t->slot[i];
	free(t->slot);
	t->slot = names;
	t->cap = cap;
	return DET_OK;
}

enum det_err
det_names_add(struct det_names *t, const char *name, size_t at)
{
	struct det_name *s;
	enum det_err e;

	if (t->n * 2 >= t->cap && (e = grow_names(t)))
		return e;
	s = slot(t->slot, t->cap, name);
	if (s->name)
		return det_fail(DET_INVALID, "the name '%s' is taken", name);
	if ((e = det_strdup(&s->name, name)))
		return e;
	s->at = at;
	t->n++;
	return DET_OK;
}

int
det_names_find(const struct det_names *t, size_t *at, const char *name)
{
	const struct det_name *s;

	if (!t->cap)
		return 0;
	s = slot(t->slot, t->cap, name);
	if (!s->name)
		return 0;
	*at = s->at;
	return 1;
}

void
det_names_free(struct det_names *t)
{
	size_t i;

	for (i = 0; i < t->cap; i++)
		free(t->slot[i].name);
	free(t->slot);
	*t = (struct det_names){ 0 };
}

int
det_net_find(const struct det_net *net, size_t *node, const char *name)
{
	return det_names_find(&net->names, node, name);
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
		free(net->node[i].weights);
	}
	for (i = 0; i < net->n_outputs; i++)
		free(net->output[i].name);
	for (i = 0; i < net->n_weights; i++)
		free(net->weight[i].name);
	free(net->node);
	free(net->input);
	free(net->output);
	free(net->weight);
	free(net->use);
	det_names_free(&net->names);
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
	return e ? e : det_net_list_weights(net);
}
