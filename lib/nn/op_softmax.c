/* SPDX-License-Identifier: MIT
 *
 * softmax: exp(x/t - max/t) / sum, over the channels of each pixel or over all values of a
 * batch element, in `groups` equal parts. The maximum is taken off first, so that nothing
 * overflows; sums are in double, in the order of the values.
 */
#include <math.h>

#include "nn/op.h"

#include "base/parallel.h"

enum { OVER_CHANNEL, OVER_ALL };

struct softmax_args {
	int over;
	long groups;
	double temp;
};

static const char *const overs[] = { "channel", "all", NULL };

static const struct det_key softmax_keys[] = {
	DET_KEY_C("over", softmax_args, over, overs, OVER_CHANNEL, -1),
	DET_KEY_I("groups", softmax_args, groups, 1, 1L << 24, 1),
	DET_KEY_D("temp", softmax_args, temp, 1e-6, 1e6, 1),
	DET_KEY_LAST,
};

static enum det_err
softmax_shape(size_t out[4], const struct det_node *n, const size_t (*in)[4])
{
	const struct softmax_args *a = n->args;
	size_t len = a->over == OVER_ALL ? det_op_chw(in[0]) : in[0][1];

	if (len % (size_t)a->groups)
		return det_fail(
		    DET_INVALID, "%ld groups do not divide %zu values", a->groups, len);
	return det_op_same(out, n, in);
}

/* n values that lie `step` apart; y may be x. */
static void
softmax(float *y, const float *x, size_t n, size_t step, float temp)
{
	float max = -INFINITY;
	double sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		if (x[i * step] > max)
			max = x[i * step];
	for (i = 0; i < n; i++) {
		y[i * step] = expf((x[i * step] - max) / temp);
		sum += (double)y[i * step];
	}
	for (i = 0; i < n; i++)
		y[i * step] = (float)((double)y[i * step] / sum);
}

/* How far apart the values of a vector lie, its length, and how many vectors there are. */
static size_t
vectors(size_t *step, size_t *len, const struct softmax_args *a, const size_t d[4])
{
	*step = a->over == OVER_ALL ? 1 : d[2] * d[3];
	*len = (a->over == OVER_ALL ? det_op_chw(d) : d[1]) / (size_t)a->groups;
	return d[0] * det_op_chw(d) / *len;
}

#define RUN 64 /* vectors that a thread takes at a time */

static void
softmax_part(const void *ctx, size_t part, int worker)
{
	const struct det_op_run *r = ctx;
	const struct softmax_args *a = r->node->args;
	size_t step, len, jobs = vectors(&step, &len, a, r->in_dims[0]), i, at;

	(void)worker;
	for (i = part * RUN; i < jobs && i < (part + 1) * RUN; i++) {
		at = i / step * len * step + i % step;
		softmax(r->out + at, r->in[0] + at, len, step, (float)a->temp);
	}
}

static void
softmax_run(const struct det_op_run *r)
{
	size_t step, len, jobs = vectors(&step, &len, r->node->args, r->in_dims[0]);

	det_parallel(r->threads, (jobs + RUN - 1) / RUN, softmax_part, r);
}

/* dx = y * (g - sum g y) / temp; n values that lie `step` apart */
static void
softmax_back(
    float *dx, const float *g, const float *y, size_t n, size_t step, float temp)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		sum += (double)g[i * step] * (double)y[i * step];
	for (i = 0; i < n; i++)
		dx[i * step] += y[i * step] * (float)((double)g[i * step] - sum) / temp;
}

static void
softmax_back_part(const void *ctx, size_t part, int worker)
{
	const struct det_op_back *b = ctx;
	const struct softmax_args *a = b->node->args;
	size_t step, len, jobs = vectors(&step, &len, a, b->in_dims[0]), i, at;

	(void)worker;
	for (i = part * RUN; i < jobs && i < (part + 1) * RUN; i++) {
		at = i / step * len * step + i % step;
		softmax_back(b->in_grad[0] + at, b->out_grad + at, b->out + at, len,
		    step, (float)a->temp);
	}
}

static void
softmax_backward(const struct det_op_back *b)
{
	size_t step, len, jobs = vectors(&step, &len, b->node->args, b->in_dims[0]);

	if (b->in_grad[0])
		det_parallel(b->threads, (jobs + RUN - 1) / RUN, softmax_back_part, b);
}

const struct det_op det_op_softmax = {
	.name = "softmax",
	.traits = DET_OP_INPLACE,
	.in_lo = 1,
	.in_hi = 1,
	.args_size = sizeof(struct softmax_args),
	.keys = softmax_keys,
	.fixed_act = -1,
	.shape = softmax_shape,
	.run = softmax_run,
	.backward = softmax_backward,
};
