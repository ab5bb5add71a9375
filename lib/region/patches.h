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

/* The first edge between two patches that did not join them. */
struct det_link {
	uint64_t key; /* DET_LINK_KEY: by this they are in order */
	uint32_t a, b;
};

/* The pixel is y * w + x. 46 bits. */
#define DET_LINK_KEY(weight, pixel, way) \
	((uint64_t)(weight) << 30 | (uint64_t)(pixel) << 2 | (way))
#define DET_LINK_WEIGHT(key) ((key) >> 30)

struct det_patches {
	size_t w, h;
	double k_least, k_most; /* the range */
	struct det_patch *patch;
	size_t n;
	struct det_link *link;
	size_t links;
	/* A pixel of tile t belongs to of[first[t] + piece[y * w + x]]. */
	size_t across, down; /* tiles */
	uint16_t *piece;     /* of each pixel, the part of its tile: from 0 in each */
	size_t *first;       /* of each tile, its first piece's number in the picture */
	uint32_t *of;        /* of each of those, the patch */
	size_t pieces;
	/* private: memory */
	size_t patch_cap, link_cap, piece_cap, of_cap;
};

/* Start from {0}; memory of *out is used again. Scales k_least to k_most, 0 to 1e9. Errors as
 * det_edges_start(). */
enum det_err det_patches_make(struct det_patches *out, const struct det_colours *c,
    const struct det_edges_params *p, double k_least, double k_most) DET_MUST_USE;
void det_patches_release(struct det_patches *p);

#endif
