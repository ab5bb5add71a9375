/* SPDX-License-Identifier: MIT
 *
 * The product under blocked convolutions (nn/product.h), as a template over the vectors of
 * gemm_simd.h.
 *
 * A tile is some rows of C by one panel of B, held in registers while all of the depth runs.
 * A step loads the panel's row, then broadcasts one float of each row of A and multiplies it
 * with all of that: rows * vectors multiply-adds for rows + vectors loads. Nothing of A is
 * packed: sixteen steps take the sixteen channels of a row's cache line, then the row's
 * pointer moves to the next block. Each row has a pointer of its own, so that rows may be
 * pixels anywhere: a convolution gives them anew for each tap, and a block of zeros for what
 * lies outside the image, whose pointer stays. (Packed panels are Goto and van de Geijn's,
 * "Anatomy of high-performance matrix multiplication", 2008; pointers in place of copied
 * columns are Dukhan's, "The indirect convolution algorithm", 2019.)
 *
 * The rows are cut into tiles of nearly the same height rather than full ones and a rest: a
 * rest of one row would leave the multipliers waiting for each other's sums.
 *
 * The panel streams from the second cache, once for each tile: a line of it feeds `rows`
 * multiply-adds of 16 lanes, several times what reading it costs. While one panel is
 * worked through, the next is fetched from wherever it is.
 */
#ifndef DET_PRODUCT_SIMD_H
#define DET_PRODUCT_SIMD_H

#include "nn/act_simd.h"
#include "nn/product.h"

/* Rows of a tile at most, and blocks of a panel: as many sums as registers hold. */
#if DET_SIMD == 512
#define DET_PRODUCT_ROWS 6
enum { WIDE = 4 };
#elif DET_SIMD == 256 || defined(__aarch64__)
#define DET_PRODUCT_ROWS 6
enum { WIDE = 1 };
#else
#define DET_PRODUCT_ROWS 3
enum { WIDE = 1 };
#endif
enum { HIGH = DET_PRODUCT_ROWS, BLOCK_VECS = DET_BLOCK / LANES };

/* One tile, all of its depth: taps x blocks x 16. */
struct product_tile {
	const float *const *at; /* tap t of row r begins at at[t * at_step + r] */
	size_t at_step, taps, blocks;
	size_t a_block;
	const float *outside; /* what `at` holds for rows outside; or NULL */
	const float *b;
	/* To be fetched: lines for each block of depth, ahead_step floats further each. */
	const float *ahead;
	size_t ahead_step, lines;
	const float *sum; /* sums so far, laid out as C; NULL: none */
	size_t sum_block;
	float *c;
	size_t c_block;
	const struct det_epilogue *end; /* at the tile's first row and block, or NULL */
};

#define UNROLL_ALL _Pragma("GCC unroll 32")
#define ROWS_OF(r) UNROLL_ALL for (r = 0; r < rows; r++)
#define VECS_OF(v) UNROLL_ALL for (v = 0; v < nv; v++)

/* Where vector v of a row lies: the block, and the lane in it. */
#define AT_VEC(block, v) \
	((size_t)((v) / BLOCK_VECS) * (block) + (size_t)((v) % BLOCK_VECS * LANES))

INLINE void
product_finish(
    const struct product_tile *t, vec acc[HIGH][WIDE * BLOCK_VECS], int rows, int nv)
{
	const struct det_epilogue *e = t->end;
	int r, v;

	if (t->sum)
		ROWS_OF(r)
		{
			const float *s = t->sum + r * DET_BLOCK;

			VECS_OF(v)
			acc[r][v] = acc[r][v] + v_load(s + AT_VEC(t->sum_block, v));
		}
	if (e && e->scale)
		VECS_OF(v)
		{
			vec s = v_load(e->scale + v * LANES);

			ROWS_OF(r) acc[r][v] = acc[r][v] * s;
		}
	if (e && e->shift)
		VECS_OF(v)
		{
			vec s = v_load(e->shift + v * LANES);

			ROWS_OF(r) acc[r][v] = acc[r][v] + s;
		}
	if (e && e->residual)
		ROWS_OF(r)
		{
			const float *s = e->residual + r * DET_BLOCK;

			VECS_OF(v)
			acc[r][v] = acc[r][v] + v_load(s + AT_VEC(t->c_block, v));
		}
	if (e && (e->act == DET_ACT_RELU || e->act == DET_ACT_RELU6))
		ROWS_OF(r) VECS_OF(v) acc[r][v] = v_max(v_zero(), acc[r][v]);
	if (e && e->act == DET_ACT_RELU6)
		ROWS_OF(r) VECS_OF(v) acc[r][v] = v_min(v_set(6), acc[r][v]);
	if (e && e->act == DET_ACT_LEAKY) {
		vec alpha = v_set(e->alpha);

		ROWS_OF(r)
		VECS_OF(v)
		acc[r][v] = v_if_neg(acc[r][v], acc[r][v] * alpha, acc[r][v]);
	}
	ROWS_OF(r)
	{
		float *c = t->c + r * DET_BLOCK;

		VECS_OF(v) v_store(c + AT_VEC(t->c_block, v), acc[r][v]);
	}
	/* the long ones, now that the tile is in the cache */
	if (e && (e->act == DET_ACT_SIGMOID || e->act == DET_ACT_MISH ||
		     e->act == DET_ACT_SILU))
		for (v = 0; v < nv / BLOCK_VECS; v++) {
			float *c = t->c + (size_t)v * t->c_block;

			act_run(c, c, (size_t)rows * DET_BLOCK, e->act, e->alpha);
		}
}

