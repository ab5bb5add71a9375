/* SPDX-License-Identifier: MIT
 *
 * maxpool, avgpool backward. A maximum's gradient goes to the pixel that it was, the first of
 * equals in the order of rows (torch, Caffe and Darknet): found anew by comparing with the
 * output, which costs less than memory for its place. An average's goes to all pixels of the
 * window alike, divided by what the average was.
 */
#include "base/parallel.h"
#include "nn/op_pool.h"

/* One plane, (OH,OW) -> (H,W) */
static void
max_plane(float *in_grad, const float *in, const float *out, const float *g,
    const size_t d[4], const size_t o[4], const struct det_pool_args *a)
{
	size_t y, x, i, j;

	for (y = 0; y < o[2]; y++) {
		struct det_pool_span sy = det_pool_window(a, 0, d[2], y);

		for (x = 0; x < o[3]; x++, out++, g++) {
			struct det_pool_span sx = det_pool_window(a, 1, d[3], x);

			for (i = sy.lo; i < sy.hi; i++) {
				for (j = sx.lo; j < sx.hi; j++)
					if (in[i * d[3] + j] >= *out)
						break;
				if (j < sx.hi) {
					in_grad[i * d[3] + j] += *g;
					break;
				}
			}
		}
	}
}

static void
max_part(const void *ctx, size_t p, int worker)
{
	const struct det_op_back *b = ctx;
	const size_t *d = b->in_dims[0], *o = b->out_dims;
	size_t in = p * d[2] * d[3], out = p * o[2] * o[3];

	(void)worker;
	max_plane(b->in_grad[0] + in, b->in[0] + in, b->out + out, b->out_grad + out, d,
	    o, b->node->args);
}

void
det_maxpool_backward(const struct det_op_back *b)
{
	if (b->in_grad[0])
		det_parallel(b->threads, b->out_dims[0] * b->out_dims[1], max_part, b);
}

static void
avg_plane(float *in_grad, const float *g, const size_t d[4], const size_t o[4],
    const struct det_pool_args *a)
{
	size_t y, x, i, j, n;
	float each;

	for (y = 0; y < o[2]; y++) {
		struct det_pool_span sy = det_pool_window(a, 0, d[2], y);

		for (x = 0; x < o[3]; x++, g++) {
			struct det_pool_span sx = det_pool_window(a, 1, d[3], x);

			n = a->count == DET_POOL_COUNT_VALID
				? (sy.hi - sy.lo) * (sx.hi - sx.lo)
				: sy.span * sx.span;
			if (!n)
				continue;
			each = *g / (float)n;
			for (i = sy.lo; i < sy.hi; i++)
#pragma omp simd
				for (j = sx.lo; j < sx.hi; j++)
					in_grad[i * d[3] + j] += each;
		}
	}
}

static void
avg_part(const void *ctx, size_t p, int worker)
{
	const struct det_op_back *b = ctx;
	const size_t *d = b->in_dims[0], *o = b->out_dims;

	(void)worker;
	avg_plane(b->in_grad[0] + p * d[2] * d[3], b->out_grad + p * o[2] * o[3], d, o,
	    b->node->args);
}

void
det_avgpool_backward(const struct det_op_back *b)
{
	if (b->in_grad[0])
		det_parallel(b->threads, b->out_dims[0] * b->out_dims[1], avg_part, b);
}
