/* SPDX-License-Identifier: MIT
 *
 * A grid in three dimensions: a box is filed by its corner (x1,y1) and by the binary
 * logarithm of its longer side, its level; a cell of level l is a square of side 2^(l+1),
 * so that a box is never larger than its cell. Cells share buckets by a hash, which costs a
 * look at boxes from elsewhere and bounds the memory: at most n/16 buckets, each a chain of
 * chunks of 16 boxes laid out for vectors.
 *
 * Which cells can hold a box k whose IoU with c is above t follows from the intersection
 * being larger than t times either box, hence as wide as t times either width, and as high:
 *
 *   size      t s_c < s_k < s_c / t                     s: the longer side
 *   place     x1_c - (1 - t) w_k < x1_k < x2_c - t w_c  and in y the same
 *
 * With t = .5 that is three levels and about four cells of each. Overlaps are computed in
 * float and these bounds hold in real numbers: t is taken a thousandth smaller, and places
 * are widened by 1e-5 of what was subtracted. Three cases where that is not enough make the
 * grid flat (every query finds every chunk): areas so small that float loses their digits,
 * coordinates too far from zero for the cells' numbers, and less boxes than a grid pays for.
 * A query that would visit more cells than there are chunks finds all chunks, too. So the
 * worst case is the quadratic one, with vectors.
 */
#include "box/nms_grid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FLAT_BELOW 256    /* boxes */
#define TINY       1e-30f /* areas that are not 0 and below this lose digits */
#define FAR        1e9    /* numbers of cells */

/* The exponent of a float above 1e-19, as an index. */
static int
level_of(float side)
{
	uint32_t u;

	memcpy(&u, &side, sizeof u);
	return (int)(u >> 23) - 127 + DET_GRID_LEVELS / 2;
}

/* The side of a level's cells, a power of two, from its bits. */
static double
cell_of(int level)
{
	uint64_t u = (uint64_t)(level - DET_GRID_LEVELS / 2 + 1 + 1023) << 52;
	double d;

	memcpy(&d, &u, sizeof d);
	return d;
}

/* floor() without a call: a cell's number fits. */
static int64_t
number(double v)
{
	int64_t i = (int64_t)v;

	return i - ((double)i > v);
}

static float
longer(const struct det_fbox *b, float one)
{
	float w = det_iou_side(b->x1, b->x2, one), h = det_iou_side(b->y1, b->y2, one);

	return w > h ? w : h;
}

static int
must_be_flat(const struct det_fbox *f, size_t n, float one)
{
	float far = 0, small = 1e18f, s;

	if (n < FLAT_BELOW)
		return 1;
	for (size_t i = 0; i < n; i++) {
		if (!(f[i].area > 0))
			continue;
		if (f[i].area < TINY)
			return 1;
		s = longer(&f[i], one);
		small = s < small ? s : small;
		far = fabsf(f[i].x1) > far ? fabsf(f[i].x1) : far;
		far = fabsf(f[i].y1) > far ? fabsf(f[i].y1) : far;
		far = fabsf(f[i].x2) > far ? fabsf(f[i].x2) : far;
		far = fabsf(f[i].y2) > far ? fabsf(f[i].y2) : far;
	}
	return (double)far / (double)small > FAR;
}

enum det_err
det_grid_new(
    struct det_grid *g, const struct det_fbox *f, size_t n, double least, float one)
{
	size_t buckets = 64;
	enum det_err e;

	*g = (struct det_grid){ .shift = 32 - 6, .loose = DET_GRID_NONE, .one = one };
	g->least = least * .999;
	g->lo = DET_GRID_LEVELS;
	g->flat = must_be_flat(f, n, one);
	while (buckets < n / 16 && g->shift > 8) {
		buckets *= 2;
		g->shift--;
	}
	/* each bucket, and the loose ones, may end in a chunk that is not full */
	g->cap = n / DET_CHUNK + 2 + (g->flat ? 0 : buckets < n ? buckets : n);
	if ((e = det_alloc(&g->chunk, g->cap, sizeof *g->chunk)) ||
	    (e = det_alloc(&g->link, g->cap, sizeof *g->link)) ||
	    (e = det_alloc(&g->found, g->cap, sizeof *g->found)) ||
	    (e = det_alloc(&g->head, buckets, sizeof *g->head))) {
		det_grid_free(g);
		return e;
	}
	memset(g->head, 0xff, buckets * sizeof *g->head);
	return DET_OK;
}

