/* SPDX-License-Identifier: MIT
 *
 * Box lists. A box is continuous pixel coordinates [x1,x2) x [y1,y2), no +1, in the space
 * that its list names: "input" (the network's input tensor) or "image" (the upright
 * original picture).
 *
 * Coordinates and scores are doubles so that annotations and results of other programs
 * survive conversion to the last digit; detectors compute them in float.
 */
#ifndef DET_BOXES_H
#define DET_BOXES_H

#include <math.h>

#include "stream/record.h"
#include "stream/writer.h"

#define DET_BOX_SIZE 64 /* bytes in a stream */

enum {
	DET_BOX_DIFFICULT = 1,
	DET_BOX_CROWD = 2,
	DET_BOX_IGNORE = 4,
};
#define DET_BOX_ASIDE (DET_BOX_DIFFICULT | DET_BOX_CROWD | DET_BOX_IGNORE)
struct det_box {
	double x1, y1, x2, y2;
	double score;   /* ground truth: 1 */
	double area;    /* annotated area in pixels; 0: not given, the box's own */
	int32_t label;  /* index into the stream's class table; -1: none */
	uint32_t flags; /* any of ASIDE: neither learnt from nor background */
	int32_t
	    source; /* index of the anchor, proposal or line that it came from; -1 */
};

/* Whether its corners are finite. */
static inline int
det_box_finite(const struct det_box *b)
{
	return isfinite(b->x1) && isfinite(b->y1) && isfinite(b->x2) && isfinite(b->y2);
}

enum det_space { DET_SPACE_INPUT, DET_SPACE_IMAGE };

struct det_boxes {
	struct det_box *box; /* malloc'd */
	size_t n, cap;
	enum det_space space;
};

void det_boxes_release(struct det_boxes *b);
enum det_err det_boxes_add(struct det_boxes *b, const struct det_box *box) DET_MUST_USE;

/* Decodes a DET_BOXES record (loads it). NaN or infinity anywhere is DET_CORRUPT, naming
 * the box. *b is reused: its memory grows, its n and space are set. */
enum det_err det_boxes_read(struct det_boxes *b, struct det_record *r) DET_MUST_USE;

/* Writes a list; `a` are attributes besides name and space, may be NULL. */
enum det_err det_boxes_write(struct det_writer *w, const char *name,
    const struct det_boxes *b, const struct det_attrs *a) DET_MUST_USE;

#endif
