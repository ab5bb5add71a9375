/* SPDX-License-Identifier: MIT */
#define DET_SIMD 0
#include "nn/gemm_simd.h"
#include "nn/block_simd.h"

const struct det_block_kernels det_block_kernels_c = DET_BLOCK_KERNELS;
