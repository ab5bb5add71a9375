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

/* One tile of a panel. */
struct product_tile {
	const struct det_panel *p;
	const float *const
	    *at; /* tap t of row r begins at at[t * at_tap + r] + t * a_tap */
	size_t at_tap, a_tap;
	const float *const *next; /* rows to be fetched: the next tile's first tap */
	const float *ahead;       /* to be fetched: for each block of depth */
	size_t ahead_step, lines; /* `lines` lines, then ahead_step floats on */
	const float *sum;         /* NULL: none */
	float *c;
	struct det_epilogue end; /* pointers at the tile's first row */
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
	const struct det_epilogue *e = t->p->end ? &t->end : NULL;
	size_t c_block = t->p->c_block;
	int r, v;

	if (t->sum)
		ROWS_OF(r)
		{
			const float *s = t->sum + r * DET_BLOCK;

			VECS_OF(v)
			acc[r][v] = acc[r][v] + v_load(s + AT_VEC(t->p->sum_block, v));
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
			acc[r][v] = acc[r][v] + v_load(s + AT_VEC(c_block, v));
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

		VECS_OF(v) v_store(c + AT_VEC(c_block, v), acc[r][v]);
	}
	/* the long ones, now that the tile is in the cache */
	if (e && (e->act == DET_ACT_SIGMOID || e->act == DET_ACT_MISH ||
		     e->act == DET_ACT_SILU))
		for (v = 0; v < nv / BLOCK_VECS; v++) {
			float *c = t->c + (size_t)v * c_block;

			act_run(c, c, (size_t)rows * DET_BLOCK, e->act, e->alpha);
		}
}

/* One step of the depth. */
INLINE void
product_step(vec acc[HIGH][WIDE * BLOCK_VECS], const float *const a[HIGH], size_t k,
    const float *b, int rows, int nv)
{
	vec bv[WIDE * BLOCK_VECS];
	int r, v;

	VECS_OF(v) bv[v] = v_load(b + v * LANES);
	ROWS_OF(r)
	{
		vec av = v_set(a[r][k]);

		VECS_OF(v) acc[r][v] = v_fma(av, bv[v], acc[r][v]);
	}
}

/* The lines of C will be wanted when the depth is through. */
INLINE void
product_fetch(const struct product_tile *t, int rows, int nv)
{
	int r, v;

	ROWS_OF(r)
	for (v = 0; v < nv; v += BLOCK_VECS)
		__builtin_prefetch(
		    t->c + r * DET_BLOCK + AT_VEC(t->p->c_block, v), 1, 3);
}

/* Depth in blocks. The next lines of A are fetched while some are worked on: they may be as
 * far as memory. */
INLINE void
product_blocks(const struct product_tile *t, int rows, int nv)
{
	const struct det_panel *p = t->p;
	const float *b = p->b, *ahead = t->ahead;
	vec acc[HIGH][WIDE * BLOCK_VECS];
	size_t tap, block, i, k;
	int r, v;

	ROWS_OF(r) VECS_OF(v) acc[r][v] = v_zero();
	if (p->far)
		product_fetch(t, rows, nv);
	for (tap = 0; tap < p->taps; tap++) {
		const float *a[HIGH];
		size_t step[HIGH];
		const float *const *next =
		    tap + 1 < p->taps ? t->at + (tap + 1) * t->at_tap : t->next;

		ROWS_OF(r)
		{
			__builtin_prefetch(next[r], 0, 3);
			a[r] = t->at[tap * t->at_tap + (size_t)r];
			step[r] = a[r] == p->outside ? 0 : p->a_block;
			a[r] += tap * t->a_tap + p->from * step[r];
		}
		for (block = 0; block < p->blocks; block++) {
			for (i = 0; i < t->lines; i++)
				__builtin_prefetch(ahead + i * DET_BLOCK, 0, 2);
			ahead += t->ahead_step;
			ROWS_OF(r) __builtin_prefetch(a[r] + step[r], 0, 3);
			_Pragma("GCC unroll 4") for (k = 0; k < DET_BLOCK; k++)
			{
				product_step(acc, a, k, b, rows, nv);
				b += nv * LANES;
			}
			ROWS_OF(r) a[r] += step[r];
		}
	}
	product_finish(t, acc, rows, nv);
}

/* Few floats a tap, side by side. */
INLINE void
product_floats(const struct product_tile *t, int rows, int nv)
{
	const struct det_panel *p = t->p;
	const float *b = p->b;
	vec acc[HIGH][WIDE * BLOCK_VECS];
	size_t tap, k;
	int r, v;

	ROWS_OF(r) VECS_OF(v) acc[r][v] = v_zero();
	if (p->far)
		product_fetch(t, rows, nv);
	for (tap = 0; tap < p->taps; tap++) {
		const float *a[HIGH];

		ROWS_OF(r)
		a[r] = t->at[tap * t->at_tap + (size_t)r] + tap * t->a_tap;
		for (k = 0; k < p->steps; k++, b += nv * LANES)
			product_step(acc, a, k, b, rows, nv);
	}
	product_finish(t, acc, rows, nv);
}

