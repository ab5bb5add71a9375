/* SPDX-License-Identifier: MIT
 *
 * SSD's multibox loss (Liu et al., ECCV 2016): of each image the priors matched to objects
 * and the hardest of the others, three for each, have a softmax cross-entropy; the matched
 * ones a smooth L1 of their boxes. Both sums are divided by the number of matched priors of
 * the whole batch. An image without objects adds nothing.
 *
 *   profile=tv         torchvision's models/detection/ssd.py: thresholds first, then each
 *                      object takes its best prior
 *   profile=ssd-caffe  the authors' Caffe (MultiBoxLoss, MAX_NEGATIVE): pairs first
 *
 * Negatives rank by the cross-entropy of the background, equal ones by their number (both
 * sources leave that open). Where an image has fewer others than are asked for, all are
 * taken; torchvision's sum is infinite then.
 *
 * A batch's 8732 x 21 logits an image are gone through once, by the vector loop of the
 * logarithms of sums; gradients are made only of the few priors that take part.
 */
#include "train/objective.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "train/anchored.h"
#include "train/sample.h"

struct ssd {
	struct det_anchored a;
	struct det_assign_ssd_params assign;
	struct det_box_loss box;
	double neg, box_weight;
	/* of the batch at work */
	struct det_objects objects;
	struct det_assign match;
	struct det_tally tally;
	int32_t *to; /* (images, anchors) */
	float *loss,
	    *lse; /* of each anchor of an image: as background; log of the sum */
	size_t cap, cap_one;
};

enum { TERM_CLS, TERM_BOX };
static const char *const terms[] = { "cls", "box", NULL };

/* --- the classes of an image ------------------------------------------------------------- */

/* What each anchor would lose as background. */
static void
losses_of(struct ssd *s, const struct det_objective_in *in, size_t image)
{
	const struct det_anchored *a = &s->a;

	for (size_t k = 0; k < a->levels; k++) {
		const struct det_anchored_level *l = &a->level[k];
		/* anchor after anchor here, cell after cell in the numbering */
		float *loss = s->loss + a->n, *lse = s->lse + a->n;

		for (size_t i = 0; i < l->anchors; i++) {
			const struct det_columns c = {
				(const float *)in->map[l->cls].data +
				    det_anchored_plane(a, l, image, i, 0),
				l->hw, a->planes, det_anchored_stride(a, l), 1
			};

			det_loss_softmax_each(loss, lse, &c, NULL, a->background);
			for (size_t cell = 0; cell < l->hw; cell++) {
				size_t at = l->first + cell * l->anchors + i;

				s->loss[at] = loss[cell];
				s->lse[at] = lse[cell];
			}
		}
	}
}

/* Adds the loss of those that take part, and writes their gradients. */
static double
classes_of(const struct ssd *s, const struct det_objective_in *in, float *const *grad,
    size_t image, const int32_t *to, double scale)
{
	const struct det_anchored *a = &s->a;
	double sum = 0;

	for (size_t k = 0; k < a->levels; k++) {
		const struct det_anchored_level *l = &a->level[k];

		for (size_t i = 0; i < l->count; i++) {
			int32_t t = to[l->first + i], label = a->background;
			size_t cell = i / l->anchors, at;
			struct det_columns c = { NULL, l->hw, a->planes,
				det_anchored_stride(a, l), 1 };

			if (t == DET_ASSIGN_IGNORE)
				continue;
			if (t >= 0)
				label = in->truth[image].box[t].label + a->front;
			at = det_anchored_plane(a, l, image, i % l->anchors, 0);
			c.x = (const float *)in->map[l->cls].data + at;
			sum += (double)s->lse[l->first + i] -
			       (double)c.x[(size_t)label * c.stride + cell];
			det_loss_softmax_grad(grad[l->cls] + at, &c, cell, label,
			    s->lse[l->first + i], scale);
		}
	}
	return scale * sum;
}

/* --- the batch --------------------------------------------------------------------------- */

static enum det_err
make_room(struct ssd *s, size_t images)
{
	size_t most = 0, all;
	enum det_err e;

	for (size_t k = 0; k < s->a.levels; k++)
		most = s->a.level[k].hw > most ? s->a.level[k].hw : most;
	if ((e = det_add(&most, most, s->a.n)) || (e = det_mul(&all, s->a.n, images)) ||
	    (e = det_room(&s->to, &s->cap, all, sizeof *s->to)))
		return e;
	if (most <= s->cap_one)
		return DET_OK;
	free(s->loss);
	free(s->lse);
	s->loss = s->lse = NULL;
	s->cap_one = 0;
	if ((e = det_alloc(&s->loss, most, sizeof *s->loss)) ||
	    (e = det_alloc(&s->lse, most, sizeof *s->lse)))
		return e;
	s->cap_one = most;
	return DET_OK;
}

