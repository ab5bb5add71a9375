/* SPDX-License-Identifier: MIT
 *
 * The plan for given input shapes: shapes of all layers, residual sums joined to their
 * convolution, the order of steps, and the place of each value in one arena.
 *
 * Time is the index of the layer whose value a step writes; a step made of several layers
 * runs at the time of its last, when all that it reads is there.
 *
 * Values that share memory form trees. A view (flatten, dropout, a slice of a batch of one)
 * has no memory of its own: it stands for its representative at an offset. A
 * representative may have a parent, inside whose memory it lies:
 *   - the concatenation that will hold it (batch of one: a channel range is contiguous),
 *     so that concat copies nothing;
 *   - the result of an elementwise step that overwrites it, where nobody reads it, or
 *     anything that lies inside it, at that time or later.
 * A tree's root is one span of the arena, from the first write to any member to the last
 * read of any; outputs and taps are read "at the end". Scratch memory is a span of one
 * step. engine's tests compare this with runs in which every layer is kept.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/arena.h"
#include "nn/plan.h"

#define AT_END ((size_t)-2)

/* Scratch of the planner, a row a layer. */
struct value {
	size_t final;    /* of a head: the layer at whose time its step runs */
	size_t residual; /* of a head */
	size_t rep, off; /* the representative, and where in it (bytes) */
	size_t size;     /* bytes */
	size_t parent, parent_off; /* of a representative */
	size_t last;               /* time of the last read */
	size_t inner;              /* last read of anything inside it; 0: nothing is */
	size_t span;               /* of a root */
	size_t def;                /* time of the write */
	unsigned char view, external, gone; /* gone: its step was taken over */
};

struct planner {
	const struct det_engine *e;
	struct det_plan *p;
	struct value *v;
	size_t n;
	struct det_span *span;
	size_t n_spans;
	size_t *scratch; /* span of each step's scratch */
};

static size_t
max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

static int
same_dims(const size_t a[4], const size_t b[4])
{
	return !memcmp(a, b, 4 * sizeof *a);
}

/* Layers that join maps need them of one batch. The shape rules take an N of 0 for one that
 * is not known yet; here it is what it says. */
static enum det_err
check_batches(const struct planner *s)
{
	const struct det_net *net = s->e->net;
	size_t i, j;

	for (i = 0; i < s->n; i++) {
		const struct det_node *n = &net->node[i];
		const size_t(*dims)[4] = (const size_t(*)[4])s->p->dims;

		if (!s->e->layer[i].live || !n->op ||
		    !(n->op->traits & (DET_OP_ADDS | DET_OP_JOINS)))
			continue;
		for (j = 1; j < n->n_in; j++)
			if (dims[n->in[j]][0] != dims[n->in[0]][0])
				return det_fail(DET_INVALID,
				    "%s:%d: layer '%s': input %zu is a batch of %zu, "
				    "the first of %zu",
				    net->file, n->line, n->name, j + 1,
				    dims[n->in[j]][0], dims[n->in[0]][0]);
	}
	return DET_OK;
}

/* Inputs: which number, and no memory in the arena. */
static enum det_err
set_shapes(struct planner *s, const struct det_tensor *in)
{
	const struct det_net *net = s->e->net;
	unsigned char *live = NULL;
	size_t i;
	enum det_err e;

	for (i = 0; i < net->n_inputs; i++) {
		memcpy(s->p->dims[net->input[i]], in[i].dims, sizeof s->p->dims[0]);
		s->v[net->input[i]].external = 1;
		s->p->place[net->input[i]].input = i;
	}
	if ((e = det_alloc(&live, s->n, 1)))
		return e;
	for (i = 0; i < s->n; i++)
		live[i] = s->e->layer[i].live;
	e = det_net_shapes(net, s->p->dims, live);
	free(live);
	if (e || (e = check_batches(s)))
		return e;
	for (i = 0; i < s->n; i++)
		s->v[i].size =
		    s->p->dims[i][0] * det_op_chw(s->p->dims[i]) * sizeof(float);
	return det_engine_recheck(s->e, (const size_t(*)[4])s->p->dims);
}

/* The head whose step can take the sum `a` over for its operand u: a linear convolution
 * chain that ends in u and whose value nobody else reads. */
static size_t
summand(const struct planner *s, size_t u)
{
	const struct det_layer *l = &s->e->layer[u];
	size_t h = l->head;

	if (l->keep || l->readers != 1 || h == DET_NO_NODE || s->v[h].gone ||
	    s->v[h].final != u)
		return DET_NO_NODE;
	if (!(s->e->net->node[h].op->traits & DET_OP_RESIDUAL) ||
	    s->e->layer[h].act != DET_ACT_LINEAR)
		return DET_NO_NODE;
	return h;
}

static void
join_sums(struct planner *s)
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
		s->v[h].residual = w;
		s->v[h].final = e->layer[i].tail;
		s->v[i].gone = 1;
	}
}

