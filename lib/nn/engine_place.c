/* SPDX-License-Identifier: MIT
 *
 * The place of each value in one arena.
 *
 * Time is the number of the step, from 1 on.
 *
 * Values that share memory form trees. A view (flatten, dropout, a slice of a batch of one)
 * has no memory of its own: it stands for its representative at an offset. A
 * representative may have a parent, inside whose memory it lies:
 *   - the concatenation that will hold it (batch of one: a channel range is contiguous, of
 *     blocked maps one of whole blocks), so that concat copies nothing;
 *   - the result of an elementwise step that overwrites it, where nobody reads it, or
 *     anything that lies inside it, at that time or later.
 * A tree's root is one span of the arena, from the first write to any member to the last
 * read of any; outputs and taps are read "at the end". Scratch memory is a span of one
 * step. engine's tests compare this with runs in which every layer is kept.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/size.h"
#include "nn/planner.h"

static int
same_dims(const size_t a[4], const size_t b[4])
{
	return !memcmp(a, b, 4 * sizeof *a);
}

/* The value that a step reads for a layer. */
static size_t
reads(const struct det_planner *s, const struct det_step *t, size_t layer)
{
	return det_plan_value(s->p, layer, t->way.in);
}

static const struct det_op *
op_of(const struct det_planner *s, const struct det_step *t)
{
	return t->head == DET_NO_NODE ? NULL : s->e->net->node[t->head].op;
}

static const size_t *
dims_of(const struct det_planner *s, size_t value)
{
	return s->p->dims[det_plan_layer(s->p, value)];
}

static void
set_view(struct det_planner *s, size_t value, size_t of, size_t at)
{
	s->v[value].there = s->v[value].view = 1;
	s->v[value].rep = s->v[of].rep;
	s->v[value].off = s->v[of].off + at * sizeof(float);
}

/* Sizes, and which values have memory of their own. In the layers' order: a view's source
 * may be a view. */
static void
find_values(struct det_planner *s)
{
	size_t i, at;

	for (i = 0; i < 2 * s->n; i++) {
		s->v[i].rep = i;
		s->v[i].parent = s->v[i].span = DET_NO_NODE;
		if (s->e->layer[det_plan_layer(s->p, i)].live)
			s->v[i].size =
			    det_layout_floats(det_plan_layout(s->p, i), dims_of(s, i)) *
			    sizeof(float);
	}
	for (i = 0; i < s->e->net->n_inputs; i++) {
		size_t u = s->e->net->input[i];

		s->v[u].there = s->v[u].external = 1;
		s->p->place[u].input = i;
	}
	for (i = 0; i < s->n; i++) {
		s->v[i].there |= s->head[i] != DET_NO_NODE;
		s->v[s->n + i].there = s->twice[i];
		if (s->head[i] != DET_NO_NODE &&
		    det_planner_view(&at, s, i, &s->way[i]))
			set_view(s, i,
			    det_plan_value(
				s->p, s->e->net->node[s->head[i]].in[0], s->way[i].in),
			    at);
		if (s->twice[i] &&
		    det_planner_same(s, i, det_plan_layout(s->p, s->n + i)))
			set_view(s, s->n + i, i, 0);
	}
}

static void
read_at(struct det_planner *s, size_t value, size_t time)
{
	struct det_value *r = &s->v[s->v[value].rep];

	r->last = det_most(r->last, time);
}

static void
find_reads(struct det_planner *s)
{
	const struct det_node *n;
	size_t i, j;

	for (i = 0; i < s->p->n_steps; i++) {
		const struct det_step *t = &s->p->step[i];

		read_at(s, t->out, i + 1);
		if (t->head == DET_NO_NODE) {
			read_at(s, t->from, i + 1);
			continue;
		}
		n = &s->e->net->node[t->head];
		for (j = 0; j < det_op_reads(n); j++)
			read_at(s, reads(s, t, n->in[j]), i + 1);
		if (t->residual != DET_NO_NODE)
			read_at(s, t->residual, i + 1);
	}
	for (i = 0; i < s->n; i++)
		if (s->e->layer[i].keep)
			read_at(s, det_plan_value(s->p, i, DET_PLAIN), DET_AT_END);
}

