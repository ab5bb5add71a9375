/* SPDX-License-Identifier: MIT
 *
 * One operator by itself, without an engine: a line of a net's text, made inputs and
 * weights, and its run in the layout one asks for.
 */
#ifndef DET_LONE_OP_H
#define DET_LONE_OP_H

#include <math.h>

#include "base/mem.h"
#include "nn/graph.h"
#include "nn/layout.h"
#include "tests/unit/nets.h"

enum { LONE_IN = 4 };

struct lone {
	struct det_net *net;
	struct made made;
	const struct det_node *node;
	size_t n_in, dims[LONE_IN][4], out_dims[4];
	float *in[LONE_IN]; /* plain */
	const float *weight[8];
	float *scale, *shift; /* of an affine operator */
};

static inline float *
lone_floats(size_t n)
{
	float *p;

	if (det_alloc(&p, n, sizeof *p))
		exit(2);
	return p;
}

/* What a layer's own map becomes, as the engine prepares it. */
static inline int
lone_affine(struct lone *l)
{
	size_t c = l->out_dims[1], i;
	double *s = malloc(2 * c * sizeof *s), *t = s + c;
	int bad;

	if (!s)
		exit(2);
	l->scale = lone_floats(c);
	l->shift = lone_floats(c);
	for (i = 0; i < c; i++)
		s[i] = 1, t[i] = 0;
	bad = l->node->op->affine(s, t, l->node, l->weight, c) != DET_OK;
	for (i = 0; i < c; i++)
		l->scale[i] = (float)s[i], l->shift[i] = (float)t[i];
	free(s);
	return bad;
}

/* y = STMT of inputs x0, x1 ...; 0 where that is no network. */
static inline int
lone_open(struct lone *l, const char *stmt, const size_t (*dims)[4], size_t n_in)
{
	char text[1000], name[DET_NET_MAX_NAME];
	size_t i, at = (size_t)snprintf(text, sizeof text, "net n\n");
	struct det_tensor t;

	memset(l, 0, sizeof *l);
	l->n_in = n_in;
	for (i = 0; i < n_in; i++) {
		memcpy(l->dims[i], dims[i], sizeof dims[i]);
		at += (size_t)snprintf(text + at, sizeof text - at,
		    "input x%zu %zu %zu %zu\n", i, dims[i][1], dims[i][2], dims[i][3]);
		t = seeded(
		    dims[i][0], dims[i][1], dims[i][2], dims[i][3], (uint32_t)i + 7);
		l->in[i] = t.data;
	}
	(void)snprintf(text + at, sizeof text - at, "y = %s\noutput y", stmt);
	if (det_net_parse(&l->net, text, strlen(text), "t.net"))
		return 0;
	l->made.net = l->net;
	l->node = &l->net->node[l->net->n_nodes - 1];
	if (l->node->op->shape(l->out_dims, l->node, dims))
		return 0;
	for (i = 0;
	     l->node->op->weight &&
	     (name[0] = 0, l->node->op->weight(&t, l->node, i, dims, l->out_dims));
	     i++) {
		(void)snprintf(
		    name, sizeof name, "%s", det_net_weight(l->net, i, NULL));
		if (made_find(&l->made, name, &t))
			return 0;
		l->weight[i] = t.data;
	}
	return !(l->node->op->traits & DET_OP_AFFINE) || lone_affine(l) == 0;
}

static inline void
lone_close(struct lone *l)
{
	size_t i;

	for (i = 0; i < l->n_in; i++)
		free(l->in[i]);
	free(l->scale), free(l->shift);
	made_free(&l->made);
	det_net_free(l->net);
}

static inline int
lone_can(const struct lone *l)
{
	const struct det_op *op = l->node->op;

	return op->blocked &&
	       op->blocked(l->node, (const size_t(*)[4])l->dims, l->out_dims);
}

/* Runs on `in` and to `out`, both in the layout. */
static inline void
lone_run(const struct lone *l, float *out, const float *const *in, int blocked,
    int threads, void *scratch)
{
	const struct det_act_args *a = l->node->args;
	const struct det_op *op = l->node->op;
	struct det_op_run r = { .node = l->node,
		.n_in = l->n_in,
		.in = in,
		.in_dims = (const size_t(*)[4])l->dims,
		.out = out,
		.out_dims = l->out_dims,
		.weight = l->weight,
		.scale = l->scale,
		.shift = l->shift,
		.scratch = scratch,
		.threads = threads,
		.blocked = blocked };

	if (op->traits & DET_OP_ACT) {
		r.act = op->fixed_act >= 0 ? (enum det_act)op->fixed_act
					   : (enum det_act)a->act;
		r.alpha = (float)a->alpha;
	}
	op->run(&r);
}

static inline void *
lone_scratch(const struct lone *l, int threads)
{
	size_t n = l->node->op->scratch
		       ? l->node->op->scratch(
			     l->node, (const size_t(*)[4])l->dims, l->out_dims, threads)
		       : 0;
	void *p;

	if (det_alloc(&p, n, 1))
		exit(2);
	return p;
}

#endif
