/* SPDX-License-Identifier: MIT
 *
 * Soft-NMS, Matrix-NMS and fusion against transcriptions of their formulas, quadratic and
 * over plain arrays; and greedy NMS where boxes lie in a grid, against the definition. Lists
 * are long enough for the grid, with boxes of all sizes, duplicates, ties, empty boxes and
 * coordinates that make the grid give up.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "box/nms.h"
#include "box/nms_impl.h"
#include "tests/unit/tap.h"

#define MAX_N 3000

static uint64_t seed = 1;

static unsigned
rnd(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

enum { PLAIN, SPREAD, TINY, FAR_AWAY, KINDS };

/* Box lists that the grid likes and dislikes. */
static void
fill(struct det_box *b, size_t n, int kind, unsigned labels)
{
	unsigned size = 60 + rnd(2000), scores = 20 + rnd(100000);

	for (size_t i = 0; i < n; i++) {
		double x = rnd(size), y = rnd(size), m = 4 + rnd(60), w, h;

		if (kind == SPREAD) /* sides from 1/8 to 4096 */
			m = ldexp(1, (int)rnd(16) - 3);
		w = m * (.5 + rnd(100) / 100.);
		h = m * (.5 + rnd(100) / 100.);
		if (kind == FAR_AWAY && rnd(50) == 0)
			x *= 1e12;
		if (kind == TINY && rnd(3) == 0)
			w *= 1e-20, h *= 1e-20;
		if (rnd(40) == 0)
			w = -(double)rnd(2);
		b[i] = (struct det_box){ (float)(x - w / 2), (float)(y - h / 2),
			(float)(x + w / 2), (float)(y + h / 2),
			(float)rnd(scores) / (float)scores, 0, (int)rnd(labels) - 1, 0,
			-1 };
		if (i && rnd(10) == 0)
			b[i] = b[rnd((unsigned)i)];
		b[i].source = (int)i;
	}
}

static float
overlap(
    const struct det_box *a, const struct det_box *b, const struct det_nms_params *p)
{
	float one = p->plus_one ? 1 : 0;
	struct det_fbox x = det_iou_box(a, one), y = det_iou_box(b, one);

	return det_iou(&x, &y, one);
}

/* Indices, best first, ties by index. */
static const struct det_box *sorting;

static int
by_score(const void *a, const void *b)
{
	size_t i = *(const size_t *)a, j = *(const size_t *)b;

	if (sorting[i].score != sorting[j].score)
		return sorting[i].score > sorting[j].score ? -1 : 1;
	return i < j ? -1 : 1;
}

static size_t
sorted(size_t *at, const struct det_box *b, size_t n, double min)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (b[i].score >= min)
			at[k++] = i;
	sorting = b;
	qsort(at, k, sizeof *at, by_score);
	return k;
}

static int
same_class(
    const struct det_box *a, const struct det_box *b, const struct det_nms_params *p)
{
	return p->agnostic || a->label == b->label;
}

static size_t
naive_greedy(struct det_box *out, const struct det_box *b, size_t n,
    const struct det_nms_params *p)
{
	size_t at[MAX_N], k = 0;

	n = sorted(at, b, n, p->min_score);
	for (size_t i = 0; i < n; i++) {
		int gone = 0;

		for (size_t j = 0; j < k && !gone; j++)
			if (same_class(&out[j], &b[at[i]], p)) {
				float v = overlap(&out[j], &b[at[i]], p);

				gone = p->ge ? v >= (float)p->iou : v > (float)p->iou;
			}
		if (!gone)
			out[k++] = b[at[i]];
	}
	return k;
}