/* Matches all images; *matched is of the batch. */
static enum det_err
match(struct ssd *s, const struct det_objective_in *in, size_t *matched)
{
	const struct det_anchored *a = &s->a;
	enum det_err e;

	*matched = 0;
	s->tally = (struct det_tally){ 0 };
	for (size_t i = 0; i < in->n; i++) {
		if ((e = det_objects_set(
			 &s->objects, &in->truth[i], &s->assign.flag, a->classes)) ||
		    (e = det_assign_ssd(
			 &s->match, &a->spots, &in->truth[i], &s->objects, &s->assign)))
			return det_fail_in(e, "image %zu of the batch", i);
		memcpy(s->to + i * a->n, s->match.to, a->n * sizeof *s->to);
		*matched += s->match.positive;
		s->tally.objects += s->objects.n;
		s->tally.unmatched += s->match.unmatched;
	}
	return DET_OK;
}

static enum det_err
image_loss(struct ssd *s, const struct det_objective_in *in, float *const *grad,
    size_t image, double scale, double *value)
{
	int32_t *to = s->to + image * s->a.n;
	size_t positive = 0, kept;
	enum det_err e;

	for (size_t i = 0; i < s->a.n; i++)
		positive += to[i] >= 0;
	if (!positive)
		return DET_OK;
	losses_of(s, in, image);
	if ((e = det_sample_hard(
		 to, s->loss, s->a.n, (size_t)(s->neg * (double)positive), &kept)))
		return e;
	value[TERM_CLS] += classes_of(s, in, grad, image, to, scale);
	value[TERM_BOX] += det_anchored_boxes(
	    &s->a, in, grad, image, to, &s->box, scale * s->box_weight);
	for (size_t t = TERM_CLS; t <= TERM_BOX; t++)
		if ((e = det_anchored_check(value[t], terms[t], image)))
			return e;
	return DET_OK;
}

static enum det_err
run(void *self, const struct det_objective_in *in, float *const *grad, double *value)
{
	struct ssd *s = self;
	size_t matched;
	enum det_err e;

	value[TERM_CLS] = value[TERM_BOX] = 0;
	if ((e = det_anchored_fit(&s->a, in)) || (e = make_room(s, in->n)) ||
	    (e = match(s, in, &matched)))
		return e;
	det_anchored_clear(&s->a, in, grad);
	for (size_t i = 0; i < in->n && matched; i++)
		if ((e = image_loss(s, in, grad, i, 1 / (double)matched, value)))
			return e;
	return DET_OK;
}

/* --- opening ----------------------------------------------------------------------------- */

static void
free_ssd(void *self)
{
	struct ssd *s = self;

	if (!s)
		return;
	det_anchored_release(&s->a);
	det_objects_release(&s->objects);
	det_assign_release(&s->match);
	free(s->to);
	free(s->loss);
	free(s->lse);
	free(s);
}

static enum det_err
keys(struct ssd *s, struct det_line *l)
{
	static const char *const profiles[] = { "tv", "ssd-caffe", NULL };
	static const char *const matches[] = { "last", "pairs", NULL };
	int profile = 0;
	enum det_err e;

	if ((e = det_line_choice(&profile, l, "profile", profiles)))
		return e;
	s->assign = (struct det_assign_ssd_params){ .iou = .5,
		.form = profile ? DET_ASSIGN_SSD_CAFFE : DET_ASSIGN_SSD_TV,
		.flag = { DET_FLAG_USE, DET_FLAG_DROP, .7 } };
	s->box.beta = 1;
	s->box_weight = 1;
	s->neg = 3;
	if ((e = det_line_choice(&s->assign.form, l, "match", matches)) ||
	    (e = det_line_double(&s->assign.iou, l, "iou", 1e-3, 1)) ||
	    (e = det_line_double(&s->neg, l, "neg", 0, 1e6)) ||
	    (e = det_line_double(&s->box.beta, l, "beta", 0, 1e3)) ||
	    (e = det_line_double(&s->box_weight, l, "box_weight", 0, 1e3)))
		return e;
	return det_anchored_flags(&s->assign.flag, l);
}

static enum det_err
open_ssd(struct det_objective *out, const struct det_objective_params *p)
{
	struct ssd *s;
	enum det_err e;

	*out = (struct det_objective){ 0 };
	if ((e = det_calloc(&s, 1, sizeof *s)))
		return e;
	if ((e = keys(s, p->line)) ||
	    (e = det_anchored_open(&s->a, p, "ssd", DET_SCORE_SOFTMAX)))
		goto fail;
	if (s->a.background < 0) {
		e = det_fail(DET_INVALID,
		    "ssd: background=first or last expected in the decode text");
		goto fail;
	}
	*out = (struct det_objective){ .self = s,
		.term = terms,
		.run = run,
		.free = free_ssd,
		.tally = &s->tally };
	return DET_OK;
fail:
	free_ssd(s);
	return e;
}

static int
fits(const struct det_decode *d)
{
	const struct det_decode_line *m = det_decode_line(d, 0);

	return !strcmp(det_decode_line_word(m), "anchors") &&
	       m->delta.score == DET_SCORE_SOFTMAX && m->delta.background;
}

const struct det_objective_kind det_objective_ssd = { .name = "ssd",
	.about = "SSD: softmax over priors with hard negatives, smooth L1",
	.fits = fits,
	.open = open_ssd };
