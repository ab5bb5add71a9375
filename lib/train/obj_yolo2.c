/* SPDX-License-Identifier: MIT
 *
 * YOLOv2 (Redmon, Farhadi: YOLO9000: better, faster, stronger, CVPR 2017), as Darknet's
 * region_layer.c trains it with its GPU code, the only one that has a way back. The map is
 * that of box/decode_region.c: for each of A anchors the planes tx, ty, tw, th, to, then K
 * classes; s is the logistic.
 *
 * An object belongs to the cell that its centre lies in and to the anchor whose shape
 * overlaps its own most (both as if at one place; the first of equals). Where two objects
 * meet so, the later one counts; without `softmax` the classes of both do. In cells of a map
 * of W columns, w = log(object's width * W / anchor's) and so on:
 *
 *   xy     1/2 coord z (s(tx) - x)^2, and for y, z = 2 - (width * height) of the object
 *   wh     1/2 coord z (tw - w)^2, and for h
 *   obj    1/2 object (s(to) - IoU)^2 of candidates that have an object; 1 with rescore=0
 *   noobj  1/2 noobj s(to)^2 of the others, but for those whose box overlaps some object by
 *          more than `ignore`
 *   cls    class times the cross-entropy of the softmax, or of K logistics
 *   prior  while fewer than prior_images images were seen, with this batch: of candidates
 *          without an object 1/2 prior ((s(tx) - 1/2)^2 + (s(ty) - 1/2)^2 + tw^2 + th^2), so
 *          that boxes begin as their anchors
 *
 * The IoU is a number here: nothing is learnt through it. Sums of an image and, by Darknet's
 * lr / batch, the mean over the batch.
 *
 * Departures: `background`, bias_match=0 and the tree of YOLO9000 are not supported.
 * Darknet's printed cost is another number, the sum of squared gradients.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "train/yolo_truth.h"

enum { XY, WH, OBJ, NOOBJ, CLS, PRIOR, TERMS };

static const char *const terms[] = { "xy", "wh", "obj", "noobj", "cls", "prior", NULL };

struct yolo2 {
	struct det_yolo y; /* first */
	double ignore, prior;
	double prior_images;
	int rescore;
	size_t *owner; /* of each candidate: its object, or SIZE_MAX */
	size_t owner_cap;
	size_t *place; /* of each object: its candidate */
	size_t place_cap;
};

static struct det_yolo_box
box_of(const struct det_yolo_map *m, const struct det_yolo_spot *s)
{
	const float *x = m->x + s->at, *anchor = m->line->anchor + 2 * s->anchor;
	const double w = (double)m->w, h = (double)m->h;
	struct det_yolo_box b = {
		((double)s->col + det_yolo_logistic((double)x[0])) / w,
		((double)s->row + det_yolo_logistic((double)x[m->hw])) / h,
		det_yolo_exp((double)x[2 * m->hw]) * (double)anchor[0] / w,
		det_yolo_exp((double)x[3 * m->hw]) * (double)anchor[1] / h,
	};

	return b;
}

/* 1/2 scale (s(x) - target)^2 */
static double
logistic_square(float *grad, float x, double target, double scale)
{
	const double s = det_yolo_logistic((double)x), d = s - target;

	*grad = (float)(scale * d * s * (1 - s));
	return scale * d * d / 2;
}

/* `target` is x, y in the cell and w, h as the map has them. */
static void
box_terms(double *xy, double *wh, const struct det_yolo_map *m, size_t at,
    const double target[4], double scale)
{
	for (size_t i = 0; i < 4; i++, at += m->hw)
		if (i < 2)
			*xy +=
			    logistic_square(&m->grad[at], m->x[at], target[i], scale);
		else
			*wh +=
			    det_yolo_square(&m->grad[at], m->x[at], target[i], scale);
}

static size_t
best_anchor(const struct det_yolo_map *m, const struct det_yolo_box *b)
{
	const float *anchor = m->line->anchor;
	double best = -1;
	size_t which = 0;

	for (size_t a = 0; a < m->anchors; a++) {
		double v =
		    det_yolo_shape_iou((double)anchor[2 * a], (double)anchor[2 * a + 1],
			b->w * (double)m->w, b->h * (double)m->h);

		if (v > best) {
			best = v;
			which = a;
		}
	}
	return which;
}

static enum det_err
assign(struct yolo2 *s, const struct det_yolo_map *m, const struct det_yolo_image *im)
{
	enum det_err e;

	if ((e = det_grow(
		 &s->owner, &s->owner_cap, m->anchors * m->hw, sizeof *s->owner)) ||
	    (e = det_grow(&s->place, &s->place_cap, im->n, sizeof *s->place)))
		return e;
	for (size_t i = 0; i < m->anchors * m->hw; i++)
		s->owner[i] = SIZE_MAX;
	for (size_t i = 0; i < im->n; i++) {
		const struct det_yolo_box *b = &im->object[i].box;

		s->place[i] = best_anchor(m, b) * m->hw +
			      det_yolo_cell(b->y, m->h) * m->w +
			      det_yolo_cell(b->x, m->w);
		s->owner[s->place[i]] = i;
	}
	return DET_OK;
}

