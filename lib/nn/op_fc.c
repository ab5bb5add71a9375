/* SPDX-License-Identifier: MIT
 *
 * fc: fully connected, y = act(bn(W x + bias)), W (out, C*H*W), x flattened as it lies in
 * memory (c, y, x: the order of Caffe, torch and Darknet). Darknet's [connected].
 *
 * local: a convolution whose weights differ at each output position (Darknet's [local]):
 *   y[k,p] = act(bias[k,p] + sum_{c,i,j} W[p,k,c,i,j] x[c, py*s+i-pad, px*s+j-pad])
 * W (OH,OW,out,C,kh,kw), bias (out,OH,OW): Darknet's own layouts. Each position is one
 * matrix times vector, so the layer runs at the speed of memory; batches share the read.
 */
#include <math.h>
#include <string.h>

#include "base/parallel.h"
#include "nn/bn_end.h"
#include "nn/conv_back.h"

struct fc_args {
	struct det_act_args act;
	long out;
	struct det_bn_args norm;
};

static const struct det_key fc_keys[] = {
	DET_KEY_I("out", fc_args, out, 1, 1L << 24, NAN),
	DET_KEYS_BN(fc_args),
	DET_KEYS_ACT(fc_args),
	DET_KEY_LAST,
};

static enum det_err
fc_shape(size_t out[4], const struct det_node *n, const size_t (*in)[4])
{
	const struct fc_args *a = n->args;

	out[0] = in[0][0];
	out[1] = (size_t)a->out;
	out[2] = out[3] = 1;
	return DET_OK;
}

static const char *
fc_weight(struct det_tensor *t, const struct det_node *n, size_t i,
    const size_t (*in)[4], const size_t out[4])
{
	const struct fc_args *a = n->args;

	if (i > 0)
		return det_op_bn_weight(t, &a->norm, i - 1, out[1]);
	t->rank = 2;
	t->dims[0] = out[1];
	t->dims[1] = det_op_chw(in[0]);
	return "weight";
}

static enum det_err
fc_affine(double *s, double *t, const struct det_node *n, const float *const *weight,
    size_t c)
{
	const struct fc_args *a = n->args;

	return det_op_bn_affine(s, t, &a->norm, weight + 1, c);
}

static double
fc_flop(const struct det_node *n, const size_t (*in)[4], const size_t out[4])
{
	(void)n;
	return 2.0 * (double)out[0] * (double)out[1] * (double)det_op_chw(in[0]);
}

static size_t
fc_scratch(
    const struct det_node *n, const size_t (*in)[4], const size_t out[4], int threads)
{
	(void)n;
	return det_fc_scratch(out[0], out[1], det_op_chw(in[0]), threads);
}

static void
fc_run(const struct det_op_run *r)
{
	det_fc_run(r->out, r->in[0], r->weight[0], r->scale, r->shift, r->in_dims[0][0],
	    r->out_dims[1], det_op_chw(r->in_dims[0]), r->act, r->alpha, r->scratch,
	    r->threads);
}

/* --- training --- */

static size_t
fc_saved(const struct det_node *n, const size_t (*in)[4], const size_t out[4])
{
	const struct fc_args *a = n->args;

	(void)in;
	return det_bn_end_saved(&a->norm, out);
}

static size_t
fc_back_scratch(
    const struct det_node *n, const size_t (*in)[4], const size_t out[4], int threads)
{
	size_t run = fc_scratch(n, in, out, threads);
	size_t back = det_fc_back_scratch(out[0], out[1], det_op_chw(in[0]), threads);

	return run > back ? run : back;
}

static void
fc_train(const struct det_op_train *t)
{
	const struct det_op_run *r = &t->run;
	const struct fc_args *a = r->node->args;
	struct det_bn_end end = det_bn_end_product(&a->norm, t);

	det_fc_run(end.to, r->in[0], r->weight[0], NULL, end.shift, r->in_dims[0][0],
	    r->out_dims[1], det_op_chw(r->in_dims[0]), end.act, r->alpha, r->scratch,
	    r->threads);
	det_bn_end_forward(&a->norm, t);
}

static void
fc_backward(const struct det_op_back *b)
{
	const struct fc_args *a = b->node->args;

	det_bn_end_backward(&a->norm, b);
	det_fc_back_run(b->in_grad[0], b->weight_grad[0], b->out_grad, b->in[0],
	    b->weight[0], b->out_dims[0], b->out_dims[1], det_op_chw(b->in_dims[0]),
	    b->scratch, b->threads);
}

const struct det_op det_op_fc = {
	.name = "fc",
	.traits = DET_OP_ACT | DET_OP_FOLDS,
	.in_lo = 1,
	.in_hi = 1,
	.args_size = sizeof(struct fc_args),
	.keys = fc_keys,
	.fixed_act = -1,
	.shape = fc_shape,
	.weight = fc_weight,
	.affine = fc_affine,
	.scratch = fc_scratch,
	.flop = fc_flop,
	.run = fc_run,
	.backward = fc_backward,
	.back_scratch = fc_back_scratch,
	.train_saved = fc_saved,
	.train_forward = fc_train,
};

