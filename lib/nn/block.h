/* SPDX-License-Identifier: MIT
 *
 * The inner loops on blocked maps (nn/layout.h) that are no matrix product, one table of
 * functions for each instruction set. Private to lib/nn.
 *
 * A pixel is 16 floats; n counts pixels, lying one after another unless said otherwise.
 */
#ifndef DET_BLOCK_H
#define DET_BLOCK_H

#include <stddef.h>

#include "nn/layout.h"

struct det_block_kernels {
	/* out (n,16) = in (c,n), its rows `plane` apart; 1 <= c <= 16, further lanes 0 */
	void (*turn_in)(float *out, const float *in, size_t plane, size_t c, size_t n);
	/* out (c,n), its rows `plane` apart, = in (n,16) */
	void (*turn_out)(float *out, size_t plane, const float *in, size_t c, size_t n);
};

extern const struct det_block_kernels det_block_kernels_c;
#ifdef __x86_64__
extern const struct det_block_kernels det_block_kernels_avx2, det_block_kernels_avx512;
#endif

/* Those for det_cpu_level(). */
const struct det_block_kernels *det_block_kernels(void);

#endif
