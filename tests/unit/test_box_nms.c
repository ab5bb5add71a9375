/* SPDX-License-Identifier: MIT
 *
 * NMS against a transcription of its definition in double, quadratic and with no cleverness,
 * on random boxes with integer corners (so that float and double agree on every overlap),
 * with many ties, duplicates and empty boxes; then the rules one by one.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "box/nms.h"
#include "box/nms_impl.h"
#include "tests/unit/tap.h"

static uint64_t seed = 1;

static unsigned
rnd(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static struct det_box
make(double x1, double y1, double x2, double y2, double score, int label)
{
	return (struct det_box){ x1, y1, x2, y2, score, 0, label, 0, -1 };
}

static double
side(double a, double b, double one)
{
	return b - a + one > 0 ? b - a + one : 0;
}

static double
naive_iou(const struct det_box *a, const struct det_box *b, double one)
{
	double i = side(fmax(a->x1, b->x1), fmin(a->x2, b->x2), one) *
		   side(fmax(a->y1, b->y1), fmin(a->y2, b->y2), one);
	double u = side(a->x1, a->x2, one) * side(a->y1, a->y2, one) +
		   side(b->x1, b->x2, one) * side(b->y1, b->y2, one) - i;

	return u > 0 ? i / u : 0;
}

/* Repeatedly the best box left, earliest first; it drops all that overlap it. */
static size_t
naive_nms(
    size_t *kept, const struct det_box *b, size_t n, const struct det_nms_params *p)
{
	char *gone = calloc(n ? n : 1, 1);
	size_t k = 0, per[8] = { 0 };

	for (size_t i = 0; i < n; i++)
		gone[i] = b[i].score < p->min_score;
	if (p->pre_max) {
		for (size_t i = 0; i < n; i++) {
			long better = 0;

			for (size_t j = 0; j < n; j++)
				better += b[j].score >= p->min_score &&
					  (b[j].score > b[i].score ||
					      (b[j].score == b[i].score && j < i));
			gone[i] |= better >= p->pre_max;
		}
	}
	for (;;) {
		size_t best = n;

		for (size_t i = 0; i < n; i++)
			if (!gone[i] && (best == n || b[i].score > b[best].score))
				best = i;
		if (best == n)
			break;
		gone[best] = 1;
		per[b[best].label + 1]++;
		if (p->max_per_class &&
		    per[p->agnostic ? 0 : b[best].label + 1] > (size_t)p->max_per_class)
			continue;
		kept[k++] = best;
		for (size_t i = 0; i < n; i++) {
			double v = naive_iou(&b[best], &b[i], p->plus_one);

			if ((p->agnostic || b[i].label == b[best].label) &&
			    (p->ge ? v >= p->iou : v > p->iou))
				gone[i] = 1;
		}
	}
	free(gone);
	return p->max && k > (size_t)p->max ? (size_t)p->max : k;
}

static int
agrees(const struct det_box *box, size_t n, const struct det_nms_params *p)
{
	struct det_boxes b = { 0 };
	size_t *want = malloc((n + 1) * sizeof *want), k;
	int same;

	for (size_t i = 0; i < n; i++) {
		struct det_box v = box[i];

		v.source = (int)i;
		if (det_boxes_add(&b, &v))
			abort();
	}
	k = naive_nms(want, box, n, p);
	same = !det_nms(&b, p) && b.n == k;
	for (size_t i = 0; same && i < k; i++)
		same = b.box[i].source == (int)want[i];
	det_boxes_release(&b);
	free(want);
	return same;
}

static void
fill(struct det_box *b, size_t n, unsigned size, unsigned scores, unsigned labels)
{
	for (size_t i = 0; i < n; i++) {
		double x = rnd(size), y = rnd(size);

		b[i] = make(x, y, x + rnd(size / 2) - 1, y + rnd(size / 2) - 1,
		    (double)rnd(scores) / scores - .25, (int)rnd(labels) - 1);
		if (i && rnd(8) == 0)
			b[i] = b[rnd((unsigned)i)];
	}
}

