/* SPDX-License-Identifier: MIT
 *
 * The micro-kernel: rows x (nv vectors) of C held in registers while k runs. In each step
 * nv vectors of the packed panel of B are loaded and every row's one element of A is
 * broadcast and multiplied: rows * nv multiply-adds for rows + nv loads. A is read where it
 * lies, one stream for each row. (The scheme is that of Goto and van de Geijn, "Anatomy of
 * high-performance matrix multiplication", 2008, without the packing of A.)
 *
 * A block's sum is scaled and added to shift + residual if it is the first, else to C: so
 * residual may lie where C does.
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

#define EACH_ROW UNROLL for (r = 0; r < rows; r++)
#define EACH_VEC UNROLL for (v = 0; v < nv; v++)

/* Scale, and what the sum is added to: shift and residual, or what C has so far. One pass
 * over the registers for each thing that is there, rather than a test at each register. */
INLINE void
tile_add(const struct det_tile *t, vec acc[ROWS][VECS], int rows, int nv, size_t tail)
{
	const struct det_epilogue *e = &t->e;
	const float *more = t->first ? e->residual : t->c;
	int r, v;

	if (e->scale && e->per_column)
		EACH_VEC
		{
			vec s = load_part(e->scale, v, nv, tail);

			EACH_ROW acc[r][v] = acc[r][v] * s;
		}
	else if (e->scale)
		EACH_ROW
		{
			vec s = v_set(e->scale[r]);

			EACH_VEC acc[r][v] = acc[r][v] * s;
		}
	if (t->first && e->shift && e->per_column)
		EACH_VEC
		{
			vec s = load_part(e->shift, v, nv, tail);

			EACH_ROW acc[r][v] = acc[r][v] + s;
		}
	else if (t->first && e->shift)
		EACH_ROW
		{
			vec s = v_set(e->shift[r]);

			EACH_VEC acc[r][v] = acc[r][v] + s;
		}
	if (more)
		EACH_ROW
		{
			const float *m = more + (size_t)r * t->ldc;

			EACH_VEC acc[r][v] = acc[r][v] + load_part(m, v, nv, tail);
		}
}

INLINE void
tile_finish(const struct det_tile *t, vec acc[ROWS][VECS], int rows, int nv)
{
	size_t tail = t->cols - (size_t)(nv - 1) * LANES;
	enum det_act act = t->last ? t->e.act : DET_ACT_LINEAR;
	vec alpha = v_set(t->e.alpha);
	int r, v;

	tile_add(t, acc, rows, nv, tail);
	if (act == DET_ACT_RELU || act == DET_ACT_RELU6)
		EACH_ROW EACH_VEC acc[r][v] = v_max(v_zero(), acc[r][v]);
	if (act == DET_ACT_RELU6)
		EACH_ROW EACH_VEC acc[r][v] = v_min(v_set(6), acc[r][v]);
	if (act == DET_ACT_LEAKY)
		EACH_ROW EACH_VEC acc[r][v] =
		    v_if_neg(acc[r][v], acc[r][v] * alpha, acc[r][v]);
	EACH_ROW
	{
		float *c = t->c + (size_t)r * t->ldc;

		EACH_VEC store_part(c, acc[r][v], v, nv, tail);
	}
	/* the long ones, now that the tile is in the cache */
	if (act == DET_ACT_SIGMOID || act == DET_ACT_MISH || act == DET_ACT_SILU)
		for (r = 0; r < rows; r++) {
			float *c = t->c + (size_t)r * t->ldc;

			act_run(c, c, t->cols, act, t->e.alpha);
		}
}

INLINE void
tile_any(const struct det_tile *t, int rows, int nv)
{
	const float *a[ROWS], *b = t->b;
	vec acc[ROWS][VECS];
	size_t k, kc = t->kc, ldb = t->ldb ? t->ldb : (size_t)nv * LANES;
	int r, v;

	EACH_ROW
	{
		a[r] = t->a + (size_t)r * t->lda;
		EACH_VEC acc[r][v] = v_zero();
	}
	for (k = 0; k < kc; k++, b += ldb) {
		vec bv[VECS];

		EACH_VEC bv[v] = v_load(b + v * LANES);
		EACH_ROW
		{
			vec av = v_set(a[r][k]);

			EACH_VEC acc[r][v] = v_fma(av, bv[v], acc[r][v]);
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
TILE(3)
TILE(4)
#if DET_TILE_ROWS == 8
TILE(5)
TILE(6)
TILE(7)
TILE(8)
#endif

static void
tile_run(const struct det_tile *t)
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