#define PRODUCT_TILE(rows, n)                                                \
	TARGET static void blocks_##rows##_##n(const struct product_tile *t) \
	{                                                                    \
		product_blocks(t, rows, n *BLOCK_VECS);                      \
	}                                                                    \
	TARGET static void floats_##rows##_##n(const struct product_tile *t) \
	{                                                                    \
		product_floats(t, rows, n *BLOCK_VECS);                      \
	}
#if DET_SIMD == 512
#define PRODUCT_TILES(rows)   \
	PRODUCT_TILE(rows, 1) \
	PRODUCT_TILE(rows, 2) \
	PRODUCT_TILE(rows, 3) \
	PRODUCT_TILE(rows, 4)
#define PRODUCT_NAMES(kind, rows)                                        \
	{                                                                \
		kind##_##rows##_1, kind##_##rows##_2, kind##_##rows##_3, \
		    kind##_##rows##_4                                    \
	}
#else
#define PRODUCT_TILES(rows) PRODUCT_TILE(rows, 1)
#define PRODUCT_NAMES(kind, rows) \
	{                         \
		kind##_##rows##_1 \
	}
#endif

PRODUCT_TILES(1)
PRODUCT_TILES(2)
PRODUCT_TILES(3)
#if DET_PRODUCT_ROWS == 6
PRODUCT_TILES(4)
PRODUCT_TILES(5)
PRODUCT_TILES(6)
#define PRODUCT_TABLE(kind)                                         \
	{                                                           \
		PRODUCT_NAMES(kind, 1), PRODUCT_NAMES(kind, 2),     \
		    PRODUCT_NAMES(kind, 3), PRODUCT_NAMES(kind, 4), \
		    PRODUCT_NAMES(kind, 5), PRODUCT_NAMES(kind, 6)  \
	}
#else
#define PRODUCT_TABLE(kind)                                                            \
	{                                                                              \
		PRODUCT_NAMES(kind, 1), PRODUCT_NAMES(kind, 2), PRODUCT_NAMES(kind, 3) \
	}
#endif

static void
panel_run(const struct det_panel *p)
{
	/* one table: gcc's sanitizer takes the choice between two for their overrun */
	static void (*const of[2][HIGH][WIDE])(const struct product_tile *) = {
		PRODUCT_TABLE(floats), PRODUCT_TABLE(blocks)
	};
	size_t tiles = (p->rows + HIGH - 1) / HIGH, depth = p->taps * p->blocks;
	size_t i, r, row, next, after;
	const float *side[2 * HIGH]; /* a tile's rows, and the next's */
	struct product_tile t = { .p = p };

	if (p->ahead &&
	    depth) { /* a share with each tile, in each of these some a block */
		t.lines = (p->ahead_lines + tiles * depth - 1) / (tiles * depth);
		t.ahead_step = t.lines * DET_BLOCK;
	}
	if (p->end)
		t.end = *p->end;
	for (i = 0, row = 0; i < tiles; i++, row = next) {
		next = (i + 1) * p->rows / tiles;
		after = next + HIGH <= p->rows ? next - row : 0;
		if (p->at) {
			t.at = p->at + row;
			t.at_tap = p->at_tap;
		} else {
			for (r = 0; r < next - row + (after ? HIGH : 0); r++)
				side[r] = p->a + (row + r) * p->a_row;
			t.at = side;
			t.a_tap = p->a_tap;
		}
		t.next = t.at + after;
		t.ahead = p->ahead ? p->ahead + i * depth * t.ahead_step : NULL;
		t.sum = p->sum ? p->sum + row * DET_BLOCK : NULL;
		t.c = p->c + row * DET_BLOCK;
		if (p->end && p->end->residual)
			t.end.residual = p->end->residual + row * DET_BLOCK;
		of[p->blocks > 0][next - row - 1][p->wide - 1](&t);
	}
}

static void
product_run(const struct det_product *p)
{
	size_t first, n, left;

	for (first = 0; first < p->blocks; first += n) {
		struct det_epilogue e;
		struct det_panel q = { .a = p->a,
			.a_row = DET_BLOCK,
			.taps = 1,
			.blocks = p->take,
			.a_block = p->a_block,
			.rows = p->rows,
			.c = p->c + first * p->c_block,
			.c_block = p->c_block,
			.sum_block = p->c_block };

		left = p->blocks - first;
		n = left < WIDE ? left : WIDE;
		q.wide = n;
		q.b = p->b + det_panel_at(WIDE, p->depth, p->blocks,
				 p->from * DET_BLOCK, first * DET_BLOCK);
		if (left > n) {
			q.ahead =
			    p->b + det_panel_at(WIDE, p->depth, p->blocks,
				       p->from * DET_BLOCK, (first + n) * DET_BLOCK);
			q.ahead_lines =
			    p->take * DET_BLOCK * (left - n < WIDE ? left - n : WIDE);
		}
		if (!p->first)
			q.sum = q.c;
		if (p->end) {
			e = *p->end;
			if (e.scale)
				e.scale += first * DET_BLOCK;
			if (e.shift)
				e.shift += first * DET_BLOCK;
			if (e.residual)
				e.residual += first * p->c_block;
			q.end = &e;
		}
		panel_run(&q);
	}
}

#endif
