/* SPDX-License-Identifier: MIT
 *
 * Faster R-CNN in training: gradients of the whole against differences of its loss, with the
 * rows held; what the sample is; images without objects; and that it learns.
 */
#define _POSIX_C_SOURCE 200809L
#include "tests/unit/train_rig.h"

#include "box/iou.h"
#include "tests/unit/golden/train_rcnn.h"
#include "tests/unit/nets.h"
#include "tests/unit/two_pictures.h"
#include "train/second_impl.h"

static const struct det_example truth[] = {
	{ one, 2, 0, 0, 96, 96 },
	{ two, 1, 0, 0, 96, 90 },
};

static struct det_batch
batch(void)
{
	return (struct det_batch){ .image = seeded(2, 3, 96, 96, 9), .truth = truth };
}

static void
gradients(const char *arch, const char *const *lines, size_t n_lines, double limit)
{
	struct det_system_params p = usual;
	struct det_model *m = rig_model(arch, NULL, 0, 3);
	struct det_batch b = batch();
	struct det_system *s;
	double worst, value[RIG_TERMS];

	p.line = lines;
	p.n_lines = n_lines;
	rig_check(det_system_open(&s, m, &p));
	(void)printf("# %s\n", det_system_about(s));
	rig_check(det_system_step(s, &b, 1, value));
	for (size_t i = 0; i < det_system_terms(s); i++)
		(void)printf("# %s %g\n", det_system_term(s, i), value[i]);
	s->second->p.hold = 1;
	worst = rig_check_system(s, &b, 2e-4, .02);
	ok(worst < limit, "%s: gradients of all weights, worst %.1e", arch, worst);
	det_system_free(s);
	det_model_close(m);
	free(b.image.data);
}

/* torchvision's numbers: all anchors and proposals count, so nothing is drawn. */
static void
golden(void)
{
	const char *lines[] = { "rpn sample=1000000", "rcnn sample=1000000 post=100" };
	struct det_system_params p = usual;
	struct det_model *m = rig_model("tiny_frcnn", NULL, 0, 3);
	/* there all of both pictures counted */
	const struct det_example all[] = { truth[0], { two, 1, 0, 0, 96, 96 } };
	struct det_batch b = batch();
	struct det_system *s;
	double value[RIG_TERMS], off = 0, worst = 0;
	size_t found = 0;

	b.truth = all;
	p.line = lines;
	p.n_lines = 2;
	rig_check(det_system_open(&s, m, &p));
	rig_check(det_system_step(s, &b, 1, value));
	for (size_t i = 0; i < 4; i++)
		off = fmax(off, fabs(value[i] - golden_terms[i]));
	ok(off < 1e-5, "torchvision's terms, off by %.1e", off);
	for (size_t i = 0; i < det_system_n_params(s); i++) {
		const struct det_param *q = det_system_param(s, i);
		double norm = 0;

		for (size_t k = 0; q->grad && k < q->count; k++)
			norm += (double)q->grad[k] * (double)q->grad[k];
		for (size_t k = 0; k < sizeof golden_grads / sizeof *golden_grads;
		     k++) {
			if (strcmp(golden_grads[k].name, q->name) != 0)
				continue;
			found++;
			off = fabs(sqrt(norm) - golden_grads[k].norm);
			off += fabs((double)q->grad[golden_grads[k].at] -
				    golden_grads[k].value);
			worst = fmax(worst, off / golden_grads[k].norm);
		}
	}
	ok(found == sizeof golden_grads / sizeof *golden_grads && worst < 1e-3,
	    "torchvision's gradients of %zu weights, off by %.1e", found, worst);
	det_system_free(s);
	det_model_close(m);
	free(b.image.data);
}

