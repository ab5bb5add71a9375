/* SPDX-License-Identifier: MIT
 *
 * Optimizers against torch's (tests/oracle/optim.py) and against steps worked by hand.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "tests/unit/optim_golden.h"
#include "tests/unit/tap.h"
#include "train/optim.h"

enum { MOST = 6 };

/* Parameters by themselves, without a net. */
struct rig {
	struct det_param param[MOST], *list[MOST];
	size_t n;
};

static void
add(struct rig *r, const char *name, enum det_param_role role, size_t count)
{
	struct det_param *p = &r->param[r->n];

	*p = (struct det_param){ .name = name, .role = role, .count = count };
	if (det_calloc(&p->value, count, sizeof(float)))
		exit(2);
	if (role != DET_PARAM_MEAN && role != DET_PARAM_VAR &&
	    det_calloc(&p->grad, count, sizeof(float)))
		exit(2);
	r->list[r->n++] = p;
}

static void
release(struct rig *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->param[i].value);
		free(r->param[i].grad);
	}
	*r = (struct rig){ .n = 0 };
}

static struct det_optim *
open(struct rig *r, const struct det_optim_params *p)
{
	struct det_optim *o = NULL;

	if (det_optim_new(&o, r->list, r->n, p))
		(void)printf("# %s\n", det_errmsg());
	return o;
}

/* --- torch --- */

static void
set_start(struct rig *r)
{
	size_t i, k, at = 0;

	for (k = 0; k < r->n; k++)
		for (i = 0; i < r->param[k].count; i++, at++)
			r->param[k].value[i] = ((float)(at % 5) - 2) / 2;
}

static void
set_grads(struct rig *r, size_t t)
{
	size_t i, k, at = 0;

	for (k = 0; k < r->n; k++)
		for (i = 0; r->param[k].grad && i < r->param[k].count; i++, at++)
			r->param[k].grad[i] = ((float)((7 * at + 5 * t) % 11) - 5) / 4;
}

static void
against(const char *name, const struct det_optim_params *p, const double *want)
{
	struct rig r = { .n = 0 };
	struct det_optim *o;
	double far = 0, lr = .1;
	size_t t, i, k;

	add(&r, "n/a.weight", DET_PARAM_WEIGHT, 6);
	add(&r, "n/a.bias", DET_PARAM_BIAS, 2);
	set_start(&r);
	if (!(o = open(&r, p)))
		exit(1);
	for (t = 0; t < 9; t++, lr *= .8) {
		set_grads(&r, t);
		if (det_optim_step(o, lr, 1, NULL))
			exit(1);
		if (t > 1 && t < 8)
			continue;
		for (k = 0; k < r.n; k++)
			for (i = 0; i < r.param[k].count; i++)
				far = fmax(
				    far, fabs((double)r.param[k].value[i] - *want++));
	}
	ok(far < 1e-6, "%s: torch's weights within %.1e", name, far);
	det_optim_free(o);
	release(&r);
}

static void
torch_steps(void)
{
	struct det_optim_params p = DET_OPTIM_DEFAULTS;

	p.momentum = 0;
	against("sgd", &p, sgd);
	p.momentum = .9;
	p.decay = .05;
	against("sgd with momentum and decay", &p, sgd_momentum);
	p.nesterov = 1;
	against("sgd, nesterov", &p, sgd_nesterov);
	p.nesterov = 0;
	p.rate_rules = ":bias=2";
	p.decay_rules = "*=1,n/%.bias=3,*.bias=0,n/a.weight=1";
	ok(det_optim_new(&(struct det_optim *){ NULL }, NULL, 0, &p) == DET_INVALID,
	    "no parameters: nothing to learn");
	p.decay_rules = "*=1,*.bias=0,n/a.weight=1";
	against("sgd, rules for the bias", &p, sgd_rules);
	p = (struct det_optim_params)DET_OPTIM_DEFAULTS;
	p.clip_norm = 1.5;
	against("sgd, clipped by norm", &p, sgd_norm);
	p.clip_norm = 0;
	p.clip_value = .5;
	against("sgd, clipped by value", &p, sgd_value);
	p.clip_value = 0;
	p.kind = DET_OPTIM_ADAM;
	against("adam", &p, adam);
	p.beta1 = .8, p.beta2 = .95, p.eps = 1e-3, p.decay = .05;
	against("adam, other constants and decay", &p, adam_decay);
	p = (struct det_optim_params)DET_OPTIM_DEFAULTS;
	p.kind = DET_OPTIM_ADAMW;
	p.decay = .05;
	p.decay_rules = ":bias=0";
	against("adamw, no decay of the bias", &p, adamw);
}

