/* SPDX-License-Identifier: MIT */
#include "nn/bn_end.h"

#include "nn/batchnorm.h"
#include "nn/conv_back.h"

size_t
det_bn_end_saved(const struct det_bn_args *a, const size_t out[4])
{
	return a->bn == DET_BN_NONE ? 0 : out[0] * det_op_chw(out) + 2 * out[1];
}

struct det_bn_end
det_bn_end_product(const struct det_bn_args *a, const struct det_op_train *t)
{
	return (struct det_bn_end){
		.to = a->bn == DET_BN_NONE ? t->run.out : t->saved,
		.shift = det_op_has_bias(a) ? t->run.weight[1] : NULL,
		.act = a->bn == DET_BN_NONE ? t->run.act : DET_ACT_LINEAR,
	};
}

static struct det_batchnorm
problem(const struct det_bn_args *a, const float *const *weight, const size_t d[4])
{
	const float *const *w = weight + 1 + det_op_has_bias(a);

	return (struct det_batchnorm){ .gamma = w[0],
		.beta = w[1],
		.mean = w[2],
		.var = w[3],
		.n = d[0],
		.c = d[1],
		.area = d[2] * d[3],
		.form = a->bn,
		.eps = a->eps };
}

void
det_bn_end_forward(const struct det_bn_args *a, const struct det_op_train *t)
{
	const struct det_op_run *r = &t->run;
	const size_t *d = r->out_dims;
	float *const *moved = t->moved + 1 + det_op_has_bias(a);
	struct det_batchnorm b;

	if (a->bn == DET_BN_NONE)
		return;
	b = problem(a, r->weight, d);
	b.frozen = t->frozen || !t->train;
	b.less = t->darknet;
	b.threads = r->threads;
	det_batchnorm_forward(&b, r->out, t->saved, t->saved + d[0] * det_op_chw(d),
	    moved[2], moved[3], t->momentum, r->act, r->alpha);
}

void
det_bn_end_backward(const struct det_bn_args *a, const struct det_op_back *k)
{
	const size_t *d = k->out_dims;
	int bias = det_op_has_bias(a);

	if (a->bn != DET_BN_NONE) {
		struct det_batchnorm b = problem(a, k->weight, d);

		b.frozen = k->frozen;
		b.less = k->darknet;
		b.threads = k->threads;
		det_batchnorm_backward(&b, k->out_grad, 0, k->out_grad, k->saved,
		    k->saved + d[0] * det_op_chw(d), k->weight_grad[1 + bias],
		    k->weight_grad[2 + bias]);
	}
	if (bias && k->weight_grad[1])
		det_bias_back_run(k->weight_grad[1], k->out_grad, d[0], d[1],
		    d[2] * d[3], k->threads);
}
