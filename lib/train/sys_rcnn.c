/* SPDX-License-Identifier: MIT
 *
 * The second stage in a step: rows are pooled from the maps of the batch, the head runs on
 * them as one batch of its own, and its gradients go back through the pooling into the maps
 * that the first stage's nets made, where those of the first stage's loss are already.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "train/second_impl.h"

static enum det_err
find_output(size_t *out, const struct det_system_net *n, const char *name)
{
	for (*out = 0; *out < n->outputs; ++*out)
		if (!strcmp(det_net_output(n->net, *out), name))
			return DET_OK;
	return det_fail(DET_INVALID,
	    "decode wants '%s', which net '%s' does not put out", name, n->name);
}

/* One line rcnn(cls, box) over the head's outputs. */
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

static enum det_err
open_head(struct det_second *d, struct det_system *s, const struct det_grad_params *p)
{
	enum det_err e;

	if ((e = det_system_add_net(s, "head", p, 1)))
		return e;
	d->head = &s->net[s->nets - 1];
	if (d->head->inputs != 1)
		return det_fail(DET_UNSUPPORTED,
		    "net 'head' has %zu inputs: one, of rows, expected",
		    d->head->inputs);
	if ((e = find_output(&d->cls, d->head, d->line->map[0])))
		return e;
	return find_output(&d->box, d->head, d->line->map[1]);
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
	if ((e = open_decode(d, s->model)) ||
	    (e = det_second_options(d, s->model, det_system_line(lines, "rcnn"))))
		return e;
	for (size_t i = 0; i < d->levels; i++)
		if ((e = det_system_find(
			 &d->map[i], s, nets, d->map_name[i], "det-roipool")))
			return e;
	if ((e = open_head(d, s, p)))
		return e;
	d->nms.threads = s->threads;
	s->term[s->terms++] = "cls";
	s->term[s->terms++] = "box";
	return DET_OK;
}

void
det_second_free(struct det_second *d)
{
	if (!d)
		return;
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
	free(d->cls_grad);
	free(d->box_grad);
	free(d->label);
	free(d->map_of);
	free(d->grad_of);
	free(d);
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

/* Rows as the head takes them: (n, C, h, w), of a spatial pyramid (n, C * bins, 1, 1). */
static enum det_err
pool(struct det_second *d, struct det_tensor *t, int threads, size_t images)
{
	const struct det_roi_params *r = &d->rows.roi;
	size_t bins, count;
	enum det_err e;

	if ((e = det_roi_bins(&bins, r)))
		return e;
	*t = (struct det_tensor){ DET_F32, 4,
		{ d->chosen.n, d->map_of[0].c, (size_t)r->h, (size_t)r->w }, NULL };
	if (r->op == DET_ROI_SPP) {
		t->dims[1] *= bins;
		t->dims[2] = t->dims[3] = 1;
	}
	if ((e = det_tensor_count(&count, t)) ||
	    (e = det_room(&d->row, &d->row_cap, count, sizeof *d->row)) ||
	    (e = det_room(&d->row_grad, &d->row_grad_cap, count, sizeof *d->row_grad)))
		return e;
	t->data = d->row;
	return det_roi_pool(
	    d->row, d->map_of, images * d->levels, d->roi, d->chosen.n, r, threads);
}

/* The head, forward, its loss and backward: gradients of the rows. */
static enum det_err
run_head(struct det_second *d, const struct det_tensor *rows, const struct det_batch *b,
    double share, double *value)
{
	struct det_system_net *h = d->head;
	const float *out[DET_SYSTEM_MAPS] = { NULL };
	enum det_err e;

	if ((e = det_grad_forward(h->grad, rows, 1, b->run)) ||
	    (e = det_system_take(h)) || (e = det_second_loss(d, d->chosen.n, value)))
		return e;
	det_system_scale(d->cls_grad, h->out[d->cls].count, share);
	det_system_scale(d->box_grad, h->out[d->box].count, share);
	out[d->cls] = d->cls_grad;
	out[d->box] = d->box_grad;
	return det_grad_backward(h->grad, out, &d->row_grad);
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
	struct det_tensor rows;
	enum det_err e;

	value[0] = value[1] = 0;
	if ((e = set_maps(d, s, b)) ||
	    (!d->p.hold && (e = det_second_sample(d, s, b, d->map_of))))
		return e;
	/* no proposal and no object: nothing to learn here */
	if (!d->chosen.n)
		return DET_OK;
	if ((e = pool(d, &rows, s->threads, images)) ||
	    (e = run_head(d, &rows, b, share, value)))
		return e;
	set_grads(d, s, images);
	return det_roi_pool_back(d->grad_of, d->row_grad, d->map_of, images * d->levels,
	    d->roi, d->chosen.n, &d->rows.roi, s->threads);
}
