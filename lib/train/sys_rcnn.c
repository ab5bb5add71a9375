/* SPDX-License-Identifier: MIT
 *
 * The second stage in a step: rows are pooled from the maps of the batch, or cut out of its
 * pictures; nets run on them as one batch of its own, and their gradients go back through
 * the pooling into the maps that the nets before made, where those of the first stage's loss
 * are already. Where nothing is learnt before the rows (SPP-net's convolutions, R-CNN's
 * pixels), that is where the way back ends.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "roi/crops.h"
#include "train/second_impl.h"

/* What the decode line names, among the nets on rows. */
static enum det_err
find_output(struct det_system_wire *w, const struct det_system *s, const char *name)
{
	if (det_system_output(w, s, s->rows_from, s->nets, name))
		return DET_OK;
	return det_fail(DET_INVALID,
	    "decode wants '%s', which net '%s' does not put out", name,
	    s->net[s->nets - 1].name);
}

/* One line rcnn(...) over what the nets on rows put out. */
static enum det_err
open_decode(struct det_second *d, const struct det_model *m)
{
	const struct det_decode_line *l;
	const char *text;
	size_t len;
	enum det_err e;

	det_model_text(m, "decode", &text, &len);
	if (!text)
		return det_fail(DET_INVALID, "no text 'decode': what the head is "
					     "trained towards");
	if ((e = det_decode_parse(&d->decode, text, len, "decode")))
		return e;
	l = d->line = det_decode_line(d->decode, 0);
	if (det_decode_line(d->decode, 1) ||
	    strcmp(det_decode_line_word(l), "rcnn") != 0)
		return det_fail(DET_INVALID,
		    "decode: one line rcnn(...) expected behind proposals, found '%s'",
		    det_decode_line_word(l));
	if (l->delta.score != DET_SCORE_SOFTMAX || !l->delta.background)
		return det_fail(DET_UNSUPPORTED,
		    "decode: a softmax with a background expected: no other head is "
		    "trained");
	d->classes = (size_t)l->classes;
	return DET_OK;
}

/* The first of the nets takes the rows, and nothing else. */
static enum det_err
open_nets(struct det_second *d, struct det_system *s, const struct det_grad_params *p)
{
	const struct det_system_net *first = &s->net[s->rows_from];
	const int warps = d->rows.op == DET_ROWS_WARP;
	const char *text = NULL;
	size_t len;
	enum det_err e;

	det_model_text(s->model, "net/head", &text, &len);
	if (warps && (e = det_system_add_net(s, "backbone", p, 1)))
		return e;
	if ((!warps || text) && (e = det_system_add_net(s, "head", p, 1)))
		return e;
	if (first->inputs != 1)
		return det_fail(DET_UNSUPPORTED,
		    "net '%s' has %zu inputs: one, of rows, expected", first->name,
		    first->inputs);
	if ((e = find_output(&d->cls, s, d->line->map[0])))
		return e;
	return d->line->maps > 1 ? find_output(&d->box, s, d->line->map[1]) : DET_OK;
}

enum det_err
det_second_read(struct det_second *d, const struct det_model *m, struct det_line *l)
{
	enum det_err e = open_decode(d, m);

	return e ? e : det_second_options(d, m, l);
}

/* What the line wants measured, is. */
static enum det_err
check_norm(const struct det_second *d)
{
	const size_t sets = d->line->agnostic ? 1 : d->classes;

	if (d->p.norm != DET_SECOND_NORM_CLASS || d->line->norms == sets)
		return DET_OK;
	return det_fail(DET_INVALID,
	    "loss 'rcnn': norm=class: the decode line has no mean and std of each "
	    "class's targets: 'det-model norm' measures them, of the proposals that "
	    "are "
	    "to be trained on");
}

enum det_err
det_second_open(struct det_second **out, struct det_system *s,
    const struct det_grad_params *p, struct det_system_lines *lines)
{
	const size_t nets = s->nets;
	struct det_second *d;
	enum det_err e;

	if ((e = det_calloc(&d, 1, sizeof *d)))
		return e;
	/* the system owns it from here on, whatever fails */
	*out = d;
	d->given = !s->part.decode;
	if ((e = det_second_read(d, s->model, det_system_line(lines, "rcnn"))) ||
	    (e = check_norm(d)))
		return e;
	for (size_t i = 0; i < d->levels; i++)
		if ((e = det_system_find(
			 &d->map[i], s, nets, d->map_name[i], "det-roipool")))
			return e;
	if ((e = open_nets(d, s, p)))
		return e;
	d->nms.threads = s->threads;
	s->term[s->terms++] = "cls";
	if (d->line->maps > 1)
		s->term[s->terms++] = "box";
	return DET_OK;
}

