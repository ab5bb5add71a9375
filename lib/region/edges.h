/* SPDX-License-Identifier: MIT
 *
 * The edges between the neighbouring pixels of a picture, and how much the colours at their
 * ends differ, in order; tile by tile.
 */
#ifndef DET_EDGES_H
#define DET_EDGES_H

#include <stddef.h>
#include <stdint.h>

#include "region/colour.h"

/* A picture may have this many pixels. */
#define DET_SEGMENT_PIXELS ((size_t)1 << 28)

/* Weights are counted in this part of a grey level. */
#define DET_SEGMENT_STEPS 128

/* How the picture is smoothed before. */
enum det_blur {
	/* the authors': taps to 4 sigma, rounded up, the picture's edge repeated */
	DET_BLUR_CLAMP,
	/* OpenCV's: (8 sigma + 1) taps, rounded to odd, the picture mirrored */
	DET_BLUR_MIRROR,
};

struct det_edges_params {
	double sigma; /* of the smoothing; 0: none; at most 32 */
	enum det_blur blur;
	int corners; /* pixels that meet at a corner are neighbours too: 8, not 4 */
	double
	    gain; /* weights times this, (0, 2]; a channel that stands for three: sqrt 3 */
};

/* The picture is gone through in square tiles of this many pixels a side, row by row. */
#define DET_TILE 256

/* An edge in the list of a tile: the pixel of the tile at which it starts, its way and
 * flags. */
#define DET_EDGE(x, y, way, flags) \
	((uint32_t)((((y)*DET_TILE + (x)) * 4 + (way)) * 4 + (flags)))
#define DET_EDGE_PIXEL(e) ((e) / 16) /* y * DET_TILE + x */
#define DET_EDGE_WAY(e)   ((e) / 4 % 4)

enum {
	DET_EDGE_CROSSES = 1, /* only one of its pixels is in the tile */
	DET_EDGE_FOREIGN = 2, /* that is the one at which it ends; way is 0 */
};

/* The list of one tile. An edge from one tile to another is in the lists of both. */
struct det_edges {
	size_t w, h;         /* of the picture */
	unsigned ways;       /* edges that start at a pixel: 2 or 4 */
	size_t across, down; /* tiles */
	/* the tile: its number, its first pixel, its sides */
	size_t tile, x, y, tile_w, tile_h;
	/* n edges by weight. Equal ones: foreign ones first, the others by pixel and way. */
	uint32_t *edge;
	uint16_t *weight; /* of each, in parts of 1 / DET_SEGMENT_STEPS */
	size_t n;
	struct det_weigher *weigher; /* private */
};

/* Start from {0}; then each det_edges_next() gives the next tile's list, and 0 after the last.
 * The colours are used until then. DET_LIMIT where the picture has too many pixels,
 * DET_INVALID where a parameter is out of its range. */
enum det_err det_edges_start(struct det_edges *out, const struct det_colours *c,
    const struct det_edges_params *p) DET_MUST_USE;
int det_edges_next(struct det_edges *e);
void det_edges_release(struct det_edges *e);

#endif
