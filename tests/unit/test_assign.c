/* SPDX-License-Identifier: MIT
 *
 * Matchers on boxes whose overlaps are worked by hand, and samplers: thresholds met exactly,
 * ties, objects that touch nothing, edges, flags, empty images.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "box/iou.h"
#include "train/assign.h"
#include "train/sample.h"
#include "tests/unit/tap.h"

enum { N = DET_ASSIGN_NONE, I = DET_ASSIGN_IGNORE, MOST = 16 };

struct scene {
	float spot[MOST][4];
	size_t spots;
	struct det_box object[MOST];
	size_t objects;
	int plus_one;
};

static void
check(enum det_err e)
{
	if (!e)
		return;
	(void)printf("Bail out! %s\n", det_errmsg());
	exit(2);
}

static struct det_box
object(double x1, double y1, double x2, double y2)
{
	return (struct det_box){
		.x1 = x1, .y1 = y1, .x2 = x2, .y2 = y2, .score = 1, .source = -1
	};
}

/* Either matcher on a scene; `want` has a number a spot. */
static void
match(const char *name, const struct scene *s, const struct det_assign_params *p,
    const struct det_assign_ssd_params *ssd, const int32_t *want, size_t unmatched)
{
	const struct det_example t = { s->object, s->objects, 0, 0, 100, 100 };
	struct det_spots spots = { 0 };
	struct det_objects objects = { 0 };
	struct det_assign a = { 0 };
	size_t positive = 0, negative = 0, wrong = 0;

	check(det_spots_set(&spots, s->spot[0], s->spots, s->plus_one));
	check(det_objects_set(&objects, &t, p ? &p->flag : &ssd->flag, 3));
	if (p)
		check(det_assign_run(&a, &spots, &t, &objects, p));
	else
		check(det_assign_ssd(&a, &spots, &t, &objects, ssd));
	for (size_t i = 0; i < s->spots; i++) {
		positive += want[i] >= 0;
		negative += want[i] == N;
		if (a.to[i] != want[i])
			wrong++;
		if (a.to[i] != want[i])
			(void)printf("# spot %zu: %d, expected %d\n", i, (int)a.to[i],
			    (int)want[i]);
	}
	ok(!wrong && a.n == s->spots && a.positive == positive &&
		a.negative == negative && a.unmatched == unmatched,
	    "%s: %zu of %zu wrong, %zu positive, %zu negative, %zu unmatched", name,
	    wrong, s->spots, a.positive, a.negative, a.unmatched);
	det_spots_release(&spots);
	det_objects_release(&objects);
	det_assign_release(&a);
}

/* One object of 10 x 10; overlaps 1, .7, .5, .4, .3, .1, 0. */
static struct scene
ladder(void)
{
	return (struct scene){ .spot = { { 0, 0, 10, 10 }, { 0, 0, 10, 7 },
				   { 0, 0, 10, 5 }, { 0, 0, 10, 4 }, { 0, 0, 10, 3 },
				   { 0, 0, 10, 1 }, { 20, 20, 30, 30 } },
		.spots = 7,
		.object = { object(0, 0, 10, 10) },
		.objects = 1 };
}

static void
thresholds(void)
{
	struct scene s = ladder();
	struct det_assign_params rpn = DET_ASSIGN_RPN, roi = DET_ASSIGN_ROI,
				 net = DET_ASSIGN_RETINANET;

	match("RPN, .7 and .3 met exactly", &s, &rpn, NULL,
	    (int32_t[]){ 0, 0, I, I, I, N, N }, 0);
	match("RetinaNet, .5 and .4 met exactly", &s, &net, NULL,
	    (int32_t[]){ 0, 0, 0, I, N, N, N }, 0);
	net.low_open = 1;
	match("keras-retinanet: .4 itself is nothing", &s, &net, NULL,
	    (int32_t[]){ 0, 0, 0, N, N, N, N }, 0);
	match("RoI head", &s, &roi, NULL, (int32_t[]){ 0, 0, 0, N, N, N, N }, 0);
	roi.least = .1;
	match("RoI head, nothing from .1 on", &s, &roi, NULL,
	    (int32_t[]){ 0, 0, 0, N, N, N, I }, 0);
	s.objects = 0;
	match("an empty image: all nothing", &s, &rpn, NULL,
	    (int32_t[]){ N, N, N, N, N, N, N }, 0);
	match("... in a RoI head with a least overlap, too", &s, &roi, NULL,
	    (int32_t[]){ N, N, N, N, N, N, N }, 0);
	s.spots = 0;
	match("no spots", &s, &rpn, NULL, (int32_t[]){ 0 }, 0);
	s.objects = 1;
	match("no spots, an object", &s, &rpn, NULL, (int32_t[]){ 0 }, 1);
}