static size_t
naive_soft(struct det_box *out, const struct det_box *b, size_t n,
    const struct det_nms_params *p)
{
	static float s[MAX_N];
	static char gone[MAX_N];
	size_t at[MAX_N], k = 0, best;
	static struct det_box all[MAX_N];

	for (size_t i = 0; i < n; i++) {
		s[i] = (float)b[i].score;
		gone[i] = b[i].score < p->min_score;
	}
	for (;;) {
		best = n;
		for (size_t i = 0; i < n; i++)
			if (!gone[i] && (best == n || s[i] > s[best]))
				best = i;
		if (best == n)
			break;
		gone[best] = 1;
		if ((double)s[best] < p->min_score)
			continue;
		all[best] = b[best];
		all[best].score = (double)s[best];
		at[k++] = best;
		for (size_t i = 0; i < n; i++) {
			float v = overlap(&b[best], &b[i], p);

			if (gone[i] || !same_class(&b[best], &b[i], p))
				continue;
			if (p->method == DET_NMS_SOFT_GAUSS)
				s[i] *= (float)exp(-(double)v * (double)v / p->sigma);
			else if (p->ge ? v >= (float)p->iou : v > (float)p->iou)
				s[i] *= 1 - v;
		}
	}
	sorting = all;
	qsort(at, k, sizeof *at, by_score);
	for (size_t i = 0; i < k; i++)
		out[i] = all[at[i]];
	return k;
}

static double
matrix_f(double v, const struct det_nms_params *p)
{
	return p->method == DET_NMS_MATRIX_LINEAR ? 1 - v : exp(-v * v / p->sigma);
}

static size_t
naive_matrix(struct det_box *out, const struct det_box *b, size_t n,
    const struct det_nms_params *p)
{
	size_t at[MAX_N];
	static double cover[MAX_N];
	static struct det_box all[MAX_N];

	n = sorted(at, b, n, p->min_score);
	for (size_t j = 0; j < n; j++) {
		double least = 1;

		cover[j] = 0;
		for (size_t i = 0; i < j; i++) {
			double v = (double)overlap(&b[at[i]], &b[at[j]], p);

			if (!same_class(&b[at[i]], &b[at[j]], p))
				continue;
			cover[j] = fmax(cover[j], v);
			if (matrix_f(cover[i], p) > 0)
				least =
				    fmin(least, matrix_f(v, p) / matrix_f(cover[i], p));
		}
		all[at[j]] = b[at[j]];
		all[at[j]].score *= least;
	}
	sorting = all;
	qsort(at, n, sizeof *at, by_score);
	for (size_t i = n, k = 0; k < n; k++) {
		out[k] = all[at[k]];
		if (out[k].score < p->min_score && i == n)
			i = k;
		if (k == n - 1)
			n = i < n ? i : n;
	}
	return n;
}

/* The authors' way: members are kept, and every fused box is computed anew from them. */
static size_t
naive_fuse(struct det_box *out, const struct det_box *b, size_t n,
    const struct det_nms_params *p)
{
	static size_t member[MAX_N];
	size_t at[MAX_N], k = 0;
	static size_t first[MAX_N], count[MAX_N], order[MAX_N];
	static struct det_box fused[MAX_N], all[MAX_N];

	n = sorted(at, b, n, p->min_score);
	for (size_t i = 0; i < n; i++) {
		float best = (float)p->iou;
		size_t c = k;

		for (size_t j = 0; j < k; j++) {
			float v = overlap(&fused[j], &b[at[i]], p);

			if (same_class(&fused[j], &b[at[i]], p) && v > best) {
				best = v;
				c = j;
			}
		}
		member[i] = c;
		if (c == k) {
			first[k] = at[i];
			count[k] = 1;
			fused[k++] = b[at[i]];
			continue;
		}
		count[c]++;
		double s = 0, max = 0, x1 = 0, y1 = 0, x2 = 0, y2 = 0;

		for (size_t j = 0; j <= i; j++)
			if (member[j] == c) {
				const struct det_box *v = &b[at[j]];

				s += v->score;
				max = fmax(max, v->score);
				x1 += v->score * v->x1;
				y1 += v->score * v->y1;
				x2 += v->score * v->x2;
				y2 += v->score * v->y2;
			}
		if (s > 0) {
			fused[c].x1 = x1 / s;
			fused[c].y1 = y1 / s;
			fused[c].x2 = x2 / s;
			fused[c].y2 = y2 / s;
		}
		fused[c].score = p->fuse == DET_FUSE_MAX ? max : s / (double)count[c];
		fused[c].source = -1;
	}
	for (size_t j = 0; j < k; j++) {
		double c = (double)count[j];

		fused[j].score *=
		    p->fuse == DET_FUSE_MAX ? 1 / p->top : fmin(c, p->total) / p->total;
		all[first[j]] = fused[j];
		order[j] = first[j];
	}
	sorting = all;
	qsort(order, k, sizeof *order, by_score);
	for (size_t j = 0; j < k; j++)
		out[j] = all[order[j]];
	return k;
}

