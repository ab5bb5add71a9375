/* SPDX-License-Identifier: MIT
 *
 * The edges of a picture's pixels. The picture is smoothed by a Gaussian, and the
 * weight of an edge is the Euclidean distance of its two pixels over all channels. Ways of
 * an edge from pixel (x, y), in this order: to (x + 1, y), to (x, y + 1) and, with corners,
 * to (x + 1, y + 1) and to (x + 1, y - 1).
 *
 * A weight is a whole number of 1/128 grey levels, the largest of which, sqrt(3) * 255, fits
 * 16 bits. So edges are sorted by counting, with equal weights in the order of pixels and
 * ways. That makes the result defined: programs that sort floats with an unstable sort have
 * ties too, in every flat part of a picture, and leave them to their library. They are
 * sorted within tiles, whose data the caches hold (segment.c says why that is enough).
 *
 * Only two rows of the smoothed picture are kept. A picture costs 2 bytes an edge for the
 * weights while it is sorted, and 6 for the result.
 */
#include "region/segment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/size.h"

#define MAX_RADIUS 160
#define NONE       0xffffu /* no edge: it would leave the picture */
#define KEYS       65536u

struct blur {
	const struct det_colours *c;
	enum det_blur rule;
	long radius;
	float tap[2 * MAX_RADIUS + 1];
	float *column; /* a row smoothed downwards, with radius more on either side */
	float *row[2][3]; /* smoothed rows y & 1, by channel */
};

void
det_edges_release(struct det_edges *e)
{
	free(e->edge);
	free(e->weight);
	free(e->end);
	free(e->key);
	*e = (struct det_edges){ 0 };
}

static void
blur_taps(struct blur *b, double sigma, enum det_blur rule)
{
	double sum = 0;

	b->rule = rule;
	b->radius = sigma <= 0               ? 0
		    : rule == DET_BLUR_CLAMP ? (long)ceil(4 * sigma)
					     : ((long)nearbyint(8 * sigma + 1) | 1) / 2;
	for (long i = -b->radius; i <= b->radius; i++)
		sum += sigma > 0 ? exp(-.5 * (double)(i * i) / (sigma * sigma)) : 1;
	for (long i = -b->radius; i <= b->radius; i++)
		b->tap[i + b->radius] =
		    (float)((sigma > 0 ? exp(-.5 * (double)(i * i) / (sigma * sigma))
				       : 1) /
			    sum);
}

/* Where index i, which may lie outside [0, n), is read. */
static size_t
inside(long i, size_t n, enum det_blur rule)
{
	const long last = (long)n - 1, turn = 2 * last;

	if (i >= 0 && i <= last)
		return (size_t)i;
	if (rule == DET_BLUR_CLAMP || last == 0)
		return i < 0 ? 0 : (size_t)last;
	i = (i < 0 ? -i : i) % turn;
	return (size_t)(i > last ? turn - i : i);
}

static void
blur_row(struct blur *b, size_t y, size_t k)
{
	const size_t w = b->c->w;
	float *mid = b->column + b->radius, *out = b->row[y & 1][k];

	memset(mid, 0, w * sizeof *mid);
	for (long i = -b->radius; i <= b->radius; i++) {
		const float t = b->tap[i + b->radius];
		const unsigned char *in =
		    b->c->plane[k] + inside((long)y + i, b->c->h, b->rule) * w;

#pragma omp simd
		for (size_t x = 0; x < w; x++)
			mid[x] += t * (float)in[x];
	}
	for (long i = 1; i <= b->radius; i++) {
		mid[-i] = mid[inside(-i, w, b->rule)];
		mid[(long)w - 1 + i] = mid[inside((long)w - 1 + i, w, b->rule)];
	}
	memset(out, 0, w * sizeof *out);
	for (long i = -b->radius; i <= b->radius; i++) {
		const float t = b->tap[i + b->radius], *in = mid + i;

#pragma omp simd
		for (size_t x = 0; x < w; x++)
			out[x] += t * in[x];
	}
}

