/* SPDX-License-Identifier: MIT
 *
 * What is in a scene, and where. Every scene has a generator of random numbers of its own,
 * from the seed and its number.
 *
 * Things lie on the ground in layers: most clutter first, then objects and the rest of the
 * clutter as chance mixes them. Sizes are even in their logarithm. A place is the best of
 * some tries: the one where discs about the things overlap least; colours likewise, so that
 * few things look like what is behind them. What is seen of an object is counted in the
 * picture itself, after everything was painted.
 */
#include "image/scene.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "image/scene_paint.h"

#define PI 3.14159265358979323846

const char *const det_scene_class[DET_SCENE_CLASSES + 1] = { "disc", "ring", "box",
	"triangle", "star", "cross", "heart", "bottle", NULL };

struct det_scene {
	struct det_scene_params p;
	struct canvas canvas;
	struct thing thing[2 * DET_SCENE_THINGS];
	size_t n;
	struct det_random rng;
	struct sun sun;
	vec4 ground;
};

static enum det_err
check_count(const char *what, long lo, long hi)
{
	if (lo >= 0 && lo <= hi && hi <= DET_SCENE_THINGS)
		return DET_OK;
	return det_fail(DET_INVALID,
	    "%s: a least and a most number from 0 to %d expected, found %ld and %ld",
	    what, DET_SCENE_THINGS, lo, hi);
}

static enum det_err
check(const struct det_scene_params *p)
{
	unsigned known = 0;
	enum det_err e;

	if (p->w < DET_SCENE_MIN_SIDE || p->h < DET_SCENE_MIN_SIDE ||
	    p->w > DET_SCENE_MAX_SIDE || p->h > DET_SCENE_MAX_SIDE)
		return det_fail(DET_INVALID,
		    "sides of %d to %d pixels expected, found %zux%zu",
		    DET_SCENE_MIN_SIDE, DET_SCENE_MAX_SIDE, p->w, p->h);
	if ((e = check_count("objects", p->min_objects, p->max_objects)) ||
	    (e = check_count("clutter", p->min_clutter, p->max_clutter)))
		return e;
	if (!(p->visible >= 0 && p->visible <= 1))
		return det_fail(DET_INVALID,
		    "a visible share from 0 to 1 expected, found %g", p->visible);
	if (p->n_classes < 1 || p->n_classes > DET_SCENE_CLASSES)
		return det_fail(DET_INVALID, "1 to %d classes expected, found %zu",
		    DET_SCENE_CLASSES, p->n_classes);
	for (size_t i = 0; i < p->n_classes; i++) {
		if (p->class[i] < 0 || p->class[i] >= DET_SCENE_CLASSES)
			return det_fail(DET_INVALID,
			    "classes 0 to %d expected, found %d", DET_SCENE_CLASSES - 1,
			    p->class[i]);
		if (known >> p->class[i] & 1)
			return det_fail(DET_INVALID, "class '%s' is given twice",
			    det_scene_class[p->class[i]]);
		known |= 1u << p->class[i];
	}
	return DET_OK;
}

enum det_err
det_scene_new(struct det_scene **out, const struct det_scene_params *p)
{
	struct det_scene *s;
	enum det_err e;

	if ((e = check(p)) || (e = det_calloc(&s, 1, sizeof *s)))
		return e;
	s->p = *p;
	if ((e = canvas_new(&s->canvas, p->w, p->h))) {
		det_scene_free(s);
		return e;
	}
	*out = s;
	return DET_OK;
}

void
det_scene_free(struct det_scene *s)
{
	if (!s)
		return;
	canvas_release(&s->canvas);
	free(s);
}

/* --- things ---------------------------------------------------------------------------- */

static void
set_sun(struct sun *sun, struct det_random *rng)
{
	const double turn = chance_in(rng, 0, 2 * PI), high = chance_in(rng, .35, 1.2);
	double h;

	sun->x = (float)(cos(turn) * cos(high));
	sun->y = (float)(sin(turn) * cos(high));
	sun->z = (float)sin(high);
	h = sqrt(2 + 2 * sin(high));
	sun->hx = (float)(sun->x / h);
	sun->hy = (float)(sun->y / h);
	sun->hz = (float)((sun->z + 1) / h);
	sun->ambient = (float)chance_in(rng, .25, .6);
	sun->dark = (float)chance_in(rng, .25, .75);
}

