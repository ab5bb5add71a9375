/* SPDX-License-Identifier: MIT
 *
 * upsample: nearest or bilinear enlargement (any ratio, also below one).
 *
 *   nearest             source row floor(y * H / OH): for whole factors y / scale, which is
 *                       Darknet's upsample and torch's interpolate
 *   bilinear            source position (y + .5) * H / OH - .5, not below 0 (torch's
 *                       align_corners=False, OpenCV's INTER_LINEAR)
 *   bilinear, align     y * (H - 1) / (OH - 1) (torch's align_corners=True)
 * The neighbour past the last row is that row.
 *
 * With a second input its height and width are the target: the top-down path of a feature
 * pyramid, whose levels need not be exact halves.
 */
#include <math.h>
#include <string.h>

#include "nn/op.h"

#include "base/parallel.h"
#include "nn/block.h"

enum { MODE_NEAREST, MODE_BILINEAR };

struct up_args {
	long scale[2];
	int mode, align;
	double gain;
};

static const char *const modes[] = { "nearest", "bilinear", NULL };

static const struct det_key up_keys[] = {
	DET_KEY_2("scale", up_args, scale, 1, 64, 2),
	DET_KEY_C("mode", up_args, mode, modes, MODE_NEAREST, -1),
	DET_KEY_F("align", up_args, align),
	DET_KEY_D("gain", up_args, gain, -1e6, 1e6, 1),
	DET_KEY_LAST,
};

static enum det_err
up_shape(size_t out[4], const struct det_node *n, const size_t (*in)[4])
{
	const struct up_args *a = n->args;

	out[0] = in[0][0];
	out[1] = in[0][1];
	out[2] = n->n_in > 1 ? in[1][2] : in[0][2] * (size_t)a->scale[0];
	out[3] = n->n_in > 1 ? in[1][3] : in[0][3] * (size_t)a->scale[1];
	return DET_OK;
}

static void
nearest_plane(
    float *out, const float *in, const size_t d[4], const size_t o[4], float gain)
{
	size_t y, x, s, j, from, last = (size_t)-1;

	for (y = 0; y < o[2]; y++, out += o[3]) {
		from = y * d[2] / o[2];
		if (from == last) {
			memcpy(out, out - o[3], o[3] * sizeof *out);
			continue;
		}
		last = from;
		s = o[3] / d[3];
		if (s * d[3] == o[3])
			for (x = 0; x < d[3]; x++)
				for (j = 0; j < s; j++)
					out[x * s + j] = gain * in[from * d[3] + x];
		else
			for (x = 0; x < o[3]; x++)
				out[x] = gain * in[from * d[3] + x * d[3] / o[3]];
	}
}

/* Where output i of `to` falls among `from` pixels: the lower neighbour and the weight of
 * the upper one. */
static size_t
locate(float *part, size_t i, size_t from, size_t to, int align)
{
	double p;
	size_t lo;

	if (align)
		p = to > 1 ? (double)i * (double)(from - 1) / (double)(to - 1) : 0;
	else
		p = ((double)i + .5) * (double)from / (double)to - .5;
	if (p < 0)
		p = 0;
	lo = (size_t)p;
	if (lo > from - 1)
		lo = from - 1;
	*part = (float)(p - (double)lo);
	return lo;
}

static void
bilinear_plane(float *out, const float *in, const size_t d[4], const size_t o[4],
    const struct up_args *a, const struct det_block_column *across)
{
	size_t y, x, y0;
	const float *r0, *r1;
	float fy, top, bottom;

	for (y = 0; y < o[2]; y++) {
		y0 = locate(&fy, y, d[2], o[2], a->align);
		r0 = in + y0 * d[3];
		r1 = y0 + 1 < d[2] ? r0 + d[3] : r0;
		for (x = 0; x < o[3]; x++) {
			struct det_block_column c = across[x];

			top = r0[c.lo] + c.part * (r0[c.hi] - r0[c.lo]);
			bottom = r1[c.lo] + c.part * (r1[c.hi] - r1[c.lo]);
			*out++ = (float)a->gain * (top + fy * (bottom - top));
		}
	}
}

static size_t
up_scratch(
    const struct det_node *n, const size_t (*in)[4], const size_t out[4], int threads)
{
	const struct up_args *a = n->args;

	(void)in;
	(void)threads;
	return a->mode == MODE_BILINEAR ? out[3] * sizeof(struct det_block_column) : 0;
}

static void
up_plane(const void *ctx, size_t p, int worker)
{
	const struct det_op_run *r = ctx;
	const struct up_args *a = r->node->args;
	const size_t *d = r->in_dims[0], *o = r->out_dims;
	float *out = r->out + p * o[2] * o[3];
	const float *in = r->in[0] + p * d[2] * d[3];

	(void)worker;
	if (a->mode == MODE_NEAREST)
		nearest_plane(out, in, d, o, (float)a->gain);
	else
		bilinear_plane(out, in, d, o, a, r->scratch);
}

/* Row y of a plane of blocks by the nearest. */
static void
nearest_blocked(float *out, const float *in, const size_t d[4], const size_t o[4],
    size_t y, float gain)
{
	const struct det_block_kernels *ker = det_block_kernels();
	size_t s = o[3] / d[3], x;

	in += y * d[2] / o[2] * d[3] * DET_BLOCK;
	if (s * d[3] == o[3])
		ker->repeat(out, in, d[3], s, gain);
	else
		for (x = 0; x < o[3]; x++)
			ker->repeat(out + x * DET_BLOCK,
			    in + x * d[3] / o[3] * DET_BLOCK, 1, 1, gain);
}

