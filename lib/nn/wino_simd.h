/* SPDX-License-Identifier: MIT
 *
 * The transforms of wino.c on vectors: a lane is a channel, so that every step is the same
 * arithmetic on whole vectors, loads and stores are whole pixels, and nothing is shuffled.
 * A transform is done down the columns of a tile into a small square that stays in the
 * first cache, then along its rows.
 *
 * With the polynomials' points p0 .. p(n-2) and infinity, n = m + 2, N(i) the product of
 * p(i) - p(j) over j != i, and M(x) the product of all x - p(j),
 *
 *   weights  row i: 1, p(i), p(i)^2, divided by N(i);      infinity: 0, 0, 1
 *   input    row i: coefficients of M(x) / (x - p(i));     infinity: those of M(x)
 *   output   row k: p(i)^k for each i;                     infinity: 1 in the last row
 *
 * (A. Toom's and S. Cook's algorithm, transposed: S. Winograd, "Arithmetic complexity of
 * computations", 1980; A. Lavin and S. Gray, "Fast algorithms for convolutional neural
 * networks", CVPR 2016). Points of one size and both signs share their even and their odd
 * part. The points were compared by the error of random layers of 32 and 64 channels:
 *
 *   F(2,3)   0, 1, -1
 *   F(4,3)   0, a, -a, b, -b;  a = sqrt(1/2), b = sqrt(2): the largest error is about a
 *            fourth of that of Lavin's 0, +-1, +-2, as the powers stay nearer to 1; 2/3 and
 *            3/2, or 3/4 and 4/3, are as good within 10 %
 *   F(6,3)   0, 1, -1, 1/2, -1/2, 2, -2: the least mean error of 144 triples on a grid, and
 *            a largest error some 25 % above the least, of .55, 1, 1.7
 *
 * Departure: signs of row 0 are turned where N(0) is -1, in weights and input alike.
 */
#ifndef DET_WINO_SIMD_H
#define DET_WINO_SIMD_H

#include "nn/act_simd.h"
#include "nn/gemm.h"
#include "nn/wino.h"

#define EACH(i, n) _Pragma("GCC unroll 8") for (int i = 0; i < (n); i++)

enum { SIDE = 8 }; /* of the largest tile */

#define WINO_A 0.70710678118654752f
#define WINO_B 1.41421356237309505f

/* even + f odd and even - f odd */
INLINE void
wino_pair(vec *plus, vec *minus, vec even, vec odd, float f)
{
	if (f == 1) {
		*plus = even + odd;
		*minus = even - odd;
	} else {
		*plus = v_fma(v_set(f), odd, even);
		*minus = v_fma(v_set(-f), odd, even);
	}
}

/* a x + y */
INLINE vec
wino_more(float a, vec x, vec y)
{
	return v_fma(v_set(a), x, y);
}

INLINE void
wino_input(vec *y, const vec *d, int m)
{
	switch (m) {
	case 2:
		y[0] = d[0] - d[2];
		wino_pair(&y[1], &y[2], d[2], d[1], 1);
		y[3] = d[3] - d[1];
		break;
	case 4:
		y[0] = wino_more(-2.5f, d[2], d[4] + d[0]);
		wino_pair(&y[1], &y[2], wino_more(-2, d[2], d[4]),
		    wino_more(-2, d[1], d[3]), WINO_A);
		wino_pair(&y[3], &y[4], wino_more(-.5f, d[2], d[4]),
		    wino_more(-.5f, d[1], d[3]), WINO_B);
		y[5] = wino_more(-2.5f, d[3], d[5] + d[1]);
		break;
	default:
		y[0] = wino_more(5.25f, d[4] - d[2], d[0] - d[6]);
		wino_pair(&y[1], &y[2], wino_more(-4.25f, d[4], d[6] + d[2]),
		    wino_more(-4.25f, d[3], d[5] + d[1]), 1);
		wino_pair(&y[3], &y[4], wino_more(4, d[2], wino_more(-5, d[4], d[6])),
		    wino_more(4, d[1], wino_more(-5, d[3], d[5])), .5f);
		wino_pair(&y[5], &y[6],
		    wino_more(.25f, d[2], wino_more(-1.25f, d[4], d[6])),
		    wino_more(.25f, d[1], wino_more(-1.25f, d[3], d[5])), 2);
		y[7] = wino_more(5.25f, d[3] - d[5], d[7] - d[1]);
	}
}

/* (g0 +- p g1 + p^2 g2) / n */
INLINE void
wino_weight_pair(vec *plus, vec *minus, const vec *g, float p, float n)
{
	vec even = wino_more(p * p, g[2], g[0]) * v_set(1 / n);

	wino_pair(plus, minus, even, g[1], p / n);
}

