/* SPDX-License-Identifier: MIT
 *
 * Packs a block of `columns` (conv_gemm.c) straight from the image. The n columns, outputs
 * p0 .. p0+n in row order, are cut into slots of one vector. A slot's lanes come from one
 * row of output, or from several where it runs over the end of a row; each such piece is
 * one load under a mask, which also leaves out what lies in the padding to the left and
 * right. The masks depend on the tap's column alone, so they are worked out once and serve
 * all channels; whether a tap's row is inside the image is asked as it comes.
 */
#ifndef DET_GEMM_PACK_H
#define DET_GEMM_PACK_H

#include "nn/gemm.h"

struct piece {
	ptrdiff_t
	    at; /* where tap (0,0) of lane 0 would be in the plane, maybe outside */
	ptrdiff_t y; /* its row */
};

/* Lanes whose bits are set in `mask`, from src[lane * stride]; else 0. For strides of 1 and
 * 2, bit lane * stride stands for a lane, else bit lane. src may lie outside the plane where
 * no bit is set for it, so it comes as a number. */
INLINE vec
take(uintptr_t src, uint32_t mask, size_t stride)
{
	const float *p = (const float *)src;
#if DET_SIMD == 512
	if (stride == 1)
		return _mm512_maskz_loadu_ps((__mmask16)mask, p);
	if (stride == 2)
		return v_even(_mm512_maskz_loadu_ps((__mmask16)mask, p),
		    _mm512_maskz_loadu_ps((__mmask16)(mask >> 16),
			(const float *)(src + LANES * sizeof *p)));
#elif DET_SIMD == 256
	const __m256i bit = _mm256_set_epi32(128, 64, 32, 16, 8, 4, 2, 1);
	__m256i lo = _mm256_and_si256(_mm256_set1_epi32((int)mask), bit), hi;

	lo = _mm256_cmpeq_epi32(lo, bit);
	if (stride == 1)
		return _mm256_maskload_ps(p, lo);
	if (stride == 2) {
		hi = _mm256_and_si256(_mm256_set1_epi32((int)(mask >> 8)), bit);
		hi = _mm256_cmpeq_epi32(hi, bit);
		return v_even(_mm256_maskload_ps(p, lo),
		    _mm256_maskload_ps((const float *)(src + LANES * sizeof *p), hi));
	}
#else
	if (stride == 1 && mask == (1u << LANES) - 1)
		return v_load(p);
#endif
	{
		float lanes[LANES] = { 0 };
		size_t l, step = stride == 2 ? 2 : 1;

		for (l = 0; l < LANES; l++)
			if (mask >> l * step & 1)
				lanes[l] = p[l * stride];
		return v_load(lanes);
	}
}

INLINE vec
v_or(vec a, vec b)
{
	return (vec)((veci)a | (veci)b);
}

/* The pieces of all slots, `each` a slot, and masks[j][piece] for the tap's column j. */
static void
find_pieces(const struct det_pack *p, struct piece *piece, uint32_t *mask, size_t slots,
    size_t each)
{
	size_t step = p->stride_x == 2 ? 2 : 1, s, g, j, l;
	size_t y = p->p0 / p->ow, x = p->p0 % p->ow, left = p->n;

	for (s = 0; s < slots; s++) {
		size_t lane = 0;

		for (g = 0; g < each; g++, piece++, mask++) {
			size_t run = LANES - lane;
			ptrdiff_t ix;

			if (run > p->ow - x)
				run = p->ow - x;
			if (run > left)
				run = left;
			ix = ((ptrdiff_t)x - (ptrdiff_t)lane) * (ptrdiff_t)p->stride_x -
			     p->pad_left;
			piece->y = (ptrdiff_t)(y * p->stride_y) - p->pad_top;
			piece->at = piece->y * (ptrdiff_t)p->w + ix;
			for (j = 0; j < p->kw; j++, ix += (ptrdiff_t)p->dilate_x) {
				uint32_t m = 0;

				for (l = lane; l < lane + run; l++)
					if ((size_t)(ix +
						     (ptrdiff_t)(l * p->stride_x)) <
					    p->w)
						m |= (uint32_t)1 << l * step;
				mask[j * slots * each] = m;
			}
			lane += run;
			left -= run;
			x += run;
			if (x == p->ow)
				x = 0, y++;
		}
	}
}

