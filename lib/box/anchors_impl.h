/* SPDX-License-Identifier: MIT
 *
 * Anchors as parsed. Private to lib/box.
 */
#ifndef DET_ANCHORS_IMPL_H
#define DET_ANCHORS_IMPL_H

#include "box/anchors.h"

#define DET_ANCHORS_LIST 64  /* numbers in a list of the text */
#define DET_ANCHORS_CELL 256 /* anchors in a cell */

enum det_anchors_kind { DET_ANCHORS_GRID, DET_ANCHORS_PRIOR, DET_ANCHORS_PAIRS };

enum det_anchors_clip {
	DET_PRIOR_AS_IS,
	DET_PRIOR_CORNER,
	DET_PRIOR_CENTER,
	DET_PRIOR_SIZE
};

enum det_anchors_stride { DET_STRIDE_GIVEN, DET_STRIDE_FLOOR, DET_STRIDE_EXACT };

/* One line of the text. */
struct det_anchors_line {
	char *map;
	char *text; /* the statement, without comment and surplus blanks */
	int kind;
	int stride_of;    /* enum det_anchors_stride */
	double stride[2]; /* x, y; where given */
	double offset;    /* of a cell's centre, in strides */
	size_t n;         /* anchors in a cell */
	float *cell;      /* grid: x1 y1 x2 y2 around 0; others: w, h (twice as many
	                    * places as they use) */
	int relative;     /* prior: w, h are fractions of the input */
	int clip;         /* prior: enum det_anchors_clip */
	int cells;        /* pairs: w, h are cells, not pixels */
};

struct det_anchors {
	struct det_anchors_line *line;
	size_t n, cap;
};

/* Sets m->text from a line of the text. */
enum det_err det_anchors_keep_text(
    struct det_anchors_line *m, const char *line, size_t n) DET_MUST_USE;

#endif
