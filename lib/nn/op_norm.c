/* SPDX-License-Identifier: MIT
 *
 * bn, scale: y = act(scale[c] * x + shift[c]). Batch normalisation with trained statistics
 * is that affine map, composed once (op_common.c); behind a convolution the engine folds
 * both into its epilogue.
 *
 * l2norm (Liu et al., ParseNet; SSD's conv4_3): each pixel's vector over the channels is
 * divided by its length and scaled by a learned weight:
 *   y[c] = weight[c] * x[c] / sqrt(sum_c x[c]^2 + eps)
 * eps is added to the sum (Caffe's Normalize). torch's F.normalize divides by
 * max(length, eps): the two differ only for vectors about as short as eps.
 */
#include <math.h>

#include "nn/op.h"

#include "base/parallel.h"
#include "nn/batchnorm.h"
#include "nn/block.h"

struct bn_args {
	struct det_act_args act;
	int form;
	double eps;
};

static const char *const bn_forms[] = { "standard", "darknet", NULL };

static const struct det_key bn_keys[] = {
	DET_KEY_C("form", bn_args, form, bn_forms, 0, -1),
	DET_KEY_D("eps", bn_args, eps, 0, 1, -1),
	DET_KEYS_ACT(bn_args),
	DET_KEY_LAST,
};

static const char *
bn_weight(struct det_tensor *t, const struct det_node *n, size_t i,
    const size_t (*in)[4], const size_t out[4])
{
	static const char *const names[] = { "weight", "bias", "mean", "var" };

	(void)n;
	(void)in;
	t->rank = 1;
	t->dims[0] = out[1];
	return i < 4 ? names[i] : NULL;
}

static enum det_err
bn_affine(
    double *s, double *t, const struct det_node *n, const float *const *w, size_t c)
{
	const struct bn_args *a = n->args;
	int form = a->form ? DET_BN_DARKNET : DET_BN_STANDARD;

	return det_op_bn_compose(s, t, w, c, form, a->eps);
}

static double
affine_flop(const struct det_node *n, const size_t (*in)[4], const size_t out[4])
{
	(void)n;
	(void)in;
	return 2.0 * (double)out[0] * (double)det_op_chw(out);
}

static void
affine_plane(const void *ctx, size_t p, int worker)
{
	const struct det_op_run *r = ctx;
	size_t area = r->out_dims[2] * r->out_dims[3], c = r->out_dims[1], i;
	const float *x = r->in[0] + p * area;
	float *y = r->out + p * area;
	float s = r->scale ? r->scale[p % c] : 1, t = r->shift ? r->shift[p % c] : 0;

	(void)worker;
#pragma omp simd
	for (i = 0; i < area; i++)
		y[i] = s * x[i] + t;
	if (r->act != DET_ACT_LINEAR)
		det_act_run(y, y, area, r->act, r->alpha);
}

#define RUN ((size_t)1024) /* pixels of a blocked map that a thread takes at a time */

static size_t
runs(const size_t d[4], size_t run)
{
	return (d[2] * d[3] + run - 1) / run;
}

static void
affine_pixels(const void *ctx, size_t p, int worker)
{
	const struct det_op_run *r = ctx;
	const size_t *d = r->out_dims;
	size_t area = d[2] * d[3], each = runs(d, RUN), plane = p / each;
	size_t from = p % each * RUN, n = area - from < RUN ? area - from : RUN;
	size_t first = plane % det_blocks(d[1]) * DET_BLOCK;
	size_t at = (plane * area + from) * DET_BLOCK;
	float s[DET_BLOCK], t[DET_BLOCK];

	(void)worker;
	det_block_lanes(s, r->scale, first, d[1], 1);
	det_block_lanes(t, r->shift, first, d[1], 0);
	det_block_kernels()->affine(
	    r->out + at, r->in[0] + at, n, s, t, r->act, r->alpha);
}

static void
affine_run(const struct det_op_run *r)
{
	const size_t *d = r->out_dims;

	if (r->blocked)
		det_parallel(r->threads, d[0] * det_blocks(d[1]) * runs(d, RUN),
		    affine_pixels, r);
	else
		det_parallel(r->threads, d[0] * d[1], affine_plane, r);
}

/* --- bn in training: nn/batchnorm.h --- */

