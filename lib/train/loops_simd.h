/* SPDX-License-Identifier: MIT
 *
 * The loops of loops.h; a source file defines DET_SIMD (512, 256 or 0) and includes this.
 * Private to lib/train.
 *
 * With e = exp(-|x|), which never overflows,
 *
 *   sigmoid(x) = 1 / (1 + e) or e / (1 + e)        softplus(x) = max(x, 0) + log(1 + e)
 *   log(1 + e) = 2 atanh(s) = 2 (s + s^3 / 3 + ...), s = e / (2 + e)
 *
 * s is at most 1/3, so eight terms leave less than 2e-9 of the sum: the relative error is
 * that of a few roundings however small e is. Nothing subtracts nearly equal numbers.
 */
#ifndef DET_LOOPS_SIMD_H
#define DET_LOOPS_SIMD_H

#include "base/plain_simd.h"
#include "base/exp_simd.h"
#include "train/loops.h"

/* --- losses ------------------------------------------------------------------------------ */

INLINE vec
v_log1p_unit(vec e)
{
	vec s = e / (v_set(2) + e), q = s * s, p = v_set(1 / 15.f);

	p = v_fma(p, q, v_set(1 / 13.f));
	p = v_fma(p, q, v_set(1 / 11.f));
	p = v_fma(p, q, v_set(1 / 9.f));
	p = v_fma(p, q, v_set(1 / 7.f));
	p = v_fma(p, q, v_set(1 / 5.f));
	p = v_fma(p, q, v_set(1 / 3.f));
	p = p * q * s;
	s = s + p;
	return s + s;
}

struct point {
	vec p, q;   /* sigmoid(x), sigmoid(-x) */
	vec lp, lq; /* -log p = softplus(-x), -log q = softplus(x) */
};

INLINE struct point
point_at(vec x)
{
	vec minus = v_zero() - x, e = v_exp(v_if_neg(x, x, minus));
	vec big = v_set(1) / (v_set(1) + e), small = e * big, l = v_log1p_unit(e);
	struct point t = { v_if_neg(x, small, big), v_if_neg(x, big, small),
		v_max(v_zero(), minus) + l, v_max(v_zero(), x) + l };

	return t;
}

/* t lp + (1 - t) lq; its derivative p - t = (1 - t) p - t q. */
INLINE vec
sigmoid_at(vec *d, vec x, vec t)
{
	vec none = v_set(1) - t;
	struct point at = point_at(x);

	*d = none * at.p - t * at.q;
	return t * at.lp + none * at.lq;
}

/* By s = x for objects and -x for what is none, p is that of the right answer:
 *
 *   a q^gamma lp,   by s: -a q^gamma (gamma p lp + q)
 */
INLINE vec
focal_at(vec *d, vec x, vec t, const struct det_loop_loss *l, int square)
{
	vec none = v_set(1) - t, side = t - none, g = v_set(l->gamma), power;
	struct point at = point_at(x * side);

	power = square ? at.q * at.q : v_exp(v_zero() - g * at.lq);
	power = power * (t * v_set(l->alpha) + none * v_set(l->other));
	*d = (v_zero() - side) * power * (g * at.p * at.lp + at.q);
	return power * at.lp;
}

enum loss_kind { SIGMOID, FOCAL, FOCAL_SQUARE };

INLINE vec
loss_at(vec *d, vec x, vec t, const struct det_loop_loss *l, enum loss_kind kind)
{
	return kind == SIGMOID ? sigmoid_at(d, x, t)
			       : focal_at(d, x, t, l, kind == FOCAL_SQUARE);
}

/* `few` elements of p, then zeros; zeros where p is NULL. */
INLINE vec
v_load_few(const float *p, size_t few)
{
	float pad[LANES] = { 0 };

	if (p)
		memcpy(pad, p, few * sizeof *pad);
	return v_load(pad);
}

INLINE void
v_store_few(float *p, vec x, size_t few)
{
	float pad[LANES];

	v_store(pad, x);
	memcpy(p, pad, few * sizeof *pad);
}