static void
low_quality(void)
{
	/* Object 0 is 10 x 10, best overlapped by .2, twice. Object 1, 4 x 4, lies in it;
	 * spot 2 holds all of it: 16 / 20 with object 1; and (20 - 16 lies in object 0)
	 * 20 / 100 = .2 with object 0, a tie whose own best object is the other. Object 2
	 * is far from all. */
	struct scene s = { .spot = { { 0, 0, 10, 2 }, { 0, 8, 10, 10 }, { 2, 3, 7, 7 },
			       { 0, 0, 10, 1 }, { 50, 50, 60, 60 } },
		.spots = 5,
		.object = { object(0, 0, 10, 10), object(2, 3, 6, 7),
		    object(80, 80, 90, 90) },
		.objects = 2 };
	struct det_assign_params p = DET_ASSIGN_RPN;

	match("ties of the largest overlap: all match, each with its own best object",
	    &s, &p, NULL, (int32_t[]){ 0, 0, 1, N, N }, 0);
	p.low_quality = 0;
	match("... none without low-quality matches", &s, &p, NULL,
	    (int32_t[]){ N, N, 1, N, N }, 1);
	p.low_quality = 1;
	s.objects = 3;
	match("an object that touches no spot: all that don't touch it match", &s, &p,
	    NULL, (int32_t[]){ 0, 0, 1, 0, 0 }, 1);
	p.touching = 1;
	match("... or not, by choice", &s, &p, NULL, (int32_t[]){ 0, 0, 1, N, N }, 1);
	s.object[0] = s.object[2];
	s.objects = 1;
	p.touching = 0;
	match("... and where it is the only one", &s, &p, NULL,
	    (int32_t[]){ 0, 0, 0, 0, 0 }, 0);
}

static void
equal_objects(void)
{
	struct scene s = ladder();
	struct det_assign_params p = DET_ASSIGN_RPN;

	s.object[1] = s.object[0];
	s.objects = 2;
	match("two objects in one place: the first has all", &s, &p, NULL,
	    (int32_t[]){ 0, 0, I, I, I, N, N }, 1);
}

static void
edges(void)
{
	struct scene s = { .spot = { { -2, 0, 10, 10 }, { 0, 0, 10, 4 },
			       { 92, 92, 100, 100 }, { 92, 92, 99, 99 },
			       { 92, 92, 112, 112 } },
		.spots = 5,
		.object = { object(0, 0, 10, 10) },
		.objects = 1 };
	struct det_assign_params p = DET_ASSIGN_RPN;

	match("spots over the edge count where nothing is said", &s, &p, NULL,
	    (int32_t[]){ 0, I, N, N, N }, 0);
	p.in_w = p.in_h = 100;
	match("inside only: the others are ignored, and no rivals", &s, &p, NULL,
	    (int32_t[]){ I, 0, N, N, I }, 0);
	s.plus_one = 1;
	match("inclusive corners end before the edge", &s, &p, NULL,
	    (int32_t[]){ I, 0, I, N, I }, 0);
	p.in_w = p.in_h = 0;
	p.centred = 1;
	s.plus_one = 0;
	match("a centre outside the picture", &s, &p, NULL,
	    (int32_t[]){ 0, I, N, N, I }, 0);
}

static void
inclusive(void)
{
	/* 11 x 11 pixels; 8 of 11 rows are .727, 7 are .636 */
	struct scene s = { .spot = { { 0, 0, 10, 7 }, { 0, 0, 10, 6 } },
		.spots = 2,
		.object = { object(0, 0, 10, 10) },
		.objects = 1,
		.plus_one = 1 };
	struct det_assign_params p = DET_ASSIGN_RPN;

	match("overlaps of inclusive corners", &s, &p, NULL, (int32_t[]){ 0, I }, 0);
}

