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

/* --- Winograd's transforms, turned about: conv_back_wino.c ------------------------------ */

#define BACK_A          0.70710678118654752f
#define BACK_B          1.41421356237309505f
#define BACK_EACH(i, n) _Pragma("GCC unroll 8") for (int i = 0; i < (n); i++)

enum { BACK_OUT = 4, BACK_SIDE = 6 };

/* The transpose of the output's transform: y (6) from g (4). */
INLINE void
back_spread(vec *y, const vec *g)
{
	vec near = v_fma(v_set(.5f), g[2], g[0]);
	vec far = v_fma(v_set(2), g[2], g[0]);
	vec odd = v_set(BACK_A) * v_fma(v_set(.5f), g[3], g[1]);
	vec even = v_set(BACK_B) * v_fma(v_set(2), g[3], g[1]);

	y[0] = g[0];
	y[1] = near + odd;
	y[2] = near - odd;
	y[3] = far + even;
	y[4] = far - even;
	y[5] = g[3];
}

/* The transpose of the weights': h (3) from u (6). */
INLINE void
back_gather(vec *h, const vec *u)
{
	const float n = -1 / 1.5f, m = 1 / 6.f;
	vec s = u[1] + u[2], d = u[1] - u[2], t = u[3] + u[4], e = u[3] - u[4];

	h[0] = v_fma(v_set(n), s, v_fma(v_set(m), t, u[0]));
	h[1] = v_fma(v_set(BACK_A * n), d, v_set(BACK_B * m) * e);
	h[2] = v_fma(v_set(.5f * n), s, v_fma(v_set(2 * m), t, u[5]));
}

/* One tile, of which rows x cols are in the image. */
INLINE void
spread_tile(
    float *z, size_t place, const float *dy, size_t line, int rows, int cols, size_t s)
{
	vec t[BACK_SIDE * BACK_OUT], g[BACK_OUT], y[BACK_SIDE];

	for (int j = 0; j < BACK_OUT; j++) {
		BACK_EACH(i, BACK_OUT)
		{
			g[i] = v_zero();
			if (i < rows && j < cols)
				g[i] = v_load(
				    dy + (size_t)i * line + (size_t)j * DET_BLOCK + s);
		}
		back_spread(y, g);
		BACK_EACH(i, BACK_SIDE) t[i * BACK_OUT + j] = y[i];
	}
	for (int i = 0; i < BACK_SIDE; i++) {
		BACK_EACH(j, BACK_OUT) g[j] = t[i * BACK_OUT + j];
		back_spread(y, g);
		BACK_EACH(j, BACK_SIDE)
		v_store(z + (size_t)(i * BACK_SIDE + j) * place + s, y[j]);
	}
}

TARGET static void
spread_run(float *z, size_t place, const float *dy, const struct det_wino_grid *grid,
    size_t first, size_t n)
{
	size_t ty = first / grid->across, tx = first % grid->across, s;

	for (; n > 0; n--, z += DET_BLOCK) {
		size_t y = ty * BACK_OUT, x = tx * BACK_OUT;
		int rows = grid->oh - y < BACK_OUT ? (int)(grid->oh - y) : BACK_OUT;
		int cols = grid->ow - x < BACK_OUT ? (int)(grid->ow - x) : BACK_OUT;

		for (s = 0; s < DET_BLOCK; s += LANES)
			spread_tile(z, place, dy + (y * grid->ow + x) * DET_BLOCK,
			    grid->ow * DET_BLOCK, rows, cols, s);
		if (++tx == grid->across) {
			tx = 0;
			ty++;
		}
	}
}

TARGET static void
gather_run(float *taps, const float *u, size_t place, size_t n)
{
	vec t[3][BACK_SIDE], x[BACK_SIDE], h[3];
	size_t s;

	for (; n > 0; n--, u += DET_BLOCK, taps += 9 * DET_BLOCK)
		for (s = 0; s < DET_BLOCK; s += LANES) {
			BACK_EACH(j, BACK_SIDE)
			{
				BACK_EACH(i, BACK_SIDE)
				x[i] =
				    v_load(u + (size_t)(i * BACK_SIDE + j) * place + s);
				back_gather(h, x);
				BACK_EACH(i, 3) t[i][j] = h[i];
			}
			BACK_EACH(i, 3)
			{
				back_gather(h, t[i]);
				BACK_EACH(j, 3)
				v_store(taps + (3 * i + j) * DET_BLOCK + s, h[j]);
			}
		}
}

#define DET_BACK_KERNELS                                                    \
	{                                                                   \
		OUTER_ROWS, OUTER_BLOCKS, outer_run, spread_run, gather_run \
	}

#endif
