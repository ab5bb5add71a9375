/* SPDX-License-Identifier: MIT
 *
 * Depthwise convolution of blocked maps against its formula in double, on every instruction
 * set: strides, dilation, paddings wider than the kernel, kernels wider than the image.
 */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "nn/conv_algo.h"
#include "tests/unit/levels.h"
#include "tests/unit/nets.h"

struct shape {
	size_t n, c, h, w, kh, kw, sy, sx, dy, dx, top, left, bottom, right;
};

/* clang-format off */
static const struct shape shapes[] = {
	{ 1, 32, 15, 15, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1 },
	{ 2, 37, 10, 10, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1 },
	{ 1, 16, 19, 19, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1 },
	{ 1, 24, 20, 30, 3, 3, 2, 2, 1, 1, 0, 0, 1, 1 },
	{ 1, 5, 14, 75, 5, 5, 1, 1, 1, 1, 2, 2, 2, 2 },
	{ 1, 17, 9, 40, 5, 7, 2, 3, 1, 1, 2, 3, 2, 3 },
	{ 2, 16, 12, 21, 3, 3, 1, 1, 2, 2, 2, 2, 2, 2 },
	{ 1, 33, 12, 22, 3, 2, 2, 1, 3, 4, 5, 6, 0, 1 },
	{ 1, 16, 1, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1 },
	{ 1, 16, 2, 3, 7, 7, 1, 1, 1, 1, 3, 3, 3, 3 },
	{ 1, 16, 2, 2, 3, 3, 1, 1, 1, 1, 4, 4, 4, 4 },
	{ 1, 20, 7, 7, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0 },
	{ 1, 16, 40, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1 },
	{ 1, 18, 6, 33, 4, 3, 1, 5, 1, 1, 0, 7, 3, 7 },
};
/* clang-format on */

static double
activate(double x, enum det_act act, double alpha)
{
	switch (act) {
	case DET_ACT_RELU: return x > 0 ? x : 0;
	case DET_ACT_RELU6: return x < 0 ? 0 : x > 6 ? 6 : x;
	case DET_ACT_LEAKY: return x < 0 ? alpha * x : x;
	case DET_ACT_SIGMOID: return 1 / (1 + exp(-x));
	default: return x;
	}
}

static double
sum(const struct det_conv *c, const float *plane, const float *weight, size_t y,
    size_t x)
{
	double s = 0;
	size_t i, j;

	for (i = 0; i < c->kh; i++)
		for (j = 0; j < c->kw; j++) {
			size_t py = y * c->stride_y + i * c->dilate_y - c->pad_top;
			size_t px = x * c->stride_x + j * c->dilate_x - c->pad_left;

			if (py < c->h && px < c->w)
				s += (double)weight[i * c->kw + j] *
				     (double)plane[py * c->w + px];
		}
	return s;
}

static float *
floats(size_t n, uint32_t seed)
{
	float *p;

	if (det_alloc(&p, n, sizeof *p))
		exit(2);
	fill(p, n, seed);
	return p;
}

static float *
blocked(const float *plain, size_t n, size_t c, size_t hw)
{
	float *p = floats(n * det_blocked_channels(c) * hw, 1);

	det_layout_block(p, plain, n, c, hw, 1);
	return p;
}

/* The worst error of one problem. with: 1 scale, 2 shift, 4 residual. */
static double
worst(const struct det_conv *c, int with, int threads)
{
	size_t area = c->oh * c->ow, all = c->n * c->k * area, i;
	size_t wide = det_blocked_channels(c->k);
	float *in = floats(c->n * c->c * c->h * c->w, 3),
	      *weight = floats(c->k * c->kh * c->kw, 5), *scale = floats(wide, 9),
	      *shift = floats(wide, 11), *residual = floats(all, 13);
	float *b_in = blocked(in, c->n, c->c, c->h * c->w),
	      *b_out = floats(c->n * wide * area, 1),
	      *b_residual = blocked(residual, c->n, c->k, area), *out = floats(all, 1);
	float *packed = floats(det_depthwise_packed(c) / sizeof *packed, 1);
	struct det_epilogue e = { .scale = with & 1 ? scale : NULL,
		.shift = with & 2 ? shift : NULL,
		.residual = with & 4 ? b_residual : NULL,
		.act = c->act,
		.alpha = c->alpha };
	double most = 0;

	det_depthwise_pack(c, packed, weight, threads);
	memset(b_out, 0xff, c->n * wide * area * sizeof *b_out);
	det_depthwise_run(c, b_out, b_in, packed, &e, NULL, threads);
	for (i = 0; i < c->n * wide * area; i++)
		if (!isfinite(b_out[i]))
			most = INFINITY;
	det_layout_plain(out, b_out, c->n, c->k, area, 1);
	for (i = 0; i < all; i++) {
		size_t k = i / area % c->k, y = i / c->ow % c->oh, x = i % c->ow;
		double want = sum(
		    c, in + i / area * c->h * c->w, weight + k * c->kh * c->kw, y, x);

		want = want * (with & 1 ? (double)scale[k] : 1) +
		       (with & 2 ? (double)shift[k] : 0) +
		       (with & 4 ? (double)residual[i] : 0);
		want = activate(want, c->act, (double)c->alpha);
		most = fmax(most, fabs(want - (double)out[i]));
	}
	free(in), free(weight), free(scale), free(shift), free(residual);
	free(b_in), free(b_out), free(b_residual), free(out), free(packed);
	return most;
}

static struct det_conv
problem(const struct shape *s)
{
	return (struct det_conv){ .n = s->n,
		.c = s->c,
		.h = s->h,
		.w = s->w,
		.k = s->c,
		.kh = s->kh,
		.kw = s->kw,
		.stride_y = s->sy,
		.stride_x = s->sx,
		.dilate_y = s->dy,
		.dilate_x = s->dx,
		.pad_top = s->top,
		.pad_left = s->left,
		.pad_bottom = s->bottom,
		.pad_right = s->right,
		.groups = s->c,
		.alpha = .1f,
		.in_layout = DET_BLOCKED,
		.out_layout = DET_BLOCKED };
}

static int
all_shapes(void)
{
	static const enum det_act acts[] = { DET_ACT_LINEAR, DET_ACT_RELU,
		DET_ACT_RELU6, DET_ACT_LEAKY, DET_ACT_SIGMOID };
	size_t i, j;
	int bad = 0;

	for (i = 0; i < sizeof shapes / sizeof *shapes; i++)
		for (j = 0; j < 8; j++) {
			struct det_conv c = problem(&shapes[i]);
			double e;

			c.act = acts[(i + j) % 5];
			if (det_conv_shape(&c) || !det_depthwise_can(&c)) {
				printf("# shape %zu: %s\n", i, det_errmsg());
				bad++;
				continue;
			}
			e = worst(&c, (int)j, 1 + (int)j % 3);
			if (e <= 3e-6)
				continue;
			printf("# shape %zu, epilogue %zu, activation %d: off by %g\n",
			    i, j, (int)c.act, e);
			bad++;
		}
	return bad;
}

int
main(void)
{
	struct det_conv c = problem(&shapes[0]);

	on_each_level("depthwise as its formula", all_shapes);
	c.k = 64;
	ok(!det_depthwise_can(&c), "two outputs to an input channel are not taken");
	c = problem(&shapes[0]), c.out_layout = DET_PLAIN;
	ok(!det_depthwise_can(&c), "plain maps are not taken");
	return done();
}
