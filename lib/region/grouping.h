/* SPDX-License-Identifier: MIT
 *
 * Regions joined two by two, the most similar neighbours first, until one is left: a
 * hierarchy, whose every region is a guess at an object.
 */
#ifndef DET_GROUPING_H
#define DET_GROUPING_H

#include "region/regions.h"

/* Which similarities are added; each is in [0, 1]. */
enum {
	DET_LIKE_COLOUR = 1,  /* intersection of the histograms of colours */
	DET_LIKE_TEXTURE = 2, /* of the histograms of texture */
	DET_LIKE_SIZE = 4,    /* 1 - share of the picture: small ones first */
	DET_LIKE_FILL =
	    8, /* 1 - what the box around both has besides them, as a share */
};

struct det_group {
	struct det_extent box;
	uint32_t
	    level; /* 1: a region as it came; else 1 + the higher of its two parts */
	uint32_t
	    part[2]; /* numbers of the two; of a region as it came its own, twice */
};

/* How alike two regions are. */
float det_regions_alike(
    const struct det_regions *r, uint32_t a, uint32_t b, unsigned like);

/* out[0 .. r->n) are the regions as they came, out[r->n .. *n) those that were joined, in
 * that order; *n is 2 * r->n - 1 where all regions are connected, and out has room for that.
 * Of equally similar pairs the one with the lower number, then the lower other number comes
 * first; a joined region's number is its place in out. The counts in r are used up. */
enum det_err det_regions_group(struct det_group *out, size_t *n, struct det_regions *r,
    unsigned like) DET_MUST_USE;

#endif