/* A colour that is seen on the ground, mostly. */
static vec4
color_on(vec4 ground, struct det_random *rng)
{
	vec4 best = color_any(rng, .25, 1);

	for (int i = 0; i < 3 && color_contrast(best, ground) < .18; i++)
		best = color_any(rng, .15, 1);
	return best;
}

static void
dress(struct thing *t, struct det_random *rng, vec4 ground)
{
	const vec4 a = color_on(ground, rng);
	const vec4 b = chance(rng, .5) ? a * (float)chance_in(rng, .3, .8)
				       : color_any(rng, .15, 1);
	const enum texture_kind kind =
	    chance(rng, .45) ? TEXTURE_PLAIN
			     : (enum texture_kind)chance_of(rng, 0, TEXTURE_END - 1);

	texture_make(&t->texture, rng, kind,
	    fmax(t->shape.up * chance_in(rng, .25, .9), 4), chance_in(rng, 0, 2 * PI),
	    a, b);
	t->gloss = (float)(chance(rng, .6) ? chance_in(rng, .05, .8) : 0);
	t->sharp = (int)chance_of(rng, 2, 6);
	t->rim = (float)(chance(rng, .12) ? .04 * t->shape.up + 1 : 0);
	/* thin things are low */
	t->height =
	    (float)chance_in(rng, .03, .3) * fminf(t->shape.up, 4 * t->shape.deep);
}

/* A cap and a label. */
static void
dress_bottle(struct thing *t, struct det_random *rng)
{
	const double from = chance_in(rng, .1, .35);

	t->band[0].from = -2;
	t->band[0].to = (float)chance_in(rng, -.82, -.72);
	t->band[0].color = color_any(rng, .2, 1);
	t->band[1].from = (float)from;
	t->band[1].to = (float)(from + chance_in(rng, .2, .5));
	t->band[1].color = color_any(rng, .2, 1);
	t->bands = 1 + (size_t)chance(rng, .7);
}

/* Discs are balls or coins, rings mostly round; the rest is bevelled or cushioned. */
static double
any_bevel(struct det_random *rng, enum shape_class class)
{
	if (class == SHAPE_DISC)
		return chance(rng, .6) ? 1 : chance_in(rng, .05, .3);
	if (class == SHAPE_RING || class == SHAPE_BOTTLE || class >= SHAPE_STICK)
		return chance(rng, .7) ? 1 : chance_in(rng, .2, .6);
	return chance_in(rng, .1, .8);
}

static void
make_thing(struct det_scene *s, struct thing *t, enum shape_class class, double r)
{
	struct det_random *rng = &s->rng;
	/* bottles mostly stand */
	const double turn = class == SHAPE_BOTTLE && chance(rng, .6)
				? chance_in(rng, -.4, .4)
				: chance_in(rng, 0, 2 * PI);

	*t = (struct thing){ .label = -1 };
	shape_make(&t->shape, rng, class, r, turn);
	t->bevel = fmaxf((float)any_bevel(rng, class) * t->shape.deep, 1);
	dress(t, rng, s->ground);
	if (class == SHAPE_BOTTLE)
		dress_bottle(t, rng);
}

/* How much of the lesser of two discs is under the other, roughly: 0 apart, 1 inside. */
static double
overlap(const struct thing *a, double x, double y, double r)
{
	const double lesser = fmin(a->shape.reach, r);
	const double gap = hypot(a->x - x, a->y - y) - fmax(a->shape.reach, r);

	return fmax(0, fmin(1, (lesser - gap) / (2 * lesser)));
}

