/* SPDX-License-Identifier: MIT */
#ifdef __x86_64__
#define DET_SIMD 256
#include "train/loops_simd.h"

extern const struct det_loops det_loops_avx2;
const struct det_loops det_loops_avx2 = DET_LOOPS;
#else
typedef int det_nothing; /* C wants something in a file */
#endif