/* --- by hand --- */

static int
near(float a, double b)
{
	return fabs((double)a - b) < 1e-6;
}

/* w = 1, gradients 2 then 4, rates .1 then .01, momentum .5. */
static void
caffe_steps(void)
{
	struct det_optim_params p = DET_OPTIM_DEFAULTS;
	struct rig r = { .n = 0 };
	struct det_optim *o;
	int nesterov;
	float *w;

	for (nesterov = 0; nesterov < 2; nesterov++) {
		int fine;

		add(&r, "n/a.weight", DET_PARAM_WEIGHT, 1);
		w = r.param[0].value;
		*w = 1;
		p.kind = DET_OPTIM_CAFFE;
		p.momentum = .5;
		p.nesterov = nesterov;
		o = open(&r, &p);
		*r.param[0].grad = 2;
		/* v = .2; nesterov: 1.5 v - .5 0 = .3 */
		fine = o && !det_optim_step(o, .1, 1, NULL) &&
		       near(*w, nesterov ? .7 : .8);
		*r.param[0].grad = 4;
		/* v = .1 + .04 = .14; nesterov: .21 - .1 = .11 */
		fine = fine && !det_optim_step(o, .01, 1, NULL) &&
		       near(*w, nesterov ? .59 : .66);
		ok(fine, "Caffe's velocity has the rate of its time%s",
		    nesterov ? ", nesterov" : "");
		det_optim_free(o);
		release(&r);
	}
}

static void
averages(void)
{
	struct det_optim_params p = DET_OPTIM_DEFAULTS;
	struct rig r = { .n = 0 };
	struct det_optim *o;
	struct det_optim_state s;
	int fine;

	add(&r, "n/a.weight", DET_PARAM_WEIGHT, 1);
	add(&r, "n/a.mean", DET_PARAM_MEAN, 1);
	add(&r, "n/b.weight", DET_PARAM_WEIGHT, 1);
	p.momentum = 0;
	p.average = .25;
	p.freeze = "n/b.*";
	o = open(&r, &p);
	r.param[0].value[0] = 0; /* is the average at first, too */
	r.param[2].value[0] = 5;
	r.param[0].grad[0] = -1;
	r.param[1].value[0] = 11;
	/* t = 1: d = 2/11, then 3/12 = .25, then .25 */
	fine = o && !det_optim_step(o, 1, 1, NULL) &&
	       near(det_optim_average(o, 0)[0], 9. / 11) &&
	       near(det_optim_average(o, 1)[0], 9.);
	ok(fine, "averages: the first step counts much, statistics too");
	fine = o && !det_optim_step(o, 1, 1, NULL) &&
	       near(det_optim_average(o, 0)[0], .25 * 9 / 11 + .75 * 2) &&
	       !det_optim_step(o, 1, 1, NULL) &&
	       near(det_optim_average(o, 0)[0], .25 * (.25 * 9 / 11 + 1.5) + .75 * 3);
	ok(fine, "averages: later ones the decay given");
	ok(o && near(det_optim_average(o, 2)[0], 5) && r.param[2].frozen &&
		!r.param[0].frozen && !det_optim_average(o, 3),
	    "averages: what is frozen is as it is");
	ok(det_optim_n_states(o) == 3, "states: velocity and two averages");
	det_optim_state(o, 2, &s);
	ok(!strcmp(s.name, "average/n/a.mean") && s.count == 1, "states have names: %s",
	    s.name);
	det_optim_free(o);
	release(&r);
}

