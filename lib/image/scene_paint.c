/* SPDX-License-Identifier: MIT
 *
 * Painting a thing. Its signed distances d are laid out on a sheet that covers it and its
 * shadow's soft edge. A pixel is covered by .5 - d, cut to 0..1, the area that a straight
 * outline leaves of it.
 *
 * It is lit as a body whose edge is round: at depth -d below the outline, up to `bevel`, its
 * surface turns like a quarter circle, t = -d / bevel: the normal is (1 - t) grad d in the
 * plane and sqrt(t (2 - t)) out of it, which is a unit vector because grad d is one. A bevel
 * as deep as a disc is a sphere, as half a ring's width a torus. Light is Lambert's, scaled so
 * that what is flat has the texture's own colour, and Blinn's highlight.
 *
 * The shadow is the same sheet, put down aside first, its edge as soft as the thing is high.
 */
#include "image/scene_paint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum det_err
canvas_new(struct canvas *c, size_t w, size_t h)
{
	struct det_random rng;
	enum det_err e;

	*c = (struct canvas){ .w = w, .h = h };
	if ((e = det_calloc(&c->light, w * h, 4 * sizeof *c->light)) ||
	    (e = det_alloc(&c->owner, w * h, 1)) ||
	    (e = det_alloc(&c->grain, GRAIN_SIZE, sizeof *c->grain)) ||
	    (e = det_alloc(&c->curve, CURVE_SIZE, sizeof *c->curve)) ||
	    (e = noise_new(&c->noise))) {
		canvas_release(c);
		return e;
	}
	det_random_seed(&rng, 0, 1);
	for (size_t i = 0; i < GRAIN_SIZE; i++)
		c->grain[i] = (float)det_random_normal(&rng);
	for (int i = 0; i < CURVE_SIZE; i++) {
		const double v = (i + .5) / CURVE_SIZE;

		c->curve[i] =
		    (float)(255 * (v <= .0031308 ? 12.92 * v
						 : 1.055 * pow(v, 1 / 2.4) - .055));
	}
	return DET_OK;
}

void
canvas_release(struct canvas *c)
{
	free(c->light);
	free(c->owner);
	free(c->grain);
	free(c->curve);
	free(c->sheet);
	free(c->noise);
	*c = (struct canvas){ 0 };
}

/* A thing's sheet: its pixel (0,0) is the canvas's (x,y). */
struct sheet {
	float *d;
	long x, y;
	size_t w, h, stride;
};

static enum det_err
lay_out(struct sheet *s, struct canvas *c, const struct thing *t, float blur)
{
	const float far = ceilf(t->shape.reach + blur) + 2;
	enum det_err e;

	s->x = (long)floorf(t->x - far);
	s->y = (long)floorf(t->y - far);
	s->w = (size_t)(2 * far) + 1;
	s->h = s->w;
	s->stride = (s->w + 3) / 4 * 4;
	if ((e = det_grow(
		 &c->sheet, &c->cap_sheet, s->stride * s->h, sizeof *c->sheet)))
		return e;
	s->d = c->sheet;
	for (size_t i = 0; i < s->h; i++)
		shape_row(s->d + i * s->stride, s->w, &t->shape,
		    (float)s->x + .5f - t->x, (float)(s->y + (long)i) + .5f - t->y);
	return DET_OK;
}

/* The part of n pixels from `at` on that is in 0..size: indices [*from, *to). */
static void
clip(size_t *from, size_t *to, long at, size_t n, size_t size)
{
	const long end = (long)size - at;

	*from = at < 0 ? (size_t)-at : 0;
	*to = end < 0 ? 0 : (size_t)end < n ? (size_t)end : n;
}

static void
cast(struct canvas *c, const struct sheet *s, long dx, long dy, float blur, float dark)
{
	const float scale = .5f / blur;
	size_t i0, i1, k0, k1;

	clip(&i0, &i1, s->y + dy, s->h, c->h);
	clip(&k0, &k1, s->x + dx, s->w, c->w);
	for (size_t i = i0; i < i1; i++) {
		const float *d = s->d + i * s->stride;
		float *row = c->light + 4 * ((size_t)(s->y + dy + (long)i) * c->w);

		for (size_t k = k0; k < k1; k++) {
			float *p = row + 4 * (size_t)(s->x + dx + (long)k);
			float m;

			if (d[k] >= blur)
				continue;
			m = unit_cut(.5f - d[k] * scale);
			m = m * m * (3 - 2 * m);
			vec4_store(p, vec4_load(p) * (1 - dark * m));
		}
	}
}

