/* SPDX-License-Identifier: MIT
 *
 * Silhouettes as signed distances, a row of pixels at a time.
 *
 * A polygon, with corners v[i]: the distance from p to an edge (a, e) is |w - t e| where
 * w = p - a and t = w.e / e.e cut to 0..1; the least over the edges is the distance to the
 * outline. It is negative where a ray to the left crosses the outline an odd number of times;
 * crossings are the same for a whole row, so they are sorted once and the row is cut into
 * spans. The distance is exact, also inside: what is shaded by it has its ridges where a
 * real bevel has them. A line is the same without an inside. `round` is subtracted, which
 * rounds convex corners, and gives lines their thickness.
 *
 * An ellipse with half axes r: with k = |p / r| and g = |p / r^2|, k (k - 1) / g is the
 * distance to first order, exact for circles and true in sign everywhere; at the centre,
 * where it is 0 / 0, the lesser half axis. A ring is what is near an ellipse's outline.
 */
#include "image/scene_shape.h"

#include <math.h>

#include "image/scene_vec.h"
#include "image/simd.h"

#define PI 3.14159265358979323846

/* --- making ---------------------------------------------------------------------------- */

/* Corners are given in the shape's own frame, in units of its radius, y downwards. */
struct draft {
	double x[SHAPE_EDGES + 1], y[SHAPE_EDGES + 1];
	size_t n;
};

static void
corner(struct draft *f, double x, double y)
{
	f->x[f->n] = x;
	f->y[f->n] = y;
	f->n++;
}

static void
polar(struct draft *f, double r, double angle)
{
	corner(f, r * cos(angle), r * sin(angle));
}

static void
mirrored(struct draft *f, const double (*half)[2], size_t n)
{
	for (size_t i = 0; i < n; i++)
		corner(f, half[i][0], half[i][1]);
	for (size_t i = n; i-- > 0;)
		corner(f, -half[i][0], half[i][1]);
}

static void
draft_box(struct draft *f, struct det_random *rng)
{
	const double a = chance_in(rng, .62, 1), c = 1 / sqrt(1 + a * a);

	corner(f, -c, -a * c);
	corner(f, c, -a * c);
	corner(f, c, a * c);
	corner(f, -c, a * c);
}

static void
draft_triangle(struct draft *f, struct det_random *rng)
{
	const double half = chance_in(rng, .62, .95);

	corner(f, chance_in(rng, -.15, .15), -1);
	corner(f, half, sqrt(1 - half * half));
	corner(f, -half, sqrt(1 - half * half));
}

static void
draft_star(struct draft *f, struct det_random *rng)
{
	const double inner = chance_in(rng, .38, .52);

	for (int i = 0; i < 10; i++)
		polar(f, i % 2 ? inner : 1, PI * i / 5 - PI / 2);
}

static void
draft_cross(struct draft *f, struct det_random *rng)
{
	const double a = chance_in(rng, .2, .32), b = sqrt(1 - a * a);
	const double x[] = { -a, a, a, b, b, a, a, -a, -a, -b, -b, -a };
	const double y[] = { -b, -b, -a, -a, a, a, b, b, a, a, -a, -a };

	for (size_t i = 0; i < 12; i++)
		corner(f, x[i], y[i]);
}

/* The curve x = 16 sin^3 t, y = 13 cos t - 5 cos 2t - 2 cos 3t - cos 4t. */
static void
draft_heart(struct draft *f, struct det_random *rng)
{
	const double wide = chance_in(rng, .92, 1.08);

	for (int i = 0; i < SHAPE_EDGES; i++) {
		const double t = 2 * PI * i / SHAPE_EDGES, s = sin(t);

		corner(f, wide * 16 * s * s * s / 17,
		    -(13 * cos(t) - 5 * cos(2 * t) - 2 * cos(3 * t) - cos(4 * t)) / 17);
	}
}

