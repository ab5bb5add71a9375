/* SPDX-License-Identifier: MIT */
#include "nn/conv.h"

#include <math.h>

static float
act1(float x, enum det_act act, float alpha)
{
	switch (act) {
	case DET_ACT_LINEAR: break;
	case DET_ACT_RELU: return x > 0 ? x : 0;
	case DET_ACT_RELU6: return x > 6 ? 6 : x > 0 ? x : 0;
	case DET_ACT_LEAKY: return x > 0 ? x : alpha * x;
	case DET_ACT_SIGMOID: return 1 / (1 + expf(-x));
	case DET_ACT_MISH: return x * tanhf(log1pf(expf(x)));
	case DET_ACT_SILU: return x / (1 + expf(-x));
	}
	return x;
}

void
det_act_run(float *y, const float *x, size_t n, enum det_act act, float alpha)
{
	size_t i;

	for (i = 0; i < n; i++)
		y[i] = act1(x[i], act, alpha);
}
