/* SPDX-License-Identifier: MIT */
#ifdef __x86_64__
#define DET_SIMD 512
#include "train/loops_simd.h"

extern const struct det_loops det_loops_avx512;
const struct det_loops det_loops_avx512 = DET_LOOPS;
#else
typedef int det_nothing; /* C wants something in a file */
#endif
