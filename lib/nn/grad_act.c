/* SPDX-License-Identifier: MIT
 *
 * Derivatives of activations, from what the forward pass has kept: the output y where that
 * is enough, else the input x.
 *
 *   relu     y > 0                     relu6    0 < y < 6
 *   leaky    y > 0 ? 1 : alpha         sigmoid  y (1 - y)
 *   silu     s (1 + x q)               s = sigmoid(x), q = sigmoid(-x) = 1 - s
 *   mish     t + 4 x s q^2 / (1 + q^2)^2,  t = tanh(log(1 + exp(x))) = s (1 + q) / (1 + q^2)
 *
 * At a corner the derivative is that of the flat side, as in torch and Darknet. mish by s
 * and q, since e^x = s / q: no power of it overflows, and nothing nearly equal is subtracted.
 */
#include "nn/grad_plan.h"

#include "base/parallel.h"

enum det_act
det_grad_act(const struct det_node *n, float *alpha)
{
	const struct det_act_args *a = n->args;

	*alpha = 0;
	if (!n->op || !(n->op->traits & DET_OP_ACT))
		return DET_ACT_LINEAR;
	*alpha = (float)a->alpha;
	return n->op->fixed_act >= 0 ? (enum det_act)n->op->fixed_act
				     : (enum det_act)a->act;
}

int
det_grad_act_needs_input(enum det_act act)
{
	return act == DET_ACT_MISH || act == DET_ACT_SILU;
}

struct act_back {
	float *g;
	const float *y, *x;
	size_t n;
	enum det_act act;
	float alpha;
};

enum { CHUNK = 4096, BIT = 256 };

/* silu and mish, n <= BIT */
static void
back_smooth(float *g, const float *x, size_t n, enum det_act act)
{
	float s[BIT], q[BIT];
	size_t i;

	for (i = 0; i < n; i++)
		q[i] = -x[i];
	det_act_run(s, x, n, DET_ACT_SIGMOID, 0);
	det_act_run(q, q, n, DET_ACT_SIGMOID, 0);
	if (act == DET_ACT_SILU)
#pragma omp simd
		for (i = 0; i < n; i++)
			g[i] *= s[i] * (1 + x[i] * q[i]);
	else
#pragma omp simd
		for (i = 0; i < n; i++) {
			float d = 1 + q[i] * q[i];

			g[i] *=
			    s[i] * ((1 + q[i]) / d + 4 * x[i] * q[i] * q[i] / (d * d));
		}
}

static void
back_part(const void *ctx, size_t part, int worker)
{
	const struct act_back *b = ctx;
	size_t at = part * CHUNK, n = b->n - at < CHUNK ? b->n - at : CHUNK, i;
	float *g = b->g + at, alpha = b->alpha;
	const float *y = b->y + at, *x = b->x ? b->x + at : NULL;

	(void)worker;
	switch (b->act) {
	case DET_ACT_LINEAR: break;
	case DET_ACT_RELU:
#pragma omp simd
		for (i = 0; i < n; i++)
			g[i] = y[i] > 0 ? g[i] : 0;
		break;
	case DET_ACT_RELU6:
#pragma omp simd
		for (i = 0; i < n; i++)
			g[i] = y[i] > 0 && y[i] < 6 ? g[i] : 0;
		break;
	case DET_ACT_LEAKY:
#pragma omp simd
		for (i = 0; i < n; i++)
			g[i] = y[i] > 0 ? g[i] : alpha * g[i];
		break;
	case DET_ACT_SIGMOID:
#pragma omp simd
		for (i = 0; i < n; i++)
			g[i] *= y[i] * (1 - y[i]);
		break;
	case DET_ACT_MISH:
	case DET_ACT_SILU:
		for (i = 0; i < n; i += BIT)
			back_smooth(g + i, x + i, n - i < BIT ? n - i : BIT, b->act);
		break;
	}
}

void
det_grad_act_back(float *g, const float *y, const float *x, size_t n, enum det_act act,
    float alpha, int threads)
{
	struct act_back b = { g, y, x, n, act, alpha };

	if (act != DET_ACT_LINEAR)
		det_parallel(threads, (n + CHUNK - 1) / CHUNK, back_part, &b);
}
