/* SPDX-License-Identifier: MIT
 *
 * Weights in the form that the chosen algorithms read: made at the first plan that wants
 * them, from the weights as they lie, and shared by all layers and plans that want the same.
 *
 * What was packed is not read any more as it lay, so its owner is told: the pages of a
 * mapped model are given back one weight after the other, and no more than one is in memory
 * twice.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/plan.h"

static size_t
weight_of(const struct det_engine *e, const struct det_node *n)
{
	return e->net->use[n->weight];
}

/* Whether what was packed as `k` serves step t. Layers that share weights may differ in
 * what is done behind the sum, in strides and in padding; the last two may matter, and no
 * network is known in which they differ, so all arguments are compared. */
static int
serves(const struct det_engine *e, const struct det_packed *k, const struct det_step *t)
{
	const struct det_node *n = &e->net->node[t->head];

	return k->weight == weight_of(e, n) && k->bytes == t->packed_bytes &&
	       k->way.algo == t->way.algo && k->way.in == t->way.in &&
	       k->node->op == n->op &&
	       !memcmp(k->node->args, n->args, n->op->args_size);
}

static void
find_packed(const struct det_engine *e, struct det_step *t)
{
	size_t i;

	for (i = 0; i < e->n_packed && !t->packed; i++)
		if (serves(e, &e->packed[i], t))
			t->packed = e->packed[i].data;
}

static int
is_used(const struct det_engine *e, const float *data)
{
	size_t i, j;

	for (i = 0; i < DET_PLANS; i++)
		for (j = 0; j < e->plan[i].n_steps; j++)
			if (e->plan[i].step[j].packed == data)
				return 1;
	return 0;
}

static void
drop_unused(struct det_engine *e)
{
	size_t i, k;

	for (i = k = 0; i < e->n_packed; i++) {
		if (is_used(e, e->packed[i].data)) {
			e->packed[k++] = e->packed[i];
			continue;
		}
		e->prepared -= e->packed[i].bytes;
		free(e->packed[i].data);
	}
	e->n_packed = k;
}

/* Whether some step reads weight w as it lies. */
static int
is_read(const struct det_engine *e, const struct det_plan *p, size_t w)
{
	size_t i;

	for (i = 0; i < p->n_steps; i++) {
		const struct det_step *t = &p->step[i];

		if (t->head != DET_NO_NODE && e->net->node[t->head].n_weights &&
		    !t->packed_bytes && weight_of(e, &e->net->node[t->head]) == w)
			return 1;
	}
	return 0;
}

static enum det_err
make_packed(struct det_engine *e, const struct det_plan *p, struct det_step *t)
{
	const struct det_node *n = &e->net->node[t->head];
	struct det_packed k = { .weight = weight_of(e, n),
		.node = n,
		.way = t->way,
		.bytes = t->packed_bytes };
	size_t dims[DET_OP_MAX_IN][4], bytes;
	enum det_err err;

	if ((err = det_grow(
		 &e->packed, &e->cap_packed, e->n_packed + 1, sizeof *e->packed)) ||
	    (err = det_alloc(&k.data, k.bytes, 1)) ||
	    (err = det_tensor_bytes(&bytes, &e->weight[k.weight]))) {
		free(k.data);
		return det_fail_in(err, "the weights of layer '%s'", n->name);
	}
	det_net_in_dims(dims, n, (const size_t(*)[4])p->dims);
	n->op->ways->pack(k.data, e->data[n->weight], n, (const size_t(*)[4])dims,
	    p->dims[det_plan_layer(p, t->out)], &t->way, e->threads);
	e->packed[e->n_packed++] = k;
	e->prepared += k.bytes;
	t->packed = k.data;
	if (e->from.done && !is_read(e, p, k.weight))
		e->from.done(e->from.ctx, e->weight[k.weight].data, bytes);
	return DET_OK;
}

enum det_err
det_engine_pack(struct det_engine *e, struct det_plan *p)
{
	size_t i;
	enum det_err err;

	for (i = 0; i < p->n_steps; i++)
		if (p->step[i].packed_bytes)
			find_packed(e, &p->step[i]);
	drop_unused(e);
	for (i = 0; i < p->n_steps; i++) {
		struct det_step *t = &p->step[i];

		if (t->packed_bytes && !t->packed)
			find_packed(e, t); /* made for a step before */
		if (t->packed_bytes && !t->packed && (err = make_packed(e, p, t)))
			return err;
	}
	return DET_OK;
}

void
det_engine_unpack(struct det_engine *e)
{
	size_t i;

	for (i = 0; i < e->n_packed; i++)
		free(e->packed[i].data);
	free(e->packed);
}
