/* SPDX-License-Identifier: MIT
 *
 * Efficient graph-based segmentation. Each pixel begins as a region; the edges are gone
 * through from the lightest, and one that joins two regions A and B makes them one where its
 * weight is at most
 *
 *   min(Int(A) + k / |A|, Int(B) + k / |B|),   Int: the heaviest edge within, 0 for a pixel
 *
 * so that small regions need strong evidence to stay apart, and k sets what is small. Then
 * the edges that did not join are gone through again, in the same order, and join where one
 * of the two regions has fewer than min_size pixels.
 *
 * The edges of one weight lie all over the picture, and to go through a large one in their
 * order is to miss the caches at every step. But what an edge does depends only on the two
 * regions that it touches. So this is done first in each tile, whose pixels the caches
 * hold, as far as the tile alone decides it:
 *
 *   - The first edge to another tile that a region meets makes it open: what becomes of it
 *     from there on is not known here. But a region whose limit is below the weight will
 *     never grow again, and refuses that edge whatever is beyond.
 *   - An edge between two regions of which none is open is decided. If one that is not open
 *     refuses it, it is decided too. Any other is left for later, and opens both.
 *
 * An open region has all that it was when it opened; every edge that could change it
 * afterwards was left. What is left is then gone through in the order of the whole picture,
 * with the tiles' regions, by far fewer than pixels, in place of pixels. The result is that of
 * the plain procedure to the bit; nine of ten joins happen in tiles of photographs. The same
 * is then done for small regions with the edges that still have different regions at both ends.
 *
 * Regions are trees in one array, found with path halving; what a region knows is kept at
 * its root. Which of two roots is kept changes no result, since regions are numbered by
 * their first pixels in the end. OpenCV goes through each edge twice, once from either end:
 * the second time both are in one region, or the edge was refused and is refused again
 * unless an edge of the same weight came between.
 */
#include "region/segment.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define AHEAD  16
#define ROOT   0x80000000u
#define OPEN   0x40000000u
#define AREA   ((size_t)DET_TILE * DET_TILE)
#define RADIX  12 /* bits sorted at once; four times that is all of a key */
#define KEYS   65536u
#define NUMBER (((uint64_t)1 << 30) - 1) /* of a key: pixel and way */
#define BANDS  16

/* A pixel, or a tile's region: part of a tree whose root stands for the region. */
struct part {
	uint32_t up; /* the next towards the root; of a root ROOT + OPEN + the size */
	float limit; /* of a root: the heaviest edge that may join it to another */
};

/* An edge of the picture: weight, pixel and way, in this order of bits. */
struct later {
	uint64_t *key, *spare;
	size_t n, cap, spare_cap;
};

struct det_cutter {
	const struct det_edges *e;
	float k;
	uint32_t *label; /* of each pixel: its tile's region */
	struct part *region;
	size_t n, cap;
	struct part *pixel; /* of one tile */
	uint32_t *name;     /* of each root, here or among regions: its number */
	size_t names;
	struct later later;
};

void
det_labels_release(struct det_labels *l)
{
	free(l->label);
	*l = (struct det_labels){ 0 };
}

static uint32_t
find(struct part *p, uint32_t i)
{
	while (!(p[i].up & ROOT)) {
		const uint32_t up = p[i].up;

		if (!(p[up].up & ROOT))
			p[i].up = p[up].up;
		i = up;
	}
	return i;
}

static uint32_t
size_of(const struct part *p, uint32_t root)
{
	return p[root].up & ~(ROOT | OPEN);
}

/* Two roots that are not open. */
static uint32_t
join(struct part *p, uint32_t a, uint32_t b)
{
	if (p[a].up < p[b].up) {
		const uint32_t other = a;

		a = b;
		b = other;
	}
	p[a].up += size_of(p, b);
	p[b].up = a;
	return a;
}

static void
grow(struct part *p, uint32_t a, uint32_t b, float weight, float k)
{
	a = join(p, a, b);
	p[a].limit = weight + k / (float)size_of(p, a);
}

static float
weight_of(uint64_t steps)
{
	return (float)steps / DET_SEGMENT_STEPS;
}