static struct det_batchnorm
bn_problem(const struct det_node *n, const size_t d[4], const float *const *w)
{
	const struct bn_args *a = n->args;

	return (struct det_batchnorm){ .gamma = w[0],
		.beta = w[1],
		.mean = w[2],
		.var = w[3],
		.n = d[0],
		.c = d[1],
		.area = d[2] * d[3],
		.form = a->form ? DET_BN_DARKNET : DET_BN_STANDARD,
		.eps = a->eps };
}

/* Mean and 1 / deviation of each channel. */
static size_t
bn_saved(const struct det_node *n, const size_t (*in)[4], const size_t out[4])
{
	(void)n;
	(void)in;
	return 2 * out[1];
}

static void
bn_train(const struct det_op_train *t)
{
	const struct det_op_run *r = &t->run;
	struct det_batchnorm b = bn_problem(r->node, r->out_dims, r->weight);

	b.frozen = t->frozen || !t->train;
	b.less = t->darknet;
	b.threads = r->threads;
	det_batchnorm_forward(&b, r->out, r->in[0], t->saved, t->moved[2], t->moved[3],
	    t->momentum, r->act, r->alpha);
}

static void
bn_backward(const struct det_op_back *k)
{
	struct det_batchnorm b = bn_problem(k->node, k->out_dims, k->weight);

	b.frozen = k->frozen;
	b.less = k->darknet;
	b.threads = k->threads;
	det_batchnorm_backward(&b, k->in_grad[0], !k->fresh[0], k->out_grad, k->in[0],
	    k->saved, k->weight_grad[0], k->weight_grad[1]);
}

const struct det_op det_op_bn = {
	.name = "bn",
	.traits =
	    DET_OP_ACT | DET_OP_AFFINE | DET_OP_FOLDS | DET_OP_INPLACE | DET_OP_SETS,
	.in_lo = 1,
	.in_hi = 1,
	.args_size = sizeof(struct bn_args),
	.keys = bn_keys,
	.fixed_act = -1,
	.shape = det_op_same,
	.weight = bn_weight,
	.affine = bn_affine,
	.flop = affine_flop,
	.blocked = det_op_blocked_always,
	.run = affine_run,
	.backward = bn_backward,
	.train_saved = bn_saved,
	.train_forward = bn_train,
};

/* --- scale --- */

struct scale_args {
	struct det_act_args act;
	long bias;
};

static const struct det_key scale_keys[] = {
	DET_KEY_I("bias", scale_args, bias, 0, 1, 1),
	DET_KEYS_ACT(scale_args),
	DET_KEY_LAST,
};

static const char *
scale_weight(struct det_tensor *t, const struct det_node *n, size_t i,
    const size_t (*in)[4], const size_t out[4])
{
	const struct scale_args *a = n->args;

	(void)in;
	t->rank = 1;
	t->dims[0] = out[1];
	if (i == 0)
		return "weight";
	return i == 1 && a->bias ? "bias" : NULL;
}

static enum det_err
scale_affine(
    double *s, double *t, const struct det_node *n, const float *const *w, size_t c)
{
	const struct scale_args *a = n->args;
	size_t i;

	for (i = 0; i < c; i++) {
		s[i] *= (double)w[0][i];
		t[i] = t[i] * (double)w[0][i] + (a->bias ? (double)w[1][i] : 0);
		if (!(fabs(s[i]) <= 3e38 && fabs(t[i]) <= 3e38))
			return det_fail(
			    DET_INVALID, "the scale of channel %zu is out of range", i);
	}
	return DET_OK;
}

/* In training: a normalisation by mean 0 and deviation 1 that are constants. */
static void
scale_train(const struct det_op_train *t)
{
	struct det_op_run r = t->run;
	const struct scale_args *a = r.node->args;
	size_t c = r.out_dims[1], i;

	for (i = 0; i < c; i++) {
		t->saved[i] = 0;
		t->saved[c + i] = 1;
	}
	r.scale = r.weight[0];
	r.shift = a->bias ? r.weight[1] : NULL;
	affine_run(&r);
}

static void
scale_backward(const struct det_op_back *k)
{
	const struct scale_args *a = k->node->args;
	const size_t *d = k->out_dims;
	struct det_batchnorm b = { .gamma = k->weight[0],
		.n = d[0],
		.c = d[1],
		.area = d[2] * d[3],
		.frozen = 1,
		.threads = k->threads };

	det_batchnorm_backward(&b, k->in_grad[0], !k->fresh[0], k->out_grad, k->in[0],
	    k->saved, k->weight_grad[0], a->bias ? k->weight_grad[1] : NULL);
}

