/* SPDX-License-Identifier: MIT
 *
 * Surfaces. All of them mix two colours by a number m between 0 and 1 that a pattern gives
 * for each place; edges in patterns are as wide as a pixel, so that they don't alias. Two
 * samples of one field of clouds (value noise of six octaves, Perlin's weights 1/2^k, on a
 * torus), a coarse and a fine one, bend the patterns and roughen the colours.
 */
#include "image/scene_texture.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

#define PI      3.14159265358979323846
#define OCTAVES 7

/* --- clouds ---------------------------------------------------------------------------- */

/* Adds a lattice of `cells` random values a side, smoothly filled in. */
static void
add_octave(float *noise, struct det_random *rng, size_t cells, float weight)
{
	static const size_t side = NOISE_SIDE;
	float lattice[1 << OCTAVES][1 << OCTAVES];
	const size_t step = side / cells;

	for (size_t i = 0; i < cells; i++)
		for (size_t k = 0; k < cells; k++)
			lattice[i][k] = (float)det_random_uniform(rng) - .5f;
	for (size_t y = 0; y < side; y++) {
		const size_t i = y / step, i1 = (i + 1) % cells;
		const float fy = (float)(y % step) / (float)step;
		const float sy = fy * fy * (3 - 2 * fy);

		for (size_t x = 0; x < side; x++) {
			const size_t k = x / step, k1 = (k + 1) % cells;
			const float fx = (float)(x % step) / (float)step;
			const float sx = fx * fx * (3 - 2 * fx);
			const float top =
			    lattice[i][k] + sx * (lattice[i][k1] - lattice[i][k]);
			const float low =
			    lattice[i1][k] + sx * (lattice[i1][k1] - lattice[i1][k]);

			noise[y * NOISE_STRIDE + x] +=
			    weight * (top + sy * (low - top));
		}
	}
}

enum det_err
noise_new(float **out)
{
	struct det_random rng;
	enum det_err e;

	if ((e = det_calloc(out, (size_t)NOISE_SIDE * NOISE_STRIDE, sizeof **out)))
		return e;
	det_random_seed(&rng, 0, 0);
	for (size_t i = 0; i < (size_t)NOISE_SIDE * NOISE_STRIDE; i++)
		(*out)[i] = .5f;
	for (size_t k = 2; k <= OCTAVES; k++)
		add_octave(*out, &rng, (size_t)1 << k, 3.2f / (float)(1 << k));
	for (size_t y = 0; y < NOISE_SIDE; y++)
		memcpy(*out + y * NOISE_STRIDE + NOISE_SIDE, *out + y * NOISE_STRIDE,
		    (NOISE_STRIDE - NOISE_SIDE) * sizeof **out);
	return DET_OK;
}

/* --- colours --------------------------------------------------------------------------- */

vec4
color_make(double hue, double saturation, double value)
{
	vec4 c = vec4_all(0);

	for (int i = 0; i < 3; i++) {
		const double turn = fmod(hue + 1 - i / 3. + 1, 1);
		const double ramp = fabs(turn * 6 - 3) - 1;
		const double pure = ramp < 0 ? 0 : ramp > 1 ? 1 : ramp;
		const double screen = value * (1 - saturation + saturation * pure);

		c[i] = (float)(screen * screen);
	}
	return c;
}

vec4
color_any(struct det_random *rng, double darkest, double lightest)
{
	const double hue = det_random_uniform(rng), u = det_random_uniform(rng);
	const double value = darkest + (lightest - darkest) * det_random_uniform(rng);

	/* greys are as common as strong colours */
	return color_make(hue, u * u * .95, value);
}

double
color_contrast(vec4 a, vec4 b)
{
	double sum = 0;

	for (int i = 0; i < 3; i++) {
		const double d = sqrt((double)a[i]) - sqrt((double)b[i]);

		sum += d * d;
	}
	return sqrt(sum / 3);
}

/* --- patterns -------------------------------------------------------------------------- */

