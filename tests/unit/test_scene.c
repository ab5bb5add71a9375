/* SPDX-License-Identifier: MIT
 *
 * Drawn scenes: silhouettes against distances worked out plainly, what is seen of things
 * that hide each other, scenes by number and by thread.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image/scene.h"
#include "image/scene_paint.h"
#include "tests/unit/tap.h"

#define SIDE 96

/* --- silhouettes ----------------------------------------------------------------------- */

/* By definition, in double: the distance to every edge, and the winding number. */
static double
plain_distance(const struct shape *s, double x, double y)
{
	double least = DBL_MAX, turns = 0;

	for (size_t k = 0; k < s->n; k++) {
		const struct shape_edge *e = &s->edge[k];
		const double ax = x - (double)e->x, ay = y - (double)e->y,
			     dx = (double)e->dx, dy = (double)e->dy;
		const double bx = ax - dx, by = ay - dy;
		const double t =
		    fmin(1, fmax(0, (ax * dx + ay * dy) / (dx * dx + dy * dy)));

		least = fmin(least, hypot(ax - t * dx, ay - t * dy));
		turns += atan2(ax * by - ay * bx, ax * bx + ay * by);
	}
	if (s->kind == SHAPE_POLYGON && fabs(turns) > 3)
		least = -least;
	return least - (double)s->round;
}

/* The largest difference over a square around the shape, and whether spans hold all that is
 * within 3 pixels of it. */
static void
compare(double *worst, int *spanned, const struct shape *s)
{
	float d[SIDE], from, to;

	for (int i = 0; i < SIDE; i++) {
		const float y = (float)i - SIDE / 2 + .25f;

		shape_row(d, SIDE, s, -SIDE / 2, y);
		shape_span(&from, &to, s, y, 3);
		for (int k = 0; k < SIDE; k++) {
			const float x = (float)(k - SIDE / 2);

			*worst =
			    fmax(*worst, fabs((double)d[k] -
					      plain_distance(s, (double)x, (double)y)));
			if (d[k] < 3 && (x < from || x > to))
				*spanned = 0;
		}
	}
}

static void
test_outlines(void)
{
	for (int class = SHAPE_BOX; class < SHAPE_END; class ++) {
		struct det_random rng;
		struct shape s;
		double worst = 0;
		int spanned = 1, inside = 1;

		det_random_seed(&rng, 5, (uint64_t) class);
		for (int i = 0; i < 8; i++) {
			shape_make(&s, &rng, (enum shape_class) class, 12 + 4 * i, i);
			compare(&worst, &spanned, &s);
			inside &= (double)s.reach < (12 + 4 * i) * 1.1 + 1;
		}
		ok(worst < 2e-3, "shape %d: distances, within %.1e", class, worst);
		ok(spanned, "spans hold all of it");
		ok(inside, "it is about as large as was asked");
	}
}

/* Whether d has the sign that the ellipse's equation gives it. */
static void
test_rounds(void)
{
	struct shape s = {
		.kind = SHAPE_ELLIPSE, .rx = 30, .ry = 30, .cos = 1, .reach = 30
	};
	float d[SIDE], from, to;
	double worst = 0;
	int wrong = 0;

	for (int i = 0; i < SIDE; i++) {
		const float y = (float)i - SIDE / 2 + .5f;

		shape_row(d, SIDE, &s, -SIDE / 2, y);
		for (int k = 0; k < SIDE; k++)
			worst = fmax(worst,
			    fabs((double)d[k] + 30 - hypot(k - SIDE / 2, (double)y)));
	}
	ok(worst < 1e-4, "a disc: distances, within %.1e", worst);
	s = (struct shape){ .kind = SHAPE_ELLIPSE,
		.rx = 30,
		.ry = 20,
		.cos = .8f,
		.sin = .6f,
		.reach = 30 };
	for (int i = 0; i < SIDE; i++) {
		const double y = i - SIDE / 2;

		shape_row(d, SIDE, &s, -SIDE / 2, (float)y);
		shape_span(&from, &to, &s, (float)y, 2);
		for (int k = 0; k < SIDE; k++) {
			const double x = k - SIDE / 2;
			const double u = (.8 * x + .6 * y) / 30,
				     v = (.8 * y - .6 * x) / 20;
			const double q = u * u + v * v;

			wrong += fabs(q - 1) > 1e-4 && (d[k] < 0) != (q < 1);
			wrong += d[k] < 2 && (x < (double)from || x > (double)to);
		}
	}
	ok(wrong == 0, "a turned ellipse: inside and outside");
	s.rx = s.ry = 20;
	s.hollow = 4;
	shape_row(d, 4, &s, -20, 0);
	ok(fabsf(d[0] + 4) < 1e-4f && fabsf(d[1] + 3) < 1e-4f, "a ring's middle");
}

/* --- painting -------------------------------------------------------------------------- */

