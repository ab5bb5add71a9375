/* SPDX-License-Identifier: MIT */
#ifdef __x86_64__
#define DET_SIMD 256
#include "nn/gemm_simd.h"
#include "nn/block_simd.h"

const struct det_block_kernels det_block_kernels_avx2 = DET_BLOCK_KERNELS;
#else
typedef int det_nothing; /* C wants something in a file */
#endif
