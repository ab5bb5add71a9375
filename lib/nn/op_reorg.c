/* SPDX-License-Identifier: MIT
 *
 * reorg: pixels to channels, s x s at a time, in three orders of channels.
 *
 *   block    out[(dy*s + dx)*C + c, y, x] = in[c, y*s + dy, x*s + dx]
 *   pixel    out[c*s*s + dy*s + dx, y, x] = in[c, y*s + dy, x*s + dx]   (torch, pixel_unshuffle)
 *   darknet  Darknet's reorg_cpu as its layer calls it: the right formula with the sizes
 *            of the wrong side. With (C,H,W) the *input's* sizes and D = C/(s*s), for each
 *            index k, j, i of (C,H,W):
 *                from = (i*s + k/D % s) + W*s * ((j*s + k/D / s) + H*s * (k % D))
 *                out[i + W*(j + H*k)] = in[from]
 *            which permutes all C*H*W values, and reads the input as if it were
 *            (D, H*s, W*s). YOLOv2's published weights were trained through it.
 * Reverse is the inverse for block and pixel; for darknet, in[k,j,i] goes to out[from]:
 * the true inverse of order block.
 */
#include <string.h>

#include "nn/op.h"

#include "base/parallel.h"

enum { ORDER_BLOCK, ORDER_PIXEL, ORDER_DARKNET };

struct reorg_args {
	long stride;
	int order, reverse;
};

static const char *const orders[] = { "block", "pixel", "darknet", NULL };

static const struct det_key reorg_keys[] = {
	DET_KEY_I("stride", reorg_args, stride, 1, 64, 2),
	DET_KEY_C("order", reorg_args, order, orders, ORDER_BLOCK, -1),
	DET_KEY_F("reverse", reorg_args, reverse),
	DET_KEY_LAST,
};

static enum det_err
reorg_shape(size_t out[4], const struct det_node *n, const size_t (*in)[4])
{
	const struct reorg_args *a = n->args;
	size_t s = (size_t)a->stride, c = in[0][1], h = in[0][2], w = in[0][3];

	if (a->reverse ? c % (s * s) : (h % s || w % s))
		return det_fail(
		    DET_INVALID, "stride %zu does not divide %zux%zux%zu", s, c, h, w);
	if (a->order == ORDER_DARKNET && c % (s * s))
		return det_fail(DET_INVALID,
		    "order=darknet: %zu does not divide %zu channels", s * s, c);
	out[0] = in[0][0];
	out[1] = a->reverse ? c / (s * s) : c * s * s;
	out[2] = a->reverse ? h * s : h / s;
	out[3] = a->reverse ? w * s : w / s;
	return DET_OK;
}

/* One channel k of `small`, the side with many channels, of sizes (C,H,W) = d: for order
 * darknet that is the input on both ways. */
static void
move(float *out, const float *in, const size_t d[4], size_t k,
    const struct reorg_args *a)
{
	size_t s = (size_t)a->stride, h = d[2], w = d[3], c = d[1] / (s * s), j, i;
	size_t big, off = a->order == ORDER_PIXEL ? k % (s * s) : k / c;
	size_t plane = a->order == ORDER_PIXEL ? k / (s * s) : k % c;

	for (j = 0; j < h; j++) {
		big = (plane * h * s + j * s + off / s) * w * s + off % s;
		if (a->reverse)
			for (i = 0; i < w; i++)
				out[big + i * s] = in[(k * h + j) * w + i];
		else
			for (i = 0; i < w; i++)
				out[(k * h + j) * w + i] = in[big + i * s];
	}
}

