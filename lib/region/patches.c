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
 * This is done tile by tile, whose pixels the caches hold. An edge to another tile is open from
 * the start. What comes out are the patches: regions that every cutting has joined by the time
 * that it meets the first edge that was not decided.
 *
 * Of the edges between two patches only the first counts. When it does not join the regions
 * in which its ends lie, one of them refused it and will never grow again, but to be joined to
 * small regions in the end; and there too, what the first edge does not join, none will. So
 * only that one is kept, of four for each pixel one or two for ten. Of the edges from a patch to
 * other tiles the first is kept in the tile (it opens what the patch is part of), and all
 * that start there for the picture.
 *
 * All results are those of the plain procedure over pixels, to the bit.
 */
#include "region/patches.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define AREA    ((size_t)DET_TILE * DET_TILE)
#define ROOT    0x80000000u
#define REFUSED 0x80000000u

/* A pixel: part of a tree whose root stands for the region. */
struct part {
	uint32_t up; /* the next towards the root; of a root ROOT + the size */
	float least; /* of a root: its limit at the least k; -1 where it is open */
	float most;  /* and at the largest; infinite where it is open */
	float inner; /* the weight of the heaviest edge that joined */
};

struct maker {
	struct det_patches *out;
	struct det_edges edges;
	float k_least, k_most;
	struct part *part;    /* of a tile */
	uint16_t *name;       /* of each root: its patch */
	unsigned char *leads; /* of each patch: whether an edge to another tile is kept */
	uint32_t *left;       /* places in the list of edges that did not join, and REFUSED */
	struct det_met *met;
};

