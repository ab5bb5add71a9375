/* SPDX-License-Identifier: MIT
 *
 * The decoder of anchors against a plain one, written apart: every score computed, all
 * sorted, then cut. On random maps of all orders of channels, backgrounds and activations,
 * with more candidates than the pool holds and with many equal ones.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "box/decode.h"
#include "tests/unit/tap.h"

/* What a line says, for the plain decoder. */
struct plain {
	size_t h, w, anchors, classes;
	int background; /* 0 none, 1 first, 2 last */
	int softmax, class_major, clip;
	long top, per_class;
	float min_size;
};

struct cand {
	double score, rank;
	size_t number, label, anchor;
};

static size_t rank_ties;

static int
by_rank(const void *a, const void *b)
{
	const struct cand *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	rank_ties++;
	return x->number < y->number ? -1 : x->number > y->number;
}

static size_t
planes(const struct plain *p)
{
	return p->classes + (p->background != 0);
}

static double
logit(const struct plain *p, const float *cls, size_t cell, size_t a, size_t plane)
{
	size_t c = p->class_major ? plane * p->anchors + a : a * planes(p) + plane;

	return (double)cls[c * p->h * p->w + cell];
}

static void
score(struct cand *c, const struct plain *p, const float *cls, size_t cell)
{
	double most = -INFINITY, sum = 0, x;
	size_t shift = p->background == 1;

	x = logit(p, cls, cell, c->anchor % p->anchors, c->label + shift);
	if (!p->softmax) {
		c->score = (double)(float)(1 / (1 + exp(-x)));
		c->rank = x;
		return;
	}
	for (size_t k = 0; k < planes(p); k++)
		most = fmax(most, logit(p, cls, cell, c->anchor % p->anchors, k));
	for (size_t k = 0; k < planes(p); k++)
		sum += exp(logit(p, cls, cell, c->anchor % p->anchors, k) - most);
	c->rank = c->score = exp(x - most) / sum;
}

static size_t
plain_decode(struct cand *out, const struct plain *p, const float *cls, double thresh)
{
	size_t n = 0, hw = p->h * p->w, kept = 0;
	long *seen = calloc(p->classes, sizeof *seen);

	for (size_t cell = 0; cell < hw; cell++)
		for (size_t a = 0; a < p->anchors; a++)
			for (size_t k = 0; k < p->classes; k++) {
				struct cand *c = &out[n];

				c->anchor = cell * p->anchors + a;
				c->label = k;
				c->number = c->anchor * p->classes + k;
				score(c, p, cls, cell);
				n += c->score > thresh;
			}
	if (p->top || p->per_class)
		qsort(out, n, sizeof *out, by_rank);
	for (size_t i = 0; i < n && seen; i++)
		if (p->per_class ? seen[out[i].label]++ < p->per_class
				 : !p->top || kept < (size_t)p->top)
			out[kept++] = out[i];
	free(seen);
	return kept;
}

/* The box of an anchor, from the tensor of anchors, in double. */
static void
plain_box(double box[4], const struct plain *p, const float *anchor, const float *delta,
    size_t i, const double in[2])
{
	const float *a = anchor + 4 * i;
	size_t hw = p->h * p->w, cell = i / p->anchors, k = i % p->anchors;
	double d[4], size, mid, half;

	for (size_t c = 0; c < 4; c++)
		d[c] = (double)delta[(4 * k + c) * hw + cell];
	for (size_t c = 0; c < 2; c++) {
		size = (double)a[c + 2] - (double)a[c];
		mid = (double)a[c] + size / 2 + d[c] * size;
		half = exp(d[c + 2]) * size / 2;
		box[c] = mid - half;
		box[c + 2] = mid + half;
		for (size_t e = c; p->clip && e < 4; e += 2)
			box[e] = fmin(in[c], fmax(0, box[e]));
	}
}

static void
fill(float *x, size_t n, struct det_random *r, double scale, int steps)
{
	for (size_t i = 0; i < n; i++) {
		double v = det_random_normal(r) * scale;

		x[i] = (float)(steps ? floor(v * steps) / steps : v);
	}
}

