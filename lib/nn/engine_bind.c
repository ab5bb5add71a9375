/* SPDX-License-Identifier: MIT
 *
 * Weights: found by name, checked, used where they lie.
 *
 * Every value is looked at once for NaN and infinity before the first run: at the speed of
 * memory and in threads that costs less than the first convolution, and it brings the
 * pages of a mapped model in, which the run would have to do anyway. The affine maps of
 * batch normalisation and bias are computed into memory of their own, two floats a channel;
 * what algorithms want packed is made with the plans (engine_pack.c).
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/plan.h"

/* Each of a layer's vectors has a number for every channel. Where the text leaves the
 * channels open, their lengths have not been held against anything yet. */
static enum det_err
check_vectors(const struct det_engine *e, const struct det_node *n, size_t c)
{
	for (size_t i = n->weight; i < n->weight + n->n_weights; i++) {
		size_t w = e->net->use[i];

		if (e->weight[w].dims[0] != c)
			return det_fail(DET_INVALID,
			    "weight '%s' has %zu channels: %zu expected",
			    e->net->weight[w].name, e->weight[w].dims[0], c);
	}
	return DET_OK;
}

/* The composed map of the step that begins at h, in double, then rounded. */
static enum det_err
compose(struct det_engine *e, size_t h)
{
	struct det_layer *l = &e->layer[h];
	const struct det_node *n = &e->net->node[h];
	double *s = NULL, *t;
	size_t c = e->weight[e->net->use[n->weight]].dims[0], i, k;
	size_t wide = det_blocked_channels(c);
	enum det_err err;

	if ((err = det_alloc(&s, c * 2, sizeof *s)))
		return err;
	t = s + c;
	for (k = 0; k < c; k++)
		s[k] = 1, t[k] = 0;
	for (i = h; i != DET_NO_NODE; i = e->layer[i].next) {
		n = &e->net->node[i];
		if (!n->op->affine)
			continue;
		if (!(err = check_vectors(e, n, c)))
			err = n->op->affine(s, t, n, e->data + n->weight, c);
		if (err) {
			err = det_fail_in(
			    err, "%s:%d: layer '%s'", e->net->file, n->line, n->name);
			goto out;
		}
	}
	if ((err = det_calloc(&l->affine, wide * 2, sizeof *l->affine)))
		goto out;
	for (k = 0; k < c; k++) {
		l->affine[k] = (float)t[k];
		l->affine[wide + k] = (float)s[k];
		l->has_shift |= l->affine[k] != 0;
		l->has_scale |= l->affine[wide + k] != 1;
	}
	l->channels = wide;
	e->prepared += wide * 2 * sizeof *l->affine;
out:
	free(s);
	return err;
}

/* One weight, the first time that a live layer wants it. */
static enum det_err
bind_one(struct det_engine *e, const struct det_weights *from, size_t w)
{
	const struct det_net_weight *want = &e->net->weight[w];
	struct det_tensor *have = &e->weight[w];
	size_t bytes;
	enum det_err err;

	if (have->data)
		return DET_OK;
	if ((err = from->find(from->ctx, want->name, have)) ||
	    (err = det_net_check_weight(e->net, w, have, e->threads)) ||
	    (err = det_tensor_bytes(&bytes, have)))
		return err;
	e->weight_bytes += bytes;
	return DET_OK;
}

enum det_err
det_engine_bind(struct det_engine *e, const struct det_weights *w)
{
	const struct det_net *net = e->net;
	const struct det_node *n;
	size_t i, j;
	enum det_err err;

	e->from = *w;
	for (i = 0; i < net->n_nodes; i++) {
		n = &net->node[i];
		if (!e->layer[i].live)
			continue;
		for (j = n->weight; j < n->weight + n->n_weights; j++) {
			if ((err = bind_one(e, w, net->use[j])))
				return err;
			e->data[j] = e->weight[net->use[j]].data;
		}
	}
	for (i = 0; i < net->n_nodes; i++)
		if (e->layer[i].head == i && net->node[i].op->traits & DET_OP_FOLDS &&
		    (err = compose(e, i)))
			return err;
	return DET_OK;
}
