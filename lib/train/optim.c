/* SPDX-License-Identifier: MIT
 *
 * A step over all parameters: first the length of the gradient, which decides on clipping and
 * finds what is not finite, then the update (optim_part.c has the formulas), both over parts
 * of a fixed size, in threads. The length is summed part by part, in order: nothing depends
 * on the number of threads.
 *
 * Clipping by norm multiplies with min(1, c / (norm + 1e-6)), as torch. Averages move by
 * 1 - min(d, (1 + t) / (10 + t)) towards the weights after step t = 1, 2, ..., so that the
 * first weights are soon forgotten (as TensorFlow's).
 */
#include "train/optim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/finite.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/size.h"
#include "base/text.h"
#include "train/optim_impl.h"

#define PART ((size_t)16384) /* floats: all of its arrays fit a second-level cache */

const char *const det_optim_names[] = { "sgd", "caffe", "adam", "adamw", NULL };

struct slot {
	struct det_param *p;
	double rate, decay; /* factors */
	int learns;
	float *m, *s, *avg; /* of p->count, or NULL */
};

struct part {
	size_t slot, at;
};

struct det_optim {
	struct det_optim_params p; /* its texts are not ours */
	int threads;
	uint64_t steps;
	struct slot *slot;
	size_t n;
	struct part *part;
	double *square; /* of each part's gradient */
	size_t n_parts;
	struct det_optim_state *state;
	size_t n_states;
	float *store;
	/* of the step that runs */
	double lr, scale;
};

static enum det_err
check(const struct det_optim_params *p)
{
	const struct {
		const char *name;
		double v, below;
	} range[] = {
		{ "momentum", p->momentum, 1 },
		{ "beta1", p->beta1, 1 },
		{ "beta2", p->beta2, 1 },
		{ "eps", p->eps, 1 },
		{ "decay", p->decay, 1 },
		{ "the norm to clip to", p->clip_norm, HUGE_VAL },
		{ "the value to clip to", p->clip_value, HUGE_VAL },
		{ "the decay of averages", p->average, 1 },
	};
	size_t i;

	for (i = 0; i < sizeof range / sizeof *range; i++)
		if (!(range[i].v >= 0 && range[i].v < range[i].below))
			return det_fail(DET_INVALID,
			    "optimizer: %s is %g: expected [0, %g)", range[i].name,
			    range[i].v, range[i].below);
	if ((unsigned)p->kind > DET_OPTIM_ADAMW)
		return det_fail(DET_INVALID, "no optimizer %d", (int)p->kind);
	return DET_OK;
}

static int
is_adam(const struct det_optim *o)
{
	return o->p.kind == DET_OPTIM_ADAM || o->p.kind == DET_OPTIM_ADAMW;
}

/* Whether a step has anything to do with it: it learns, or is averaged. */
static int
is_moved(const struct det_optim *o, const struct slot *s)
{
	return s->learns || (o->p.average > 0 && !s->p->grad && !s->p->frozen);
}

/* What rules say of each parameter. */
static enum det_err
take_rules(struct det_optim *o, struct det_param *const *param)
{
	const struct det_optim_params *p = &o->p;
	double *f = NULL;
	size_t i, learn = 0;
	enum det_err e;

	if ((e = det_calloc(&f, o->n, sizeof *f)) ||
	    (e = det_optim_rules(
		 f, param, o->n, p->rate_rules, 1, "factors of the rate")))
		goto out;
	for (i = 0; i < o->n; i++)
		o->slot[i].rate = f[i];
	if ((e = det_optim_rules(
		 f, param, o->n, p->decay_rules, 1, "factors of decay")))
		goto out;
	for (i = 0; i < o->n; i++)
		o->slot[i].decay = f[i];
	if ((e = det_optim_rules(f, param, o->n, p->freeze, 0, "what to freeze")))
		goto out;
	for (i = 0; i < o->n; i++) {
		struct slot *s = &o->slot[i];

		s->p = param[i];
		if (f[i] <= 0)
			s->p->frozen = 1;
		s->learns = s->p->grad && !s->p->frozen;
		learn += (size_t)s->learns;
	}
	if (!learn)
		e = det_fail(DET_INVALID, "no parameter is left to learn");
out:
	free(f);
	return e;
}