static void
flags(void)
{
	struct scene s = ladder();
	struct det_assign_params p = DET_ASSIGN_RPN;

	/* the spots of the ladder lie wholly in it; those after are .7 and .6 in it */
	s.object[1] = object(0, 0, 10, 10);
	s.object[0] = object(20, 20, 30, 28);
	s.objects = 2;
	s.spots = 9;
	memcpy(s.spot[7], (float[4]){ 3, 3, 13, 10 }, sizeof s.spot[7]);
	memcpy(s.spot[8], (float[4]){ 4, 3, 14, 10 }, sizeof s.spot[8]);
	s.object[1].flags = DET_BOX_CROWD;
	match("a crowd: what lies in it by .7 is ignored", &s, &p, NULL,
	    (int32_t[]){ I, I, I, I, I, I, 0, I, N }, 0);
	p.flag.crowd = DET_FLAG_DROP;
	match("... or it is as if not there", &s, &p, NULL,
	    (int32_t[]){ N, N, N, N, N, N, 0, N, N }, 0);
	p.flag.crowd = DET_FLAG_USE;
	match("... or an object", &s, &p, NULL,
	    (int32_t[]){ 1, 1, I, I, I, N, 0, I, I }, 0);
	s.object[1].flags = DET_BOX_DIFFICULT;
	match("a difficult object is one", &s, &p, NULL,
	    (int32_t[]){ 1, 1, I, I, I, N, 0, I, I }, 0);
	p.flag.difficult = DET_FLAG_IGNORE;
	match("... or is ignored", &s, &p, NULL,
	    (int32_t[]){ I, I, I, I, I, I, 0, I, N }, 0);
	p.flag.difficult = DET_FLAG_DROP;
	match("... or is as if not there", &s, &p, NULL,
	    (int32_t[]){ N, N, N, N, N, N, 0, N, N }, 0);
	s.object[1].flags = DET_BOX_IGNORE;
	s.object[1].label = -1;
	match("a box to be ignored needs no label", &s, &p, NULL,
	    (int32_t[]){ I, I, I, I, I, I, 0, I, N }, 0);
	s.object[1].flags |= DET_BOX_DIFFICULT;
	match("of several flags, dropping wins", &s, &p, NULL,
	    (int32_t[]){ N, N, N, N, N, N, 0, N, N }, 0);
	/* numbers are those of the truth, not of the objects left */
	s = ladder();
	s.object[1] = s.object[0];
	s.object[0].flags = DET_BOX_DIFFICULT;
	s.objects = 2;
	match("objects keep their numbers", &s, &p, NULL,
	    (int32_t[]){ 1, 1, I, I, I, N, N }, 0);
}

static void
ssd(void)
{
	/* Spot 1 is the best of objects 0 (.8) and 1 (.9); object 0 has .2 of spot 2 next,
	 * object 1 .1 of it. Object 2 touches none. Spot 3 is exactly .5 of object 3. */
	struct scene s = { .spot = { { 70, 0, 80, 10 }, { 0, 0, 10, 10 },
			       { 0, 0, 2, 8 }, { 40, 40, 50, 45 }, { 40, 40, 50, 44 },
			       { 40, 40, 50, 50 } },
		.spots = 6,
		.object = { object(0, 0, 10, 8), object(1, 0, 10, 10),
		    object(90, 90, 95, 95), object(40, 40, 50, 50) },
		.objects = 4 };
	struct det_assign_ssd_params p = { .5, DET_ASSIGN_SSD_TV,
		DET_FLAG_RULES_DEFAULTS };

	match("SSD: a later object takes a spot; one that touches none takes the first",
	    &s, NULL, &p, (int32_t[]){ 2, 1, N, 3, N, 3 }, 1);
	p.form = DET_ASSIGN_SSD_CAFFE;
	match(
	    "... pairs: the best first, then the next; one that touches none has none",
	    &s, NULL, &p, (int32_t[]){ N, 1, 0, 3, N, 3 }, 1);
	s.object[0] = s.object[1] = object(0, 0, 10, 10);
	match("... equal pairs: the first object's is first", &s, NULL, &p,
	    (int32_t[]){ N, 0, 1, 3, N, 3 }, 1);
	s.objects = 0;
	match("... an empty image", &s, NULL, &p, (int32_t[]){ N, N, N, N, N, N }, 0);
	s = ladder();
	s.object[0] = object(0, 0, 10, 6);
	s.object[1] = object(0, 3, 10, 9);
	s.objects = 2;
	/* with object 0: .6 .857 .833 .667 .5 .167; with 1: .6 .444 .222 .111 0 0 */
	match("... threshold after pairs", &s, NULL, &p,
	    (int32_t[]){ 1, 0, 0, 0, 0, N, N }, 0);
}

