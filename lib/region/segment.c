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
 * regions that it touches. So this is done first in each tile, as far as the tile alone
 * decides it: for all scales at once (patches.c), and then, with the patches in place of
 * pixels, for this one:
 *
 *   - The first edge to another tile that a region meets makes it open: what becomes of it
 *     from there on is not known here. But a region whose limit is below the weight will
 *     never grow again, and refuses that edge whatever is beyond.
 *   - An edge between two regions of which none is open is decided. If one that is not open
 *     refuses it, it is decided too. Any other is left for later, and opens both.
 *
 * An open region has all that it was when it opened; every edge that could change it
 * afterwards was left. What is left is then gone through in the order of the whole picture,
 * with the tiles' regions in place of patches. The result is that of the plain procedure to
 * the bit. The same is then done for small regions with the edges that still have different
 * regions at both ends.
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

#define AHEAD 16
#define ROOT  0x80000000u
#define OPEN  0x40000000u
#define AREA  ((size_t)DET_TILE * DET_TILE)
#define RADIX 12 /* bits sorted at once; four times that is all of a key */

/* A patch, or a tile's region: part of a tree whose root stands for the region. */
struct part {
	uint32_t up; /* the next towards the root; of a root ROOT + OPEN + the size */
	float limit; /* of a root: the heaviest edge that may join it to another */
};

struct later {
	struct det_link *link, *spare;
	size_t n, cap, spare_cap;
};