static void
set_parent(struct det_planner *s, size_t child, size_t parent, size_t off)
{
	struct det_value *c = &s->v[child], *p = &s->v[parent];

	c->parent = parent;
	c->parent_off = off;
	p->inner = det_most(p->inner, det_most(c->last, c->inner));
}

/* Whether u is all of a representative that may still be given a parent. */
static int
placeable(const struct det_planner *s, size_t u)
{
	const struct det_value *v = &s->v[u], *r = &s->v[v->rep];

	return !r->external && r->parent == DET_NO_NODE && v->off == 0 &&
	       v->size == r->size;
}

/* Whether each part begins where the one before it ends. */
static int
adjoin(const struct det_planner *s, const struct det_step *t)
{
	const struct det_node *n = &s->e->net->node[t->head];
	size_t j;

	if (dims_of(s, t->out)[0] != 1)
		return 0;
	for (j = 0; t->way.in == DET_BLOCKED && j + 1 < n->n_in; j++)
		if (s->p->dims[n->in[j]][1] % DET_BLOCK)
			return 0;
	return 1;
}

static void
place_in_concats(struct det_planner *s)
{
	const struct det_node *n;
	size_t i, j, u, off;

	for (i = 0; i < s->p->n_steps; i++) {
		const struct det_step *t = &s->p->step[i];

		if (t->head == DET_NO_NODE || !(op_of(s, t)->traits & DET_OP_JOINS) ||
		    !adjoin(s, t))
			continue;
		n = &s->e->net->node[t->head];
		for (off = 0, j = 0; j < n->n_in; j++) {
			u = reads(s, t, n->in[j]);
			if (placeable(s, u))
				set_parent(s, s->v[u].rep, t->out, off);
			off += s->v[u].size;
		}
	}
}

/* Whether step number `time`, at whose time u is read, may write its result over u. */
static int
may_overwrite(const struct det_planner *s, size_t time, size_t u)
{
	const struct det_step *t = &s->p->step[time - 1];
	const struct det_node *n = &s->e->net->node[t->head];
	const struct det_value *v = &s->v[u], *r = &s->v[v->rep];
	int sums = (n->op->traits & DET_OP_INPLACE) != 0;
	size_t j;

	if (!placeable(s, u) || v->size != s->v[t->out].size || r->last != time ||
	    r->inner >= time)
		return 0;
	/* Whatever else the step reads there must be read at the same index. */
	for (j = 0; j < n->n_in; j++) {
		const struct det_value *x = &s->v[reads(s, t, n->in[j])];

		if (x->rep == v->rep &&
		    (!sums || x->off != v->off || x->size != v->size))
			return 0;
	}
	return 1;
}

static void
overwrite(struct det_planner *s)
{
	size_t i, j, u;

	for (i = 0; i < s->p->n_steps; i++) {
		const struct det_step *t = &s->p->step[i];
		const struct det_node *n;

		if (t->head == DET_NO_NODE)
			continue;
		n = &s->e->net->node[t->head];
		if (t->residual != DET_NO_NODE &&
		    may_overwrite(s, i + 1, t->residual)) {
			set_parent(s, s->v[t->residual].rep, t->out, 0);
			continue;
		}
		if (!(n->op->traits & DET_OP_INPLACE))
			continue;
		for (j = 0; j < n->n_in; j++) {
			u = reads(s, t, n->in[j]);
			if (same_dims(dims_of(s, u), dims_of(s, t->out)) &&
			    may_overwrite(s, i + 1, u)) {
				set_parent(s, s->v[u].rep, t->out, 0);
				break;
			}
		}
	}
}

static size_t
root_of(const struct det_planner *s, size_t rep, size_t *off)
{
	*off = 0;
	while (s->v[rep].parent != DET_NO_NODE) {
		*off += s->v[rep].parent_off;
		rep = s->v[rep].parent;
	}
	return rep;
}

