/* SPDX-License-Identifier: MIT
 *
 * dropout, flatten, reshape, crop: layers that move or rename values.
 *
 * dropout at inference is the identity where training divided by 1 - p (Darknet, torch,
 * Caffe's default). Nets trained without that division multiply here (`scale`; Caffe's
 * scale_train: false).
 *
 * crop is Darknet's [crop] as it runs at test time: the centre, offsets rounded down, each
 * value a*gain + shift (its 2x - 1 unless noadjust).
 */
#include <math.h>
#include <string.h>

#include "nn/op.h"

#include "base/parallel.h"
#include "base/random.h"

struct dropout_args {
	double p;
	int scale;
};

static const struct det_key dropout_keys[] = {
	DET_KEY_D("p", dropout_args, p, 0, 1, .5),
	DET_KEY_F("scale", dropout_args, scale),
	DET_KEY_LAST,
};

static int
dropout_view(
    size_t *at, const struct det_node *n, const size_t in[4], const size_t out[4])
{
	const struct dropout_args *a = n->args;

	(void)in;
	(void)out;
	*at = 0;
	return !a->scale;
}

#define CHUNK ((size_t)16384)

static void
dropout_part(const void *ctx, size_t part, int worker)
{
	const struct det_op_run *r = ctx;
	const struct dropout_args *a = r->node->args;
	size_t all = det_op_floats(r), at = part * CHUNK, i;
	size_t n = all - at < CHUNK ? all - at : CHUNK;
	const float *in = r->in[0] + at;
	float keep = (float)(1 - a->p), *out = r->out + at;

	(void)worker;
#pragma omp simd
	for (i = 0; i < n; i++)
		out[i] = keep * in[i];
}

static void
dropout_run(const struct det_op_run *r)
{
	det_parallel(
	    r->threads, (det_op_floats(r) + CHUNK - 1) / CHUNK, dropout_part, r);
}

/* --- dropout in training ---
 * saved: what a kept value is multiplied with, 1 / (1 - p) or (scale) 1; then a mask, a byte
 * a value. Each chunk draws from a stream of its own, so the mask is the seed's alone. */

struct mask {
	const struct det_op_train *t; /* of these, forward or */
	const struct det_op_back *b;  /* backward */
	size_t n;
};

static size_t
dropout_saved(const struct det_node *n, const size_t (*in)[4], const size_t out[4])
{
	(void)n;
	(void)in;
	return 1 + (out[0] * det_op_chw(out) + sizeof(float) - 1) / sizeof(float);
}

static void
dropout_draw(const void *ctx, size_t part, int worker)
{
	const struct mask *m = ctx;
	const struct det_op_run *r = &m->t->run;
	const struct dropout_args *a = r->node->args;
	size_t at = part * CHUNK, n = m->n - at < CHUNK ? m->n - at : CHUNK, i;
	unsigned char *kept = (unsigned char *)(m->t->saved + 1) + at;
	const float *in = r->in[0] + at;
	float by = m->t->saved[0];
	float *out = r->out + at;
	struct det_random draw;

	(void)worker;
	det_random_seed(&draw, m->t->seed, part);
	for (i = 0; i < n; i++) {
		kept[i] = !m->t->train || det_random_uniform(&draw) >= a->p;
		out[i] = kept[i] ? by * in[i] : 0;
	}
}

static void
dropout_train(const struct det_op_train *t)
{
	const struct dropout_args *a = t->run.node->args;
	struct mask m = { .t = t,
		.n = t->run.out_dims[0] * det_op_chw(t->run.out_dims) };

	if (t->train)
		t->saved[0] = a->scale || a->p >= 1 ? 1 : (float)(1 / (1 - a->p));
	else
		t->saved[0] = a->scale ? (float)(1 - a->p) : 1;
	det_parallel(t->run.threads, (m.n + CHUNK - 1) / CHUNK, dropout_draw, &m);
}

