/* SPDX-License-Identifier: MIT
 *
 * What is known of each region of a picture that was cut into regions: size, box,
 * histograms, neighbours.
 */
#ifndef DET_REGIONS_H
#define DET_REGIONS_H

#include "region/segment.h"
#include "region/texture.h"

#define DET_COLOUR_BINS 25 /* of a channel, over 0..255 */

/* Pixels [x1,x2) x [y1,y2). */
struct det_extent {
	uint32_t x1, y1, x2, y2;
};

struct det_regions {
	size_t n;
	size_t area;    /* pixels of the picture */
	uint32_t *size; /* pixels of each region */
	struct det_extent *box;
	/* A row of each region: `colour` counts, then `texture` counts, each padded with zeros
	 * to a multiple of 16; whole numbers, exact up to 2^24. The counts of colour sum to
	 * size * channels, those of texture to size * channels * DET_TEXTURE_WAYS. */
	float *count;
	size_t colour, texture, channels;
	/* Regions that touch, at a side or a corner: pairs a < b, each once, sorted. */
	uint32_t (*pair)[2];
	size_t pairs;
};

/* Start from {0}. The colours and the texture must have the labels' size. */
enum det_err det_regions_make(struct det_regions *out, const struct det_labels *l,
    const struct det_colours *c, const struct det_texture *t) DET_MUST_USE;
void det_regions_release(struct det_regions *r);

/* The least box around two. */
struct det_extent det_extent_both(struct det_extent a, struct det_extent b);

#endif
