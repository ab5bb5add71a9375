/* SPDX-License-Identifier: MIT
 *
 * Anchors (prior boxes) of feature maps, as the text "anchors" of a model says
 * (formats/anchors.md): one line a map, in the order of the levels,
 *
 *   grid(p2) sizes=32 ratios=.5,1,2 ...     sizes x ratios around each cell
 *   prior(conv4_3) min=30 max=60 ratios=2   SSD's prior boxes
 *   pairs(y16) anchors=81,82,135,169        widths and heights as they are (YOLO)
 *
 * As tensors they are f32 (H, W, A, 4), x1 y1 x2 y2 in pixels of the network's input; A is
 * the number in a cell. In a stream the tensor is called "MAP.anchors" and stands before
 * the map that it belongs to.
 */
#ifndef DET_ANCHORS_H
#define DET_ANCHORS_H

#include <stddef.h>

#include "base/err.h"

struct det_anchors;

/* Errors are DET_INVALID "NAME:LINE: what was expected, what was found". */
enum det_err det_anchors_parse(struct det_anchors **out, const char *text, size_t len,
    const char *name) DET_MUST_USE;
void det_anchors_free(struct det_anchors *a);

/* The maps, in the order of the text; no name twice. */
size_t det_anchors_maps(const struct det_anchors *a);
const char *det_anchors_map(const struct det_anchors *a, size_t i);
/* Number of the map of that name; 0 where there is none. */
int det_anchors_find(size_t *i, const struct det_anchors *a, const char *map);
/* Anchors in a cell of map i. */
size_t det_anchors_in_cell(const struct det_anchors *a, size_t i);

/* The statement of map i, as it was written but for comments and surplus blanks. */
const char *det_anchors_text(const struct det_anchors *a, size_t i);
/* DET_INVALID where the statement `made`, of a map of any name, gives other anchors than that
 * of map i, naming both; and where it is none. */
enum det_err det_anchors_agree(
    const struct det_anchors *a, size_t i, const char *made) DET_MUST_USE;

/* Where a map lies: its size in cells, and the size in pixels of the network's input
 * (padding included), which strides that are not given follow from. */
struct det_anchors_at {
	size_t h, w;
	long in_h, in_w; /* 0: not known; an error only where the text needs it */
};

/* Fills out[h * w * A * 4], malloc'd by the caller. DET_INVALID where a size is 0 that the
 * text needs, or a box is not finite. */
enum det_err det_anchors_make(float *out, const struct det_anchors *a, size_t i,
    const struct det_anchors_at *at) DET_MUST_USE;

/* Only those of the given numbers, (row * w + column) * A + anchor, into out[4 * n]; each
 * number is below h * w * A. The same values as det_anchors_make's. */
enum det_err det_anchors_pick(float *out, const struct det_anchors *a, size_t i,
    const struct det_anchors_at *at, const size_t *number, size_t n) DET_MUST_USE;

/* The text of a named parameter set: "caffe", "tv", "d2", "retinanet", "ssd300", ... with
 * its maps; NULL where there is none of that name. i-th name, NULL past the end. */
const char *det_anchors_profile(const char *name);
const char *det_anchors_profile_name(size_t i);

#endif
