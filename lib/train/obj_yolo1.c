/* SPDX-License-Identifier: MIT
 *
 * YOLOv1 (Redmon, Divvala, Girshick, Farhadi: You only look once, CVPR 2016, section 2.2),
 * as Darknet's detection_layer.c trains it. The map is that of box/decode_detection.c: S*S
 * cells with K class scores, B confidences and B boxes x, y, w, h; sizes are square roots
 * under `sqrt`.
 *
 * An object belongs to the cell that its centre lies in; the first of a cell counts, the
 * others are not learnt. Of the cell's B boxes the one that overlaps it most is responsible
 * for it (the first of equals), or where none does, the one whose x, y, w, h are nearest to
 * the object's by root mean square. With p the confidences, c the class scores, t the
 * object's box and a hat on what is predicted:
 *
 *   xy     1/2 coord  sum over responsible boxes of (x - x^)^2 + (y - y^)^2
 *   wh     1/2 coord  the same of sqrt(w), sqrt(h), or w, h without `sqrt`
 *   obj    1/2 object (IoU - p)^2 of responsible boxes; (1 - p)^2 with rescore=0
 *   noobj  1/2 noobj  p^2 of all others
 *   cls    1/2 class  sum over the classes of (1[k] - c_k)^2 in cells that have an object;
 *          under `softmax` -class log c_k, c the softmax: Darknet's gradient there
 *
 * The IoU is a number here: nothing is learnt through it. Darknet's steps are along
 * "target - output", the gradient of half a square; the paper's loss has no half, so
 * form=paper doubles the squares. Both have coord 5 and noobj .5, sums of an image and, by
 * Darknet's lr / batch, the mean over the batch.
 *
 * Departures: Darknet gives up on the nearest box beyond a distance of 20, and reads a box
 * that is not there; `forced` and `random` are not supported; a predicted size below 0
 * overlaps nothing. Its printed cost is another number, the sum of squared gradients.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "train/yolo_truth.h"

enum { XY, WH, OBJ, NOOBJ, CLS, TERMS };

static const char *const terms[] = { "xy", "wh", "obj", "noobj", "cls", NULL };

struct yolo1 {
	struct det_yolo y; /* first */
	const struct det_decode_line *line;
	size_t side, num;
	int rescore;
	double factor; /* of squares' halves: 1, or 2 in the paper's form */
	size_t *owner; /* of each cell: its object, or SIZE_MAX */
};

/* One image's parts of map and gradient. */
struct parts {
	const float *cls, *conf, *coord;
	float *g_cls, *g_conf, *g_coord;
};

/* How many objects have a cell. */
static size_t
own_cells(const struct yolo1 *s, const struct det_yolo_image *im)
{
	size_t n = 0;

	for (size_t i = 0; i < s->side * s->side; i++)
		s->owner[i] = SIZE_MAX;
	for (size_t i = 0; i < im->n; i++) {
		const struct det_yolo_box *b = &im->object[i].box;
		size_t *owner = &s->owner[det_yolo_cell(b->y, s->side) * s->side +
					  det_yolo_cell(b->x, s->side)];

		if (*owner != SIZE_MAX)
			continue;
		*owner = i;
		n++;
	}
	return n;
}

/* Of box c of the cell; relative to the input but for the whole cells before it, which
 * `truth` goes without, too. */
static struct det_yolo_box
box_of(const struct yolo1 *s, const float *c)
{
	const double side = (double)s->side, w = (double)c[2], h = (double)c[3];
	const int root = s->line->square_root;
	struct det_yolo_box b = { (double)c[0] / side, (double)c[1] / side,
		root ? w * w : w, root ? h * h : h };

	return b;
}

static double
distance(const struct det_yolo_box *a, const struct det_yolo_box *b)
{
	const double x = a->x - b->x, y = a->y - b->y, w = a->w - b->w, h = a->h - b->h;

	return x * x + y * y + w * w + h * h;
}

/* Which of the cell's boxes is responsible for an object, and its IoU. */
static size_t
responsible(double *iou, const struct yolo1 *s, const float *coord,
    const struct det_yolo_box *truth)
{
	double best_iou = 0, best_distance = INFINITY;
	size_t best = 0;

	for (size_t j = 0; j < s->num; j++) {
		struct det_yolo_box b = box_of(s, coord + 4 * j);
		double v = b.w > 0 && b.h > 0 ? det_yolo_iou(&b, truth) : 0;
		double d = distance(&b, truth);

		if (v > best_iou || (best_iou <= 0 && d < best_distance)) {
			best_iou = v;
			best_distance = d;
			best = j;
		}
	}
	*iou = best_iou;
	return best;
}

static void
class_terms(const struct yolo1 *s, const struct det_yolo_image *im,
    const struct parts *p, size_t label)
{
	const double scale = im->share * s->y.keys.cls;

	if (s->line->softmax) {
		im->value[CLS] +=
		    det_yolo_softmax(p->g_cls, p->cls, s->y.classes, 1, label, scale);
		return;
	}
	for (size_t k = 0; k < s->y.classes; k++)
		im->value[CLS] += det_yolo_square(
		    &p->g_cls[k], p->cls[k], k == label, s->factor * scale);
}

static void
box_terms(const struct yolo1 *s, const struct det_yolo_image *im, const struct parts *p,
    size_t j, const struct det_yolo_box *truth)
{
	const double side = (double)s->side;
	const double scale = s->factor * im->share * s->y.keys.coord;
	const int root = s->line->square_root;
	const double target[4] = { truth->x * side, truth->y * side,
		root ? sqrt(truth->w) : truth->w, root ? sqrt(truth->h) : truth->h };

	for (size_t i = 0; i < 4; i++)
		im->value[i < 2 ? XY : WH] += det_yolo_square(
		    &p->g_coord[4 * j + i], p->coord[4 * j + i], target[i], scale);
}