static struct thing
disc(float x, float y, float r)
{
	struct thing t = { .x = x, .y = y, .bevel = r, .label = 0 };

	t.shape = (struct shape){ .kind = SHAPE_ELLIPSE,
		.rx = r,
		.ry = r,
		.cos = 1,
		.reach = r,
		.deep = r,
		.up = r };
	t.texture.soft = .1f;
	t.texture.u = t.texture.v = 1000;
	t.texture.a = t.texture.b = vec4_all(.5f);
	return t;
}

static void
test_hiding(void)
{
	const struct sun sun = { 0, 0, 1, 0, 0, 1, .3f, 0 };
	struct thing t[3] = { disc(30, 40, 10), disc(30, 40, 5), disc(1, 2, 6) };
	struct canvas c;
	size_t plain = 0, cut = 0;
	enum det_err e = DET_OK;

	if (canvas_new(&c, 64, 80))
		exit(2);
	memset(c.owner, 0, c.w * c.h);
	for (unsigned i = 0; i < 3; i++)
		if ((e = paint_thing(&c, &t[i], &sun, (unsigned char)(i + 1))))
			exit(2);
	paint_count(t, 3, &c);
	for (int y = -20; y < 80; y++)
		for (int x = -20; x < 64; x++) {
			plain += hypot(x + .5 - 30, y + .5 - 40) < 10;
			cut += x >= 0 && y >= 0 && hypot(x + .5 - 1, y + .5 - 2) < 6;
		}
	ok(t[0].whole == plain, "all of a disc: %zu pixels", plain);
	ok(t[0].seen == plain - t[1].whole && t[1].seen == t[1].whole,
	    "what is in front hides what is behind");
	ok(t[0].x1 == 20 && t[0].x2 == 40 && t[0].y1 == 30 && t[0].y2 == 50,
	    "the box of what is seen");
	ok(t[1].x1 == 25 && t[1].x2 == 35 && t[1].y1 == 35 && t[1].y2 == 45,
	    "and of what is in front");
	ok(t[2].seen == cut && t[2].whole > cut && t[2].x1 == 0 && t[2].y1 == 0 &&
		t[2].x2 == 7 && t[2].y2 == 8,
	    "a thing that the picture cuts");
	ok(c.light[4 * (40 * 64 + 30)] > .4f && c.light[4 * (70 * 64 + 50)] == 0,
	    "colour is where things are");
	canvas_release(&c);
}

/* A thing behind a larger one, and one that is all outside. */
static void
test_hidden(void)
{
	const struct sun sun = { 0, 0, 1, 0, 0, 1, .3f, 0 };
	struct thing t[3] = { disc(30, 30, 5), disc(31, 30, 9), disc(-40, 30, 9) };
	struct canvas c;

	if (canvas_new(&c, 64, 64))
		exit(2);
	memset(c.owner, 0, c.w * c.h);
	for (unsigned i = 0; i < 3; i++)
		if (paint_thing(&c, &t[i], &sun, (unsigned char)(i + 1)))
			exit(2);
	paint_count(t, 3, &c);
	ok(t[0].seen == 0 && t[0].whole > 60, "hidden: nothing is seen of it");
	ok(t[2].seen == 0 && t[2].whole > 200, "nor of what is outside");
	canvas_release(&c);
}

static void
test_shadow(void)
{
	const struct sun sun = { .6f, 0, .8f, .3f, 0, .95f, .3f, .5f };
	struct thing t = disc(32, 32, 8);
	struct canvas c;
	const float *row;

	if (canvas_new(&c, 64, 64))
		exit(2);
	for (size_t i = 0; i < 4 * c.w * c.h; i++)
		c.light[i] = 1;
	t.height = 8;
	if (paint_thing(&c, &t, &sun, 1))
		exit(2);
	row = c.light + 4 * 32 * c.w;
	ok(row[4 * 22] < .8f && row[4 * 42] > .95f, "shadows fall away from the light");
	ok(row[4 * 37] > row[4 * 27] * 1.2f, "what turns to the light is brighter");
	canvas_release(&c);
}

/* --- scenes ---------------------------------------------------------------------------- */

struct seen {
	struct det_image im;
	struct det_boxes b;
};

static void
draw(struct seen *out, const struct det_scene_params *p, uint64_t index)
{
	struct det_scene *s;

	*out = (struct seen){ 0 };
	if (det_scene_new(&s, p) || det_scene_draw(&out->im, &out->b, s, index))
		exit(2);
	det_scene_free(s);
}

static void
drop(struct seen *s)
{
	det_image_release(&s->im);
	det_boxes_release(&s->b);
}

static int
same(const struct det_image *im, const struct det_boxes *b, const struct seen *s)
{
	if (im->w != s->im.w || im->h != s->im.h || b->n != s->b.n ||
	    memcmp(im->rgb, s->im.rgb, im->w * im->h * 3))
		return 0;
	for (size_t i = 0; i < b->n; i++)
		if (memcmp(&b->box[i], &s->b.box[i], sizeof *b->box))
			return 0;
	return 1;
}

