/* SPDX-License-Identifier: MIT
 *
 * A picture cut into regions of like colour (Felzenszwalb and Huttenlocher, IJCV 2004): the
 * edges between neighbouring pixels are sorted once, and then cut at any scale k.
 */
#ifndef DET_SEGMENT_H
#define DET_SEGMENT_H

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

/* The edges of a picture in the order of their weights. */
struct det_edges {
	size_t w, h;
	unsigned ways;   /* edges that start at a pixel: 2 or 4 */
	uint32_t *order; /* pixel * ways + way, lightest first, equal ones by number */
	uint32_t *end; /* end[v]: edges of weight up to v / DET_SEGMENT_STEPS; 65536 */
	size_t n;
};

/* Start from {0}. DET_LIMIT where the picture has too many pixels, DET_INVALID where a
 * parameter is out of its range. */
enum det_err det_edges_make(struct det_edges *out, const struct det_colours *c,
    const struct det_edges_params *p) DET_MUST_USE;
void det_edges_release(struct det_edges *e);

/* Number of the region of each pixel, from 0 in the order of their first pixels. */
struct det_labels {
	size_t w, h, n;
	uint32_t *label; /* h * w, owned */
};

/* k: the larger, the larger the regions; then regions below min_size pixels are joined to
 * others. Start from {0}. */
enum det_err det_segment(struct det_labels *out, const struct det_edges *e, double k,
    long min_size) DET_MUST_USE;
void det_labels_release(struct det_labels *l);

#endif