/* --- local --- */

struct local_args {
	struct det_act_args act;
	long out;
	long k[2], stride[2], pad[4];
};

static const struct det_key local_keys[] = {
	DET_KEY_I("out", local_args, out, 1, 1L << 24, NAN),
	DET_KEY_2("k", local_args, k, 1, 64, 1),
	DET_KEY_2("stride", local_args, stride, 1, 64, 1),
	DET_KEY_4("pad", local_args, pad, 0, 512, 0),
	DET_KEYS_ACT(local_args),
	DET_KEY_LAST,
};

static enum det_err
local_shape(size_t out[4], const struct det_node *n, const size_t (*in)[4])
{
	const struct local_args *a = n->args;
	enum det_err e;

	out[0] = in[0][0];
	out[1] = (size_t)a->out;
	if ((e = det_op_window(&out[2], "height", in[0][2], (size_t)a->pad[0],
		 (size_t)a->pad[2], (size_t)a->k[0], (size_t)a->stride[0], 1)))
		return e;
	return det_op_window(&out[3], "width", in[0][3], (size_t)a->pad[1],
	    (size_t)a->pad[3], (size_t)a->k[1], (size_t)a->stride[1], 1);
}

static const char *
local_weight(struct det_tensor *t, const struct det_node *n, size_t i,
    const size_t (*in)[4], const size_t out[4])
{
	const struct local_args *a = n->args;

	if (i == 0) {
		t->rank = 6;
		t->dims[0] = out[2];
		t->dims[1] = out[3];
		t->dims[2] = out[1];
		t->dims[3] = in[0][1];
		t->dims[4] = (size_t)a->k[0];
		t->dims[5] = (size_t)a->k[1];
		return "weight";
	}
	t->rank = 3;
	t->dims[0] = out[1];
	t->dims[1] = out[2];
	t->dims[2] = out[3];
	return i == 1 ? "bias" : NULL;
}

static double
local_flop(const struct det_node *n, const size_t (*in)[4], const size_t out[4])
{
	const struct local_args *a = n->args;

	return 2.0 * (double)out[0] * (double)det_op_chw(out) * (double)in[0][1] *
	       (double)a->k[0] * (double)a->k[1];
}

static size_t
patch_len(const struct local_args *a, const size_t in[4])
{
	return in[1] * (size_t)(a->k[0] * a->k[1]);
}

/* Scratch: the product's own, then the patches of one position for the whole batch
 * (N, C*kh*kw), then its results (N, out). */
static size_t
local_scratch(
    const struct det_node *n, const size_t (*in)[4], const size_t out[4], int threads)
{
	size_t len = patch_len(n->args, in[0]);

	return det_fc_scratch(in[0][0], out[1], len, threads) +
	       (in[0][0] * len + out[0] * out[1]) * sizeof(float);
}

/* patch (C,kh,kw) = the window of in (C,H,W) whose first pixel is (y0, x0) */
static void
gather(float *patch, const float *in, const size_t d[4], const struct local_args *a,
    long y0, long x0)
{
	long h = (long)d[2], w = (long)d[3], i, j;
	size_t c;

	for (c = 0; c < d[1]; c++, in += h * w)
		for (i = y0; i < y0 + a->k[0]; i++)
			for (j = x0; j < x0 + a->k[1]; j++)
				*patch++ = i < 0 || i >= h || j < 0 || j >= w
					       ? 0
					       : in[i * w + j];
}

static void
local_run(const struct det_op_run *r)
{
	const struct local_args *a = r->node->args;
	const size_t *d = r->in_dims[0], *o = r->out_dims;
	size_t len = patch_len(a, d), area = o[2] * o[3], p, b, k;
	size_t own = det_fc_scratch(d[0], o[1], len, r->threads) / sizeof(float);
	float *patch = (float *)r->scratch + own, *res = patch + d[0] * len, *to;

	for (p = 0; p < area; p++) {
		for (b = 0; b < d[0]; b++)
			gather(patch + b * len, r->in[0] + b * det_op_chw(d), d, a,
			    (long)(p / o[3]) * a->stride[0] - a->pad[0],
			    (long)(p % o[3]) * a->stride[1] - a->pad[1]);
		det_fc_run(res, patch, r->weight[0] + p * o[1] * len, NULL, NULL, d[0],
		    o[1], len, DET_ACT_LINEAR, 0, r->scratch, r->threads);
		for (b = 0; b < d[0]; b++) {
			to = r->out + b * o[1] * area + p;
			for (k = 0; k < o[1]; k++)
				to[k * area] =
				    res[b * o[1] + k] + r->weight[1][k * area + p];
		}
	}
	det_op_activate(
	    r->out, r->out, o[0] * det_op_chw(o), r->act, r->alpha, r->threads);
}

/* --- training, a row of outputs at a time --- */