INLINE void
wino_weight(vec *y, const vec *g, int m)
{
	y[0] = g[0];
	switch (m) {
	case 2: wino_weight_pair(&y[1], &y[2], g, 1, 2); break;
	case 4:
		wino_weight_pair(&y[1], &y[2], g, WINO_A, -1.5f);
		wino_weight_pair(&y[3], &y[4], g, WINO_B, 6);
		break;
	default:
		wino_weight_pair(&y[1], &y[2], g, 1, -4.5f);
		wino_weight_pair(&y[3], &y[4], g, .5f, 1.40625f);
		wino_weight_pair(&y[5], &y[6], g, 2, 90);
	}
	y[m + 1] = g[2];
}

INLINE void
wino_output(vec *y, const vec *x, int m)
{
	vec s = x[1] + x[2], d = x[1] - x[2], t, e, u, f;

	switch (m) {
	case 2:
		y[0] = x[0] + s;
		y[1] = d + x[3];
		break;
	case 4:
		t = x[3] + x[4];
		e = x[3] - x[4];
		y[0] = x[0] + s + t;
		y[1] = wino_more(WINO_A, d, v_set(WINO_B) * e);
		y[2] = wino_more(.5f, s, t + t);
		y[3] = wino_more(.5f * WINO_A, d, wino_more(2 * WINO_B, e, x[5]));
		break;
	default:
		t = x[3] + x[4];
		e = x[3] - x[4];
		u = x[5] + x[6];
		f = x[5] - x[6];
		y[0] = (x[0] + s) + (t + u);
		y[1] = wino_more(2, f, wino_more(.5f, e, d));
		y[2] = wino_more(4, u, wino_more(.25f, t, s));
		y[3] = wino_more(8, f, wino_more(.125f, e, d));
		y[4] = wino_more(16, u, wino_more(.0625f, t, s));
		y[5] = wino_more(32, f, wino_more(.03125f, e, d + x[7]));
	}
}

/* --- input -------------------------------------------------------------------------- */

/* A tile's pixels: rows that begin at the first column inside the image, those outside
 * are zeros; columns from .. to of the tile are inside. */
struct wino_window {
	const float *row[SIDE];
	int from, to;
};

static const float wino_zeros[SIDE * DET_BLOCK];

/* The part of start .. start+side that lies in pad .. pad+size. */
INLINE void
wino_inside(int *from, int *to, size_t start, size_t pad, size_t size, int side)
{
	*from = start < pad ? (int)(pad - start) : 0;
	*to = start >= pad + size                 ? 0
	      : pad + size - start < (size_t)side ? (int)(pad + size - start)
						  : side;
	/* padding may be wider than a tile */
	if (*from > *to)
		*from = *to = 0;
}

INLINE void
wino_window(struct wino_window *win, const float *map, const struct det_wino_grid *g,
    size_t y, size_t x, int side)
{
	int top, bottom;

	wino_inside(&top, &bottom, y, g->pad_top, g->h, side);
	wino_inside(&win->from, &win->to, x, g->pad_left, g->w, side);
	for (int i = 0; i < side; i++)
		win->row[i] = i < top || i >= bottom || win->from == win->to
				  ? wino_zeros
				  : map + ((y + (size_t)i - g->pad_top) * g->w +
					      (x + (size_t)win->from - g->pad_left)) *
					      DET_BLOCK;
}

INLINE void
wino_input_tile(float *v, size_t place, const struct wino_window *win, size_t s, int m)
{
	vec t[SIDE * SIDE], d[SIDE], y[SIDE];
	int n = m + 2;

	for (int j = 0; j < n; j++) {
		size_t at = (size_t)(j - win->from) * DET_BLOCK + s;

		if (j < win->from || j >= win->to) {
			EACH(i, n) t[i * n + j] = v_zero();
			continue;
		}
		EACH(i, n) d[i] = v_load(win->row[i] + at);
		wino_input(y, d, m);
		EACH(i, n) t[i * n + j] = y[i];
	}
	for (int i = 0; i < n; i++) {
		EACH(j, n) d[j] = t[i * n + j];
		wino_input(y, d, m);
		EACH(j, n) v_store(v + (size_t)(i * n + j) * place + s, y[j]);
	}
}

INLINE void
wino_input_run(float *v, size_t place, const float *map, const struct det_wino_grid *g,
    size_t first, size_t n, int m)
{
	size_t ty = first / g->across, tx = first % g->across;

	for (; n > 0; n--, v += DET_BLOCK) {
		struct wino_window win;

		wino_window(&win, map, g, ty * (size_t)m, tx * (size_t)m, m + 2);
		for (size_t s = 0; s < DET_BLOCK; s += LANES)
			wino_input_tile(v, place, &win, s, m);
		if (++tx == g->across) {
			tx = 0;
			ty++;
		}
	}
}

/* --- weights ------------------------------------------------------------------------ */

