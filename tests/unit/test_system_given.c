/* SPDX-License-Identifier: MIT
 *
 * Detectors on proposals that come with the pictures: Fast R-CNN, SPP-net, R-CNN. Gradients
 * of the whole against differences of its loss, with the rows held; rows against those that
 * det-roipool makes of the same boxes; what the sample is; nets of which nothing is learnt;
 * what is refused.
 */
#define _POSIX_C_SOURCE 200809L
#include "tests/unit/train_rig.h"

#include "box/iou.h"
#include "roi/rows.h"
#include "tests/unit/nets.h"
#include "tests/unit/two_pictures.h"
#include "train/second_impl.h"

enum { SIDE = 96, IMAGES = 2, PLACES = 60 };

/* the second picture has padding below */
static const struct det_example truth[] = {
	{ one, 2, 0, 0, SIDE, SIDE },
	{ two, 1, 0, 0, SIDE, 80 },
};
static struct det_box place[IMAGES][PLACES];
static struct det_proposed proposed[IMAGES];

/* Every second one about a picture's last object, the others anywhere. */
static void
make_places(void)
{
	struct det_random r;

	det_random_seed(&r, 11, 1);
	for (size_t i = 0; i < IMAGES; i++) {
		for (size_t k = 0; k < PLACES; k++) {
			const struct det_box *o = &truth[i].box[truth[i].n - 1];
			struct det_box *b = &place[i][k];
			double v[4];

			for (int c = 0; c < 4; c++)
				v[c] = det_random_uniform(&r);
			if (k % 2)
				*b = (struct det_box){ .x1 = o->x1 + 8 * v[0],
					.y1 = o->y1 - 8 * v[1],
					.x2 = o->x2 - 8 * v[2],
					.y2 = o->y2 + 8 * v[3] };
			else
				*b = (struct det_box){ .x1 = 60 * v[0],
					.y1 = 40 * v[1],
					.x2 = 60 * v[0] + 4 + 30 * v[2],
					.y2 = 40 * v[1] + 4 + 30 * v[3] };
			b->label = -1;
			b->x2 = fmin(b->x2, truth[i].x2);
			b->y2 = fmin(b->y2, truth[i].y2);
			b->y1 = fmax(b->y1, 0);
		}
		proposed[i] = (struct det_proposed){ place[i], PLACES };
	}
}

static struct det_batch
batch(void)
{
	return (struct det_batch){ .image = seeded(IMAGES, 3, SIDE, SIDE, 9),
		.truth = truth,
		.proposed = proposed };
}

static struct det_system *
open_system(const struct det_model *m, const char *line, int threads)
{
	struct det_system_params p = usual;
	struct det_system *s;

	p.line = &line;
	p.n_lines = line != NULL;
	p.grad.threads = threads;
	rig_check(det_system_open(&s, m, &p));
	return s;
}

/* --- gradients --- */

static void
gradients(const char *arch, size_t terms)
{
	/* small scores: a loss of many digits has slopes of few */
	static const char *const set = "cls_std=.1";
	struct det_model *m = rig_model(arch, &set, 1, 3);
	struct det_batch b = batch();
	struct det_system *s = open_system(m, "rcnn sample=24", 2);
	double value[RIG_TERMS], worst;

	rig_check(det_system_step(s, &b, 1, value));
	ok(det_system_terms(s) == terms && value[0] > 0 &&
		!strcmp(det_system_proposals(s), "proposals"),
	    "%s (%s): %zu terms, the first %.3f", arch, det_system_about(s), terms,
	    value[0]);
	s->second->p.hold = 1;
	worst = rig_check_system(s, &b, 2e-4, .02);
	ok(worst < .05, "%s: gradients of all weights, worst %.1e", arch, worst);
	det_system_free(s);
	det_model_close(m);
	free(b.image.data);
}

/* --- rows --- */