struct det_cutter {
	const struct det_patches *p;
	float k;
	uint32_t *of; /* of each patch: its region */
	struct part *region;
	size_t n, cap;
	struct part *patch; /* of one tile */
	uint32_t *name;     /* of each root, here or among regions: its number */
	size_t ofs, names;
	struct later later;
	struct det_met met;
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
leave(struct det_cutter *c, uint64_t key, uint32_t a, uint32_t b)
{
	struct later *l = &c->later;
	enum det_err e;

	if ((e = det_grow(&l->link, &l->cap, l->n + 1, sizeof *l->link)))
		return e;
	l->link[l->n++] = (struct det_link){ key, a, b };
	return DET_OK;
}

/* By key. */
static void
sort(struct det_link *link, struct det_link *spare, size_t n)
{
	uint32_t end[1 << RADIX];

	for (unsigned shift = 0; shift < 4 * RADIX; shift += RADIX) {
		struct det_link *other = link;
		uint32_t sum = 0;

		memset(end, 0, sizeof end);
		for (size_t i = 0; i < n; i++)
			end[link[i].key >> shift & ((1 << RADIX) - 1)]++;
		for (size_t v = 0; v < 1 << RADIX; v++) {
			const uint32_t count = end[v];

			end[v] = sum;
			sum += count;
		}
		for (size_t i = 0; i < n; i++)
			spare[end[link[i].key >> shift & ((1 << RADIX) - 1)]++] =
			    link[i];
		link = spare;
		spare = other;
	}
}

static uint64_t
key_of(const struct det_cutter *c, size_t tile, const struct det_seam *s)
{
	return DET_LINK_KEY(s->weight, det_patches_pixel(c->p, tile, s->edge),
	    DET_EDGE_WAY(s->edge));
}

/* The seams of a tile. */
static enum det_err
grow_tile(struct det_cutter *c, size_t tile)
{
	const struct det_patches *in = c->p;
	const struct det_patch *patch = in->patch + in->first[tile];
	const size_t n = in->first[tile + 1] - in->first[tile];
	struct part *p = c->patch;
	enum det_err e;

	for (size_t i = 0; i < n; i++)
		p[i] = (struct part){ ROOT + patch[i].size,
			patch[i].inner + c->k / (float)patch[i].size };
	memset(&c->met, 0, sizeof c->met);
	for (size_t i = tile ? in->end[tile - 1] : 0; i < in->end[tile]; i++) {
		const struct det_seam *s = &in->seam[i];
		const float weight = weight_of(s->weight);
		uint32_t a, b;

		if (s->refused)
			continue;
		a = find(p, s->a);
		b = s->a == s->b ? a : find(p, s->b);
		if (a == b && s->a != s->b)
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
		if (a != b && !det_met(&c->met, a < b ? a : b, a < b ? b : a) &&
		    (e = leave(c, key_of(c, tile, s), a, b)))
			return e;
	}
	return DET_OK;
}

/* The regions of a tile become the picture's; edges that were left from `left` on get them. */
static enum det_err
name_tile(struct det_cutter *c, size_t tile, size_t left)
{
	const size_t first = c->p->first[tile], n = c->p->first[tile + 1] - first;
	enum det_err e;

	if ((e = det_grow(&c->region, &c->cap, c->n + n, sizeof *c->region)))
		return e;
	for (size_t i = 0; i < n; i++)
		if (c->patch[i].up & ROOT) {
			c->region[c->n] = c->patch[i];
			c->region[c->n].up &= ~OPEN;
			c->name[i] = (uint32_t)c->n++;
		}
	for (size_t i = 0; i < n; i++)
		c->of[first + i] = c->name[find(c->patch, (uint32_t)i)];
	for (size_t i = left; i < c->later.n; i++) {
		struct det_link *l = &c->later.link[i];

		l->a = c->name[l->a];
		l->b = c->name[l->b];
	}
	return DET_OK;
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

/* All edges that were left. min_size is 0 as regions grow. */
static enum det_err
go_on(struct det_cutter *c, uint32_t min_size)
{
	struct later *l = &c->later;
	struct part *p = c->region;
	enum det_err e;

	if ((e = det_room(&l->spare, &l->spare_cap, l->n, sizeof *l->spare)))
		return e;
	sort(l->link, l->spare, l->n);
	for (size_t i = 0; i < l->n; i++) {
		const float weight = weight_of(DET_LINK_WEIGHT(l->link[i].key));
		uint32_t a, b;

		if (i + AHEAD < l->n) {
			__builtin_prefetch(&p[l->link[i + AHEAD].a]);
			__builtin_prefetch(&p[l->link[i + AHEAD].b]);
		}
		a = find(p, l->link[i].a);
		b = find(p, l->link[i].b);
		if (min_size && may_absorb(p, a, b, min_size))
			(void)join(p, a, b);
		else if (!min_size && may_grow(p, a, b, weight))
			grow(p, a, b, weight, c->k);
	}
	return DET_OK;
}

/* Edges between tiles. The lightest that two regions may still be joined by is not known
 * here. */
static enum det_err
leave_links(struct det_cutter *c, uint32_t min_size)
{
	const struct det_patches *in = c->p;
	enum det_err e;

	for (size_t i = 0; i < in->links; i++) {
		const uint64_t key = in->link[i].key;
		const uint32_t a = c->of[in->link[i].a], b = c->of[in->link[i].b];

		if ((min_size ? may_absorb(c->region, a, b, min_size)
			      : may_grow(c->region, a, b, 0)) &&
		    (e = leave(c, key, a, b)))
			return e;
	}
	return DET_OK;
}

/* The edges at which something small ends. */
static enum det_err
leave_small(struct det_cutter *c, uint32_t min_size)
{
	const struct det_patches *in = c->p;
	enum det_err e;

	c->later.n = 0;
	for (size_t i = 0; i < in->n; i++)
		c->of[i] = find(c->region, c->of[i]);
	for (size_t t = 0, i = 0; t < in->across * in->down; t++) {
		const uint32_t *of = c->of + in->first[t];

		memset(&c->met, 0, sizeof c->met);
		for (; i < in->end[t]; i++) {
			const struct det_seam *s = &in->seam[i];
			const uint32_t a = of[s->a], b = of[s->b];

			if (may_absorb(c->region, a, b, min_size) &&
			    !det_met(&c->met, a < b ? a : b, a < b ? b : a) &&
			    (e = leave(c, key_of(c, t, s), a, b)))
				return e;
		}
	}
	return leave_links(c, min_size);
}

static enum det_err
cut(struct det_cutter *c, uint32_t min_size)
{
	const struct det_patches *in = c->p;
	enum det_err e;

	c->n = c->later.n = 0;
	if ((!c->patch && (e = det_alloc(&c->patch, AREA, sizeof *c->patch))) ||
	    (e = det_room(&c->of, &c->ofs, in->n, sizeof *c->of)) ||
	    (e = det_room(&c->name, &c->names, AREA, sizeof *c->name)))
		return e;
	for (size_t i = 0; i < in->across * in->down; i++) {
		const size_t left = c->later.n;

		if ((e = grow_tile(c, i)) || (e = name_tile(c, i, left)))
			return e;
	}
	if ((e = leave_links(c, 0)) || (e = go_on(c, 0)) || min_size == 0)
		return e;
	if ((e = leave_small(c, min_size)))
		return e;
	return go_on(c, min_size);
}

/* Numbers the regions by their first pixels. */
static enum det_err
number(struct det_labels *out, struct det_cutter *c)
{
	const struct det_patches *in = c->p;
	const uint32_t none = UINT32_MAX;
	enum det_err e;

	if ((e = det_room(&c->name, &c->names, c->n, sizeof *c->name)))
		return e;
	for (size_t i = 0; i < c->n; i++)
		c->name[i] = none;
	for (size_t i = 0; i < in->n; i++)
		c->of[i] = find(c->region, c->of[i]);
	out->n = 0;
	for (size_t y = 0, i = 0; y < in->h; y++)
		for (size_t x = 0; x < in->w; x++, i++) {
			const size_t tile =
			    y / DET_TILE * in->across + x / DET_TILE;
			const uint32_t r = c->of[in->first[tile] + in->of[i]];

			if (c->name[r] == none)
				c->name[r] = (uint32_t)out->n++;
			out->label[i] = c->name[r];
		}
	return DET_OK;
}

enum det_err
det_segment(struct det_labels *out, struct det_cutter **cutter,
    const struct det_patches *p, double k, long min_size)
{
	const size_t area = p->w * p->h;
	struct det_cutter *c = *cutter;
	enum det_err err;

	if (!(k >= p->k_least && k <= p->k_most) || min_size < 0)
		return det_fail(DET_INVALID,
		    "k of %g to %g and a size of 0 or more expected, found %g and %ld",
		    p->k_least, p->k_most, k, min_size);
	if ((!c && (err = det_calloc(&c, 1, sizeof *c))) ||
	    (err = det_room(&out->label, &out->cap, area, sizeof *out->label)))
		goto out;
	out->w = p->w;
	out->h = p->h;
	c->p = p;
	c->k = (float)k;
	if (!(err = cut(
		  c, (size_t)min_size < area ? (uint32_t)min_size : (uint32_t)area)))
		err = number(out, c);
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
	free(c->of);
	free(c->patch);
	free(c->name);
	free(c->region);
	free(c->later.link);
	free(c->later.spare);
	free(c);
}