struct maps {
	float *cls, *delta, *anchor;
	struct det_tensor map[2], grid;
};

static void
make_maps(struct maps *m, const struct plain *p, uint64_t seed, double scale, int steps)
{
	size_t hw = p->h * p->w, c = p->anchors * planes(p);
	struct det_random r;

	m->cls = malloc(hw * c * sizeof *m->cls);
	m->delta = malloc(hw * p->anchors * 4 * sizeof *m->delta);
	m->anchor = malloc(hw * p->anchors * 4 * sizeof *m->anchor);
	if (!m->cls || !m->delta || !m->anchor)
		abort();
	det_random_seed(&r, seed, 0);
	fill(m->cls, hw * c, &r, scale, steps);
	fill(m->delta, hw * p->anchors * 4, &r, .3, 0);
	for (size_t i = 0; i < hw * p->anchors; i++)
		for (size_t k = 0; k < 4; k++)
			m->anchor[4 * i + k] =
			    (float)(8 * (k % 2 ? i / p->anchors / p->w
					       : i / p->anchors % p->w)) +
			    (k < 2 ? -10.f : 10.f) * (float)(1 + i % p->anchors);
	m->map[0] = (struct det_tensor){ DET_F32, 4, { 1, c, p->h, p->w }, m->cls };
	m->map[1] = (struct det_tensor){ DET_F32, 4, { 1, p->anchors * 4, p->h, p->w },
		m->delta };
	m->grid =
	    (struct det_tensor){ DET_F32, 4, { p->h, p->w, p->anchors, 4 }, m->anchor };
}

static void
free_maps(struct maps *m)
{
	free(m->cls);
	free(m->delta);
	free(m->anchor);
}

/* Of two equal ranks (to the plain decoder) neither order is wrong. */
static int
same(const struct det_box *b, const struct cand *c, const struct plain *p,
    const struct maps *m, const double in[2])
{
	double want[4], got[4] = { b->x1, b->y1, b->x2, b->y2 };

	if ((size_t)b->source != c->anchor || (size_t)b->label != c->label ||
	    fabs(b->score - c->score) > 1e-6)
		return 0;
	plain_box(want, p, m->anchor, m->delta, c->anchor, in);
	for (int i = 0; i < 4; i++)
		if (fabs(got[i] - want[i]) > 1e-4)
			return 0;
	return 1;
}

static int
by_label(const void *a, const void *b)
{
	const struct cand *x = a, *y = b;

	if (x->label != y->label)
		return x->label < y->label ? -1 : 1;
	return by_rank(a, b);
}

static void
compare(const struct plain *p, const char *more, double thresh, int steps)
{
	static const char *const backgrounds[] = { "none", "first", "last" };
	struct det_decode_params params = DET_DECODE_DEFAULTS;
	const double in[2] = { 8. * (double)p->w, 8. * (double)p->h };
	size_t most = p->h * p->w * p->anchors * p->classes, n, right = 0;
	struct cand *want = malloc(most * sizeof *want);
	struct det_boxes out = { 0 };
	struct det_decode *d;
	struct maps m;
	char text[256];
	enum det_err e;

	if (!want)
		abort();
	make_maps(&m, p, most, 2, steps);
	(void)snprintf(text, sizeof text,
	    "anchors(c, b) map=m classes=%zu background=%s score=%s order=%s %s %s",
	    p->classes, backgrounds[p->background], p->softmax ? "softmax" : "sigmoid",
	    p->class_major ? "class" : "anchor", p->clip ? "clip" : "", more);
	params.thresh = thresh;
	params.in_w = (long)in[0];
	params.in_h = (long)in[1];
	e = det_decode_parse(&d, text, strlen(text), "text");
	if (!e) {
		e = det_decode_run(&out, d,
		    &(struct det_decode_in){ .maps = m.map, .grids = &m.grid },
		    &params);
		det_decode_free(d);
	}
	n = plain_decode(want, p, m.cls, (double)(float)thresh);
	if (p->per_class)
		qsort(want, n, sizeof *want, by_label);
	for (size_t i = 0; !e && out.n == n && i < n; i++)
		right += (size_t)same(&out.box[i], &want[i], p, &m, in);
	ok(!e && out.n == n && right == n, "%s: %zu of %zu (%zu)%s%s", text, right, n,
	    out.n, e ? " " : "", e ? det_errmsg() : "");
	det_boxes_release(&out);
	free_maps(&m);
	free(want);
}

