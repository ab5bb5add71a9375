/* SPDX-License-Identifier: MIT
 *
 * groupnorm (Wu and He, "Group Normalization", ECCV 2018): the channels of each image are
 * cut into groups of neighbours; each group is brought to mean 0 and variance 1 over its
 * channels and pixels, then each channel scaled and shifted:
 *
 *   y[c] = weight[c] * (x[c] - mean(g)) / sqrt(var(g) + eps) + bias[c],  g = c / (C / groups)
 *
 * The variance divides by the number of values (torch's, Caffe2's). Sums are carried in
 * double relative to the group's first value, so that one pass over the group suffices: what
 * cancels is the square of (mean - first value), which is as small as the spread of the
 * values. A second pass writes; the group, one run of memory, is in a cache by then.
 */
#include <math.h>

#include "nn/op.h"

#include "base/parallel.h"
#include "nn/block.h"

struct gn_args {
	struct det_act_args act;
	long groups;
	double eps;
};

static const struct det_key gn_keys[] = {
	DET_KEY_I("groups", gn_args, groups, 1, 1L << 24, 32),
	DET_KEY_D("eps", gn_args, eps, 0, 1, 1e-5),
	DET_KEYS_ACT(gn_args),
	DET_KEY_LAST,
};

static enum det_err
gn_shape(size_t out[4], const struct det_node *n, const size_t (*in)[4])
{
	const struct gn_args *a = n->args;

	if (in[0][1] % (size_t)a->groups)
		return det_fail(DET_INVALID, "%ld groups do not divide %zu channels",
		    a->groups, in[0][1]);
	return det_op_same(out, n, in);
}

static const char *
gn_weight(struct det_tensor *t, const struct det_node *n, size_t i,
    const size_t (*in)[4], const size_t out[4])
{
	(void)n;
	(void)in;
	t->rank = 1;
	t->dims[0] = out[1];
	return i == 0 ? "weight" : i == 1 ? "bias" : NULL;
}

static double
gn_flop(const struct det_node *n, const size_t (*in)[4], const size_t out[4])
{
	(void)n;
	(void)in;
	return 5.0 * (double)out[0] * (double)det_op_chw(out);
}

/* Mean of n values, and what to divide by; 0 / 0 of a constant group under eps=0 gives 0. */
static void
moments(double *mean, double *inv, const float *x, size_t n, double eps)
{
	double first = (double)x[0], sum = 0, squares = 0, var;
	size_t i;

#pragma omp simd reduction(+ : sum, squares)
	for (i = 0; i < n; i++) {
		double d = (double)x[i] - first;

		sum += d;
		squares += d * d;
	}
	sum /= (double)n;
	var = squares / (double)n - sum * sum;
	if (var < 0)
		var = 0;
	*mean = first + sum;
	*inv = var + eps > 0 ? 1 / sqrt(var + eps) : 0;
}

static void
gn_group(const void *ctx, size_t p, int worker)
{
	const struct det_op_run *r = ctx;
	const struct gn_args *a = r->node->args;
	const size_t *d = r->in_dims[0];
	size_t area = d[2] * d[3], each = d[1] / (size_t)a->groups, c, i;
	const float *x = r->in[0] + p * each * area;
	float *y = r->out + p * each * area;
	double mean, inv;

	(void)worker;
	moments(&mean, &inv, x, each * area, a->eps);
	for (c = p % (size_t)a->groups * each; each-- > 0; c++, x += area, y += area) {
		double scale = inv * (double)r->weight[0][c];
		float s = (float)scale,
		      t = (float)((double)r->weight[1][c] - scale * mean);

#pragma omp simd
		for (i = 0; i < area; i++)
			y[i] = s * x[i] + t;
		if (r->act != DET_ACT_LINEAR)
			det_act_run(y, y, area, r->act, r->alpha);
	}
}

/* --- on blocked maps ---
 * What a thread takes is the fewest blocks that hold whole groups. */

