/* SPDX-License-Identifier: MIT
 *
 * Regions counted in one pass over the picture. Most pixels of most pictures change little:
 * they are in the lowest bin of all eight directions of texture, and their code is 0. So the
 * lowest bins are not counted but left over from the region's size.
 *
 * OpenCV finds no neighbours in a picture's first row and column, and of the corners only
 * one diagonal.
 */
#include "region/regions.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/size.h"

struct det_extent
det_extent_both(struct det_extent a, struct det_extent b)
{
	return (struct det_extent){ a.x1 < b.x1 ? a.x1 : b.x1,
		a.y1 < b.y1 ? a.y1 : b.y1, a.x2 > b.x2 ? a.x2 : b.x2,
		a.y2 > b.y2 ? a.y2 : b.y2 };
}

void
det_regions_release(struct det_regions *r)
{
	free(r->size);
	free(r->box);
	free(r->count);
	free(r->pair);
	*r = (struct det_regions){ 0 };
}

static void
measure(struct det_regions *r, const struct det_labels *l)
{
	for (size_t i = 0; i < r->n; i++)
		r->box[i] = (struct det_extent){ UINT32_MAX, UINT32_MAX, 0, 0 };
	for (size_t y = 0, i = 0; y < l->h; y++)
		for (size_t x = 0; x < l->w; x++, i++) {
			struct det_extent *b = &r->box[l->label[i]];

			r->size[l->label[i]]++;
			b->x1 = x < b->x1 ? (uint32_t)x : b->x1;
			b->x2 = x >= b->x2 ? (uint32_t)x + 1 : b->x2;
			b->y1 = y < b->y1 ? (uint32_t)y : b->y1;
			b->y2 = (uint32_t)y + 1;
		}
}

/* One channel: its colours and the codes of its texture. */
static void
count_channel(struct det_regions *r, uint32_t *count, size_t k,
    const struct det_labels *l, const struct det_colours *c,
    const struct det_texture *t)
{
	const size_t row = r->colour + r->texture, area = r->area;
	const size_t colour = k * DET_COLOUR_BINS,
		     texture = r->colour + k * DET_TEXTURE_SIZE;
	unsigned char bin[256];

	for (size_t v = 0; v < 256; v++)
		bin[v] = (unsigned char)(v * DET_COLOUR_BINS / 256);
	for (size_t i = 0; i < area; i++) {
		uint32_t *at = count + l->label[i] * row;
		const uint32_t code = t->code[k * area + i];

		at[colour + bin[c->plane[k][i]]]++;
		if (code == 0)
			continue;
		at += texture;
		at[code & 0xff]++;
		at[20 + (code >> 8 & 0xff)]++;
		at[40 + (code >> 16 & 0xff)]++;
		at[60 + (code >> 24)]++;
	}
}

/* Of each direction, the lowest bin is what the others leave. */
static void
count_rest(uint32_t *way, uint32_t size)
{
	uint32_t sum = 0;

	for (size_t b = 1; b < DET_TEXTURE_BINS; b++)
		sum += way[b];
	way[0] = size - sum;
}

static enum det_err
count(struct det_regions *r, const struct det_labels *l, const struct det_colours *c,
    const struct det_texture *t)
{
	uint32_t *n;
	size_t row;
	enum det_err e;

	r->channels = c->n;
	r->colour = det_round_up(c->n * DET_COLOUR_BINS, 16);
	r->texture = c->n * DET_TEXTURE_SIZE;
	row = r->colour + r->texture;
	if ((e = det_calloc(&r->count, r->n, row * sizeof *r->count)))
		return e;
	/* counted as whole numbers, in the memory that will hold floats */
	n = (uint32_t *)(void *)r->count;
	for (size_t k = 0; k < c->n; k++)
		count_channel(r, n, k, l, c, t);
	for (size_t i = 0; i < r->n; i++) {
		uint32_t *at = n + i * row;

		for (size_t w = 0; w < c->n * DET_TEXTURE_WAYS; w++)
			count_rest(at + r->colour + w * DET_TEXTURE_BINS, r->size[i]);
		for (size_t k = 0; k < row; k++) {
			const uint32_t whole = at[k];

			r->count[i * row + k] = (float)whole;
		}
	}
	return DET_OK;
}

struct pairs {
	uint64_t *v;
	size_t n, cap;
};

static enum det_err
add_pair(struct pairs *p, uint32_t a, uint32_t b)
{
	const uint64_t v = a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;
	enum det_err e;

	/* along a border the same two regions meet again and again */
	for (size_t i = p->n; i > 0 && i + 4 > p->n; i--)
		if (p->v[i - 1] == v)
			return DET_OK;
	if ((e = det_grow(&p->v, &p->cap, p->n + 1, sizeof *p->v)))
		return e;
	p->v[p->n++] = v;
	return DET_OK;
}

static enum det_err
collect(struct pairs *p, const struct det_labels *l)
{
	enum det_err e;

	for (size_t y = 0; y < l->h; y++) {
		const uint32_t *now = l->label + y * l->w, *up = now - (y ? l->w : 0);

		for (size_t x = 0; x < l->w; x++) {
			const size_t left = x ? x - 1 : x,
				     right = x + 1 < l->w ? x + 1 : x;

			if (now[x] == now[left] && now[x] == up[x] &&
			    now[x] == up[left] && now[x] == up[right])
				continue;
			if ((now[x] != now[left] &&
				(e = add_pair(p, now[x], now[left]))) ||
			    (now[x] != up[left] &&
				(e = add_pair(p, now[x], up[left]))) ||
			    (now[x] != up[x] && (e = add_pair(p, now[x], up[x]))) ||
			    (now[x] != up[right] &&
				(e = add_pair(p, now[x], up[right]))))
				return e;
		}
	}
	return DET_OK;
}

static int
order(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static enum det_err
pair_up(struct det_regions *r, const struct det_labels *l)
{
	struct pairs p = { 0 };
	enum det_err e = collect(&p, l);

	if (p.n)
		qsort(p.v, p.n, sizeof *p.v, order);
	if (!e)
		e = det_alloc(&r->pair, p.n, sizeof *r->pair);
	for (size_t i = 0; !e && i < p.n; i++) {
		if (i && p.v[i] == p.v[i - 1])
			continue;
		r->pair[r->pairs][0] = (uint32_t)(p.v[i] >> 32);
		r->pair[r->pairs++][1] = (uint32_t)p.v[i];
	}
	free(p.v);
	return e;
}

enum det_err
det_regions_make(struct det_regions *out, const struct det_labels *l,
    const struct det_colours *c, const struct det_texture *t)
{
	enum det_err e;

	det_regions_release(out);
	if (c->w != l->w || c->h != l->h || t->w != l->w || t->h != l->h ||
	    t->n != c->n)
		return det_fail(DET_INVALID,
		    "regions of one picture expected, found %zux%zu, %zux%zu and "
		    "%zux%zu",
		    l->w, l->h, c->w, c->h, t->w, t->h);
	out->n = l->n;
	out->area = l->w * l->h;
	if ((e = det_calloc(&out->size, out->n, sizeof *out->size)) ||
	    (e = det_alloc(&out->box, out->n, sizeof *out->box)))
		goto out;
	measure(out, l);
	if ((e = count(out, l, c, t)) || (e = pair_up(out, l)))
		goto out;
out:
	if (e)
		det_regions_release(out);
	return e;
}
