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

static void
gn_run(const struct det_op_run *r)
{
	const struct gn_args *a = r->node->args;

	det_parallel(r->threads, r->in_dims[0][0] * (size_t)a->groups, gn_group, r);
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
	.flop = gn_flop,
	.run = gn_run,
};
