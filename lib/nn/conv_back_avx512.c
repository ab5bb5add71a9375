/* SPDX-License-Identifier: MIT */
#ifdef __x86_64__
#define DET_SIMD 512
#include "nn/gemm_simd.h"
#include "nn/conv_back_simd.h"

const struct det_back_kernels det_back_kernels_avx512 = DET_BACK_KERNELS;
#else
typedef int det_nothing; /* C wants something in a file */
#endif