/* Inlined with constant `each` and stride where these are small. */
INLINE void
pack_rows(const struct det_pack *p, const struct piece *piece, const uint32_t *masks,
    size_t slots, size_t each, size_t stride)
{
	size_t taps = p->kh * p->kw, k, s, v, g;
	size_t c = p->k0 / taps, i = p->k0 % taps / p->kw, j = p->k0 % p->kw;

	for (k = 0; k < p->kc; k++) {
		const uint32_t *mask = masks + j * slots * each;
		const struct piece *q = piece;
		ptrdiff_t down = (ptrdiff_t)(i * p->dilate_y);
		uintptr_t from =
		    (uintptr_t)(p->in + c * p->h * p->w) +
		    (uintptr_t)(down * (ptrdiff_t)p->w + (ptrdiff_t)(j * p->dilate_x)) *
			sizeof(float);
		float *b = p->b;

		for (s = 0; s < slots; s += VECS, b += VECS * LANES * p->kc) {
			size_t nv = slots - s < VECS ? slots - s : VECS;
			float *to = b + k * nv * LANES;

			for (v = 0; v < nv; v++, to += LANES) {
				vec x = v_zero();

				for (g = 0; g < each; g++, q++, mask++) {
					uint32_t m =
					    (size_t)(q->y + down) < p->h ? *mask : 0;
					vec part =
					    take(from + (uintptr_t)q->at * sizeof *to,
						m, stride);

					x = g == 0 ? part : v_or(x, part);
				}
				v_store(to, x);
			}
		}
		if (++j == p->kw) {
			j = 0;
			if (++i == p->kh)
				i = 0, c++;
		}
	}
}

/* Rows of the image are rows of the matrix. */
INLINE void
pack_direct(const struct det_pack *p)
{
	const size_t wide = VECS * LANES;
	size_t k, n, nv;

	for (k = 0; k < p->kc; k++) {
		const float *line = p->in + (p->k0 + k) * p->h * p->w + p->p0;
		float *b = p->b;

		for (n = p->n; n >= wide; n -= wide, line += wide, b += wide * p->kc) {
			float *to = b + k * wide;

			v_store(to, v_load(line));
			v_store(to + LANES, v_load(line + LANES));
			v_store(to + 2 * LANES, v_load(line + 2 * LANES));
		}
		nv = (n + LANES - 1) / LANES;
		b += k * nv * LANES;
		for (; n >= LANES; n -= LANES, line += LANES, b += LANES)
			v_store(b, v_load(line));
		if (n)
			v_store(b, v_load_n(line, n));
	}
}

/* Pieces of a slot, at most: one if rows of output are whole slots. */
static size_t
pieces_of(size_t ow)
{
	return ow % LANES == 0 ? 1 : (LANES + ow - 2) / ow + 1;
}

static size_t
pack_scratch(size_t n, size_t ow, size_t kw)
{
	size_t pieces = (n + LANES - 1) / LANES * pieces_of(ow);

	return pieces * (sizeof(struct piece) + kw * sizeof(uint32_t));
}

TARGET static void
pack_run(const struct det_pack *p)
{
	size_t slots = (p->n + LANES - 1) / LANES, each = pieces_of(p->ow);
	struct piece *piece = p->scratch;
	uint32_t *masks = (uint32_t *)(piece + slots * each);

	if (p->direct) {
		pack_direct(p);
		return;
	}
	find_pieces(p, piece, masks, slots, each);
	if (p->stride_x == 1 && each == 1)
		pack_rows(p, piece, masks, slots, 1, 1);
	else if (p->stride_x == 1 && each == 2)
		pack_rows(p, piece, masks, slots, 2, 1);
	else if (p->stride_x == 1)
		pack_rows(p, piece, masks, slots, each, 1);
	else if (p->stride_x == 2 && each == 1)
		pack_rows(p, piece, masks, slots, 1, 2);
	else if (p->stride_x == 2)
		pack_rows(p, piece, masks, slots, each, 2);
	else
		pack_rows(p, piece, masks, slots, each, p->stride_x);
}

#endif