static void
dropout_back_part(const void *ctx, size_t part, int worker)
{
	const struct mask *m = ctx;
	const struct det_op_back *b = m->b;
	size_t at = part * CHUNK, n = m->n - at < CHUNK ? m->n - at : CHUNK, i;
	const unsigned char *kept = (const unsigned char *)(b->saved + 1) + at;
	const float *g = b->out_grad + at;
	float by = b->saved[0];
	float *in = b->in_grad[0] + at;

	(void)worker;
	for (i = 0; i < n; i++)
		in[i] += kept[i] ? by * g[i] : 0;
}

static void
dropout_backward(const struct det_op_back *b)
{
	struct mask m = { .b = b, .n = b->out_dims[0] * det_op_chw(b->out_dims) };

	det_parallel(b->threads, (m.n + CHUNK - 1) / CHUNK, dropout_back_part, &m);
}

const struct det_op det_op_dropout = {
	.name = "dropout",
	.traits = DET_OP_INPLACE,
	.in_lo = 1,
	.in_hi = 1,
	.args_size = sizeof(struct dropout_args),
	.keys = dropout_keys,
	.fixed_act = -1,
	.shape = det_op_same,
	.view = dropout_view,
	.blocked = det_op_blocked_always,
	.run = dropout_run,
	.backward = dropout_backward,
	.train_saved = dropout_saved,
	.train_forward = dropout_train,
};

/* --- flatten, reshape --- */

struct reshape_args {
	long shape[3];
};

static const struct det_key flatten_keys[] = { DET_KEY_LAST };
static const struct det_key reshape_keys[] = {
	DET_KEY_3("shape", reshape_args, shape, 0, 1L << 30, NAN),
	DET_KEY_LAST,
};

static int
always_view(
    size_t *at, const struct det_node *n, const size_t in[4], const size_t out[4])
{
	(void)n;
	(void)in;
	(void)out;
	*at = 0;
	return 1;
}

static enum det_err
flatten_shape(size_t out[4], const struct det_node *n, const size_t (*in)[4])
{
	(void)n;
	out[0] = in[0][0];
	out[1] = det_op_chw(in[0]);
	out[2] = out[3] = 1;
	return DET_OK;
}

static enum det_err
reshape_check(const struct det_node *n)
{
	const struct reshape_args *a = n->args;

	if (!a->shape[0] + !a->shape[1] + !a->shape[2] > 1)
		return det_fail(DET_INVALID, "reshape: more than one 0 in shape");
	if (a->shape[0] * a->shape[1] / (1L << 30) * a->shape[2] > 1L << 30)
		return det_fail(DET_LIMIT, "reshape: a shape too large");
	return DET_OK;
}

static enum det_err
reshape_shape(size_t out[4], const struct det_node *n, const size_t (*in)[4])
{
	const struct reshape_args *a = n->args;
	size_t all = det_op_chw(in[0]), known = 1;
	int i, open = -1;

	out[0] = in[0][0];
	for (i = 0; i < 3; i++) {
		out[i + 1] = (size_t)a->shape[i];
		if (a->shape[i])
			known *= (size_t)a->shape[i];
		else
			open = i;
	}
	if (!all)
		return DET_OK;
	if (open >= 0 ? all % known != 0 : all != known)
		return det_fail(DET_INVALID, "%zu values do not fill shape=%ld,%ld,%ld",
		    all, a->shape[0], a->shape[1], a->shape[2]);
	if (open >= 0)
		out[open + 1] = all / known;
	return DET_OK;
}

/* A view: there is nothing to run. */
static void
no_run(const struct det_op_run *r)
{
	(void)r;
}

const struct det_op det_op_flatten = {
	.name = "flatten",
	.in_lo = 1,
	.in_hi = 1,
	.args_size = 1,
	.keys = flatten_keys,
	.fixed_act = -1,
	.shape = flatten_shape,
	.view = always_view,
	.run = no_run,
	.backward = det_op_back_same,
};