void
det_second_release(struct det_second *d)
{
	det_decode_free(d->decode);
	free(d->maps_text);
	det_boxes_release(&d->list);
	det_boxes_release(&d->truth);
	det_boxes_release(&d->chosen);
	det_spots_release(&d->spots);
	det_objects_release(&d->objects);
	det_assign_release(&d->assign);
	free(d->corner);
	free(d->object);
	free(d->roi);
	free(d->row);
	free(d->row_grad);
	free(d->first);
	free(d->iou);
	free(d->label);
	free(d->map_of);
	free(d->grad_of);
}

void
det_second_free(struct det_second *d)
{
	if (d)
		det_second_release(d);
	free(d);
}

const char *
det_second_proposals(const struct det_second *d)
{
	return d->given ? d->line->list : NULL;
}

struct det_tally
det_second_tally(const struct det_second *d)
{
	return d->tally;
}

/* --- a step ------------------------------------------------------------------------------ */

static struct det_system_out *
map_out(const struct det_second *d, const struct det_system *s, size_t level)
{
	return &s->net[d->map[level].net].out[d->map[level].output];
}

/* The greatest height of a picture in the batch: maps are scaled by that of all, as
 * torchvision has it. */
static double
picture_height(const struct det_batch *b)
{
	double most = 0;

	for (size_t i = 0; i < b->image.dims[0]; i++)
		most = fmax(most, b->truth[i].y2 - b->truth[i].y1);
	return most > 0 ? most : (double)b->image.dims[2];
}

/* The maps of each image, image by image, and where their gradients are. */
static enum det_err
set_maps(struct det_second *d, const struct det_system *s, const struct det_batch *b)
{
	const size_t n = b->image.dims[0];
	size_t all;
	enum det_err e;

	if ((e = det_mul(&all, n, d->levels)) ||
	    (e = det_grow(&d->map_of, &d->map_cap, all, sizeof *d->map_of)) ||
	    (e = det_grow(&d->grad_of, &d->grad_cap, all, sizeof *d->grad_of)))
		return e;
	for (size_t k = 0; k < d->levels; k++) {
		struct det_tensor one = map_out(d, s, k)->value;

		one.dims[0] = 1;
		if ((e = det_roi_map_set(&d->map_of[k], d->map_name[k], &one)))
			return e;
		d->map_of[k].scale = d->rows.strides ? 1 / d->rows.stride[k] : 0;
	}
	if (!d->rows.strides &&
	    (e = det_roi_scale_maps(d->map_of, d->levels, picture_height(b))))
		return e;
	for (size_t i = 0; i < all; i++) {
		const struct det_roi_map *m = &d->map_of[i % d->levels];

		d->map_of[i] = *m;
		if (i >= d->levels)
			d->map_of[i].data =
			    d->map_of[i - d->levels].data + m->c * m->h * m->w;
	}
	return DET_OK;
}

/* Room for rows of that shape, and their gradients where somebody wants them. */
static enum det_err
make_room(struct det_second *d, struct det_system *s, const size_t dims[4])
{
	struct det_tensor *t = &s->rows;
	int wanted = 0;
	size_t count;
	enum det_err e;

	*t = (struct det_tensor){ DET_F32, 4, { 0 }, NULL };
	memcpy(t->dims, dims, 4 * sizeof *dims);
	for (size_t k = 0; k < d->levels; k++)
		wanted |= det_system_learns(s, d->map[k].net);
	if ((e = det_tensor_count(&count, t)) ||
	    (e = det_room(&d->row, &d->row_cap, count, sizeof *d->row)) ||
	    (wanted && (e = det_room(&d->row_grad, &d->row_grad_cap, count,
			    sizeof *d->row_grad))))
		return e;
	t->data = d->row;
	s->rows_grad = wanted ? d->row_grad : NULL;
	return DET_OK;
}