static void
bilinear_blocked(float *out, const float *in, const size_t d[4], const size_t o[4],
    size_t y, const struct up_args *a, const struct det_block_column *across)
{
	float part;
	size_t y0 = locate(&part, y, d[2], o[2], a->align), row = d[3] * DET_BLOCK;
	const float *r0 = in + y0 * row, *r1 = y0 + 1 < d[2] ? r0 + row : r0;

	det_block_kernels()->between(out, r0, r1, across, o[3], part, (float)a->gain);
}

/* Some rows of a plane of blocks. */
static void
up_band(const void *ctx, size_t it, int worker)
{
	const struct det_op_run *r = ctx;
	const struct up_args *a = r->node->args;
	const size_t *d = r->in_dims[0], *o = r->out_dims;
	size_t band = det_block_band(o[3], o[2]), bands = (o[2] + band - 1) / band;
	size_t y0 = it % bands * band, end = y0 + band < o[2] ? y0 + band : o[2], y;
	size_t row = o[3] * DET_BLOCK;
	const float *in = r->in[0] + it / bands * d[2] * d[3] * DET_BLOCK;
	float *out = r->out + (it / bands * o[2] + y0) * row;

	(void)worker;
	for (y = y0; y < end; y++, out += row) {
		if (a->mode == MODE_BILINEAR)
			bilinear_blocked(out, in, d, o, y, a, r->scratch);
		else if (y > y0 && y * d[2] / o[2] == (y - 1) * d[2] / o[2])
			memcpy(out, out - row, row * sizeof *out);
		else
			nearest_blocked(out, in, d, o, y, (float)a->gain);
	}
}

/* For bilinear alone: where the columns of the output fall. */
static void
set_columns(
    struct det_block_column *across, const struct up_args *a, size_t w, size_t ow)
{
	size_t x;

	for (x = 0; a->mode == MODE_BILINEAR && x < ow; x++) {
		across[x].lo = locate(&across[x].part, x, w, ow, a->align);
		across[x].hi = across[x].lo + (across[x].lo + 1 < w);
	}
}

static void
up_run(const struct det_op_run *r)
{
	set_columns(r->scratch, r->node->args, r->in_dims[0][3], r->out_dims[3]);
	if (r->blocked) {
		size_t band = det_block_band(r->out_dims[3], r->out_dims[2]);
		size_t bands = (r->out_dims[2] + band - 1) / band;

		det_parallel(r->threads,
		    r->in_dims[0][0] * det_blocks(r->in_dims[0][1]) * bands, up_band,
		    r);
	} else
		det_parallel(
		    r->threads, r->in_dims[0][0] * r->in_dims[0][1], up_plane, r);
}

/* --- backward: each pixel of the output gives to those that it was made from --- */

static void
nearest_back(
    float *in_grad, const float *g, const size_t d[4], const size_t o[4], float gain)
{
	size_t y, x, j, s = o[3] / d[3];

	for (y = 0; y < o[2]; y++, g += o[3]) {
		float *to = in_grad + y * d[2] / o[2] * d[3];

		if (s * d[3] == o[3])
			for (x = 0; x < d[3]; x++)
				for (j = 0; j < s; j++)
					to[x] += gain * g[x * s + j];
		else
			for (x = 0; x < o[3]; x++)
				to[x * d[3] / o[3]] += gain * g[x];
	}
}

static void
bilinear_back(float *in_grad, const float *g, const size_t d[4], const size_t o[4],
    const struct up_args *a, const struct det_block_column *across)
{
	size_t y, x, y0;
	float *r0, *r1, fy, top, bottom;

	for (y = 0; y < o[2]; y++) {
		y0 = locate(&fy, y, d[2], o[2], a->align);
		r0 = in_grad + y0 * d[3];
		r1 = y0 + 1 < d[2] ? r0 + d[3] : r0;
		for (x = 0; x < o[3]; x++) {
			struct det_block_column c = across[x];

			bottom = fy * (float)a->gain * *g;
			top = (float)a->gain * *g++ - bottom;
			r0[c.lo] += (1 - c.part) * top;
			r0[c.hi] += c.part * top;
			r1[c.lo] += (1 - c.part) * bottom;
			r1[c.hi] += c.part * bottom;
		}
	}
}

static void
up_back_plane(const void *ctx, size_t p, int worker)
{
	const struct det_op_back *b = ctx;
	const struct up_args *a = b->node->args;
	const size_t *d = b->in_dims[0], *o = b->out_dims;
	const float *g = b->out_grad + p * o[2] * o[3];
	float *in_grad = b->in_grad[0] + p * d[2] * d[3];

	(void)worker;
	if (a->mode == MODE_NEAREST)
		nearest_back(in_grad, g, d, o, (float)a->gain);
	else
		bilinear_back(in_grad, g, d, o, a, b->scratch);
}

static void
up_backward(const struct det_op_back *b)
{
	if (!b->in_grad[0])
		return;
	set_columns(b->scratch, b->node->args, b->in_dims[0][3], b->out_dims[3]);
	det_parallel(b->threads, b->in_dims[0][0] * b->in_dims[0][1], up_back_plane, b);
}

const struct det_op det_op_upsample = {
	.name = "upsample",
	.traits = DET_OP_LIKE,
	.in_lo = 1,
	.in_hi = 2,
	.args_size = sizeof(struct up_args),
	.keys = up_keys,
	.fixed_act = -1,
	.shape = up_shape,
	.blocked = det_op_blocked_always,
	.scratch = up_scratch,
	.run = up_run,
	.backward = up_backward,
	.back_scratch = up_scratch,
};