void
det_patches_release(struct det_patches *p)
{
	free(p->of);
	free(p->first);
	free(p->patch);
	free(p->seam);
	free(p->end);
	free(p->link);
	*p = (struct det_patches){ 0 };
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

static void
join(const struct maker *m, uint32_t a, uint32_t b, float weight)
{
	struct part *p = m->part;
	const uint32_t to = p[a].up < p[b].up ? b : a, from = a ^ b ^ to;
	const uint32_t size = (p[a].up & ~ROOT) + (p[b].up & ~ROOT);

	p[from].up = to;
	p[to].up = ROOT + size;
	p[to].inner = weight;
	p[to].least = weight + m->k_least / (float)size;
	p[to].most = weight + m->k_most / (float)size;
}

static void
open(struct part *p)
{
	p->least = -1;
	p->most = INFINITY;
}

static const uint32_t step[4] = { 1, DET_TILE, DET_TILE + 1, 1u - DET_TILE };

/* The edges of a tile; the result is how many are left. */
static size_t
grow(struct maker *m)
{
	const struct det_edges *e = &m->edges;
	struct part *p = m->part;
	size_t n = 0;

	for (size_t i = 0; i < e->tile_h * DET_TILE; i++)
		p[i] = (struct part){ ROOT + 1, m->k_least, m->k_most, 0 };
	memset(m->met, 0, sizeof *m->met);
	for (size_t i = 0; i < e->n; i++) {
		const uint32_t edge = e->edge[i], crosses = edge & DET_EDGE_CROSSES;
		const float weight = (float)e->weight[i] / DET_SEGMENT_STEPS;
		uint32_t a = find(p, DET_EDGE_PIXEL(edge)), b = a, refused;

		if (!crosses &&
		    a == (b = find(p, DET_EDGE_PIXEL(edge) + step[DET_EDGE_WAY(edge)])))
			continue;
		if (!crosses && weight <= p[a].least && weight <= p[b].least) {
			join(m, a, b, weight);
			continue;
		}
		refused = weight > p[a].most || weight > p[b].most ? REFUSED : 0;
		if (!refused) {
			open(&p[a]);
			open(&p[b]);
		}
		if (crosses || !det_met(m->met, a < b ? a : b, a < b ? b : a))
			m->left[n++] = (uint32_t)i | refused;
	}
	return n;
}

/* The regions of a tile become patches. */
static enum det_err
name(struct maker *m)
{
	const struct det_edges *e = &m->edges;
	struct det_patches *out = m->out;
	struct part *p = m->part;
	uint16_t n = 0;
	enum det_err err;

	if ((err = det_grow(&out->patch, &out->patch_cap, out->n + AREA,
		 sizeof *out->patch)))
		return err;
	for (size_t i = 0; i < e->tile_h * DET_TILE; i++)
		if (i % DET_TILE < e->tile_w && p[i].up & ROOT) {
			out->patch[out->n++] =
			    (struct det_patch){ p[i].up & ~ROOT, p[i].inner };
			m->name[i] = n++;
		}
	for (size_t y = 0; y < e->tile_h; y++) {
		uint16_t *to = out->of + (e->y + y) * e->w + e->x;

		for (size_t x = 0; x < e->tile_w; x++)
			to[x] = m->name[find(p, (uint32_t)(y * DET_TILE + x))];
	}
	return DET_OK;
}

/* An edge to another tile; b is a pixel yet. */
static enum det_err
link_out(struct maker *m, uint32_t edge, uint16_t weight, uint16_t a)
{
	struct det_patches *out = m->out;
	const size_t way[4] = { 1, out->w, out->w + 1, 1 - out->w };
	const size_t at = det_patches_pixel(out, m->edges.tile, edge);
	const unsigned k = DET_EDGE_WAY(edge);
	enum det_err e;

	if ((e = det_grow(&out->link, &out->link_cap, out->links + 1,
		 sizeof *out->link)))
		return e;
	out->link[out->links++] = (struct det_link){ DET_LINK_KEY(weight, at, k),
		(uint32_t)out->first[m->edges.tile] + a, (uint32_t)(at + way[k]) };
	return DET_OK;
}

/* Of the edges that were left, the first between two patches; seams has room. */
static enum det_err
keep(struct maker *m, size_t left, size_t *seams)
{
	const struct det_edges *e = &m->edges;
	struct det_patches *out = m->out;
	struct part *p = m->part;
	enum det_err err;

	memset(m->met, 0, sizeof *m->met);
	memset(m->leads, 0, AREA);
	for (size_t i = 0; i < left; i++) {
		const size_t at = m->left[i] & ~REFUSED;
		const uint32_t edge = e->edge[at];
		const uint16_t a = m->name[find(p, DET_EDGE_PIXEL(edge))];
		uint16_t b = a;

		if (edge & DET_EDGE_CROSSES) {
			if (!(edge & DET_EDGE_FOREIGN) &&
			    (err = link_out(m, edge, e->weight[at], a)))
				return err;
			if (m->leads[a])
				continue;
			m->leads[a] = 1;
		} else {
			b = m->name[find(
			    p, DET_EDGE_PIXEL(edge) + step[DET_EDGE_WAY(edge)])];
			if (a == b || det_met(m->met, a < b ? a : b, a < b ? b : a))
				continue;
		}
		out->seam[(*seams)++] = (struct det_seam){ edge, e->weight[at], a, b,
			(m->left[i] & REFUSED) != 0 };
	}
	return DET_OK;
}

static enum det_err
make_tile(struct maker *m, size_t *seams)
{
	struct det_patches *out = m->out;
	const size_t left = grow(m);
	enum det_err e;

	out->first[m->edges.tile] = out->n;
	if ((e = name(m)) || (e = det_grow(&out->seam, &out->seam_cap, *seams + left,
				  sizeof *out->seam)) ||
	    (e = keep(m, left, seams)))
		return e;
	out->end[m->edges.tile] = *seams;
	return DET_OK;
}

/* The patches at which edges to other tiles end; the first between two patches is kept. */
static void
connect(struct maker *m)
{
	struct det_patches *out = m->out;
	size_t n = 0;

	memset(m->met, 0, sizeof *m->met);
	for (size_t i = 0; i < out->links; i++) {
		struct det_link *l = &out->link[i];
		const size_t x = l->b % out->w, y = l->b / out->w;
		const size_t tile = y / DET_TILE * out->across + x / DET_TILE;

		l->b = (uint32_t)out->first[tile] + out->of[l->b];
		if (!det_met(m->met, l->a, l->b))
			out->link[n++] = *l;
	}
	out->links = n;
}

static enum det_err
make_room(struct maker *m)
{
	struct det_patches *out = m->out;
	const struct det_edges *e = &m->edges;
	const size_t tiles = e->across * e->down;
	/* the longest list of a tile: see there */
	const size_t most = AREA * e->ways + 3 * 4 * (DET_TILE + 2);
	enum det_err err;

	out->w = e->w;
	out->h = e->h;
	out->across = e->across;
	out->down = e->down;
	out->n = out->links = 0;
	free(out->first);
	free(out->end);
	out->first = out->end = NULL;
	if ((err = det_room(&out->of, &out->of_cap, e->w * e->h, sizeof *out->of)) ||
	    (err = det_alloc(&out->first, tiles + 1, sizeof *out->first)) ||
	    (err = det_alloc(&out->end, tiles, sizeof *out->end)) ||
	    (err = det_alloc(&m->part, AREA, sizeof *m->part)) ||
	    (err = det_alloc(&m->name, AREA, sizeof *m->name)) ||
	    (err = det_alloc(&m->leads, AREA, 1)) ||
	    (err = det_alloc(&m->left, most, sizeof *m->left)))
		return err;
	return det_alloc(&m->met, 1, sizeof *m->met);
}

enum det_err
det_patches_make(struct det_patches *out, const struct det_colours *c,
    const struct det_edges_params *p, double k_least, double k_most)
{
	struct maker m = { .out = out,
		.k_least = (float)k_least,
		.k_most = (float)k_most };
	size_t seams = 0;
	enum det_err e;

	if (!(k_least >= 0 && k_least <= k_most && k_most <= 1e9)) {
		e = det_fail(DET_INVALID,
		    "scales of 0 to 1e9 expected, found %g to %g", k_least, k_most);
		goto out;
	}
	if ((e = det_edges_start(&m.edges, c, p)) || (e = make_room(&m)))
		goto out;
	out->k_least = k_least;
	out->k_most = k_most;
	while (!e && det_edges_next(&m.edges))
		e = make_tile(&m, &seams);
	if (e)
		goto out;
	out->first[out->across * out->down] = out->n;
	connect(&m);
out:
	det_edges_release(&m.edges);
	free(m.part);
	free(m.name);
	free(m.leads);
	free(m.left);
	free(m.met);
	if (e)
		det_patches_release(out);
	return e;
}