/* py-faster-rcnn's shape of it: one map of stride 16, pooled by maxima, inclusive pixels. */
static const char *const one_map[][2] = {
	{ "net/backbone", "net backbone\ninput image 3 0 0\n"
			  "a = conv(image) out=8 k=3 stride=4 pad=1 act=relu\n"
			  "c5 = conv(a) out=8 k=3 stride=4 pad=1 act=relu\n"
			  "output c5\n" },
	{ "net/rpn", "net rpn\ninput c5 8 0 0\n"
		     "h = conv(c5) out=8 k=3 pad=1 act=relu\n"
		     "s = conv(h) out=12 k=1\nd = conv(h) out=24 k=1\n"
		     "output rpn/cls=s rpn/box=d\n" },
	{ "net/head", "net head\ninput rois 8 3 3\n"
		      "f = fc(rois) out=16 act=relu\ng = dropout(f)\n"
		      "s = fc(g) out=4\nd = fc(g) out=16\noutput cls=s box=d\n" },
	{ "anchors",
	    "grid(c5) sizes=32,64 ratios=.5,1,2 round=base base=16 stride=16\n" },
	{ "propose", "anchors(rpn/cls, rpn/box) map=c5 classes=1 background=first "
		     "score=softmax order=class clamp=none plus_one clip=inclusive "
		     "min_size=4\n" },
	{ "decode", "rcnn(cls, box) boxes=proposals classes=3 background=first "
		    "score=softmax weights=10,10,5,5 plus_one clip=inclusive\n" },
	{ "options/det-propose", "iou=0.7\nge=1\nplus-one=1\ntrain-pre-nms=0\n"
				 "train-post-nms=60\n" },
	{ "options/det-roipool", "op=max\nsize=3x3\nmaps=c5\nstrides=16\n" },
};
enum { TEXTS = sizeof one_map / sizeof *one_map };

static void
test_one_map(void)
{
	struct det_model *m = rig_model_of(one_map, TEXTS, 3, 4);
	const struct det_example none[] = { { NULL, 0, 0, 0, 96, 96 },
		{ NULL, 0, 0, 0, 96, 96 } };
	struct det_batch b = batch();
	struct det_system *s;
	double value[RIG_TERMS], again[RIG_TERMS], worst;
	size_t objects = 0, first = 0;

	rig_check(det_system_open(&s, m, &usual));
	rig_check(det_system_step(s, &b, 1, value));
	for (size_t i = 0; i < s->second->chosen.n; i++) {
		const struct det_box *x = &s->second->chosen.box[i];

		objects += s->second->object[i].label >= 0;
		/* the first object, to its last pixel */
		first += x->x1 == 8 && x->y1 == 10 && x->x2 == 43 && x->y2 == 49;
	}
	ok(s->second->p.sample == 128 && s->second->p.beta == 1 && objects >= 3 &&
		first == 1,
	    "one map: the rules are py-faster-rcnn's, %zu of %zu rows with an object",
	    objects, s->second->chosen.n);
	rig_check(det_system_step(s, &b, 1, again));
	ok(!memcmp(value, again, 4 * sizeof *value),
	    "one map: equal steps, equal bits");
	s->second->p.hold = 1;
	worst = rig_check_system(s, &b, 1e-4, .02);
	ok(worst < .03, "one map: gradients of all weights, worst %.1e", worst);
	s->second->p.hold = 0;
	b.truth = none;
	rig_check(det_system_step(s, &b, 1, value));
	ok(value[0] > 0 && value[1] == 0 && value[2] > 0 && value[3] == 0,
	    "images without an object: background alone is learnt");
	s->second->nms.min_score = 2;
	det_system_clear(s);
	rig_check(det_system_step(s, &b, 1, value));
	ok(value[0] > 0 && value[2] == 0 && value[3] == 0 &&
		det_system_param(s, det_system_n_params(s) - 1)->grad[0] == 0,
	    "no proposal and no object: nothing for the head");
	det_system_free(s);
	det_model_close(m);
	free(b.image.data);
}

