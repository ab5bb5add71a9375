/* SPDX-License-Identifier: MIT */
#include "nn/gemm.h"

#include "base/cpu.h"

/* Rows of a block of B. A panel of A (8 rows of it) must stay in the first cache, a block
 * of B some hundred columns wide in the second. */
enum { DEPTH = 384, MOST_ROWS = 8 };

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

/* The part of `whole` at row r and column `at`. */
static struct det_tile
part_of(const struct det_tile *whole, size_t r, size_t at)
{
	struct det_tile t = *whole;

	t.a += r * whole->lda;
	t.b += whole->ldb ? at : at * whole->kc;
	t.c += r * whole->ldc + at;
	if (t.e.residual)
		t.e.residual += r * whole->ldc + at;
	if (t.e.scale)
		t.e.scale += t.e.per_column ? at : r;
	if (t.e.shift)
		t.e.shift += t.e.per_column ? at : r;
	return t;
}

/* Tile t's sums are known: what tile() does to them on their way out. */
static void
finish_column(const struct det_kernels *ker, const struct det_tile *t, const float *sum)
{
	size_t r;

	for (r = 0; r < t->rows; r++) {
		size_t i = t->e.per_column ? 0 : r;
		float x = sum[r], *c = t->c + r * t->ldc;

		if (t->e.scale)
			x *= t->e.scale[i];
		if (t->first && t->e.shift)
			x += t->e.shift[i];
		if (!t->first)
			x += *c;
		else if (t->e.residual)
			x += t->e.residual[r * t->ldc];
		*c = x;
		if (t->last && t->e.act != DET_ACT_LINEAR)
			ker->act(c, c, 1, t->e.act, t->e.alpha);
	}
}

/* Columns at .. at+few on rows r .. r+rows: dot products of the rows of A with `column`, the
 * columns turned. */
static void
thin(const struct det_kernels *ker, const struct det_tile *whole, const float *column,
    size_t r, size_t rows, size_t at, size_t few)
{
	float sum[MOST_ROWS];
	size_t j;

	for (j = 0; j < few; j++) {
		struct det_tile t = part_of(whole, r, at + j);

		t.rows = rows;
		ker->dots(sum, column + j * whole->kc, t.a, t.lda, rows, t.kc);
		finish_column(ker, &t, sum);
	}
}

/* One or two columns (in vectors of 16; one in 8) beyond the last whole vector would cost
 * as much as a vector of them: they are done as dot products. Their number depends on the
 * width of the whole matrix alone, however it is cut into blocks of whole vectors. */
static size_t
thin_columns(const struct det_kernels *ker, const struct det_tile *whole)
{
	size_t few = whole->cols % ker->lanes;

	return few <= ker->lanes / 8 && whole->kc <= DEPTH &&
		       whole->kc >= 4 * ker->lanes
		   ? few
		   : 0;
}

static void
turn_columns(float *column, const struct det_kernels *ker, const struct det_tile *whole,
    size_t few)
{
	size_t wide = ker->lanes * ker->vecs, last = whole->cols - few, j, k;
	size_t panel = last / wide * wide;
	/* the panel that holds them, and how far its rows are apart */
	const float *b = whole->ldb ? whole->b + last
				    : whole->b + panel * whole->kc + (last - panel);
	size_t ldb = whole->ldb ? whole->ldb : last - panel + ker->lanes;

	for (k = 0; k < whole->kc; k++)
		for (j = 0; j < few; j++)
			column[j * whole->kc + k] = b[k * ldb + j];
}

void
det_gemm_block(const struct det_kernels *ker, const struct det_tile *whole)
{
	size_t wide = ker->lanes * ker->vecs, few = thin_columns(ker, whole);
	size_t broad = whole->cols - few, panels = (broad + wide - 1) / wide;
	float column[2 * DEPTH];
	size_t rows, r, p, at;

	if (few)
		turn_columns(column, ker, whole, few);
	for (r = 0; r < whole->rows; r += rows) {
		size_t ahead;

		rows = whole->rows - r < ker->rows ? whole->rows - r : ker->rows;
		ahead = whole->rows - r - rows < ker->rows ? whole->rows - r - rows
							   : ker->rows;
		for (p = 0, at = 0; p < panels; p++, at += wide) {
			struct det_tile t = part_of(whole, r, at);

			fetch_rows(whole, r + rows + ahead * p / panels,
			    r + rows + ahead * (p + 1) / panels);
			t.rows = rows;
			t.cols = broad - at < wide ? broad - at : wide;
			/* packed with the vector that holds the thin ones */
			if (!t.ldb && few && t.cols < wide)
				t.ldb = t.cols + ker->lanes;
			ker->tile(&t);
		}
		if (few)
			thin(ker, whole, column, r, rows, broad, few);
	}
}