void
det_grid_free(struct det_grid *g)
{
	free(g->chunk);
	free(g->link);
	free(g->found);
	free(g->head);
	*g = (struct det_grid){ 0 };
}

static uint32_t
bucket(const struct det_grid *g, int64_t x, int64_t y, int level)
{
	uint32_t h = (uint32_t)x * 0x9e3779b1u ^ (uint32_t)y * 0x85ebca77u ^
		     (uint32_t)level * 0xc2b2ae3du;

	h = (h ^ h >> 15) * 0x2c1b3c6du;
	return (h ^ h >> 13) * 0x297a2d39u >> g->shift;
}

/* Puts a fresh chunk before the chain. */
static uint32_t
chunk_new(struct det_grid *g, uint32_t next)
{
	struct det_chunk *c = &g->chunk[g->n];

	g->link[g->n] = (struct det_grid_link){ .next = next };
	c->n = 0;
	for (unsigned i = 0; i < DET_CHUNK; i++)
		det_chunk_clear(c, i);
	return (uint32_t)g->n++;
}

size_t
det_grid_add(struct det_grid *g, const struct det_fbox *b, uint32_t id)
{
	uint32_t *head = &g->loose;
	struct det_chunk *c;

	if (!g->flat && b->area > 0) {
		int level = level_of(longer(b, (float)g->one));
		double cell = cell_of(level);

		head = &g->head[bucket(g, number((double)b->x1 / cell),
		    number((double)b->y1 / cell), level)];
		g->used[level] = 1;
		g->lo = level < g->lo ? level : g->lo;
		g->hi = level > g->hi ? level : g->hi;
	}
	if (*head == DET_GRID_NONE || g->chunk[*head].n == DET_CHUNK)
		*head = chunk_new(g, *head);
	c = &g->chunk[*head];
	c->x1[c->n] = b->x1;
	c->y1[c->n] = b->y1;
	c->x2[c->n] = b->x2;
	c->y2[c->n] = b->y2;
	c->area[c->n] = b->area;
	c->id[c->n++] = id;
	return (size_t)*head * DET_CHUNK + c->n - 1;
}

static size_t
all(struct det_grid *g)
{
	for (size_t i = 0; i < g->n; i++)
		g->found[i] = (uint32_t)i;
	return g->n;
}

/* The cells that may hold x1 of a box as large as `cell` that overlaps [lo, hi). */
static void
range(int64_t *from, int64_t *to, const struct det_grid *g, double lo, double hi,
    double cell)
{
	double side = hi - lo + g->one, slack = 1e-5 * (side + cell + g->one);

	*from = number((lo - (1 - g->least) * cell - slack) / cell);
	*to = number((hi + g->one - g->least * side + slack) / cell);
}

/* Finds the chunks of a bucket, unless this query was there. */
static size_t
visit(struct det_grid *g, uint32_t c, size_t n)
{
	for (; c != DET_GRID_NONE && g->link[c].stamp != g->stamp;
	     c = g->link[c].next) {
		g->link[c].stamp = g->stamp;
		__builtin_prefetch(g->chunk[c].x1);
		__builtin_prefetch(g->chunk[c].x2);
		__builtin_prefetch(g->chunk[c].area);
		g->found[n++] = c;
	}
	return n;
}

size_t
det_grid_near(struct det_grid *g, const struct det_fbox *b)
{
	double s = (double)longer(b, (float)g->one), cells = 0;
	int lo = g->lo, hi = g->hi, l;
	int64_t x0, x1, y0, y1;
	size_t n = 0;

	if (g->flat)
		return all(g);
	if (!(b->area > 0))
		return 0;
	if (g->least > 0) {
		l = level_of((float)(s * g->least + 1e-19));
		lo = l > lo ? l : lo;
		l = s / g->least < 1e18 ? level_of((float)(s / g->least)) : hi;
		hi = l < hi ? l : hi;
	}
	g->stamp++;
	for (l = lo; l <= hi; l++) {
		if (!g->used[l])
			continue;
		range(&x0, &x1, g, (double)b->x1, (double)b->x2, cell_of(l));
		range(&y0, &y1, g, (double)b->y1, (double)b->y2, cell_of(l));
		cells += (double)(x1 - x0 + 1) * (double)(y1 - y0 + 1);
		if (cells > (double)g->n)
			return all(g);
		for (int64_t y = y0; y <= y1; y++)
			for (int64_t x = x0; x <= x1; x++)
				n = visit(g, g->head[bucket(g, x, y, l)], n);
	}
	return n;
}