const struct det_op det_op_scale = {
	.name = "scale",
	.traits = DET_OP_ACT | DET_OP_AFFINE | DET_OP_FOLDS | DET_OP_INPLACE,
	.in_lo = 1,
	.in_hi = 1,
	.args_size = sizeof(struct scale_args),
	.keys = scale_keys,
	.fixed_act = -1,
	.shape = det_op_same,
	.weight = scale_weight,
	.affine = scale_affine,
	.flop = affine_flop,
	.blocked = det_op_blocked_always,
	.run = affine_run,
	.backward = scale_backward,
	.train_saved = bn_saved,
	.train_forward = scale_train,
};

/* --- l2norm --- */

struct l2_args {
	double eps;
	long affine;
};

static const struct det_key l2_keys[] = {
	DET_KEY_D("eps", l2_args, eps, 0, 1, 1e-10),
	DET_KEY_I("affine", l2_args, affine, 0, 1, 1),
	DET_KEY_LAST,
};

static const char *
l2_weight(struct det_tensor *t, const struct det_node *n, size_t i,
    const size_t (*in)[4], const size_t out[4])
{
	const struct l2_args *a = n->args;

	(void)in;
	t->rank = 1;
	t->dims[0] = out[1];
	return i == 0 && a->affine ? "weight" : NULL;
}

enum { L2_RUN = 64 };

/* A run of up to L2_RUN pixels of one batch element: the sums of all of them are carried at
 * once, so that each channel is read along its row. */
static void
l2_pixels(float *y, const float *x, const float *weight, size_t c, size_t area,
    size_t n, double eps)
{
	double sum[L2_RUN] = { 0 };
	float inv[L2_RUN];
	size_t k, i;

	for (k = 0; k < c; k++)
#pragma omp simd
		for (i = 0; i < n; i++)
			sum[i] += (double)x[k * area + i] * (double)x[k * area + i];
	for (i = 0; i < n; i++)
		inv[i] = sum[i] + eps > 0 ? (float)(1 / sqrt(sum[i] + eps)) : 0;
	for (k = 0; k < c; k++) {
		float w = weight ? weight[k] : 1;

#pragma omp simd
		for (i = 0; i < n; i++)
			y[k * area + i] = x[k * area + i] * inv[i] * w;
	}
}

static void
l2_part(const void *ctx, size_t i, int worker)
{
	const struct det_op_run *r = ctx;
	const struct l2_args *a = r->node->args;
	const size_t *d = r->in_dims[0];
	size_t area = d[2] * d[3], each = runs(d, L2_RUN);
	size_t at = i % each * L2_RUN, n = area - at < L2_RUN ? area - at : L2_RUN;

	(void)worker;
	at += i / each * d[1] * area;
	l2_pixels(r->out + at, r->in[0] + at, a->affine ? r->weight[0] : NULL, d[1],
	    area, n, a->eps);
}

/* The same on a blocked map: a sum for each lane of each pixel, then for the pixel. */
static void
l2_blocked_part(const void *ctx, size_t i, int worker)
{
	const struct det_op_run *r = ctx;
	const struct l2_args *a = r->node->args;
	const size_t *d = r->in_dims[0];
	size_t area = d[2] * d[3], each = runs(d, L2_RUN), blocks = det_blocks(d[1]);
	size_t at = i % each * L2_RUN, n = area - at < L2_RUN ? area - at : L2_RUN;
	const struct det_block_kernels *ker = det_block_kernels();
	float lanes[L2_RUN * DET_BLOCK] = { 0 }, inv[L2_RUN], of[DET_BLOCK];
	size_t b, p, k;

	(void)worker;
	at += i / each * blocks * area;
	for (b = 0; b < blocks; b++) {
		/* 0 where there is no channel */
		for (k = 0; k < DET_BLOCK; k++)
			of[k] = b * DET_BLOCK + k < d[1];
		ker->squares(lanes, r->in[0] + (at + b * area) * DET_BLOCK, of, n);
	}
	for (p = 0; p < n; p++) {
		double sum = 0;

		for (k = 0; k < DET_BLOCK; k++)
			sum += (double)lanes[p * DET_BLOCK + k];
		inv[p] = sum + a->eps > 0 ? (float)(1 / sqrt(sum + a->eps)) : 0;
	}
	for (b = 0; b < blocks; b++) {
		size_t to = (at + b * area) * DET_BLOCK;

		det_block_lanes(
		    of, a->affine ? r->weight[0] : NULL, b * DET_BLOCK, d[1], 1);
		ker->multiply(r->out + to, r->in[0] + to, inv, of, n);
	}
}