static int
near(const struct det_box *a, const struct det_box *b, double tol)
{
	double size = 1 + fabs(a->x1) + fabs(a->y1) + fabs(a->x2) + fabs(a->y2);

	return a->label == b->label && a->source == b->source &&
	       fabs(a->score - b->score) <= tol &&
	       fabs(a->x1 - b->x1) + fabs(a->y1 - b->y1) + fabs(a->x2 - b->x2) +
		       fabs(a->y2 - b->y2) <=
		   size * tol;
}

static int
agrees(const struct det_box *b, size_t n, const struct det_nms_params *p)
{
	static struct det_box want[MAX_N];
	struct det_boxes got = { .box = malloc((n + 1) * sizeof *b), .n = n };
	double tol = 0;
	size_t k;
	int same;

	if (!got.box)
		abort();
	memcpy(got.box, b, n * sizeof *b);
	switch (p->method) {
	case DET_NMS_GREEDY: k = naive_greedy(want, b, n, p); break;
	case DET_NMS_SOFT_LINEAR:
	case DET_NMS_SOFT_GAUSS: k = naive_soft(want, b, n, p); break;
	case DET_NMS_FUSE:
		k = naive_fuse(want, b, n, p);
		tol = 1e-12;
		break;
	default: k = naive_matrix(want, b, n, p); tol = 1e-12;
	}
	same = !det_nms(&got, p) && got.n == k;
	for (size_t i = 0; same && i < k; i++)
		same = near(&got.box[i], &want[i], tol);
	det_boxes_release(&got);
	return same;
}

static void
random_tests(int method, const char *name)
{
	static const double iou[] = { .3, .5, .55, .7, 0, .05, .95 };
	static struct det_box b[MAX_N];
	int bad = 0;

	for (int i = 0; i < 48; i++) {
		struct det_nms_params p = DET_NMS_DEFAULTS;
		int kind = i % KINDS;
		size_t n = i < 8 ? rnd(5) : i < 36 ? rnd(600) : 1300 + rnd(700);

		fill(b, n, kind, 1 + rnd(3));
		p.method = method;
		p.iou = iou[rnd(7)];
		p.ge = method != DET_NMS_FUSE && p.iou > 0 && rnd(2);
		p.plus_one = (int)rnd(2);
		p.min_score = rnd(2) ? -DBL_MAX : .1;
		p.agnostic = rnd(3) > 0;
		p.sigma = .1 + rnd(10) / 10.;
		p.threads = 1 + (int)rnd(3);
		if (method == DET_NMS_FUSE) {
			p.fuse = (int)rnd(2);
			p.total = 1 + rnd(4);
			p.top = 1 + rnd(2);
		}
		if (!agrees(b, n, &p)) {
			printf(
			    "# list %d of %zu, kind %d, iou %g\n", i, n, kind, p.iou);
			bad++;
		}
	}
	ok(bad == 0, "%s: 48 random lists as the formula says (%d differ)", name, bad);
}

static size_t
run(struct det_boxes *b, const struct det_box *box, size_t n,
    const struct det_nms_params *p)
{
	b->n = 0;
	for (size_t i = 0; i < n; i++)
		if (det_boxes_add(b, &box[i]))
			abort();
	return det_nms(b, p) ? 999 : b->n;
}

static struct det_box
make(double x1, double y1, double x2, double y2, double score, int label)
{
	return (struct det_box){ x1, y1, x2, y2, score, 0, label, 0, 7 };
}

