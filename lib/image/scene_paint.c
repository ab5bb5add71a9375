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
	if ((e = det_calloc(&c->light, w * h + 4, 4 * sizeof *c->light)) ||
	    (e = det_alloc(&c->row, w + 4, 4 * sizeof *c->row)) ||
	    (e = det_alloc(&c->owner, w * h, 1)) ||
	    (e = det_alloc(&c->grain, GRAIN_SIZE + 4 * w, sizeof *c->grain)) ||
	    (e = det_alloc(&c->curve, CURVE_SIZE, sizeof *c->curve)) ||
	    (e = noise_new(&c->noise))) {
		canvas_release(c);
		return e;
	}
	det_random_seed(&rng, 0, 1);
	for (size_t i = 0; i < GRAIN_SIZE + 4 * w; i++)
		c->grain[i] = (float)det_random_normal(&rng);
	for (int i = 0; i < CURVE_SIZE; i++) {
		const double v = (i + .5) / CURVE_SIZE;

		c->curve[i] =
		    (unsigned char)(.5 +
				    255 * (v <= .0031308
						  ? 12.92 * v
						  : 1.055 * pow(v, 1 / 2.4) - .055));
	}
	return DET_OK;
}

void
canvas_release(struct canvas *c)
{
	free(c->light);
	free(c->owner);
	free(c->row);
	free(c->grain);
	free(c->curve);
	free(c->sheet);
	free(c->span);
	free(c->noise);
	*c = (struct canvas){ 0 };
}

/* A thing's sheet: its pixel (0,0) is the canvas's (x,y). Row i is laid out from from[i] to
 * to[i]; all that is nearer to the thing than its edge is soft lies there, with two pixels
 * more on every side. */
struct sheet {
	float *d;
	unsigned *from, *to;
	long x, y;
	size_t side, stride;
};

static enum det_err
take_sheet(struct sheet *s, struct canvas *c, const struct thing *t, float far)
{
	const float around = ceilf(t->shape.reach + far) + 1;
	enum det_err e;

	s->x = (long)floorf(t->x - around);
	s->y = (long)floorf(t->y - around);
	s->side = (size_t)(2 * around) + 2;
	s->stride = s->side + 8;
	if ((e = det_grow(
		 &c->sheet, &c->cap_sheet, s->stride * s->side, sizeof *c->sheet)) ||
	    (e = det_grow(&c->span, &c->cap_span, 2 * s->side, sizeof *c->span)))
		return e;
	s->d = c->sheet;
	s->from = c->span;
	s->to = c->span + s->side;
	return DET_OK;
}

static enum det_err
lay_out(struct sheet *s, struct canvas *c, const struct thing *t, float blur)
{
	const float far = blur + 2;
	enum det_err e;

	if ((e = take_sheet(s, c, t, far)))
		return e;
	for (size_t i = 0; i < s->side; i++) {
		const float x = (float)s->x + .5f - t->x,
			    y = (float)(s->y + (long)i) + .5f - t->y;
		const float last = (float)(s->side - 1);
		float a, b;

		shape_span(&a, &b, &t->shape, y, far);
		s->from[i] = s->to[i] = 0;
		if (a > b)
			continue;
		a = floorf(fmaxf(a - x, 0));
		b = floorf(fminf(b - x, last));
		if (a > b)
			continue;
		s->from[i] = (unsigned)a;
		s->to[i] = (unsigned)b + 1;
		shape_row(s->d + i * s->stride + s->from[i], s->to[i] - s->from[i],
		    &t->shape, x + a, y);
	}
	return DET_OK;
}

/* Rows of the sheet that are on the canvas, when it is put down `dy` lower. */
static void
clip_rows(
    size_t *from, size_t *to, const struct sheet *s, long dy, const struct canvas *c)
{
	const long at = s->y + dy, end = (long)c->h - at;

	*from = at < 0 ? (size_t)-at : 0;
	*to = end < 0 ? 0 : (size_t)end < s->side ? (size_t)end : s->side;
}

/* And the part of row i, `dx` to the right. */
static void
clip_row(size_t *from, size_t *to, const struct sheet *s, size_t i, long dx,
    const struct canvas *c)
{
	const long at = s->x + dx, end = (long)c->w - at;

	*from = at < 0 && s->from[i] < (size_t)-at ? (size_t)-at : s->from[i];
	*to = end < 0 ? 0 : (size_t)end < s->to[i] ? (size_t)end : s->to[i];
}

