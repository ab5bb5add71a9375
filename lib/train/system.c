/* SPDX-License-Identifier: MIT
 *
 * The graph of a whole detector: nets wired by the names of their inputs and outputs, the
 * objective between them, and a step through all of it.
 *
 * Forward goes from net to net; the objective turns the outputs that the decode text names
 * into gradients; then the nets go back in the opposite order, each handing the gradients of
 * its inputs to the outputs that they are. Sums have that one order, so equal steps give
 * equal bits.
 */
#include "train/system_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "model/network.h"
#include "train/second.h"

/* --- lines ------------------------------------------------------------------------------ */

static enum det_err
add_line(void *ctx, struct det_line *l, const char *text, size_t n)
{
	struct det_system_lines *to = ctx;
	struct det_system_line *one = &to->line[to->n];

	if (l->name || l->n_inputs)
		return det_fail(DET_INVALID,
		    "an objective's name and its keys expected, found '%.*s'",
		    (int)(n > 60 ? 60 : n), text);
	if (to->n == DET_SYSTEM_LINES)
		return det_fail(
		    DET_LIMIT, "more than %d lines of objectives", DET_SYSTEM_LINES);
	/* the caller's line ends with the call: ours is parsed again */
	if (det_line_parse(&one->line, text, n))
		return DET_INVALID;
	one->used = 0;
	to->n++;
	return DET_OK;
}

/* The user's, then the model's. */
static enum det_err
read_lines(struct det_system_lines *l, const struct det_model *m,
    const struct det_system_params *p)
{
	const char *text;
	size_t len, i;
	enum det_err e;

	l->n = 0;
	for (i = 0; i < p->n_lines; i++)
		if ((e = det_lines_parse(
			 p->line[i], strlen(p->line[i]), NULL, add_line, l)))
			return det_fail_in(e, "loss '%s'", p->line[i]);
	for (i = 0; i < l->n; i++)
		l->line[i].user = 1;
	det_model_text(m, "train", &text, &len);
	if (text && (e = det_lines_parse(text, len, "train", add_line, l)))
		return det_fail_in(e, "%s", det_model_path(m));
	for (; i < l->n; i++)
		l->line[i].user = 0;
	return DET_OK;
}

static void
release_lines(struct det_system_lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		det_line_release(&l->line[i].line);
	l->n = 0;
}

struct det_line *
det_system_line(struct det_system_lines *l, const char *word)
{
	for (size_t i = 0; i < l->n; i++)
		if (!word || !strcmp(l->line[i].line.word, word)) {
			l->line[i].used = 1;
			return &l->line[i].line;
		}
	return NULL;
}

/* What the user asked for and nobody took is a mistake. */
static enum det_err
check_lines(const struct det_system_lines *l, const struct det_system *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->line[i].user && !l->line[i].used)
			return det_fail(DET_INVALID,
			    "loss '%s': this detector is trained as %s",
			    l->line[i].line.word, s->about);
	return DET_OK;
}

/* --- nets ------------------------------------------------------------------------------- */

static int
find_output(struct det_system_wire *w, const struct det_system *s, size_t nets,
    const char *name)
{
	for (size_t i = 0; i < nets; i++)
		for (size_t k = 0; k < s->net[i].outputs; k++)
			if (!strcmp(det_net_output(s->net[i].net, k), name)) {
				*w = (struct det_system_wire){ (int)i, k };
				return 1;
			}
	return 0;
}

enum det_err
det_system_find(struct det_system_wire *w, const struct det_system *s, size_t nets,
    const char *name, const char *who)
{
	if (find_output(w, s, nets, name))
		return DET_OK;
	return det_fail(DET_INVALID, "%s: %s wants '%s', which no net puts out",
	    det_model_path(s->model), who, name);
}

static enum det_err
wire_inputs(const struct det_system *s, struct det_system_net *n)
{
	for (size_t i = 0; i < n->inputs; i++) {
		const char *name = det_net_input(n->net, i, NULL);

		n->in[i] = (struct det_system_wire){ -1, 0 };
		if (find_output(&n->in[i], s, s->nets, name) || !strcmp(name, "image"))
			continue;
		return det_fail(DET_INVALID,
		    "%s: net '%s' wants '%s': the image, or what a net before it puts "
		    "out, expected",
		    det_model_path(s->model), n->name, name);
	}
	return DET_OK;
}

enum det_err
det_system_add_net(
    struct det_system *s, const char *name, const struct det_grad_params *p, int loose)
{
	const struct det_weights w = det_network_weights(s->model);
	struct det_grad_params with = *p;
	struct det_system_net *n = &s->net[s->nets];
	enum det_err e;

