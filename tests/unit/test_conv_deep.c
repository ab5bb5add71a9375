/* SPDX-License-Identifier: MIT
 *
 * How rounding errors grow through a tower of 3x3 convolutions, as detectors' heads have
 * them: twelve layers with ReLU, weights that keep the spread of the values, against the same
 * in double. Detections are compared with other implementations to 1e-4 of a map's largest
 * value; the tower must stay a tenth of that away from the truth, or both of two right
 * implementations could not. (Measured: direct 1.0e-6, F(2,3) 1.2e-6, F(4,3) 2.5e-6, F(6,3)
 * 8.0e-6.)
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/conv.h"
#include "tests/conv_try.h"
#include "tests/unit/nets.h"
#include "tests/unit/tap.h"

enum { C = 32, H = 31, W = 34, LAYERS = 12, AREA = H * W };

static uint32_t seed = 1;

/* Near to a normal distribution of variance 1. */
static float
normal(void)
{
	float v[12], sum = 0;
	size_t i;

	fill(v, 12, seed);
	for (i = 0; i < 12; i++) {
		seed = seed * 1664525u + 1013904223u;
		sum += v[i];
	}
	return sum / 2;
}

static double
truth_at(const double *x, const float *w, const float *bias, int k, int y, int col)
{
	double sum = (double)bias[k];
	int c, i, j;

	for (c = 0; c < C; c++)
		for (i = y - 1; i <= y + 1; i++)
			for (j = col - 1; j <= col + 1; j++)
				if (i >= 0 && i < H && j >= 0 && j < W)
					sum += (double)
						   w[((k * C + c) * 3 + i - y + 1) * 3 +
						       j - col + 1] *
					       x[c * AREA + i * W + j];
	return sum > 0 ? sum : 0;
}

static void
truth(double *x, const float *w, const float *bias)
{
	static double out[C * AREA];
	int k, i;

	for (k = 0; k < C; k++)
		for (i = 0; i < AREA; i++)
			out[k * AREA + i] = truth_at(x, w, bias, k, i / W, i % W);
	memcpy(x, out, sizeof out);
}

static void
layer(float *x, const float *w, const float *bias, const struct det_conv *c)
{
	static float out[C * AREA];
	void *scratch = aligned_alloc(64, (det_conv_scratch(c, 2) + 127) / 64 * 64);

	if (!scratch)
		exit(2);
	det_conv_run(c, out, x, w, NULL, bias, NULL, scratch, 2);
	memcpy(x, out, sizeof out);
	free(scratch);
}

static void
tower(enum det_conv_algo algo, int direct)
{
	static float x[C * AREA], w[C * C * 9], bias[C];
	static double t[C * AREA];
	struct det_conv c = { .n = 1,
		.c = C,
		.h = H,
		.w = W,
		.k = C,
		.kh = 3,
		.kw = 3,
		.stride_y = 1,
		.stride_x = 1,
		.dilate_y = 1,
		.dilate_x = 1,
		.pad_top = 1,
		.pad_left = 1,
		.pad_bottom = 1,
		.pad_right = 1,
		.groups = 1,
		.act = DET_ACT_RELU,
		.direct = direct,
		.algo = algo };
	double most = 0, worst = 0, err;
	int l, i;

	if (det_conv_shape(&c))
		return;
	for (i = 0; i < C * AREA; i++) {
		x[i] = normal();
		t[i] = (double)x[i];
	}
	for (l = 0; l < LAYERS; l++) {
		for (i = 0; i < C * C * 9; i++)
			w[i] = normal() * sqrtf(2.f / (9 * C));
		for (i = 0; i < C; i++)
			bias[i] = normal() * .1f;
		layer(x, w, bias, &c);
		truth(t, w, bias);
	}
	for (i = 0; i < C * AREA; i++) {
		most = t[i] > most ? t[i] : most;
		err = fabs((double)x[i] - t[i]);
		worst = err > worst || err != err ? err : worst;
	}
	ok(most > .1 && most < 100 && worst < 1e-5 * most,
	    "%d layers, %s%s: the largest error is %.1e of the largest value", LAYERS,
	    direct ? "exact, " : "", det_conv_algorithm(&c, 2), worst / most);
}

int
main(void)
{
	struct det_conv c = {
		.n = 1, .c = C, .h = H, .w = W, .k = C, .kh = 3, .kw = 3
	};
	int algo;

	c.stride_y = c.stride_x = c.dilate_y = c.dilate_x = c.groups = 1;
	ok(det_conv_shape(&c) == DET_OK, "a layer");
	for (algo = DET_CONV_AUTO; algo < DET_CONV_ALGOS; algo++)
		if (conv_possible(&c, (enum det_conv_algo)algo))
			tower((enum det_conv_algo)algo, 0);
	tower(DET_CONV_AUTO, 1);
	return done();
}