static void
random_tests(void)
{
	static const double iou[] = { .3, .45, .5, .6, .7, 1, 0, .25 };
	struct det_box b[400];
	int bad = 0;

	for (int i = 0; i < 600; i++) {
		struct det_nms_params p = DET_NMS_DEFAULTS;
		size_t n = rnd(i < 500 ? 60 : 400);

		fill(b, n, 8 + rnd(120), 2 + rnd(40), 1 + rnd(6));
		p.iou = iou[rnd(8)];
		p.ge = p.iou > 0 && rnd(2);
		p.plus_one = (int)rnd(2);
		p.pre_max = rnd(3) ? 0 : 1 + (long)rnd(50);
		p.max = rnd(3) ? 0 : 1 + (long)rnd(20);
		p.min_score = rnd(3) ? -DBL_MAX : .125;
		p.agnostic = (int)rnd(2);
		if (!p.agnostic)
			p.max_per_class = rnd(3) ? 0 : 1 + (long)rnd(5);
		bad += !agrees(b, n, &p);
	}
	ok(bad == 0, "600 random lists as the definition says (%d differ)", bad);
}

static int
same_mask(const struct det_nms_scan *s, const struct det_nms_scan *c,
    const struct det_box *b, float lo, float one)
{
	struct det_fbox f = det_iou_box(&b[63], one);
	struct det_chunk k;

	for (unsigned i = 0; i < DET_CHUNK; i++) {
		struct det_fbox g = det_iou_box(&b[i], one);

		det_chunk_clear(&k, i);
		if (i % 5 == 4)
			continue;
		k.x1[i] = g.x1;
		k.y1[i] = g.y1;
		k.x2[i] = g.x2;
		k.y2[i] = g.y2;
		k.area[i] = g.area;
	}
	return s->mask(&k, &f, lo, one) == c->mask(&k, &f, lo, one) &&
	       !(c->mask(&k, &f, lo, one) & 0x4210);
}

/* Every instruction set stops at the same boxes, wherever it starts. */
static void
scan_tests(void)
{
	struct det_box b[64];
	struct det_kept k;
	const struct det_nms_scan *s, *c;
	int more = 1, bad;

	c = det_nms_scan_number(0, &more);
	for (size_t i = 1; more; i++) {
		s = det_nms_scan_number(i, &more);
		if (!s && more)
			printf("# instruction set %zu is not on this processor\n", i);
		if (!s)
			continue;
		bad = 0;
		for (int t = 0; t < 300; t++) {
			size_t n = rnd(64);
			float one = (float)rnd(2), lo = (float)rnd(10) / 10;

			fill(b, 64, 20 + rnd(50), 10, 1);
			if (det_kept_new(&k, n))
				abort();
			for (size_t j = 0; j < n; j++) {
				struct det_fbox f = det_iou_box(&b[j], one);

				det_kept_add(&k, &f);
			}
			for (size_t j = 0; j <= n; j++) {
				struct det_fbox f = det_iou_box(&b[63], one);

				bad += s->next(&k, j, &f, lo, one) !=
				       c->next(&k, j, &f, lo, one);
			}
			det_kept_free(&k);
			bad += !same_mask(s, c, b, lo, one);
		}
		ok(bad == 0, "%s scans like C", s->name);
	}
}

static size_t
kept_of(const struct det_box *box, size_t n, const struct det_nms_params *p,
    struct det_box *out)
{
	struct det_boxes b = { 0 };

	for (size_t i = 0; i < n; i++)
		if (det_boxes_add(&b, &box[i]))
			abort();
	if (det_nms(&b, p)) {
		det_boxes_release(&b);
		return 999;
	}
	n = b.n;
	if (n)
		memcpy(out, b.box, n * sizeof *out);
	det_boxes_release(&b);
	return n;
}

