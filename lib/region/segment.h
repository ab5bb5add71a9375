/* SPDX-License-Identifier: MIT
 *
 * A picture cut into regions of like colour (Felzenszwalb and Huttenlocher, IJCV 2004): the
 * edges between neighbouring pixels are sorted once, and then cut at any scale k.
 */
#ifndef DET_SEGMENT_H
#define DET_SEGMENT_H

#include "region/patches.h"

/* Number of the region of each pixel, from 0 in the order of their first pixels. */
struct det_labels {
	size_t w, h, n;
	uint32_t *label; /* h * w, owned */
	size_t cap;      /* private */
};

/* Memory that cuttings one after the other use again. */
struct det_cutter;

/* k: the larger, the larger the regions; in the range of the patches. Then regions below
 * min_size pixels are joined to others. Start from {0} and a cutter of NULL, which becomes
 * one to be freed; memory of both is used again. */
enum det_err det_segment(struct det_labels *out, struct det_cutter **cutter,
    const struct det_patches *p, double k, long min_size) DET_MUST_USE;
void det_cutter_free(struct det_cutter *c);
void det_labels_release(struct det_labels *l);

#endif