const struct det_op det_op_reshape = {
	.name = "reshape",
	.in_lo = 1,
	.in_hi = 1,
	.args_size = sizeof(struct reshape_args),
	.keys = reshape_keys,
	.fixed_act = -1,
	.check = reshape_check,
	.shape = reshape_shape,
	.view = always_view,
	.run = no_run,
	.backward = det_op_back_same,
};

/* --- crop --- */

struct crop_args {
	long h, w;
	double gain, shift;
};

static const struct det_key crop_keys[] = {
	DET_KEY_I("h", crop_args, h, 1, 1L << 30, NAN),
	DET_KEY_I("w", crop_args, w, 1, 1L << 30, NAN),
	DET_KEY_D("gain", crop_args, gain, -1e6, 1e6, 1),
	DET_KEY_D("shift", crop_args, shift, -1e6, 1e6, 0),
	DET_KEY_LAST,
};

static enum det_err
crop_shape(size_t out[4], const struct det_node *n, const size_t (*in)[4])
{
	const struct crop_args *a = n->args;

	out[0] = in[0][0];
	out[1] = in[0][1];
	out[2] = (size_t)a->h;
	out[3] = (size_t)a->w;
	if ((in[0][2] && in[0][2] < out[2]) || (in[0][3] && in[0][3] < out[3]))
		return det_fail(DET_INVALID, "a crop of %zux%zu from %zux%zu", out[2],
		    out[3], in[0][2], in[0][3]);
	return DET_OK;
}

/* One plane, or the planes of one block side by side: `wide` floats a pixel. */
static void
crop_plane(const void *ctx, size_t p, int worker)
{
	const struct det_op_run *r = ctx;
	const struct crop_args *a = r->node->args;
	const size_t *d = r->in_dims[0], *o = r->out_dims;
	size_t dy = (d[2] - o[2]) / 2, dx = (d[3] - o[3]) / 2, y, i;
	size_t wide = r->blocked ? DET_BLOCK : 1, n = o[3] * wide;
	float gain = (float)a->gain, shift = (float)a->shift;

	(void)worker;
	for (y = 0; y < o[2]; y++) {
		const float *in = r->in[0] + ((p * d[2] + y + dy) * d[3] + dx) * wide;
		float *out = r->out + (p * o[2] + y) * n;

#pragma omp simd
		for (i = 0; i < n; i++)
			out[i] = gain * in[i] + shift;
	}
}

static void
crop_run(const struct det_op_run *r)
{
	const size_t *o = r->out_dims;

	det_parallel(
	    r->threads, o[0] * (r->blocked ? det_blocks(o[1]) : o[1]), crop_plane, r);
}

static void
crop_back_plane(const void *ctx, size_t p, int worker)
{
	const struct det_op_back *b = ctx;
	const struct crop_args *a = b->node->args;
	const size_t *d = b->in_dims[0], *o = b->out_dims;
	size_t dy = (d[2] - o[2]) / 2, dx = (d[3] - o[3]) / 2, y, i;
	float gain = (float)a->gain;

	(void)worker;
	for (y = 0; y < o[2]; y++) {
		float *in = b->in_grad[0] + (p * d[2] + y + dy) * d[3] + dx;
		const float *g = b->out_grad + (p * o[2] + y) * o[3];

#pragma omp simd
		for (i = 0; i < o[3]; i++)
			in[i] += gain * g[i];
	}
}

static void
crop_backward(const struct det_op_back *b)
{
	if (b->in_grad[0])
		det_parallel(
		    b->threads, b->out_dims[0] * b->out_dims[1], crop_back_plane, b);
}

const struct det_op det_op_crop = {
	.name = "crop",
	.in_lo = 1,
	.in_hi = 1,
	.args_size = sizeof(struct crop_args),
	.keys = crop_keys,
	.fixed_act = -1,
	.shape = crop_shape,
	.blocked = det_op_blocked_always,
	.run = crop_run,
	.backward = crop_backward,
};
