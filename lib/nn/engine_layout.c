/* SPDX-License-Identifier: MIT
 *
 * Which layout each map has and which way each layer goes.
 *
 * A layer has one or a few ways to run, each from one layout to one layout at a modelled
 * cost: a convolution those that its algorithms have, another operator plain and, where it
 * can, blocked. A map is in the layout that its layer writes; a reader that wants the other
 * one gets a turned copy, made once whoever else wants it too. What is kept (outputs, taps)
 * is wanted plain.
 *
 * The choice is a labelling of the graph that minimises the sum of the costs of ways and
 * turns. It begins with every layer blocked where it can be, and once more with every one
 * plain (the better end is taken), and is then improved layer by layer, forwards and backwards in turn, taking for each the way that is cheapest as its
 * neighbours stand (iterated conditional modes: Besag, "On the statistical analysis of dirty
 * pictures", 1986), ties to the layout that its first input has. That finds no more than a
 * local minimum, but the networks are runs of convolutions that prefer the same layout, with
 * an operator in between here and there, and begin far on the right side.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/planner.h"

/* Of a processor's memory or last cache, for one thread: bytes in a microsecond, within a
 * factor of two of every machine tried. The plan is the same for any number of threads, or
 * results would depend on it. */
enum { SPEED = 9000 };
#define STEP_COST 2.0 /* microseconds of waking threads and walking the plan */
#define SWEEPS    8
#define LIMIT     ((size_t)1 << 46) /* floats of a blocked map: far from overflow */

/* The ways of a layer's step. */
struct choice {
	struct det_op_way way[DET_OP_WAYS];
	size_t n, now;
};

struct chooser {
	struct det_planner *s;
	struct choice *c;
	size_t (*need)[2]; /* readers of each layer's value, by layout */
};

static enum det_layout
other(enum det_layout layout)
{
	return layout == DET_PLAIN ? DET_BLOCKED : DET_PLAIN;
}

static const struct det_node *
node_of(const struct det_planner *s, size_t i)
{
	return &s->e->net->node[s->head[i]];
}

static double
move_cost(double floats)
{
	return floats * (double)sizeof(float) / SPEED;
}

static double
floats_of(const struct det_planner *s, size_t i, enum det_layout layout)
{
	return (double)det_layout_floats(layout, s->p->dims[i]);
}

static double
turn_cost(const struct det_planner *s, size_t i, enum det_layout to)
{
	if (det_planner_same(s, i, to))
		return 0;
	return STEP_COST +
	       move_cost(floats_of(s, i, DET_PLAIN) + floats_of(s, i, DET_BLOCKED));
}

int
det_planner_same(const struct det_planner *s, size_t i, enum det_layout to)
{
	const size_t *d = s->p->dims[i];

	/* an input is the caller's, wherever that put it */
	if (!s->e->net->node[i].op || d[2] * d[3] != 1)
		return 0;
	return d[1] % DET_BLOCK == 0 || (d[0] == 1 && to == DET_PLAIN);
}

int
det_planner_view(
    size_t *at, const struct det_planner *s, size_t i, const struct det_op_way *way)
{
	const struct det_node *n = node_of(s, i);
	const size_t *in = s->p->dims[n->in[0]], *out = s->p->dims[i];

	if (!n->op->view || !n->op->view(at, n, in, out))
		return 0;
	if (way->in == DET_PLAIN)
		return 1;
	/* whole blocks of the same pixels; where they begin is the same number of floats */
	return in[0] == out[0] && in[2] * in[3] == out[2] * out[3] &&
	       (*at == 0 || *at % (DET_BLOCK * out[2] * out[3]) == 0) &&
	       (in[0] == 1 || in[1] == out[1]);
}

static int
small_enough(const size_t d[4])
{
	double n = (double)d[0] * (double)d[1] * (double)d[2] * (double)d[3];

	return (n + (double)d[0] * DET_BLOCK * (double)d[2] * (double)d[3]) <
	       (double)LIMIT;
}