static enum det_err
add_state(
    struct det_optim *o, const char *kind, const struct slot *s, float **to, float **at)
{
	struct det_optim_state *st = &o->state[o->n_states];
	struct det_buf name = { 0 };
	enum det_err e = det_buf_printf(&name, "%s/%s", kind, s->p->name);

	if (e)
		return e;
	st->name = name.text;
	st->data = *to = *at;
	st->count = s->p->count;
	*at += det_pad(s->p->count * sizeof(float)) / sizeof(float);
	o->n_states++;
	return DET_OK;
}

/* Arrays of what is kept, all in one store. */
static enum det_err
make_states(struct det_optim *o)
{
	size_t i, each = is_adam(o) ? 2 : 1, floats = 0, states = 0, most;
	float *at;
	enum det_err e;

	for (i = 0; i < o->n; i++) {
		const struct slot *s = &o->slot[i];
		size_t k = (s->learns ? each : 0) + (o->p.average > 0);

		if (!is_moved(o, s))
			continue;
		states += k;
		if ((e = det_mul(&most, k,
			 det_pad(s->p->count * sizeof(float)) / sizeof(float))) ||
		    (e = det_add(&floats, floats, most)))
			return e;
	}
	if ((e = det_calloc(&o->store, floats, sizeof *o->store)) ||
	    (e = det_calloc(&o->state, states, sizeof *o->state)))
		return e;
	at = o->store;
	for (i = 0; !e && i < o->n; i++) {
		struct slot *s = &o->slot[i];

		if (s->learns)
			e = add_state(
			    o, each == 2 ? "mean" : "velocity", s, &s->m, &at);
		if (!e && s->learns && each == 2)
			e = add_state(o, "square", s, &s->s, &at);
		if (!e && o->p.average > 0 && is_moved(o, s)) {
			e = add_state(o, "average", s, &s->avg, &at);
			memcpy(s->avg, s->p->value, s->p->count * sizeof(float));
		}
	}
	return e;
}

static enum det_err
make_parts(struct det_optim *o)
{
	size_t i, at, k = 0;
	enum det_err e;

	for (i = 0; i < o->n; i++)
		if (is_moved(o, &o->slot[i]))
			o->n_parts += det_ceil_div(o->slot[i].p->count, PART);
	if ((e = det_calloc(&o->part, o->n_parts, sizeof *o->part)) ||
	    (e = det_calloc(&o->square, o->n_parts, sizeof *o->square)))
		return e;
	for (i = 0; i < o->n; i++)
		for (at = 0; is_moved(o, &o->slot[i]) && at < o->slot[i].p->count;
		     at += PART)
			o->part[k++] = (struct part){ i, at };
	return DET_OK;
}

enum det_err
det_optim_new(struct det_optim **out, struct det_param *const *param, size_t n,
    const struct det_optim_params *p)
{
	struct det_optim *o = NULL;
	enum det_err e;

	if ((e = check(p)) || (e = det_calloc(&o, 1, sizeof *o)))
		return e;
	o->p = *p;
	o->n = n;
	o->threads = p->threads > 0 ? p->threads : det_cpu_cores();
	if ((e = det_calloc(&o->slot, n, sizeof *o->slot)) ||
	    (e = take_rules(o, param)) || (e = make_states(o)) || (e = make_parts(o))) {
		det_optim_free(o);
		return e;
	}
	*out = o;
	return DET_OK;
}

void
det_optim_free(struct det_optim *o)
{
	size_t i;

	if (!o)
		return;
	for (i = 0; i < o->n_states; i++)
		free((char *)o->state[i].name);
	free(o->state);
	free(o->store);
	free(o->part);
	free(o->square);
	free(o->slot);
	free(o);
}

/* --- a step --- */

static size_t
part_count(const struct slot *s, const struct part *q)
{
	return det_least(PART, s->p->count - q->at);
}

static void
measure_part(const void *ctx, size_t i, int worker)
{
	const struct det_optim *o = ctx;
	const struct part *q = &o->part[i];
	const struct slot *s = &o->slot[q->slot];

	(void)worker;
	o->square[i] =
	    s->learns ? det_optim_squares(s->p->grad + q->at, part_count(s, q)) : 0;
}

