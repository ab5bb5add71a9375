/* SPDX-License-Identifier: MIT
 *
 * Which layers become one step.
 *
 * A layer that only scales channels or applies an activation is not run by itself where
 * the layer before it can do that in its epilogue, while the result is still in cache:
 *
 *     conv -> bn -> relu        one step
 *     fc -> sigmoid             one step
 *     add -> relu               one step
 *
 * The condition: nobody else reads the value in between, and nobody asked for it (output
 * or tap). A chain begins at its head, the layer that runs, and grows while it is linear:
 * after an activation nothing more can be folded. Residual sums need equal shapes and are
 * settled with them, in engine_plan.c.
 */
#include "nn/plan.h"

static void
mark_live(struct det_engine *e)
{
	const struct det_node *n;
	size_t i, j;

	for (i = 0; i < e->n_out; i++)
		e->layer[e->out[i].node].live = e->layer[e->out[i].node].keep = 1;
	for (i = e->net->n_nodes; i-- > 0;) {
		n = &e->net->node[i];
		if (!e->layer[i].live)
			continue;
		for (j = 0; j < n->n_in; j++) {
			e->layer[n->in[j]].live = 1;
			e->layer[n->in[j]].readers += j < det_op_reads(n);
		}
	}
}

/* Whether layer i, an affine map or an activation, can end the step that makes its input. */
static int
joins(const struct det_engine *e, size_t i)
{
	const struct det_node *n = &e->net->node[i];
	const struct det_layer *u = &e->layer[n->in[0]], *h;
	const struct det_op *op;

	if (!(n->op->traits & (DET_OP_AFFINE | DET_OP_ACTIVATES)))
		return 0;
	if (u->keep || u->readers != 1 || u->head == DET_NO_NODE)
		return 0;
	h = &e->layer[u->head];
	op = e->net->node[u->head].op;
	if (!op || op->view || h->act != DET_ACT_LINEAR)
		return 0;
	return (op->traits &
		   (n->op->traits & DET_OP_AFFINE ? DET_OP_FOLDS : DET_OP_ACT)) != 0;
}

void
det_engine_fuse(struct det_engine *e)
{
	const struct det_act_args *act;
	struct det_layer *l, *h;
	size_t i;

	mark_live(e);
	for (i = 0; i < e->net->n_nodes; i++) {
		const struct det_node *n = &e->net->node[i];

		l = &e->layer[i];
		l->next = l->head = DET_NO_NODE;
		if (!l->live || !n->op)
			continue;
		l->head = l->tail = i;
		if (joins(e, i)) {
			e->layer[n->in[0]].next = i;
			l->head = e->layer[n->in[0]].head;
			e->layer[l->head].tail = i;
		}
		h = &e->layer[l->head];
		if (n->op->traits & DET_OP_ACT) {
			act = n->args;
			h->act = (enum det_act)act->act;
			h->alpha = (float)act->alpha;
		}
	}
}
