/* SPDX-License-Identifier: MIT
 *
 * RetinaNet's loss (Lin et al., ICCV 2017): a focal loss of every class of every anchor but
 * the ignored ones, and a loss of the boxes of the anchors with an object. What the sums are
 * divided by is where the sources part:
 *
 *   profile=tv  torchvision's models/detection/retinanet.py: by the positive anchors of each
 *               image, at least 1, then by the images; L1 of deltas (GIoU in its v2)
 *   profile=d2  Detectron2's meta_arch/retinanet.py: by a moving average of the batch's
 *               positives, .9 of the old and .1 of the new, from 100; L1
 *   profile=kr  keras-retinanet's losses.py and utils/anchors.py: by the positives of the
 *               batch, at least 1; smooth L1 with sigma 3; anchors centred outside the
 *               picture are ignored, and an object may be left without an anchor
 *
 * There are millions of logits and a handful of positives: each plane goes through the focal
 * loop with all targets 0, but those few in which an anchor has an object.
 */
#include "train/objective.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "train/anchored.h"

enum norm { NORM_IMAGE, NORM_BATCH, NORM_AVERAGE };

struct positive {
	size_t cell;
	int32_t plane;
};

struct retinanet {
	struct det_anchored a;
	struct det_assign_params assign;
	struct det_focal focal;
	struct det_box_loss box;
	double box_weight;
	int norm;       /* enum norm */
	double average; /* of positives in a batch */
	/* of the batch at work */
	struct det_objects objects;
	struct det_assign match;
	struct det_tally tally;
	int32_t *to;            /* (images, anchors) */
	size_t *matched;        /* positives of each image */
	float *weight, *target; /* of the cells of a level */
	struct positive *positive;
	size_t cap, cap_images, cap_cells;
};

enum { TERM_CLS, TERM_BOX };
static const char *const terms[] = { "cls", "box", NULL };

/* --- the classes of an image ------------------------------------------------------------- */

/* The positives of anchor `anchor` of each cell, and weights of 0 where it is ignored. */
static size_t
sort_cells(struct retinanet *s, const struct det_anchored_level *l,
    const struct det_example *t, const int32_t *to, size_t anchor, int *ignored)
{
	size_t n = 0;

	*ignored = 0;
	for (size_t cell = 0; cell < l->hw; cell++) {
		int32_t k = to[l->first + cell * l->anchors + anchor];

		s->weight[cell] = k != DET_ASSIGN_IGNORE;
		*ignored |= k == DET_ASSIGN_IGNORE;
		if (k >= 0)
			s->positive[n++] =
			    (struct positive){ cell, t->box[k].label + s->a.front };
	}
	return n;
}

/* Sets the target of the positives of a plane to `value`; returns how many there are. */
static size_t
mark(const struct retinanet *s, size_t n, int32_t plane, float value)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		if (s->positive[i].plane == plane) {
			s->target[s->positive[i].cell] = value;
			found++;
		}
	return found;
}

static double
anchor_classes(struct retinanet *s, const struct det_objective_in *in,
    float *const *grad, const struct det_anchored_level *l, size_t image, size_t anchor,
    double scale)
{
	const float *x = in->map[l->cls].data;
	double sum = 0;
	int ignored;
	size_t n = sort_cells(
	    s, l, &in->truth[image], s->to + image * s->a.n, anchor, &ignored);

	for (size_t k = 0; k < s->a.planes; k++) {
		size_t at = det_anchored_plane(&s->a, l, image, anchor, k);
		size_t found = mark(s, n, (int32_t)k, 1);

		sum +=
		    det_loss_focal(grad[l->cls] + at, x + at, found ? s->target : NULL,
			ignored ? s->weight : NULL, l->hw, scale, &s->focal);
		if (found)
			(void)mark(s, n, (int32_t)k, 0);
	}
	return sum;
}

/* --- the batch --------------------------------------------------------------------------- */