/* Fractions: at most a quarter of the rows has an object, and images have rows each. */
static void
test_sample(void)
{
	const char *line = "rcnn sample=16 iou=.2 positive=.25";
	struct det_system_params p = usual;
	struct det_model *m = rig_model("tiny_frcnn", NULL, 0, 3);
	struct det_batch b = batch();
	struct det_system *s;
	double value[RIG_TERMS];
	size_t rows[2] = { 0 }, objects[2] = { 0 }, wrong = 0;
	float iou;

	p.line = &line;
	p.n_lines = 1;
	rig_check(det_system_open(&s, m, &p));
	rig_check(det_system_step(s, &b, 1, value));
	for (size_t i = 0; i < s->second->chosen.n; i++) {
		const size_t image = s->second->roi[i].map / 4;
		const struct det_box *o = &s->second->object[i];
		const struct det_fbox f = det_iou_box(&s->second->chosen.box[i], 0);
		const struct det_fbox g = det_iou_box(o, 0);

		rows[image]++;
		objects[image] += o->label >= 0;
		iou = o->label >= 0 ? det_iou(&f, &g, 0) : 1;
		wrong += iou < .2f || (image == 1 && o->label >= 0 && o->label != 1);
	}
	ok(rows[0] == 16 && rows[1] == 16, "16 rows of each image");
	ok(objects[0] == 4 && objects[1] == 4 && !wrong,
	    "4 of them with an object, which they overlap by .2 (%zu, %zu)", objects[0],
	    objects[1]);
	det_system_free(s);
	det_model_close(m);
	free(b.image.data);
}

/* As many threads as you like: the same values, the same gradients, bit by bit. */
static void
test_threads(void)
{
	struct det_model *m = rig_model("tiny_frcnn", NULL, 0, 3);
	struct det_batch b = batch();
	struct det_system *s[2];
	double value[2][RIG_TERMS];
	size_t other = 0;

	for (int i = 0; i < 2; i++) {
		struct det_system_params p = usual;

		p.grad.threads = i ? 3 : 1;
		rig_check(det_system_open(&s[i], m, &p));
		rig_check(det_system_step(s[i], &b, 1, value[i]));
	}
	for (size_t i = 0; i < det_system_n_params(s[0]); i++) {
		const struct det_param *p = det_system_param(s[0], i);
		const struct det_param *q = det_system_param(s[1], i);

		other += p->grad &&
			 memcmp(p->grad, q->grad, p->count * sizeof *p->grad) != 0;
	}
	ok(!memcmp(value[0], value[1], 4 * sizeof(double)) && !other,
	    "three threads: the bits of one");
	det_system_free(s[0]);
	det_system_free(s[1]);
	det_model_close(m);
	free(b.image.data);
}

/* One text changed. */
static void
refuse(const char *name, const char *text, const char *line, const char *says)
{
	const char *texts[TEXTS][2];
	struct det_system_params p = usual;
	struct det_model *m;
	struct det_system *s;

	for (size_t i = 0; i < TEXTS; i++) {
		texts[i][0] = one_map[i][0];
		texts[i][1] =
		    name && !strcmp(name, one_map[i][0]) ? text : one_map[i][1];
	}
	m = rig_model_of((const char *const(*)[2])texts, TEXTS, 3, 4);
	p.line = &line;
	p.n_lines = line != NULL;
	ok(det_system_open(&s, m, &p) != DET_OK && strstr(det_errmsg(), says),
	    "refused: %s", det_errmsg());
	det_model_close(m);
}

static void
test_refused(void)
{
	refuse(NULL, NULL, "rcnn sampel=3", "sampel");
	refuse(NULL, NULL, "rcnn low=.6", "low");
	refuse(NULL, NULL, "ssd", "rpn and rcnn");
	refuse("options/det-roipool", "op=warp\nsize=3x3\nmaps=c5\n", NULL, "warp");
	refuse("options/det-roipool", "op=max\nsize=3x3\n", NULL, "maps");
	refuse("options/det-roipool", "op=max\nsize=3x3\nmaps=c6\n", NULL, "c6");
	refuse("options/det-roipool", "op=max\nsize=3x3\nmaps=c5\nstrides=8,16\n", NULL,
	    "strides");
	refuse("options/det-propose", "iou=high\n", NULL, "iou");
	refuse("decode", "yolo3(cls) anchors=1,2 classes=3 net=96x96\n", NULL, "rcnn");
	refuse("decode", "rcnn(cls, bocks) classes=3\n", NULL, "bocks");
	refuse("decode", "rcnn(cls, box) classes=3 background=none score=sigmoid\n",
	    NULL, "softmax");
}

int
main(void)
{
	const char *lines[] = { "rpn sample=64", "rcnn sample=40 post=60" };

	golden();
	gradients("tiny_frcnn", lines, 2, .03);
	test_one_map();
	test_sample();
	test_threads();
	test_refused();
	return done();
}
