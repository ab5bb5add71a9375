/* SPDX-License-Identifier: MIT
 *
 * A detector that can't learn four pictures by heart has something wrong with it. Discs,
 * squares and diamonds in noise; each small detector is trained on them until its loss is
 * next to nothing, written to a model file, opened again by the code that runs detectors, and
 * must then find all objects and nothing else: each with a score above FOUND, and no other box
 * with one above NOTHING. Where a run ends depends on how sums are rounded, so each goes on
 * until the scores lie far on either side of both.
 *
 * Under sanitizers (DET_SAN) all of it runs as well, but is over after an eighth of the steps,
 * when the loss must have fallen; what is found then is not judged.
 */
#define _POSIX_C_SOURCE 200809L
#include "tests/unit/train_rig.h"

#include "box/iou.h"
#include "box/nms.h"
#include "model/head.h"
#include "model/network.h"
#include "roi/rows.h"
#include "train/optim.h"
#include "train/second_impl.h"

enum { SIDE = 96, PICTURES = 4, OBJECTS = 2, MAPS = 16, PLACES = 40 };

#define FOUND   .7f
#define NOTHING .5

static int brief; /* it is what runs that counts, not what is learnt */
static struct det_box box[PICTURES][OBJECTS];
static struct det_example truth[PICTURES];
static float *pixels;
/* for those that find no places themselves */
static struct det_box place[PICTURES][PLACES];
static struct det_proposed proposed[PICTURES];

/* Whether a point of [-1,1]^2 belongs to the shape of that class. */
static int
inside(int label, double x, double y)
{
	return label == 0   ? x * x + y * y <= 1
	       : label == 1 ? 1
			    : fabs(x) + fabs(y) <= 1;
}

static void
draw(size_t image, const struct det_box *b)
{
	const double w = b->x2 - b->x1, h = b->y2 - b->y1;

	for (size_t y = 0; y < SIDE; y++)
		for (size_t x = 0; x < SIDE; x++) {
			const double u = 2 * ((double)x + .5 - b->x1) / w - 1;
			const double v = 2 * ((double)y + .5 - b->y1) / h - 1;

			if (fabs(u) > 1 || fabs(v) > 1 || !inside(b->label, u, v))
				continue;
			for (size_t c = 0; c < 3; c++)
				pixels[((image * 3 + c) * SIDE + y) * SIDE + x] =
				    (int)c == b->label ? 1.5f : -.5f;
		}
}

static void
make_pictures(void)
{
	struct det_random r;
	const size_t n = (size_t)PICTURES * 3 * SIDE * SIDE;

	det_random_seed(&r, 5, 1);
	pixels = malloc(n * sizeof *pixels);
	if (!pixels)
		exit(2);
	for (size_t i = 0; i < n; i++)
		pixels[i] = (float)(.1 * det_random_normal(&r));
	for (size_t i = 0; i < PICTURES; i++) {
		/* left and right, so that none covers another */
		for (size_t k = 0; k < OBJECTS; k++) {
			const double w = 24 + 20 * det_random_uniform(&r);
			const double h = 24 + 30 * det_random_uniform(&r);
			const double x =
			    48 * (double)k + (46 - w) * det_random_uniform(&r);
			const double y = 2 + (SIDE - 4 - h) * det_random_uniform(&r);

			box[i][k] = (struct det_box){ .x1 = x,
				.y1 = y,
				.x2 = x + w,
				.y2 = y + h,
				.label = (int32_t)((2 * i + k) % 3) };
			draw(i, &box[i][k]);
		}
		truth[i] = (struct det_example){ box[i], OBJECTS, 0, 0, SIDE, SIDE };
	}
}

