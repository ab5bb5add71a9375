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

/* Asks for the rows of A that come next, some of them with each tile, so that weights
 * arrive from memory while others are worked on. */
static void
fetch_ahead(const struct det_tile *t, size_t rows, size_t part, size_t parts)
{
	const size_t line = 64 / sizeof(float);
	size_t lines = (t->kc + line - 1) / line, all = rows * lines, i;

	for (i = all * part / parts; i < all * (part + 1) / parts; i++)
		__builtin_prefetch(t->a + i / lines * t->lda + i % lines * line, 0, 2);
}

void
det_gemm_block(const struct det_kernels *ker, const struct det_tile *whole)
{
	size_t wide = ker->lanes * ker->vecs, panels = (whole->cols + wide - 1) / wide;
	size_t rows, cols, r, p;

	for (r = 0; r < whole->rows; r += rows) {
		struct det_tile t = *whole, next;

		rows = whole->rows - r < ker->rows ? whole->rows - r : ker->rows;
		next = t;
		next.a = whole->a + (r + rows) * whole->lda;
		for (p = 0; p < panels; p++) {
			size_t ahead = whole->rows - r - rows, at = p * wide;

			if (ahead)
				fetch_ahead(&next,
				    ahead < ker->rows ? ahead : ker->rows, p, panels);
			cols = whole->cols - at < wide ? whole->cols - at : wide;
			t.rows = rows;
			t.cols = cols;
			t.a = whole->a + r * whole->lda;
			t.b = whole->b + at * whole->kc;
			t.c = whole->c + r * whole->ldc + at;
			t.e = whole->e;
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