static size_t
unit_blocks(const struct gn_args *a, size_t c)
{
	size_t each = c / (size_t)a->groups;

	return DET_BLOCK % each == 0   ? 1
	       : each % DET_BLOCK == 0 ? each / DET_BLOCK
				       : det_blocks(c);
}

/* What one channel has: the sums of moments(), and what becomes of it. */
struct lane {
	double sum, square;
	float first, scale, shift;
};

/* Moments of the `each` channels from `l` on, of n pixels each, from their own; then what
 * their values are multiplied with and moved by. weight, bias: of those channels. */
static void
settle_group(struct lane *l, size_t each, size_t n, double eps, const float *weight,
    const float *bias)
{
	double mean = 0, var = 0, inv;
	size_t i;

	for (i = 0; i < each; i++)
		mean += ((double)l[i].first + l[i].sum / (double)n) / (double)each;
	for (i = 0; i < each; i++) {
		double own = l[i].sum / (double)n,
		       off = (double)l[i].first + own - mean;
		double spread = l[i].square / (double)n - own * own;

		var += ((spread > 0 ? spread : 0) + off * off) / (double)each;
	}
	inv = var + eps > 0 ? 1 / sqrt(var + eps) : 0;
	for (i = 0; i < each; i++) {
		double scale = inv * (double)weight[i];

		l[i].scale = (float)scale;
		l[i].shift = (float)((double)bias[i] - scale * mean);
	}
}

static void
lane_sums(struct lane *l, const float *x, size_t n)
{
	double sum[DET_BLOCK] = { 0 }, square[DET_BLOCK] = { 0 };
	size_t k;

	/* relative to the first pixel: see above */
	det_block_kernels()->moments(sum, square, x, x, n);
	for (k = 0; k < DET_BLOCK; k++)
		l[k] = (struct lane){ sum[k], square[k], x[k], 1, 0 };
}

static void
gn_unit(const void *ctx, size_t it, int worker)
{
	const struct det_op_run *r = ctx;
	const struct gn_args *a = r->node->args;
	const size_t *d = r->in_dims[0];
	size_t area = d[2] * d[3], each = d[1] / (size_t)a->groups, b, c, k;
	size_t wide = unit_blocks(a, d[1]), units = det_blocks(d[1]) / wide;
	size_t first = it % units * wide * DET_BLOCK, at = it * wide * area * DET_BLOCK;
	struct lane *l = (struct lane *)r->scratch + (size_t)worker * wide * DET_BLOCK;

	for (b = 0; b < wide; b++)
		lane_sums(
		    l + b * DET_BLOCK, r->in[0] + at + b * area * DET_BLOCK, area);
	for (c = 0; c < wide * DET_BLOCK && first + c < d[1]; c += each)
		settle_group(l + c, each, area, a->eps, r->weight[0] + first + c,
		    r->weight[1] + first + c);
	for (b = 0; b < wide; b++, at += area * DET_BLOCK) {
		float scale[DET_BLOCK], shift[DET_BLOCK];

		for (k = 0; k < DET_BLOCK; k++) {
			scale[k] = l[b * DET_BLOCK + k].scale;
			shift[k] = l[b * DET_BLOCK + k].shift;
		}
		det_block_kernels()->affine(
		    r->out + at, r->in[0] + at, area, scale, shift, r->act, r->alpha);
	}
}

static size_t
gn_scratch(
    const struct det_node *n, const size_t (*in)[4], const size_t out[4], int threads)
{
	(void)out;
	return (size_t)threads * unit_blocks(n->args, in[0][1]) * DET_BLOCK *
	       sizeof(struct lane);
}

static void
gn_run(const struct det_op_run *r)
{
	const struct gn_args *a = r->node->args;
	const size_t *d = r->in_dims[0];

	if (r->blocked)
		det_parallel(r->threads,
		    d[0] * (det_blocks(d[1]) / unit_blocks(a, d[1])), gn_unit, r);
	else
		det_parallel(r->threads, d[0] * (size_t)a->groups, gn_group, r);
}

