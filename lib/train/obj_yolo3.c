/* SPDX-License-Identifier: MIT
 *
 * YOLOv3 (Redmon, Farhadi: YOLOv3: an incremental improvement, 2018), as Darknet's
 * yolo_layer.c trains it. Each map is that of box/decode_yolo3.c: for each of A anchors the
 * planes tx, ty, tw, th, to, then K classes; s is the logistic.
 *
 * An object belongs to the anchor, of those of all maps, whose shape overlaps its own most
 * (as if at one place; the first of equals, in the text's order), on the map that has this
 * anchor (on each, where several do), at the cell that its centre lies in. Where two objects
 * meet so, the later one's box counts and the classes of both. In cells of a map of W
 * columns, w = log(object's width in input pixels / anchor's) and so on:
 *
 *   xy     coord z times the cross-entropy of s(tx) towards x, and for y, less what it is
 *          where they are equal, so that 0 can be reached; z = 2 - (width * height) of the
 *          object, relative to the input
 *   wh     1/2 coord z (tw - w)^2, and for h
 *   obj    object times the cross-entropy of s(to) towards 1 where there is an object
 *   noobj  noobj times the same towards 0 elsewhere, but for candidates whose box overlaps
 *          some object by more than `ignore`
 *   cls    class times the cross-entropies of s(tk)
 *
 * whose gradients are s(tx) - x and so on: what Darknet hands back. Sums of an image and,
 * by its lr / batch, the mean over the batch.
 *
 * giou=G has one term in place of xy and wh: G (1 - GIoU) of the decoded box and the object
 * (Rezatofighi et al., Generalized intersection over union, CVPR 2019), without z, as in
 * A. Bochkovskiy's Darknet.
 *
 * Departures: truth_thresh is 1 (off), as in all published cfgs; an anchor that no map has
 * (YOLOv3-tiny's smallest) takes no object away. With scale_xy the target is what s(tx) must
 * be for the decoded centre to be the object's, at most 1. Darknet's printed cost is
 * another number, the sum of squared gradients.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "train/yolo_truth.h"

enum { OBJ, NOOBJ, CLS, XY, WH, TERMS, GIOU = XY, GIOU_TERMS = WH };

static const char *const terms[] = { "obj", "noobj", "cls", "xy", "wh", NULL };
static const char *const giou_terms[] = { "obj", "noobj", "cls", "giou", NULL };

struct yolo3 {
	struct det_yolo y; /* first */
	double ignore;
	double giou;         /* weight of that term; 0: xy and wh in place of it */
	const float **shape; /* of each object: width and height of its anchor */
	size_t shape_cap;
	size_t *owner; /* of each candidate of a map: its object, or SIZE_MAX */
	size_t owner_cap;
	size_t *place; /* of each object: its candidate on the map, or SIZE_MAX */
	size_t place_cap;
	unsigned char *known; /* of each object: it is some candidate's, on some map */
	size_t known_cap;
};

/* scale_xy and back. */
static double
stretch(const struct det_yolo_map *m, double s)
{
	const double a = (double)m->line->scale_xy;

	return s * a - (a - 1) / 2;
}

static double
shrink(const struct det_yolo_map *m, double x)
{
	const double a = (double)m->line->scale_xy, s = (x + (a - 1) / 2) / a;

	return s < 0 ? 0 : s > 1 ? 1 : s;
}

static struct det_yolo_box
box_of(const struct det_yolo_map *m, const struct det_objective_in *in,
    const struct det_yolo_spot *s)
{
	const float *x = m->x + s->at, *anchor = m->line->anchor + 2 * s->anchor;
	const double sx = stretch(m, det_yolo_logistic((double)x[0]));
	const double sy = stretch(m, det_yolo_logistic((double)x[m->hw]));
	struct det_yolo_box b = {
		((double)s->col + sx) / (double)m->w,
		((double)s->row + sy) / (double)m->h,
		det_yolo_exp((double)x[2 * m->hw]) * (double)anchor[0] /
		    (double)in->in_w,
		det_yolo_exp((double)x[3 * m->hw]) * (double)anchor[1] /
		    (double)in->in_h,
	};

	return b;
}

/* --- who belongs where -------------------------------------------------------------------- */

static const float *
best_shape(const struct yolo3 *s, const struct det_objective_in *in,
    const struct det_yolo_box *b)
{
	const double w = b->w * (double)in->in_w, h = b->h * (double)in->in_h;
	const struct det_decode_line *m;
	const float *best = NULL;
	double most = -1;

	for (size_t l = 0; (m = det_decode_line(s->y.decode, l)); l++)
		for (const float *a = m->anchor; a < m->anchor + 2 * m->anchors;
		     a += 2) {
			double v = det_yolo_shape_iou((double)a[0], (double)a[1], w, h);

			if (v > most) {
				most = v;
				best = a;
			}
		}
	return best;
}