static void
roles(void)
{
	struct det_optim_params p = DET_OPTIM_DEFAULTS;
	struct rig r = { .n = 0 };
	struct det_optim *o;
	size_t i;

	add(&r, "n/a.weight", DET_PARAM_WEIGHT, 1);
	add(&r, "n/a.bias", DET_PARAM_BIAS, 1);
	add(&r, "n/a.bn.weight", DET_PARAM_SCALE, 1);
	add(&r, "n/a.bn.bias", DET_PARAM_SHIFT, 1);
	add(&r, "n/a.mean", DET_PARAM_MEAN, 1);
	for (i = 0; i < 4; i++)
		r.param[i].value[0] = 1;
	p.decay = .5;
	p.decay_rules = ":bias=0,:norm=.5";
	p.freeze = ":stats";
	o = open(&r, &p);
	ok(o && !det_optim_step(o, 1, 1, NULL) && near(r.param[0].value[0], .5) &&
		near(r.param[1].value[0], 1) && near(r.param[2].value[0], .75) &&
		near(r.param[3].value[0], .75) && r.param[4].frozen,
	    "rules by role");
	det_optim_free(o);
	release(&r);
}

static void
norms(void)
{
	struct det_optim_params p = DET_OPTIM_DEFAULTS;
	struct rig r = { .n = 0 };
	struct det_optim *o;
	double norm = 0;
	float before;

	add(&r, "n/a.weight", DET_PARAM_WEIGHT, 2);
	add(&r, "n/b.weight", DET_PARAM_WEIGHT, 2);
	add(&r, "n/c.weight", DET_PARAM_WEIGHT, 1);
	p.freeze = "n/c.weight";
	p.momentum = 0;
	o = open(&r, &p);
	r.param[0].grad[1] = 6;
	r.param[1].grad[0] = -8;
	r.param[2].grad[0] = 100;
	ok(o && !det_optim_step(o, .5, .5, &norm) && norm > 5 - 1e-12 &&
		norm < 5 + 1e-12 && near(r.param[1].value[0], 2) &&
		!(r.param[2].value[0] > 0),
	    "the length of the gradient, scaled, without what is frozen");
	r.param[0].grad[0] = 1;
	r.param[1].grad[1] = INFINITY;
	before = r.param[0].value[0];
	ok(det_optim_step(o, .5, .5, &norm) == DET_INVALID &&
		strstr(det_errmsg(), "n/b.weight") &&
		!(fabsf(r.param[0].value[0] - before) > 0) && det_optim_steps(o) == 1,
	    "infinity changes nothing: %s", det_errmsg());
	r.param[1].grad[1] = NAN;
	ok(det_optim_step(o, .5, .5, &norm) == DET_INVALID &&
		strstr(det_errmsg(), "n/b.weight"),
	    "NaN: %s", det_errmsg());
	r.param[1].grad[1] = 3e38f;
	r.param[1].grad[0] = 3e38f;
	ok(!det_optim_step(o, 0, 1, &norm) && norm > 4e38 && norm < 5e38,
	    "the squares of large gradients don't overflow");
	ok(det_optim_step(o, NAN, 1, NULL) == DET_INVALID, "a rate that is no number");
	det_optim_free(o);
	release(&r);
}

static void
refused(void)
{
	static const struct {
		const char *rate, *freeze, *says;
	} bad[] = {
		{ "n/x.weight=2", NULL, "no parameter's name matches 'n/x.weight'" },
		{ ":norm=2", NULL, "':norm'" },
		{ "n/a.weight", NULL, "PATTERN=FACTOR" },
		{ "n/a.weight=", NULL, "factor" },
		{ "n/a.weight=-1", NULL, "-1" },
		{ "n/a.weight=1,", NULL, "PATTERN=FACTOR" },
		{ NULL, "n/b*", "what to freeze" },
		{ NULL, "*", "left to learn" },
	};
	struct det_optim_params p = DET_OPTIM_DEFAULTS;
	struct rig r = { .n = 0 };
	struct det_optim *o = NULL;
	size_t i;

	add(&r, "n/a.weight", DET_PARAM_WEIGHT, 2);
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		p.rate_rules = bad[i].rate;
		p.freeze = bad[i].freeze;
		ok(det_optim_new(&o, r.list, r.n, &p) == DET_INVALID &&
			strstr(det_errmsg(), bad[i].says),
		    "refused: %s", det_errmsg());
		r.param[0].frozen = 0;
	}
	p = (struct det_optim_params)DET_OPTIM_DEFAULTS;
	p.momentum = 1;
	ok(det_optim_new(&o, r.list, r.n, &p) == DET_INVALID, "refused: %s",
	    det_errmsg());
	p.momentum = NAN;
	ok(det_optim_new(&o, r.list, r.n, &p) == DET_INVALID, "refused: %s",
	    det_errmsg());
	release(&r);
}

