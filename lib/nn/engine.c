/* SPDX-License-Identifier: MIT
 *
 * The engine: weights bound once, a plan for each input shape met (the last few are kept),
 * steps run in order. One arena serves all plans, since outputs live until the next run
 * only. Parallelism is inside the steps.
 */
#define _POSIX_C_SOURCE 200809L
#include "nn/engine.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "base/finite.h"
#include "base/parallel.h"
#include "nn/plan.h"

static enum det_err
list_outputs(struct det_engine *e, const struct det_engine_params *p)
{
	const struct det_net *net = e->net;
	size_t i, j;
	enum det_err err;

	if ((err = det_calloc(&e->out, net->n_outputs + p->n_taps, sizeof *e->out)))
		return err;
	memcpy(e->out, net->output, net->n_outputs * sizeof *e->out);
	e->n_out = net->n_outputs;
	for (i = 0; i < p->n_taps; i++) {
		struct det_net_out *o = &e->out[e->n_out];

		if (!det_net_find(net, &o->node, p->taps[i]))
			return det_fail(
			    DET_INVALID, "%s: no layer '%s'", net->file, p->taps[i]);
		/* the text's own spelling: an alias of a block is named as asked for */
		o->name = (char *)(uintptr_t)p->taps[i];
		for (j = 0; j < e->n_out && strcmp(e->out[j].name, o->name) != 0; j++)
			;
		if (j < e->n_out && e->out[j].node != o->node)
			return det_fail(DET_INVALID,
			    "%s: '%s' is the name of an output already", net->file,
			    p->taps[i]);
		e->n_out += j == e->n_out; /* else it is given anyway */
	}
	return DET_OK;
}

enum det_err
det_engine_new(struct det_engine **out, const struct det_net *net,
    const struct det_weights *w, const struct det_engine_params *p)
{
	static const struct det_engine_params defaults = DET_ENGINE_DEFAULTS;
	struct det_engine *e = NULL;
	enum det_err err;

	if (!p)
		p = &defaults;
	if ((err = det_calloc(&e, 1, sizeof *e)))
		return err;
	e->net = net;
	e->exact = p->exact;
	e->threads = p->threads > 0 ? p->threads : det_cpu_cores();
	if (net->n_inputs > DET_OP_MAX_IN) {
		err = det_fail(
		    DET_LIMIT, "%s: more than %d inputs", net->file, DET_OP_MAX_IN);
		goto fail;
	}
	if ((err = det_calloc(&e->layer, net->n_nodes, sizeof *e->layer)) ||
	    (err = det_calloc(&e->weight, net->n_weights, sizeof *e->weight)) ||
	    (err = det_calloc(&e->data, net->n_uses, sizeof *e->data)) ||
	    (err = list_outputs(e, p)))
		goto fail;
	det_engine_fuse(e);
	if ((err = det_engine_force(e, p)) || (err = det_engine_bind(e, w)))
		goto fail;
	*out = e;
	return DET_OK;
fail:
	det_engine_free(e);
	return err;
}

void
det_engine_free(struct det_engine *e)
{
	size_t i;

	if (!e)
		return;
	for (i = 0; e->layer && i < e->net->n_nodes; i++)
		free(e->layer[i].affine);
	for (i = 0; i < DET_PLANS; i++)
		det_plan_release(&e->plan[i]);
	det_engine_unpack(e);
	free(e->algo);
	free(e->named);
	free(e->tuned);
	free(e->layer);
	free(e->weight);
	free(e->data);
	free(e->out);
	free(e->arena);
	free(e);
}

static int
plan_fits(
    const struct det_engine *e, const struct det_plan *p, const struct det_tensor *in)
{
	size_t i;

	if (!p->dims)
		return 0;
	for (i = 0; i < e->net->n_inputs; i++)
		if (memcmp(p->dims[e->net->input[i]], in[i].dims, sizeof p->dims[0]))
			return 0;
	return 1;
}

/* One arena serves all plans. Where it could not grow there is none, and a plan of before
 * needs it anew. */
static enum det_err
grow_arena(struct det_engine *e, size_t need)
{
	enum det_err err;

	if (need < DET_ALIGN) /* a batch of none: still an address */
		need = DET_ALIGN;
	if (need <= e->arena_size)
		return DET_OK;
	free(e->arena);
	e->arena = NULL;
	e->arena_size = 0;
	if ((err = det_alloc(&e->arena, need, 1)))
		return det_fail_in(
		    err, "the activations of network '%s'", e->net->name);
	e->arena_size = need;
	return DET_OK;
}

/* The plan for these shapes: one of the last few, or a new one in place of the one unused
 * for longest. */
static enum det_err
choose_plan(struct det_engine *e, const struct det_tensor *in)
{
	struct det_plan *p = &e->plan[0];
	size_t i;
	enum det_err err;

	for (i = 0; i < DET_PLANS; i++) {
		if (plan_fits(e, &e->plan[i], in)) {
			e->cur = NULL;
			if ((err = grow_arena(e, e->plan[i].arena)))
				return err;
			e->cur = &e->plan[i];
			return DET_OK;
		}
		if (e->plan[i].used < p->used)
			p = &e->plan[i];
	}
	e->cur = NULL;
	det_plan_release(p);
	if ((err = det_plan_make(p, e, in)))
		return err;
	if ((err = det_engine_pack(e, p)) || (err = grow_arena(e, p->arena))) {
		det_plan_release(p);
		return err;
	}
	e->cur = p;
	return DET_OK;
}

