/* SPDX-License-Identifier: MIT
 *
 * The table of the loops on blocked maps, for the instruction set of gemm_simd.h.
 */
#ifndef DET_BLOCK_SIMD_H
#define DET_BLOCK_SIMD_H

#include "nn/block.h"
#include "nn/block_turn_simd.h"

#define DET_BLOCK_KERNELS         \
	{                         \
		turn_in, turn_out \
	}

#endif
