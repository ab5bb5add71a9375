/* SPDX-License-Identifier: MIT
 *
 * A step through the graph of a whole detector, which system_open.c has put together.
 *
 * Forward goes from net to net; the objective turns the outputs that the decode text names
 * into gradients; then the nets go back in the opposite order, each handing the gradients of
 * its inputs to the outputs that they are. Sums have that one order, so equal steps give
 * equal bits.
 */
#include "train/system_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "train/second.h"

/* --- weights and terms ------------------------------------------------------------------ */

size_t
det_system_n_params(const struct det_system *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->nets; i++)
		n += det_grad_n_params(s->net[i].grad);
	return n;
}

struct det_param *
det_system_param(struct det_system *s, size_t i)
{
	for (size_t k = 0; k < s->nets; k++) {
		const size_t n = det_grad_n_params(s->net[k].grad);

		if (i < n)
			return det_grad_param(s->net[k].grad, i);
		i -= n;
	}
	return NULL;
}

int
det_system_layer(
    struct det_grad_layer *out, size_t *first, const struct det_system *s, size_t i)
{
	*first = 0;
	for (size_t k = 0; k < s->nets; k++) {
		const struct det_grad *g = s->net[k].grad;
		const size_t n = det_grad_layers(g);

		if (i < n) {
			det_grad_layer(out, g, i);
			return 1;
		}
		i -= n;
		*first += det_grad_n_params(g);
	}
	return 0;
}

void
det_system_clear(struct det_system *s)
{
	for (size_t i = 0; i < s->nets; i++)
		det_grad_clear(s->net[i].grad);
}

size_t
det_system_terms(const struct det_system *s)
{
	return s->terms;
}

const char *
det_system_term(const struct det_system *s, size_t i)
{
	return i < s->terms ? s->term[i] : NULL;
}

struct det_tally
det_system_tally(const struct det_system *s)
{
	if (det_system_proposals(s))
		return det_second_tally(s->second);
	return s->part.o.tally ? *s->part.o.tally : (struct det_tally){ 0 };
}

double *
det_system_state(struct det_system *s, size_t *n)
{
	*n = s->part.o.n_state;
	return s->part.o.state;
}

void
det_system_stats(const struct det_system *s, struct det_grad_stats *out)
{
	struct det_grad_stats one;

	*out = (struct det_grad_stats){ 0 };
	for (size_t i = 0; i < s->nets; i++) {
		det_grad_stats(s->net[i].grad, &one);
		out->values += one.values;
		out->value_grads += one.value_grads;
		out->params += one.params;
		out->scratch += one.scratch;
		out->flop += one.flop;
		for (size_t k = 0; k < s->net[i].outputs; k++)
			out->value_grads += s->net[i].out[k].cap * sizeof(float);
	}
	out->value_grads += s->spare_cap * sizeof(float);
}

/* --- a step ----------------------------------------------------------------------------- */

float *
det_system_receive(struct det_system_out *o)
{
	if (!o->born)
		memset(o->grad, 0, o->count * sizeof *o->grad);
	o->born = 1;
	return o->grad;
}

static enum det_err
check_batch(const struct det_system *s, const struct det_batch *b)
{
	const struct det_tensor *t = &b->image;
	char shape[96];

	if (det_system_proposals(s) && !b->proposed)
		return det_fail(DET_INVALID, "a batch with proposals expected");
	if (t->dtype != DET_F32 || t->rank != 4 || !t->dims[0])
		return det_fail(DET_INVALID,
		    "a batch of images, f32 NxCxHxW, expected, found %s %s",
		    det_dtype_name(t->dtype) ? det_dtype_name(t->dtype) : "?",
		    det_shape_text(shape, sizeof shape, t));
	return DET_OK;
}

/* The outputs of a net that has run, with room for their gradients. */
static enum det_err
take(struct det_system_net *n)
{
	enum det_err e;

	for (size_t k = 0; k < n->outputs; k++) {
		struct det_system_out *o = &n->out[k];

		(void)det_grad_output(n->grad, k, &o->value);
		o->born = 0;
		if ((e = det_tensor_count(&o->count, &o->value)) ||
		    (e = det_room(&o->grad, &o->cap, o->count, sizeof *o->grad)))
			return e;
	}
	return DET_OK;
}

/* NULL: what comes from outside. */
static struct det_system_out *
fed_by(struct det_system *s, const struct det_system_wire *w)
{
	return w->net < 0 ? NULL : &s->net[w->net].out[w->output];
}

enum det_err
det_system_forward(
    struct det_system *s, size_t from, size_t to, const struct det_batch *b)
{
	struct det_tensor in[DET_SYSTEM_MAPS];
	enum det_err e;

	for (size_t k = from; k < to; k++) {
		struct det_system_net *n = &s->net[k];

		for (size_t i = 0; i < n->inputs; i++)
			in[i] = n->in[i].net == DET_SYSTEM_IMAGE ? b->image
				: n->in[i].net == DET_SYSTEM_ROWS
				    ? s->rows
				    : fed_by(s, &n->in[i])->value;
		if ((e = det_grad_forward(n->grad, in, 1, b->run)) || (e = take(n)))
			return e;
	}
	return DET_OK;
}

