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

#include "base/mem.h"

#define PI      3.14159265358979323846
#define OCTAVES 6

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

			noise[y * side + x] += weight * (top + sy * (low - top));
		}
	}
}

enum det_err
noise_new(float **out)
{
	struct det_random rng;
	enum det_err e;

	if ((e = det_calloc(out, (size_t)NOISE_SIDE * NOISE_SIDE, sizeof **out)))
		return e;
	det_random_seed(&rng, 0, 0);
	for (size_t i = 0; i < (size_t)NOISE_SIDE * NOISE_SIDE; i++)
		(*out)[i] = .5f;
	for (size_t k = 2; k <= OCTAVES; k++)
		add_octave(*out, &rng, (size_t)1 << k, 3.2f / (float)(1 << k));
	return DET_OK;
}

float
noise_at(const float *noise, float x, float y)
{
	const int ix = (int)x - (x < 0), iy = (int)y - (y < 0);
	const float fx = x - (float)ix, fy = y - (float)iy;
	const int x0 = ix & (NOISE_SIDE - 1), x1 = (ix + 1) & (NOISE_SIDE - 1);
	const float *top = noise + (iy & (NOISE_SIDE - 1)) * NOISE_SIDE,
		    *low = noise + ((iy + 1) & (NOISE_SIDE - 1)) * NOISE_SIDE;
	const float a = top[x0] + fx * (top[x1] - top[x0]),
		    b = low[x0] + fx * (low[x1] - low[x0]);

	return a + fy * (b - a);
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
	t->coarse = (float)(period * (.15 + .6 * det_random_uniform(rng)));
	t->fine = (float)(1 + 2 * det_random_uniform(rng));
}

static float
part_of(float v)
{
	return v - (float)(int)v;
}

/* How far into a period's middle, -.5 to .5: positive for so much of it as `part`. */
static float
wave(float v, float part)
{
	return .5f * part - fabsf(part_of(v) - .5f);
}

static float
edge(float distance, float soft)
{
	return unit_cut(.5f + distance / soft);
}

/* A number for each cell of a grid, 0..1. */
static float
cell_shade(float u, float v)
{
	const uint32_t h =
	    ((uint32_t)(int)u * 0x9e3779b1u) ^ ((uint32_t)(int)v * 0x85ebca77u);

	return (float)((h * 0xc2b2ae3du) >> 24) / 255;
}

/* Wide soft edges (far away, where a period is less than a few pixels) end in the mean. */
static float
pattern(
    const struct texture *t, const float *noise, float u, float v, float n, float soft)
{
	float a, b;

	switch (t->kind) {
	case TEXTURE_PLAIN: return .25f * n;
	case TEXTURE_CLOUDS: return unit_cut(2.2f * n - .6f);
	case TEXTURE_SPECKLE:
		a = noise_at(noise, 21 * u, 21 * v) - .3f - .4f * t->part;
		return edge(a, 21 * soft * .06f + .04f);
	case TEXTURE_STRIPES: return edge(wave(u, t->part), soft);
	case TEXTURE_PLAID:
		a = edge(wave(u, t->part), soft);
		b = edge(wave(v, t->part), soft);
		return .5f * (a + b);
	case TEXTURE_CHECKS:
		a = edge(wave(u, .5f), soft) - .5f;
		b = edge(wave(v, .5f), soft) - .5f;
		return .5f + 2 * a * b;
	case TEXTURE_DOTS:
		a = part_of(u) - .5f;
		b = part_of(v) - .5f;
		return edge(.45f * t->part + .1f - sqrtf(a * a + b * b), soft);
	case TEXTURE_BRICKS:
		u = .5f * u + .5f * (float)((int)v & 1);
		a = edge(wave(u, 1 - t->part), soft);
		b = edge(wave(v, 1 - 1.5f * t->part), soft);
		return a * b * (.55f + .45f * cell_shade(u, v));
	case TEXTURE_TILES:
		a = edge(wave(u, 1 - t->part), soft);
		b = edge(wave(v, 1 - t->part), soft);
		return a * b * (.8f + .2f * cell_shade(u, v));
	case TEXTURE_WOOD:
		a = part_of(6 * (.2f * u + n));
		return .25f + .5f * fabsf(2 * a - 1) +
		       .25f * noise_at(noise, 2 * u, 40 * v);
	case TEXTURE_END: break;
	}
	return 0;
}

vec4
texture_at(const struct texture *t, const float *noise, float x, float y, float far)
{
	float u = t->ux * x + t->uy * y + t->u, v = t->vx * x + t->vy * y + t->v;
	const float n = noise_at(
	    noise, t->nx + (u - 1000) * t->coarse, t->ny + (v - 1000) * t->coarse);
	const float rough =
	    1 + t->grain *
		    (noise_at(noise, t->fine * x + t->ny, t->fine * y + t->nx) - .5f);
	float m;

	u += t->warp * (n - .5f);
	v += t->warp * (n - .5f);
	m = pattern(t, noise, u, v, n, t->soft * far);
	return (t->a + m * (t->b - t->a)) * rough;
}