/* What the light makes of a surface at a depth under the outline. */
struct lit {
	float diffuse, shine;
};

static struct lit
light_at(const struct thing *t, const struct sun *sun, const float *d, size_t stride)
{
	float nx = 0, ny = 0, nz = 1, depth = -*d / t->bevel, lambert, mirror;

	if (depth < 1) {
		depth = depth < 0 ? 0 : depth;
		nx = .5f * (d[1] - d[-1]) * (1 - depth);
		ny = .5f * (d[stride] - *(d - stride)) * (1 - depth);
		nz = sqrtf(depth * (2 - depth));
	}
	lambert = nx * sun->x + ny * sun->y + nz * sun->z;
	lambert = lambert > 0 ? lambert : 0;
	mirror = nx * sun->hx + ny * sun->hy + nz * sun->hz;
	mirror = mirror > 0 ? mirror : 0;
	for (int i = 0; i < t->sharp; i++)
		mirror *= mirror;
	return (struct lit){ sun->ambient * (.6f + .4f * nz) +
				 (1 - sun->ambient) * lambert / sun->z,
		t->gloss * mirror };
}

static vec4
surface(const struct canvas *c, const struct thing *t, float x, float y)
{
	const float v = (t->shape.cos * y - t->shape.sin * x) / t->shape.up;

	for (size_t i = 0; i < t->bands; i++)
		if (v >= t->band[i].from && v < t->band[i].to)
			return t->band[i].color;
	return texture_at(&t->texture, c->noise, x, y, 1);
}

static void
paint_row(struct canvas *c, const struct thing *t, const struct sun *sun,
    const struct sheet *s, size_t i, unsigned char id)
{
	const size_t y = (size_t)(s->y + (long)i);
	const float *d = s->d + i * s->stride;
	size_t k0, k1;

	clip(&k0, &k1, s->x, s->w, c->w);
	for (size_t k = k0; k < k1; k++) {
		const size_t x = (size_t)(s->x + (long)k);
		float *p = c->light + 4 * (y * c->w + x), cover;
		struct lit l;
		vec4 color;

		if (d[k] >= .5f)
			continue;
		cover = d[k] > -.5f ? .5f - d[k] : 1;
		l = light_at(t, sun, d + k, s->stride);
		if (-d[k] < t->rim)
			l.diffuse *= .25f;
		color = surface(c, t, (float)x + .5f - t->x, (float)y + .5f - t->y) *
			    l.diffuse +
			l.shine;
		vec4_store(p, vec4_load(p) + cover * (color - vec4_load(p)));
		if (d[k] < 0)
			c->owner[y * c->w + x] = id;
	}
}

static size_t
count_inside(const struct sheet *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->h; i++)
		for (size_t k = 0; k < s->w; k++)
			n += s->d[i * s->stride + k] < 0;
	return n;
}

enum det_err
paint_thing(struct canvas *c, struct thing *t, const struct sun *sun, unsigned char id)
{
	const float blur = 1 + .5f * t->height, far = t->height / sun->z;
	struct sheet s;
	size_t i0, i1;
	enum det_err e;

	if ((e = lay_out(&s, c, t, blur)))
		return e;
	cast(c, &s, lroundf(-sun->x * far), lroundf(-sun->y * far), blur, sun->dark);
	clip(&i0, &i1, s.y, s.h, c->h);
	for (size_t i = i0; i < i1; i++)
		paint_row(c, t, sun, &s, i, id);
	t->whole = count_inside(&s);
	return DET_OK;
}

void
paint_count(struct thing *t, size_t n, const struct canvas *c)
{
	for (size_t i = 0; i < n; i++) {
		t[i].seen = t[i].x2 = t[i].y2 = 0;
		t[i].x1 = c->w;
		t[i].y1 = c->h;
	}
	for (size_t y = 0; y < c->h; y++)
		for (size_t x = 0; x < c->w; x++) {
			struct thing *of;

			if (!c->owner[y * c->w + x])
				continue;
			of = &t[c->owner[y * c->w + x] - 1];
			of->seen++;
			of->x1 = x < of->x1 ? x : of->x1;
			of->x2 = x + 1 > of->x2 ? x + 1 : of->x2;
			of->y1 = y < of->y1 ? y : of->y1;
			of->y2 = y + 1;
		}
}