static enum det_err
cells_room(struct retinanet *s)
{
	size_t most = 0;
	enum det_err e;

	for (size_t k = 0; k < s->a.levels; k++)
		most = s->a.level[k].hw > most ? s->a.level[k].hw : most;
	if (most <= s->cap_cells)
		return DET_OK;
	free(s->weight);
	free(s->target);
	free(s->positive);
	s->weight = s->target = NULL;
	s->positive = NULL;
	s->cap_cells = 0;
	if ((e = det_alloc(&s->weight, most, sizeof *s->weight)) ||
	    (e = det_calloc(&s->target, most, sizeof *s->target)) ||
	    (e = det_alloc(&s->positive, most, sizeof *s->positive)))
		return e;
	s->cap_cells = most;
	return DET_OK;
}

static enum det_err
make_room(struct retinanet *s, size_t images)
{
	size_t all;
	enum det_err e;

	if ((e = det_mul(&all, s->a.n, images)) ||
	    (e = det_room(&s->matched, &s->cap_images, images, sizeof *s->matched)) ||
	    (e = det_room(&s->to, &s->cap, all, sizeof *s->to)))
		return e;
	return cells_room(s);
}

static enum det_err
match(struct retinanet *s, const struct det_objective_in *in, size_t *matched)
{
	const struct det_anchored *a = &s->a;
	enum det_err e;

	*matched = 0;
	s->tally = (struct det_tally){ 0 };
	for (size_t i = 0; i < in->n; i++) {
		if ((e = det_objects_set(
			 &s->objects, &in->truth[i], &s->assign.flag, a->classes)) ||
		    (e = det_assign_run(
			 &s->match, &a->spots, &in->truth[i], &s->objects, &s->assign)))
			return det_fail_in(e, "image %zu of the batch", i);
		memcpy(s->to + i * a->n, s->match.to, a->n * sizeof *s->to);
		s->matched[i] = s->match.positive;
		*matched += s->match.positive;
		s->tally.objects += s->objects.n;
		s->tally.unmatched += s->match.unmatched;
	}
	return DET_OK;
}

/* 1 / what the sums of an image are divided by. */
static double
scale_of(const struct retinanet *s, const struct det_objective_in *in, size_t image,
    size_t matched)
{
	size_t own = s->matched[image];

	switch ((enum norm)s->norm) {
	case NORM_AVERAGE: return 1 / s->average;
	case NORM_BATCH: return 1 / (double)(matched ? matched : 1);
	case NORM_IMAGE: break;
	}
	return 1 / (double)(own ? own : 1) / (double)in->n;
}

static enum det_err
image_loss(struct retinanet *s, const struct det_objective_in *in, float *const *grad,
    size_t image, double scale, double *value)
{
	const int32_t *to = s->to + image * s->a.n;
	enum det_err e;

	for (size_t k = 0; k < s->a.levels; k++) {
		const struct det_anchored_level *l = &s->a.level[k];

		for (size_t i = 0; i < l->anchors; i++)
			value[TERM_CLS] +=
			    anchor_classes(s, in, grad, l, image, i, scale);
	}
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
	struct retinanet *s = self;
	size_t matched;
	enum det_err e;

	value[TERM_CLS] = value[TERM_BOX] = 0;
	if ((e = det_anchored_fit(&s->a, in)) || (e = make_room(s, in->n)) ||
	    (e = match(s, in, &matched)))
		return e;
	det_anchored_clear(&s->a, in, grad);
	if (s->norm == NORM_AVERAGE)
		s->average = .9 * s->average + .1 * (double)(matched ? matched : 1);
	for (size_t i = 0; i < in->n; i++)
		if ((e = image_loss(
			 s, in, grad, i, scale_of(s, in, i, matched), value)))
			return e;
	return DET_OK;
}

/* --- opening ----------------------------------------------------------------------------- */

static void
free_retinanet(void *self)
{
	struct retinanet *s = self;

	if (!s)
		return;
	det_anchored_release(&s->a);
	det_objects_release(&s->objects);
	det_assign_release(&s->match);
	free(s->to);
	free(s->matched);
	free(s->weight);
	free(s->target);
	free(s->positive);
	free(s);
}