static enum det_err
leave(struct later *l, size_t weight, size_t pixel, unsigned way)
{
	enum det_err e;

	if ((e = det_grow(&l->key, &l->cap, l->n + 1, sizeof *l->key)))
		return e;
	l->key[l->n++] = (uint64_t)weight << 30 | pixel << 2 | way;
	return DET_OK;
}

/* The keys of 46 bits, in order in the end. */
static void
sort(uint64_t *key, uint64_t *spare, size_t n)
{
	uint32_t end[1 << RADIX];

	for (unsigned shift = 0; shift < 4 * RADIX; shift += RADIX) {
		uint64_t *other = key;
		uint32_t sum = 0;

		memset(end, 0, sizeof end);
		for (size_t i = 0; i < n; i++)
			end[key[i] >> shift & ((1 << RADIX) - 1)]++;
		for (size_t v = 0; v < 1 << RADIX; v++) {
			const uint32_t count = end[v];

			end[v] = sum;
			sum += count;
		}
		for (size_t i = 0; i < n; i++)
			spare[end[key[i] >> shift & ((1 << RADIX) - 1)]++] = key[i];
		key = spare;
		spare = other;
	}
}

/* Bands of weights with about as many edges each; an edge stays before those of its band that
 * came after it. end[b]: edges of bands up to b; least[b]: no weight of b is lower. */
static enum det_err
part(struct later *l, size_t end[BANDS], uint32_t least[BANDS])
{
	uint32_t *count = NULL;
	uint64_t *other = l->key;
	size_t cap = l->cap, sum = 0, at = 0;
	enum det_err e;

	if ((e = det_room(&l->spare, &l->spare_cap, l->n, sizeof *l->spare)) ||
	    (e = det_calloc(&count, KEYS, sizeof *count)))
		return e;
	for (size_t i = 0; i < l->n; i++)
		count[l->key[i] >> 30]++;
	memset(end, 0, BANDS * sizeof *end);
	memset(least, 0, BANDS * sizeof *least);
	for (uint32_t v = 0; v < KEYS; v++) {
		const size_t band = sum * BANDS / (l->n + 1);

		if (band > at)
			for (least[band] = v; at < band; at++)
				end[at + 1] = sum;
		sum += count[v];
		count[v] = (uint32_t)band;
	}
	/* end[b] is where b begins; placing moves it to the end */
	for (; at + 1 < BANDS; at++)
		end[at + 1] = sum;
	for (size_t i = 0; i < l->n; i++)
		l->spare[end[count[l->key[i] >> 30]]++] = l->key[i];
	l->key = l->spare;
	l->cap = l->spare_cap;
	l->spare = other;
	l->spare_cap = cap;
	free(count);
	return DET_OK;
}

/* Where a tile begins. */
static size_t
corner(const struct det_edges *e, size_t tile)
{
	return tile / e->across * DET_TILE * e->w + tile % e->across * DET_TILE;
}

/* Where a pixel of that tile is in the picture. */
static size_t
global(const struct det_edges *e, size_t corner_at, uint32_t edge)
{
	const size_t at = DET_EDGE_PIXEL(edge);

	return corner_at + at / DET_TILE * e->w + at % DET_TILE;
}

/* The edges of a tile. */
static enum det_err
grow_tile(struct det_cutter *c, size_t tile)
{
	static const uint32_t step[4] = { 1, DET_TILE, DET_TILE + 1, 1u - DET_TILE };
	const struct det_edges *e = c->e;
	const size_t at = corner(e, tile);
	struct part *p = c->pixel;
	enum det_err err;

	for (size_t i = 0; i < AREA; i++)
		p[i] = (struct part){ ROOT + 1, c->k };
	for (size_t i = tile ? e->end[tile - 1] : 0; i < e->end[tile]; i++) {
		const uint32_t edge = e->edge[i];
		const float weight = weight_of(e->weight[i]);
		uint32_t a = find(p, DET_EDGE_PIXEL(edge)), b = a;

		if (!(edge & DET_EDGE_CROSSES) &&
		    a == (b = find(p, DET_EDGE_PIXEL(edge) + step[DET_EDGE_WAY(edge)])))
			continue;
		if ((!(p[a].up & OPEN) && p[a].limit < weight) ||
		    (!(p[b].up & OPEN) && p[b].limit < weight))
			continue;
		if (a != b && !((p[a].up | p[b].up) & OPEN)) {
			grow(p, a, b, weight, c->k);
			continue;
		}
		p[a].up |= OPEN;
		p[b].up |= OPEN;
		if (!(edge & DET_EDGE_FOREIGN) &&
		    (err = leave(&c->later, e->weight[i], global(e, at, edge),
			 DET_EDGE_WAY(edge))))
			return err;
	}
	return DET_OK;
}

