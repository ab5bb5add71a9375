/* SPDX-License-Identifier: MIT
 *
 * Private to lib/image: silhouettes of things in drawn scenes as signed distances, pixels,
 * negative inside.
 */
#ifndef DET_SCENE_SHAPE_H
#define DET_SCENE_SHAPE_H

#include <stddef.h>

#include "base/random.h"

#define SHAPE_EDGES 32

/* The classes, in the order of det_scene_class, then what clutter is made of. */
enum shape_class {
	SHAPE_DISC,
	SHAPE_RING,
	SHAPE_BOX,
	SHAPE_TRIANGLE,
	SHAPE_STAR,
	SHAPE_CROSS,
	SHAPE_HEART,
	SHAPE_BOTTLE,
	SHAPE_STICK,
	SHAPE_ARC,
	SHAPE_ZIGZAG,
	SHAPE_BLOB,
	SHAPE_CRESCENT,
	SHAPE_ANGLE,
	SHAPE_END,
};

struct shape_edge {
	float x, y, dx, dy; /* from, and to where, relative to the centre */
	float inv;          /* 1 / (dx dx + dy dy) */
};

struct shape {
	enum { SHAPE_ELLIPSE, SHAPE_POLYGON, SHAPE_LINE } kind;
	float rx, ry; /* ellipse: half axes */
	float hollow; /* ellipse: not 0: only what is so near its outline */
	float round;  /* what is so near is inside, too */
	struct shape_edge edge[SHAPE_EDGES];
	size_t n;
	float cos, sin; /* of its rotation */
	float reach;    /* no part is farther from the centre */
	float deep;     /* about the least distance of its middle from its outline */
	float
	    up; /* the size of its own frame: coordinates along its axes over this are in
		   * -1..1 */
};

/* A shape of a class, about `r` pixels from its centre to its farthest part, turned by
 * `angle`; the rest is chance's. */
void shape_make(struct shape *s, struct det_random *rng, enum shape_class class,
    double r, double angle);

/* The part of a row y that may be nearer to the shape than `far`: from *from to *to, all
 * relative to the centre; *from > *to where there is none. */
void shape_span(float *from, float *to, const struct shape *s, float y, float far);
/* Distances of n pixels from (x, y) on to the right, relative to the centre. d has room for
 * a multiple of four. */
void shape_row(float *d, size_t n, const struct shape *s, float x, float y);

/* Uniform in [lo, hi). */
static inline double
chance_in(struct det_random *rng, double lo, double hi)
{
	return lo + (hi - lo) * det_random_uniform(rng);
}

/* Uniform between lo and hi, both included. */
static inline long
chance_of(struct det_random *rng, long lo, long hi)
{
	return lo + (long)det_random_below(rng, (uint64_t)(hi - lo + 1));
}

/* True with this probability. */
static inline int
chance(struct det_random *rng, double p)
{
	return det_random_uniform(rng) < p;
}

#endif