static void
cast(struct canvas *c, const struct sheet *s, long dx, long dy, float blur, float dark)
{
	const float scale = .5f / blur;
	size_t i0, i1, k0, k1;

	clip_rows(&i0, &i1, s, dy, c);
	for (size_t i = i0; i < i1; i++) {
		const float *d = s->d + i * s->stride;
		float *row = c->light + 4 * ((size_t)(s->y + dy + (long)i) * c->w);

		clip_row(&k0, &k1, s, i, dx, c);
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

/* What the light makes of a surface. */
struct lit {
	float diffuse, shine;
};

static struct lit
light_on(const struct thing *t, const struct sun *sun, float nx, float ny, float nz)
{
	float lambert = nx * sun->x + ny * sun->y + nz * sun->z;
	float mirror = nx * sun->hx + ny * sun->hy + nz * sun->hz;

	lambert = lambert > 0 ? lambert : 0;
	mirror = mirror > 0 ? mirror : 0;
	if (t->gloss > 0)
		for (int i = 0; i < t->sharp; i++)
			mirror *= mirror;
	return (struct lit){ sun->ambient * (.6f + .4f * nz) +
				 (1 - sun->ambient) * lambert / sun->z,
		t->gloss * mirror };
}

/* At a depth under the outline: where it is flat, as above. */
static struct lit
light_at(const struct thing *t, const struct sun *sun, const struct lit *flat,
    const float *d, size_t stride)
{
	float depth = -*d / t->bevel, nx, ny;

	if (depth >= 1)
		return *flat;
	depth = depth < 0 ? 0 : depth;
	nx = .5f * (d[1] - d[-1]) * (1 - depth);
	ny = .5f * (d[stride] - *(d - stride)) * (1 - depth);
	return light_on(t, sun, nx, ny, sqrtf(depth * (2 - depth)));
}

/* Where a thing has parts in other colours. */
static void
paint_bands(float *out, size_t n, const struct thing *t, float x, float y)
{
	for (size_t k = 0; k < n; k++) {
		const float v =
		    (t->shape.cos * y - t->shape.sin * (x + (float)(int)k)) /
		    t->shape.up;

		for (size_t i = 0; i < t->bands; i++)
			if (v >= t->band[i].from && v < t->band[i].to)
				vec4_store(out + 4 * k, t->band[i].color);
	}
}

static void
paint_row(struct canvas *c, const struct thing *t, const struct sun *sun,
    const struct sheet *s, size_t i, unsigned char id)
{
	const size_t y = (size_t)(s->y + (long)i);
	const float *d = s->d + i * s->stride;
	float *p, cover, dx, dy;
	unsigned char *owner;
	const struct lit flat = light_on(t, sun, 0, 0, 1);
	size_t k0, k1;

	clip_row(&k0, &k1, s, i, 0, c);
	while (k0 < k1 && d[k0] >= .5f)
		k0++;
	while (k1 > k0 && d[k1 - 1] >= .5f)
		k1--;
	if (k0 >= k1)
		return;
	p = c->light + 4 * (y * c->w + (size_t)(s->x + (long)k0));
	owner = c->owner + y * c->w + (size_t)(s->x + (long)k0);
	dx = (float)(s->x + (long)k0) + .5f - t->x;
	dy = (float)y + .5f - t->y;
	texture_row(c->row, k1 - k0, &t->texture, c->noise, dx, dy, 1, 1);
	if (t->bands)
		paint_bands(c->row, k1 - k0, t, dx, dy);
	for (size_t k = k0; k < k1; k++, p += 4, owner++) {
		struct lit l;
		vec4 color;

		if (d[k] >= .5f)
			continue;
		cover = d[k] > -.5f ? .5f - d[k] : 1;
		l = light_at(t, sun, &flat, d + k, s->stride);
		if (-d[k] < t->rim)
			l.diffuse *= .25f;
		color = vec4_load(c->row + 4 * (k - k0)) * l.diffuse + l.shine;
		vec4_store(p, vec4_load(p) + cover * (color - vec4_load(p)));
		if (d[k] < 0)
			*owner = id;
	}
}

static size_t
count_inside(const struct sheet *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->side; i++)
		for (size_t k = s->from[i]; k < s->to[i]; k++)
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
	clip_rows(&i0, &i1, &s, 0, c);
	for (size_t i = i0; i < i1; i++)
		paint_row(c, t, sun, &s, i, id);
	t->whole = count_inside(&s);
	return DET_OK;
}

/* Pixels from x to `end` of row y are the thing's. */
static void
count_run(struct thing *t, size_t x, size_t end, size_t y)
{
	t->seen += end - x;
	t->x1 = x < t->x1 ? x : t->x1;
	t->x2 = end > t->x2 ? end : t->x2;
	t->y1 = y < t->y1 ? y : t->y1;
	t->y2 = y + 1;
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
		for (size_t x = 0; x < c->w;) {
			const unsigned char *owner = c->owner + y * c->w + x;
			size_t end = x + 1;

			while (end < c->w && owner[end - x] == *owner)
				end++;
			if (*owner)
				count_run(&t[*owner - 1], x, end, y);
			x = end;
		}
}
