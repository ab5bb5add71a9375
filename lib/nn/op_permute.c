/* SPDX-License-Identifier: MIT
 *
 * permute: the axes c, y, x of each image in another order.
 *
 *   out axis i is in axis order[i], counted from 0:
 *   out[p0, p1, p2] = in[q0, q1, q2] with q[order[i]] = p[i]
 *
 * torch's permute without the axis of the batch. order=1,2,0 puts the channels of a pixel
 * side by side, as YOLOv1's map has the classes of a cell.
 */
#include <math.h>

#include "nn/op.h"

#include "base/parallel.h"

struct permute_args {
	long order[3];
};

static const struct det_key permute_keys[] = {
	DET_KEY_3("order", permute_args, order, 0, 2, NAN),
	DET_KEY_LAST,
};

static enum det_err
permute_check(const struct det_node *n)
{
	const struct permute_args *a = n->args;

	if ((1 << a->order[0] | 1 << a->order[1] | 1 << a->order[2]) != 7)
		return det_fail(DET_INVALID,
		    "order=%ld,%ld,%ld: not 0, 1 and 2, each once", a->order[0],
		    a->order[1], a->order[2]);
	return DET_OK;
}

static enum det_err
permute_shape(size_t out[4], const struct det_node *n, const size_t (*in)[4])
{
	const struct permute_args *a = n->args;

	out[0] = in[0][0];
	for (size_t i = 0; i < 3; i++)
		out[i + 1] = in[0][1 + a->order[i]];
	return DET_OK;
}

/* How far apart in the input neighbours along the output's axis i are. */
static size_t
stride(const struct permute_args *a, const size_t in[4], size_t i)
{
	const size_t of[3] = { in[2] * in[3], in[3], 1 };

	return of[a->order[i]];
}

/* Where plane p of the output, over all images, begins in the input. */
static size_t
start(const struct permute_args *a, const size_t in[4], const size_t out[4], size_t p)
{
	return p / out[1] * det_op_chw(in) + p % out[1] * stride(a, in, 0);
}

static void
permute_plane(const void *ctx, size_t p, int worker)
{
	const struct det_op_run *r = ctx;
	const struct permute_args *a = r->node->args;
	const size_t *d = r->out_dims;
	const size_t down = stride(a, r->in_dims[0], 1),
		     right = stride(a, r->in_dims[0], 2);
	const float *in = r->in[0] + start(a, r->in_dims[0], d, p);
	float *out = r->out + p * d[2] * d[3];

	(void)worker;
	for (size_t y = 0; y < d[2]; y++)
		for (size_t x = 0; x < d[3]; x++)
			out[y * d[3] + x] = in[y * down + x * right];
}

static void
permute_run(const struct det_op_run *r)
{
	det_parallel(r->threads, r->out_dims[0] * r->out_dims[1], permute_plane, r);
}

/* Each value came from one place: planes of the output touch no place twice. */
static void
permute_back_plane(const void *ctx, size_t p, int worker)
{
	const struct det_op_back *b = ctx;
	const struct permute_args *a = b->node->args;
	const size_t *d = b->out_dims;
	const size_t down = stride(a, b->in_dims[0], 1),
		     right = stride(a, b->in_dims[0], 2);
	const float *g = b->out_grad + p * d[2] * d[3];
	float *in = b->in_grad[0] + start(a, b->in_dims[0], d, p);

	(void)worker;
	for (size_t y = 0; y < d[2]; y++)
		for (size_t x = 0; x < d[3]; x++)
			in[y * down + x * right] += g[y * d[3] + x];
}

static void
permute_backward(const struct det_op_back *b)
{
	det_parallel(
	    b->threads, b->out_dims[0] * b->out_dims[1], permute_back_plane, b);
}

const struct det_op det_op_permute = {
	.name = "permute",
	.in_lo = 1,
	.in_hi = 1,
	.args_size = sizeof(struct permute_args),
	.keys = permute_keys,
	.fixed_act = -1,
	.check = permute_check,
	.shape = permute_shape,
	.run = permute_run,
	.backward = permute_backward,
};