/* All bits of what many random boxes give, against the plain formula one by one. */
static void
random_boxes(void)
{
	enum { SPOTS = 1003, OBJECTS = 9 };
	static float box[SPOTS][4];
	struct det_box o[OBJECTS];
	const struct det_example t = { o, OBJECTS, 0, 0, 100, 100 };
	struct det_assign_params p = { .high = .3, .low = .1 };
	struct det_spots s = { 0 };
	struct det_objects objects = { 0 };
	struct det_assign a = { 0 };
	struct det_random r;
	size_t wrong = 0;

	det_random_seed(&r, 1, 2);
	for (size_t i = 0; i < SPOTS + OBJECTS; i++) {
		double x = 100 * det_random_uniform(&r),
		       y = 100 * det_random_uniform(&r);
		double w = 40 * det_random_uniform(&r), h = 40 * det_random_uniform(&r);

		if (i < SPOTS)
			memcpy(box[i],
			    (float[4]){ (float)x, (float)y, (float)(x + w - 2),
				(float)(y + h) },
			    sizeof box[i]);
		else
			o[i - SPOTS] = object(x, y, x + w, y + h);
	}
	check(det_spots_set(&s, box[0], SPOTS, 0));
	check(det_objects_set(&objects, &t, &p.flag, 1));
	check(det_assign_run(&a, &s, &t, &objects, &p));
	for (size_t i = 0; i < SPOTS; i++) {
		struct det_box b = object((double)box[i][0], (double)box[i][1],
		    (double)box[i][2], (double)box[i][3]);
		struct det_fbox f = det_iou_box(&b, 0), g;
		float best = 0;
		int32_t want = N, at = 0;

		for (int32_t k = 0; k < OBJECTS; k++) {
			float v;

			g = det_iou_box(&o[k], 0);
			v = det_iou(&g, &f, 0);
			at = v > best ? k : at;
			best = v > best ? v : best;
		}
		want = best >= .3f ? at : best < .1f ? N : I;
		wrong += a.iou[i] != best || a.to[i] != want;
	}
	ok(!wrong, "%d boxes of all kinds: %zu are not as one by one", SPOTS, wrong);
	det_spots_release(&s);
	det_objects_release(&objects);
	det_assign_release(&a);
}

static void
refused(void)
{
	float box[8] = { 0, 0, 1, 1, 0, 0, NAN, 1 };
	struct det_box b = object(0, 0, 0, 5);
	struct det_example t = { &b, 1, 0, 0, 1, 1 };
	const struct det_flag_rules r = DET_FLAG_RULES_DEFAULTS;
	struct det_spots s = { 0 };
	struct det_objects o = { 0 };

	ok(det_spots_set(&s, box, 2, 0) == DET_INVALID, "a NaN: %s", det_errmsg());
	ok(det_objects_set(&o, &t, &r, 3) == DET_INVALID, "no width: %s", det_errmsg());
	b = object(0, 0, 1, INFINITY);
	ok(det_objects_set(&o, &t, &r, 3) == DET_INVALID, "infinity: %s", det_errmsg());
	b = object(0, 0, 1, 1);
	b.label = 3;
	ok(det_objects_set(&o, &t, &r, 3) == DET_INVALID, "label: %s", det_errmsg());
	b.label = -1;
	ok(det_objects_set(&o, &t, &r, 3) == DET_INVALID, "none: %s", det_errmsg());
	det_spots_release(&s);
	det_objects_release(&o);
}

/* --- samplers ---------------------------------------------------------------------------- */

