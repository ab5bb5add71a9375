/* SPDX-License-Identifier: MIT */
#include "nn/conv_algo.h"

#include "base/cpu.h"

/* Measured on an AMD EPYC 9004 (Zen 4) of 3.66 GHz with tests/bench/conv and
 * tests/bench/product; of the choices between algorithms only the ratios matter, and these
 * are much the same on other processors with the same instructions. */
static const struct det_costs costs[] = {
	[DET_CPU_C] = { .fma = 1. / 910,
	    .line = 1. / 300,
	    .memory = 1. / 230,
	    .loop = 4 },
	[DET_CPU_AVX2] = { .fma = 1. / 3600,
	    .line = 1. / 300,
	    .memory = 1. / 230,
	    .loop = 4 },
	[DET_CPU_AVX512] = { .fma = 1. / 3600,
	    .line = 1. / 300,
	    .memory = 1. / 230,
	    .loop = 4 },
};

const struct det_costs *
det_costs(void)
{
	return &costs[det_cpu_level()];
}