/* Of a candidate whose classes begin at `at`. */
static void
class_terms(const struct yolo2 *s, const struct det_yolo_map *m,
    const struct det_yolo_image *im, size_t candidate, size_t at)
{
	const size_t last = s->owner[candidate];
	const double scale = im->share * s->y.keys.cls;

	if (m->line->softmax)
		im->value[CLS] += det_yolo_softmax(m->grad + at, m->x + at,
		    s->y.classes, m->hw, im->object[last].label, scale);
	else
		im->value[CLS] +=
		    det_yolo_class_bits(m, im, s->place, candidate, at, scale);
}

static void
object_terms(const struct yolo2 *s, const struct det_yolo_map *m,
    const struct det_yolo_image *im, const struct det_yolo_spot *spot, size_t candidate)
{
	const struct det_yolo_box *t = &im->object[s->owner[candidate]].box;
	const struct det_yolo_box b = box_of(m, spot);
	const float *anchor = m->line->anchor + 2 * spot->anchor;
	const double w = (double)m->w, h = (double)m->h;
	const double target[4] = { t->x * w - (double)spot->col,
		t->y * h - (double)spot->row, log(t->w * w / (double)anchor[0]),
		log(t->h * h / (double)anchor[1]) };
	const size_t obj = spot->at + 4 * m->hw;

	box_terms(&im->value[XY], &im->value[WH], m, spot->at, target,
	    im->share * s->y.keys.coord * (2 - t->w * t->h));
	im->value[OBJ] += logistic_square(&m->grad[obj], m->x[obj],
	    s->rescore ? det_yolo_iou(&b, t) : 1, im->share * s->y.keys.object);
	class_terms(s, m, im, candidate, obj + m->hw);
}

static void
empty_terms(const struct yolo2 *s, const struct det_yolo_map *m,
    const struct det_yolo_image *im, const struct det_yolo_spot *spot, int prior)
{
	static const double at_anchor[4] = { .5, .5, 0, 0 };
	const struct det_yolo_box b = box_of(m, spot);
	const size_t obj = spot->at + 4 * m->hw;

	if (det_yolo_is_nothing(im, &b, s->ignore))
		im->value[NOOBJ] += logistic_square(
		    &m->grad[obj], m->x[obj], 0, im->share * s->y.keys.noobj);
	if (prior)
		box_terms(&im->value[PRIOR], &im->value[PRIOR], m, spot->at, at_anchor,
		    im->share * s->prior);
}

static enum det_err
run_image(struct det_yolo *y, const struct det_yolo_image *im)
{
	struct yolo2 *s = (struct yolo2 *)y;
	const int prior =
	    s->prior > 0 && (double)im->in->seen + (double)im->in->n < s->prior_images;
	struct det_yolo_map m;
	enum det_err e;

	if ((e = det_yolo_map_at(&m, y, im, 0)) || (e = assign(s, &m, im)))
		return e;
	y->learnt = 0;
	for (size_t i = 0; i < m.anchors * m.hw; i++) {
		const struct det_yolo_spot spot = det_yolo_spot(&m, i);

		y->learnt += s->owner[i] != SIZE_MAX;
		if (s->owner[i] != SIZE_MAX)
			object_terms(s, &m, im, &spot, i);
		else
			empty_terms(s, &m, im, &spot, prior);
	}
	return DET_OK;
}

static void
close_yolo2(void *self)
{
	struct yolo2 *s = self;

	if (!s)
		return;
	det_yolo_release(&s->y);
	free(s->owner);
	free(s->place);
	free(s);
}

static enum det_err
parse(struct yolo2 *s, struct det_line *l)
{
	enum det_err e;

	if ((e = det_yolo_keys_parse(&s->y.keys, l)) ||
	    (e = det_line_double(&s->ignore, l, "ignore", 0, 1)) ||
	    (e = det_line_double(&s->prior, l, "prior", 0, 1e6)) ||
	    (e = det_line_double(&s->prior_images, l, "prior_images", 0, 1e15)))
		return e;
	return det_line_bool(&s->rescore, l, "rescore");
}

static int
fits(const struct det_decode *d)
{
	return det_yolo_fits(d, "region");
}

static enum det_err
open_yolo2(struct det_objective *out, const struct det_objective_params *p)
{
	const struct det_decode_line *line = det_decode_line(p->decode, 0);
	struct yolo2 *s = NULL;
	enum det_err e;

	if (!fits(p->decode) || det_decode_line(p->decode, 1))
		return det_fail(
		    DET_INVALID, "yolo2 wants one line 'region' in the decode text");
	if (line->background)
		return det_fail(DET_UNSUPPORTED,
		    "map '%s' has a background class: yolo2 trains maps of objectness",
		    line->map[0]);
	if ((e = det_calloc(&s, 1, sizeof *s)))
		return e;
	s->rescore = 1;
	s->ignore = .6;
	s->prior = .01;
	s->prior_images = 12800;
	s->y.image = run_image;
	s->y.decode = p->decode;
	s->y.term = terms;
	s->y.terms = TERMS;
	s->y.classes = (size_t)line->classes;
	s->y.keys = (struct det_yolo_keys){ 1, 5, 1, 1, .001, 0, DET_YOLO_FLAGS };
	if ((e = parse(s, p->line))) {
		close_yolo2(s);
		return e;
	}
	*out = (struct det_objective){ .self = s,
		.term = terms,
		.run = det_yolo_run,
		.free = close_yolo2,
		.tally = &s->y.tally };
	return DET_OK;
}

const struct det_objective_kind det_objective_yolo2 = {
	.name = "yolo2",
	.about = "YOLOv2: boxes of anchors in cells, logistic squares, class softmax",
	.fits = fits,
	.open = open_yolo2,
};