static void
draft_bottle(struct draft *f, struct det_random *rng)
{
	const double w = chance_in(rng, .27, .38), neck = w * chance_in(rng, .32, .45);
	const double shoulder = chance_in(rng, -.3, -.1);
	const double half[][2] = { { neck * 1.2, -.97 }, { neck * 1.2, -.82 },
		{ neck, -.8 }, { neck, shoulder - .27 }, { w * .72, shoulder - .12 },
		{ w, shoulder + .1 }, { w, .9 }, { w * .85, .97 } };

	mirrored(f, half, sizeof half / sizeof *half);
}

static void
draft_arc(struct draft *f, struct det_random *rng)
{
	const double span = chance_in(rng, .5, 1.1) * PI;

	for (int i = 0; i <= 8; i++)
		polar(f, .95, span * (i / 8. - .5));
}

static void
draft_zigzag(struct draft *f, struct det_random *rng)
{
	const long n = chance_of(rng, 3, 6);

	for (long i = 0; i <= n; i++)
		corner(f, (2. * (double)i / (double)n - 1) * .93,
		    (i % 2 ? 1 : -1) * chance_in(rng, .1, .3));
}

static void
draft_blob(struct draft *f, struct det_random *rng)
{
	const double a = chance_in(rng, .25, .45), b = chance_in(rng, .04, .12),
		     p = chance_in(rng, 0, 2 * PI), q = chance_in(rng, 0, 2 * PI);

	for (int i = 0; i < 20; i++) {
		const double t = 2 * PI * i / 20;

		polar(
		    f, (1 + a * sin(2 * t + p) + b * sin(3 * t + q)) / (1 + a + b), t);
	}
}

static void
draft_crescent(struct draft *f, struct det_random *rng)
{
	const double deep = chance_in(rng, .2, .5), span = .78 * PI;

	for (int i = 0; i <= 10; i++)
		polar(f, 1, span * (i / 5. - 1));
	for (int i = 9; i > 0; i--) {
		const double t = span * (i / 5. - 1);

		/* the inner bow ends where the outer one does */
		corner(f, cos(t) - deep * 1.6 * (cos(t) - cos(span)) / (1 - cos(span)),
		    sin(t) * .92);
	}
}

static void
draft_angle(struct draft *f, struct det_random *rng)
{
	const double a = chance_in(rng, .3, .5);
	const double x[] = { -.7, .7, .7, -.7 + a, -.7 + a, -.7 };
	const double y[] = { -.7, -.7, -.7 + a, -.7 + a, .7, .7 };

	for (size_t i = 0; i < 6; i++)
		corner(f, x[i], y[i]);
}

/* How deep the middle of each class is, in radii; for bevels. */
static const float depth[SHAPE_END] = { 1, .2f, .5f, .3f, .35f, .2f, .5f, .3f, .1f, .1f,
	.1f, .6f, .25f, .2f };

/* The draft turned, brought to pixels, with an edge from each corner to the next. */
static void
set_edges(struct shape *s, const struct draft *f, double r, int closed)
{
	const double c = s->cos, n = s->sin;
	double far = 0;

	s->n = closed ? f->n : f->n - 1;
	for (size_t i = 0; i < s->n; i++) {
		const size_t j = (i + 1) % f->n;
		const double x = r * (c * f->x[i] - n * f->y[i]),
			     y = r * (n * f->x[i] + c * f->y[i]);
		const double dx = r * (c * f->x[j] - n * f->y[j]) - x,
			     dy = r * (n * f->x[j] + c * f->y[j]) - y;

		s->edge[i] = (struct shape_edge){ (float)x, (float)y, (float)dx,
			(float)dy, (float)(1 / fmax(dx * dx + dy * dy, 1e-6)) };
		far = fmax(far, fmax(hypot(x, y), hypot(x + dx, y + dy)));
	}
	s->reach = (float)far + s->round;
}

static void
make_round(struct shape *s, struct det_random *rng, enum shape_class class, double r)
{
	const double flat = class == SHAPE_RING ? .6 : .8;
	const double thick = chance_in(rng, .13, .24) * r;

	s->kind = SHAPE_ELLIPSE;
	s->rx = (float)r;
	s->ry = chance(rng, .5) ? s->rx : (float)(r * chance_in(rng, flat, 1));
	s->reach = s->rx;
	if (class != SHAPE_RING)
		return;
	s->hollow = (float)thick;
	s->rx -= (float)thick;
	s->ry -= (float)thick;
}

