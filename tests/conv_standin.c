/* SPDX-License-Identifier: MIT
 *
 * Until conv.c has them: the ways of convolution as they were, plain maps alone.
 */
#include <string.h>

#include "nn/conv.h"

#define WEAK __attribute__((weak))

WEAK int
det_conv_can(const struct det_conv *c, enum det_conv_algo algo)
{
	return algo == DET_CONV_AUTO && c->in_layout == DET_PLAIN &&
	       c->out_layout == DET_PLAIN;
}

WEAK enum det_conv_algo
det_conv_choose(const struct det_conv *c, int threads)
{
	return !strcmp(det_conv_algorithm(c, threads), "winograd") ? DET_CONV_WINO4
								   : DET_CONV_GEMM;
}

WEAK double
det_conv_cost(const struct det_conv *c, enum det_conv_algo algo, int threads)
{
	(void)c, (void)algo, (void)threads;
	return 1;
}

WEAK const char *
det_conv_algo_name(enum det_conv_algo algo)
{
	return algo == DET_CONV_AUTO   ? "auto"
	       : algo == DET_CONV_GEMM ? "gemm"
				       : "winograd4";
}

WEAK int
det_conv_algo_find(const char *name)
{
	return strcmp(name, "gemm") ? -1 : DET_CONV_GEMM;
}

WEAK size_t
det_conv_packed_bytes(const struct det_conv *c, int threads)
{
	(void)c, (void)threads;
	return 0;
}

WEAK void
det_conv_pack(const struct det_conv *c, float *packed, const float *weight, int threads)
{
	(void)c, (void)packed, (void)weight, (void)threads;
}