/* Weights of the edges from a[c][0..n) to b[c][0..n), in steps. */
static void
weigh(uint16_t *out, float *const a[3], float *const b[3], size_t at_a, size_t at_b,
    size_t n, size_t channels, float gain)
{
	const float *const a0 = a[0] + at_a, *const b0 = b[0] + at_b;
	const float *const a1 = a[channels > 1] + at_a, *const b1 =
							    b[channels > 1] + at_b;
	const float *const a2 = a[channels - 1] + at_a, *const b2 =
							    b[channels - 1] + at_b;
	const float others = channels > 1 ? 1 : 0;

	for (size_t i = 0; i < n; i++) {
		const float d0 = a0[i] - b0[i], d1 = a1[i] - b1[i], d2 = a2[i] - b2[i];
		const float d =
		    sqrtf(d0 * d0 + others * (d1 * d1 + d2 * d2)) * gain + .5f;

		out[i] = (uint16_t)(int)(d < 65534 ? d : 65534);
	}
}

/* The weights of all edges: key[way][pixel]. */
static void
weigh_all(uint16_t *key[4], struct blur *b, unsigned ways, float gain)
{
	const size_t w = b->c->w, h = b->c->h, n = b->c->n;

	for (size_t y = 0; y < h; y++) {
		float *const *const now = b->row[y & 1], *const *const up =
							     b->row[~y & 1];
		const size_t at = y * w;

		for (size_t k = 0; k < n; k++)
			blur_row(b, y, k);
		weigh(key[0] + at, now, now, 0, 1, w - 1, n, gain);
		key[0][at + w - 1] = NONE;
		for (size_t x = 0; x < w; x++)
			key[1][at + x] = NONE;
		if (y > 0)
			weigh(key[1] + at - w, up, now, 0, 0, w, n, gain);
		if (ways == 2)
			continue;
		for (size_t x = 0; x < w; x++)
			key[2][at + x] = key[3][at + x] = NONE;
		if (y > 0) {
			weigh(key[2] + at - w, up, now, 0, 1, w - 1, n, gain);
			weigh(key[3] + at, now, up, 0, 1, w - 1, n, gain);
		}
	}
}

/* What a tile's list is made in. */
struct lister {
	struct det_edges *e;
	uint16_t *const *key;
	size_t x, y, w, h; /* the tile */
	uint32_t *edge;
	uint16_t *weight;
	size_t n;
	uint32_t *end; /* of each weight */
};

/* Edges that start at pixel (x, y) outside the tile and end in it. */
static void
list_foreign(struct lister *l, long x, long y)
{
	const struct det_edges *e = l->e;
	const long dx[4] = { 1, 0, 1, 1 }, dy[4] = { 0, 1, 1, -1 };

	if (x < 0 || y < 0 || x >= (long)e->w || y >= (long)e->h)
		return;
	for (unsigned k = 0; k < e->ways; k++) {
		const long to_x = x + dx[k] - (long)l->x, to_y = y + dy[k] - (long)l->y;
		const uint16_t weight = l->key[k][(size_t)y * e->w + (size_t)x];

		if (weight == NONE || to_x < 0 || to_x >= (long)l->w || to_y < 0 ||
		    to_y >= (long)l->h)
			continue;
		l->edge[l->n] =
		    DET_EDGE(to_x, to_y, 0, DET_EDGE_CROSSES | DET_EDGE_FOREIGN);
		l->weight[l->n++] = weight;
	}
}

static void
list_own(struct lister *l, size_t x, size_t y)
{
	const struct det_edges *e = l->e;
	const size_t at = (l->y + y) * e->w + l->x + x;
	const int last_x = x + 1 == l->w, last_y = y + 1 == l->h;
	const int out[4] = { last_x, last_y, last_x || last_y, last_x || y == 0 };

	for (unsigned k = 0; k < e->ways; k++) {
		if (l->key[k][at] == NONE)
			continue;
		l->edge[l->n] = DET_EDGE(x, y, k, out[k] ? DET_EDGE_CROSSES : 0);
		l->weight[l->n++] = l->key[k][at];
	}
}

