/* SPDX-License-Identifier: MIT
 *
 * What box targets are normalised by, held against a direct calculation in two passes; the
 * text that it becomes; the loss that is trained on it; what is refused.
 */
#define _POSIX_C_SOURCE 200809L
#include "tests/unit/train_rig.h"

#include "box/iou.h"
#include "tests/unit/nets.h"
#include "tests/unit/rnd.h"
#include "tests/unit/two_pictures.h"
#include "train/second_impl.h"
#include "train/targets.h"

enum { SIDE = 96, IMAGES = 40, PLACES = 50, K = 3, MOST = IMAGES * (PLACES + 4) * 2 };

#define NETS                                                                    \
	{ "net/backbone", "net backbone\ninput image 3 0 0\n"                   \
			  "c = conv(image) out=4 k=3 stride=8 pad=1 act=relu\n" \
			  "output c\n" },                                       \
	    { "net/head", "net head\ninput rois 4 3 3\ns = fc(rois) out=4\n"    \
			  "d = fc(rois) out=16\noutput cls=s box=d\n" },        \
	{                                                                       \
		"options/det-roipool", "op=max\nsize=3x3\nmaps=c\nstrides=8\n"  \
	}

#define TEXTS 5

static struct det_model *
model_of(const char *decode, const char *train)
{
	const char *texts[TEXTS][2] = { NETS, { "decode", decode },
		{ "train", train } };

	return rig_model_of((const char *const(*)[2])texts, TEXTS, K, 4);
}

static struct det_box object[IMAGES][3], place[IMAGES][PLACES];
static struct det_example truth[IMAGES];
static struct det_proposed proposed[IMAGES];

/* The last class has objects of no proposal, and one alone. */
static void
make_pictures(void)
{
	for (size_t i = 0; i < IMAGES; i++) {
		const size_t n = i % 3 + (i == 0);

		for (size_t k = 0; k < n; k++) {
			struct det_box *o = &object[i][k];

			*o = (struct det_box){ .x1 = floor(rnd(0, 50)),
				.y1 = floor(rnd(0, 50)),
				.label = i == 0 ? 2 : (int32_t)((i + k) % 2) };
			o->x2 = o->x1 + floor(rnd(12, 40));
			o->y2 = o->y1 + floor(rnd(12, 40));
			o->flags = k == 1 && i % 5 == 0 ? DET_BOX_DIFFICULT : 0;
		}
		for (size_t k = 0; k < PLACES; k++) {
			struct det_box *b = &place[i][k];

			*b = n && i ? object[i][k % n]
				    : (struct det_box){ 85, 85, 90, 90, 0, 0, 0, 0, 0 };
			b->x1 += rnd(-8, 6);
			b->y1 += rnd(-8, 8);
			b->x2 += rnd(-6, 9);
			b->y2 += rnd(-4, 8);
			b->label = -1;
		}
		truth[i] = (struct det_example){ object[i], n, 0, 0, SIDE, SIDE };
		proposed[i] = (struct det_proposed){ place[i], PLACES };
	}
	truth[0].n = 1;
}

/* --- the direct calculation --- */

static double target[K][MOST][4];
static size_t targets[K];

struct rule {
	int plus_one, drop, own, mirror;
	double w[4]; /* of the coder */
};

static void
one_target(
    size_t k, const double a[4], const double b[4], const struct rule *r, int sign)
{
	const double inc = r->plus_one;
	const double aw = a[2] - a[0] + inc, ah = a[3] - a[1] + inc;
	const double bw = b[2] - b[0] + inc, bh = b[3] - b[1] + inc;
	double *t = target[k][targets[k]++];

	t[0] = sign * r->w[0] * (b[0] + bw / 2 - a[0] - aw / 2) / aw;
	t[1] = r->w[1] * (b[1] + bh / 2 - a[1] - ah / 2) / ah;
	t[2] = r->w[2] * log(bw / aw);
	t[3] = r->w[3] * log(bh / ah);
}

static double
overlap(const double a[4], const double b[4], double inc)
{
	const double w = fmin(a[2], b[2]) - fmax(a[0], b[0]) + inc;
	const double h = fmin(a[3], b[3]) - fmax(a[1], b[1]) + inc;
	const double both = w > 0 && h > 0 ? w * h : 0;

	return both / ((a[2] - a[0] + inc) * (a[3] - a[1] + inc) +
			  (b[2] - b[0] + inc) * (b[3] - b[1] + inc) - both);
}

static void
corners(double v[4], const struct det_box *b, double less)
{
	v[0] = b->x1;
	v[1] = b->y1;
	v[2] = b->x2 - less;
	v[3] = b->y2 - less;
}

