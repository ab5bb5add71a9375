/* SPDX-License-Identifier: MIT
 *
 * Schedules of the learning rate. The forms are those of torch.optim.lr_scheduler (StepLR,
 * MultiStepLR, PolynomialLR, ExponentialLR, CosineAnnealingLR, CosineAnnealingWarmRestarts,
 * LinearLR for the warm-up), which Caffe and Darknet have under other names; restarts as in
 * Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017.
 *
 * Departures: all are closed formulas of the iteration, where torch multiplies the rate on
 * from step to step and so rounds differently. Darknet counts iterations from 1: burn-in
 * does too, but its steps fall one iteration earlier there than here.
 */
#include "train/schedule.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

#define MOST 1e15 /* iterations: doubles count them exactly */
#define TEXT 512

struct form {
	const char *name;
	enum det_schedule_kind kind;
	size_t least, most; /* numbers after '=' */
	int times;          /* how many of them, from the first, are iterations */
	int needs_total;
};

static const struct form forms[] = {
	{ "constant", DET_SCHEDULE_CONSTANT, 0, 0, 0, 0 },
	{ "step", DET_SCHEDULE_STEP, 2, 2, 1, 0 },
	{ "multistep", DET_SCHEDULE_MULTISTEP, 1, DET_SCHEDULE_STEPS,
	    DET_SCHEDULE_STEPS, 0 },
	{ "poly", DET_SCHEDULE_POLY, 1, 1, 0, 1 },
	{ "exp", DET_SCHEDULE_EXP, 1, 1, 0, 0 },
	{ "cosine", DET_SCHEDULE_COSINE, 0, 1, 0, 1 },
	{ "restarts", DET_SCHEDULE_RESTARTS, 1, 3, 1, 0 },
};

/* "1000" or "60%" of the total */
static enum det_err
parse_time(double *out, char *s, uint64_t total)
{
	size_t n = strlen(s);
	double share;
	enum det_err e;

	if (!n || s[n - 1] != '%') {
		if ((e = det_parse_double(out, s, 1, MOST)))
			return e;
		if (*out > floor(*out))
			return det_fail(
			    DET_INVALID, "'%s' iterations: expected a whole number", s);
		return DET_OK;
	}
	if (!total)
		return det_fail(DET_INVALID,
		    "'%s' of the iterations, but how many there are is not known", s);
	s[n - 1] = 0;
	if ((e = det_parse_double(&share, s, 0, 100)))
		return e;
	*out = floor(share / 100 * (double)total + .5);
	if (*out < 1)
		*out = 1;
	return DET_OK;
}

/* Numbers with commas between, the first `times` of them iterations. */
static enum det_err
parse_numbers(double *v, size_t *n, size_t most, size_t times, char *s, uint64_t total)
{
	char *next;
	enum det_err e;

	for (*n = 0; s; s = next, ++*n) {
		if (*n == most)
			return det_fail(
			    DET_LIMIT, "more than %zu numbers at '%s'", most, s);
		next = strchr(s, ',');
		if (next)
			*next++ = 0;
		e = *n < times ? parse_time(&v[*n], s, total)
			       : det_parse_double(&v[*n], s, 1e-12, 1e12);
		if (e)
			return e;
	}
	return DET_OK;
}

/* "A,B:g", "A,B:g,h" */
static enum det_err
parse_multistep(struct det_schedule *s, char *text)
{
	char *factors = strchr(text, ':');
	size_t i, n;
	enum det_err e;

	if (!factors)
		return det_fail(
		    DET_INVALID, "expected A,B,...:FACTOR, found '%s'", text);
	*factors++ = 0;
	if ((e = parse_numbers(s->at, &s->n, DET_SCHEDULE_STEPS, DET_SCHEDULE_STEPS,
		 text, s->total)) ||
	    (e = parse_numbers(s->scale, &n, DET_SCHEDULE_STEPS, 0, factors, 0)))
		return e;
	if (n != 1 && n != s->n)
		return det_fail(DET_INVALID,
		    "expected one factor or one for each of %zu steps, found %zu", s->n,
		    n);
	for (i = 0; i < s->n; i++) {
		if (i && s->at[i] <= s->at[i - 1])
			return det_fail(DET_INVALID, "steps must rise: %.0f after %.0f",
			    s->at[i], s->at[i - 1]);
		if (n == 1)
			s->scale[i] = s->scale[0];
	}
	return DET_OK;
}

/* Puts what the numbers mean where it belongs. */
static enum det_err
take_numbers(struct det_schedule *s, const double *v, size_t n)
{
	s->n = 1;
	switch (s->kind) {
	case DET_SCHEDULE_STEP:
		s->at[0] = v[0];
		s->scale[0] = v[1];
		break;
	case DET_SCHEDULE_POLY:
	case DET_SCHEDULE_EXP: s->scale[0] = v[0]; break;
	case DET_SCHEDULE_COSINE: s->floor = n ? v[0] : 0; break;
	case DET_SCHEDULE_RESTARTS:
		s->at[0] = v[0];
		s->scale[0] = n > 1 ? v[1] : 1;
		s->floor = n > 2 ? v[2] : 0;
		/* each cycle is walked through: their number must stay small */
		if (s->scale[0] < 1 || (s->scale[0] > 1 && s->scale[0] < 1.01))
			return det_fail(DET_INVALID,
			    "each cycle is %g times the one before: expected 1, or "
			    "1.01 "
			    "and more",
			    s->scale[0]);
		break;
	default: break;
	}
	return DET_OK;
}