/* Its way back: what move() copied from goes back there, added. */
static void
move_back(float *in_grad, const float *out_grad, const size_t d[4], size_t k,
    const struct reorg_args *a)
{
	size_t s = (size_t)a->stride, h = d[2], w = d[3], c = d[1] / (s * s), j, i;
	size_t big, off = a->order == ORDER_PIXEL ? k % (s * s) : k / c;
	size_t plane = a->order == ORDER_PIXEL ? k / (s * s) : k % c;

	for (j = 0; j < h; j++) {
		big = (plane * h * s + j * s + off / s) * w * s + off % s;
		if (a->reverse)
			for (i = 0; i < w; i++)
				in_grad[(k * h + j) * w + i] += out_grad[big + i * s];
		else
			for (i = 0; i < w; i++)
				in_grad[big + i * s] += out_grad[(k * h + j) * w + i];
	}
}

/* The dims with more channels: of the input or of the output. */
static const size_t *
deep_of(const struct reorg_args *a, const size_t *in, const size_t *out)
{
	return a->order == ORDER_DARKNET || a->reverse ? in : out;
}

static const size_t *
deep(const struct det_op_run *r)
{
	return deep_of(r->node->args, r->in_dims[0], r->out_dims);
}

static void
reorg_plane(const void *ctx, size_t p, int worker)
{
	const struct det_op_run *r = ctx;
	const size_t *d = deep(r);
	size_t all = p / d[1] * det_op_chw(d);

	(void)worker;
	move(r->out + all, r->in[0] + all, d, p % d[1], r->node->args);
}

/* Order block moves whole channels: where they are whole blocks, those of a pixel stay
 * together. */
static int
reorg_blocked(const struct det_node *n, const size_t (*in)[4], const size_t out[4])
{
	const struct reorg_args *a = n->args;

	return a->order == ORDER_BLOCK &&
	       (a->reverse ? out[1] : in[0][1]) % DET_BLOCK == 0;
}

/* Block p of `deep`: pixels of it to or from every s-th of a plane of the other side. */
static void
reorg_block(const void *ctx, size_t p, int worker)
{
	const struct det_op_run *r = ctx;
	const struct reorg_args *a = r->node->args;
	const size_t *d = deep(r);
	size_t s = (size_t)a->stride, h = d[2], w = d[3], blocks = det_blocks(d[1]);
	size_t few = blocks / (s * s), off = p % blocks / few, j, i;
	size_t plane = p / blocks * few + p % few;

	(void)worker;
	for (j = 0; j < h; j++) {
		size_t big = (plane * h * s + j * s + off / s) * w * s + off % s;
		const float *in = r->in[0];
		float *out = r->out;

		for (i = 0; i < w; i++) {
			size_t small = ((p * h + j) * w + i) * DET_BLOCK;
			size_t large = (big + i * s) * DET_BLOCK;

			memcpy(out + (a->reverse ? large : small),
			    in + (a->reverse ? small : large), DET_BLOCK * sizeof *out);
		}
	}
}

static void
reorg_run(const struct det_op_run *r)
{
	const size_t *d = deep(r);

	if (r->blocked)
		det_parallel(r->threads, d[0] * det_blocks(d[1]), reorg_block, r);
	else
		det_parallel(r->threads, d[0] * d[1], reorg_plane, r);
}

static void
reorg_back_plane(const void *ctx, size_t p, int worker)
{
	const struct det_op_back *b = ctx;
	const size_t *d = deep_of(b->node->args, b->in_dims[0], b->out_dims);
	size_t all = p / d[1] * det_op_chw(d);

	(void)worker;
	move_back(b->in_grad[0] + all, b->out_grad + all, d, p % d[1], b->node->args);
}

static void
reorg_backward(const struct det_op_back *b)
{
	const size_t *d = deep_of(b->node->args, b->in_dims[0], b->out_dims);

	if (b->in_grad[0])
		det_parallel(b->threads, d[0] * d[1], reorg_back_plane, b);
}

const struct det_op det_op_reorg = {
	.name = "reorg",
	.in_lo = 1,
	.in_hi = 1,
	.args_size = sizeof(struct reorg_args),
	.keys = reorg_keys,
	.fixed_act = -1,
	.shape = reorg_shape,
	.blocked = reorg_blocked,
	.run = reorg_run,
	.backward = reorg_backward,
};
