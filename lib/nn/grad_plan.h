/* SPDX-License-Identifier: MIT
 *
 * A network in training from the inside. Private to lib/nn.
 */
#ifndef DET_GRAD_PLAN_H
#define DET_GRAD_PLAN_H

#include "nn/grad.h"
#include "nn/graph.h"

#define DET_GRAD_NONE ((size_t)-1)

/* A layer, or an input of the net. */
struct det_grad_row {
	unsigned char live; /* reaches an output */
	/* of the current shapes */
	unsigned char view; /* its value is memory of its first input's */
	size_t count;       /* floats of its value */
	float *value;       /* of an input: the caller's */
	float *pre;   /* what the activation gets, where its derivative needs that */
	float *saved; /* train_saved */
	unsigned char stats; /* of the last run: normalised by running statistics */
	/* of the current way back */
	unsigned char wants; /* there is something below that its gradient is for */
	unsigned char born;  /* its gradient has been written to */
	float *grad;
	size_t heir; /* the input whose gradient is this one's memory, or NONE */
};

/* Memory that only grows. */
struct det_grad_memory {
	char *at;
	size_t size;
};

struct det_grad {
	const struct det_net *net;
	struct det_grad_params p;
	int threads;
	size_t n_params;
	struct det_param *param;
	struct det_tensor *weight; /* as params, their data the values */
	float *store;              /* values of all params, then their gradients */
	size_t store_bytes;
	/* a row a use of a weight */
	const float **data;
	float **moved, **weight_grad;
	struct det_grad_row *row; /* a row a node */
	size_t (*dims)[4];
	struct det_grad_memory values, grads, scratch;
	size_t value_bytes, grad_bytes, scratch_bytes; /* that the shapes need */
	int planned;                                   /* dims are those of a plan */
	int ran, train; /* forward has been done, and how */
};

/* grad_plan.c: shapes for these inputs, views, where values lie; the values of inputs are
 * set too. */
enum det_err det_grad_plan_values(
    struct det_grad *g, const struct det_tensor *in) DET_MUST_USE;
/* Which gradients are wanted, and where they lie; in_grad as for det_grad_backward, not
 * NULL. */
enum det_err det_grad_plan_back(struct det_grad *g, float *const *in_grad) DET_MUST_USE;

/* grad_param.c: the parameters, with their weights copied. */
enum det_err det_grad_bind(
    struct det_grad *g, const struct det_weights *w) DET_MUST_USE;
/* Pointers to weights for the operators, by what is frozen now. */
void det_grad_point(struct det_grad *g);
/* Whether one of the layer's weights is in training. */
int det_grad_learns(const struct det_grad *g, const struct det_node *n);

/* A layer's activation; linear for an operator without. */
enum det_act det_grad_act(const struct det_node *n, float *alpha);
/* g *= act'(x) over n floats, from y = act(x), or for mish and silu from x. */
void det_grad_act_back(float *g, const float *y, const float *x, size_t n,
    enum det_act act, float alpha, int threads);
/* Whether x is needed for that. */
int det_grad_act_needs_input(enum det_act act);

#endif