/* The regions of a tile become the picture's. */
static enum det_err
name_tile(struct det_cutter *c, size_t tile)
{
	const struct det_edges *e = c->e;
	const size_t at = corner(e, tile);
	const size_t x = at % e->w, y = at / e->w;
	const size_t w = e->w - x < DET_TILE ? e->w - x : DET_TILE;
	const size_t h = e->h - y < DET_TILE ? e->h - y : DET_TILE;
	enum det_err err;

	for (size_t i = 0; i < h * DET_TILE; i++) {
		if (i % DET_TILE >= w || !(c->pixel[i].up & ROOT))
			continue;
		if ((err = det_grow(&c->region, &c->cap, c->n + 1, sizeof *c->region)))
			return err;
		c->region[c->n] = c->pixel[i];
		c->region[c->n].up &= ~OPEN;
		c->name[i] = (uint32_t)c->n++;
	}
	for (size_t i = 0; i < h * DET_TILE; i++)
		if (i % DET_TILE < w)
			c->label[at + i / DET_TILE * e->w + i % DET_TILE] =
			    c->name[find(c->pixel, (uint32_t)i)];
	return DET_OK;
}

/* The regions at both ends of an edge that was left. */
static void
ends(uint32_t *a, uint32_t *b, const struct det_cutter *c, uint64_t key)
{
	const size_t step[4] = { 1, c->e->w, c->e->w + 1, 1 - c->e->w };
	const uint32_t *from = &c->label[(key & NUMBER) >> 2];

	*a = find(c->region, *from);
	*b = find(c->region, from[step[key & 3]]);
}

static void
fetch(const struct det_cutter *c, uint64_t key)
{
	const size_t step[4] = { 1, c->e->w, c->e->w + 1, 1 - c->e->w };
	const uint32_t *from = &c->label[(key & NUMBER) >> 2];

	__builtin_prefetch(from);
	__builtin_prefetch(&from[step[key & 3]]);
}

/* Whether two regions may be joined: as they grow, or in the end where one is small. */
static int
may_grow(const struct part *p, uint32_t a, uint32_t b, float weight)
{
	return a != b && weight <= p[a].limit && weight <= p[b].limit;
}

static int
may_absorb(const struct part *p, uint32_t a, uint32_t b, uint32_t min_size)
{
	return a != b && (size_of(p, a) < min_size || size_of(p, b) < min_size);
}

/* The edges of a band, in the order in which they were left: those that may still join
 * anything, in order. The others are told by what is near in memory, and need not be sorted.
 * min_size is 0 as regions grow. */
static size_t
sift(struct det_cutter *c, uint64_t *key, size_t n, float least, uint32_t min_size)
{
	size_t kept = 0;
	uint32_t a, b;

	for (size_t i = 0; i < n; i++) {
		ends(&a, &b, c, key[i]);
		if (min_size ? may_absorb(c->region, a, b, min_size)
			     : may_grow(c->region, a, b, least))
			key[kept++] = key[i];
	}
	sort(key, c->later.spare, kept);
	return kept;
}

