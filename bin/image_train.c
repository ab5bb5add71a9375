/* SPDX-License-Identifier: MIT
 *
 * det-image in training: the profile and what the options change of it, the sequence of
 * items, and reports of objects that were no use.
 */
#include "bin/image_job.h"

#include <string.h>

#define MOST_REPORTS 10 /* lines about objects; the others are counted */

/* What was left out, of the first epoch. */
static struct {
	size_t objects, items;
	int listed, warned, done;
} found;

static void
set(double *to, double option)
{
	if (option >= 0)
		*to = option;
}

static struct det_augment
augment(struct tool *t, const struct image_training *s)
{
	struct det_augment a = det_augment_profile((size_t)s->augment);

	set(&a.mirror, s->mirror);
	set(&a.jitter, s->jitter);
	set(&a.visible, s->visible);
	set(&a.light.prob, s->light);
	set(&a.light.brightness, s->brightness);
	set(&a.light.contrast, s->contrast);
	set(&a.light.saturation, s->saturation);
	set(&a.light.exposure, s->exposure);
	set(&a.light.hue, s->hue);
	if (s->expand.n == 1)
		tool_usage(t, "--expand: a probability and a ratio expected, as .5,4");
	if (s->expand.n) {
		a.expand = s->expand.v[0];
		a.expand_max = s->expand.v[1];
	}
	if (s->crop)
		a.crop = s->crop - 1;
	if (s->inside)
		a.by_centre = s->inside - 1;
	if (s->factors)
		a.light.ratio = s->factors - 1;
	if (det_augment_check(&a))
		tool_usage(t, "%s", det_errmsg());
	return a;
}

int
image_trains(const struct tool *t, const struct image_training *s)
{
	return s->train || s->augment > 0 || s->epochs != 1 || s->shuffle || s->group ||
	       s->batch > 1 || s->sizes || s->from > 0 || tool_given(t, "epochs") ||
	       tool_given(t, "augment") || tool_given(t, "batch");
}

static void
set_epochs(struct tool *t, struct det_epochs_params *e, const struct det_feed_params *p,
    const struct image_settings *s)
{
	const struct image_training *r = &s->training;

	*e = (struct det_epochs_params){ .epochs = r->epochs,
		.shuffle = r->shuffle,
		.seed = (uint64_t)r->seed,
		.batch = (size_t)r->batch,
		.group = r->group,
		.every = (size_t)r->every,
		.from = (uint64_t)r->from,
		.name = r->boxes,
		.augment = augment(t, r),
		.fit = p->prep.fit,
		.kernel = p->prep.kernel };
	image_shard(t, &e->shard, &e->shards, s->shard);
	if (r->sizes &&
	    det_epochs_sizes(e->size, &e->n_sizes, DET_EPOCHS_SIZES, r->sizes))
		tool_usage(t, "--sizes: %s", det_errmsg());
	if (e->n_sizes && e->fit.kind == DET_FIT_NONE)
		tool_usage(t, "--sizes: --fit none does not resize");
}

/* What a window shows beyond the picture: padding of a letterbox, else the mean of the
 * normalisation, as SSD does it; where that has none, and so no grey is 0, the fill. */
static int
fills_all(const struct tool *t, const struct det_prep *p)
{
	const double *mean = p->norm.mean;

	if (p->fit.kind != DET_FIT_STRETCH)
		return 0;
	return tool_given(t, "fill") || !(mean[0] < 0 || mean[0] > 0 || mean[1] < 0 ||
					    mean[1] > 0 || mean[2] < 0 || mean[2] > 0);
}

void
image_train_open(struct tool *t, struct items_in *stream, struct det_feed_params *p,
    const struct image_settings *s)
{
	struct det_epochs_params e;

	if (t->argc > 0 || s->list)
		tool_usage(t, "--train: items of a stream on standard input expected, "
			      "as det-gt writes them, and no files");
	if (s->flip)
		tool_usage(t, "--train: --mirror expected, not --flip");
	set_epochs(t, &e, p, s);
	p->prep.fill_all = fills_all(t, &p->prep);
	if (!det_items_are_next(0))
		tool_usage(t, "--train: standard input is no stream: items expected "
			      "there, as det-gt writes them");
	items_in_open(t, stream);
	if (det_epochs_new(&p->epochs, stream->items, &e))
		items_in_broken(t, stream, det_errmsg());
	if (det_epochs_live(p->epochs) &&
	    (s->training.shuffle || (tool_given(t, "epochs") && e.epochs != 1)) &&
	    (tool_given(t, "shuffle") || tool_given(t, "epochs")))
		tool_usage(t, "--epochs, --shuffle: the pictures are in the stream, so "
			      "they are taken once, as they come");
}

static void
report(struct tool *t, const struct det_picture *pic, const char *boxes)
{
	const struct det_lesson *l = &pic->lesson;

	if (l->epoch > 0 || !l->known)
		return;
	found.listed |= l->listed;
	if (!found.listed && !found.warned) {
		tool_warn(t, "no list of boxes '%s': nothing to learn from", boxes);
		found.warned = 1;
	}
	if (l->dropped == 0)
		return;
	found.objects += l->dropped;
	if (found.items++ >= MOST_REPORTS)
		return;
	if (l->dropped == 1)
		tool_warn(
		    t, "box %zu of '%s' is left out: it %s", l->first, boxes, l->why);
	else
		tool_warn(t, "%zu boxes of '%s' are left out: box %zu %s", l->dropped,
		    boxes, l->first, l->why);
}

void
image_train_write(
    struct tool *t, struct items_in *stream, struct det_picture *pic, const char *boxes)
{
	report(t, pic, boxes);
	if (pic->lesson.epoch > 0)
		image_train_close(t);
	items_in_boxes(t, stream, boxes, &pic->lesson.gt);
}

void
image_train_close(struct tool *t)
{
	if (!found.done && found.items > MOST_REPORTS) {
		t->at.item = -1;
		tool_warn(t, "%zu boxes of %zu pictures are left out in all",
		    found.objects, found.items);
	}
	found.done = 1;
}