static void
test_plain(void)
{
	struct plain p = { .h = 13, .w = 17, .anchors = 3, .classes = 5, .top = 1000 };

	compare(&p, "top=1000", .05, 0);
	compare(&p, "top=1000", 0, 0);
	compare(&p, "top=1000", -1, 0);
	compare(&p, "top=1000", .9999, 0);
	compare(&p, "top=1000", 1, 0);
	p.top = 0;
	compare(&p, "", .3, 0);
	compare(&p, "top=0", .5, 1); /* half of the logits are 0 */
	p.top = 10;
	p.clip = 1;
	compare(&p, "top=10", .05, 0);
	compare(&p, "top=10", .05, 2);
	for (p.background = 0; p.background < 3; p.background++)
		for (p.class_major = 0; p.class_major < 2; p.class_major++)
			for (p.softmax = 0; p.softmax < 2; p.softmax++)
				compare(&p, "top=10", .05, 0);
	p = (struct plain){ .h = 60, .w = 70, .anchors = 9, .classes = 4, .top = 100 };
	compare(&p, "top=100", .05, 0);
	compare(&p, "top=100", .05, 1);
	p = (struct plain){ .h = 1,
		.w = 1,
		.anchors = 4,
		.classes = 90,
		.top = 1000,
		.background = 1,
		.softmax = 1 };
	compare(&p, "top=1000", .01, 0);
	p.w = 5;
	p.h = 3;
	p.top = 0;
	p.per_class = 7;
	compare(&p, "top_per_class=7", .001, 0);
	p.softmax = 0;
	compare(&p, "top_per_class=7", .3, 4);
}

/* --- by hand ---------------------------------------------------------------------------- */

struct run {
	struct det_boxes out;
	enum det_err e;
};

/* A map of one cell and one anchor, 0 0 16 16, in an input of 16 x 16. */
static void
one(struct run *r, const char *text, float *cls, size_t channels, float *delta,
    const struct det_decode_params *p, const struct det_anchors *a)
{
	float anchor[4] = { 0, 0, 16, 16 };
	struct det_tensor map[2] = { { DET_F32, 4, { 1, channels, 1, 1 }, cls },
		{ DET_F32, 4, { 1, 4, 1, 1 }, delta } };
	struct det_tensor grid = { DET_F32, 4, { 1, 1, 1, 4 }, anchor };
	struct det_decode_in in = { .maps = map, .grids = a ? NULL : &grid };
	struct det_decode *d;

	det_boxes_release(&r->out);
	if ((r->e = det_decode_parse(&d, text, strlen(text), "text")))
		return;
	if (!(r->e = det_decode_bind(d, a)))
		r->e = det_decode_run(&r->out, d, &in, p);
	det_decode_free(d);
}

static int
is(const struct run *r, double x1, double y1, double x2, double y2)
{
	const struct det_box *b = r->out.box;

	return !r->e && r->out.n == 1 && b->x1 == x1 && b->y1 == y1 && b->x2 == x2 &&
	       b->y2 == y2;
}

