/* SPDX-License-Identifier: MIT
 *
 * Objects as Darknet's loader hands them to its layers (data.c, correct_boxes and
 * fill_truth_*; J. Redmon): corners are cut at the input's edges, what is left becomes
 * centre and size relative to the input, and objects with a side below a thousandth of the
 * input's (YOLOv1: five thousandths) are left out.
 *
 * Departures: Darknet ends a list of objects at the first whose centre lies at x = 0, keeps
 * 30 or 90 of them and shuffles them; here all count, in their order. Its label files have
 * no flags: those of PASCAL VOC are made without difficult objects (voc_label.py), so flagged
 * ones are as if they were not there unless a key says otherwise. Overlaps are computed in
 * double.
 */
#include "train/yolo_truth.h"

#include <stdlib.h>
#include <string.h>

#include "base/finite.h"
#include "base/mem.h"

static double
overlap(double a, double a_side, double b, double b_side)
{
	double lo = fmax(a - a_side / 2, b - b_side / 2);
	double hi = fmin(a + a_side / 2, b + b_side / 2);

	return hi > lo ? hi - lo : 0;
}

double
det_yolo_iou(const struct det_yolo_box *a, const struct det_yolo_box *b)
{
	double inter =
	    overlap(a->x, a->w, b->x, b->w) * overlap(a->y, a->h, b->y, b->h);

	return inter > 0 ? inter / (a->w * a->h + b->w * b->h - inter) : 0;
}

double
det_yolo_shape_iou(double aw, double ah, double bw, double bh)
{
	double inter = fmin(aw, bw) * fmin(ah, bh);

	return inter > 0 ? inter / (aw * ah + bw * bh - inter) : 0;
}

int
det_yolo_is_nothing(
    const struct det_yolo_image *im, const struct det_yolo_box *b, double ignore)
{
	for (size_t i = 0; i < im->n; i++)
		if (det_yolo_iou(&im->object[i].box, b) > ignore)
			return 0;
	for (size_t i = 0; i < im->regions; i++) {
		const struct det_yolo_box *r = &im->region[i].box;
		const double inter =
		    overlap(r->x, r->w, b->x, b->w) * overlap(r->y, r->h, b->y, b->h);

		if (inter > 0 && inter >= im->region_over * b->w * b->h)
			return 0;
	}
	return 1;
}

/* --- keys --------------------------------------------------------------------------------- */

enum det_err
det_yolo_keys_parse(struct det_yolo_keys *k, struct det_line *l)
{
	static const char *const norms[] = { "images", "objects", NULL };
	enum det_err e;

	if ((e = det_line_double(&k->coord, l, "coord", 0, 1e6)) ||
	    (e = det_line_double(&k->object, l, "object", 0, 1e6)) ||
	    (e = det_line_double(&k->noobj, l, "noobj", 0, 1e6)) ||
	    (e = det_line_double(&k->cls, l, "class", 0, 1e6)) ||
	    (e = det_line_double(&k->min_side, l, "min_side", 0, 1)) ||
	    (e = det_line_choice(&k->norm, l, "norm", norms)))
		return e;
	return det_anchored_flags(&k->flag, l);
}

int
det_yolo_fits(const struct det_decode *d, const char *word)
{
	const struct det_decode_line *m;

	for (size_t i = 0; (m = det_decode_line(d, i)); i++)
		if (strcmp(det_decode_line_word(m), word) != 0)
			return 0;
	return det_decode_line(d, 0) != NULL;
}

/* --- objects ------------------------------------------------------------------------------ */

static double
cut(double v, double most)
{
	return v < 0 ? 0 : v > most ? most : v;
}

/* Adds those of the boxes that are large enough. */
static enum det_err
take(struct det_yolo_objects *to, const struct det_yolo *y, const struct det_box *box,
    const uint32_t *index, size_t n, const struct det_objective_in *in)
{
	const double w = (double)in->in_w, h = (double)in->in_h;
	enum det_err e;

	if ((e = det_grow(&to->object, &to->cap, n, sizeof *to->object)))
		return e;
	to->n = 0;
	for (size_t i = 0; i < n; i++) {
		const struct det_box *b = &box[index[i]];
		const double x1 = cut(b->x1, w), x2 = cut(b->x2, w);
		const double y1 = cut(b->y1, h), y2 = cut(b->y2, h);
		const struct det_yolo_box o = { (x1 + x2) / 2 / w, (y1 + y2) / 2 / h,
			(x2 - x1) / w, (y2 - y1) / h };

		if (o.w > 0 && o.h > 0 && !(o.w < y->keys.min_side) &&
		    !(o.h < y->keys.min_side))
			to->object[to->n++] =
			    (struct det_yolo_object){ o, (size_t)b->label };
	}
	return DET_OK;
}

static enum det_err
take_image(struct det_yolo *y, const struct det_objective_in *in, size_t i)
{
	const struct det_example *t = &in->truth[i];
	const struct det_objects *o = &y->truth;
	enum det_err e;

	if ((e = det_objects_set(&y->truth, t, &y->keys.flag, y->classes)))
		return det_fail_in(e, "image %zu of the batch", i);
	if ((e = take(&y->object, y, t->box, o->object, o->n, in)))
		return e;
	return take(&y->region, y, t->box, o->region, o->regions, in);
}