/* Teaches a box that is no object's so. */
static void
empty_term(const struct yolo1 *s, const struct det_yolo_image *im,
    const struct parts *p, size_t j, size_t cell)
{
	struct det_yolo_box b = box_of(s, p->coord + 4 * j);

	b.x += (double)(cell % s->side) / (double)s->side;
	b.y += (double)(cell / s->side) / (double)s->side;
	if (det_yolo_is_nothing(im, &b, INFINITY))
		im->value[NOOBJ] += det_yolo_square(&p->g_conf[j], p->conf[j], 0,
		    s->factor * im->share * s->y.keys.noobj);
}

static size_t
object_terms(const struct yolo1 *s, const struct det_yolo_image *im,
    const struct parts *p, size_t cell)
{
	const struct det_yolo_object *o = &im->object[s->owner[cell]];
	struct det_yolo_box t = o->box;
	double iou;
	size_t mine;

	t.x -= (double)(cell % s->side) / (double)s->side;
	t.y -= (double)(cell / s->side) / (double)s->side;
	mine = responsible(&iou, s, p->coord, &t);
	im->value[OBJ] += det_yolo_square(&p->g_conf[mine], p->conf[mine],
	    s->rescore ? iou : 1, s->factor * im->share * s->y.keys.object);
	box_terms(s, im, p, mine, &t);
	class_terms(s, im, p, o->label);
	return mine;
}

/* `p` points at the parts of the cell. */
static void
run_cell(const struct yolo1 *s, const struct det_yolo_image *im, const struct parts *p,
    size_t cell)
{
	size_t mine = s->num;

	if (s->owner[cell] != SIZE_MAX)
		mine = object_terms(s, im, p, cell);
	for (size_t j = 0; j < s->num; j++)
		if (j != mine)
			empty_term(s, im, p, j, cell);
}

static enum det_err
run_image(struct det_yolo *y, const struct det_yolo_image *im)
{
	const struct yolo1 *s = (const struct yolo1 *)y;
	const struct det_tensor *t = &im->in->map[0];
	const size_t cells = s->side * s->side, classes = y->classes;
	const size_t want = cells * (classes + 5 * s->num);
	const float *x = (const float *)t->data + im->number * want;
	float *g = im->grad[0] + im->number * want;
	size_t count;
	char shape[96];
	enum det_err e;

	if ((e = det_tensor_count(&count, t)))
		return e;
	if (count != im->in->n * want)
		return det_fail(DET_INVALID,
		    "map '%s' is %s: %zu numbers an image expected", s->line->map[0],
		    det_shape_text(shape, sizeof shape, t), want);
	y->learnt = own_cells(s, im);
	for (size_t i = 0; i < cells; i++) {
		const size_t conf = cells * classes + i * s->num;
		const size_t coord = cells * (classes + s->num) + i * 4 * s->num;
		struct parts p = { x + i * classes, x + conf, x + coord,
			g + i * classes, g + conf, g + coord };

		run_cell(s, im, &p, i);
	}
	return DET_OK;
}

static void
close_yolo1(void *self)
{
	struct yolo1 *s = self;

	if (!s)
		return;
	det_yolo_release(&s->y);
	free(s->owner);
	free(s);
}

static enum det_err
parse(struct yolo1 *s, struct det_line *l)
{
	static const char *const forms[] = { "darknet", "paper", NULL };
	int form = 0;
	enum det_err e;

	if ((e = det_yolo_keys_parse(&s->y.keys, l)) ||
	    (e = det_line_choice(&form, l, "form", forms)) ||
	    (e = det_line_bool(&s->rescore, l, "rescore")))
		return e;
	s->factor = form ? 2 : 1;
	return DET_OK;
}

static int
fits(const struct det_decode *d)
{
	return det_yolo_fits(d, "detection");
}

static enum det_err
open_yolo1(struct det_objective *out, const struct det_objective_params *p)
{
	struct yolo1 *s = NULL;
	enum det_err e;

	if (!fits(p->decode) || det_decode_line(p->decode, 1))
		return det_fail(
		    DET_INVALID, "yolo1 wants one line 'detection' in the decode text");
	if ((e = det_calloc(&s, 1, sizeof *s)))
		return e;
	s->line = det_decode_line(p->decode, 0);
	s->side = (size_t)s->line->side;
	s->num = (size_t)s->line->num;
	s->rescore = 1;
	s->y.image = run_image;
	s->y.decode = p->decode;
	s->y.term = terms;
	s->y.terms = TERMS;
	s->y.classes = (size_t)s->line->classes;
	s->y.keys = (struct det_yolo_keys){ 5, 1, .5, 1, .005, 0, DET_YOLO_FLAGS };
	if ((e = parse(s, p->line)) ||
	    (e = det_alloc(&s->owner, s->side * s->side, sizeof *s->owner)))
		goto fail;
	*out = (struct det_objective){ .self = s,
		.term = terms,
		.run = det_yolo_run,
		.free = close_yolo1,
		.tally = &s->y.tally };
	return DET_OK;
fail:
	close_yolo1(s);
	return e;
}

const struct det_objective_kind det_objective_yolo1 = {
	.name = "yolo1",
	.about = "YOLOv1: squared errors of the boxes responsible, and of confidences",
	.fits = fits,
	.open = open_yolo1,
};