static void
find_views(struct planner *s)
{
	const struct det_node *n;
	size_t i, at;

	for (i = 0; i < s->n; i++) {
		n = &s->e->net->node[i];
		s->v[i].rep = i;
		if (!s->e->layer[i].live || !n->op || !n->op->view)
			continue;
		if (s->e->layer[i].head != i || s->v[i].gone)
			continue;
		if (!n->op->view(&at, n, s->p->dims[n->in[0]], s->p->dims[i]))
			continue;
		s->v[i].view = 1;
		s->v[i].rep = s->v[n->in[0]].rep;
		s->v[i].off = s->v[n->in[0]].off + at * sizeof(float);
	}
}

static enum det_err
list_steps(struct planner *s)
{
	const struct det_engine *e = s->e;
	struct det_step *t;
	size_t i, *at = NULL;
	enum det_err err;

	if ((err = det_calloc(&s->p->step, s->n, sizeof *s->p->step)) ||
	    (err = det_alloc(&at, s->n, sizeof *at)))
		return err;
	for (i = 0; i < s->n; i++)
		at[i] = DET_NO_NODE;
	for (i = 0; i < s->n; i++)
		if (e->layer[i].head == i && !s->v[i].gone && !s->v[i].view)
			at[s->v[i].final] = i;
	for (i = 0; i < s->n; i++) {
		if (at[i] == DET_NO_NODE)
			continue;
		t = &s->p->step[s->p->n_steps++];
		t->head = at[i];
		t->out = i;
		t->residual = s->v[at[i]].residual;
		t->act = e->layer[at[i]].act;
		t->alpha = e->layer[at[i]].alpha;
		if (t->residual != DET_NO_NODE) {
			/* the sum's own activation, or what was fused behind it */
			size_t sum = e->layer[i].head;

			t->act = e->layer[sum].act;
			t->alpha = e->layer[sum].alpha;
		}
		s->v[i].def = i;
	}
	free(at);
	return DET_OK;
}

static void
read_at(struct planner *s, size_t u, size_t time)
{
	struct value *r = &s->v[s->v[u].rep];

	r->last = max_size(r->last, time);
}

static void
find_reads(struct planner *s)
{
	const struct det_node *n;
	size_t i, j;

	for (i = 0; i < s->p->n_steps; i++) {
		const struct det_step *t = &s->p->step[i];

		n = &s->e->net->node[t->head];
		read_at(s, t->out, t->out);
		for (j = 0; j < det_op_reads(n); j++)
			read_at(s, n->in[j], t->out);
		if (t->residual != DET_NO_NODE)
			read_at(s, t->residual, t->out);
	}
	for (i = 0; i < s->n; i++)
		if (s->e->layer[i].keep)
			read_at(s, i, AT_END);
}

static void
set_parent(struct planner *s, size_t child, size_t parent, size_t off)
{
	struct value *c = &s->v[child], *p = &s->v[parent];

	c->parent = parent;
	c->parent_off = off;
	p->inner = max_size(p->inner, max_size(c->last, c->inner));
}

/* Whether u is all of a representative that may still be given a parent. */
static int
placeable(const struct planner *s, size_t u)
{
	const struct value *v = &s->v[u], *r = &s->v[v->rep];

	return !r->external && r->parent == DET_NO_NODE && v->off == 0 &&
	       v->size == r->size;
}

static void
place_in_concats(struct planner *s)
{
	const struct det_node *n;
	size_t i, j, off;

	for (i = 0; i < s->n; i++) {
		n = &s->e->net->node[i];
		if (!s->e->layer[i].live || !n->op || s->v[i].view ||
		    !(n->op->traits & DET_OP_JOINS) || s->p->dims[i][0] != 1)
			continue;
		for (off = 0, j = 0; j < n->n_in; j++) {
			if (placeable(s, n->in[j]))
				set_parent(s, s->v[n->in[j]].rep, i, off);
			off += s->v[n->in[j]].size;
		}
	}
}

/* Whether step t, at whose time u is read, may write its result over u. */
static int
may_overwrite(const struct planner *s, const struct det_step *t, size_t u)
{
	const struct det_node *n = &s->e->net->node[t->head];
	const struct value *v = &s->v[u], *r = &s->v[v->rep];
	int sums = (n->op->traits & DET_OP_INPLACE) != 0;
	size_t j;

	if (!placeable(s, u) || v->size != s->v[t->out].size || r->last != t->out ||
	    r->inner >= t->out)
		return 0;
	/* Whatever else the step reads there must be read at the same index. */
	for (j = 0; j < n->n_in; j++) {
		const struct value *x = &s->v[n->in[j]];

		if (x->rep == v->rep &&
		    (!sums || x->off != v->off || x->size != v->size))
			return 0;
	}
	return 1;
}

static void
overwrite(struct planner *s)
{
	size_t i, j;

	for (i = 0; i < s->p->n_steps; i++) {
		const struct det_step *t = &s->p->step[i];
		const struct det_node *n = &s->e->net->node[t->head];

		if (t->residual != DET_NO_NODE && may_overwrite(s, t, t->residual)) {
			set_parent(s, s->v[t->residual].rep, t->out, 0);
			continue;
		}
		if (!(n->op->traits & DET_OP_INPLACE))
			continue;
		for (j = 0; j < n->n_in; j++)
			if (same_dims(s->p->dims[n->in[j]], s->p->dims[t->out]) &&
			    may_overwrite(s, t, n->in[j])) {
				set_parent(s, s->v[n->in[j]].rep, t->out, 0);
				break;
			}
	}
}

