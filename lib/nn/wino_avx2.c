/* SPDX-License-Identifier: MIT */
#ifdef __x86_64__
#define DET_SIMD 256
#include "nn/gemm_simd.h"
#include "nn/wino_simd.h"

const struct det_wino_kernels det_wino_avx2[3] = DET_WINO_KERNELS;
#else
typedef int det_nothing; /* C wants something in a file */
#endif
