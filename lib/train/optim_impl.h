/* SPDX-License-Identifier: MIT
 *
 * What the files of the optimizers share. Private to lib/train.
 */
#ifndef DET_OPTIM_IMPL_H
#define DET_OPTIM_IMPL_H

#include "train/optim.h"

/* factor[i] of each parameter's name: 1, or that of the last rule which matches. Without
 * `factors` the rules are patterns alone, which stand for 0. `what` begins messages. */
enum det_err det_optim_rules(double *factor, struct det_param *const *param, size_t n,
    const char *rules, int factors, const char *what) DET_MUST_USE;

/* A part of one parameter, and the step that it takes. */
struct det_optim_part {
	float *w;       /* weights */
	const float *g; /* gradients; NULL: only the average is kept */
	float *m, *s;   /* velocity or mean; Adam's squares */
	float *avg;     /* NULL: no average */
	size_t n;
	float scale, limit; /* of gradients; limit: of their size, infinity: none */
	float lr, decay, momentum;
	float beta1, beta2, eps; /* Adam's; lr is over its mean's correction */
	float part1, part2;      /* 1 - beta, rounded by itself */
	float root;              /* 1 / sqrt(1 - beta2^t) */
	float keep;              /* AdamW: what decay leaves of a weight */
	float blend;             /* of the weight in the average */
	int nesterov;
};

void det_optim_part_run(const struct det_optim_part *p, enum det_optim_kind kind);

/* Sum of squares, in an order that depends on n alone. */
double det_optim_squares(const float *x, size_t n);

#endif
