/* SPDX-License-Identifier: MIT
 *
 * Private to lib/image: an item on its way from the order (epochs.c) to what is to be made
 * of it (epochs_plan.c).
 */
#ifndef DET_EPOCHS_IMPL_H
#define DET_EPOCHS_IMPL_H

#include "image/epochs.h"

struct det_draft {
	const struct det_items_one *one; /* one that is kept, ... */
	struct det_items_one own;        /* ... or else the item itself */
	uint64_t index;                  /* its place in the stream */
	size_t w, h;                     /* 0: unknown */
	struct det_lesson lesson;
};

static inline const struct det_item *
det_draft_item(const struct det_draft *d)
{
	return d->one ? &d->one->item : &d->own.item;
}

void det_draft_release(struct det_draft *d);
/* The picture's size, by the item or else by the head of its file. */
void det_draft_measure(struct det_draft *d);
/* Draws the lessons of a batch, and gives them one canvas. */
enum det_err det_drafts_plan(struct det_draft *d, size_t n, uint64_t batch,
    const struct det_epochs_params *p) DET_MUST_USE;
/* Hands the draft over, and with it its memory. */
enum det_err det_draft_finish(struct det_input *in, struct det_lesson *lesson,
    struct det_draft *d, const char *name) DET_MUST_USE;

/* What is drawn from a stream of random numbers of its own. */
enum det_draw { DET_DRAW_ORDER = 1, DET_DRAW_SIZE, DET_DRAW_VIEW, DET_DRAW_LIGHT };
void det_draw_seed(struct det_random *r, uint64_t seed, enum det_draw what, long epoch,
    uint64_t index);

#endif
