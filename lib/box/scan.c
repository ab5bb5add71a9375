/* SPDX-License-Identifier: MIT */
#define DET_SIMD 0
#include "box/scan_simd.h"

#include "base/cpu.h"

static const struct det_scan plain = DET_SCAN;

#ifdef __x86_64__
extern const struct det_scan det_scan_avx2, det_scan_avx512;
#endif

const struct det_scan *
det_scan_get(void)
{
#ifdef __x86_64__
	if (det_cpu_level() >= DET_CPU_AVX512)
		return &det_scan_avx512;
	if (det_cpu_level() >= DET_CPU_AVX2)
		return &det_scan_avx2;
#endif
	return &plain;
}
