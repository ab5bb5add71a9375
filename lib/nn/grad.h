/* SPDX-License-Identifier: MIT
 *
 * A network in training: forward with everything kept that the way back needs, backward,
 * and the parameters with their gradients. One det_grad serves one net; systems of several
 * nets (a backbone, an RPN, a head on pooled rows) hold one for each and hand gradients of
 * inputs from one to the next.
 *
 * Layers run one by one as the text has them; nothing is fused away, so that every value
 * has a gradient. Batch normalisation uses the statistics of the batch and moves its running
 * ones, or is frozen. All sums have a fixed order: equal calls give equal bits, whatever the
 * number of threads.
 */
#ifndef DET_GRAD_H
#define DET_GRAD_H

#include "nn/engine.h"
#include "nn/net.h"

struct det_grad;

enum det_param_role {
	DET_PARAM_WEIGHT, /* of conv, local, fc */
	DET_PARAM_BIAS,
	DET_PARAM_SCALE, /* gamma of a norm, the factor of l2norm or scale */
	DET_PARAM_SHIFT, /* beta */
	DET_PARAM_MEAN, /* running statistics: moved by the forward pass, no gradient */
	DET_PARAM_VAR,
};

struct det_param {
	const char *name; /* NET/LAYER.suffix; of the net */
	enum det_param_role role;
	size_t dims[DET_MAX_RANK];
	int rank;
	size_t count;
	/* Inputs of an output, and back: of weights, and of biases those of their layer's
	 * weight. Else 0. */
	size_t fan_in, fan_out;
	float *value; /* owned by the det_grad, as is: */
	float *grad;  /* NULL for statistics; += by the backward pass */
	/* 1: no gradient is computed. Of a running mean: the layers that use it normalise by
	 * the running statistics and leave them. Counts from the next forward pass on. */
	int frozen;
};

enum det_bn_form {
	/* running = .9 running + .1 batch; variance over N in normalising, N - 1 in running */
	DET_BN_TORCH,
	DET_BN_DARKNET_FORM, /* running = .99 running + .01 batch, over N - 1 in both */
};

struct det_grad_params {
	int threads;
	int bn_frozen; /* all batch norms use their running statistics */
	enum det_bn_form form;
	double bn_momentum;      /* of the new batch; < 0: the form's */
	unsigned long long seed; /* of dropout's masks, with the number of the run */
};

/* Copies the weights (all of the net's must be found) into memory of its own. The net must
 * outlive it. An operator that can't be trained is DET_UNSUPPORTED. */
enum det_err det_grad_new(struct det_grad **out, const struct det_net *net,
    const struct det_weights *w, const struct det_grad_params *p) DET_MUST_USE;
void det_grad_free(struct det_grad *g);

/* The net's weights, in its order. */
size_t det_grad_n_params(const struct det_grad *g);
struct det_param *det_grad_param(struct det_grad *g, size_t i);
/* Sets all gradients to 0. */
void det_grad_clear(struct det_grad *g);

/* A layer that reaches an output, or an input of the net. */
struct det_grad_layer {
	const char *net, *name;
	const char *op;      /* "input" */
	size_t dims[4];      /* of its output in the last forward pass; 0 before any */
	const size_t *param; /* numbers of its parameters, as det_grad_param's */
	size_t n_params;
};
size_t det_grad_layers(const struct det_grad *g);
/* Layer i, in the order of the text, below that number. */
void det_grad_layer(struct det_grad_layer *out, const struct det_grad *g, size_t i);

/* Forward on a batch, in training (train != 0: batch statistics, dropout) or as inference
 * runs it. `run` numbers the call, from 0, and with the seed decides dropout. The output's
 * data lives until the next call. Inputs must live until after backward. NaN or infinity in
 * an output is DET_INVALID and names the first layer that made one, and the image. So is a
 * batch that gives batch normalisation one value a channel. */
enum det_err det_grad_forward(struct det_grad *g, const struct det_tensor *in,
    int train, unsigned long long run) DET_MUST_USE;
size_t det_grad_outputs(const struct det_grad *g);
const char *det_grad_output(const struct det_grad *g, size_t i, struct det_tensor *out);

/* Backward from out_grad[i], the gradient with respect to output i, of its shape (NULL: 0):
 * adds to the gradients of the parameters that are not frozen. in_grad[i], where not NULL,
 * gets (is set to) the gradient of input i; in_grad itself may be NULL. May be called several
 * times after one forward pass. A gradient that is not finite is DET_INVALID and names the
 * layer; the gradients are worthless then. */
enum det_err det_grad_backward(struct det_grad *g, const float *const *out_grad,
    float *const *in_grad) DET_MUST_USE;

/* Bytes: values kept, gradients of values, parameters with gradients, scratch. */
struct det_grad_stats {
	size_t values, value_grads, params, scratch;
	double flop; /* of a forward and a backward pass */
};
void det_grad_stats(const struct det_grad *g, struct det_grad_stats *s);

#endif