static enum det_err
profile_key(struct retinanet *s, struct det_line *l)
{
	static const char *const profiles[] = { "tv", "d2", "kr", NULL };
	static const struct det_assign_params assign = { .high = .5,
		.low = .4,
		.low_quality = 1,
		.flag = { DET_FLAG_USE, DET_FLAG_DROP, .7 } };
	static const struct det_focal focal = DET_FOCAL_DEFAULTS;
	int profile = NORM_IMAGE;
	enum det_err e;

	if ((e = det_line_choice(&profile, l, "profile", profiles)))
		return e;
	s->assign = assign;
	s->focal = focal;
	s->box_weight = 1;
	s->average = 100;
	s->norm = profile == 0 ? NORM_IMAGE : profile == 1 ? NORM_AVERAGE : NORM_BATCH;
	if (profile < 2)
		return DET_OK;
	s->assign.low_open = s->assign.centred = 1;
	s->assign.low_quality = 0;
	s->box.beta = 1. / 9;
	return DET_OK;
}

static enum det_err
focal_keys(struct det_focal *f, struct det_line *l)
{
	static const char *const forms[] = { "balanced", "overview", NULL };
	enum det_err e;

	if ((e = det_line_double(&f->alpha, l, "alpha", 0, 1)) ||
	    (e = det_line_double(&f->gamma, l, "gamma", 0, 20)))
		return e;
	return det_line_choice(&f->same_alpha, l, "focal", forms);
}

static enum det_err
keys(struct retinanet *s, struct det_line *l)
{
	static const char *const losses[] = { "smooth", "giou", NULL };
	static const char *const norms[] = { "image", "batch", "average", NULL };
	enum det_err e;

	if ((e = profile_key(s, l)) || (e = focal_keys(&s->focal, l)) ||
	    (e = det_line_choice(&s->norm, l, "norm", norms)) ||
	    (e = det_line_choice(&s->box.giou, l, "box", losses)) ||
	    (e = det_line_double(&s->box.beta, l, "beta", 0, 1e3)) ||
	    (e = det_line_double(&s->box_weight, l, "box_weight", 0, 1e3)))
		return e;
	if ((e = det_line_double(&s->assign.high, l, "iou", 1e-3, 1)) ||
	    (e = det_line_double(&s->assign.low, l, "low", 0, 1)) ||
	    (e = det_line_bool(&s->assign.low_quality, l, "low_quality")) ||
	    (e = det_line_bool(&s->assign.touching, l, "touching")) ||
	    (e = det_line_bool(&s->assign.centred, l, "centred")))
		return e;
	if (s->assign.low > s->assign.high)
		return det_fail(DET_INVALID,
		    "low=%g is above iou=%g: at most that expected", s->assign.low,
		    s->assign.high);
	return det_anchored_flags(&s->assign.flag, l);
}

static enum det_err
open_retinanet(struct det_objective *out, const struct det_objective_params *p)
{
	struct retinanet *s;
	enum det_err e;

	*out = (struct det_objective){ 0 };
	if ((e = det_calloc(&s, 1, sizeof *s)))
		return e;
	if ((e = keys(s, p->line)) ||
	    (e = det_anchored_open(&s->a, p, "retinanet", DET_SCORE_SIGMOID))) {
		free_retinanet(s);
		return e;
	}
	*out = (struct det_objective){ .self = s,
		.term = terms,
		.run = run,
		.free = free_retinanet,
		.tally = &s->tally };
	if (s->norm == NORM_AVERAGE) {
		out->state = &s->average;
		out->n_state = 1;
	}
	return DET_OK;
}

static int
fits(const struct det_decode *d)
{
	const struct det_decode_line *m = det_decode_line(d, 0);

	return !strcmp(det_decode_line_word(m), "anchors") &&
	       m->delta.score == DET_SCORE_SIGMOID;
}

const struct det_objective_kind det_objective_retinanet = { .name = "retinanet",
	.about = "RetinaNet: focal loss of all anchors, L1 or GIoU of boxes",
	.fits = fits,
	.open = open_retinanet };