void
texture_make(struct texture *t, struct det_random *rng, enum texture_kind kind,
    double period, double angle, vec4 a, vec4 b)
{
	const double c = cos(angle) / period, s = sin(angle) / period;
	const int joints = kind == TEXTURE_TILES || kind == TEXTURE_BRICKS;

	*t = (struct texture){ .kind = kind, .a = a, .b = b };
	t->ux = (float)c;
	t->uy = (float)s;
	t->vx = (float)-s;
	t->vy = (float)c;
	/* coordinates stay above 0, where parts of a period are cheap */
	t->u = 1000 + (float)det_random_uniform(rng);
	t->v = 1000 + (float)det_random_uniform(rng);
	t->soft = (float)(1 / period);
	t->part = (float)(joints ? .02 + .06 * det_random_uniform(rng)
				 : .3 + .4 * det_random_uniform(rng));
	t->grain = (float)(.05 + .3 * pow(det_random_uniform(rng), 2));
	t->warp =
	    (float)(kind == TEXTURE_WOOD           ? 1.5
		    : det_random_uniform(rng) < .5 ? 0
						   : .3 * det_random_uniform(rng));
	t->nx = (float)(1000 + 256 * det_random_uniform(rng));
	t->ny = (float)(1000 + 256 * det_random_uniform(rng));
	t->coarse = (float)(period * (.08 + .35 * det_random_uniform(rng)));
}

static vec4
part_of(vec4 v)
{
	return v - vec4_of(vec4_whole(v));
}

/* How far into a period's middle, -.5 to .5: positive for so much of it as `part`. */
static vec4
wave(vec4 v, float part)
{
	return .5f * part - vec4_abs(part_of(v) - .5f);
}

/* 0 before an edge, 1 behind it, in between over a distance of 1 / hard. Soft edges (far
 * away, where a period is less than a few pixels) end in the mean. */
static vec4
edge(vec4 distance, float hard)
{
	return vec4_unit(.5f + distance * hard);
}

/* A number for each cell of a grid, 0..1. */
static vec4
cell_shade(vec4 u, vec4 v)
{
	const word4 h =
	    ((word4)vec4_whole(u) * 0x9e3779b1u) ^ ((word4)vec4_whole(v) * 0x85ebca77u);

	return vec4_of((mask4)((h * 0xc2b2ae3du) >> 24)) / 255;
}

static vec4
noise_four(const float *noise, vec4 x, vec4 y)
{
	return (vec4){ noise_at(noise, x[0], y[0]), noise_at(noise, x[1], y[1]),
		noise_at(noise, x[2], y[2]), noise_at(noise, x[3], y[3]) };
}

static vec4
near_four(const float *noise, vec4 x, vec4 y)
{
	const mask4 ix = vec4_whole(x) & (NOISE_SIDE - 1),
		    iy = vec4_whole(y) & (NOISE_SIDE - 1), at = iy * NOISE_STRIDE + ix;

	return (vec4){ noise[at[0]], noise[at[1]], noise[at[2]], noise[at[3]] };
}

static vec4
wall(const struct texture *t, vec4 u, vec4 v, float hard)
{
	vec4 a, b;

	if (t->kind == TEXTURE_BRICKS)
		u = .5f * u + .5f * vec4_of(vec4_whole(v) & 1);
	a = edge(wave(u, 1 - t->part), hard);
	b = edge(wave(v, 1 - t->part), hard);
	return a * b * (.6f + .4f * cell_shade(u, v));
}

static vec4
dots(const struct texture *t, vec4 u, vec4 v, float hard)
{
	const vec4 a = part_of(u) - .5f, b = part_of(v) - .5f, q = a * a + b * b;
	const vec4 d = { sqrtf(q[0]), sqrtf(q[1]), sqrtf(q[2]), sqrtf(q[3]) };

	return edge(.45f * t->part + .1f - d, hard);
}