/* Each fifth about an object, the others where there is none, or a small part of one. */
static void
make_places(void)
{
	struct det_random r;

	det_random_seed(&r, 6, 1);
	for (size_t i = 0; i < PICTURES; i++) {
		for (size_t k = 0; k < PLACES;) {
			const struct det_box *o = &box[i][k / 5 % OBJECTS];
			struct det_box *b = &place[i][k];
			double v[4];
			float most = 0;

			for (int c = 0; c < 4; c++)
				v[c] = det_random_uniform(&r);
			*b = (struct det_box){ .x1 = 64 * v[0],
				.y1 = 64 * v[1],
				.x2 = 64 * v[0] + 8 + 24 * v[2],
				.y2 = 64 * v[1] + 8 + 24 * v[3] };
			for (size_t n = 0; n < OBJECTS; n++) {
				const struct det_fbox f = det_iou_box(b, 0);
				const struct det_fbox g = det_iou_box(&box[i][n], 0);

				most = fmaxf(most, det_iou(&f, &g, 0));
			}
			if (k % 5 == 0)
				*b = (struct det_box){ .x1 = o->x1 + 2 * v[0],
					.y1 = o->y1 - 2 * v[1],
					.x2 = o->x2 - 2 * v[2],
					.y2 = o->y2 + 2 * v[3] };
			k += k % 5 == 0 || most < .3f;
		}
		proposed[i] = (struct det_proposed){ place[i], PLACES };
	}
}

/* --- training ---------------------------------------------------------------------------- */

static struct det_param *
param(struct det_system *s, const char *name)
{
	for (size_t i = 0; i < det_system_n_params(s); i++)
		if (!strcmp(det_system_param(s, i)->name, name))
			return det_system_param(s, i);
	return NULL;
}

/* The model with the system's weights. */
static void
save(const struct det_model *m, struct det_system *s, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct det_writer *w;
	struct det_record r;
	struct det_param *p;

	if (fd < 0)
		exit(2);
	rig_check(det_writer_open_fd(&w, fd, path));
	for (size_t i = 0; det_model_record(m, i, &r); i++) {
		if (r.kind == DET_TENSOR && (p = param(s, det_record_name(&r)))) {
			struct det_tensor t = { DET_F32, p->rank, { 0 }, p->value };

			memcpy(t.dims, p->dims, sizeof t.dims);
			rig_check(det_writer_tensor(w, p->name, &t, NULL));
		} else if (r.kind != DET_END) {
			rig_check(det_writer_make(
			    w, r.kind, &r.attrs, r.tensor.data, r.size));
		}
	}
	rig_check(det_writer_end(w));
	rig_check(det_writer_flush(w));
	det_writer_free(w);
	(void)close(fd);
}

/* Adam, its rate falling to nothing. */
static double
train(struct det_system *s, size_t steps, double rate, double *first)
{
	struct det_optim_params p = DET_OPTIM_DEFAULTS;
	const size_t n = det_system_n_params(s);
	struct det_param **all = malloc(n * sizeof *all);
	struct det_batch b = { .image = { DET_F32, 4, { PICTURES, 3, SIDE, SIDE },
				   pixels },
		.truth = truth,
		.proposed = proposed };
	struct det_optim *o;
	double value[RIG_TERMS], sum = 0;

	if (!all)
		exit(2);
	for (size_t i = 0; i < n; i++)
		all[i] = det_system_param(s, i);
	p.kind = DET_OPTIM_ADAM;
	p.threads = 2;
	p.clip_norm = 10;
	rig_check(det_optim_new(&o, all, n, &p));
	for (b.run = 0; b.run < steps; b.run++) {
		const double at = (double)b.run / (double)steps;

		det_system_clear(s);
		sum = rig_step(s, &b, value);
		if (b.run == 0)
			*first = sum;
		b.seen += PICTURES;
		rig_check(det_optim_step(
		    o, rate * .5 * (1 + cos(3.14159265358979 * at)), 1, NULL));
	}
	for (size_t i = 0; i < det_system_terms(s); i++)
		(void)printf("# %s %.4f\n", det_system_term(s, i), value[i]);
	det_optim_free(o);
	free(all);
	return sum;
}

/* --- detection --------------------------------------------------------------------------- */

