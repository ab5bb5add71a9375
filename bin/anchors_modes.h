/* SPDX-License-Identifier: MIT
 *
 * What det-anchors does: anchors into a stream, --print and --kmeans. `wanted` says which of
 * the maps of the text `a` count, a byte each.
 */
#ifndef DET_ANCHORS_MODES_H
#define DET_ANCHORS_MODES_H

#include "bin/tool.h"
#include "box/anchors.h"

/* Before each wanted map of each item its anchors, else the stream as it comes. */
void anchors_stream(struct tool *t, const struct det_anchors *a, const char *wanted);

struct anchors_print {
	int print;
	const char *size;  /* "WxH" of the input; NULL: not known */
	const char *cells; /* "WxH,..." of the wanted maps; NULL: one cell each */
};

/* A line a box: map, row, column, anchor, x1 y1 x2 y2. */
void anchors_print(struct tool *t, const struct anchors_print *p,
    const struct det_anchors *a, const char *wanted);

struct anchors_learn {
	long k, seed;
	double stride;     /* result in cells of so many pixels; 0: in pixels */
	const char *boxes; /* name of the list */
};

/* Prints "w,h,w,h,..."; says on standard error how well they fit. Boxes are taken in the
 * input's pixels where items tell those, else in pictures stretched to `size`, else as they
 * are. */
void anchors_learn(struct tool *t, const struct anchors_learn *l, const char *size);

/* "WxH" at *s, which moves past it and a comma. */
void anchors_size(struct tool *t, long *w, long *h, const char **s, const char *option);

#endif
