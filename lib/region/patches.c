/* SPDX-License-Identifier: MIT
 *
 * What cuttings at several scales have in common. A cutting (segment.c has its procedure)
 * goes through the edges from the lightest, and each joins two regions or is refused, which
 * depends on the scale k: the weight must be at most Int + k / size for both. That limit grows
 * with k, so one look at the least k and one at the largest tell what all in between do:
 *
 *   joined   the weight is within both limits at the least k: at all
 *   refused  it is above one limit at the largest k: at all; that region will never grow
 *            again, since all edges that follow are no lighter
 *   open     else: what becomes of these regions is not known here. Both stay as they are,
 *            and every edge that ends in one of them from now on is open, but for what the
 *            other refuses
 *
 * This is done twice. First tile by tile, whose pixels the caches hold: the edges of one weight
 * lie all over the picture, and to go through a large one in their order is to miss the caches
 * at every step. There an edge to another tile is open from the start. What comes out are the
 * pieces: regions that every cutting has joined by the time that it meets the first edge
 * that was not decided. Then for the whole picture, with pieces in place of pixels; what comes
 * out are the patches.
 *
 * Of the edges between two pieces only the first counts. When it does not join the regions
 * in which its ends lie, one of them refused it and will never grow again, but to be joined to
 * small regions in the end; and there too, what the first edge does not join, none will. So
 * only that one is kept: of four edges for each pixel about one for two pixels.
 *
 * All results are those of the plain procedure over pixels, to the bit.
 */
#include "region/patches.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define AREA     ((size_t)DET_TILE * DET_TILE)
#define ROOT     0x80000000u
#define PIXEL    0x80000000u /* of an end of a link: it is not a piece's number yet */
#define AHEAD    16
#define RADIX    12 /* bits sorted at once; four times that is all of a key */
#define MET_BITS 12

/* What is known of a region. */
struct limits {
	float least; /* its limit at the least k; -1 where it is open */
	float most;  /* and at the largest; infinite where it is open */
	float inner; /* the weight of the heaviest edge that joined */
};

/* Of pairs that were met before most: a table with one place for several pairs, so that it
 * forgets. No pair is of two equal numbers. */
struct met {
	uint64_t pair[1 << MET_BITS];
};

struct maker {
	struct det_patches *out;
	struct det_edges edges;
	float k_least, k_most;
	/* Of pixels of a tile, then of pieces of the picture: parts of trees, whose roots stand for
	 * the regions. up: the next towards the root; of a root ROOT + the size. */
	uint32_t *up;
	struct limits *limits; /* of roots */
	uint16_t *name;        /* of each root: its piece */
	uint32_t *left;        /* places in the list of edges that did not join */
	struct det_link *spare;
	struct met *met;
};

enum fate { JOINED, REFUSED, LEFT };

void
det_patches_release(struct det_patches *p)
{
	free(p->patch);
	free(p->link);
	free(p->piece);
	free(p->first);
	free(p->of);
	*p = (struct det_patches){ 0 };
}

static int
met(struct met *m, uint32_t a, uint32_t b)
{
	const uint64_t pair = a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;
	uint64_t *at = &m->pair[pair * 0x9e3779b97f4a7c15u >> (64 - MET_BITS)];
	const int is = *at == pair;

	*at = pair;
	return is;
}

static uint32_t
find(uint32_t *up, uint32_t i)
{
	while (!(up[i] & ROOT)) {
		const uint32_t next = up[i];

		if (!(up[next] & ROOT))
			up[i] = up[next];
		i = next;
	}
	return i;
}

static struct limits
limits(const struct maker *m, uint32_t size, float inner)
{
	return (struct limits){ inner + m->k_least / (float)size,
		inner + m->k_most / (float)size, inner };
}

static void
open(struct limits *l)
{
	l->least = -1;
	l->most = INFINITY;
}

/* An edge between the regions of two roots; from one to what is not known they are equal. */
static inline enum fate
meet(const struct maker *m, uint32_t a, uint32_t b, float weight)
{
	struct limits *const x = &m->limits[a], *const y = &m->limits[b];

	if (a != b && weight <= x->least && weight <= y->least) {
		const uint32_t to = m->up[a] < m->up[b] ? b : a, from = a ^ b ^ to;
		const uint32_t size = (m->up[a] & ~ROOT) + (m->up[b] & ~ROOT);

		m->up[from] = to;
		m->up[to] = ROOT + size;
		m->limits[to] = limits(m, size, weight);
		return JOINED;
	}
	if (weight > x->most || weight > y->most)
		return REFUSED;
	open(x);
	open(y);
	return LEFT;
}

static const uint32_t step[4] = { 1, DET_TILE, DET_TILE + 1, 1u - DET_TILE };

