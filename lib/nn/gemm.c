/* SPDX-License-Identifier: MIT */
#include "nn/gemm.h"

#include "base/cpu.h"

/* Rows of a block of B. A panel of A (8 rows of it) must stay in the first cache, a block
 * of B some hundred columns wide in the second. */
enum { DEPTH = 384 };

const struct det_kernels *
det_kernels(void)
{
#ifdef __x86_64__
	switch (det_cpu_level()) {
	case DET_CPU_AVX512: return &det_kernels_avx512;
	case DET_CPU_AVX2: return &det_kernels_avx2;
	case DET_CPU_C: break;
	}
#endif
	return &det_kernels_c;
}

size_t
det_gemm_depth(size_t k)
{
	size_t blocks = (k + DEPTH - 1) / DEPTH;

	return (k + blocks - 1) / blocks;
}

/* Asks for some of the rows of A that come next, so that weights arrive from memory while
 * others are worked on: to the second cache, as that many fetches at once would be too many
 * for the first. */
static void
fetch_rows(const struct det_tile *t, size_t from, size_t to)
{
	const size_t line = 64 / sizeof(float);
	size_t r, k;

	for (r = from; r < to; r++)
		for (k = 0; k < t->kc; k += line)
			__builtin_prefetch(t->a + r * t->lda + k, 0, 2);
}

void
det_gemm_block(const struct det_kernels *ker, const struct det_tile *whole)
{
	size_t wide = ker->lanes * ker->vecs, panels = (whole->cols + wide - 1) / wide;
	size_t rows, cols, r, p;

	for (r = 0; r < whole->rows; r += rows) {
		size_t ahead, at;

		rows = whole->rows - r < ker->rows ? whole->rows - r : ker->rows;
		ahead = whole->rows - r - rows < ker->rows ? whole->rows - r - rows
							   : ker->rows;
		for (p = 0, at = 0; p < panels; p++, at += wide) {
			struct det_tile t = *whole;

			fetch_rows(whole, r + rows + ahead * p / panels,
			    r + rows + ahead * (p + 1) / panels);
			cols = whole->cols - at < wide ? whole->cols - at : wide;
			t.rows = rows;
			t.cols = cols;
			t.a += r * whole->lda;
			t.b += whole->ldb ? at : at * whole->kc;
			t.c += r * whole->ldc + at;
			if (t.e.residual)
				t.e.residual += r * whole->ldc + at;
			if (t.e.scale)
				t.e.scale += t.e.per_column ? at : r;
			if (t.e.shift)
				t.e.shift += t.e.per_column ? at : r;
			ker->tile(&t);
		}
	}
}