static struct det_span *
add_span(struct det_planner *s, size_t size, size_t time)
{
	struct det_span *a = &s->span[s->n_spans++];

	*a = (struct det_span){ det_pad(size), time, time, 0 };
	return a;
}

/* One span a root. */
static void
make_spans(struct det_planner *s)
{
	size_t i, root, off, v;
	struct det_span *a;

	for (i = 0; i < s->p->n_steps; i++) {
		v = s->p->step[i].out;
		root = root_of(s, v, &off);
		if (s->v[root].span == DET_NO_NODE) {
			s->v[root].span = s->n_spans;
			(void)add_span(s, s->v[root].size, i + 1);
		}
		a = &s->span[s->v[root].span];
		a->first = a->first < i + 1 ? a->first : i + 1;
		a->last = det_most(a->last, det_most(i + 1, s->v[v].last));
		s->p->activations += s->v[v].size;
	}
}

/* What step t, number `time`, works in, and what it wants its weights packed in. */
static enum det_err
add_scratch(struct det_planner *s, struct det_step *t, size_t time)
{
	const struct det_node *n = &s->e->net->node[t->head];
	const size_t *out = dims_of(s, t->out);
	size_t dims[DET_OP_MAX_IN][4];
	const size_t(*in)[4] = (const size_t(*)[4])dims;
	int threads = s->e->threads;

	det_net_in_dims(dims, n, (const size_t(*)[4])s->p->dims);
	if (n->op->flop)
		t->flop = n->op->flop(n, in, out);
	s->p->flop += t->flop;
	if (n->op->ways) {
		t->scratch_bytes = n->op->ways->scratch(n, in, out, &t->way, threads);
		t->packed_bytes = n->op->ways->packed(n, in, out, &t->way, threads);
	} else if (n->op->scratch)
		t->scratch_bytes = n->op->scratch(n, in, out, threads);
	if ((t->scratch_bytes | t->packed_bytes) > (size_t)1 << 40)
		return det_fail(DET_LIMIT,
		    "layer '%s' wants %zu bytes of scratch and %zu of prepared weights",
		    n->name, t->scratch_bytes, t->packed_bytes);
	if (t->scratch_bytes) {
		s->scratch[time - 1] = s->n_spans;
		(void)add_span(s, t->scratch_bytes, time);
	}
	return DET_OK;
}

static void
set_places(struct det_planner *s)
{
	size_t i, root, off;

	for (i = 0; i < 2 * s->n; i++) {
		struct det_spot *to = &s->p->place[i];
		struct det_value *v = &s->v[i];

		if (!v->there)
			continue;
		if (s->v[v->rep].external) {
			*to = (struct det_spot){ s->p->place[v->rep].input, v->off };
			continue;
		}
		root = root_of(s, v->rep, &off);
		to->input = DET_NO_NODE;
		if (s->v[root].span != DET_NO_NODE)
			to->at = s->span[s->v[root].span].at + off + v->off;
	}
	for (i = 0; i < s->p->n_steps; i++)
		if (s->scratch[i] != DET_NO_NODE)
			s->p->step[i].scratch = s->span[s->scratch[i]].at;
}

enum det_err
det_planner_place(struct det_planner *s)
{
	struct det_plan *p = s->p;
	size_t i;
	enum det_err e;

	if ((e = det_calloc(&s->v, 2 * s->n, sizeof *s->v)) ||
	    (e = det_calloc(&s->span, 2 * p->n_steps, sizeof *s->span)) ||
	    (e = det_alloc(&s->scratch, p->n_steps, sizeof *s->scratch)))
		return e;
	find_values(s);
	find_reads(s);
	place_in_concats(s);
	overwrite(s);
	make_spans(s);
	for (i = 0; i < p->n_steps; i++) {
		s->scratch[i] = DET_NO_NODE;
		if (p->step[i].head != DET_NO_NODE && dims_of(s, p->step[i].out)[0] &&
		    (e = add_scratch(s, &p->step[i], i + 1)))
			return e;
	}
	if ((e = det_arena_place(s->span, s->n_spans, &p->arena)))
		return e;
	set_places(s);
	return DET_OK;
}
