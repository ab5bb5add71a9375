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
 * sorted within tiles, whose data the caches hold (patches.c says why that is enough).
 *
 * Only two rows of the smoothed picture are kept, and the weights of one row of tiles.
 */
#include "region/edges.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

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

/* What lists are made in. */
struct det_weigher {
	struct blur blur;
	float *rows_of; /* the memory of the rows above */
	float gain;
	unsigned ways;
	size_t next; /* tile */
	/* The weights of edges by way, of the rows from the one above `top` to the one below the
	 * tiles at hand; rows: how many of the picture are known. */
	uint16_t *key[4];
	size_t top, rows;
	uint32_t *edge; /* a list as it is gathered */
	uint16_t *weight;
	uint32_t *end; /* of each weight */
};

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

/* The weights of the edges that end in row y or start there to the right or upwards. */
static void
weigh_row(struct det_weigher *g, size_t y)
{
	struct blur *b = &g->blur;
	const size_t w = b->c->w, n = b->c->n;
	float *const *const now = b->row[y & 1], *const *const up = b->row[~y & 1];
	uint16_t *key[4], *above[4];

	for (unsigned k = 0; k < 4; k++) {
		key[k] = g->key[k] + (y + 1 - g->top) * w;
		above[k] = key[k] - w;
	}
	for (size_t k = 0; k < n; k++)
		blur_row(b, y, k);
	weigh(key[0], now, now, 0, 1, w - 1, n, g->gain);
	key[0][w - 1] = NONE;
	for (size_t x = 0; x < w; x++)
		key[1][x] = NONE;
	if (y > 0)
		weigh(above[1], up, now, 0, 0, w, n, g->gain);
	if (g->ways == 2)
		return;
	for (size_t x = 0; x < w; x++)
		key[2][x] = key[3][x] = NONE;
	if (y > 0) {
		weigh(above[2], up, now, 0, 1, w - 1, n, g->gain);
		weigh(key[3], now, up, 0, 1, w - 1, n, g->gain);
	}
}

/* The rows of a row of tiles, one more on either side. */
static void
weigh_band(struct det_weigher *g, const struct det_edges *e)
{
	const size_t w = e->w, moved = e->y - g->top;
	const size_t last = e->y + e->tile_h < e->h ? e->y + e->tile_h : e->h - 1;

	/* the two rows that the band before has too */
	if (moved)
		for (unsigned k = 0; k < g->ways; k++)
			memmove(g->key[k], g->key[k] + moved * w,
			    2 * w * sizeof *g->key[k]);
	g->top = e->y;
	for (; g->rows <= last; g->rows++)
		weigh_row(g, g->rows);
}

/* Edges that start at pixel (x, y) outside the tile and end in it. */
static void
list_foreign(struct det_edges *e, long x, long y)
{
	const struct det_weigher *g = e->weigher;
	const long dx[4] = { 1, 0, 1, 1 }, dy[4] = { 0, 1, 1, -1 };

	if (x < 0 || y < 0 || x >= (long)e->w || y >= (long)e->h)
		return;
	for (unsigned k = 0; k < e->ways; k++) {
		const long to_x = x + dx[k] - (long)e->x, to_y = y + dy[k] - (long)e->y;
		const uint16_t weight =
		    g->key[k][((size_t)y + 1 - g->top) * e->w + (size_t)x];

		if (weight == NONE || to_x < 0 || to_x >= (long)e->tile_w || to_y < 0 ||
		    to_y >= (long)e->tile_h)
			continue;
		g->edge[e->n] =
		    DET_EDGE(to_x, to_y, 0, DET_EDGE_CROSSES | DET_EDGE_FOREIGN);
		g->weight[e->n++] = weight;
	}
}

static void
list_own(struct det_edges *e, size_t x, size_t y)
{
	const struct det_weigher *g = e->weigher;
	const size_t at = (y + 1) * e->w + e->x + x;
	const int last_x = x + 1 == e->tile_w, last_y = y + 1 == e->tile_h;
	const int out[4] = { last_x, last_y, last_x || last_y, last_x || y == 0 };

	for (unsigned k = 0; k < e->ways; k++) {
		if (g->key[k][at] == NONE)
			continue;
		g->edge[e->n] = DET_EDGE(x, y, k, out[k] ? DET_EDGE_CROSSES : 0);
		g->weight[e->n++] = g->key[k][at];
	}
}