	if (s->nets == DET_SYSTEM_NETS)
		return det_fail(DET_LIMIT, "more than %d nets", DET_SYSTEM_NETS);
	*n = (struct det_system_net){ .name = name };
	/* no two nets have the same masks of dropout */
	with.seed += s->nets;
	if ((e = det_network_parse(&n->net, s->model, name)))
		return e;
	n->inputs = det_net_inputs(n->net);
	n->outputs = det_net_outputs(n->net);
	if (n->inputs > DET_SYSTEM_MAPS || n->outputs > DET_SYSTEM_MAPS)
		e = det_fail(DET_LIMIT, "net '%s' has more than %d inputs or outputs",
		    name, DET_SYSTEM_MAPS);
	if (e || (e = det_calloc(&n->out, n->outputs, sizeof *n->out)) ||
	    (!loose && (e = wire_inputs(s, n))) ||
	    (e = det_grad_new(&n->grad, n->net, &w, &with))) {
		free(n->out);
		det_net_free(n->net);
		*n = (struct det_system_net){ 0 };
		return e;
	}
	s->nets++;
	return DET_OK;
}

static int
has_text(const struct det_model *m, const char *name)
{
	const char *text;
	size_t len;

	det_model_text(m, name, &text, &len);
	return text != NULL;
}

/* --- the objective ---------------------------------------------------------------------- */

static enum det_err
open_decode(struct det_system *s, const char *name)
{
	struct det_system_part *p = &s->part;
	const char *text;
	size_t len;
	enum det_err e;

	det_model_text(s->model, "anchors", &text, &len);
	if (text && (e = det_anchors_parse(&s->anchors, text, len, "anchors")))
		return e;
	det_model_text(s->model, name, &text, &len);
	if (!text)
		return det_fail(DET_INVALID,
		    "no text '%s': nothing says what the nets are trained towards",
		    name);
	if ((e = det_decode_parse(&p->decode, text, len, name)) ||
	    (e = det_decode_bind(p->decode, s->anchors)))
		return e;
	p->maps = det_decode_maps(p->decode);
	if (p->maps > DET_SYSTEM_MAPS)
		return det_fail(
		    DET_LIMIT, "%s: more than %d maps", name, DET_SYSTEM_MAPS);
	for (size_t i = 0; i < p->maps; i++)
		if ((e = det_system_find(
			 &p->map[i], s, s->nets, det_decode_map(p->decode, i), name)))
			return e;
	return DET_OK;
}

static enum det_err
no_objective(const struct det_line *l, const struct det_decode *d)
{
	if (l)
		return det_fail(
		    DET_INVALID, "loss '%s': no objective of that name", l->word);
	return det_fail(DET_INVALID,
	    "a detector of '%s' has no objective of its own: a loss expected",
	    det_decode_line_word(det_decode_line(d, 0)));
}

/* By the line of that word (NULL: of any, and where there is none by what the decode text
 * is). */
static enum det_err
open_objective(struct det_system *s, struct det_system_lines *lines, const char *word)
{
	struct det_line none = { 0 }, *l = det_system_line(lines, word);
	const struct det_objective_params p = { .decode = s->part.decode,
		.anchors = s->anchors,
		.line = l ? l : &none,
		.threads = s->threads };
	const struct det_objective_kind *kind = l ? det_objective_find(l->word)
						: word
						    ? det_objective_find(word)
						    : det_objective_for(s->part.decode);
	enum det_err e;

	if (!kind)
		return no_objective(l, s->part.decode);
	s->part.name = kind->name;
	if ((e = kind->open(&s->part.o, &p)) || (e = det_line_unused(p.line)))
		return det_fail_in(e, "loss '%s'", kind->name);
	for (size_t i = 0; s->part.o.term[i] && i < DET_OBJECTIVE_TERMS; i++)
		s->term[s->terms++] = s->part.o.term[i];
	s->first_terms = s->terms;
	return DET_OK;
}

static void
describe(struct det_system *s)
{
	size_t at = (size_t)snprintf(s->about, sizeof s->about, "%s%s over",
	    s->part.name ? s->part.name : "?", s->second ? " and rcnn" : "");

	for (size_t i = 0; i < s->nets && at < sizeof s->about; i++)
		at += (size_t)snprintf(s->about + at, sizeof s->about - at, "%s %s",
		    i ? "," : "", s->net[i].name);
}

static enum det_err
open_nets(struct det_system *s, const struct det_grad_params *p)
{
	const int two = has_text(s->model, "propose");
	enum det_err e;

	if ((e = det_system_add_net(s, "backbone", p, 0)))
		return e;
	if (two && has_text(s->model, "net/rpn") &&
	    (e = det_system_add_net(s, "rpn", p, 0)))
		return e;
	if (!two && has_text(s->model, "net/head"))
		return det_system_add_net(s, "head", p, 0);
	return DET_OK;
}

static enum det_err
open_all(struct det_system *s, const struct det_system_params *p,
    struct det_system_lines *lines)
{
	const int two = has_text(s->model, "propose");
	enum det_err e;

	if ((e = read_lines(lines, s->model, p)) || (e = open_nets(s, &p->grad)) ||
	    (e = open_decode(s, two ? "propose" : "decode")) ||
	    (e = open_objective(s, lines, two ? "rpn" : NULL)))
		return e;
	if (two && (e = det_second_open(&s->second, s, &p->grad, lines)))
		return e;
	describe(s);
	return check_lines(lines, s);
}