/* --- backward ---
 * With h = weight * dy, n values x' = (x - mean) * inv of a group:
 *   dx = inv * (h - sum h / n - x' * sum(h x') / n)
 *   dweight[c] = sum dy x', dbias[c] = sum dy, over all images
 * What is summed over images is left in scratch, a pair for each image and channel, and added
 * up in their order. */

struct gn_sums {
	const struct det_op_back *b;
	double (*sum)[2]; /* (N,C): of dy, of dy x' */
};

static void
gn_channel_sums(
    double sum[2], const float *g, const float *x, size_t n, double mean, double inv)
{
	double a = 0, p = 0;
	size_t i;

#pragma omp simd reduction(+ : a, p)
	for (i = 0; i < n; i++) {
		a += (double)g[i];
		p += (double)g[i] * ((double)x[i] - mean);
	}
	sum[0] = a;
	sum[1] = p * inv;
}

static void
gn_back_group(const void *ctx, size_t p, int worker)
{
	const struct gn_sums *s = ctx;
	const struct det_op_back *b = s->b;
	const struct gn_args *a = b->node->args;
	const size_t *d = b->in_dims[0];
	size_t area = d[2] * d[3], each = d[1] / (size_t)a->groups, k, i;
	size_t first = p % (size_t)a->groups * each, at = p * each * area;
	double mean, inv, all = 0, along = 0, n = (double)(each * area);
	const float *w = b->weight[0] + first;

	(void)worker;
	moments(&mean, &inv, b->in[0] + at, each * area, a->eps);
	for (k = 0; k < each; k++) {
		double *sum = s->sum[p * each + k];

		gn_channel_sums(sum, b->out_grad + at + k * area,
		    b->in[0] + at + k * area, area, mean, inv);
		all += (double)w[k] * sum[0];
		along += (double)w[k] * sum[1];
	}
	for (k = 0; b->in_grad[0] && k < each; k++, at += area) {
		const float *g = b->out_grad + at, *x = b->in[0] + at;
		float *dx = b->in_grad[0] + at, f = (float)(inv * (double)w[k]);
		float off = (float)(inv * all / n), m = (float)mean,
		      slope = (float)(inv * inv * along / n);

#pragma omp simd
		for (i = 0; i < area; i++)
			dx[i] += f * g[i] - off - slope * (x[i] - m);
	}
}

static size_t
gn_back_scratch(
    const struct det_node *n, const size_t (*in)[4], const size_t out[4], int threads)
{
	(void)n;
	(void)in;
	(void)threads;
	return out[0] * out[1] * 2 * sizeof(double);
}

static void
gn_backward(const struct det_op_back *b)
{
	const struct gn_args *a = b->node->args;
	const size_t *d = b->in_dims[0];
	struct gn_sums s = { b, b->scratch };
	size_t c, i, k;

	det_parallel(b->threads, d[0] * (size_t)a->groups, gn_back_group, &s);
	for (k = 0; k < 2; k++) {
		float *to = b->weight_grad[1 - k];

		for (c = 0; to && c < d[1]; c++) {
			double sum = 0;

			for (i = 0; i < d[0]; i++)
				sum += s.sum[i * d[1] + c][k];
			to[c] += (float)sum;
		}
	}
}

const struct det_op det_op_groupnorm = {
	.name = "groupnorm",
	.traits = DET_OP_ACT | DET_OP_INPLACE,
	.in_lo = 1,
	.in_hi = 1,
	.args_size = sizeof(struct gn_args),
	.keys = gn_keys,
	.fixed_act = -1,
	.shape = gn_shape,
	.weight = gn_weight,
	.blocked = det_op_blocked_always,
	.scratch = gn_scratch,
	.flop = gn_flop,
	.run = gn_run,
	.backward = gn_backward,
	.back_scratch = gn_back_scratch,
};