/* By counting, so that equal weights stay in the order of the list. */
static void
sort(struct det_edges *e)
{
	struct det_weigher *g = e->weigher;

	memset(g->end, 0, KEYS * sizeof *g->end);
	for (size_t i = 0; i < e->n; i++)
		g->end[g->weight[i]]++;
	for (size_t v = 0, at = 0; v < KEYS; v++) {
		const uint32_t n = g->end[v];

		g->end[v] =
		    (uint32_t)at; /* where they begin; placing moves it to the end */
		at += n;
	}
	for (size_t i = 0; i < e->n; i++) {
		const size_t to = g->end[g->weight[i]]++;

		e->edge[to] = g->edge[i];
		e->weight[to] = g->weight[i];
	}
}

int
det_edges_next(struct det_edges *e)
{
	const size_t tile = e->weigher->next;
	long left, top;

	if (tile == e->across * e->down)
		return 0;
	e->weigher->next++;
	e->tile = tile;
	e->x = tile % e->across * DET_TILE;
	e->y = tile / e->across * DET_TILE;
	e->tile_w = e->w - e->x < DET_TILE ? e->w - e->x : DET_TILE;
	e->tile_h = e->h - e->y < DET_TILE ? e->h - e->y : DET_TILE;
	if (e->x == 0)
		weigh_band(e->weigher, e);
	left = (long)e->x - 1;
	top = (long)e->y - 1;
	e->n = 0;
	for (long x = left; x <= left + (long)e->tile_w; x++) {
		list_foreign(e, x, top);
		list_foreign(e, x, top + (long)e->tile_h + 1);
	}
	for (long y = top + 1; y <= top + (long)e->tile_h; y++)
		list_foreign(e, left, y);
	for (size_t y = 0; y < e->tile_h; y++)
		for (size_t x = 0; x < e->tile_w; x++)
			list_own(e, x, y);
	sort(e);
	return 1;
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

void
det_edges_release(struct det_edges *e)
{
	struct det_weigher *g = e->weigher;

	if (g) {
		free(g->rows_of);
		free(g->key[0]);
		free(g->edge);
		free(g->weight);
		free(g->end);
	}
	free(g);
	free(e->edge);
	free(e->weight);
	*e = (struct det_edges){ 0 };
}

static enum det_err
make_room(struct det_edges *e, struct det_weigher *g)
{
	/* at most 3 foreign edges for each pixel around a tile */
	const size_t most =
	    (size_t)DET_TILE * DET_TILE * e->ways + 3 * 4 * (DET_TILE + 2);
	const size_t rows = (e->h < DET_TILE ? e->h : DET_TILE) + 2;
	const size_t radius = (size_t)g->blur.radius;
	enum det_err err;

	if ((err = det_alloc(&g->rows_of, 7 * e->w + 2 * radius, sizeof *g->rows_of)) ||
	    (err = det_alloc(&g->key[0], 4 * rows * e->w, sizeof *g->key[0])) ||
	    (err = det_alloc(&g->edge, most, sizeof *g->edge)) ||
	    (err = det_alloc(&g->weight, most, sizeof *g->weight)) ||
	    (err = det_alloc(&g->end, KEYS, sizeof *g->end)) ||
	    (err = det_alloc(&e->edge, most, sizeof *e->edge)) ||
	    (err = det_alloc(&e->weight, most, sizeof *e->weight)))
		return err;
	for (size_t k = 0; k < 6; k++)
		g->blur.row[k & 1][k / 2] = g->rows_of + k * e->w;
	g->blur.column = g->rows_of + 6 * e->w;
	for (unsigned k = 1; k < 4; k++)
		g->key[k] = g->key[k - 1] + rows * e->w;
	return DET_OK;
}

enum det_err
det_edges_start(struct det_edges *out, const struct det_colours *c,
    const struct det_edges_params *p)
{
	struct det_weigher *g;
	enum det_err e;

	det_edges_release(out);
	if ((e = check(c, p)) || (e = det_calloc(&g, 1, sizeof *g)))
		return e;
	out->weigher = g;
	out->w = c->w;
	out->h = c->h;
	out->ways = g->ways = p->corners ? 4 : 2;
	out->across = (c->w + DET_TILE - 1) / DET_TILE;
	out->down = (c->h + DET_TILE - 1) / DET_TILE;
	g->blur.c = c;
	g->gain = (float)(p->gain * DET_SEGMENT_STEPS);
	blur_taps(&g->blur, p->sigma, p->blur);
	if ((e = make_room(out, g)))
		det_edges_release(out);
	return e;
}