/* Rows of one image, as det-roipool makes them. */
static size_t
other_rows(const struct det_second *d, const struct det_system *s,
    const struct det_batch *b, size_t image, const char *map)
{
	static const char *const picture = "image";
	const int warps = d->rows.op == DET_ROWS_WARP;
	struct det_item it = { .in_w = SIDE,
		.in_h = SIDE,
		.width = (long)b->truth[image].x2,
		.height = (long)b->truth[image].y2,
		.map = { 1, 1, 0, 0, 0, 0 } };
	struct det_tensor t =
	    warps ? b->image : s->net[d->map[0].net].out[d->map[0].output].value;
	const struct det_rows_in in = { &it, warps ? &picture : &map, &t, 1 };
	struct det_boxes list = { .space = DET_SPACE_INPUT };
	struct det_rows rows = { 0 };
	const size_t from = d->first[image], n = d->first[image + 1] - from;
	size_t each, other = 0;

	t.dims[0] = 1;
	rig_check(det_tensor_count(&each, &t));
	t.data = (float *)t.data + image * each;
	for (size_t k = 0; k < n; k++)
		rig_check(det_boxes_add(&list, &d->chosen.box[from + k]));
	rig_check(det_rows_make(&rows, &list, &in, &d->rows, 2));
	each = rows.t.dims[1] * rows.t.dims[2] * rows.t.dims[3];
	for (int k = 1; k < 4; k++)
		other += rows.t.dims[k] != s->rows.dims[k];
	for (size_t k = 0; !other && k < n; k++)
		other += memcmp((const float *)rows.t.data + k * each,
			     (const float *)s->rows.data + (from + k) * each,
			     each * sizeof(float)) != 0;
	det_rows_release(&rows);
	det_boxes_release(&list);
	return other + (n == 0);
}

static void
test_rows(const char *arch)
{
	struct det_model *m = rig_model(arch, NULL, 0, 3);
	struct det_batch b = batch();
	struct det_system *s = open_system(m, NULL, 2);
	double value[RIG_TERMS];
	size_t other = 0;

	rig_check(det_system_step(s, &b, 1, value));
	for (size_t i = 0; i < IMAGES; i++)
		other += other_rows(s->second, s, &b, i, "c3");
	ok(!other && s->rows.dims[0] == s->second->chosen.n,
	    "%s: %zu rows of %zux%zux%zu, to the bit those of det-roipool", arch,
	    s->rows.dims[0], s->rows.dims[1], s->rows.dims[2], s->rows.dims[3]);
	det_system_free(s);
	det_model_close(m);
	free(b.image.data);
}

/* --- the sample --- */

/* The largest overlap with an object of the image. */
static float
overlap(const struct det_box *b, const struct det_example *t)
{
	const struct det_fbox f = det_iou_box(b, 0);
	float most = 0;

	for (size_t k = 0; k < t->n; k++) {
		const struct det_fbox g = det_iou_box(&t->box[k], 0);

		most = fmaxf(most, det_iou(&f, &g, 0));
	}
	return most;
}