/* Among the first n; objects only, as clutter may be anywhere. */
static void
place(struct det_scene *s, size_t n, int tries)
{
	struct thing *t = &s->thing[n];
	const double w = (double)s->p.w, h = (double)s->p.h;
	const double r = t->shape.reach, edge = fmin(.55 * r, fmin(w, h) / 2);
	double least = 2;

	for (int i = 0; i < tries; i++) {
		const double x = chance_in(&s->rng, edge, w - edge),
			     y = chance_in(&s->rng, edge, h - edge);
		double most = 0;

		for (size_t k = 0; k < n; k++)
			if (s->thing[k].label >= 0)
				most = fmax(most, overlap(&s->thing[k], x, y, r));
		if (most < least) {
			least = most;
			t->x = (float)x;
			t->y = (float)y;
		}
	}
}

static void
add_object(struct det_scene *s)
{
	struct thing *t = &s->thing[s->n];
	const double side = (double)(s->p.w < s->p.h ? s->p.w : s->p.h);
	const size_t label = det_random_below(&s->rng, s->p.n_classes);
	const double r = side * exp(chance_in(&s->rng, log(.05), log(.26)));

	make_thing(s, t, (enum shape_class)s->p.class[label], r);
	t->label = (int)label;
	place(s, s->n, chance(&s->rng, .5) ? 3 : 1);
	s->n++;
}

static void
add_clutter(struct det_scene *s)
{
	const double side = (double)(s->p.w < s->p.h ? s->p.w : s->p.h);
	const enum shape_class class =
	    (enum shape_class)chance_of(&s->rng, SHAPE_STICK, SHAPE_END - 1);
	const double most = class <= SHAPE_ZIGZAG ? .35 : .12;

	make_thing(s, &s->thing[s->n], class,
	    side * exp(chance_in(&s->rng, log(.02), log(most))));
	place(s, s->n, 1);
	s->n++;
}

static void
compose(struct det_scene *s)
{
	const long objects = chance_of(&s->rng, s->p.min_objects, s->p.max_objects);
	const long clutter = chance_of(&s->rng, s->p.min_clutter, s->p.max_clutter);
	const long below = clutter * 3 / 4;
	long left = objects, rest = clutter - below;

	s->n = 0;
	for (long i = 0; i < below; i++)
		add_clutter(s);
	while (left + rest > 0)
		if ((long)det_random_below(&s->rng, (uint64_t)(left + rest)) < left) {
			add_object(s);
			left--;
		} else {
			add_clutter(s);
			rest--;
		}
}

/* --- the truth ------------------------------------------------------------------------- */

static enum det_err
add_box(struct det_boxes *b, const struct thing *t, double visible)
{
	const double share = t->whole ? (double)t->seen / (double)t->whole : 0;
	struct det_box box = { .score = 1, .label = t->label, .source = (int32_t)b->n };

	if (t->label < 0 || share < DET_SCENE_HIDDEN || t->seen < DET_SCENE_SPECK)
		return DET_OK;
	box.x1 = (double)t->x1;
	box.y1 = (double)t->y1;
	box.x2 = (double)t->x2;
	box.y2 = (double)t->y2;
	box.flags = share < visible ? DET_BOX_DIFFICULT : 0;
	return det_boxes_add(b, &box);
}

enum det_err
det_scene_draw(
    struct det_image *im, struct det_boxes *b, struct det_scene *s, uint64_t index)
{
	enum det_err e;

	b->n = 0;
	b->space = DET_SPACE_IMAGE;
	if ((e = det_image_new(im, s->p.w, s->p.h)))
		return e;
	det_random_seed(&s->rng, s->p.seed, index);
	set_sun(&s->sun, &s->rng);
	paint_ground(&s->canvas, &s->rng, &s->ground);
	compose(s);
	for (size_t i = 0; i < s->n; i++)
		if ((e = paint_thing(
			 &s->canvas, &s->thing[i], &s->sun, (unsigned char)(i + 1))))
			goto fail;
	paint_count(s->thing, s->n, &s->canvas);
	for (size_t i = 0; i < s->n; i++)
		if ((e = add_box(b, &s->thing[i], s->p.visible)))
			goto fail;
	paint_expose(im, &s->canvas, &s->rng);
	return DET_OK;
fail:
	det_image_release(im);
	return e;
}