static void
test_keys(void)
{
	struct det_decode_params p = DET_DECODE_DEFAULTS;
	struct run r = { .e = DET_OK };
	float x[2] = { 0, 1 }, d[4] = { 0, 0, 0, 0 };

	p.in_w = p.in_h = 16;
	one(&r, "anchors(c, b) map=m classes=1", x, 1, d, &p, NULL);
	ok(is(&r, 0, 0, 16, 16) && r.out.box[0].score == .5 && r.out.box[0].label == 0,
	    "a delta of 0 is the anchor");
	d[0] = 1;
	one(&r, "anchors(c, b) map=m classes=1 weights=2,1,1,1", x, 1, d, &p, NULL);
	ok(is(&r, 8, 0, 24, 16), "weights divide");
	one(&r, "anchors(c, b) map=m classes=1 clip", x, 1, d, &p, NULL);
	ok(is(&r, 16, 0, 16, 16), "clip cuts at the input's edge");
	one(&r, "anchors(c, b) map=m classes=1 clip min_size=.1", x, 1, d, &p, NULL);
	ok(!r.e && r.out.n == 0, "and min_size drops what is left");
	one(&r, "anchors(c, b) map=m classes=1 clip=inclusive plus_one min_size=1", x,
	    1, d, &p, NULL);
	ok(is(&r, 15, 0, 15, 15), "with plus_one a pixel is left");
	d[0] = 0;
	p.x2 = 10;
	p.y2 = 12;
	one(&r, "anchors(c, b) map=m classes=1 clip", x, 1, d, &p, NULL);
	ok(is(&r, 0, 0, 10, 12), "or at the picture's");
	p.scale = 2;
	one(&r, "anchors(c, b) map=m classes=1 clip min_size=5.5 min_scaled", x, 1, d,
	    &p, NULL);
	ok(!r.e && r.out.n == 0, "min_scaled counts the original's pixels");
	p.x2 = 0;
	d[2] = 100;
	one(&r, "anchors(c, b) map=m classes=1 clamp=0", x, 1, d, &p, NULL);
	ok(is(&r, 0, 0, 16, 16), "clamp");
	one(&r, "anchors(c, b) map=m classes=1 clamp=none", x, 1, d, &p, NULL);
	ok(r.e == DET_INVALID, "no clamp: %s", det_errmsg());
	d[2] = -1;
	one(&r, "anchors(c, b) map=m classes=1 coder=corner weights=5,5,4,5", x, 1, d,
	    &p, NULL);
	ok(is(&r, 0, 0, 12, 16), "corners");
	p.thresh = .7;
	one(&r, "anchors(c, b) map=m classes=1 background=first score=softmax", x, 2, d,
	    &p, NULL);
	ok(!r.e && r.out.n == 1 && fabs(r.out.box[0].score - .7310585786) < 1e-7,
	    "softmax of two");
	det_boxes_release(&r.out);
}