/* The place on map m of an object of that anchor; SIZE_MAX where the map has no such. */
static size_t
place_of(const struct det_yolo_map *m, const float *shape, const struct det_yolo_box *b)
{
	const float *anchor = m->line->anchor;

	for (size_t a = 0; a < m->anchors; a++)
		if (anchor[2 * a] == shape[0] && anchor[2 * a + 1] == shape[1])
			return a * m->hw + det_yolo_cell(b->y, m->h) * m->w +
			       det_yolo_cell(b->x, m->w);
	return SIZE_MAX;
}

static enum det_err
assign_shapes(struct yolo3 *s, const struct det_yolo_image *im)
{
	enum det_err e;

	if ((e = det_grow(&s->shape, &s->shape_cap, im->n, sizeof *s->shape)) ||
	    (e = det_grow(&s->place, &s->place_cap, im->n, sizeof *s->place)) ||
	    (e = det_grow(&s->known, &s->known_cap, im->n, sizeof *s->known)))
		return e;
	s->y.learnt = 0;
	for (size_t i = 0; i < im->n; i++)
		s->known[i] = 0;
	for (size_t i = 0; i < im->n; i++)
		s->shape[i] = best_shape(s, im->in, &im->object[i].box);
	return DET_OK;
}

static enum det_err
assign_places(
    struct yolo3 *s, const struct det_yolo_map *m, const struct det_yolo_image *im)
{
	const size_t candidates = m->anchors * m->hw;
	enum det_err e;

	if ((e = det_grow(&s->owner, &s->owner_cap, candidates, sizeof *s->owner)))
		return e;
	for (size_t i = 0; i < candidates; i++)
		s->owner[i] = SIZE_MAX;
	for (size_t i = 0; i < im->n; i++) {
		s->place[i] = place_of(m, s->shape[i], &im->object[i].box);
		if (s->place[i] != SIZE_MAX)
			s->owner[s->place[i]] = i;
	}
	for (size_t i = 0; i < im->n; i++)
		if (s->place[i] != SIZE_MAX && s->owner[s->place[i]] == i &&
		    !s->known[i]) {
			s->known[i] = 1;
			s->y.learnt++;
		}
	return DET_OK;
}

/* --- terms -------------------------------------------------------------------------------- */

/* In the input's pixels. */
static void
corners(float out[4], const struct det_yolo_box *b, const double size[2])
{
	out[0] = (float)((b->x - b->w / 2) * size[0]);
	out[1] = (float)((b->y - b->h / 2) * size[1]);
	out[2] = (float)((b->x + b->w / 2) * size[0]);
	out[3] = (float)((b->y + b->h / 2) * size[1]);
}

static void
box_terms(const struct yolo3 *s, const struct det_yolo_map *m,
    const struct det_yolo_image *im, const struct det_yolo_spot *spot,
    const struct det_yolo_box *t)
{
	const float *anchor = m->line->anchor + 2 * spot->anchor;
	const double scale = im->share * s->y.keys.coord * (2 - t->w * t->h);
	const double target[4] = {
		shrink(m, t->x * (double)m->w - (double)spot->col),
		shrink(m, t->y * (double)m->h - (double)spot->row),
		log(t->w * (double)im->in->in_w / (double)anchor[0]),
		log(t->h * (double)im->in->in_h / (double)anchor[1]),
	};

	for (size_t i = 0, at = spot->at; i < 4; i++, at += m->hw)
		if (i < 2)
			im->value[XY] += det_yolo_cross_grad(
			    &m->grad[at], m->x[at], target[i], scale);
		else
			im->value[WH] +=
			    det_yolo_square(&m->grad[at], m->x[at], target[i], scale);
}

/* Through the decoder: the centre by the logistic, the size by exp. */
static void
giou_term(const struct yolo3 *s, const struct det_yolo_map *m,
    const struct det_yolo_image *im, const struct det_yolo_spot *spot,
    const struct det_yolo_box *t)
{
	const struct det_yolo_box b = box_of(m, im->in, spot);
	const double size[2] = { (double)im->in->in_w, (double)im->in->in_h };
	const double cells[2] = { (double)m->w, (double)m->h };
	const double side[2] = { b.w * size[0], b.h * size[1] };
	float box[4], target[4], grad[4];

	corners(box, &b, size);
	corners(target, t, size);
	im->value[GIOU] += det_loss_giou(grad, box, target, im->share * s->giou);
	for (size_t i = 0; i < 2; i++) {
		const size_t at = spot->at + i * m->hw;
		const double p = det_yolo_logistic((double)m->x[at]);
		const double centre = (double)grad[i] + (double)grad[i + 2];
		const double wide = ((double)grad[i + 2] - (double)grad[i]) / 2;

		m->grad[at] = (float)(centre * (double)m->line->scale_xy * p * (1 - p) *
				      size[i] / cells[i]);
		m->grad[at + 2 * m->hw] = (float)(wide * side[i]);
	}
}

