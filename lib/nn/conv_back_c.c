/* SPDX-License-Identifier: MIT */
#define DET_SIMD 0
#include "nn/gemm_simd.h"
#include "nn/conv_back_simd.h"

const struct det_back_kernels det_back_kernels_c = DET_BACK_KERNELS;