static void
test_bad(void)
{
	struct det_decode_params p = DET_DECODE_DEFAULTS;
	struct det_anchors *a;
	struct run r = { .e = DET_OK };
	float x[4] = { 0, 1, 2, 3 }, d[4] = { 0 };
	const char *text = "anchors(c, b) map=m classes=2 top=9";

	p.in_w = p.in_h = 16;
	x[1] = NAN;
	one(&r, text, x, 2, d, &p, NULL);
	ok(r.e == DET_INVALID, "%s", det_errmsg());
	x[1] = -INFINITY;
	one(&r, "anchors(c, b) map=m classes=1 background=last score=softmax", x, 2, d,
	    &p, NULL);
	ok(r.e == DET_INVALID, "%s", det_errmsg());
	x[1] = 1;
	d[3] = INFINITY;
	one(&r, text, x, 2, d, &p, NULL);
	ok(r.e == DET_INVALID, "%s", det_errmsg());
	d[3] = 0;
	one(&r, text, x, 3, d, &p, NULL);
	ok(r.e == DET_INVALID, "%s", det_errmsg());
	one(&r, text, x, 4, d, &p, NULL);
	ok(r.e == DET_INVALID, "%s", det_errmsg());
	if (det_anchors_parse(&a, "grid(m) sizes=16 stride=16 offset=.5", 36, "text"))
		abort();
	one(&r, text, x, 2, d, &p, a);
	ok(!r.e && r.out.n == 2 && r.out.box[0].x1 == 0 && r.out.box[0].y2 == 16,
	    "anchors of the text");
	ok(r.out.n == 2 && r.out.box[0].label == 1, "best first");
	one(&r, "anchors(c, b) map=k classes=2", x, 2, d, &p, a);
	ok(r.e == DET_INVALID, "%s", det_errmsg());
	det_anchors_free(a);
	if (det_anchors_parse(&a, "grid(m) sizes=16,8 stride=16", 28, "text"))
		abort();
	one(&r, text, x, 2, d, &p, a);
	ok(r.e == DET_INVALID, "%s", det_errmsg());
	det_anchors_free(a);
	one(&r, "anchors(c) map=m classes=2", x, 2, d, &p, NULL);
	ok(r.e == DET_INVALID, "%s", det_errmsg());
	one(&r, "anchors(c, c) map=m classes=2", x, 2, d, &p, NULL);
	ok(r.e == DET_INVALID, "%s", det_errmsg());
	one(&r, "anchors(c, b) classes=2", x, 2, d, &p, NULL);
	ok(r.e == DET_INVALID, "%s", det_errmsg());
	one(&r, "anchors(c, b) map=m classes=1 score=softmax", x, 1, d, &p, NULL);
	ok(r.e == DET_INVALID, "%s", det_errmsg());
	one(&r, "anchors(c, b) map=m classes=1 weights=1,2", x, 1, d, &p, NULL);
	ok(r.e == DET_INVALID, "%s", det_errmsg());
	one(&r, "anchors(c, b) map=m classes=1 score=max", x, 1, d, &p, NULL);
	ok(r.e == DET_INVALID, "%s", det_errmsg());
	det_boxes_release(&r.out);
}

/* Two maps, the second with better boxes: together they give the best of each class. */
static void
test_together(void)
{
	static const char text[] = "anchors(a, b) map=m classes=2 background=last "
				   "score=softmax top_per_class=3\n"
				   "anchors(c, d) map=m classes=2 background=last "
				   "score=softmax top_per_class=3\n";
	float one_[12] = { 5, 4, 3, 2, 1, 1, 1, 1, 0, 0, 0, 0 };
	float two[12] = { 4.5f, 0, 6, 0, 1, 9, 1, 1, 0, 0, 0, 0 };
	float delta[16] = { 0 }, anchor[16];
	struct det_tensor shape = { DET_F32, 4, { 1, 3, 2, 2 }, one_ };
	struct det_tensor map[4] = { shape, shape, shape, shape };
	struct det_tensor grid = { DET_F32, 4, { 2, 2, 1, 4 }, anchor };
	struct det_decode_params p = { .thresh = .01, .in_w = 9, .in_h = 9, .top = -1 };
	const int32_t source[2][3] = { { 0, 4, 6 }, { 3, 7, 5 } };
	struct det_boxes out = { 0 };
	struct det_decode *d;
	int right = 0;

	for (int i = 0; i < 16; i++)
		anchor[i] = (float)(i % 4 / 2 * 4);
	map[1].dims[1] = map[3].dims[1] = 4;
	map[1].data = map[3].data = delta;
	map[2].data = two;
	if (det_decode_parse(&d, text, strlen(text), "text"))
		abort();
	ok(det_decode_maps(d) == 4 && det_decode_grids(d) == 1 &&
		!strcmp(det_decode_grid(d, 0), "m") && !det_decode_grid(d, 1) &&
		!strcmp(det_decode_map(d, 3), "d"),
	    "four maps, one grid");
	ok(!det_decode_run(
	       &out, d, &(struct det_decode_in){ .maps = map, .grids = &grid }, &p),
	    "decoded");
	for (size_t i = 0; i < out.n; i++)
		for (int k = 0; k < 3; k++)
			right += out.box[i].source == source[out.box[i].label][k];
	ok(out.n == 6 && right == 6, "three of each class over both maps (%d of %zu)",
	    right, out.n);
	det_boxes_release(&out);
	det_decode_free(d);
}

int
main(void)
{
	test_plain();
	test_keys();
	test_bad();
	test_together();
	return done();
}