static float *
address(const struct det_engine *e, size_t value)
{
	const struct det_spot *p = &e->cur->place[value];
	const char *base =
	    p->input == DET_NO_NODE ? e->arena : (const char *)e->in[p->input];

	return base ? (float *)(uintptr_t)(base + p->at) : NULL;
}

static void
turn(const struct det_engine *e, const struct det_step *t)
{
	const struct det_plan *p = e->cur;
	const size_t *d = p->dims[det_plan_layer(p, t->out)];

	if (det_plan_layout(p, t->out) == DET_BLOCKED)
		det_layout_block(address(e, t->out), address(e, t->from), d[0], d[1],
		    d[2] * d[3], e->threads);
	else
		det_layout_plain(address(e, t->out), address(e, t->from), d[0], d[1],
		    d[2] * d[3], e->threads);
}

static void
run_step(const struct det_engine *e, const struct det_step *t)
{
	const struct det_plan *p = e->cur;
	const struct det_node *n = &e->net->node[t->head];
	const struct det_layer *l = &e->layer[t->head];
	const float *in[DET_OP_MAX_IN];
	size_t dims[DET_OP_MAX_IN][4], i;
	struct det_op_run r = {
		.node = n,
		.n_in = n->n_in,
		.in = in,
		.out = address(e, t->out),
		.out_dims = p->dims[t->out],
		.weight = e->data + n->weight,
		.act = t->act,
		.alpha = t->alpha,
		.scratch = e->arena + t->scratch,
		.threads = e->threads,
		.blocked = t->way.out == DET_BLOCKED,
		.way = &t->way,
		.packed = t->packed,
	};

	for (i = 0; i < n->n_in; i++) /* of some only the shape counts: no value */
		in[i] = i < det_op_reads(n)
			    ? address(e, det_plan_value(p, n->in[i], t->way.in))
			    : NULL;
	det_net_in_dims(dims, n, (const size_t(*)[4])p->dims);
	r.in_dims = (const size_t(*)[4])dims;
	if (l->has_shift)
		r.shift = l->affine;
	if (l->has_scale)
		r.scale = l->affine + l->channels;
	if (t->residual != DET_NO_NODE)
		r.residual = address(e, t->residual);
	n->op->run(&r);
}

double
det_engine_clock(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static enum det_err
check_outputs(const struct det_engine *e)
{
	struct det_tensor t;
	size_t i, n, bad;
	const char *name;
	enum det_err err;

	for (i = 0; i < e->n_out; i++) {
		name = det_engine_output(e, i, &t);
		if ((err = det_tensor_count(&n, &t)))
			return err;
		if ((bad = det_finite_first(t.data, n, e->threads)) < n)
			return det_fail(DET_INVALID,
			    "output '%s' of network '%s' holds %s at index %zu", name,
			    e->net->name,
			    ((float *)t.data)[bad] != ((float *)t.data)[bad]
				? "NaN"
				: "infinity",
			    bad);
	}
	return DET_OK;
}

enum det_err
det_engine_run(struct det_engine *e, const struct det_tensor *in)
{
	struct det_plan *p;
	size_t i;
	double t0 = 0;
	enum det_err err;

	for (i = 0; i < e->net->n_inputs; i++) {
		if ((err = det_net_check_input(e->net, i, &in[i], e->threads)))
			return err;
		e->in[i] = in[i].data;
	}
	if ((err = choose_plan(e, in)))
		return err;
	p = e->cur;
	p->used = ++e->runs;
	det_parallel_begin();
	for (i = 0; i < p->n_steps; i++) {
		const struct det_step *t = &p->step[i];

		if (e->profile)
			t0 = det_engine_clock();
		if (!p->dims[det_plan_layer(p, t->out)][0])
			continue; /* there is nothing to compute */
		if (t->head == DET_NO_NODE)
			turn(e, t);
		else
			run_step(e, t);
		if (e->profile)
			p->ms[i * DET_TIMES + p->timed % DET_TIMES] =
			    (float)(det_engine_clock() - t0);
	}
	p->timed += e->profile != 0;
	err = check_outputs(e);
	det_parallel_end();
	return err;
}

size_t
det_engine_outputs(const struct det_engine *e)
{
	return e->n_out;
}

const char *
det_engine_output(const struct det_engine *e, size_t i, struct det_tensor *out)
{
	if (i >= e->n_out)
		return NULL;
	if (out && e->cur) {
		*out = (struct det_tensor){ .dtype = DET_F32, .rank = 4 };
		memcpy(out->dims, e->cur->dims[e->out[i].node], sizeof e->cur->dims[0]);
		out->data =
		    address(e, det_plan_value(e->cur, e->out[i].node, DET_PLAIN));
	}
	return e->out[i].name;
}

void
det_engine_profile(struct det_engine *e, int on)
{
	e->profile = on;
}

void
det_engine_stats(const struct det_engine *e, struct det_engine_stats *s)
{
	size_t i;

	*s = (struct det_engine_stats){ .weights = e->weight_bytes,
		.prepared = e->prepared };
	for (i = 0; i < e->net->n_nodes; i++)
		s->layers += e->net->node[i].op != NULL;
	if (!e->cur)
		return;
	s->arena = e->cur->arena;
	s->activations = e->cur->activations;
	s->flop = e->cur->flop;
	s->steps = e->cur->n_steps;
}