/* What the stages of a pipe hand on, by name. */
struct desk {
	const char *name[MAPS];
	struct det_tensor t[MAPS];
	size_t n;
	struct det_boxes proposals;
	struct det_rows rows;
};

static struct det_tensor
take(const struct desk *d, const char *name)
{
	for (size_t i = 0; i < d->n; i++)
		if (!strcmp(d->name[i], name))
			return d->t[i];
	return (struct det_tensor){ 0 };
}

static void
run_head(struct det_boxes *out, struct det_head *h, const struct desk *d, double thresh,
    int by_line)
{
	struct det_decode_params p = { .thresh = thresh,
		.top = by_line ? 200 : -1,
		.in_w = SIDE,
		.in_h = SIDE,
		.by_line = by_line };
	struct det_tensor t[2 * MAPS];
	struct det_boxes lists[2 * MAPS];
	enum det_head_kind kind;

	for (size_t i = 0; i < det_head_wants(h); i++) {
		t[i] = take(d, det_head_want(h, i, &kind));
		lists[i] = d->proposals;
	}
	rig_check(det_head_run(out, h, &(struct det_head_in){ t, lists }, &p));
}

static void
second_stage(const struct det_model *m, struct desk *d)
{
	static const char *const maps[] = { "p2", "p3", "p4", "p5" };
	struct det_rows_params p = DET_ROWS_DEFAULTS;
	struct det_nms_params nms = DET_NMS_DEFAULTS;
	struct det_item it = { .in_w = SIDE,
		.in_h = SIDE,
		.width = SIDE,
		.height = SIDE,
		.map = { 1, 1, 0, 0, 0, 0 } };
	struct det_rows_in in = { &it, maps, NULL, 4 };
	struct det_tensor t[4];
	struct det_head *rpn;

	rig_check(det_head_open(&rpn, m, "rpn", "propose", 2));
	run_head(&d->proposals, rpn, d, -1, 1);
	det_head_close(rpn);
	nms.iou = .7;
	nms.max = 100;
	rig_check(det_nms(&d->proposals, &nms));
	d->proposals.space = DET_SPACE_INPUT;
	for (size_t i = 0; i < 4; i++)
		t[i] = take(d, maps[i]);
	in.tensor = t;
	rig_check(det_rows_make(&d->rows, &d->proposals, &in, &p, 2));
	d->name[d->n] = "rois";
	d->t[d->n++] = d->rows.t;
}

/* The backbone on a picture; of those on given places, on rows or before them. */
static void
run_backbone(struct desk *d, struct det_engine *e, const struct det_tensor *image)
{
	rig_check(det_engine_run(e, image));
	for (size_t i = 0; i < det_engine_outputs(e); i++, d->n++)
		d->name[d->n] = det_engine_output(e, i, &d->t[d->n]);
}

static void
given_stage(struct desk *d, struct det_engine *e, const struct det_tensor *image,
    size_t picture, const struct det_rows_params *p)
{
	static const char *const map = "c3", *const input = "image";
	const int warps = p->op == DET_ROWS_WARP;
	struct det_item it = { .in_w = SIDE,
		.in_h = SIDE,
		.width = SIDE,
		.height = SIDE,
		.map = { 1, 1, 0, 0, 0, 0 } };
	struct det_tensor from = *image;
	const struct det_rows_in in = { &it, warps ? &input : &map, &from, 1 };

	d->proposals.n = 0;
	d->proposals.space = DET_SPACE_INPUT;
	for (size_t k = 0; k < PLACES; k++)
		rig_check(det_boxes_add(&d->proposals, &place[picture][k]));
	if (!warps) {
		run_backbone(d, e, image);
		from = take(d, map);
	}
	rig_check(det_rows_make(&d->rows, &d->proposals, &in, p, 2));
	if (warps) {
		run_backbone(d, e, &d->rows.t);
		return;
	}
	d->name[d->n] = "rois";
	d->t[d->n++] = d->rows.t;
}