/* Rows as the head takes them: (n, C, h, w), of a spatial pyramid (n, C * bins, 1, 1). */
static enum det_err
pool(struct det_second *d, struct det_system *s, size_t images)
{
	const struct det_roi_params *r = &d->rows.roi;
	size_t dims[4] = { d->chosen.n, d->map_of[0].c, (size_t)r->h, (size_t)r->w };
	size_t bins;
	enum det_err e;

	if ((e = det_roi_bins(&bins, r)))
		return e;
	if (r->op == DET_ROI_SPP) {
		dims[1] *= bins;
		dims[2] = dims[3] = 1;
	}
	if ((e = make_room(d, s, dims)))
		return e;
	return det_roi_pool(
	    d->row, d->map_of, images * d->levels, d->roi, d->chosen.n, r, s->threads);
}

/* The same of what is cut out of the pictures: (n, C, h, w). */
static enum det_err
cut_out(struct det_second *d, struct det_system *s, const struct det_batch *b)
{
	const struct det_warp_params *w = &d->rows.warp;
	const struct det_tensor *t = &b->image;
	const size_t each = t->dims[1] * t->dims[2] * t->dims[3];
	const size_t row = t->dims[1] * (size_t)w->h * (size_t)w->w;
	const size_t dims[4] = { d->chosen.n, t->dims[1], (size_t)w->h, (size_t)w->w };
	enum det_err e;

	if ((e = make_room(d, s, dims)))
		return e;
	for (size_t i = 0; i < t->dims[0]; i++) {
		const struct det_example *in = &b->truth[i];
		const double rect[4] = { in->x1, in->y1, in->x2, in->y2 };
		struct det_tensor one = *t;
		struct det_boxes boxes = d->chosen;
		struct det_warp_picture im;

		one.dims[0] = 1;
		one.data = (float *)t->data + i * each;
		boxes.box += d->first[i];
		boxes.n = d->first[i + 1] - d->first[i];
		if ((e = det_crops_picture(&im, &one, rect)) ||
		    (e = det_warp_boxes(
			 d->row + d->first[i] * row, &im, &boxes, w, s->threads)))
			return det_fail_in(e, "image %zu of the batch", i);
	}
	return DET_OK;
}

/* The nets on rows, forward, their loss and backward: gradients of the rows. */
static enum det_err
run_nets(struct det_second *d, struct det_system *s, const struct det_batch *b,
    double share, double *value)
{
	const struct det_second_out o = {
		&s->net[d->cls.net].out[d->cls.output],
		d->line->maps > 1 ? &s->net[d->box.net].out[d->box.output] : NULL,
	};
	enum det_err e;

	if ((e = det_system_forward(s, s->rows_from, s->nets, b)) ||
	    (e = det_second_loss(d, &o, value)))
		return e;
	det_system_scale(o.cls->grad, o.cls->count, share);
	if (o.box)
		det_system_scale(o.box->grad, o.box->count, share);
	return det_system_backward(s, s->rows_from, s->nets);
}

/* Where the gradients of the maps are, image by image. */
static void
set_grads(struct det_second *d, const struct det_system *s, size_t images)
{
	for (size_t k = 0; k < d->levels; k++) {
		struct det_system_out *o = map_out(d, s, k);
		const size_t each = o->count / images;

		d->grad_of[k] = det_system_receive(o);
		for (size_t i = 1; i < images; i++)
			d->grad_of[i * d->levels + k] = d->grad_of[k] + i * each;
	}
}

enum det_err
det_second_step(struct det_second *d, struct det_system *s, const struct det_batch *b,
    double share, double *value)
{
	const size_t images = b->image.dims[0];
	const int warps = d->rows.op == DET_ROWS_WARP;
	enum det_err e;

	value[0] = 0;
	if (d->line->maps > 1)
		value[1] = 0;
	if ((!warps && (e = set_maps(d, s, b))) ||
	    (!d->p.hold && (e = det_second_sample(d, s, b, d->map_of))))
		return e;
	/* no proposal and no object: nothing to learn here */
	if (!d->chosen.n)
		return DET_OK;
	if ((e = warps ? cut_out(d, s, b) : pool(d, s, images)) ||
	    (e = run_nets(d, s, b, share, value)) || !s->rows_grad)
		return e;
	set_grads(d, s, images);
	return det_roi_pool_back(d->grad_of, d->row_grad, d->map_of, images * d->levels,
	    d->roi, d->chosen.n, &d->rows.roi, s->threads);
}