/* The edges of a tile; the result is how many did not join. */
static size_t
grow_tile(struct maker *m)
{
	const struct det_edges *e = &m->edges;
	uint32_t *up = m->up;
	size_t n = 0;

	for (size_t i = 0; i < e->tile_h * DET_TILE; i++) {
		up[i] = ROOT + 1;
		m->limits[i] = (struct limits){ m->k_least, m->k_most, 0 };
	}
	memset(m->met, 0, sizeof *m->met);
	for (size_t i = 0; i < e->n; i++) {
		const uint32_t edge = e->edge[i], crosses = edge & DET_EDGE_CROSSES;
		const float weight = (float)e->weight[i] / DET_SEGMENT_STEPS;
		uint32_t a = find(up, DET_EDGE_PIXEL(edge)), b = a;

		if (!crosses && a == (b = find(up, DET_EDGE_PIXEL(edge) +
						       step[DET_EDGE_WAY(edge)])))
			continue;
		if (meet(m, a, b, weight) == JOINED || edge & DET_EDGE_FOREIGN)
			continue;
		if (crosses || !met(m->met, a, b))
			m->left[n++] = (uint32_t)i;
	}
	return n;
}

/* The regions of a tile become pieces; until all are known they are patches. */
static enum det_err
name_tile(struct maker *m)
{
	const struct det_edges *e = &m->edges;
	struct det_patches *out = m->out;
	uint32_t *up = m->up;
	uint16_t n = 0;
	enum det_err err;

	out->first[e->tile] = out->n;
	if ((err = det_grow(
		 &out->patch, &out->patch_cap, out->n + AREA, sizeof *out->patch)))
		return err;
	for (size_t i = 0; i < e->tile_h * DET_TILE; i++)
		if (i % DET_TILE < e->tile_w && up[i] & ROOT) {
			out->patch[out->n++] =
			    (struct det_patch){ up[i] & ~ROOT, m->limits[i].inner };
			m->name[i] = n++;
		}
	for (size_t y = 0; y < e->tile_h; y++) {
		uint16_t *to = out->piece + (e->y + y) * e->w + e->x;

		for (size_t x = 0; x < e->tile_w; x++)
			to[x] = m->name[find(up, (uint32_t)(y * DET_TILE + x))];
	}
	return DET_OK;
}

/* Of the edges that were left, the first between two pieces, and all to other tiles. */
static enum det_err
link_tile(struct maker *m, size_t left)
{
	const struct det_edges *e = &m->edges;
	struct det_patches *out = m->out;
	const size_t way[4] = { 1, e->w, e->w + 1, 1 - e->w };
	const uint32_t first = (uint32_t)out->first[e->tile];
	enum det_err err;

	if ((err = det_grow(
		 &out->link, &out->link_cap, out->links + left, sizeof *out->link)))
		return err;
	memset(m->met, 0, sizeof *m->met);
	for (size_t i = 0; i < left; i++) {
		const uint32_t edge = e->edge[m->left[i]];
		const size_t in = DET_EDGE_PIXEL(edge), k = DET_EDGE_WAY(edge);
		const size_t at = (e->y + in / DET_TILE) * e->w + e->x + in % DET_TILE;
		const uint32_t a = first + out->piece[at];
		uint32_t b = (uint32_t)(at + way[k]) | PIXEL;

		if (!(edge & DET_EDGE_CROSSES)) {
			b = first + out->piece[at + way[k]];
			if (a == b || met(m->met, a, b))
				continue;
		}
		out->link[out->links++] =
		    (struct det_link){ DET_LINK_KEY(e->weight[m->left[i]], at, k), a,
			    b };
	}
	return DET_OK;
}

/* The pieces at which edges to other tiles end; the first between two from a tile's is
 * kept. */
