/* SPDX-License-Identifier: MIT
 *
 * Activations on vectors, by the exponential of base/exp_simd.h.
 *
 *   sigmoid(x) = 1 / (1 + e) or e / (1 + e),  e = exp(-|x|): never overflows
 *   silu(x)    = x sigmoid(x)
 *   mish(x)    = x tanh(log(1 + e)) = x m / (m + 2),  m = e (e + 2), e = exp(x)
 *
 * None of these subtracts nearly equal numbers: the relative error is that of the
 * exponential (measured below 3e-7) everywhere, down to exp(-87.3); beyond, 0. What is not
 * a number stays so.
 */
#ifndef DET_ACT_SIMD_H
#define DET_ACT_SIMD_H

#include "base/exp_simd.h"
#include "nn/conv.h"

INLINE vec
v_sigmoid(vec x)
{
	vec e = v_exp(v_if_neg(x, x, v_zero() - x)), d = v_set(1) + e;

	return v_if_neg(x, e, v_set(1)) / d;
}

INLINE vec
v_mish(vec x)
{
	vec e = v_exp(v_min(v_set(40), x)), m = e * (e + v_set(2));

	return x * (m / (m + v_set(2)));
}

INLINE vec
v_act(vec x, enum det_act act, vec alpha)
{
	switch (act) {
	case DET_ACT_LINEAR: break;
	case DET_ACT_RELU: return v_max(v_zero(), x);
	case DET_ACT_RELU6: return v_min(v_set(6), v_max(v_zero(), x));
	case DET_ACT_LEAKY: return v_if_neg(x, x * alpha, x);
	case DET_ACT_SIGMOID: return v_sigmoid(x);
	case DET_ACT_MISH: return v_mish(x);
	case DET_ACT_SILU: return x * v_sigmoid(x);
	}
	return x;
}

/* call(ACT) with each activation as a constant, so that loops are made for it. */
#define FOR_EACH_ACT(act, call)                             \
	switch (act) {                                      \
	case DET_ACT_LINEAR: call(DET_ACT_LINEAR); break;   \
	case DET_ACT_RELU: call(DET_ACT_RELU); break;       \
	case DET_ACT_RELU6: call(DET_ACT_RELU6); break;     \
	case DET_ACT_LEAKY: call(DET_ACT_LEAKY); break;     \
	case DET_ACT_SIGMOID: call(DET_ACT_SIGMOID); break; \
	case DET_ACT_MISH: call(DET_ACT_MISH); break;       \
	case DET_ACT_SILU: call(DET_ACT_SILU); break;       \
	}

/* Inlined with a constant act. */
INLINE void
act_loop(float *y, const float *x, size_t n, enum det_act act, float alpha)
{
	vec a = v_set(alpha);
	size_t i;

	for (i = 0; i + LANES <= n; i += LANES)
		v_store(y + i, v_act(v_load(x + i), act, a));
	if (i < n)
		v_store_n(y + i, v_act(v_load_n(x + i, n - i), act, a), n - i);
}

TARGET static inline void
act_run(float *y, const float *x, size_t n, enum det_act act, float alpha)
{
#define CALL(constant) act_loop(y, x, n, constant, alpha)
	FOR_EACH_ACT(act, CALL)
#undef CALL
}

#endif
