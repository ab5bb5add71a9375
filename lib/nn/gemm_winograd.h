/* SPDX-License-Identifier: MIT
 *
 * The transforms of conv_winograd.c on vectors: a lane is a tile (or, for weights, a
 * channel), so every step is the same arithmetic on whole vectors. With a = sqrt(1/2) and
 * b = sqrt(2), the points are 0, a, -a, b, -b and infinity, and
 *
 *   input    0   d4 - 5/2 d2 + d0            weights   0   g0
 *           +-a  (d4 - 2 d2) +- a (d3 - 2 d1)         +-a  (g0 +- a g1 + 1/2 g2) / -3/2
 *           +-b  (d4 - d2/2) +- b (d3 - d1/2)         +-b  (g0 +- b g1 + 2 g2) / 6
 *           inf  d5 - 5/2 d3 + d1                     inf  g2
 *
 *   output i   0^i m0 + a^i (m1 +- m2) + b^i (m3 +- m4), and m5 for i = 3
 *
 * once down the columns and once along the rows.
 */
#ifndef DET_GEMM_WINOGRAD_H
#define DET_GEMM_WINOGRAD_H

#include "nn/act_simd.h"
#include "nn/gemm.h"
#include "nn/gemm_tile.h"

#define WINO_A 0.70710678118654752f
#define WINO_B 1.41421356237309505f

INLINE void
wino_in6(vec y[6], vec d0, vec d1, vec d2, vec d3, vec d4, vec d5)
{
	vec even = v_fma(v_set(-2), d2, d4), odd = v_fma(v_set(-2), d1, d3);

	y[0] = v_fma(v_set(-2.5f), d2, d4 + d0);
	y[1] = v_fma(v_set(WINO_A), odd, even);
	y[2] = v_fma(v_set(-WINO_A), odd, even);
	even = v_fma(v_set(-.5f), d2, d4);
	odd = v_fma(v_set(-.5f), d1, d3);
	y[3] = v_fma(v_set(WINO_B), odd, even);
	y[4] = v_fma(v_set(-WINO_B), odd, even);
	y[5] = v_fma(v_set(-2.5f), d3, d5 + d1);
}

INLINE void
wino_weight6(vec y[6], vec g0, vec g1, vec g2)
{
	vec even = v_fma(v_set(.5f), g2, g0) * v_set(-1 / 1.5f),
	    odd = g1 * v_set(-WINO_A / 1.5f);

	y[0] = g0;
	y[1] = even + odd;
	y[2] = even - odd;
	even = v_fma(v_set(2), g2, g0) * v_set(1 / 6.f);
	odd = g1 * v_set(WINO_B / 6.f);
	y[3] = even + odd;
	y[4] = even - odd;
	y[5] = g2;
}

INLINE void
wino_out4(vec y[4], const vec m[6])
{
	vec s = m[1] + m[2], d = m[1] - m[2], t = m[3] + m[4], e = m[3] - m[4];

	y[0] = m[0] + s + t;
	y[1] = v_fma(v_set(WINO_A), d, v_set(WINO_B) * e);
	y[2] = v_fma(v_set(.5f), s, v_set(2) * t);
	y[3] = v_fma(v_set(.5f * WINO_A), d, v_fma(v_set(2 * WINO_B), e, m[5]));
}

/* --- input -------------------------------------------------------------------------- */

/* Floats of one phase of a row: tiles, the next one's first columns, a vector's rest. */
static size_t
wino_phase(size_t across)
{
	return (across + 2 * LANES) / LANES * LANES;
}

/* A padded row in line, then 8 rows of 4 phases; or 4 rows of output. */
static size_t
wino_scratch(size_t across)
{
	size_t line = 4 * wino_phase(across);

	return line + 8 * line;
}