static void
one_box(const struct det_example *t, const double a[4], const struct rule *r)
{
	double most = 0, best[4] = { 0 };
	size_t label = 0;

	for (size_t k = 0; k < t->n; k++) {
		double o[4], iou;

		if (r->drop && t->box[k].flags)
			continue;
		corners(o, &t->box[k], r->plus_one);
		iou = overlap(a, o, r->plus_one);
		if (iou > most) {
			most = iou;
			label = (size_t)t->box[k].label;
			memcpy(best, o, sizeof best);
		}
	}
	if (most < .5)
		return;
	one_target(label, a, best, r, 1);
	if (r->mirror)
		one_target(label, a, best, r, -1);
}

static void
all_targets(const struct rule *r)
{
	double a[4];

	memset(targets, 0, sizeof targets);
	for (size_t i = 0; i < IMAGES; i++) {
		for (size_t k = 0; k < PLACES; k++) {
			corners(a, &place[i][k], 0);
			one_box(&truth[i], a, r);
		}
		for (size_t k = 0; r->own && k < truth[i].n; k++) {
			if (r->drop && truth[i].box[k].flags)
				continue;
			corners(a, &truth[i].box[k], r->plus_one);
			one_box(&truth[i], a, r);
		}
	}
}

static double
mean_of(size_t k, int c)
{
	double sum = 0;

	for (size_t i = 0; i < targets[k]; i++)
		sum += target[k][i][c];
	return sum / (double)targets[k];
}

static double
std_of(size_t k, int c)
{
	const double mean = mean_of(k, c);
	double sum = 0;

	for (size_t i = 0; i < targets[k]; i++)
		sum += (target[k][i][c] - mean) * (target[k][i][c] - mean);
	return sqrt(sum / (double)targets[k]);
}

/* --- held against it --- */

static void
measure(struct det_targets *n, int mirror)
{
	for (size_t i = 0; i < IMAGES; i++)
		rig_check(det_targets_add(n, &truth[i], &proposed[i], mirror));
}

static void
test_numbers(const char *decode, const char *train, const struct rule *r)
{
	struct det_model *m = model_of(decode, train);
	struct det_targets *n;
	double worst = 0;
	size_t wrong = 0;

	rig_check(det_targets_open(&n, m));
	measure(n, r->mirror);
	all_targets(r);
	for (size_t k = 0; k < K; k++) {
		const struct det_targets_class c = det_targets_class(n, k);

		wrong += c.n != targets[k] || c.usual != (k == 2);
		for (int i = 0; k < 2 && i < 4; i++) {
			worst = fmax(worst, fabs(c.mean[i] - mean_of(k, i)));
			worst = fmax(worst, fabs(c.std[i] - std_of(k, i)));
		}
		for (int i = 0; k == 2 && i < 4; i++)
			worst = fmax(
			    worst, fabs(c.mean[i]) +
				       fabs(c.std[i] - r->w[i] * (i < 2 ? .1 : .2)));
	}
	ok(det_targets_classes(n) == K && !wrong && targets[0] > 200 && worst < 1e-5,
	    "%s, %s: of %zu, %zu and %zu targets, off by %.1e", decode, train,
	    targets[0], targets[1], targets[2], worst);
	ok(fabs(mean_of(0, 0)) < 1e-9 ? r->mirror : !r->mirror, "  in x they are %s",
	    r->mirror ? "alike on both sides" : "not alike");
	det_targets_free(n);
	det_model_close(m);
}

static void
test_all_numbers(void)
{
	test_numbers("rcnn(cls, box) classes=3", "rcnn",
	    &(struct rule){ 0, 0, 1, 0, { 10, 10, 5, 5 } });
	test_numbers("rcnn(cls, box) classes=3 weights=1,1,1,1", "rcnn own=0 least=.1",
	    &(struct rule){ 0, 0, 0, 0, { 1, 1, 1, 1 } });
	test_numbers("rcnn(cls, box) classes=3 weights=1,1,1,1 plus_one unscaled",
	    "rcnn least=.1", &(struct rule){ 1, 1, 1, 1, { 1, 1, 1, 1 } });
	/* what it has is not counted in */
	test_numbers("rcnn(cls, box) classes=3 mean=1,1,1,1 std=2,2,2,2", "rcnn",
	    &(struct rule){ 0, 0, 1, 1, { 10, 10, 5, 5 } });
}

/* --- the text --- */

