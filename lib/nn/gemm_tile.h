/* SPDX-License-Identifier: MIT
 *
 * The micro-kernel: rows x (nv vectors) of C held in registers while k runs. In each step
 * nv vectors of the packed panel of B are loaded and every row's one element of A is
 * broadcast and multiplied: rows * nv multiply-adds for rows + nv loads. A is read where it
 * lies, one stream for each row. (The scheme is that of Goto and van de Geijn, "Anatomy of
 * high-performance matrix multiplication", 2008, without the packing of A.)
 *
 * The block's sum enters C as fma(sum, scale, before), where `before` is shift + residual
 * in the first block and C in the others: so residual may lie where C does.
 */
#ifndef DET_GEMM_TILE_H
#define DET_GEMM_TILE_H

#include "nn/gemm.h"

#define UNROLL _Pragma("GCC unroll 16")

/* Vector v of a row whose last vector has `tail` lanes in use. */
INLINE vec
load_part(const float *p, int v, int nv, size_t tail)
{
	return v == nv - 1 && tail < LANES ? v_load_n(p + v * LANES, tail)
					   : v_load(p + v * LANES);
}

INLINE void
store_part(float *p, vec x, int v, int nv, size_t tail)
{
	if (v == nv - 1 && tail < LANES)
		v_store_n(p + v * LANES, x, tail);
	else
		v_store(p + v * LANES, x);
}

/* What the block's sum is added to, and by what it is scaled. */
INLINE vec
before(const struct det_tile *t, int r, int v, int nv, size_t tail)
{
	const struct det_epilogue *e = &t->e;
	vec x = v_zero();

	if (!t->first)
		return load_part(t->c + (size_t)r * t->ldc, v, nv, tail);
	if (e->shift)
		x = e->per_column ? load_part(e->shift, v, nv, tail)
				  : v_set(e->shift[r]);
	if (e->residual)
		x = x + load_part(e->residual + (size_t)r * t->ldc, v, nv, tail);
	return x;
}

INLINE vec
scale_of(const struct det_tile *t, int r, int v, int nv, size_t tail)
{
	if (!t->e.scale)
		return v_set(1);
	return t->e.per_column ? load_part(t->e.scale, v, nv, tail)
			       : v_set(t->e.scale[r]);
}

INLINE void
tile_finish(const struct det_tile *t, vec acc[ROWS][VECS], int rows, int nv)
{
	size_t tail = t->cols - (size_t)(nv - 1) * LANES;
	enum det_act act = t->last ? t->e.act : DET_ACT_LINEAR;
	vec alpha = v_set(t->e.alpha);
	int r, v;

	UNROLL
	for (r = 0; r < rows; r++) {
		float *c = t->c + (size_t)r * t->ldc;

		UNROLL
		for (v = 0; v < nv; v++) {
			vec x = v_fma(acc[r][v], scale_of(t, r, v, nv, tail),
			    before(t, r, v, nv, tail));

			switch (act) {
			case DET_ACT_RELU: x = v_max(v_zero(), x); break;
			case DET_ACT_RELU6:
				x = v_min(v_set(6), v_max(v_zero(), x));
				break;
			case DET_ACT_LEAKY: x = v_if_neg(x, x * alpha, x); break;
			default: break;
			}
			store_part(c, x, v, nv, tail);
		}
		/* the long ones: once the row is in the cache, not unrolled into this */
		if (act == DET_ACT_SIGMOID || act == DET_ACT_MISH ||
		    act == DET_ACT_SILU)
			act_run(c, c, t->cols, act, t->e.alpha);
	}
}

INLINE void
tile_any(const struct det_tile *t, int rows, int nv)
{
	const float *a[ROWS], *b = t->b;
	vec acc[ROWS][VECS];
	size_t k, kc = t->kc;
	int r, v;

	UNROLL
	for (r = 0; r < rows; r++) {
		a[r] = t->a + (size_t)r * t->lda;
		UNROLL
		for (v = 0; v < nv; v++)
			acc[r][v] = v_zero();
	}
	for (k = 0; k < kc; k++, b += nv * LANES) {
		vec bv[VECS];

		UNROLL
		for (v = 0; v < nv; v++)
			bv[v] = v_load(b + v * LANES);
		UNROLL
		for (r = 0; r < rows; r++) {
			vec av = v_set(a[r][k]);

			UNROLL
			for (v = 0; v < nv; v++)
				acc[r][v] = v_fma(av, bv[v], acc[r][v]);
		}
	}
	tile_finish(t, acc, rows, nv);
}

#define TILE(rows)                                                   \
	TARGET static void tile_##rows##_1(const struct det_tile *t) \
	{                                                            \
		tile_any(t, rows, 1);                                \
	}                                                            \
	TARGET static void tile_##rows##_2(const struct det_tile *t) \
	{                                                            \
		tile_any(t, rows, 2);                                \
	}                                                            \
	TARGET static void tile_##rows##_3(const struct det_tile *t) \
	{                                                            \
		tile_any(t, rows, 3);                                \
	}
#define TILE_NAMES(rows)                                          \
	{                                                         \
		tile_##rows##_1, tile_##rows##_2, tile_##rows##_3 \
	}

TILE(1)
TILE(2)
TILE(3) TILE(4)
#if DET_TILE_ROWS == 8
    TILE(5) TILE(6) TILE(7) TILE(8)
#endif

	static void tile_run(const struct det_tile *t)
{
	static void (*const tiles[ROWS][VECS])(const struct det_tile *) = {
		TILE_NAMES(1),
		TILE_NAMES(2),
		TILE_NAMES(3),
		TILE_NAMES(4),
#if DET_TILE_ROWS == 8
		TILE_NAMES(5),
		TILE_NAMES(6),
		TILE_NAMES(7),
		TILE_NAMES(8),
#endif
	};

	tiles[t->rows - 1][(t->cols + LANES - 1) / LANES - 1](t);
}

#endif