static void
object_terms(const struct yolo3 *s, const struct det_yolo_map *m,
    const struct det_yolo_image *im, const struct det_yolo_spot *spot, size_t candidate)
{
	const struct det_yolo_keys *k = &s->y.keys;
	const size_t obj = spot->at + 4 * m->hw;

	(s->giou > 0 ? giou_term : box_terms)(
	    s, m, im, spot, &im->object[s->owner[candidate]].box);
	im->value[OBJ] +=
	    det_yolo_cross_grad(&m->grad[obj], m->x[obj], 1, im->share * k->object);
	im->value[CLS] += det_yolo_class_bits(
	    m, im, s->place, candidate, obj + m->hw, im->share * k->cls);
}

static void
empty_terms(const struct yolo3 *s, const struct det_yolo_map *m,
    const struct det_yolo_image *im, const struct det_yolo_spot *spot)
{
	const struct det_yolo_box b = box_of(m, im->in, spot);
	const size_t obj = spot->at + 4 * m->hw;

	if (det_yolo_is_nothing(im, &b, s->ignore))
		im->value[NOOBJ] += det_yolo_cross_grad(
		    &m->grad[obj], m->x[obj], 0, im->share * s->y.keys.noobj);
}

static enum det_err
run_map(struct yolo3 *s, const struct det_yolo_image *im, size_t line)
{
	struct det_yolo_map m;
	enum det_err e;

	if ((e = det_yolo_map_at(&m, &s->y, im, line)) ||
	    (e = assign_places(s, &m, im)))
		return e;
	for (size_t i = 0; i < m.anchors * m.hw; i++) {
		const struct det_yolo_spot spot = det_yolo_spot(&m, i);

		if (s->owner[i] != SIZE_MAX)
			object_terms(s, &m, im, &spot, i);
		else
			empty_terms(s, &m, im, &spot);
	}
	return DET_OK;
}

static enum det_err
run_image(struct det_yolo *y, const struct det_yolo_image *im)
{
	struct yolo3 *s = (struct yolo3 *)y;
	enum det_err e;

	e = assign_shapes(s, im);
	for (size_t l = 0; !e && det_decode_line(y->decode, l); l++)
		e = run_map(s, im, l);
	return e;
}

/* --- opening ------------------------------------------------------------------------------ */

static void
close_yolo3(void *self)
{
	struct yolo3 *s = self;

	if (!s)
		return;
	det_yolo_release(&s->y);
	free(s->shape);
	free(s->owner);
	free(s->place);
	free(s->known);
	free(s);
}

static int
fits(const struct det_decode *d)
{
	return det_yolo_fits(d, "yolo3");
}

static enum det_err
check_lines(const struct det_decode *d)
{
	const struct det_decode_line *m, *first = det_decode_line(d, 0);

	if (!fits(d))
		return det_fail(
		    DET_INVALID, "yolo3 wants lines 'yolo3' alone in the decode text");
	for (size_t i = 0; (m = det_decode_line(d, i)); i++) {
		if (m->new_coords)
			return det_fail(DET_UNSUPPORTED,
			    "map '%s' has new_coords: yolo3 trains maps of logits",
			    m->map[0]);
		if (m->classes != first->classes)
			return det_fail(DET_INVALID,
			    "map '%s' has %ld classes, map '%s' %ld", m->map[0],
			    m->classes, first->map[0], first->classes);
	}
	return DET_OK;
}

static enum det_err
open_yolo3(struct det_objective *out, const struct det_objective_params *p)
{
	struct yolo3 *s = NULL;
	enum det_err e;

	if ((e = check_lines(p->decode)) || (e = det_calloc(&s, 1, sizeof *s)))
		return e;
	s->ignore = .7;
	s->y.image = run_image;
	s->y.decode = p->decode;
	s->y.classes = (size_t)det_decode_line(p->decode, 0)->classes;
	s->y.keys = (struct det_yolo_keys){ 1, 1, 1, 1, .001, 0, DET_YOLO_FLAGS };
	if ((e = det_yolo_keys_parse(&s->y.keys, p->line)) ||
	    (e = det_line_double(&s->ignore, p->line, "ignore", 0, 1)) ||
	    (e = det_line_double(&s->giou, p->line, "giou", 0, 1e6))) {
		close_yolo3(s);
		return e;
	}
	s->y.term = s->giou > 0 ? giou_terms : terms;
	s->y.terms = s->giou > 0 ? GIOU_TERMS : TERMS;
	*out = (struct det_objective){ .self = s,
		.term = s->y.term,
		.run = det_yolo_run,
		.free = close_yolo3,
		.tally = &s->y.tally };
	return DET_OK;
}

const struct det_objective_kind det_objective_yolo3 = {
	.name = "yolo3",
	.about = "YOLOv3: boxes of anchors on several maps, logistic cross-entropies",
	.fits = fits,
	.open = open_yolo3,
};