/* Rounds corners without making the whole larger. */
static void
make_solid(struct shape *s, struct det_random *rng, enum shape_class class, double r)
{
	static void (*const draft[SHAPE_END])(struct draft *, struct det_random *) = {
		[SHAPE_BOX] = draft_box,
		[SHAPE_TRIANGLE] = draft_triangle,
		[SHAPE_STAR] = draft_star,
		[SHAPE_CROSS] = draft_cross,
		[SHAPE_HEART] = draft_heart,
		[SHAPE_BOTTLE] = draft_bottle,
		[SHAPE_BLOB] = draft_blob,
		[SHAPE_CRESCENT] = draft_crescent,
		[SHAPE_ANGLE] = draft_angle,
	};
	const double round = chance_in(rng, 0, class == SHAPE_BOTTLE ? .04 : .12);
	struct draft f = { .n = 0 };

	draft[class](&f, rng);
	if (class != SHAPE_BOTTLE) {
		/* seen from a little aside */
		const double squeeze = chance_in(rng, .85, 1);

		for (size_t i = 0; i < f.n; i++)
			f.x[i] *= squeeze;
	}
	s->kind = SHAPE_POLYGON;
	s->round = (float)(round * r);
	set_edges(s, &f, r * (1 - round), 1);
}

static void
make_line(struct shape *s, struct det_random *rng, enum shape_class class, double r)
{
	struct draft f = { .n = 0 };
	const double round = chance_in(rng, .03, .09);

	if (class == SHAPE_ARC) {
		draft_arc(&f, rng);
	} else if (class == SHAPE_ZIGZAG) {
		draft_zigzag(&f, rng);
	} else {
		corner(&f, -1, 0);
		corner(&f, 1, 0);
	}
	s->kind = SHAPE_LINE;
	s->round = (float)fmax(round * r, .7);
	set_edges(s, &f, r * (1 - round), 0);
}

void
shape_make(struct shape *s, struct det_random *rng, enum shape_class class, double r,
    double angle)
{
	*s = (struct shape){ .cos = (float)cos(angle), .sin = (float)sin(angle) };
	s->up = (float)r;
	s->deep = depth[class] * (float)r;
	if (class == SHAPE_DISC || class == SHAPE_RING)
		make_round(s, rng, class, r);
	else if (class == SHAPE_STICK || class == SHAPE_ARC || class == SHAPE_ZIGZAG)
		make_line(s, rng, class, r);
	else
		make_solid(s, rng, class, r);
	if (s->kind == SHAPE_LINE)
		s->deep = s->round;
	else if (s->hollow > 0)
		s->deep = s->hollow;
	else if (s->kind == SHAPE_ELLIPSE)
		s->deep = s->ry;
}

/* --- distances ------------------------------------------------------------------------- */

/* The edge's part between y - far and y + far, and so much to both sides. */
static void
span_edge(float *from, float *to, const struct shape_edge *e, float y, float far)
{
	float a = 0, b = 1, x1, x2;

	if (fabsf(e->dy) > 1e-3f) {
		const float t1 = (y - far - e->y) / e->dy,
			    t2 = (y + far - e->y) / e->dy;

		a = fmaxf(a, fminf(t1, t2));
		b = fminf(b, fmaxf(t1, t2));
	} else if (fabsf(y - e->y) > far + 1e-3f) {
		return;
	}
	if (a > b)
		return;
	x1 = e->x + a * e->dx;
	x2 = e->x + b * e->dx;
	*from = fminf(*from, fminf(x1, x2) - far);
	*to = fmaxf(*to, fmaxf(x1, x2) + far);
}