/* How much of the second colour; n: clouds. */
static vec4
pattern(const struct texture *t, const float *noise, vec4 u, vec4 v, vec4 n, float hard)
{
	vec4 a, b;

	switch (t->kind) {
	case TEXTURE_PLAIN: return .25f * n;
	case TEXTURE_CLOUDS: return vec4_unit(2.2f * n - .6f);
	case TEXTURE_SPECKLE:
		return edge(noise_four(noise, 21 * u, 21 * v) - .3f - .4f * t->part,
		    1 / (1.3f / hard + .04f));
	case TEXTURE_STRIPES: return edge(wave(u, t->part), hard);
	case TEXTURE_PLAID:
		a = edge(wave(u, t->part), hard);
		b = edge(wave(v, t->part), hard);
		return .5f * (a + b);
	case TEXTURE_CHECKS:
		a = edge(wave(u, .5f), hard) - .5f;
		b = edge(wave(v, .5f), hard) - .5f;
		return .5f + 2 * a * b;
	case TEXTURE_DOTS: return dots(t, u, v, hard);
	case TEXTURE_TILES:
	case TEXTURE_BRICKS: return wall(t, u, v, hard);
	case TEXTURE_WOOD:
		a = part_of(6 * (.2f * u + n));
		return .25f + .5f * vec4_abs(2 * a - 1) +
		       .25f * near_four(noise, 2 * u, 40 * v);
	case TEXTURE_END: break;
	}
	return vec4_all(0);
}

/* Whether clouds show in the pattern, bent or by themselves. */
static int
is_cloudy(const struct texture *t)
{
	return t->warp > 0 || t->kind == TEXTURE_PLAIN || t->kind == TEXTURE_CLOUDS ||
	       t->kind == TEXTURE_WOOD;
}

/* The clouds at four places in a line: first[0] at the first, and what *next becomes at the
 * one after the last. They are so smooth that the rest is between. */
static vec4
clouds_four(float *next, const struct texture *t, const float *noise, float u, float v)
{
	const vec4 quarter = { 0, .25f, .5f, .75f };
	const float a = *next, b = noise_at(noise, t->nx + (u - 1000) * t->coarse,
				   t->ny + (v - 1000) * t->coarse);

	*next = b;
	return a + quarter * (b - a);
}

void
texture_row(float *out, size_t n, const struct texture *t, const float *noise, float x,
    float y, float step, float far)
{
	const vec4 four = { 0, 1, 2, 3 }, none = { 0, 0, 0, 0 };
	const int cloudy = is_cloudy(t);
	const float u0 = t->uy * y + t->u, v0 = t->vy * y + t->v;
	/* roughness is the picture's, pixel by pixel, wherever the surface is */
	const float *fine =
	    noise + ((int)(y + t->ny) & (NOISE_SIDE - 1)) * NOISE_STRIDE;
	const size_t first =
	    (size_t)(t->nx + 4096) + (step == 1 ? (size_t)(x + 8192) : 0);
	const float hard = 1 / (t->soft * far);
	float next = .5f;

	if (cloudy)
		(void)clouds_four(&next, t, noise, t->ux * x + u0, t->vx * x + v0);
	for (size_t i = 0; i < n; i += 4) {
		const vec4 at = x + step * ((float)(int)i + four);
		const vec4 rough =
		    vec4_load(fine + ((first + i) & (NOISE_SIDE - 1))) - .5f;
		const float end = at[0] + 4 * step;
		vec4 u = t->ux * at + u0, v = t->vx * at + v0, m, c = none + .5f;

		if (cloudy)
			c = clouds_four(
			    &next, t, noise, t->ux * end + u0, t->vx * end + v0);
		if (t->warp > 0) {
			u += t->warp * (c - .5f);
			v += t->warp * (c - .5f);
		}
		m = pattern(t, noise, u, v, c, hard);
		for (int k = 0; k < 4; k++)
			vec4_store(out + 4 * (i + (size_t)k),
			    (t->a + m[k] * (t->b - t->a)) * (1 + t->grain * rough[k]));
	}
}