static enum det_err
parse_schedule(struct det_schedule *s, char *text)
{
	double v[DET_SCHEDULE_STEPS] = { 0 };
	char *args = strchr(text, '=');
	const struct form *f = NULL;
	size_t i, n = 0;
	enum det_err e;

	if (args)
		*args++ = 0;
	for (i = 0; i < sizeof forms / sizeof *forms; i++)
		if (!strcmp(text, forms[i].name))
			f = &forms[i];
	if (!f)
		return det_fail(DET_INVALID,
		    "expected constant, step, multistep, poly, exp, cosine or "
		    "restarts, "
		    "found '%s'",
		    text);
	if (f->needs_total && !s->total)
		return det_fail(DET_INVALID,
		    "'%s' goes by the iterations in all, which are not known", text);
	s->kind = f->kind;
	if (args && s->kind == DET_SCHEDULE_MULTISTEP)
		return parse_multistep(s, args);
	if (args &&
	    (e = parse_numbers(v, &n, f->most, (size_t)f->times, args, s->total)))
		return e;
	if (n < f->least || n > f->most)
		return det_fail(DET_INVALID, "'%s' wants %zu to %zu numbers, found %zu",
		    text, f->least, f->most, n);
	return take_numbers(s, v, n);
}

static enum det_err
parse_warmup(struct det_schedule *s, char *text)
{
	static const char burnin[] = "burnin=";
	double v[2] = { 0, 0 };
	int burn = !strncmp(text, burnin, sizeof burnin - 1);
	size_t n;
	enum det_err e;

	if (burn)
		text += sizeof burnin - 1;
	else if (!strcmp(text, "0"))
		return DET_OK;
	if ((e = parse_numbers(v, &n, 2, 1, text, s->total)))
		return e;
	s->warmup = v[0];
	if (burn)
		s->power = n > 1 ? v[1] : 4;
	else
		s->ramp = n > 1 ? v[1] : .001;
	if (s->ramp > 1)
		return det_fail(
		    DET_INVALID, "a warm-up begins at most at 1, not at %g", s->ramp);
	return DET_OK;
}

enum det_err
det_schedule_parse(
    struct det_schedule *out, const char *schedule, const char *warmup, uint64_t total)
{
	struct det_schedule s = { .total = total };
	char text[TEXT];
	enum det_err e = DET_OK;

	if ((schedule && strlen(schedule) >= sizeof text) ||
	    (warmup && strlen(warmup) >= sizeof text))
		return det_fail(DET_LIMIT, "a schedule of more than %d letters", TEXT);
	if (schedule) {
		memcpy(text, schedule, strlen(schedule) + 1);
		if ((e = parse_schedule(&s, text)))
			return det_fail_in(e, "schedule '%s'", schedule);
	}
	if (warmup) {
		memcpy(text, warmup, strlen(warmup) + 1);
		if ((e = parse_warmup(&s, text)))
			return det_fail_in(e, "warm-up '%s'", warmup);
	}
	*out = s;
	return DET_OK;
}

/* From 1 down to the floor while x goes from 0 to 1. */
static double
half_cosine(double x, double least)
{
	return least + (1 - least) * .5 * (1 + cos(3.14159265358979323846 * x));
}

static double
restarts(const struct det_schedule *s, double i)
{
	double begin = 0, len = s->at[0];

	if (s->scale[0] <= 1)
		return half_cosine(fmod(i, len) / len, s->floor);
	while (i >= begin + len) {
		begin += len;
		len *= s->scale[0];
	}
	return half_cosine((i - begin) / len, s->floor);
}

static double
multistep(const struct det_schedule *s, double i)
{
	double f = 1;
	size_t k;

	for (k = 0; k < s->n && i >= s->at[k]; k++)
		f *= s->scale[k];
	return f;
}

static double
factor(const struct det_schedule *s, double i)
{
	double t = (double)s->total;

	switch (s->kind) {
	case DET_SCHEDULE_CONSTANT: break;
	case DET_SCHEDULE_STEP: return pow(s->scale[0], floor(i / s->at[0]));
	case DET_SCHEDULE_MULTISTEP: return multistep(s, i);
	case DET_SCHEDULE_POLY: return pow(1 - i / t, s->scale[0]);
	case DET_SCHEDULE_EXP: return pow(s->scale[0], i);
	case DET_SCHEDULE_COSINE: return half_cosine(i / t, s->floor);
	case DET_SCHEDULE_RESTARTS: return restarts(s, i);
	}
	return 1;
}

double
det_schedule_rate(const struct det_schedule *s, double lr, uint64_t iteration)
{
	double i;

	if (s->total && iteration >= s->total)
		iteration = s->total - 1;
	i = (double)iteration;
	if (i >= s->warmup)
		return lr * factor(s, i);
	if (s->power > 0)
		return lr * pow((i + 1) / s->warmup, s->power);
	return lr * factor(s, i) * (s->ramp + (1 - s->ramp) * i / s->warmup);
}