static void
resolve(struct maker *m)
{
	struct det_patches *out = m->out;
	size_t n = 0;

	memset(m->met, 0, sizeof *m->met);
	for (size_t i = 0; i < out->links; i++) {
		struct det_link l = out->link[i];

		if (l.b & PIXEL) {
			const size_t at = l.b & ~PIXEL;
			const size_t tile = at / out->w / DET_TILE * out->across +
					    at % out->w / DET_TILE;

			l.b = (uint32_t)out->first[tile] + out->piece[at];
			/* from the other side heavier ones may have come before */
			if (l.a < l.b && met(m->met, l.a, l.b))
				continue;
		}
		out->link[n++] = l;
	}
	out->links = n;
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

/* The links of the picture; those that are left stay. */
static void
grow_all(struct maker *m)
{
	struct det_patches *out = m->out;
	struct det_link *l = out->link;
	uint32_t *up = m->up;
	size_t n = 0;

	for (size_t i = 0; i < out->n; i++) {
		up[i] = ROOT + out->patch[i].size;
		m->limits[i] = limits(m, out->patch[i].size, out->patch[i].inner);
	}
	for (size_t i = 0; i < out->links; i++) {
		const float weight =
		    (float)DET_LINK_WEIGHT(l[i].key) / DET_SEGMENT_STEPS;
		uint32_t a, b;

		if (i + AHEAD < out->links) {
			__builtin_prefetch(&up[l[i + AHEAD].a]);
			__builtin_prefetch(&up[l[i + AHEAD].b]);
		}
		a = find(up, l[i].a);
		b = find(up, l[i].b);
		if (a != b && meet(m, a, b, weight) != JOINED)
			l[n++] = (struct det_link){ l[i].key, a, b };
	}
	out->links = n;
}

/* The regions of pieces become patches. */
static void
name_all(struct maker *m)
{
	struct det_patches *out = m->out;
	uint32_t *up = m->up;
	size_t n = 0;

	out->pieces = out->n;
	for (size_t i = 0; i < out->pieces; i++)
		if (up[i] & ROOT) {
			out->patch[n] =
			    (struct det_patch){ up[i] & ~ROOT, m->limits[i].inner };
			out->of[i] = (uint32_t)n++;
		}
	out->n = n;
	for (size_t i = 0; i < out->pieces; i++)
		if (!(up[i] & ROOT))
			out->of[i] = out->of[find(up, (uint32_t)i)];
	n = 0;
	memset(m->met, 0, sizeof *m->met);
	for (size_t i = 0; i < out->links; i++) {
		const struct det_link *l = &out->link[i];
		const uint32_t a = out->of[find(up, l->a)], b = out->of[find(up, l->b)];

		if (a != b && !met(m->met, a, b))
			out->link[n++] = (struct det_link){ l->key, a, b };
	}
	out->links = n;
}

static enum det_err
make_room(struct maker *m)
{
	struct det_patches *out = m->out;
	const struct det_edges *e = &m->edges;
	/* the longest list of a tile: see there */
	const size_t most = AREA * e->ways + 3 * 4 * (DET_TILE + 2);
	enum det_err err;

	out->w = e->w;
	out->h = e->h;
	out->across = e->across;
	out->down = e->down;
	out->n = out->links = 0;
	free(out->first);
	out->first = NULL;
	if ((err = det_room(
		 &out->piece, &out->piece_cap, e->w * e->h, sizeof *out->piece)) ||
	    (err = det_alloc(&out->first, e->across * e->down, sizeof *out->first)) ||
	    (err = det_alloc(&m->up, AREA, sizeof *m->up)) ||
	    (err = det_alloc(&m->limits, AREA, sizeof *m->limits)) ||
	    (err = det_alloc(&m->name, AREA, sizeof *m->name)) ||
	    (err = det_alloc(&m->left, most, sizeof *m->left)))
		return err;
	return det_alloc(&m->met, 1, sizeof *m->met);
}

static enum det_err
make(struct maker *m)
{
	struct det_patches *out = m->out;
	enum det_err e;

	while (det_edges_next(&m->edges)) {
		const size_t left = grow_tile(m);

		if ((e = name_tile(m)) || (e = link_tile(m, left)))
			return e;
	}
	resolve(m);
	if ((e = det_alloc(&m->spare, out->links, sizeof *m->spare)))
		return e;
	sort(out->link, m->spare, out->links);
	free(m->spare);
	m->spare = NULL;
	free(m->up);
	free(m->limits);
	m->up = NULL;
	m->limits = NULL;
	if ((e = det_alloc(&m->up, out->n, sizeof *m->up)) ||
	    (e = det_alloc(&m->limits, out->n, sizeof *m->limits)) ||
	    (e = det_room(&out->of, &out->of_cap, out->n, sizeof *out->of)))
		return e;
	grow_all(m);
	name_all(m);
	return DET_OK;
}

enum det_err
det_patches_make(struct det_patches *out, const struct det_colours *c,
    const struct det_edges_params *p, double k_least, double k_most)
{
	struct maker m = {
		.out = out, .k_least = (float)k_least, .k_most = (float)k_most
	};
	enum det_err e;

	if (!(k_least >= 0 && k_least <= k_most && k_most <= 1e9)) {
		e = det_fail(DET_INVALID, "scales of 0 to 1e9 expected, found %g to %g",
		    k_least, k_most);
		goto out;
	}
	if ((e = det_edges_start(&m.edges, c, p)) || (e = make_room(&m)) ||
	    (e = make(&m)))
		goto out;
	out->k_least = k_least;
	out->k_most = k_most;
out:
	det_edges_release(&m.edges);
	free(m.up);
	free(m.limits);
	free(m.name);
	free(m.left);
	free(m.spare);
	free(m.met);
	if (e)
		det_patches_release(out);
	return e;
}
