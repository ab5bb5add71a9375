/* SPDX-License-Identifier: MIT
 *
 * The table of the loops on blocked maps, for the instruction set of gemm_simd.h.
 */
#ifndef DET_BLOCK_SIMD_H
#define DET_BLOCK_SIMD_H

#include "nn/block.h"
#include "nn/block_turn_simd.h"
#include "nn/block_map_simd.h"
#include "nn/block_depthwise_simd.h"
#include "nn/block_dots_simd.h"

#define DET_BLOCK_KERNELS                                                            \
	{                                                                            \
		turn_in, turn_out, turn_rows, sum_run, affine_run, largest_run,      \
		    average_run, repeat_run, between_run, squares_run, multiply_run, \
		    moments_run, roots_run, depthwise_row, dots_add, dots_fold       \
	}

#endif
