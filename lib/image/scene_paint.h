/* SPDX-License-Identifier: MIT
 *
 * Private to lib/image: the canvas of a drawn scene and what is done to it.
 */
#ifndef DET_SCENE_PAINT_H
#define DET_SCENE_PAINT_H

#include "base/err.h"
#include "base/random.h"
#include "image/image.h"
#include "image/scene_shape.h"
#include "image/scene_texture.h"

#define GRAIN_SIZE 8192
#define CURVE_SIZE 4096

struct canvas {
	size_t w, h;
	float *light; /* (h,w,4): linear red, green, blue, nothing; room for more */
	float *row;   /* (w,4): colours of a thing's row */
	unsigned char *owner; /* (h,w): which thing a pixel shows, 0: the ground */
	float *noise;         /* NOISE_SIDE clouds */
	float *grain;         /* normals: GRAIN_SIZE, and more than a row's */
	unsigned char *curve; /* sRGB's: CURVE_SIZE steps of linear light to 0..255 */
	float *sheet;         /* distances around the thing that is being painted */
	unsigned *span;       /* which part of each of the sheet's rows is in use */
	size_t cap_sheet, cap_span;
};

enum det_err canvas_new(struct canvas *c, size_t w, size_t h) DET_MUST_USE;
void canvas_release(struct canvas *c);

/* The sun, as a unit vector towards it: right, down, up out of the picture. */
struct sun {
	float x, y, z;
	float hx, hy, hz; /* halfway to the viewer: where mirrors stand that shine */
	float ambient;    /* of the light that falls on the flat, from everywhere */
	float dark;       /* of shadows */
};

#define THING_BANDS 3

struct thing {
	struct shape shape;
	struct texture texture;
	float x, y;   /* its centre, pixels */
	float bevel;  /* how far from the outline it is round, pixels */
	float gloss;  /* how much it shines */
	int sharp;    /* how sharply: the exponent is 2^sharp */
	float rim;    /* width of a dark outline, pixels */
	float height; /* over what is behind: how long its shadow is, pixels */
	int label;    /* -1: clutter */
	struct {      /* parts in another colour, across its own axis */
		float from, to;
		vec4 color;
	} band[THING_BANDS];
	size_t bands;
	/* what painting found */
	size_t whole;          /* pixels, seen or not */
	size_t seen;           /* pixels that nothing hides */
	size_t x1, y1, x2, y2; /* of those */
};

/* The ground: something textured, or a floor and a wall. */
void paint_ground(struct canvas *c, struct det_random *rng, vec4 *mean);
/* A thing and its shadow over what is there; sets whole, and owner to `id`, 1 or more. */
enum det_err paint_thing(struct canvas *c, struct thing *t, const struct sun *sun,
    unsigned char id) DET_MUST_USE;
/* Sets what is seen of the things, which were painted with ids from 1 on. */
void paint_count(struct thing *t, size_t n, const struct canvas *c);
/* Uneven light, a lens and a sensor: from light to bytes. im is (h,w). */
void paint_expose(struct det_image *im, struct canvas *c, struct det_random *rng);

#endif