/* All edges that were left. */
static enum det_err
go_on(struct det_cutter *c, uint32_t min_size)
{
	uint32_t least[BANDS];
	size_t end[BANDS], from = 0;
	enum det_err e;

	if ((e = part(&c->later, end, least)))
		return e;
	for (size_t k = 0; k < BANDS; from = end[k++]) {
		uint64_t *key = c->later.key + from;
		const size_t n =
		    sift(c, key, end[k] - from, weight_of(least[k]), min_size);

		for (size_t i = 0; i < n; i++) {
			const float weight = weight_of(key[i] >> 30);
			uint32_t a, b;

			if (i + AHEAD < n)
				fetch(c, key[i + AHEAD]);
			ends(&a, &b, c, key[i]);
			if (min_size && may_absorb(c->region, a, b, min_size))
				(void)join(c->region, a, b);
			else if (!min_size && may_grow(c->region, a, b, weight))
				grow(c->region, a, b, weight, c->k);
		}
	}
	return DET_OK;
}

/* The edges at which something small ends. */
static enum det_err
leave_small(struct det_cutter *c, uint32_t min_size)
{
	const struct det_edges *e = c->e;
	const size_t step[4] = { 1, e->w, e->w + 1, 1 - e->w };
	struct part *p = c->region;
	enum det_err err;

	c->later.n = 0;
	for (uint32_t i = 0; i < c->n; i++)
		c->name[i] = find(p, i);
	for (size_t i = 0; i < e->w * e->h; i++)
		c->label[i] = c->name[c->label[i]];
	for (size_t t = 0, i = 0; t < e->across * e->down; t++)
		for (const size_t at = corner(e, t); i < e->end[t]; i++) {
			const unsigned way = DET_EDGE_WAY(e->edge[i]);
			const size_t from = global(e, at, e->edge[i]);

			if (!(e->edge[i] & DET_EDGE_FOREIGN) &&
			    may_absorb(p, c->label[from], c->label[from + step[way]],
				min_size) &&
			    (err = leave(&c->later, e->weight[i], from, way)))
				return err;
		}
	return DET_OK;
}

/* Numbers the regions; the result is how many there are. */
static size_t
number(struct det_cutter *c)
{
	const uint32_t none = UINT32_MAX;
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		c->name[i] = none;
	for (size_t i = 0; i < c->e->w * c->e->h; i++) {
		const uint32_t r = find(c->region, c->label[i]);

		if (c->name[r] == none)
			c->name[r] = (uint32_t)n++;
		c->label[i] = c->name[r];
	}
	return n;
}

static enum det_err
cut(struct det_cutter *c, uint32_t min_size)
{
	const size_t tiles = c->e->across * c->e->down;
	enum det_err e;

	c->n = c->later.n = 0;
	if ((!c->pixel && (e = det_alloc(&c->pixel, AREA, sizeof *c->pixel))) ||
	    (e = det_room(&c->name, &c->names, AREA, sizeof *c->name)))
		return e;
	for (size_t i = 0; i < tiles; i++)
		if ((e = grow_tile(c, i)) || (e = name_tile(c, i)))
			return e;
	if ((e = det_room(&c->name, &c->names, c->n, sizeof *c->name)) ||
	    (e = go_on(c, 0)) || min_size == 0)
		return e;
	if ((e = leave_small(c, min_size)))
		return e;
	return go_on(c, min_size);
}

enum det_err
det_segment(struct det_labels *out, struct det_cutter **cutter,
    const struct det_edges *e, double k, long min_size)
{
	const size_t area = e->w * e->h;
	struct det_cutter *c = *cutter;
	enum det_err err;

	if (!(k >= 0 && k <= 1e9) || min_size < 0)
		return det_fail(DET_INVALID,
		    "k of 0 to 1e9 and a size of 0 or more expected, found %g and %ld",
		    k, min_size);
	if ((!c && (err = det_calloc(&c, 1, sizeof *c))) ||
	    (err = det_room(&out->label, &out->cap, area, sizeof *out->label)))
		goto out;
	out->w = e->w;
	out->h = e->h;
	c->e = e;
	c->k = (float)k;
	c->label = out->label;
	if ((err = cut(
		 c, (size_t)min_size < area ? (uint32_t)min_size : (uint32_t)area)))
		goto out;
	out->n = number(c);
out:
	if (err)
		det_labels_release(out);
	*cutter = c;
	return err;
}

void
det_cutter_free(struct det_cutter *c)
{
	if (!c)
		return;
	free(c->pixel);
	free(c->name);
	free(c->region);
	free(c->later.key);
	free(c->later.spare);
	free(c);
}