/* By hand. Overlaps: 0 and 1 1/2, 0 and 2 1/4, 1 and 2 1/2. */
static void
hand_tests(void)
{
	struct det_box b[] = { make(0, 0, 8, 8, .8, 0), make(0, 0, 8, 4, .6, 0),
		make(0, 0, 8, 2, .5, 0) };
	struct det_nms_params p = DET_NMS_DEFAULTS;
	struct det_boxes o = { 0 };

	p.method = DET_NMS_MATRIX_LINEAR;
	ok(run(&o, b, 3, &p) == 3 && o.box[0].score == .8 &&
		fabs(o.box[1].score - .375) < 1e-12 &&
		fabs(o.box[2].score - .3) < 1e-12,
	    "matrix, linear: .5 * min(3/4, (1/2) / (1/2)), .6 * 1/2");
	p.method = DET_NMS_MATRIX_GAUSS;
	ok(run(&o, b, 3, &p) == 3 && fabs(o.box[2].score - .6 * exp(-.5)) < 1e-12 &&
		fabs(o.box[1].score - .5 * exp(-.125)) < 1e-12,
	    "matrix, gauss: .6 exp(-.25 / .5), .5 exp(-.0625 / .5)");
	p.max_per_class = 2;
	ok(run(&o, b, 3, &p) == 2 && o.box[1].y2 == 2,
	    "at most two of a class, decayed");
	p.max_per_class = 0;
	b[1] = b[0];
	b[1].score = .7;
	p.method = DET_NMS_MATRIX_LINEAR;
	ok(run(&o, b, 2, &p) == 2 && o.box[1].score == 0,
	    "matrix, linear: a repeated box falls to 0, not to NaN");

	p = (struct det_nms_params)DET_NMS_DEFAULTS;
	p.method = DET_NMS_FUSE;
	b[0] = make(0, 0, 10, 10, .625, 0);
	b[1] = make(0, 0, 10, 8, .25, 0);
	b[2] = make(50, 0, 60, 10, .875, 0);
	ok(run(&o, b, 3, &p) == 2 && o.box[0].score == .875 && o.box[0].source == 7 &&
		fabs(o.box[1].y2 - 8.25 / .875) < 1e-12 && o.box[1].score == .4375 &&
		o.box[1].source == -1,
	    "fuse: a mean weighted by score; a single box stays itself");
	p.total = 2;
	ok(run(&o, b, 3, &p) == 2 && o.box[0].score == .4375 &&
		o.box[1].score == .4375 && o.box[0].x1 == 0,
	    "of two lists: what one saw alone counts half; ties by the input");
	b[0].score = -1;
	ok(run(&o, b, 3, &p) == 999 && strstr(det_errmsg(), "box 0"),
	    "fuse: a score below 0 is refused: %s", det_errmsg());
	det_boxes_release(&o);
}