int
det_system_learns(const struct det_system *s, int net)
{
	const struct det_system_net *n;

	if (net == DET_SYSTEM_ROWS)
		return s->rows_grad != NULL;
	if (net < 0)
		return 0;
	n = &s->net[net];
	for (size_t i = 0; i < det_grad_n_params(n->grad); i++) {
		const struct det_param *p = det_grad_param(n->grad, i);

		if (p->grad && !p->frozen)
			return 1;
	}
	for (size_t i = 0; i < n->inputs; i++)
		if (det_system_learns(s, n->in[i].net))
			return 1;
	return 0;
}

void
det_system_scale(float *x, size_t n, double by)
{
	const float f = (float)by;

	for (size_t i = 0; f != 1 && i < n; i++)
		x[i] *= f;
}

static enum det_err
run_objective(
    struct det_system *s, const struct det_batch *b, double share, double *value)
{
	const struct det_system_part *p = &s->part;
	struct det_tensor map[DET_SYSTEM_MAPS];
	float *grad[DET_SYSTEM_MAPS];
	const struct det_objective_in in = { .map = map,
		.truth = b->truth,
		.n = b->image.dims[0],
		.in_h = b->image.dims[2],
		.in_w = b->image.dims[3],
		.seed = s->seed,
		.run = b->run,
		.seen = b->seen };
	enum det_err e;

	for (size_t i = 0; i < p->maps; i++) {
		struct det_system_out *o = &s->net[p->map[i].net].out[p->map[i].output];

		map[i] = o->value;
		grad[i] = o->grad;
		o->born = 1;
	}
	if ((e = p->o.run(p->o.self, &in, grad, value)))
		return e;
	for (size_t i = 0; i < p->maps; i++)
		det_system_scale(
		    grad[i], s->net[p->map[i].net].out[p->map[i].output].count, share);
	return DET_OK;
}

static int
reached(const struct det_system_net *n)
{
	for (size_t i = 0; i < n->outputs; i++)
		if (n->out[i].born)
			return 1;
	return 0;
}

/* Where the gradient of each input goes: to the output that it is, or, where that has one
 * already, by way of `spare`; NULL where nobody wants it. */
static enum det_err
aim(struct det_system *s, const struct det_system_net *n, float **in)
{
	struct det_system_out *o;
	size_t spare = 0, at = 0;
	enum det_err e;

	for (size_t i = 0; i < n->inputs; i++)
		if ((o = fed_by(s, &n->in[i])))
			spare += o->born ? o->count : 0;
	if ((e = det_room(&s->spare, &s->spare_cap, spare, sizeof *s->spare)))
		return e;
	for (size_t i = 0; i < n->inputs; i++) {
		o = fed_by(s, &n->in[i]);
		in[i] = n->in[i].net == DET_SYSTEM_ROWS ? s->rows_grad : NULL;
		if (!o || !det_system_learns(s, n->in[i].net))
			continue;
		in[i] = o->born ? s->spare + at : o->grad;
		at += o->born ? o->count : 0;
	}
	return DET_OK;
}

static enum det_err
backward(struct det_system *s, struct det_system_net *n)
{
	const float *out[DET_SYSTEM_MAPS];
	float *in[DET_SYSTEM_MAPS];
	struct det_system_out *o;
	enum det_err e;

	for (size_t i = 0; i < n->outputs; i++)
		out[i] = n->out[i].born ? n->out[i].grad : NULL;
	if ((e = aim(s, n, in)) || (e = det_grad_backward(n->grad, out, in)))
		return e;
	for (size_t i = 0; i < n->inputs; i++) {
		if (!in[i] || !(o = fed_by(s, &n->in[i])))
			continue;
		for (size_t k = 0; in[i] != o->grad && k < o->count; k++)
			o->grad[k] += in[i][k];
		o->born = 1;
	}
	return DET_OK;
}

enum det_err
det_system_backward(struct det_system *s, size_t from, size_t to)
{
	enum det_err e;

	for (size_t i = to; i-- > from;)
		if (reached(&s->net[i]) && det_system_learns(s, (int)i) &&
		    (e = backward(s, &s->net[i])))
			return e;
	return DET_OK;
}

static enum det_err
check_terms(const struct det_system *s, const double *value)
{
	for (size_t i = 0; i < s->terms; i++)
		if (!isfinite(value[i]))
			return det_fail(
			    DET_INVALID, "loss '%s' is not finite", s->term[i]);
	return DET_OK;
}

enum det_err
det_system_step(
    struct det_system *s, const struct det_batch *b, double share, double *value)
{
	enum det_err e;

	if ((e = check_batch(s, b)) ||
	    (e = det_system_forward(s, 0, s->rows_from, b)) ||
	    (s->part.o.run && (e = run_objective(s, b, share, value))))
		return e;
	if (s->second &&
	    (e = det_second_step(s->second, s, b, share, value + s->first_terms)))
		return e;
	if ((e = check_terms(s, value)))
		return e;
	return det_system_backward(s, 0, s->rows_from);
}