/* Row y of the padded plane in 4 phases: phase f has the columns f, f + 4, f + 8 .. */
INLINE void
wino_row(float *row, float *line, const struct det_wino_in *p, size_t y)
{
	size_t phase = wino_phase(p->across), n = 4 * phase, i;

	if (y < p->pad_top || y - p->pad_top >= p->h) {
		memset(row, 0, n * sizeof *row);
		return;
	}
	i = n - p->pad_left < p->w ? n - p->pad_left : p->w;
	memcpy(
	    line + p->pad_left, p->plane + (y - p->pad_top) * p->w, i * sizeof *line);
	for (i = 0; i < phase; i += LANES) {
		const float *l = line + 4 * i;
		vec a = v_load(l), b = v_load(l + LANES), c = v_load(l + 2 * LANES),
		    d = v_load(l + 3 * LANES);
		vec even = v_even(a, b), odd = v_odd(a, b), even2 = v_even(c, d),
		    odd2 = v_odd(c, d);

		v_store(row + i, v_even(even, even2));
		v_store(row + phase + i, v_even(odd, odd2));
		v_store(row + 2 * phase + i, v_odd(even, even2));
		v_store(row + 3 * phase + i, v_odd(odd, odd2));
	}
}

/* LANES tiles from tile x of a row of tiles whose first row of pixels is y. */
INLINE void
wino_in_tiles(
    float *v, const struct det_wino_in *p, const float *rows, size_t y, size_t x)
{
	size_t phase = wino_phase(p->across);
	vec t[6][6], u[6];
	const float *r[6];
	int i, j;

	UNROLL
	for (i = 0; i < 6; i++)
		r[i] = rows + (y + (size_t)i) % 8 * 4 * phase + x;
	for (j = 0; j < 6; j++) {
		size_t at = (size_t)(j % 4) * phase + (size_t)(j / 4);

		wino_in6(t[j], v_load(r[0] + at), v_load(r[1] + at), v_load(r[2] + at),
		    v_load(r[3] + at), v_load(r[4] + at), v_load(r[5] + at));
	}
	for (i = 0; i < 6; i++) {
		wino_in6(u, t[0][i], t[1][i], t[2][i], t[3][i], t[4][i], t[5][i]);
		UNROLL
		for (j = 0; j < 6; j++)
			v_store(v + (size_t)(6 * i + j) * p->place, u[j]);
	}
}

TARGET static void
wino_in_run(const struct det_wino_in *p)
{
	size_t line = 4 * wino_phase(p->across), y, ty, x;
	float *rows = p->scratch + line, *v = p->v;
	int i;

	memset(p->scratch, 0, line * sizeof(float)); /* what stays 0 is the padding */
	for (ty = p->ty0; ty < p->ty0 + p->down; ty++, v += p->across) {
		for (y = 4 * ty + (ty == p->ty0 ? 0 : 2); y < 4 * ty + 6; y++)
			wino_row(rows + y % 8 * line, p->scratch, p, y);
		for (x = 0; x < p->across; x += LANES)
			wino_in_tiles(v + x, p, rows, 4 * ty, x);
	}
	/* what the last vector of the product reads beyond the tiles */
	for (i = 0; i < 36; i++)
		v_store(v + (size_t)i * p->place, v_zero());
}

/* --- weights ------------------------------------------------------------------------ */

