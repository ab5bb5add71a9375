/* SPDX-License-Identifier: MIT */
#include "nn/conv.h"
#include "nn/gemm.h"

void
det_act_run(float *y, const float *x, size_t n, enum det_act act, float alpha)
{
	if (act != DET_ACT_LINEAR || y != x)
		det_kernels()->act(y, x, n, act, alpha);
}