static size_t
root_of(const struct planner *s, size_t rep, size_t *off)
{
	*off = 0;
	while (s->v[rep].parent != DET_NO_NODE) {
		*off += s->v[rep].parent_off;
		rep = s->v[rep].parent;
	}
	return rep;
}

static struct det_span *
add_span(struct planner *s, size_t size, size_t time)
{
	struct det_span *a = &s->span[s->n_spans++];

	*a = (struct det_span){ det_pad(size), time, time, 0 };
	return a;
}

/* One span a root, one for each step's scratch. */
static enum det_err
make_spans(struct planner *s)
{
	size_t in[DET_OP_MAX_IN][4], i, root, off, bytes;
	const struct det_node *n;
	struct det_span *a;
	enum det_err e;

	if ((e = det_alloc(&s->span, s->n + s->p->n_steps, sizeof *s->span)) ||
	    (e = det_alloc(&s->scratch, s->p->n_steps, sizeof *s->scratch)))
		return e;
	for (i = 0; i < s->n; i++)
		s->v[i].span = DET_NO_NODE;
	for (i = 0; i < s->p->n_steps; i++) {
		size_t v = s->p->step[i].out;

		root = root_of(s, v, &off);
		if (s->v[root].span == DET_NO_NODE) {
			s->v[root].span = s->n_spans;
			(void)add_span(s, s->v[root].size, v);
		}
		a = &s->span[s->v[root].span];
		a->first = a->first < v ? a->first : v;
		a->last = max_size(a->last, max_size(v, s->v[v].last));
		s->p->activations += s->v[v].size;
	}
	for (i = 0; i < s->p->n_steps; i++) {
		struct det_step *t = &s->p->step[i];

		s->scratch[i] = DET_NO_NODE;
		if (!s->p->dims[t->out][0])
			continue;
		n = &s->e->net->node[t->head];
		det_net_in_dims(in, n, (const size_t(*)[4])s->p->dims);
		if (n->op->flop)
			t->flop =
			    n->op->flop(n, (const size_t(*)[4])in, s->p->dims[t->out]);
		s->p->flop += t->flop;
		bytes = n->op->scratch ? n->op->scratch(n, (const size_t(*)[4])in,
					     s->p->dims[t->out], s->e->threads)
				       : 0;
		if (!bytes)
			continue;
		if (bytes > (size_t)1 << 40)
			return det_fail(DET_LIMIT,
			    "layer '%s' wants %zu bytes of scratch", n->name, bytes);
		s->scratch[i] = s->n_spans;
		(void)add_span(s, bytes, t->out);
	}
	return DET_OK;
}

static void
set_places(struct planner *s)
{
	size_t i, root, off;

	for (i = 0; i < s->n; i++) {
		struct det_spot *to = &s->p->place[i];
		struct value *v = &s->v[i];

		if (!s->e->layer[i].live)
			continue;
		if (s->v[v->rep].external) {
			*to = (struct det_spot){ s->p->place[v->rep].input, v->off };
			continue;
		}
		root = root_of(s, v->rep, &off);
		to->input = DET_NO_NODE;
		if (s->v[root].span != DET_NO_NODE) /* else fused away */
			to->at = s->span[s->v[root].span].at + off + v->off;
	}
	for (i = 0; i < s->p->n_steps; i++)
		if (s->scratch[i] != DET_NO_NODE)
			s->p->step[i].scratch = s->span[s->scratch[i]].at;
}

void
det_plan_release(struct det_plan *p)
{
	free(p->dims);
	free(p->place);
	free(p->step);
	*p = (struct det_plan){ 0 };
}

enum det_err
det_plan_make(
    struct det_plan *p, const struct det_engine *engine, const struct det_tensor *in)
{
	struct planner s = { .e = engine, .p = p, .n = engine->net->n_nodes };
	size_t i;
	enum det_err e;

	if ((e = det_calloc(&s.v, s.n, sizeof *s.v)) ||
	    (e = det_calloc(&p->dims, s.n, sizeof *p->dims)) ||
	    (e = det_calloc(&p->place, s.n, sizeof *p->place)))
		goto out;
	for (i = 0; i < s.n; i++) {
		s.v[i].residual = s.v[i].parent = DET_NO_NODE;
		s.v[i].final = engine->layer[i].tail;
	}
	if ((e = set_shapes(&s, in)))
		goto out;
	join_sums(&s);
	find_views(&s);
	if ((e = list_steps(&s)))
		goto out;
	find_reads(&s);
	place_in_concats(&s);
	overwrite(&s);
	if ((e = make_spans(&s)) || (e = det_arena_place(s.span, s.n_spans, &p->arena)))
		goto out;
	set_places(&s);
out:
	free(s.v);
	free(s.span);
	free(s.scratch);
	if (e)
		det_plan_release(p);
	return e;
}