/* Whether all maps of the step can be had blocked. */
static int
may_block(const struct det_planner *s, size_t i)
{
	const struct det_node *n = node_of(s, i);
	size_t j;

	if (!small_enough(s->p->dims[i]))
		return 0;
	for (j = 0; j < n->n_in; j++)
		if (!small_enough(s->p->dims[n->in[j]]))
			return 0;
	return 1;
}

/* What a layer without algorithms of its own costs: its memory. */
static double
plain_cost(const struct det_planner *s, size_t i, const struct det_op_way *way)
{
	const struct det_node *n = node_of(s, i);
	double floats = floats_of(s, i, way->out);
	size_t j, at;

	if (det_planner_view(&at, s, i, way))
		return 0;
	for (j = 0; j < det_op_reads(n); j++)
		floats += floats_of(s, n->in[j], way->in);
	return STEP_COST + move_cost(floats);
}

static void
add_way(const struct det_planner *s, struct choice *c, size_t i, enum det_layout layout)
{
	struct det_op_way way = { layout, layout, DET_CONV_AUTO, 0 };

	way.cost = plain_cost(s, i, &way);
	c->way[c->n++] = way;
}

static void
list_ways(const struct det_planner *s, struct choice *c, size_t i)
{
	const struct det_node *n = node_of(s, i);
	size_t in[DET_OP_MAX_IN][4], at, j, k;
	struct det_op_way blocked = { DET_BLOCKED, DET_BLOCKED, DET_CONV_AUTO, 0 };
	int may = may_block(s, i);

	det_net_in_dims(in, n, (const size_t(*)[4])s->p->dims);
	if (s->p->dims[i][0] == 0) {
		add_way(s, c, i, DET_PLAIN);
		return;
	}
	if (!n->op->ways) {
		add_way(s, c, i, DET_PLAIN);
		if (may &&
		    (det_planner_view(&at, s, i, &blocked) ||
			(n->op->blocked &&
			    n->op->blocked(n, (const size_t(*)[4])in, s->p->dims[i]))))
			add_way(s, c, i, DET_BLOCKED);
		return;
	}
	c->n = n->op->ways->list(c->way, n, (const size_t(*)[4])in, s->p->dims[i],
	    det_engine_wish(s->e, s->head[i], i, in[0]), s->e->exact);
	for (j = k = 0; j < c->n; j++)
		if (may || (c->way[j].in == DET_PLAIN && c->way[j].out == DET_PLAIN))
			c->way[k++] = c->way[j];
	c->n = k;
}

/* Adds `by` readers to all that the step of i reads, if it goes this way. */
static void
count_needs(struct chooser *h, size_t i, const struct det_op_way *way, size_t by)
{
	const struct det_node *n = node_of(h->s, i);
	size_t j, sum = h->s->sum[h->s->head[i]];

	for (j = 0; j < det_op_reads(n); j++)
		h->need[n->in[j]][way->in] += by;
	if (sum != DET_NO_NODE)
		h->need[sum][way->out] += by;
}

/* What a reader of u in a layout adds to the cost, beside those counted. */
static double
read_cost(const struct chooser *h, size_t u, enum det_layout layout)
{
	if (h->s->p->layout[u] == layout || h->need[u][layout])
		return 0;
	return turn_cost(h->s, u, layout);
}

/* The cost of this way as all neighbours stand; i's own reads are not counted. */
static double
local_cost(const struct chooser *h, size_t i, const struct det_op_way *way)
{
	const struct det_node *n = node_of(h->s, i);
	size_t j, k, sum = h->s->sum[h->s->head[i]];
	double cost = way->cost;

	for (j = 0; j < det_op_reads(n); j++) {
		for (k = 0; k < j && n->in[k] != n->in[j]; k++)
			;
		if (k == j)
			cost += read_cost(h, n->in[j], way->in);
	}
	if (sum != DET_NO_NODE)
		cost += read_cost(h, sum, way->out);
	if (h->need[i][other(way->out)])
		cost += turn_cost(h->s, i, other(way->out));
	return cost;
}

