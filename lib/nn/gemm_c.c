/* SPDX-License-Identifier: MIT */
#define DET_SIMD 0
#include "nn/gemm_simd.h"
#include "nn/gemm_move.h"

const struct det_kernels det_kernels_c = DET_KERNELS;