INLINE void
product_any(const struct product_tile *t, int rows, int nv)
{
	const float *const *at = t->at;
	const float *b = t->b, *ahead = t->ahead;
	vec acc[HIGH][WIDE * BLOCK_VECS];
	size_t tap, block, i;
	int r, v, k;

	ROWS_OF(r) VECS_OF(v) acc[r][v] = v_zero();
	for (tap = 0; tap < t->taps; tap++, at += t->at_step) {
		const float *a[HIGH];
		size_t step[HIGH];

		ROWS_OF(r)
		{
			a[r] = at[r];
			step[r] = a[r] == t->outside ? 0 : t->a_block;
		}
		for (block = 0; block < t->blocks; block++) {
			for (i = 0; i < t->lines; i++)
				__builtin_prefetch(ahead + i * DET_BLOCK, 0, 2);
			ahead += t->ahead_step;
			_Pragma("GCC unroll 4") for (k = 0; k < DET_BLOCK;
						     k++, b += nv * LANES)
			{
				vec bv[WIDE * BLOCK_VECS];

				VECS_OF(v) bv[v] = v_load(b + v * LANES);
				ROWS_OF(r)
				{
					vec av = v_set(a[r][k]);

					VECS_OF(v)
					acc[r][v] = v_fma(av, bv[v], acc[r][v]);
				}
			}
			ROWS_OF(r) a[r] += step[r];
		}
	}
	product_finish(t, acc, rows, nv);
}

#define PRODUCT_TILE(rows, n)                                                 \
	TARGET static void product_##rows##_##n(const struct product_tile *t) \
	{                                                                     \
		product_any(t, rows, n *BLOCK_VECS);                          \
	}
#if DET_SIMD == 512
#define PRODUCT_TILES(rows)   \
	PRODUCT_TILE(rows, 1) \
	PRODUCT_TILE(rows, 2) \
	PRODUCT_TILE(rows, 3) \
	PRODUCT_TILE(rows, 4)
#define PRODUCT_NAMES(rows)                                                 \
	{                                                                   \
		product_##rows##_1, product_##rows##_2, product_##rows##_3, \
		    product_##rows##_4                                      \
	}
#else
#define PRODUCT_TILES(rows) PRODUCT_TILE(rows, 1)
#define PRODUCT_NAMES(rows)        \
	{                          \
		product_##rows##_1 \
	}
#endif

PRODUCT_TILES(1)
PRODUCT_TILES(2)
PRODUCT_TILES(3)
#if DET_PRODUCT_ROWS == 6
PRODUCT_TILES(4)
PRODUCT_TILES(5)
PRODUCT_TILES(6)
#endif

static void (*const product_tiles[HIGH][WIDE])(const struct product_tile *) = {
	PRODUCT_NAMES(1),
	PRODUCT_NAMES(2),
	PRODUCT_NAMES(3),
#if DET_PRODUCT_ROWS == 6
	PRODUCT_NAMES(4),
	PRODUCT_NAMES(5),
	PRODUCT_NAMES(6),
#endif
};

/* The rows of one panel, `n` blocks wide from block `first` of K on. */
TARGET static void
product_panel(const struct det_product *p, size_t first, size_t n)
{
	struct det_epilogue e;
	const float *at[HIGH];
	struct product_tile t = { .at = at,
		.taps = 1,
		.blocks = p->take,
		.a_block = p->a_block,
		.b = p->b + det_panel_at(WIDE, p->depth, p->blocks, p->from * DET_BLOCK,
				first * DET_BLOCK),
		.sum_block = p->c_block,
		.c_block = p->c_block };
	size_t tiles = (p->rows + HIGH - 1) / HIGH, i, row = 0, r;

	if (first + n < p->blocks) { /* a share of the next panel with each tile */
		size_t width = p->blocks - first - n < n ? p->blocks - first - n : n;

		t.ahead = p->b + det_panel_at(WIDE, p->depth, p->blocks,
				     p->from * DET_BLOCK, (first + n) * DET_BLOCK);
		t.ahead_step = width * DET_BLOCK * DET_BLOCK;
		t.lines = (width * DET_BLOCK + tiles - 1) / tiles;
	}
	if (p->end) {
		e = *p->end;
		if (e.scale)
			e.scale += first * DET_BLOCK;
		if (e.shift)
			e.shift += first * DET_BLOCK;
		t.end = &e;
	}
	for (i = 0; i < tiles; i++) {
		size_t next = (i + 1) * p->rows / tiles;
		size_t here = first * p->c_block + row * DET_BLOCK;

		for (r = 0; r < next - row; r++)
			at[r] = p->a + (row + r) * DET_BLOCK;
		t.c = p->c + here;
		t.sum = p->first ? NULL : t.c;
		if (p->end && p->end->residual)
			e.residual = p->end->residual + here;
		product_tiles[next - row - 1][n - 1](&t);
		t.ahead += t.lines * DET_BLOCK;
		row = next;
	}
}

TARGET static void
product_run(const struct det_product *p)
{
	size_t first, n;

	for (first = 0; first < p->blocks; first += n) {
		n = p->blocks - first < WIDE ? p->blocks - first : WIDE;
		product_panel(p, first, n);
	}
}

#endif