static void
rule_tests(void)
{
	/* 1 overlaps 0 by .6, 2 overlaps 0 by .5, 3 is elsewhere */
	struct det_box b[] = { make(0, 0, 10, 10, .9, 0), make(0, 0, 10, 6, .8, 0),
		make(0, 5, 10, 10, .7, 0), make(50, 0, 60, 10, .7, 0),
		make(90, 0, 99, 10, .6, 0) };
	struct det_nms_params p = DET_NMS_DEFAULTS;
	struct det_boxes o = { 0 };
	static struct det_box many[1001];

	p.iou = .7;
	ok(run(&o, b, 4, &p) == 4, "eta 1: all are below .7");
	p.eta = .8;
	ok(run(&o, b, 4, &p) == 3 && o.box[1].y1 == 5,
	    "eta .8: .6 is above .56, and the threshold stays below .5 then");
	p = (struct det_nms_params)DET_NMS_DEFAULTS;
	p.max = 2;
	ok(run(&o, b + 1, 4, &p) == 2, "at most two");
	p.max_ties = 1;
	ok(run(&o, b + 1, 4, &p) == 3 && o.box[2].score == .7,
	    "and those that score as the second does");
	p.max = 0;
	ok(run(&o, b + 1, 4, &p) == 4, "no limit, no ties");

	/* in float 3/5 is a little more than .6, 7/10 a little less than .7 */
	p = (struct det_nms_params)DET_NMS_DEFAULTS;
	p.iou = .6;
	ok(run(&o, b, 2, &p) == 2, "3/5 is not above .6");
	p.wide = 1;
	ok(run(&o, b, 2, &p) == 1, "but so in double");
	b[1].y2 = 7;
	p.iou = .7;
	p.ge = 1;
	ok(run(&o, b, 2, &p) == 2, "where 7/10 is not .7");
	p.wide = 0;
	ok(run(&o, b, 2, &p) == 1, "as it is in float");

	p = (struct det_nms_params)DET_NMS_DEFAULTS;
	p.pre_max_per_class = 1;
	b[3].label = 1;
	ok(run(&o, b, 5, &p) == 2 && o.box[0].label == 0 && o.box[1].label == 1,
	    "the best of each class competes");
	p.agnostic = 1;
	ok(run(&o, b, 5, &p) == 2, "under agnostic too");

	/* Classes 0 and 90 are moved by 0 and 90 * 1001 = 90090, where a float's step is
	 * 1/128: a side of 1.001 becomes 1, so an overlap of .4995 becomes .5 */
	p = (struct det_nms_params)DET_NMS_DEFAULTS;
	p.iou = .4999;
	p.trick = 0;
	b[0] = make(0, 0, 1, 1.001, .9, 90);
	b[1] = make(0, 0, 1, .5, .8, 90);
	b[2] = make(0, 0, 1, 1.001, .9, 0);
	b[3] = make(0, 0, 1, .5, .8, 0);
	b[4] = make(0, 0, 1000, 1000, .1, 1);
	ok(run(&o, b, 5, &p) == 4 && o.box[2].label == 0 && o.box[2].score == .8,
	    "the coordinate trick rounds boxes of high classes");
	p.trick = -1;
	ok(run(&o, b, 5, &p) == 5, "and nothing else does");
	p.trick = 0;
	memcpy(many, b, sizeof b);
	for (int i = 5; i < 1001; i++)
		many[i] = make(2 * i, 2000, 2 * i + 1, 2001, 0, 5);
	ok(run(&o, many, 1001, &p) == 1001, "of 1001 boxes classes are kept apart");
	p.max_per_class = 3;
	ok(run(&o, b, 5, &p) == 999, "the trick knows no classes to limit");
	p.max_per_class = 0;
	p.method = DET_NMS_FUSE;
	ok(run(&o, b, 5, &p) == 999, "and is greedy's");
	p.trick = -1;
	p.eta = .5;
	ok(run(&o, b, 5, &p) == 999, "as eta is");
	for (int m = DET_NMS_GREEDY; m <= DET_NMS_FUSE; m++) {
		p = (struct det_nms_params)DET_NMS_DEFAULTS;
		p.method = m;
		b[0].x1 = NAN;
		ok(run(&o, NULL, 0, &p) == 0, "method %d: no boxes", m);
		ok(run(&o, b, 2, &p) == 999, "method %d: NaN is refused", m);
	}
	det_boxes_release(&o);
}

/* The same on any number of threads. */
static void
thread_tests(void)
{
	static struct det_box b[20000];
	struct det_boxes one = { 0 }, two = { 0 };
	int bad = 0;

	for (int i = 0; i < 20000; i += MAX_N)
		fill(b + i, i + MAX_N > 20000 ? (size_t)(20000 - i) : MAX_N, PLAIN, 7);
	for (int m = DET_NMS_GREEDY; m <= DET_NMS_FUSE; m++) {
		struct det_nms_params p = DET_NMS_DEFAULTS;

		p.method = m;
		p.min_score = .3;
		p.threads = 1;
		bad += run(&one, b, 20000, &p) == 999;
		p.threads = 3;
		bad += run(&two, b, 20000, &p) != one.n;
		bad += memcmp(one.box, two.box, one.n * sizeof *b) != 0;
	}
	ok(bad == 0, "three threads give the same bytes");
	det_boxes_release(&one);
	det_boxes_release(&two);
}

int
main(void)
{
	random_tests(DET_NMS_GREEDY, "greedy");
	random_tests(DET_NMS_SOFT_LINEAR, "soft, linear");
	random_tests(DET_NMS_SOFT_GAUSS, "soft, gauss");
	random_tests(DET_NMS_MATRIX_LINEAR, "matrix, linear");
	random_tests(DET_NMS_MATRIX_GAUSS, "matrix, gauss");
	random_tests(DET_NMS_FUSE, "fuse");
	hand_tests();
	rule_tests();
	thread_tests();
	return done();
}