static void
fill(int32_t *to, size_t positive, size_t negative, size_t ignored)
{
	size_t n = 0;

	for (size_t i = 0; i < positive; i++)
		to[n++] = (int32_t)i;
	for (size_t i = 0; i < negative; i++)
		to[n++] = N;
	for (size_t i = 0; i < ignored; i++)
		to[n++] = I;
}

static void
draws(const char *name, size_t have_pos, size_t have_neg, size_t positive, size_t total,
    size_t want_pos, size_t want_neg)
{
	int32_t to[1000], again[1000], other[1000];
	size_t pos, neg, got_pos = 0, got_neg = 0, moved = 0,
			 n = have_pos + have_neg + 50;
	struct det_random r;

	fill(to, have_pos, have_neg, 50);
	memcpy(again, to, sizeof to);
	memcpy(other, to, sizeof to);
	det_sample_seed(&r, 7, DET_SAMPLE_RPN, 3, 1);
	det_sample(to, n, positive, total, &r, &pos, &neg);
	for (size_t i = 0; i < n; i++) {
		got_pos += to[i] >= 0;
		got_neg += to[i] == N;
		moved += to[i] != again[i] && to[i] != I;
	}
	ok(pos == want_pos && neg == want_neg && got_pos == pos && got_neg == neg &&
		!moved,
	    "%s: %zu and %zu", name, pos, neg);
	det_sample_seed(&r, 7, DET_SAMPLE_RPN, 3, 1);
	det_sample(again, n, positive, total, &r, &pos, &neg);
	det_sample_seed(&r, 7, DET_SAMPLE_RPN, 4, 1);
	det_sample(other, n, positive, total, &r, &pos, &neg);
	ok(!memcmp(to, again, n * sizeof *to) &&
		((have_pos <= want_pos && have_neg <= want_neg) ||
		    memcmp(to, other, n * sizeof *to)),
	    "... the same again, and another in another run");
}

/* Each of 10 is drawn 3 times of 10: 3000 of 10000 times, deviation 46. */
static void
fair(void)
{
	int32_t to[10];
	size_t count[10] = { 0 }, pos, neg;
	double worst = 0;

	for (uint64_t run = 0; run < 10000; run++) {
		struct det_random r;

		fill(to, 0, 10, 0);
		det_sample_seed(&r, 1, DET_SAMPLE_ROI, run, 0);
		det_sample(to, 10, 0, 3, &r, &pos, &neg);
		for (size_t i = 0; i < 10; i++)
			count[i] += to[i] == N;
	}
	for (size_t i = 0; i < 10; i++)
		worst = fmax(worst, fabs((double)count[i] - 3000));
	ok(worst < 200, "draws are fair: %g from 3000 of 10000", worst);
}

static void
hard(void)
{
	const float loss[] = { 5, 1, 3, 3, 9, 3, 2, 3 };
	int32_t to[8], was[8] = { N, N, N, N, 0, N, I, N };
	const int32_t want[8] = { N, I, N, N, 0, I, I, I };
	size_t kept;

	memcpy(to, was, sizeof to);
	check(det_sample_hard(to, loss, 8, 3, &kept));
	ok(kept == 3 && !memcmp(to, want, sizeof to),
	    "hard negatives: the largest losses, equal ones by number");
	memcpy(to, was, sizeof to);
	check(det_sample_hard(to, loss, 8, 100, &kept));
	ok(kept == 6 && !memcmp(to, was, sizeof to), "... all, where there are fewer");
	check(det_sample_hard(to, loss, 8, 0, &kept));
	ok(kept == 0 && to[4] == 0 && to[0] == I, "... none");
}

int
main(void)
{
	thresholds();
	low_quality();
	equal_objects();
	edges();
	inclusive();
	flags();
	ssd();
	random_boxes();
	refused();
	draws("128 of 256", 200, 700, 128, 256, 128, 128);
	draws("few objects: more of nothing", 20, 700, 128, 256, 20, 236);
	draws("few of nothing", 200, 30, 128, 256, 128, 30);
	draws("few of both", 5, 6, 128, 256, 5, 6);
	draws("no objects", 0, 700, 128, 256, 0, 256);
	fair();
	hard();
	return done();
}
