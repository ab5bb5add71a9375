/* SPDX-License-Identifier: MIT
 *
 * Depthwise convolution on blocked maps: a pixel of the output is as many multiply-adds of
 * 16 channels as the kernel has taps, on pixels as they lie. Nothing is copied and there
 * is no padding: rows of the kernel outside of the image are left out here, columns in the
 * kernels (block_depthwise_simd.h). Weights are packed tap by tap, 16 channels each, so
 * that a block's are some lines that stay in the first cache.
 */
#include "nn/conv_algo.h"

#include "base/parallel.h"
#include "base/size.h"
#include "nn/block.h"

int
det_depthwise_can(const struct det_conv *c)
{
	return c->k == c->c && c->c == c->groups && c->in_layout == DET_BLOCKED &&
	       c->out_layout == DET_BLOCKED;
}

size_t
det_depthwise_packed(const struct det_conv *c)
{
	return det_blocked_channels(c->k) * c->kh * c->kw * sizeof(float);
}

void
det_depthwise_pack(
    const struct det_conv *c, float *packed, const float *weight, int threads)
{
	size_t taps = c->kh * c->kw, all = det_blocked_channels(c->k), k, t;

	(void)threads;
	for (k = 0; k < all; k++)
		for (t = 0; t < taps; t++)
			packed[(k / DET_BLOCK * taps + t) * DET_BLOCK + k % DET_BLOCK] =
			    k < c->k ? weight[k * taps + t] : 0;
}

size_t
det_depthwise_scratch(const struct det_conv *c, int threads)
{
	(void)c;
	(void)threads;
	return 0;
}

double
det_depthwise_cost(const struct det_conv *c, int threads)
{
	const struct det_costs *k = det_costs();
	double planes = (double)(c->n * det_blocks(c->k));
	double out = planes * (double)(c->oh * c->ow);
	double in = planes * (double)(c->h * c->w);

	return (out * (double)(c->kh * c->kw) * 1.2 * k->fma +
		   (in + out) * k->line / 4) /
		   threads +
	       k->loop;
}

struct work {
	const struct det_conv *c;
	float *out;
	const float *in, *weight;
	const struct det_epilogue *e;
	size_t band, bands; /* rows of a band, bands of a plane */
};

/* Some rows of the output of one block. */
static void
one_band(const void *ctx, size_t it, int worker)
{
	const struct work *w = ctx;
	const struct det_conv *c = w->c;
	size_t plane = it / w->bands, y = it % w->bands * w->band;
	size_t end = det_least(y + w->band, c->oh), row = c->kw * DET_BLOCK;
	size_t block = plane % det_blocks(c->k);
	float scale[DET_BLOCK], shift[DET_BLOCK];
	struct det_block_depthwise d = { .in_row = c->dilate_y * c->w * DET_BLOCK,
		.cols = c->kw,
		.step = c->stride_x,
		.dilate = c->dilate_x,
		.pad = c->pad_left,
		.width = c->w,
		.n = c->ow,
		.weight_row = row,
		.scale = scale,
		.shift = shift,
		.act = w->e->act,
		.alpha = w->e->alpha };

	(void)worker;
	det_block_lanes(scale, w->e->scale, block * DET_BLOCK, c->k, 1);
	det_block_lanes(shift, w->e->shift, block * DET_BLOCK, c->k, 0);
	for (; y < end; y++) {
		/* rows of the kernel that lie in the image: i0 .. i1 */
		size_t at = y * c->stride_y, i0 = 0, i1 = c->kh, from;
		size_t to = (plane * c->oh + y) * c->ow * DET_BLOCK;

		if (at < c->pad_top)
			i0 = det_least(
			    (c->pad_top - at + c->dilate_y - 1) / c->dilate_y, i1);
		while (i1 > i0 && at + (i1 - 1) * c->dilate_y >= c->pad_top + c->h)
			i1--;
		from = i1 > i0 ? at + i0 * c->dilate_y - c->pad_top : 0;
		d.in = w->in + (plane * c->h + from) * c->w * DET_BLOCK;
		d.rows = i1 - i0;
		d.weight = w->weight + (block * c->kh + i0) * row;
		d.out = w->out + to;
		d.residual = w->e->residual ? w->e->residual + to : NULL;
		det_block_kernels()->depthwise(&d);
	}
}

void
det_depthwise_run(const struct det_conv *c, float *out, const float *in,
    const float *weight, const struct det_epilogue *e, void *scratch, int threads)
{
	struct work w = { c, out, in, weight, e, det_block_band(c->ow, c->oh), 0 };

	(void)scratch;
	w.bands = (c->oh + w.band - 1) / w.band;
	det_parallel(threads, c->n * det_blocks(c->k) * w.bands, one_band, &w);
}
