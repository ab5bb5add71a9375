/* SPDX-License-Identifier: MIT
 *
 * What this processor can do, and how much of the machine this process may use.
 */
#ifndef DET_CPU_H
#define DET_CPU_H

/* The instruction sets that kernels are written for, each including those before it. */
enum det_cpu_level {
	DET_CPU_C,      /* whatever the compiler's target has: SSE2, NEON */
	DET_CPU_AVX2,   /* AVX2 and FMA */
	DET_CPU_AVX512, /* AVX-512 F, DQ, BW and VL */
};

/* The best level that the processor and the system support. */
enum det_cpu_level det_cpu_supported(void);

/* The level to use: the one supported, or what the environment variable DET_CPU (avx512,
 * avx2, c) asks for where that is supported. Read once; later changes have no effect. */
enum det_cpu_level det_cpu_level(void);

/* "c", "avx2", "avx512". */
const char *det_cpu_name(enum det_cpu_level level);

/* Whether 512-bit multiply-add runs at twice the rate of 256-bit: true of Intel's, not of
 * AMD's Zen 4, which makes two passes of each. */
int det_cpu_wide512(void);

/* What choices among algorithms depend on: the level in use, and whether its vectors run at
 * full width: "c", "avx2", "avx512", "avx512-wide". */
const char *det_cpu_kind(void);

/* Cores that this process may run on (its affinity mask), at least 1. */
int det_cpu_cores(void);

#endif