/* --- runs --- */

static void
random_grads(struct rig *r, size_t step)
{
	struct det_random x;
	size_t i, k;

	det_random_seed(&x, 3, step);
	for (k = 0; k < r->n; k++)
		for (i = 0; r->param[k].grad && i < r->param[k].count; i++)
			r->param[k].grad[i] = (float)det_random_normal(&x);
}

static void
fill_rig(struct rig *r)
{
	add(r, "n/a.weight", DET_PARAM_WEIGHT, 40003);
	add(r, "n/a.bias", DET_PARAM_BIAS, 7);
	add(r, "n/a.var", DET_PARAM_VAR, 7);
	set_start(r);
}

static int
some_steps(struct rig *r, struct det_optim *o, size_t from, size_t to, double *norm)
{
	size_t t;

	for (t = from; t < to; t++) {
		random_grads(r, t);
		r->param[2].value[3] = (float)t;
		if (!o || det_optim_step(o, .01, .5, norm))
			return 0;
	}
	return 1;
}

static int
same_values(const struct rig *a, const struct rig *b)
{
	size_t k;

	for (k = 0; k < a->n; k++)
		if (memcmp(a->param[k].value, b->param[k].value,
			a->param[k].count * sizeof(float)))
			return 0;
	return 1;
}

/* The values and states of one become those of the other. */
static void
copy_run(
    struct rig *to, struct det_optim *a, const struct rig *from, struct det_optim *b)
{
	struct det_optim_state x, y;
	size_t i;

	for (i = 0; i < to->n; i++)
		memcpy(to->param[i].value, from->param[i].value,
		    to->param[i].count * sizeof(float));
	for (i = 0; i < det_optim_n_states(b); i++) {
		det_optim_state(a, i, &x);
		det_optim_state(b, i, &y);
		memcpy(x.data, y.data, y.count * sizeof(float));
	}
	det_optim_set_steps(a, det_optim_steps(b));
}

static void
resumed(enum det_optim_kind kind)
{
	struct det_optim_params p = DET_OPTIM_DEFAULTS;
	struct rig a = { .n = 0 }, b = { .n = 0 };
	struct det_optim *x, *y;
	double na = 0, nb = 0;
	int fine;
	size_t i;

	p.kind = kind;
	p.decay = 1e-3;
	p.clip_norm = 20;
	p.average = .9;
	p.threads = 1;
	fill_rig(&a);
	fill_rig(&b);
	x = open(&a, &p);
	p.threads = 3;
	y = open(&b, &p);
	fine = some_steps(&a, x, 0, 3, &na);
	copy_run(&b, y, &a, x);
	fine = fine && some_steps(&a, x, 3, 8, &na) && some_steps(&b, y, 3, 8, &nb) &&
	       same_values(&a, &b) && !memcmp(&na, &nb, sizeof na);
	for (i = 0; fine && i < a.n; i++)
		fine = !memcmp(det_optim_average(x, i), det_optim_average(y, i),
		    a.param[i].count * sizeof(float));
	ok(fine,
	    "%s: a run goes on bit by bit from its states, on any number of threads",
	    det_optim_names[kind]);
	det_optim_free(x);
	det_optim_free(y);
	release(&a);
	release(&b);
}

int
main(void)
{
	torch_steps();
	caffe_steps();
	averages();
	roles();
	norms();
	refused();
	resumed(DET_OPTIM_SGD);
	resumed(DET_OPTIM_CAFFE);
	resumed(DET_OPTIM_ADAM);
	resumed(DET_OPTIM_ADAMW);
	return done();
}