static void
test_order(void)
{
	struct det_scene_params p = DET_SCENE_DEFAULTS;
	struct det_scenes *s;
	int equal = 1, differ = 1;

	p.w = 96;
	p.h = 64;
	p.seed = 3;
	for (int threads = 1; threads <= 3; threads += 2) {
		if (det_scenes_new(&s, &p, 5, threads))
			exit(2);
		for (uint64_t i = 5; i < 12; i++) {
			const struct det_image *im;
			struct det_boxes *b;
			struct seen alone, next;

			if (det_scenes_next(&im, &b, s))
				exit(2);
			draw(&alone, &p, i);
			draw(&next, &p, i + 1);
			equal &= same(im, b, &alone);
			differ &= !same(im, b, &next);
			drop(&alone);
			drop(&next);
		}
		det_scenes_free(s);
	}
	ok(equal, "scenes by number are those in order, by one thread and by three");
	ok(differ, "and no two are alike");
}

static void
test_truth(void)
{
	struct det_scene_params p = DET_SCENE_DEFAULTS;
	size_t seen[DET_SCENE_CLASSES] = { 0 }, difficult = 0, most = 0, n = 0;
	struct det_scene *s;
	int inside = 1;

	if (det_scene_new(&s, &p))
		exit(2);
	for (uint64_t i = 0; i < 60; i++) {
		struct det_image im = { 0 };
		struct det_boxes b = { 0 };

		if (det_scene_draw(&im, &b, s, i))
			exit(2);
		for (size_t k = 0; k < b.n; k++) {
			const struct det_box *x = &b.box[k];

			seen[x->label]++;
			difficult += (x->flags & DET_BOX_DIFFICULT) != 0;
			inside &= x->x1 >= 0 && x->y1 >= 0 && x->x2 <= 320 &&
				  x->y2 <= 320 && x->x1 < x->x2 && x->y1 < x->y2;
		}
		most = b.n > most ? b.n : most;
		n += b.n;
		det_image_release(&im);
		det_boxes_release(&b);
	}
	det_scene_free(s);
	for (size_t i = 0; i < DET_SCENE_CLASSES; i++)
		ok(seen[i] > 15, "%s: %zu in 60 scenes", det_scene_class[i], seen[i]);
	ok(inside, "boxes are inside their pictures");
	ok(most <= 9 && n > 240 && n < 400, "as many as were asked for: %zu", n);
	ok(difficult > 0 && difficult < n / 5, "few show little: %zu", difficult);
}

/* One object alone has one box, labelled by its place in the list of classes. */
static void
test_classes(void)
{
	struct det_scene_params p = DET_SCENE_DEFAULTS;
	int right = 1;

	p.min_objects = p.max_objects = 1;
	p.min_clutter = p.max_clutter = 0;
	p.n_classes = 1;
	for (int c = 0; c < DET_SCENE_CLASSES; c++) {
		struct seen s;

		p.class[0] = c;
		draw(&s, &p, 9);
		right &= s.b.n == 1 && s.b.box[0].label == 0 && s.b.box[0].score == 1 &&
			 s.b.box[0].flags == 0 && s.b.space == DET_SPACE_IMAGE;
		drop(&s);
	}
	ok(right, "one object of each class alone has one box");
	p.min_objects = p.max_objects = 0;
	{
		struct seen s;

		draw(&s, &p, 0);
		ok(s.b.n == 0, "no objects, no boxes");
		drop(&s);
	}
}

static void
refused(const char *what, const struct det_scene_params *p)
{
	struct det_scene *s;

	ok(det_scene_new(&s, p) == DET_INVALID, "%s: %s", what, det_errmsg());
}

static void
test_limits(void)
{
	const struct det_scene_params good = DET_SCENE_DEFAULTS;
	struct det_scene_params p = good;
	struct seen s;

	p.w = 31;
	refused("too small", &p);
	p = good;
	p.h = 4097;
	refused("too large", &p);
	p = good;
	p.min_objects = 10;
	refused("more at least than at most", &p);
	p = good;
	p.max_clutter = 65;
	refused("too much", &p);
	p = good;
	p.n_classes = 0;
	refused("no class", &p);
	p = good;
	p.class[1] = 8;
	refused("unknown class", &p);
	p = good;
	p.class[1] = 0;
	refused("twice", &p);
	p = good;
	p.visible = (double)NAN;
	refused("no share", &p);
	p = good;
	p.w = DET_SCENE_MIN_SIDE;
	p.h = 500;
	p.min_objects = p.max_objects = DET_SCENE_THINGS;
	p.min_clutter = p.max_clutter = DET_SCENE_THINGS;
	draw(&s, &p, 0);
	ok(s.im.w == 32 && s.im.h == 500, "a narrow and crowded scene");
	drop(&s);
}

int
main(void)
{
	test_outlines();
	test_rounds();
	test_hiding();
	test_hidden();
	test_shadow();
	test_order();
	test_truth();
	test_classes();
	test_limits();
	return done();
}