/* What is within a polygon's outline is between its edges. */
void
shape_span(float *from, float *to, const struct shape *s, float y, float far)
{
	const float round = s->reach + far, left = round * round - y * y;

	*from = 1;
	*to = 0;
	if (left <= 0)
		return;
	*to = sqrtf(left);
	*from = -*to;
	if (s->kind == SHAPE_ELLIPSE)
		return;
	*from = 1e9f;
	*to = -1e9f;
	for (size_t k = 0; k < s->n; k++)
		span_edge(from, to, &s->edge[k], y, far + s->round);
}

static void
ellipse_row(float *d, size_t n, const struct shape *s, float x, float y)
{
	const float ix = 1 / s->rx, iy = 1 / s->ry, least = s->ry;
	const float x0 = s->cos * x + s->sin * y, y0 = s->cos * y - s->sin * x;

	for (int i = 0; i < (int)n; i++) {
		const float u = (x0 + s->cos * (float)i) * ix,
			    v = (y0 - s->sin * (float)i) * iy;
		const float k2 = u * u + v * v, g2 = u * u * ix * ix + v * v * iy * iy;
		const float k = sqrtf(k2), g = sqrtf(g2);

		d[i] = k2 > 1e-8f ? k * (k - 1) / g : -least;
	}
	if (s->hollow > 0)
		DET_SIMD
	for (size_t i = 0; i < n; i++)
		d[i] = fabsf(d[i]) - s->hollow;
}

/* Where the row crosses the outline, in order; their number. */
static size_t
crossings(float at[SHAPE_EDGES], const struct shape *s, float y)
{
	size_t n = 0;

	for (size_t k = 0; k < s->n; k++) {
		const struct shape_edge *e = &s->edge[k],
					*next = &s->edge[(k + 1) % s->n];
		float x;
		size_t j;

		if ((e->y <= y) == (next->y <= y))
			continue;
		x = e->x + e->dx * (y - e->y) / e->dy;
		for (j = n++; j > 0 && at[j - 1] > x; j--)
			at[j] = at[j - 1];
		at[j] = x;
	}
	return n;
}

static void
outline_row(float *d, size_t n, const struct shape *s, float x, float y)
{
	const vec4 step = { 0, 1, 2, 3 };

	for (size_t i = 0; i < n; i += 4)
		vec4_store(d + i, vec4_all(1e12f));
	for (size_t k = 0; k < s->n; k++) {
		const struct shape_edge e = s->edge[k];
		const vec4 wx0 = vec4_all(x - e.x) + step, wy = vec4_all(y - e.y);

		for (size_t i = 0; i < n; i += 4) {
			const vec4 wx = wx0 + (float)(int)i;
			vec4 t = (wx * e.dx + wy * e.dy) * e.inv, qx, qy;

			t = vec4_unit(t);
			qx = wx - t * e.dx;
			qy = wy - t * e.dy;
			vec4_store(
			    d + i, vec4_min(vec4_load(d + i), qx * qx + qy * qy));
		}
	}
	for (size_t i = 0; i < n; i++)
		d[i] = sqrtf(d[i]);
}

/* Turns the distances between pairs of crossings negative. */
static void
set_inside(float *d, size_t n, const struct shape *s, float x, float y)
{
	float at[SHAPE_EDGES];
	const size_t pairs = crossings(at, s, y) / 2;

	for (size_t k = 0; k < pairs; k++) {
		const float from = ceilf(at[2 * k] - x), to = ceilf(at[2 * k + 1] - x);
		const size_t a = from > 0 ? (size_t)from : 0,
			     b = to > 0 ? (size_t)to : 0;

		for (size_t i = a; i < b && i < n; i++)
			d[i] = -d[i];
	}
}

void
shape_row(float *d, size_t n, const struct shape *s, float x, float y)
{
	if (s->kind == SHAPE_ELLIPSE) {
		ellipse_row(d, n, s, x, y);
		return;
	}
	outline_row(d, n, s, x, y);
	if (s->kind == SHAPE_POLYGON)
		set_inside(d, n, s, x, y);
	DET_SIMD
	for (size_t i = 0; i < n; i++)
		d[i] -= s->round;
}