INLINE void
wino_weight_run(float *u, size_t place, size_t row, const float *taps, size_t n, int m)
{
	for (; n > 0; n--, u += row, taps += 9 * DET_BLOCK)
		for (size_t s = 0; s < DET_BLOCK; s += LANES) {
			vec g[3], t[3][SIDE], y[SIDE];

			EACH(j, 3)
			{
				EACH(i, 3)
				g[i] = v_load(taps + (3 * i + j) * DET_BLOCK + s);
				wino_weight(t[j], g, m);
			}
			EACH(i, m + 2)
			{
				EACH(j, 3) g[j] = t[j][i];
				wino_weight(y, g, m);
				EACH(j, m + 2)
				v_store(
				    u + (size_t)(i * (m + 2) + j) * place + s, y[j]);
			}
		}
}

/* --- output ------------------------------------------------------------------------- */

INLINE vec
wino_end(const struct det_wino_output *o, vec x, vec scale, vec shift, vec alpha)
{
	x = v_fma(x, scale, shift);
	if (o->act == DET_ACT_RELU || o->act == DET_ACT_RELU6)
		x = v_max(v_zero(), x);
	if (o->act == DET_ACT_RELU6)
		x = v_min(v_set(6), x);
	if (o->act == DET_ACT_LEAKY)
		x = v_if_neg(x, x * alpha, x);
	return x;
}

/* A tile's outputs at y, x of its image, of which rows x cols are in it. */
INLINE void
wino_output_tile(const struct det_wino_output *o, const float *mm, size_t at, int rows,
    int cols, size_t s, int m)
{
	vec t[(SIDE - 2) * SIDE], x[SIDE], y[SIDE];
	vec scale = o->scale ? v_load(o->scale + s) : v_set(1),
	    shift = o->shift ? v_load(o->shift + s) : v_zero(), alpha = v_set(o->alpha);
	int n = m + 2;

	for (int j = 0; j < n; j++) {
		EACH(i, n)
		x[i] = v_load(mm + (size_t)(i * n + j) * o->place + s);
		wino_output(y, x, m);
		EACH(i, m) t[i * n + j] = y[i];
	}
	for (int i = 0; i < rows; i++, at += o->grid->ow * DET_BLOCK) {
		float *out = o->out + at + s;

		EACH(j, n) x[j] = t[i * n + j];
		wino_output(y, x, m);
		EACH(j, m)
		{
			vec more = shift;

			if (j >= cols)
				break;
			if (o->residual)
				more = more + v_load(o->residual + at + s +
						     (size_t)j * DET_BLOCK);
			v_store(out + (size_t)j * DET_BLOCK,
			    wino_end(o, y[j], scale, more, alpha));
		}
	}
}

/* The activations that take long, on outputs that are still in the cache. */
INLINE void
wino_output_act(const struct det_wino_output *o, size_t at, int rows, int cols)
{
	if (o->act != DET_ACT_SIGMOID && o->act != DET_ACT_MISH &&
	    o->act != DET_ACT_SILU)
		return;
	for (int i = 0; i < rows; i++, at += o->grid->ow * DET_BLOCK)
		act_run(o->out + at, o->out + at, (size_t)cols * DET_BLOCK, o->act,
		    o->alpha);
}

INLINE void
wino_output_run(const struct det_wino_output *o, int m)
{
	const struct det_wino_grid *g = o->grid;
	size_t ty = o->first / g->across, tx = o->first % g->across, i;

	for (i = 0; i < o->n; i++) {
		size_t y = ty * (size_t)m, x = tx * (size_t)m;
		int rows = g->oh - y < (size_t)m ? (int)(g->oh - y) : m;
		int cols = g->ow - x < (size_t)m ? (int)(g->ow - x) : m;
		size_t at = (y * g->ow + x) * DET_BLOCK, s;

		for (s = 0; s < DET_BLOCK; s += LANES)
			wino_output_tile(o, o->m + i * DET_BLOCK, at, rows, cols, s, m);
		wino_output_act(o, at, rows, cols);
		if (++tx == g->across) {
			tx = 0;
			ty++;
		}
	}
}

/* --- one of each for each m --------------------------------------------------------- */

#define WINO_FUNCTIONS(m)                                                           \
	TARGET static void wino_input_##m(float *v, size_t place, const float *map, \
	    const struct det_wino_grid *grid, size_t first, size_t n)               \
	{                                                                           \
		wino_input_run(v, place, map, grid, first, n, m);                   \
	}                                                                           \
	TARGET static void wino_weight_##m(                                         \
	    float *u, size_t place, size_t row, const float *taps, size_t n)        \
	{                                                                           \
		wino_weight_run(u, place, row, taps, n, m);                         \
	}                                                                           \
	TARGET static void wino_output_##m(const struct det_wino_output *o)         \
	{                                                                           \
		wino_output_run(o, m);                                              \
	}

WINO_FUNCTIONS(2)
WINO_FUNCTIONS(4)
WINO_FUNCTIONS(6)

#define DET_WINO_KERNELS                                            \
	{                                                           \
		{ wino_input_2, wino_weight_2, wino_output_2 },     \
		    { wino_input_4, wino_weight_4, wino_output_4 }, \
		{                                                   \
			wino_input_6, wino_weight_6, wino_output_6  \
		}                                                   \
	}

#endif