/* The best way of i; whether that is another than before. */
static int
improve(struct chooser *h, size_t i)
{
	struct choice *c = &h->c[i];
	enum det_layout first = h->s->p->layout[node_of(h->s, i)->in[0]];
	size_t k, best = c->now;
	double cost, least;

	if (c->n < 2)
		return 0;
	count_needs(h, i, &c->way[c->now], (size_t)-1);
	least = local_cost(h, i, &c->way[best]);
	for (k = 0; k < c->n; k++) {
		cost = local_cost(h, i, &c->way[k]);
		if (cost < least * (1 - 1e-9) ||
		    (cost <= least * (1 + 1e-9) && c->way[best].in != first &&
			c->way[k].in == first)) {
			best = k;
			least = cost;
		}
	}
	count_needs(h, i, &c->way[best], 1);
	h->s->p->layout[i] = c->way[best].out;
	if (best == c->now)
		return 0;
	c->now = best;
	return 1;
}

/* To begin with: this layout at both ends, else where it ends, else the first way. */
static void
begin(struct chooser *h, size_t i, enum det_layout layout)
{
	struct choice *c = &h->c[i];
	size_t k, best = 0;
	int rank, most = -1;

	for (k = 0; k < c->n; k++) {
		rank = 2 * (c->way[k].out == layout) + (c->way[k].in == layout);
		if (rank > most)
			most = rank, best = k;
	}
	c->now = best;
	h->s->p->layout[i] = c->way[best].out;
	count_needs(h, i, &c->way[best], 1);
}

static void
sweep(struct chooser *h)
{
	size_t n = h->s->n, i, k;
	int changed = 1;

	for (k = 0; changed && k < SWEEPS; k++) {
		changed = 0;
		for (i = 0; i < n; i++) {
			size_t at = k % 2 ? n - 1 - i : i;

			if (h->s->head[at] != DET_NO_NODE)
				changed |= improve(h, at);
		}
	}
}

static double
total_cost(const struct chooser *h)
{
	const struct det_planner *s = h->s;
	double cost = 0;
	size_t i;

	for (i = 0; i < s->n; i++) {
		enum det_layout turned = other(s->p->layout[i]);

		if (s->head[i] != DET_NO_NODE)
			cost += h->c[i].way[h->c[i].now].cost;
		if (h->need[i][turned])
			cost += turn_cost(s, i, turned);
	}
	return cost;
}

/* Improves what begins with one layout everywhere. */
static double
descend(struct chooser *h, enum det_layout layout)
{
	struct det_planner *s = h->s;
	size_t i;

	for (i = 0; i < s->n; i++) {
		s->p->layout[i] = DET_PLAIN;
		h->need[i][DET_PLAIN] = s->e->layer[i].keep;
		h->need[i][DET_BLOCKED] = 0;
	}
	for (i = 0; i < s->n; i++)
		if (s->head[i] != DET_NO_NODE)
			begin(h, i, layout);
	sweep(h);
	return total_cost(h);
}

enum det_err
det_planner_layouts(struct det_planner *s)
{
	struct chooser h = { .s = s };
	double plain;
	size_t i;
	enum det_err e;

	if ((e = det_calloc(&h.c, s->n, sizeof *h.c)) ||
	    (e = det_calloc(&h.need, s->n, sizeof *h.need)))
		goto out;
	for (i = 0; i < s->n; i++)
		if (s->head[i] != DET_NO_NODE)
			list_ways(s, &h.c[i], i);
	plain = descend(&h, DET_PLAIN);
	if (descend(&h, DET_BLOCKED) > plain)
		(void)descend(&h, DET_PLAIN);
	for (i = 0; i < s->n; i++) {
		if (s->head[i] != DET_NO_NODE)
			s->way[i] = h.c[i].way[h.c[i].now];
		s->twice[i] = h.need[i][other(s->p->layout[i])] > 0;
	}
out:
	free(h.c);
	free(h.need);
	return e;
}