/* How many objects of a picture are found; *surplus: boxes that are at none. */
static size_t
judge(const struct det_boxes *b, const struct det_box *want, size_t *surplus)
{
	size_t found = 0, used = 0;

	for (size_t k = 0; k < OBJECTS; k++) {
		const struct det_fbox w = det_iou_box(&want[k], 0);
		size_t hits = 0, sure = 0;

		for (size_t i = 0; i < b->n; i++) {
			const struct det_fbox f = det_iou_box(&b->box[i], 0);

			if (b->box[i].label != want[k].label ||
			    det_iou(&f, &w, 0) <= .6f)
				continue;
			hits++;
			sure += b->box[i].score > FOUND;
		}
		found += sure > 0;
		used += hits;
	}
	*surplus += b->n - used;
	return found;
}

static void
detect(const char *path, const char *arch, const struct det_rows_params *given)
{
	struct det_network net;
	struct det_head *head;
	struct det_model *m;
	struct det_nms_params nms = DET_NMS_DEFAULTS;
	struct desk d = { .n = 0 };
	struct det_boxes found = { 0 };
	size_t right = 0, surplus = 0;

	rig_check(det_model_open(&m, path));
	rig_check(det_network_open(&net, m, "backbone", NULL));
	rig_check(det_head_open(&head, m, "head", "decode", 2));
	for (size_t i = 0; i < PICTURES; i++) {
		struct det_tensor image = { DET_F32, 4, { 1, 3, SIDE, SIDE },
			pixels + i * 3 * SIDE * SIDE };
		const char *text;
		size_t len;

		d.n = 0;
		if (given)
			given_stage(&d, net.engine, &image, i, given);
		else
			run_backbone(&d, net.engine, &image);
		det_model_text(m, "propose", &text, &len);
		if (text)
			second_stage(m, &d);
		run_head(&found, head, &d, NOTHING, 0);
		rig_check(det_nms(&found, &nms));
		right += judge(&found, box[i], &surplus);
	}
	ok(brief || (right == PICTURES * OBJECTS && !surplus),
	    "%s: %zu objects found again of %d, %zu boxes too many", arch, right,
	    PICTURES * OBJECTS, surplus);
	det_boxes_release(&found);
	det_boxes_release(&d.proposals);
	det_rows_release(&d.rows);
	det_head_close(head);
	det_network_close(&net);
	det_model_close(m);
	(void)unlink(path);
}

static void
overfit(const char *arch, const char *line, size_t steps, double rate, double limit)
{
	const struct det_system_params p = {
		.grad = { .threads = 2, .bn_momentum = -1, .seed = 7 },
		.line = &line,
		.n_lines = line != NULL
	};
	struct det_model *m = rig_model(arch, NULL, 0, 3);
	struct det_rows_params rows, *given = NULL;
	struct det_system *s;
	double first = 0, last;

	rig_check(det_system_open(&s, m, &p));
	last = train(s, brief ? steps / 8 : steps, rate, &first);
	ok(last < (brief ? first : limit), "%s (%s): a loss of %.2f becomes %.3f", arch,
	    det_system_about(s), first, last);
	save(m, s, "learnt.det");
	if (det_system_proposals(s)) {
		rows = s->second->rows;
		given = &rows;
	}
	det_system_free(s);
	det_model_close(m);
	detect("learnt.det", arch, given);
}

int
main(void)
{
	const char *san = getenv("DET_SAN");

	brief = san && *san;
	make_pictures();
	make_places();
	overfit("tiny_ssd", NULL, 250, 4e-3, .1);
	/* what is not trained at all does as it likes in a net of so few weights */
	overfit("tiny_retinanet", "retinanet low=.5", 250, 4e-3, .1);
	/* so does what is never in a sample: that settles late */
	overfit("tiny_frcnn", NULL, 800, 4e-3, .1);
	overfit("tiny_fast_rcnn", "rcnn sample=40", 250, 4e-3, .1);
	overfit("tiny_spp", "rcnn sample=40", 250, 4e-3, .1);
	overfit("tiny_rcnn", "rcnn sample=40", 120, 4e-3, .1);
	free(pixels);
	return done();
}