/* Inlined with constants: kind, and which arrays there are. */
INLINE void
loss_loop(const struct det_loop_loss *l, enum loss_kind kind, int targets, int weights)
{
	vec x, v, d, t = v_zero(), w = v_set(1), scale = v_set(l->scale);
	size_t i, n = l->n;

	for (i = 0; i + LANES <= n; i += LANES) {
		x = v_load(l->x + i);
		if (targets)
			t = v_load(l->target + i);
		if (weights)
			w = v_load(l->weight + i);
		v = loss_at(&d, x, t, l, kind);
		v_store(l->value + i, w * v);
		v_store(l->grad + i, scale * w * d);
	}
	if (i == n)
		return;
	x = v_load_few(l->x + i, n - i);
	if (targets)
		t = v_load_few(l->target + i, n - i);
	if (weights)
		w = v_load_few(l->weight + i, n - i);
	v = loss_at(&d, x, t, l, kind);
	v_store_few(l->value + i, w * v, n - i);
	v_store_few(l->grad + i, scale * w * d, n - i);
}

INLINE void
loss_run(const struct det_loop_loss *l, enum loss_kind kind)
{
	if (l->target && l->weight)
		loss_loop(l, kind, 1, 1);
	else if (l->target)
		loss_loop(l, kind, 1, 0);
	else if (l->weight)
		loss_loop(l, kind, 0, 1);
	else
		loss_loop(l, kind, 0, 0);
}

TARGET static void
loop_sigmoid(const struct det_loop_loss *l)
{
	loss_run(l, SIGMOID);
}

TARGET static void
loop_focal(const struct det_loop_loss *l)
{
	if (l->gamma == 2) /* a power by a product: as good as always */
		loss_run(l, FOCAL_SQUARE);
	else
		loss_run(l, FOCAL);
}

/* --- overlap ----------------------------------------------------------------------------- */

INLINE vec
v_min(vec a, vec b)
{
	return v_choose(a < b, a, b);
}

struct box_at {
	vec x1, y1, x2, y2, area;
};

/* det_iou, on vectors. */
INLINE vec
iou_at(const struct box_at *a, const struct box_at *b, vec one)
{
	vec w = v_max(v_min(a->x2, b->x2) - v_max(a->x1, b->x1) + one, v_zero());
	vec h = v_max(v_min(a->y2, b->y2) - v_max(a->y1, b->y1) + one, v_zero());
	vec inter = w * h, uni = b->area + a->area - inter;
	veci some = (inter > v_zero()) & (uni > v_zero());

	return v_choose(some, inter / v_choose(some, uni, v_set(1)), v_zero());
}

TARGET static float
loop_iou(float *iou, const struct det_loop_boxes *s, const struct det_fbox *f)
{
	struct box_at a, b = { v_set(f->x1), v_set(f->y1), v_set(f->x2), v_set(f->y2),
		v_set(f->area) };
	vec one = v_set(s->one), most = v_zero(), v;
	float pad[LANES], best = 0;
	size_t i;

	for (i = 0; i + LANES <= s->n; i += LANES) {
		a = (struct box_at){ v_load(s->x1 + i), v_load(s->y1 + i),
			v_load(s->x2 + i), v_load(s->y2 + i), v_load(s->area + i) };
		v = iou_at(&a, &b, one);
		most = v_max(v, most);
		v_store(iou + i, v);
	}
	if (i < s->n) {
		size_t few = s->n - i;

		a = (struct box_at){ v_load_few(s->x1 + i, few),
			v_load_few(s->y1 + i, few), v_load_few(s->x2 + i, few),
			v_load_few(s->y2 + i, few), v_load_few(s->area + i, few) };
		v_store(pad, iou_at(&a, &b, one));
		memcpy(iou + i, pad, few * sizeof *pad);
		for (size_t k = 0; k < few; k++)
			best = pad[k] > best ? pad[k] : best;
	}
	v_store(pad, most);
	for (size_t k = 0; k < LANES; k++)
		best = pad[k] > best ? pad[k] : best;
	return best;
}

TARGET static void
loop_better(float *iou, int32_t *best, const float *row, size_t n, int32_t number)
{
	size_t i;

	for (i = 0; i + LANES <= n; i += LANES) {
		vec had = v_load(iou + i), new = v_load(row + i);
		veci won = new > had, b;

		memcpy(&b, best + i, sizeof b);
		b = (won & number) | (~won & b);
		memcpy(best + i, &b, sizeof b);
		v_store(iou + i, v_choose(won, new, had));
	}
	for (; i < n; i++)
		if (row[i] > iou[i]) {
			iou[i] = row[i];
			best[i] = number;
		}
}

#define DET_LOOPS                                               \
	{                                                       \
		loop_sigmoid, loop_focal, loop_iou, loop_better \
	}

#endif
