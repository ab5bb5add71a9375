/* SPDX-License-Identifier: MIT
 *
 * det-image in training: the sequence of items, and reports of objects that were no use.
 */
#include "bin/image_job.h"

#include <stdio.h>
#include <string.h>

#define MOST_REPORTS 10 /* lines about objects; the others are counted */

/* What was left out, of the first epoch. */
static struct {
	size_t objects, items;
	int listed, warned, done;
} found;

int
image_trains(const struct tool *t, const struct image_training *s)
{
	return s->train || strcmp(s->augment, "none") != 0 || s->epochs != 1 ||
	       s->shuffle || s->group || s->batch > 1 || s->sizes || s->from > 0 ||
	       tool_given(t, "epochs") || tool_given(t, "augment") ||
	       tool_given(t, "batch");
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
		.largest_from = (uint64_t)r->largest_from,
		.from = (uint64_t)r->from,
		.name = r->boxes,
		.fit = p->prep.fit,
		.kernel = p->prep.kernel };
	image_shard(t, &e->shard, &e->shards, s->shard);
	if (det_augment_parse(&e->augment, r->augment))
		tool_usage(t, "--augment: %s", det_errmsg());
	if (r->sizes &&
	    det_epochs_sizes(e->size, &e->n_sizes, DET_EPOCHS_SIZES, r->sizes))
		tool_usage(t, "--sizes: %s", det_errmsg());
	if (r->largest_from && !r->sizes)
		tool_usage(t, "--largest-from: --sizes expected beside it");
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

/* Which time the item comes. */
void
image_train_item(
    struct tool *t, const struct det_feed_params *p, struct det_picture *pic)
{
	char epoch[32];

	if (det_epochs_live(p->epochs))
		return;
	(void)snprintf(epoch, sizeof epoch, "%ld", pic->lesson.epoch);
	tool_check(t, det_attr_set(&pic->input.one->head.attrs, "epoch", epoch));
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
