/* SPDX-License-Identifier: MIT
 *
 * From gradients to new weights: SGD with momentum, Adam and AdamW, with weight decay,
 * clipping, factors of rate and decay for some parameters, and an average of the weights.
 * What is kept from step to step is given out as named arrays, from which a run goes on bit
 * by bit.
 *
 * Rules are texts PATTERN=FACTOR, with commas between; of several that match a name the last
 * counts. A pattern is a parameter's name (NET/LAYER.suffix), '*' standing for any characters
 * and '%' for digits, or one of
 *
 *   :weight   matrices of conv, local, fc
 *   :bias     what is added to their products
 *   :norm     scale and shift of normalisations
 *   :stats    running means and variances
 *
 * ":bias=2,backbone*=.1". A pattern that no parameter matches is an
 * error: it is one mistyped.
 */
#ifndef DET_OPTIM_H
#define DET_OPTIM_H

#include <stddef.h>
#include <stdint.h>

#include "nn/grad.h"

enum det_optim_kind {
	DET_OPTIM_SGD, /* velocity of gradients, times the rate of now: torch, Darknet */
	DET_OPTIM_CAFFE, /* velocity of steps, each with the rate of its time */
	DET_OPTIM_ADAM,  /* decay is added to the gradient */
	DET_OPTIM_ADAMW, /* decay shrinks the weight, apart from the moments */
};

struct det_optim_params {
	enum det_optim_kind kind;
	double momentum; /* SGD's, [0, 1) */
	int nesterov;
	double beta1, beta2, eps; /* Adam's */
	double decay;             /* L2: decay x weight is added to the gradient */
	const char *decay_rules;  /* factors of decay; NULL: all 1 */
	const char *rate_rules;   /* factors of the rate; NULL: all 1 */
	const char *freeze;       /* patterns with commas between; NULL: none */
	double clip_norm;         /* of all gradients as one vector; 0: none */
	double clip_value;        /* of each element, after that; 0: none */
	double average;           /* decay of the weights' average, [0, 1); 0: none */
	int threads;              /* 0: all cores */
};

#define DET_OPTIM_DEFAULTS                                              \
	{                                                               \
		.momentum = .9, .beta1 = .9, .beta2 = .999, .eps = 1e-8 \
	}

/* "sgd", "caffe", "adam", "adamw", NULL: in the order of the enum. */
extern const char *const det_optim_names[];

struct det_optim;

/* Sets param[i]->frozen where `freeze` matches (of statistics too: their layers then
 * normalise by them and leave them), and leaves it elsewhere. The parameters must outlive the
 * optimizer, the array and the params need not. DET_INVALID: a number out of range, a rule
 * that does not parse or matches nothing, nothing left to learn. */
enum det_err det_optim_new(struct det_optim **out, struct det_param *const *param,
    size_t n, const struct det_optim_params *p) DET_MUST_USE;
void det_optim_free(struct det_optim *o);

/* One update by the gradients times `scale` (1 / the number of batches added up). *norm, where
 * not NULL, is the length of all gradients times scale, before clipping. Leaves the gradients.
 * DET_INVALID where a gradient is not finite, naming the parameter; then nothing has changed. */
enum det_err det_optim_step(
    struct det_optim *o, double lr, double scale, double *norm) DET_MUST_USE;

/* Averaged values of parameter i, of its count; NULL where no average is kept. Statistics are
 * averaged like weights; what is frozen is as it is. */
const float *det_optim_average(const struct det_optim *o, size_t i);

/* What the rules say of parameter i: factors of the rate and of the decay. */
void det_optim_factors(
    double *rate, double *decay, const struct det_optim *o, size_t i);

/* What is kept: all of these and the number of steps make the optimizer what it is. Names are
 * unique: "velocity/NAME", "mean/NAME", "square/NAME", "average/NAME". */
struct det_optim_state {
	const char *name;
	float *data; /* may be written to, before a step */
	size_t count;
};

size_t det_optim_n_states(const struct det_optim *o);
void det_optim_state(struct det_optim *o, size_t i, struct det_optim_state *out);
uint64_t det_optim_steps(const struct det_optim *o);
void det_optim_set_steps(struct det_optim *o, uint64_t steps);

#endif