static void
l2_run(const struct det_op_run *r)
{
	const size_t *d = r->in_dims[0];

	det_parallel(r->threads, d[0] * runs(d, L2_RUN),
	    r->blocked ? l2_blocked_part : l2_part, r);
}

/* --- l2norm in training ---
 * With g = weight * dy and inv = 1 / sqrt(sum x^2 + eps):
 *   dx = inv * g - inv^3 * x * sum_c g x,  dweight[c] = sum over pixels of dy x inv
 * First inv and the sum are found for each pixel, then each channel goes its way along. */

struct l2_sums {
	const struct det_op_back *b;
	float *inv, *dot; /* a number a pixel: inv, and inv^3 * sum_c g x */
};

static void
l2_sums_part(const void *ctx, size_t it, int worker)
{
	const struct l2_sums *s = ctx;
	const struct det_op_back *b = s->b;
	const struct l2_args *a = b->node->args;
	const size_t *d = b->out_dims;
	size_t area = d[2] * d[3], each = runs(d, L2_RUN), k, i;
	size_t p = it % each * L2_RUN, n = area - p < L2_RUN ? area - p : L2_RUN;
	size_t at = it / each * d[1] * area + p, pixel = it / each * area + p;
	double sum[L2_RUN] = { 0 }, dot[L2_RUN] = { 0 };

	(void)worker;
	for (k = 0; k < d[1]; k++) {
		const float *x = b->in[0] + at + k * area;
		const float *g = b->out_grad + at + k * area;
		double w = a->affine ? (double)b->weight[0][k] : 1;

#pragma omp simd
		for (i = 0; i < n; i++) {
			sum[i] += (double)x[i] * (double)x[i];
			dot[i] += w * (double)g[i] * (double)x[i];
		}
	}
	for (i = 0; i < n; i++) {
		double inv = sum[i] + a->eps > 0 ? 1 / sqrt(sum[i] + a->eps) : 0;

		s->inv[pixel + i] = (float)inv;
		s->dot[pixel + i] = (float)(inv * inv * inv * dot[i]);
	}
}

static void
l2_channel(const void *ctx, size_t k, int worker)
{
	const struct l2_sums *s = ctx;
	const struct det_op_back *b = s->b;
	const struct l2_args *a = b->node->args;
	const size_t *d = b->out_dims;
	size_t area = d[2] * d[3], n, i;
	float w = a->affine ? b->weight[0][k] : 1;
	double sum = 0;

	(void)worker;
	for (n = 0; n < d[0]; n++) {
		const float *inv = s->inv + n * area, *dot = s->dot + n * area;
		const float *x = b->in[0] + (n * d[1] + k) * area;
		const float *g = b->out_grad + (n * d[1] + k) * area;
		float *dx =
		    b->in_grad[0] ? b->in_grad[0] + (n * d[1] + k) * area : NULL;

		for (i = 0; i < area; i++)
			sum += (double)g[i] * (double)x[i] * (double)inv[i];
		if (dx)
#pragma omp simd
			for (i = 0; i < area; i++)
				dx[i] += w * g[i] * inv[i] - dot[i] * x[i];
	}
	if (a->affine && b->weight_grad[0])
		b->weight_grad[0][k] += (float)sum;
}

static size_t
l2_back_scratch(
    const struct det_node *n, const size_t (*in)[4], const size_t out[4], int threads)
{
	(void)n;
	(void)in;
	(void)threads;
	return 2 * out[0] * out[2] * out[3] * sizeof(float);
}

static void
l2_backward(const struct det_op_back *b)
{
	const size_t *d = b->out_dims;
	float *inv = b->scratch;
	struct l2_sums s = { b, inv, inv + d[0] * d[2] * d[3] };

	det_parallel(b->threads, d[0] * runs(d, L2_RUN), l2_sums_part, &s);
	det_parallel(b->threads, d[1], l2_channel, &s);
}

const struct det_op det_op_l2norm = {
	.name = "l2norm",
	.traits = DET_OP_INPLACE,
	.in_lo = 1,
	.in_hi = 1,
	.args_size = sizeof(struct l2_args),
	.keys = l2_keys,
	.fixed_act = -1,
	.shape = det_op_same,
	.weight = l2_weight,
	.blocked = det_op_blocked_always,
	.run = l2_run,
	.backward = l2_backward,
	.back_scratch = l2_back_scratch,
};