TARGET static void
wino_weight_run(
    float *u, size_t place, const float *weight, const float *next, size_t n)
{
	float rest[9 * LANES] = { 0 };
	size_t c;
	int i, j, r;

	for (c = 0; c < n; c += LANES) {
		const float *w = weight + 9 * c;
		vec g[9], s[3][6], t[6];

		/* weights come from memory, once: ask for those that are next */
		for (i = 0; i < 9 * LANES; i += 16)
			__builtin_prefetch(next + 9 * c + i, 0, 2);
		if (n - c < LANES) {
			memcpy(rest, w, 9 * (n - c) * sizeof *w);
			w = rest;
		}
		/* tap i*3+j of each filter: every ninth float, in two steps of three */
		UNROLL
		for (j = 0; j < 3; j++) {
			vec part[3];

			UNROLL
			for (i = 0; i < 3; i++)
				part[i] = v_third(v_load(w + (3 * i) * LANES),
				    v_load(w + (3 * i + 1) * LANES),
				    v_load(w + (3 * i + 2) * LANES), j);
			UNROLL
			for (i = 0; i < 3; i++)
				g[3 * i + j] = v_third(part[0], part[1], part[2], i);
		}
		UNROLL
		for (j = 0; j < 3; j++)
			wino_weight6(s[j], g[j], g[3 + j], g[6 + j]);
		for (i = 0; i < 6; i++) {
			wino_weight6(t, s[0][i], s[1][i], s[2][i]);
			UNROLL
			for (r = 0; r < 6; r++)
				v_store(u + (size_t)(6 * i + r) * place + c, t[r]);
		}
	}
}

/* --- output ------------------------------------------------------------------------- */

INLINE void
wino_out_tiles(float *rows, size_t line, const float *m, size_t place)
{
	vec t[6][4], x[6], y[4];
	int i, j;

	for (j = 0; j < 6; j++) {
		UNROLL
		for (i = 0; i < 6; i++)
			x[i] = v_load(m + (size_t)(6 * i + j) * place);
		wino_out4(t[j], x);
	}
	for (i = 0; i < 4; i++, rows += line) {
		vec a, b, c, d;

		UNROLL
		for (j = 0; j < 6; j++)
			x[j] = t[j][i];
		wino_out4(y, x);
		a = v_zip_lo(y[0], y[2]);
		b = v_zip_lo(y[1], y[3]);
		c = v_zip_hi(y[0], y[2]);
		d = v_zip_hi(y[1], y[3]);
		v_store(rows, v_zip_lo(a, b));
		v_store(rows + LANES, v_zip_hi(a, b));
		v_store(rows + 2 * LANES, v_zip_lo(c, d));
		v_store(rows + 3 * LANES, v_zip_hi(c, d));
	}
}

INLINE vec
wino_end(const struct det_wino_out *p, vec x, vec more)
{
	x = v_fma(x, v_set(p->scale), more);
	if (p->act == DET_ACT_RELU || p->act == DET_ACT_RELU6)
		x = v_max(v_zero(), x);
	if (p->act == DET_ACT_RELU6)
		x = v_min(v_set(6), x);
	if (p->act == DET_ACT_LEAKY)
		x = v_if_neg(x, x * v_set(p->alpha), x);
	return x;
}

INLINE void
wino_out_row(const struct det_wino_out *p, const float *row, size_t y)
{
	float *out = p->out + y * p->ow;
	const float *res = p->residual ? p->residual + y * p->ow : NULL;
	vec shift = v_set(p->shift);
	size_t x, n;

	for (x = 0; x < p->ow; x += LANES) {
		vec more = shift;

		n = p->ow - x;
		if (n >= LANES) {
			if (res)
				more = more + v_load(res + x);
			v_store(out + x, wino_end(p, v_load(row + x), more));
		} else {
			if (res)
				more = more + v_load_n(res + x, n);
			v_store_n(out + x, wino_end(p, v_load(row + x), more), n);
		}
	}
	if (p->act == DET_ACT_SIGMOID || p->act == DET_ACT_MISH ||
	    p->act == DET_ACT_SILU)
		act_run(out, out, p->ow, p->act, p->alpha);
}

TARGET static void
wino_out_run(const struct det_wino_out *p)
{
	size_t line = 4 * wino_phase(p->across), ty, x, i;
	const float *m = p->m;

	for (ty = p->ty0; ty < p->ty0 + p->down; ty++, m += p->across) {
		for (x = 0; x < p->across; x += LANES)
			wino_out_tiles(p->scratch + 4 * x, line, m + x, p->place);
		for (i = 0; i < 4 && 4 * ty + i < p->oh; i++)
			wino_out_row(p, p->scratch + i * line, 4 * ty + i);
	}
}

#endif
