/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "tests/unit/optim_golden.h"
#include "tests/unit/tap.h"
#include "train/schedule.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static int
near(double a, double b)
{
	return fabs(a - b) <= 1e-9 * fabs(b) + 1e-15;
}

static void
against(const char *schedule, const char *warmup, const double *want, size_t n)
{
	struct det_schedule s;
	size_t i, bad = n;

	if (det_schedule_parse(&s, schedule, warmup, 30)) {
		ok(0, "%s: %s", schedule, det_errmsg());
		return;
	}
	for (i = n; i-- > 0;)
		if (!near(det_schedule_rate(&s, .5, i), want[i]))
			bad = i;
	ok(bad == n, "%s, warm-up %s: torch's rates%s", schedule,
	    warmup ? warmup : "none", bad < n ? " (not all)" : "");
}

static void
torch_rates(void)
{
	against("step=7,.3", NULL, rates_step, COUNT(rates_step));
	against("multistep=5,11,23:.2", NULL, rates_multistep, COUNT(rates_multistep));
	against("poly=.9", NULL, rates_poly, COUNT(rates_poly));
	against("exp=.93", NULL, rates_exp, COUNT(rates_exp));
	against("cosine", NULL, rates_cosine, COUNT(rates_cosine));
	against("cosine=.01", NULL, rates_cosine_floor, COUNT(rates_cosine_floor));
	against("restarts=7", NULL, rates_restarts, COUNT(rates_restarts));
	against("restarts=4,2,.1", NULL, rates_restarts_2, COUNT(rates_restarts_2));
	against("constant", "8", rates_warmup, COUNT(rates_warmup));
	against(
	    "multistep=5,20:.1", "8,.1", rates_warmup_step, COUNT(rates_warmup_step));
}

/* Worked by hand from the formulas of the cfg files and of Caffe's solver. */
static void
by_hand(void)
{
	struct det_schedule s;

	ok(!det_schedule_parse(&s, "multistep=400,500:.1,2.5", "burnin=100", 600) &&
		near(det_schedule_rate(&s, .001, 0), .001 * 1e-8) &&
		near(det_schedule_rate(&s, .001, 49), .001 * .0625) &&
		near(det_schedule_rate(&s, .001, 99), .001) &&
		near(det_schedule_rate(&s, .001, 100), .001) &&
		near(det_schedule_rate(&s, .001, 399), .001) &&
		near(det_schedule_rate(&s, .001, 400), .0001) &&
		near(det_schedule_rate(&s, .001, 500), .00025),
	    "Darknet: burn-in by the fourth power, then a factor for each step");
	ok(!det_schedule_parse(&s, "step=10,.5", "burnin=4,1", 0) &&
		near(det_schedule_rate(&s, 8, 1), 4) &&
		near(det_schedule_rate(&s, 8, 25), 2),
	    "burn-in of another power; steps without an end");
	ok(!det_schedule_parse(&s, "multistep=60%,80%:.1", "1%", 200) &&
		near(det_schedule_rate(&s, 1, 119), 1) &&
		near(det_schedule_rate(&s, 1, 120), .1) &&
		near(det_schedule_rate(&s, 1, 160), .01) && s.warmup > 1.9 &&
		s.warmup < 2.1,
	    "shares of all iterations");
	ok(!det_schedule_parse(&s, "poly=1", NULL, 10) &&
		near(det_schedule_rate(&s, 1, 9), .1) &&
		near(det_schedule_rate(&s, 1, 10), .1) &&
		near(det_schedule_rate(&s, 1, UINT64_MAX), .1),
	    "after the last iteration its rate stays");
	ok(!det_schedule_parse(&s, NULL, NULL, 0) &&
		near(det_schedule_rate(&s, .3, UINT64_MAX), .3) &&
		!det_schedule_parse(&s, "constant", "0", 0) && s.warmup <= 0,
	    "nothing said: constant");
	ok(!det_schedule_parse(&s, "restarts=10,1.5", NULL, 0) &&
		near(det_schedule_rate(&s, 1, 10), 1) &&
		near(det_schedule_rate(&s, 1, 25), 1) &&
		det_schedule_rate(&s, 1, 24) < .02 &&
		isfinite(det_schedule_rate(&s, 1, UINT64_MAX)),
	    "restarts: cycles of 10, 15, ...; no iteration is too far");
}

static void
refused(void)
{
	static const struct {
		const char *schedule, *warmup, *says;
		uint64_t total;
	} bad[] = {
		{ "linear", NULL, "expected constant", 10 },
		{ "", NULL, "expected constant", 10 },
		{ "step", NULL, "wants 2", 10 },
		{ "step=5", NULL, "wants 2", 10 },
		{ "step=5,.1,3", NULL, "more than 2", 10 },
		{ "step=0,.1", NULL, "0", 10 },
		{ "step=1.5,.1", NULL, "whole number", 10 },
		{ "step=5,-1", NULL, "-1", 10 },
		{ "step=5,nan", NULL, "nan", 10 },
		{ "constant=1", NULL, "more than 0", 10 },
		{ "multistep", NULL, "wants", 10 },
		{ "multistep=5", NULL, "FACTOR", 10 },
		{ "multistep=5,4:.1", NULL, "rise", 10 },
		{ "multistep=5,5:.1", NULL, "rise", 10 },
		{ "multistep=1,2,3:.1,.2", NULL, "found 2", 10 },
		{ "multistep=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17:.1", NULL,
		    "more than 16", 10 },
		{ "multistep=50%:.1", NULL, "not known", 0 },
		{ "multistep=150%:.1", NULL, "150", 10 },
		{ "cosine", NULL, "not known", 0 },
		{ "poly=.9", NULL, "not known", 0 },
		{ "restarts=5,.5", NULL, "expected 1", 10 },
		{ "constant", "5,2", "at most at 1", 10 },
		{ "constant", "x", "x", 10 },
		{ "constant", "burnin=", "", 10 },
		{ "constant", "burnin=5,4,4", "more than 2", 10 },
	};
	struct det_schedule s;
	size_t i;

	for (i = 0; i < COUNT(bad); i++)
		ok(det_schedule_parse(
		       &s, bad[i].schedule, bad[i].warmup, bad[i].total) &&
			strstr(det_errmsg(), bad[i].says),
		    "refused: %s, %s: %s", bad[i].schedule,
		    bad[i].warmup ? bad[i].warmup : "", det_errmsg());
}

int
main(void)
{
	torch_rates();
	by_hand();
	refused();
	return done();
}
