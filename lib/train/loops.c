/* SPDX-License-Identifier: MIT */
#define DET_SIMD 0
#include "train/loops_simd.h"

#include "base/cpu.h"

static const struct det_loops plain = DET_LOOPS;

#ifdef __x86_64__
extern const struct det_loops det_loops_avx2, det_loops_avx512;
#endif

const struct det_loops *
det_loops_get(void)
{
#ifdef __x86_64__
	if (det_cpu_level() >= DET_CPU_AVX512)
		return &det_loops_avx512;
	if (det_cpu_level() >= DET_CPU_AVX2)
		return &det_loops_avx2;
#endif
	return &plain;
}