/* Bytes of the patches of a row's positions for the whole batch, (OW,N,C*kh*kw). */
static size_t
local_back_scratch(
    const struct det_node *n, const size_t (*in)[4], const size_t out[4], int threads)
{
	size_t len = patch_len(n->args, in[0]);

	(void)threads;
	return out[3] * in[0][0] * len * sizeof(float);
}

struct local_row {
	const struct det_op_back *b;
	size_t y;
};

/* The top left pixel of the window of output (y, x). */
static void
corner(long at[2], const struct local_args *a, size_t y, size_t x)
{
	at[0] = (long)y * a->stride[0] - a->pad[0];
	at[1] = (long)x * a->stride[1] - a->pad[1];
}

/* to += f * from */
static void
add_times(float *to, const float *from, float f, size_t n)
{
	size_t i;

#pragma omp simd
	for (i = 0; i < n; i++)
		to[i] += f * from[i];
}

static float
grad_at(const struct det_op_back *b, size_t n, size_t k, size_t p)
{
	const size_t *o = b->out_dims;

	return b->out_grad[(n * o[1] + k) * o[2] * o[3] + p];
}

/* The gradients of one position's weights and bias. */
static void
local_weight_back(const void *ctx, size_t x, int worker)
{
	const struct local_row *w = ctx;
	const struct det_op_back *b = w->b;
	const struct local_args *a = b->node->args;
	const size_t *d = b->in_dims[0], *o = b->out_dims;
	size_t len = patch_len(a, d), p = w->y * o[3] + x, n, k;
	float *patch = (float *)b->scratch + x * d[0] * len;
	long at[2];

	(void)worker;
	corner(at, a, w->y, x);
	for (n = 0; n < d[0]; n++)
		gather(
		    patch + n * len, b->in[0] + n * det_op_chw(d), d, a, at[0], at[1]);
	for (k = 0; k < o[1]; k++)
		for (n = 0; n < d[0]; n++) {
			float g = grad_at(b, n, k, p);

			if (b->weight_grad[0])
				add_times(b->weight_grad[0] + (p * o[1] + k) * len,
				    patch + n * len, g, len);
			if (b->weight_grad[1])
				b->weight_grad[1][k * o[2] * o[3] + p] += g;
		}
}

/* The gradient of one position's patches. */
static void
local_patch_back(const void *ctx, size_t x, int worker)
{
	const struct local_row *w = ctx;
	const struct det_op_back *b = w->b;
	const size_t *d = b->in_dims[0], *o = b->out_dims;
	size_t len = patch_len(b->node->args, d), p = w->y * o[3] + x, n, k;
	float *patch = (float *)b->scratch + x * d[0] * len;

	(void)worker;
	memset(patch, 0, d[0] * len * sizeof *patch);
	for (k = 0; k < o[1]; k++)
		for (n = 0; n < d[0]; n++)
			add_times(patch + n * len, b->weight[0] + (p * o[1] + k) * len,
			    grad_at(b, n, k, p), len);
}

/* A row's patches added to one channel of one image. */
static void
local_spread(const void *ctx, size_t it, int worker)
{
	const struct local_row *w = ctx;
	const struct det_op_back *b = w->b;
	const struct local_args *a = b->node->args;
	const size_t *d = b->in_dims[0];
	size_t n = it / d[1], c = it % d[1], len = patch_len(a, d), x;
	long h = (long)d[2], wide = (long)d[3], at[2], i, j;
	float *to = b->in_grad[0] + it * d[2] * d[3];

	(void)worker;
	for (x = 0; x < b->out_dims[3]; x++) {
		const float *from = (const float *)b->scratch + (x * d[0] + n) * len +
				    c * (size_t)(a->k[0] * a->k[1]);

		corner(at, a, w->y, x);
		for (i = at[0]; i < at[0] + a->k[0]; i++)
			for (j = at[1]; j < at[1] + a->k[1]; j++, from++)
				if (i >= 0 && i < h && j >= 0 && j < wide)
					to[i * wide + j] += *from;
	}
}

static void
local_backward(const struct det_op_back *b)
{
	const size_t *d = b->in_dims[0], *o = b->out_dims;
	struct local_row w = { b, 0 };

	for (w.y = 0; w.y < o[2]; w.y++) {
		if (b->weight_grad[0] || b->weight_grad[1])
			det_parallel(b->threads, o[3], local_weight_back, &w);
		if (!b->in_grad[0])
			continue;
		det_parallel(b->threads, o[3], local_patch_back, &w);
		det_parallel(b->threads, d[0] * d[1], local_spread, &w);
	}
}

const struct det_op det_op_local = {
	.name = "local",
	.traits = DET_OP_ACT,
	.in_lo = 1,
	.in_hi = 1,
	.args_size = sizeof(struct local_args),
	.keys = local_keys,
	.fixed_act = -1,
	.shape = local_shape,
	.weight = local_weight,
	.scratch = local_scratch,
	.flop = local_flop,
	.run = local_run,
	.backward = local_backward,
	.back_scratch = local_back_scratch,
};
