/* SPDX-License-Identifier: MIT */
#define DET_SIMD 0
#include "nn/gemm_simd.h"
#include "nn/wino_simd.h"

const struct det_wino_kernels det_wino_c[3] = DET_WINO_KERNELS;
