/* SPDX-License-Identifier: MIT
 *
 * Private to lib/image: what surfaces in drawn scenes look like. Colours are linear light,
 * 0..1.
 */
#ifndef DET_SCENE_TEXTURE_H
#define DET_SCENE_TEXTURE_H

#include <stddef.h>

#include "base/err.h"
#include "base/random.h"
#include "image/scene_vec.h"

#define NOISE_SIDE   256 /* a power of two */
#define NOISE_STRIDE (NOISE_SIDE + 4)

/* Clouds that repeat every NOISE_SIDE in both directions, about 0..1, mean .5: (NOISE_SIDE,
 * NOISE_STRIDE), rows beginning anew at their ends. Always the same ones. */
enum det_err noise_new(float **out) DET_MUST_USE;

/* The clouds at any place that is nearer to 0 than 1e6, between its four neighbours. */
static inline float
noise_at(const float *noise, float x, float y)
{
	const int ix = (int)x - (x < 0), iy = (int)y - (y < 0);
	const float fx = x - (float)ix, fy = y - (float)iy;
	const float *top = noise + (iy & (NOISE_SIDE - 1)) * NOISE_STRIDE +
			   (ix & (NOISE_SIDE - 1)),
		    *low = noise + ((iy + 1) & (NOISE_SIDE - 1)) * NOISE_STRIDE +
			   (ix & (NOISE_SIDE - 1));
	const float a = top[0] + fx * (top[1] - top[0]),
		    b = low[0] + fx * (low[1] - low[0]);

	return a + fy * (b - a);
}

enum texture_kind {
	TEXTURE_PLAIN,
	TEXTURE_CLOUDS,
	TEXTURE_SPECKLE,
	TEXTURE_STRIPES,
	TEXTURE_PLAID,
	TEXTURE_CHECKS,
	TEXTURE_DOTS,
	TEXTURE_TILES,
	TEXTURE_BRICKS,
	TEXTURE_WOOD,
	TEXTURE_END,
};

struct texture {
	enum texture_kind kind;
	vec4 a, b;                  /* its two colours */
	float ux, uy, vx, vy, u, v; /* pixels to its own coordinates, period 1 */
	float soft;                 /* a pixel's width in those */
	float part;                 /* of the first colour, or of joints */
	float grain;                /* how much fine noise */
	float warp;                 /* how far clouds bend it */
	float nx, ny;               /* where in the clouds it lies, */
	float coarse;               /* how many of theirs a period is */
};

/* A random one of that kind; `period` in pixels. */
void texture_make(struct texture *t, struct det_random *rng, enum texture_kind kind,
    double period, double angle, vec4 a, vec4 b);

/* Its colours at n places (x, y), (x + step, y) ...: out (n,4), with room for a multiple of
 * four; `far` times as much of it in a pixel as usual. */
void texture_row(float *out, size_t n, const struct texture *t, const float *noise,
    float x, float y, float step, float far);

/* A colour from hue, saturation and value as a screen has them, each 0..1. */
vec4 color_make(double hue, double saturation, double value);
/* A random one, between these values. */
vec4 color_any(struct det_random *rng, double darkest, double lightest);
/* How different two look, 0 to about 1. */
double color_contrast(vec4 a, vec4 b);

#endif
