/* SPDX-License-Identifier: MIT
 *
 * The plan for given input shapes: shapes of all layers, residual sums joined to their
 * convolution, the layout of each map (engine_layout.c), the order of steps, and the place
 * of each value in one arena (engine_place.c).
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/planner.h"

static int
same_dims(const size_t a[4], const size_t b[4])
{
	return !memcmp(a, b, 4 * sizeof *a);
}

static enum det_err
set_shapes(struct det_planner *s, const struct det_tensor *in)
{
	unsigned char *live = NULL;
	size_t i;
	enum det_err e;

	if ((e = det_alloc(&live, s->n, 1)))
		return e;
	for (i = 0; i < s->n; i++)
		live[i] = s->e->layer[i].live;
	e = det_net_set_sizes(s->e->net, s->p->dims, live, in, s->e->weight);
	free(live);
	return e;
}

/* The head whose step can take the sum `a` over for its operand u: a linear convolution
 * chain that ends in u and whose value nobody else reads. */
static size_t
summand(const struct det_planner *s, size_t u)
{
	const struct det_layer *l = &s->e->layer[u];
	size_t h = l->head;

	if (l->keep || l->readers != 1 || h == DET_NO_NODE || s->gone[h] ||
	    s->final[h] != u)
		return DET_NO_NODE;
	if (!(s->e->net->node[h].op->traits & DET_OP_RESIDUAL) ||
	    s->e->layer[h].act != DET_ACT_LINEAR)
		return DET_NO_NODE;
	return h;
}

static void
join_sums(struct det_planner *s)
{
	const struct det_engine *e = s->e;
	size_t i, u, w, h;

	for (i = 0; i < s->n; i++) {
		const struct det_node *n = &e->net->node[i];

		if (e->layer[i].head != i || !(n->op->traits & DET_OP_ADDS) ||
		    n->n_in != 2 || n->in[0] == n->in[1])
			continue;
		u = n->in[0] > n->in[1] ? n->in[0] : n->in[1];
		w = n->in[0] > n->in[1] ? n->in[1] : n->in[0];
		if (!same_dims(s->p->dims[u], s->p->dims[w]))
			continue;
		if ((h = summand(s, u)) == DET_NO_NODE) {
			size_t t = u;

			u = w, w = t;
			if ((h = summand(s, u)) == DET_NO_NODE)
				continue;
		}
		s->sum[h] = w;
		s->final[h] = e->layer[i].tail;
		s->gone[i] = 1;
	}
}

/* Which step writes which layer's value. */
static void
find_heads(struct det_planner *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		s->head[i] = DET_NO_NODE;
	for (i = 0; i < s->n; i++)
		if (s->e->layer[i].head == i && !s->gone[i])
			s->head[s->final[i]] = i;
}

static void
set_step(const struct det_planner *s, struct det_step *t, size_t i)
{
	const struct det_layer *layer = s->e->layer;
	size_t h = s->head[i], from = h;

	t->head = h;
	t->out = i;
	t->way = s->way[i];
	t->residual = DET_NO_NODE;
	if (s->sum[h] != DET_NO_NODE) {
		t->residual = det_plan_value(s->p, s->sum[h], t->way.out);
		/* the sum's own activation, or what was fused behind it */
		from = layer[i].head;
	}
	t->act = layer[from].act;
	t->alpha = layer[from].alpha;
}

/* In the layers' order; a map that is wanted in both layouts is turned right after it was
 * written, when it is in cache. */
static enum det_err
list_steps(struct det_planner *s)
{
	struct det_plan *p = s->p;
	size_t i, at;
	enum det_err e;

	if ((e = det_calloc(&p->step, 2 * s->n, sizeof *p->step)))
		return e;
	for (i = 0; i < s->n; i++) {
		if (s->head[i] != DET_NO_NODE &&
		    !det_planner_view(&at, s, i, &s->way[i]))
			set_step(s, &p->step[p->n_steps++], i);
		if (s->twice[i] &&
		    !det_planner_same(s, i, det_plan_layout(p, s->n + i)))
			p->step[p->n_steps++] = (struct det_step){ .head = DET_NO_NODE,
				.out = s->n + i,
				.from = i,
				.residual = DET_NO_NODE };
	}
	return DET_OK;
}

void
det_plan_release(struct det_plan *p)
{
	free(p->dims);
	free(p->layout);
	free(p->place);
	free(p->step);
	free(p->ms);
	*p = (struct det_plan){ 0 };
}

static enum det_err
start(struct det_planner *s)
{
	struct det_plan *p = s->p;
	size_t i;
	enum det_err e;

	p->n = s->n;
	if ((e = det_calloc(&p->dims, s->n, sizeof *p->dims)) ||
	    (e = det_calloc(&p->layout, s->n, sizeof *p->layout)) ||
	    (e = det_calloc(&p->place, 2 * s->n, sizeof *p->place)) ||
	    (e = det_calloc(&s->final, s->n, sizeof *s->final)) ||
	    (e = det_calloc(&s->sum, s->n, sizeof *s->sum)) ||
	    (e = det_calloc(&s->gone, s->n, 1)) ||
	    (e = det_calloc(&s->head, s->n, sizeof *s->head)) ||
	    (e = det_calloc(&s->way, s->n, sizeof *s->way)) ||
	    (e = det_calloc(&s->twice, s->n, 1)))
		return e;
	for (i = 0; i < s->n; i++) {
		s->sum[i] = DET_NO_NODE;
		s->final[i] = s->e->layer[i].tail;
	}
	return DET_OK;
}

enum det_err
det_plan_make(
    struct det_plan *p, const struct det_engine *engine, const struct det_tensor *in)
{
	struct det_planner s = { .e = engine, .p = p, .n = engine->net->n_nodes };
	enum det_err e;

	if ((e = start(&s)) || (e = set_shapes(&s, in)))
		goto out;
	join_sums(&s);
	find_heads(&s);
	if ((e = det_planner_layouts(&s)) || (e = list_steps(&s)) ||
	    (e = det_planner_place(&s)))
		goto out;
	e = det_calloc(&p->ms, p->n_steps * DET_TIMES, sizeof *p->ms);
out:
	free(s.final);
	free(s.sum);
	free(s.gone);
	free(s.head);
	free(s.way);
	free(s.twice);
	free(s.v);
	free(s.span);
	free(s.scratch);
	if (e)
		det_plan_release(p);
	return e;
}