static void
test_text(void)
{
	struct det_model *m = model_of(
	    "# boxes\n rcnn(cls, box)  mean=1,2,3,4 classes=3 std=1,1,1,1 clip "
	    " # and why\n",
	    "rcnn");
	struct det_buf b = { 0 };
	struct det_targets *n;
	struct det_decode *d;
	const struct det_decode_line *l;
	double worst = 0;

	rig_check(det_targets_open(&n, m));
	measure(n, 0);
	rig_check(det_targets_text(&b, n, m));
	rig_check(det_decode_parse(&d, b.text, b.len, "new"));
	l = det_decode_line(d, 0);
	ok(!strncmp(b.text, "# boxes\n rcnn(cls, box) classes=3 clip mean=", 44) &&
		strstr(b.text, " # and why\n") && l->delta.clip,
	    "the line as it was, with other numbers");
	for (size_t k = 0; k < K; k++) {
		const struct det_targets_class c = det_targets_class(n, k);

		for (size_t i = 0; i < 4 && l->norms == K; i++) {
			worst =
			    fmax(worst, fabs(c.mean[i] - (double)l->mean[4 * k + i]));
			worst = fmax(worst, fabs(c.std[i] - (double)l->std[4 * k + i]));
		}
	}
	ok(l->norms == K && worst < 1e-6, "four of each class, off by %.1e", worst);
	det_decode_free(d);
	det_targets_free(n);
	det_model_close(m);
	det_buf_free(&b);
	m = model_of("rcnn(cls, box) classes=3 agnostic", "rcnn");
	rig_check(det_targets_open(&n, m));
	measure(n, 0);
	rig_check(det_targets_text(&b, n, m));
	rig_check(det_decode_parse(&d, b.text, b.len, "new"));
	ok(det_targets_classes(n) == 1 && det_decode_line(d, 0)->norms == 1 &&
		det_targets_class(n, 0).n > targets[0],
	    "agnostic: four of all, of %zu targets", det_targets_class(n, 0).n);
	det_decode_free(d);
	det_targets_free(n);
	det_model_close(m);
	det_buf_free(&b);
}

/* --- the loss --- */

static double
box_loss(const char *decode, const char *train, float scale)
{
	static const struct det_example both[] = { { one, 2, 0, 0, SIDE, SIDE },
		{ two, 1, 0, 0, SIDE, SIDE } };
	static const struct det_proposed none[2];
	struct det_model *m = model_of(decode, train);
	struct det_batch b = {
		.image = seeded(2, 3, SIDE, SIDE, 9), .truth = both, .proposed = none
	};
	double value[RIG_TERMS];
	struct det_system *s;

	rig_check(det_system_open(&s, m, &usual));
	/* nothing is predicted: the loss is that of the targets alone */
	for (size_t i = 0; i < det_system_n_params(s); i++) {
		struct det_param *p = det_system_param(s, i);

		for (size_t k = 0; !strncmp(p->name, "head/d", 6) && k < p->count; k++)
			p->value[k] *= scale;
	}
	rig_check(det_system_step(s, &b, 1, value));
	det_system_free(s);
	det_model_close(m);
	free(b.image.data);
	return value[1];
}

/* Objects alone are rows: targets of 0, of which -mean / std is left. */
static void
test_loss(void)
{
	static const char *const each =
	    "rcnn(cls, box) classes=3 "
	    "mean=0,0,0,0,.5,0,0,0,0,0,0,2 std=1,1,1,1,.25,1,1,1,1,1,1,.5";
	const double loss = box_loss(each, "rcnn beta=0 norm=class", 0);

	/* |-2| of class 1, |-4| of class 2, three rows */
	ok(fabs(loss - 2) < 1e-6, "each class's own in the loss: %g", loss);
	ok(box_loss("rcnn(cls, box) classes=3", "rcnn beta=0", 0) == 0, "none: 0");
	ok(box_loss(each, "rcnn beta=0", 1) > 0, "and where something is predicted");
}

/* --- what is refused --- */

static void
refuse(const char *decode, const char *train, const char *says)
{
	struct det_model *m = model_of(decode, train);
	struct det_targets *n = NULL;

	ok(det_targets_open(&n, m) != DET_OK && strstr(det_errmsg(), says),
	    "refused: %s", det_errmsg());
	det_targets_free(n);
	det_model_close(m);
}

static void
refuse_training(const char *decode, const char *says)
{
	struct det_model *m = model_of(decode, "rcnn norm=class");
	struct det_system *s = NULL;
	struct det_targets *n = NULL;

	ok(det_system_open(&s, m, &usual) != DET_OK && strstr(det_errmsg(), says),
	    "norm=class: %s", det_errmsg());
	ok(!det_targets_open(&n, m), "but it can be measured");
	det_system_free(s);
	det_targets_free(n);
	det_model_close(m);
}

static void
test_refused(void)
{
	refuse("rcnn(cls) classes=3", "rcnn", "rcnn(cls, box) expected");
	refuse("rcnn(cls, box) classes=3", "rcnn norm=all", "norm");
	refuse("rcnn(cls, box) classes=3", "rcnn own=x", "own");
	refuse("classes(cls) softmax", "rcnn", "rcnn(...) expected");
	refuse_training("rcnn(cls, box) classes=3", "det-model norm");
	refuse_training(
	    "rcnn(cls, box) classes=3 mean=0,0,0,0 std=1,1,1,1", "det-model norm");
}

int
main(void)
{
	make_pictures();
	test_all_numbers();
	test_text();
	test_loss();
	test_refused();
	return done();
}
