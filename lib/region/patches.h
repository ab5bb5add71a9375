/* SPDX-License-Identifier: MIT
 *
 * A picture cut into patches: what any cutting at a scale of some range keeps together, so
 * that several of them go through the picture's edges once.
 */
#ifndef DET_PATCHES_H
#define DET_PATCHES_H

#include "region/edges.h"

struct det_patch {
	uint32_t size; /* pixels */
	float inner;   /* the weight of its heaviest edge that joined, 0 for a pixel */
};

/* The first edge of a tile that did not join patches a and b: numbers within the tile. One
 * that CROSSES is the first from a to any other tile; b is a. */
struct det_seam {
	uint32_t edge;   /* as DET_EDGE has it */
	uint16_t weight; /* in steps */
	uint16_t a, b;
	uint16_t refused; /* it joins nothing at any scale of the range */
};

/* An edge between two parts of the picture. */
struct det_link {
	uint64_t key; /* DET_LINK_KEY: by this they are gone through */
	uint32_t a, b;
};

/* The pixel is y * w + x. 46 bits. */
#define DET_LINK_KEY(weight, pixel, way) \
	((uint64_t)(weight) << 30 | (uint64_t)(pixel) << 2 | (way))
#define DET_LINK_WEIGHT(key) ((key) >> 30)

struct det_patches {
	size_t w, h;
	size_t across, down;   /* tiles */
	double k_least, k_most; /* the range */
	/* Of each pixel the number of its patch within its tile, from 0 in the order of first
	 * pixels; of each tile the number of its first patch within the picture, and then n. */
	uint16_t *of;
	size_t *first;
	struct det_patch *patch;
	size_t n;
	/* Of each tile, in the order of its edges; end: where they end. */
	struct det_seam *seam;
	size_t *end;
	/* Between tiles: numbers within the picture. Tile by tile, in the order of edges. */
	struct det_link *link;
	size_t links;
	/* private: memory */
	size_t of_cap, tiles_cap, patch_cap, seam_cap, link_cap;
};

/* Start from {0}; memory of *out is used again. Scales k_least to k_most, 0 or more. Errors as
 * det_edges_start(). */
enum det_err det_patches_make(struct det_patches *out, const struct det_colours *c,
    const struct det_edges_params *p, double k_least, double k_most) DET_MUST_USE;
void det_patches_release(struct det_patches *p);

/* The pixel of the picture at which an edge of a tile starts. */
static inline size_t
det_patches_pixel(const struct det_patches *p, size_t tile, uint32_t edge)
{
	const size_t at = DET_EDGE_PIXEL(edge);
	const size_t x = tile % p->across * DET_TILE + at % DET_TILE;
	const size_t y = tile / p->across * DET_TILE + at / DET_TILE;

	return y * p->w + x;
}

/* Of pairs that were met before most: a table with one place for several pairs, so that it
 * forgets. Start from {0}; a != b. */
#define DET_MET_BITS 12

struct det_met {
	uint64_t pair[1 << DET_MET_BITS];
};

static inline int
det_met(struct det_met *m, uint32_t a, uint32_t b)
{
	const uint64_t pair = (uint64_t)a << 32 | b;
	uint64_t *at = &m->pair[pair * 0x9e3779b97f4a7c15u >> (64 - DET_MET_BITS)];
	const int met = *at == pair;

	*at = pair;
	return met;
}

#endif