static enum det_err
measure(struct det_optim *o, double *norm)
{
	double sum = 0;
	size_t i;

	det_parallel(o->threads, o->n_parts, measure_part, o);
	for (i = 0; i < o->n_parts; i++)
		sum += o->square[i];
	*norm = sqrt(sum) * o->scale;
	if (isfinite(*norm))
		return DET_OK;
	for (i = 0; i < o->n; i++) {
		const struct det_param *p = o->slot[i].p;

		if (o->slot[i].learns &&
		    det_finite_first(p->grad, p->count, o->threads) < p->count)
			return det_fail(
			    DET_INVALID, "the gradient of '%s' is not finite", p->name);
	}
	return det_fail(DET_INVALID, "the length of the gradient is not finite");
}

static void
set_adam(const struct det_optim *o, const struct slot *s, struct det_optim_part *q)
{
	double t = (double)o->steps;

	q->beta1 = (float)o->p.beta1;
	q->beta2 = (float)o->p.beta2;
	q->part1 = (float)(1 - o->p.beta1);
	q->part2 = (float)(1 - o->p.beta2);
	q->eps = (float)o->p.eps;
	q->lr = (float)(o->lr * s->rate / (1 - pow(o->p.beta1, t)));
	q->root = (float)(1 / sqrt(1 - pow(o->p.beta2, t)));
	q->keep = 1;
	if (o->p.kind == DET_OPTIM_ADAMW) {
		q->keep = (float)(1 - o->lr * s->rate * (s->decay * o->p.decay));
		q->decay = 0;
	}
}

static double
average_decay(const struct det_optim *o)
{
	double t = (double)o->steps, d = (1 + t) / (10 + t);

	return d < o->p.average ? d : o->p.average;
}

static void
update_part(const void *ctx, size_t i, int worker)
{
	const struct det_optim *o = ctx;
	const struct part *q = &o->part[i];
	const struct slot *s = &o->slot[q->slot];
	struct det_optim_part p = {
		.w = s->p->value + q->at,
		.g = s->learns ? s->p->grad + q->at : NULL,
		.m = s->m ? s->m + q->at : NULL,
		.s = s->s ? s->s + q->at : NULL,
		.avg = s->avg ? s->avg + q->at : NULL,
		.n = part_count(s, q),
		.scale = (float)o->scale,
		.limit = o->p.clip_value > 0 ? (float)o->p.clip_value : HUGE_VALF,
		.lr = (float)(o->lr * s->rate),
		.decay = (float)(s->decay * o->p.decay),
		.momentum = (float)o->p.momentum,
		.blend = (float)(1 - average_decay(o)),
		.nesterov = o->p.nesterov,
	};

	(void)worker;
	if (is_adam(o))
		set_adam(o, s, &p);
	det_optim_part_run(&p, o->p.kind);
}

enum det_err
det_optim_step(struct det_optim *o, double lr, double scale, double *norm)
{
	double length;
	enum det_err e;

	if (!(lr >= 0 && lr < HUGE_VAL))
		return det_fail(DET_INVALID, "a learning rate of %g", lr);
	o->lr = lr;
	o->scale = scale;
	if ((e = measure(o, &length)))
		return e;
	if (o->p.clip_norm > 0 && o->p.clip_norm < length + 1e-6)
		o->scale *= o->p.clip_norm / (length + 1e-6);
	o->steps++;
	det_parallel(o->threads, o->n_parts, update_part, o);
	if (norm)
		*norm = length;
	return DET_OK;
}

const float *
det_optim_average(const struct det_optim *o, size_t i)
{
	if (i >= o->n || o->p.average <= 0)
		return NULL;
	return o->slot[i].avg ? o->slot[i].avg : o->slot[i].p->value;
}

void
det_optim_factors(double *rate, double *decay, const struct det_optim *o, size_t i)
{
	*rate = o->slot[i].rate;
	*decay = o->slot[i].decay;
}

size_t
det_optim_n_states(const struct det_optim *o)
{
	return o->n_states;
}

void
det_optim_state(struct det_optim *o, size_t i, struct det_optim_state *out)
{
	*out = o->state[i];
}

uint64_t
det_optim_steps(const struct det_optim *o)
{
	return o->steps;
}

void
det_optim_set_steps(struct det_optim *o, uint64_t steps)
{
	o->steps = steps;
}