static void
test_sample(void)
{
	struct det_model *m = rig_model("tiny_fast_rcnn", NULL, 0, 3);
	struct det_batch b = batch();
	struct det_system *s =
	    open_system(m, "rcnn sample=16 positive=.25 least=.1 own=0", 2);
	const struct det_second *d = s->second;
	struct det_proposed few[IMAGES] = { { place[0], 1 }, { NULL, 0 } };
	double value[RIG_TERMS], again[RIG_TERMS];
	size_t with[IMAGES] = { 0 }, rows[IMAGES] = { 0 }, wrong = 0, strange = 0;

	rig_check(det_system_step(s, &b, 1, value));
	for (size_t i = 0; i < IMAGES; i++)
		for (size_t k = d->first[i]; k < d->first[i + 1]; k++) {
			const float iou = overlap(&d->chosen.box[k], &truth[i]);
			const int has = d->object[k].label >= 0;
			size_t at = 0;

			rows[i]++;
			with[i] += (size_t)has;
			wrong += has ? iou < .5f : iou >= .5f || iou < .1f;
			while (at < PLACES && memcmp(&place[i][at], &d->chosen.box[k],
						  sizeof *place[i]) != 0)
				at++;
			strange += at == PLACES;
		}
	ok(rows[0] == 16 && with[0] == 4 && with[1] == 4,
	    "16 rows of a picture, 4 of them with an object");
	ok(!wrong, "the others overlap one by .1 to .5");
	ok(!strange, "all are boxes of the list");
	rig_check(det_system_step(s, &b, 1, again));
	ok(!memcmp(value, again, 2 * sizeof *value), "equal steps, equal bits");
	b.proposed = few;
	rig_check(det_system_step(s, &b, 1, value));
	ok(d->chosen.n <= 1, "few proposals make few rows");
	few[0].n = 0;
	det_system_clear(s);
	rig_check(det_system_step(s, &b, 1, value));
	ok(d->chosen.n == 0 && value[0] == 0 && value[1] == 0,
	    "none make none: nothing to learn");
	det_system_free(s);
	s = open_system(m, "rcnn post=5", 2);
	few[0].n = 0;
	rig_check(det_system_step(s, &b, 1, value));
	ok(s->second->chosen.n == 3, "objects are proposals too");
	b.proposed = proposed;
	rig_check(det_system_step(s, &b, 1, value));
	ok(s->second->list.n == 5 + truth[1].n, "the first 5 of a list");
	ok(det_system_tally(s).objects == 3 && det_system_tally(s).unmatched == 1,
	    "they lead to two of three objects");
	few[1] = (struct det_proposed){ place[0], 1 };
	b.proposed = few;
	rig_check(det_system_step(s, &b, 1, value));
	ok(det_system_tally(s).objects == 3 && det_system_tally(s).unmatched == 3,
	    "one far away to none: they are counted");
	b.proposed = NULL;
	ok(det_system_step(s, &b, 1, value) == DET_INVALID &&
		strstr(det_errmsg(), "proposals"),
	    "without a list: %s", det_errmsg());
	det_system_free(s);
	det_model_close(m);
	free(b.image.data);
}

/* --- nets of which nothing is learnt --- */

static int
of_backbone(const struct det_param *p)
{
	return !strncmp(p->name, "backbone/", 9);
}

/* The head's gradients are what they were; the backbone's are not made, nor what they need. */
static void
test_frozen(const char *arch)
{
	struct det_model *m = rig_model(arch, NULL, 0, 3);
	struct det_batch b = batch();
	struct det_system *s[2];
	struct det_grad_stats stats[2];
	double value[2][RIG_TERMS];
	size_t other = 0, some = 0, made = 0;

	for (int i = 0; i < 2; i++) {
		s[i] = open_system(m, NULL, 2);
		for (size_t k = 0; k < det_system_n_params(s[i]); k++) {
			struct det_param *p = det_system_param(s[i], k);

			/* statistics in both: the same maps */
			if (of_backbone(p) && (i || !p->grad))
				p->frozen = 1;
		}
		rig_check(det_system_step(s[i], &b, 1, value[i]));
		det_system_stats(s[i], &stats[i]);
	}
	for (size_t k = 0; k < det_system_n_params(s[0]); k++) {
		const struct det_param *p = det_system_param(s[0], k);
		const struct det_param *q = det_system_param(s[1], k);

		for (size_t j = 0; q->grad && j < q->count; j++) {
			made += of_backbone(q) && q->grad[j] != 0;
			some += !of_backbone(q) && q->grad[j] != 0;
		}
		other += p->grad && !of_backbone(p) &&
			 memcmp(p->grad, q->grad, p->count * sizeof *p->grad) != 0;
	}
	ok(!memcmp(value[0], value[1], sizeof **value) && !other && some && !made,
	    "%s: a frozen backbone leaves the head's gradients as they are", arch);
	ok(!s[1]->rows_grad && stats[1].value_grads < stats[0].value_grads / 2,
	    "%s: and nothing goes back through it (%zu bytes of gradients, not %zu)",
	    arch, stats[1].value_grads, stats[0].value_grads);
	det_system_free(s[0]);
	det_system_free(s[1]);
	det_model_close(m);
	free(b.image.data);
}