/* The tile's list, at the end of the picture's. */
static void
list_tile(struct lister *l, size_t tile)
{
	struct det_edges *e = l->e;
	const long left = (long)l->x - 1, top = (long)l->y - 1;
	size_t sum = tile ? e->end[tile - 1] : 0;

	l->n = 0;
	for (long x = left; x <= left + (long)l->w; x++) {
		list_foreign(l, x, top);
		list_foreign(l, x, top + (long)l->h + 1);
	}
	for (long y = top + 1; y <= top + (long)l->h; y++)
		list_foreign(l, left, y);
	for (size_t y = 0; y < l->h; y++)
		for (size_t x = 0; x < l->w; x++)
			list_own(l, x, y);
	memset(l->end, 0, KEYS * sizeof *l->end);
	for (size_t i = 0; i < l->n; i++)
		l->end[l->weight[i]]++;
	for (size_t v = 0, at = 0; v < KEYS; v++) {
		const uint32_t n = l->end[v];

		l->end[v] =
		    (uint32_t)at; /* where they begin; placing moves it to the end */
		at += n;
	}
	for (size_t i = 0; i < l->n; i++) {
		const size_t to = sum + l->end[l->weight[i]]++;

		e->edge[to] = l->edge[i];
		e->weight[to] = l->weight[i];
	}
	e->end[tile] = sum + l->n;
}

static enum det_err
list_all(struct det_edges *e, uint16_t *const key[4])
{
	/* at most 3 foreign edges for each pixel around a tile */
	const size_t around = 3 * 4 * (DET_TILE + 2);
	const size_t most = (size_t)DET_TILE * DET_TILE * e->ways + around;
	struct lister l = { .e = e, .key = key };
	size_t tiles, all;
	enum det_err err;

	e->across = (e->w + DET_TILE - 1) / DET_TILE;
	e->down = (e->h + DET_TILE - 1) / DET_TILE;
	tiles = e->across * e->down;
	free(e->end);
	e->end = NULL;
	all = e->w * e->h * e->ways + tiles * around;
	if ((err = det_alloc(&l.edge, most, sizeof *l.edge)) ||
	    (err = det_alloc(&l.weight, most, sizeof *l.weight)) ||
	    (err = det_alloc(&l.end, KEYS, sizeof *l.end)) ||
	    (err = det_room(&e->edge, &e->edge_cap, all, sizeof *e->edge)) ||
	    (err = det_room(&e->weight, &e->weight_cap, all, sizeof *e->weight)) ||
	    (err = det_alloc(&e->end, tiles, sizeof *e->end)))
		goto out;
	for (size_t i = 0; i < tiles; i++) {
		l.x = i % e->across * DET_TILE;
		l.y = i / e->across * DET_TILE;
		l.w = e->w - l.x < DET_TILE ? e->w - l.x : DET_TILE;
		l.h = e->h - l.y < DET_TILE ? e->h - l.y : DET_TILE;
		list_tile(&l, i);
	}
out:
	free(l.edge);
	free(l.weight);
	free(l.end);
	return err;
}

static enum det_err
check(const struct det_colours *c, const struct det_edges_params *p)
{
	if (c->w == 0 || c->h == 0 || c->w > DET_SEGMENT_PIXELS / c->h)
		return det_fail(DET_LIMIT,
		    "1 to %zu pixels expected to be cut into regions, found %zux%zu",
		    DET_SEGMENT_PIXELS, c->w, c->h);
	if (!(p->sigma >= 0 && p->sigma <= 32))
		return det_fail(
		    DET_INVALID, "a sigma of 0 to 32 expected, found %g", p->sigma);
	if (!(p->gain > 0 && p->gain <= 2))
		return det_fail(
		    DET_INVALID, "a gain above 0, to 2 expected, found %g", p->gain);
	return DET_OK;
}

enum det_err
det_edges_make(struct det_edges *out, const struct det_colours *c,
    const struct det_edges_params *p)
{
	struct blur b = { .c = c };
	const size_t area = c->w * c->h;
	uint16_t *key[4];
	float *rows = NULL;
	enum det_err e;

	if ((e = check(c, p)))
		return e;
	out->w = c->w;
	out->h = c->h;
	out->ways = p->corners ? 4 : 2;
	blur_taps(&b, p->sigma, p->blur);
	if ((e = det_alloc(&rows, 7 * c->w + 2 * (size_t)b.radius, sizeof *rows)) ||
	    (e = det_room(
		 &out->key, &out->key_cap, area * out->ways, sizeof *out->key)))
		goto out;
	for (size_t k = 0; k < 6; k++)
		b.row[k & 1][k / 2] = rows + k * c->w;
	b.column = rows + 6 * c->w;
	for (unsigned k = 0; k < out->ways; k++)
		key[k] = out->key + k * area;
	weigh_all(key, &b, out->ways, (float)(p->gain * DET_SEGMENT_STEPS));
	e = list_all(out, key);
out:
	free(rows);
	if (e)
		det_edges_release(out);
	return e;
}