static void
rule_tests(void)
{
	struct det_nms_params p = DET_NMS_DEFAULTS;
	struct det_box out[8];
	/* IoU of the two is exactly 1/2: 10x10 and its half */
	struct det_box half[] = { make(0, 0, 10, 10, .9, 0), make(0, 0, 10, 5, .8, 0) };
	struct det_box same[] = { make(0, 0, 4, 4, .5, 0), make(0, 0, 4, 4, .5, 0),
		make(0, 0, 4, 4, .5, 1) };
	struct det_box empty[] = { make(3, 3, 3, 3, .9, 0), make(3, 3, 3, 3, .8, 0),
		make(9, 9, 1, 1, .7, 0), make(0, 0, 10, 10, .6, 0) };
	struct det_box three5[] = { make(0, 0, 10, 1, .9, 0), make(0, 0, 6, 1, .8, 0) };
	struct det_box far[] = { make(-1e300, -1e300, 1e300, 1e300, 1, 0),
		make(-1e300, -1e300, 1e300, 1e300, 1, 0), make(0, 0, 1, 1, 1, 0) };

	p.iou = .5;
	ok(kept_of(half, 2, &p, out) == 2,
	    "an overlap of exactly the threshold is kept");
	p.ge = 1;
	ok(kept_of(half, 2, &p, out) == 1, "and dropped under >=");
	p.ge = 0;
	p.iou = .6;
	ok(kept_of(three5, 2, &p, out) == 2, "3/5 is not more than .6");
	same[0].source = 7;
	ok(kept_of(same, 3, &p, out) == 2 && out[0].source == 7 && out[1].label == 1,
	    "of equal boxes the first stays; another class is another matter");
	p.agnostic = 1;
	ok(kept_of(same, 3, &p, out) == 1 && out[0].source == 7, "agnostic");
	p.agnostic = 0;
	ok(kept_of(empty, 4, &p, out) == 4,
	    "empty boxes overlap nothing, themselves included");
	ok(kept_of(far, 3, &p, out) == 2, "coordinates of 1e300 do no harm");
	ok(kept_of(NULL, 0, &p, out) == 0, "an empty list");
	far[1].y2 = NAN;
	ok(kept_of(far, 3, &p, out) == 999 && strstr(det_errmsg(), "box 1"),
	    "a NaN is an error that names its box: %s", det_errmsg());
	p.iou = 1.5;
	ok(kept_of(half, 2, &p, out) == 999, "a threshold of 1.5 is an error");
	p.iou = 0;
	p.ge = 1;
	ok(kept_of(half, 2, &p, out) == 999, "so is >= 0");
}

static void
diou_tests(void)
{
	struct det_nms_params p = DET_NMS_DEFAULTS;
	struct det_box out[4];
	/* side by side, shifted by 4 of 10: IoU 60/140, d^2 = 16, c^2 = 14^2 + 10^2,
	 * DIoU = .428571 - .054054 = .374517 */
	struct det_box b[] = { make(0, 0, 10, 10, .9, 0), make(4, 0, 14, 10, .8, 0) };

	p.overlap = DET_NMS_DIOU;
	p.iou = .37;
	ok(kept_of(b, 2, &p, out) == 1, "DIoU .3745 is above .37");
	p.iou = .38;
	ok(kept_of(b, 2, &p, out) == 2, "and not above .38");
}

static void
soft_tests(void)
{
	struct det_nms_params p = DET_NMS_DEFAULTS;
	struct det_box out[4];
	/* IoU of b[0] and b[1] is 1/2, of b[0] and b[2] is 0 */
	struct det_box b[] = { make(0, 0, 10, 10, .9, 0), make(0, 0, 10, 5, .8, 0),
		make(50, 50, 60, 60, .5, 0) };

	p.method = DET_NMS_SOFT_LINEAR;
	p.iou = .3;
	ok(kept_of(b, 3, &p, out) == 3 && out[0].score == .9 && out[1].score == .5 &&
		fabs(out[2].score - .4) < 1e-6,
	    "linear: .8 becomes .8 * (1 - 1/2), and is sorted last");
	p.min_score = .45;
	ok(kept_of(b, 3, &p, out) == 2, "and leaves below the minimum");
	p.min_score = -DBL_MAX;
	p.method = DET_NMS_SOFT_GAUSS;
	p.sigma = .5;
	ok(kept_of(b, 3, &p, out) == 3 && fabs(out[2].score - .8 * exp(-.5)) < 1e-6 &&
		out[1].score == .5,
	    "gauss: .8 becomes .8 * exp(-(1/2)^2 / .5)");
	p.max_per_class = 1;
	ok(kept_of(b, 3, &p, out) == 1 && out[0].score == .9, "at most one a class");
	p.overlap = DET_NMS_DIOU;
	ok(kept_of(b, 3, &p, out) == 999, "soft with DIoU is refused");
}

int
main(void)
{
	random_tests();
	scan_tests();
	rule_tests();
	diou_tests();
	soft_tests();
	return done();
}