static void
test_threads(const char *arch)
{
	struct det_model *m = rig_model(arch, NULL, 0, 3);
	struct det_batch b = batch();
	struct det_system *s[2];
	double value[2][RIG_TERMS] = { { 0 } };
	size_t other = 0;

	for (int i = 0; i < 2; i++) {
		s[i] = open_system(m, NULL, i ? 3 : 1);
		rig_check(det_system_step(s[i], &b, 1, value[i]));
	}
	for (size_t i = 0; i < det_system_n_params(s[0]); i++) {
		const struct det_param *p = det_system_param(s[0], i);
		const struct det_param *q = det_system_param(s[1], i);

		other += p->grad &&
			 memcmp(p->grad, q->grad, p->count * sizeof *p->grad) != 0;
	}
	ok(!memcmp(value[0], value[1], sizeof *value) && !other,
	    "%s: three threads, the bits of one", arch);
	det_system_free(s[0]);
	det_system_free(s[1]);
	det_model_close(m);
	free(b.image.data);
}

/* --- what is refused --- */

#define TEXTS 4

static const char *const small[TEXTS][2] = {
	{ "net/backbone", "net backbone\ninput rois 3 8 8\n"
			  "f = fc(rois) out=4 act=relu\noutput fc7=f\n" },
	{ "net/head", "net head\ninput fc7 4 1 1\ns = fc(fc7) out=4\noutput cls=s\n" },
	{ "decode", "rcnn(cls) classes=3\n" },
	{ "options/det-roipool", "op=warp\nsize=8x8\ncontext=1\n" },
};

static void
refuse(const char *name, const char *text, const char *line, const char *says)
{
	const char *texts[TEXTS][2];
	struct det_system_params p = usual;
	struct det_model *m;
	struct det_system *s = NULL;

	for (size_t i = 0; i < TEXTS; i++) {
		texts[i][0] = small[i][0];
		texts[i][1] = name && !strcmp(name, small[i][0]) ? text : small[i][1];
	}
	m = rig_model_of((const char *const(*)[2])texts, TEXTS, 3, 4);
	p.line = &line;
	p.n_lines = line != NULL;
	if (says)
		ok(det_system_open(&s, m, &p) != DET_OK && strstr(det_errmsg(), says),
		    "refused: %s", det_errmsg());
	else
		ok(!det_system_open(&s, m, &p), "not refused: %s",
		    s ? det_system_about(s) : det_errmsg());
	det_system_free(s);
	det_model_close(m);
}

static void
test_refused(void)
{
	refuse(NULL, NULL, NULL, NULL);
	refuse(NULL, NULL, "rcnn pre=3", "pre");
	refuse(NULL, NULL, "rpn sample=3", "rcnn over backbone, head");
	refuse(
	    "options/det-roipool", "op=warp\nsize=8x8\ncontext=4\n", NULL, "context");
	refuse("options/det-roipool", "op=warp\nsize=8x8\nfrom=original\n", NULL,
	    "from=original");
	refuse("options/det-roipool", "op=max\nsize=8x8\nmaps=fc7\n", NULL, "rois");
	refuse("decode", "rcnn(cls, box) classes=3\n", NULL, "'box'");
	refuse("decode", "rcnn(cls) classes=3 background=none\n", NULL, "softmax");
	refuse("net/backbone",
	    "net backbone\ninput rois 3 8 8\ninput more 3 8 8\n"
	    "f = fc(rois) out=4 act=relu\ng = fc(more) out=4\nh = add(f, g)\n"
	    "output fc7=h\n",
	    NULL, "2 inputs");
}

int
main(void)
{
	make_places();
	gradients("tiny_fast_rcnn", 2);
	gradients("tiny_spp", 1);
	gradients("tiny_rcnn", 1);
	test_rows("tiny_fast_rcnn");
	test_rows("tiny_spp");
	test_rows("tiny_rcnn");
	test_sample();
	test_frozen("tiny_fast_rcnn");
	test_frozen("tiny_spp");
	test_threads("tiny_fast_rcnn");
	test_threads("tiny_rcnn");
	test_refused();
	return done();
}
