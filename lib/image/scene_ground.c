/* SPDX-License-Identifier: MIT
 *
 * What a scene stands on, and the camera that takes it.
 *
 * The ground is a surface seen from above, or a floor that runs to a horizon below a wall: a
 * row dy below the horizon is near / dy times as far away, so what is one pixel wide there
 * is near / dy of the floor's pixels wide.
 *
 * The camera: light falls off to one side and to the corners, and is broken by the clouds;
 * the sensor adds noise with a part of it in common to the colours; linear light becomes a
 * screen's bytes by sRGB's curve.
 */
#include "image/scene_paint.h"

#include <math.h>
#include <string.h>

static enum texture_kind
any_kind(struct det_random *rng)
{
	return (enum texture_kind)chance_of(rng, 0, TEXTURE_END - 1);
}

static void
any_surface(struct texture *t, struct det_random *rng, const struct canvas *c)
{
	const double side = (double)(c->w < c->h ? c->w : c->h);
	const vec4 a = color_any(rng, .2, .95);
	const vec4 b = chance(rng, .7) ? a * (float)chance_in(rng, .45, .9) +
					     .08f * color_any(rng, .1, .9)
				       : color_any(rng, .15, .95);

	texture_make(t, rng, any_kind(rng),
	    side * exp(chance_in(rng, log(.04), log(.3))),
	    chance(rng, .4) ? 0 : chance_in(rng, 0, 6.28), a, b);
}

static void
flat(struct canvas *c, const struct texture *t, size_t from, size_t to)
{
	for (size_t y = from; y < to; y++)
		texture_row(
		    c->light + 4 * y * c->w, c->w, t, c->noise, 0, (float)y, 1, 1);
}

static void
floor_below(struct canvas *c, const struct texture *t, size_t horizon)
{
	const float near = .7f * (float)c->h, middle = .5f * (float)c->w;

	for (size_t y = horizon; y < c->h; y++) {
		const float far = near / ((float)(y - horizon) + .06f * (float)c->h);

		texture_row(c->light + 4 * y * c->w, c->w, t, c->noise, -middle * far,
		    near * far, far, far > 1 ? far * far : far);
	}
}

void
paint_ground(struct canvas *c, struct det_random *rng, vec4 *mean)
{
	struct texture t, wall;
	size_t horizon;

	memset(c->owner, 0, c->w * c->h);
	any_surface(&t, rng, c);
	*mean = .5f * (t.a + t.b);
	if (chance(rng, .7)) {
		flat(c, &t, 0, c->h);
		return;
	}
	any_surface(&wall, rng, c);
	horizon = (size_t)((double)c->h * chance_in(rng, .15, .6));
	flat(c, &wall, 0, horizon);
	floor_below(c, &t, horizon);
}

/* --- the camera ------------------------------------------------------------------------ */

struct lens {
	float slope_x, slope_y; /* light from one side */
	float corner;           /* how much darker corners are */
	float cloud, scale;     /* how broken the light is, and how finely */
	float x, y;             /* where in the clouds */
	vec4 gain;
	float noise; /* of the sensor, over the light */
};

static struct lens
any_lens(struct det_random *rng, const struct canvas *c)
{
	const double side = (double)(c->w > c->h ? c->w : c->h);
	struct lens l;

	l.slope_x = (float)(chance_in(rng, -.4, .4) / side);
	l.slope_y = (float)(chance_in(rng, -.4, .4) / side);
	l.corner = (float)chance_in(rng, 0, .35);
	l.cloud = (float)(chance(rng, .5) ? chance_in(rng, .2, 1) : 0);
	l.scale = (float)(chance_in(rng, 30, 120) / side);
	l.x = (float)chance_in(rng, 0, 256);
	l.y = (float)chance_in(rng, 0, 256);
	for (int i = 0; i < 4; i++)
		l.gain[i] = (float)chance_in(rng, .88, 1.12);
	l.gain *= (float)exp(chance_in(rng, -.5, .2));
	l.noise = (float)(.09 * pow(det_random_uniform(rng), 2));
	return l;
}

/* The light that falls on (x, y), around 1. */
static float
fall(const struct lens *l, const struct canvas *c, float x, float y)
{
	const float u = x - .5f * (float)c->w, v = y - .5f * (float)c->h;
	const float q = (float)(c->w * c->w + c->h * c->h);
	float f =
	    1 + l->slope_x * u + l->slope_y * v - 4 * l->corner * (u * u + v * v) / q;

	if (l->cloud > 0)
		f *= 1 - l->cloud * (noise_at(c->noise, l->x + l->scale * x,
					 l->y + l->scale * y) -
					.5f);
	return f;
}

/* Noise grows with the light, and there is some in the dark. Falls differ little between
 * neighbours: eight pixels share one. */
static void
expose_row(unsigned char *out, const struct canvas *c, const struct lens *l, size_t y,
    const float *grain)
{
	const vec4 most = vec4_all(CURVE_SIZE - 1);
	const unsigned char *curve = c->curve;
	const float *in = c->light + 4 * y * c->w;
	vec4 gain = l->gain;

	for (size_t x = 0; x < c->w; x++, in += 4, out += 3, grain += 3) {
		vec4 v;
		mask4 whole;
		int32_t k[4];

		if (x % 8 == 0)
			gain = l->gain * (CURVE_SIZE * fall(l, c, (float)x, (float)y));
		v = vec4_load(in) * gain;
		v += (v + .05f * CURVE_SIZE) * (l->noise * vec4_load(grain));
		whole = vec4_whole(vec4_min(vec4_above_0(v), most));
		memcpy(k, &whole, sizeof k);
		out[0] = curve[k[0]];
		out[1] = curve[k[1]];
		out[2] = curve[k[2]];
	}
}

void
paint_expose(struct det_image *im, struct canvas *c, struct det_random *rng)
{
	const struct lens l = any_lens(rng, c);

	for (size_t y = 0; y < c->h; y++)
		expose_row(im->rgb + 3 * y * c->w, c, &l, y,
		    c->grain + det_random_below(rng, GRAIN_SIZE));
}