/* --- a batch ------------------------------------------------------------------------------ */

static enum det_err
check_maps(
    const struct det_yolo *y, const struct det_objective_in *in, float *const *grad)
{
	size_t count, bad;
	char shape[96];
	enum det_err e;

	for (size_t i = 0; i < det_decode_maps(y->decode); i++) {
		const struct det_tensor *t = &in->map[i];
		const char *name = det_decode_map(y->decode, i);

		if (t->dtype != DET_F32 || t->rank < 2 || t->dims[0] != in->n)
			return det_fail(DET_INVALID,
			    "map '%s' is %s: f32 of %zu images expected", name,
			    det_shape_text(shape, sizeof shape, t), in->n);
		if ((e = det_tensor_count(&count, t)))
			return e;
		bad = det_finite_first(t->data, count, 1);
		if (bad < count)
			return det_fail(DET_INVALID,
			    "map '%s', image %zu of the batch: value %zu is not finite",
			    name, bad / (count / in->n), bad % (count / in->n));
		memset(grad[i], 0, count * sizeof **grad);
	}
	return DET_OK;
}

/* 1 over the number of images, or of objects. */
static enum det_err
batch_share(double *share, struct det_yolo *y, const struct det_objective_in *in)
{
	size_t objects = 0;
	enum det_err e;

	*share = 1 / (double)in->n;
	if (y->keys.norm == DET_YOLO_BY_IMAGES)
		return DET_OK;
	for (size_t i = 0; i < in->n; i++) {
		if ((e = take_image(y, in, i)))
			return e;
		objects += y->object.n;
	}
	*share = 1 / (double)det_most(objects, 1);
	return DET_OK;
}

enum det_err
det_yolo_run(
    void *self, const struct det_objective_in *in, float *const *grad, double *value)
{
	struct det_yolo *y = self;
	double sum[DET_OBJECTIVE_TERMS];
	struct det_yolo_image im = { .in = in,
		.grad = grad,
		.value = sum,
		.region_over = y->keys.flag.ignore_over };
	enum det_err e;

	if (in->n == 0 || in->in_w == 0 || in->in_h == 0)
		return det_fail(DET_INVALID, "a batch of %zu images of %zux%zu", in->n,
		    in->in_w, in->in_h);
	if ((e = check_maps(y, in, grad)) || (e = batch_share(&im.share, y, in)))
		return e;
	memset(value, 0, y->terms * sizeof *value);
	y->tally = (struct det_tally){ 0 };
	for (im.number = 0; im.number < in->n; im.number++) {
		memset(sum, 0, sizeof sum);
		if ((e = take_image(y, in, im.number)))
			return e;
		im.object = y->object.object;
		im.n = y->object.n;
		im.region = y->region.object;
		im.regions = y->region.n;
		if ((e = y->image(y, &im)))
			return e;
		y->tally.objects += y->truth.n;
		y->tally.unmatched += y->truth.n - y->learnt;
		for (size_t t = 0; t < y->terms; t++) {
			if (!isfinite(sum[t]))
				return det_fail(DET_INVALID,
				    "the loss '%s' of image %zu of the batch is not "
				    "finite",
				    y->term[t], im.number);
			value[t] += sum[t];
		}
	}
	return DET_OK;
}

void
det_yolo_release(struct det_yolo *y)
{
	free(y->object.object);
	free(y->region.object);
	det_objects_release(&y->truth);
}

enum det_err
det_yolo_map_at(struct det_yolo_map *m, const struct det_yolo *y,
    const struct det_yolo_image *im, size_t line)
{
	const struct det_tensor *t = &im->in->map[line];
	size_t begin;
	char shape[96];

	m->line = det_decode_line(y->decode, line);
	m->anchors = m->line->anchors;
	m->entries = 5 + y->classes;
	if (t->rank != 4 || t->dims[1] != m->anchors * m->entries)
		return det_fail(DET_INVALID, "map '%s' is %s: %zux%zuxHxW expected",
		    m->line->map[0], det_shape_text(shape, sizeof shape, t), im->in->n,
		    m->anchors * m->entries);
	m->h = t->dims[2];
	m->w = t->dims[3];
	m->hw = m->h * m->w;
	begin = im->number * m->anchors * m->entries * m->hw;
	m->x = (const float *)t->data + begin;
	m->grad = im->grad[line] + begin;
	return DET_OK;
}

/* Whether an object of that label has its place at the candidate. */
static int
has_label(const struct det_yolo_image *im, const size_t *place, size_t candidate,
    size_t label)
{
	for (size_t i = 0; i < im->n; i++)
		if (place[i] == candidate && im->object[i].label == label)
			return 1;
	return 0;
}

double
det_yolo_class_bits(const struct det_yolo_map *m, const struct det_yolo_image *im,
    const size_t *place, size_t candidate, size_t at, double scale)
{
	double sum = 0;

	for (size_t k = 0; k < m->entries - 5; k++, at += m->hw)
		sum += det_yolo_cross_grad(
		    &m->grad[at], m->x[at], has_label(im, place, candidate, k), scale);
	return sum;
}
