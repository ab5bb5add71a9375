/* SPDX-License-Identifier: MIT
 *
 * Sums of outer products, as a template over the vectors of gemm_simd.h: the inner loop of
 * all gradients of weights.
 *
 * A tile of C stays in registers while all steps run. A step loads `blocks` blocks of B and
 * broadcasts one float of A for each row: rows * vectors multiply-adds for rows + vectors
 * loads. Nothing is packed: A and B are maps whose sixteen channels of a pixel lie side by
 * side (or rows of a matrix), and a step is a pixel; where they don't lie evenly apart they
 * come in runs. (Products with the sum outside are the "TN" case of Goto and van de Geijn's
 * scheme; gemm_tile.h has the other.)
 */
#ifndef DET_CONV_BACK_SIMD_H
#define DET_CONV_BACK_SIMD_H

#include "nn/conv_back.h"
#include "nn/gemm_simd.h"

/* As many sums as registers hold, with room for a step's vectors. */
#if DET_SIMD == 512
#define DET_OUTER_ROWS 8
enum { OUTER_BLOCKS = 3 };
#elif DET_SIMD == 256 || defined(__aarch64__)
#define DET_OUTER_ROWS 6
enum { OUTER_BLOCKS = 1 };
#else
#define DET_OUTER_ROWS 3
enum { OUTER_BLOCKS = 1 };
#endif
enum { OUTER_ROWS = DET_OUTER_ROWS, OUTER_VECS = DET_BLOCK / LANES };

#define OUTER_ALL     _Pragma("GCC unroll 32")
#define OUTER_EACH(r) OUTER_ALL for (r = 0; r < rows; r++)
#define OUTER_VEC(v)  OUTER_ALL for (v = 0; v < nv; v++)

/* Where vector v of some blocks lies. */
#define OUTER_AT(block, v) \
	((size_t)((v) / OUTER_VECS) * (block) + (size_t)((v) % OUTER_VECS * LANES))

INLINE void
outer_any(const struct det_outer *o, int rows, int nv)
{
	const struct det_outer_run *run = o->run, *end = run + o->runs;
	size_t a_step = o->a_step, b_step = o->b_step, b_block = o->b_block;
	vec acc[OUTER_ROWS][OUTER_BLOCKS * OUTER_VECS];
	int r, v;

	OUTER_EACH(r) OUTER_VEC(v) acc[r][v] = v_zero();
	for (; run < end; run++) {
		const float *a = o->a + run->a, *b = o->b + run->b;
		size_t n = run->n;

		for (; n > 0; n--, a += a_step, b += b_step) {
			vec bv[OUTER_BLOCKS * OUTER_VECS];

			OUTER_VEC(v) bv[v] = v_load(b + OUTER_AT(b_block, v));
			OUTER_EACH(r)
			{
				vec av = v_set(a[r]);

				OUTER_VEC(v) acc[r][v] = v_fma(av, bv[v], acc[r][v]);
			}
		}
	}
	OUTER_EACH(r)
	{
		float *c = o->c + (size_t)r * o->c_row;

		OUTER_VEC(v)
		{
			float *at = c + OUTER_AT(o->c_block, v);

			if (o->add)
				acc[r][v] = v_load(at) + acc[r][v];
			v_store(at, acc[r][v]);
		}
	}
}

#define OUTER_TILE(rows, n)                                              \
	TARGET static void outer_##rows##_##n(const struct det_outer *o) \
	{                                                                \
		outer_any(o, rows, n *OUTER_VECS);                       \
	}
#if DET_SIMD == 512
#define OUTER_TILES(rows)   \
	OUTER_TILE(rows, 1) \
	OUTER_TILE(rows, 2) \
	OUTER_TILE(rows, 3)
#define OUTER_NAMES(rows)                                            \
	{                                                            \
		outer_##rows##_1, outer_##rows##_2, outer_##rows##_3 \
	}
#else
#define OUTER_TILES(rows) OUTER_TILE(rows, 1)
#define OUTER_NAMES(rows)        \
	{                        \
		outer_##rows##_1 \
	}
#endif

OUTER_TILES(1)
OUTER_TILES(2)
OUTER_TILES(3)
#if DET_OUTER_ROWS >= 6
OUTER_TILES(4)
OUTER_TILES(5)
OUTER_TILES(6)
#endif
#if DET_OUTER_ROWS == 8
OUTER_TILES(7)
OUTER_TILES(8)
#endif

static void
outer_run(const struct det_outer *o)
{
	static void (*const of[OUTER_ROWS][OUTER_BLOCKS])(const struct det_outer *) = {
		OUTER_NAMES(1),
		OUTER_NAMES(2),
		OUTER_NAMES(3),
#if DET_OUTER_ROWS >= 6
		OUTER_NAMES(4),
		OUTER_NAMES(5),
		OUTER_NAMES(6),
#endif
#if DET_OUTER_ROWS == 8
		OUTER_NAMES(7),
		OUTER_NAMES(8),
#endif
	};

	of[o->rows - 1][o->blocks - 1](o);
}

#define DET_BACK_KERNELS                            \
	{                                           \
		OUTER_ROWS, OUTER_BLOCKS, outer_run \
	}

#endif