enum det_err
det_system_open(struct det_system **out, const struct det_model *m,
    const struct det_system_params *p)
{
	struct det_system_lines lines = { .n = 0 };
	struct det_system *s;
	enum det_err e;

	if ((e = det_calloc(&s, 1, sizeof *s)))
		return e;
	s->model = m;
	s->threads = p->grad.threads > 0 ? p->grad.threads : det_cpu_cores();
	s->seed = p->grad.seed;
	e = open_all(s, p, &lines);
	release_lines(&lines);
	if (e) {
		det_system_free(s);
		return e;
	}
	*out = s;
	return DET_OK;
}

void
det_system_free(struct det_system *s)
{
	if (!s)
		return;
	det_second_free(s->second);
	if (s->part.o.free)
		s->part.o.free(s->part.o.self);
	det_decode_free(s->part.decode);
	for (size_t i = 0; i < s->nets; i++) {
		struct det_system_net *n = &s->net[i];

		for (size_t k = 0; n->out && k < n->outputs; k++)
			free(n->out[k].grad);
		free(n->out);
		det_grad_free(n->grad);
		det_net_free(n->net);
	}
	det_anchors_free(s->anchors);
	free(s->spare);
	free(s);
}

const char *
det_system_about(const struct det_system *s)
{
	return s->about;
}

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

enum det_err
det_system_room(float **p, size_t *cap, size_t n)
{
	enum det_err e;

	if (n <= *cap)
		return DET_OK;
	free(*p);
	*p = NULL;
	*cap = 0;
	if ((e = det_alloc(p, n, sizeof **p)))
		return e;
	*cap = n;
	return DET_OK;
}

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

	(void)s;
	if (t->dtype != DET_F32 || t->rank != 4 || !t->dims[0])
		return det_fail(DET_INVALID,
		    "a batch of images, f32 NxCxHxW, expected, found %s %s",
		    det_dtype_name(t->dtype) ? det_dtype_name(t->dtype) : "?",
		    det_shape_text(shape, sizeof shape, t));
	return DET_OK;
}

enum det_err
det_system_take(struct det_system_net *n)
{
	enum det_err e;

	for (size_t k = 0; k < n->outputs; k++) {
		struct det_system_out *o = &n->out[k];

		(void)det_grad_output(n->grad, k, &o->value);
		o->born = 0;
		if ((e = det_tensor_count(&o->count, &o->value)) ||
		    (e = det_system_room(&o->grad, &o->cap, o->count)))
			return e;
	}
	return DET_OK;
}

static enum det_err
forward(struct det_system *s, struct det_system_net *n, const struct det_batch *b)
{
	struct det_tensor in[DET_SYSTEM_MAPS];
	enum det_err e;

	for (size_t i = 0; i < n->inputs; i++)
		in[i] = n->in[i].net < 0
			    ? b->image
			    : s->net[n->in[i].net].out[n->in[i].output].value;
	e = det_grad_forward(n->grad, in, 1, b->run);
	return e ? e : det_system_take(n);
}

/* How many nets the first stage has: all but the second's head. */
static size_t
first_nets(const struct det_system *s)
{
	return s->nets - (s->second != NULL);
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

/* One net; an input whose output already has a gradient gets its own by way of `spare`. */
static enum det_err
backward(struct det_system *s, struct det_system_net *n)
{
	const float *out[DET_SYSTEM_MAPS];
	float *in[DET_SYSTEM_MAPS];
	struct det_system_out *o;
	size_t i, spare = 0, at = 0;
	enum det_err e;

	for (i = 0; i < n->outputs; i++)
		out[i] = n->out[i].born ? n->out[i].grad : NULL;
	for (i = 0; i < n->inputs; i++) {
		o = n->in[i].net < 0 ? NULL
				     : &s->net[n->in[i].net].out[n->in[i].output];
		spare += o && o->born ? o->count : 0;
	}
	if ((e = det_system_room(&s->spare, &s->spare_cap, spare)))
		return e;
	for (i = 0; i < n->inputs; i++) {
		o = n->in[i].net < 0 ? NULL
				     : &s->net[n->in[i].net].out[n->in[i].output];
		in[i] = !o ? NULL : o->born ? s->spare + at : o->grad;
		at += o && o->born ? o->count : 0;
	}
	if ((e = det_grad_backward(n->grad, out, in)))
		return e;
	for (i = 0; i < n->inputs; i++) {
		o = n->in[i].net < 0 ? NULL
				     : &s->net[n->in[i].net].out[n->in[i].output];
		for (size_t k = 0; o && in[i] != o->grad && k < o->count; k++)
			o->grad[k] += in[i][k];
		if (o)
			o->born = 1;
	}
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
	const size_t nets = first_nets(s);
	enum det_err e;

	if ((e = check_batch(s, b)))
		return e;
	for (size_t i = 0; i < nets; i++)
		if ((e = forward(s, &s->net[i], b)))
			return e;
	if ((e = run_objective(s, b, share, value)))
		return e;
	if (s->second &&
	    (e = det_second_step(s->second, s, b, share, value + s->first_terms)))
		return e;
	if ((e = check_terms(s, value)))
		return e;
	for (size_t i = nets; i-- > 0;)
		if (reached(&s->net[i]) && (e = backward(s, &s->net[i])))
			return e;
	return DET_OK;
}
