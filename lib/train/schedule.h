/* SPDX-License-Identifier: MIT
 *
 * Learning rates: the rate of each iteration as a pure function of its number, so that a run
 * that is resumed goes on where it was.
 *
 *   constant               lr
 *   step=N,g               lr g^floor(i / N)
 *   multistep=A,B,...:g    times g from iteration A on, again from B on; or :g,h,... a factor
 *                          for each
 *   poly=p                 lr (1 - i / T)^p, T the iterations in all
 *   exp=g                  lr g^i
 *   cosine, cosine=f       down half a cosine from lr to f lr (0) at T
 *   restarts=N,m           the same over N iterations, then again from lr over N m, N m^2,
 *                          ... (SGDR); m is 1 where it is left out; restarts=N,m,f down to
 *                          f lr
 *
 * And a warm-up over the first iterations,
 *
 *   N, N,f                 times a ramp from f (.001) at 0 to 1 at N, linear, as torchvision
 *   burnin=N,p             lr ((i + 1) / N)^p in place of the above, as Darknet (p is 4
 *                          where it is left out)
 *
 * Each number of iterations may be a share of T: 60%. Iterations are updates of the weights,
 * counted from 0.
 */
#ifndef DET_SCHEDULE_H
#define DET_SCHEDULE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define DET_SCHEDULE_STEPS 16

enum det_schedule_kind {
	DET_SCHEDULE_CONSTANT,
	DET_SCHEDULE_STEP,
	DET_SCHEDULE_MULTISTEP,
	DET_SCHEDULE_POLY,
	DET_SCHEDULE_EXP,
	DET_SCHEDULE_COSINE,
	DET_SCHEDULE_RESTARTS,
};

struct det_schedule {
	enum det_schedule_kind kind;
	uint64_t total; /* iterations in all; 0: not known */
	double at
	    [DET_SCHEDULE_STEPS]; /* iterations; of step and restarts the first only */
	double scale[DET_SCHEDULE_STEPS]; /* gamma, power, factor of the length */
	size_t n;
	double floor;  /* of the cosines, a share of lr */
	double warmup; /* iterations; 0: none */
	double ramp;   /* where the linear one begins */
	double power;  /* of burn-in; 0: it is linear */
};

/* NULL is constant, and no warm-up. DET_INVALID says what is wrong, also where T is wanted and
 * total is 0. Steps must rise; all factors and powers are above 0. */
enum det_err det_schedule_parse(struct det_schedule *out, const char *schedule,
    const char *warmup, uint64_t total) DET_MUST_USE;

/* The rate of iteration i; from total on that of the last. */
double det_schedule_rate(const struct det_schedule *s, double lr, uint64_t i);

#endif
