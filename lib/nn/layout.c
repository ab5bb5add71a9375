/* SPDX-License-Identifier: MIT
 *
 * From (N,C,H,W) to (N,C/16,H,W,16) and back: for each block of 16 channels a matrix of 16
 * rows is turned, a square of registers at a time. Both ways run at the speed of memory:
 * each cache line is read once and written once, whole. Threads share runs of pixels of the
 * blocks.
 */
#include "nn/layout.h"

#include "base/cpu.h"
#include "base/parallel.h"
#include "nn/block.h"

/* Pixels that a thread takes at a time: 128 KiB of each side. */
enum { RUN = 2048 };

const struct det_block_kernels *
det_block_kernels(void)
{
#ifdef __x86_64__
	switch (det_cpu_level()) {
	case DET_CPU_AVX512: return &det_block_kernels_avx512;
	case DET_CPU_AVX2: return &det_block_kernels_avx2;
	case DET_CPU_C: break;
	}
#endif
	return &det_block_kernels_c;
}

struct job {
	float *out;
	const float *in;
	size_t c, hw, runs;
	int plain; /* the way back */
};

static void
one_run(const void *ctx, size_t it, int worker)
{
	const struct job *j = ctx;
	const struct det_block_kernels *ker = det_block_kernels();
	size_t at = it % j->runs * RUN, rest = it / j->runs;
	size_t n = j->hw - at < RUN ? j->hw - at : RUN;
	size_t blocks = det_blocks(j->c), block = rest % blocks, image = rest / blocks;
	size_t first = block * DET_BLOCK;
	size_t c = j->c - first < DET_BLOCK ? j->c - first : DET_BLOCK;
	size_t plain = (image * j->c + first) * j->hw + at;
	size_t blocked = (rest * j->hw + at) * DET_BLOCK;

	(void)worker;
	if (j->plain)
		ker->turn_out(j->out + plain, j->hw, j->in + blocked, c, n);
	else
		ker->turn_in(j->out + blocked, j->in + plain, j->hw, c, n);
}

static void
run(struct job *j, size_t n, int threads)
{
	j->runs = (j->hw + RUN - 1) / RUN;
	det_parallel(threads, n * det_blocks(j->c) * j->runs, one_run, j);
}

void
det_layout_block(
    float *out, const float *in, size_t n, size_t c, size_t hw, int threads)
{
	struct job j = { .out = out, .in = in, .c = c, .hw = hw };

	run(&j, n, threads);
}

void
det_layout_plain(
    float *out, const float *in, size_t n, size_t c, size_t hw, int threads)
{
	struct job j = { .out = out, .in = in, .c = c, .hw = hw, .plain = 1 };

	run(&j, n, threads);
}
