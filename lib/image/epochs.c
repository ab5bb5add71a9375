/* SPDX-License-Identifier: MIT
 *
 * Items are taken one after another through all epochs, put into the bucket of their shape,
 * and a bucket that is full becomes a batch (Detectron2's AspectRatioGroupedDataset does
 * so); without grouping there is one bucket. Buckets are not emptied between epochs, so
 * that only the last batches of all, made of what is left over, may be of both shapes, and
 * only the very last one short.
 *
 * A batch is planned as a whole before any of its pictures is decoded: each view, its place,
 * and from the largest of these the canvas of all. What is made of an item is in
 * epochs_plan.c, here is the order. Every process that makes a share goes through the same batches and plans
 * its own.
 */
#include "image/epochs.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "image/epochs_impl.h"

#define BUCKETS 2

struct det_epochs {
	struct det_epochs_params p;
	struct det_items *items;
	struct det_items_one *kept; /* all items, unless taken as they come */
	size_t n_kept, cap_kept;
	struct det_items_one ahead; /* the first, read to see what the stream is */
	int live, have_ahead, ended;
	size_t *order, at; /* of this epoch, and how far */
	long epoch;
	uint64_t serial; /* of the next that comes, where they are taken so */
	struct det_draft *bucket[BUCKETS], *batch;
	size_t n_bucket[BUCKETS], n_batch, next;
	uint64_t n_batches, given;
};

/* A side from text[0..n). */
static enum det_err
parse_side(long *out, const char *text, size_t n)
{
	char side[16];

	if (n >= sizeof side)
		return det_fail(DET_INVALID, "a side as 416 expected");
	memcpy(side, text, n);
	side[n] = 0;
	return det_parse_long(out, side, 1, 65535);
}

static enum det_err
parse_range(size_t *size, size_t *n, size_t max, const char *text)
{
	const char *dash = strchr(text, '-'), *slash = strchr(text, '/');
	long lo, hi, step;
	enum det_err e;

	if (!dash || !slash || slash < dash)
		return det_fail(
		    DET_INVALID, "sides as 320-608/32 expected, found '%s'", text);
	if ((e = parse_side(&lo, text, (size_t)(dash - text))) ||
	    (e = parse_side(&hi, dash + 1, (size_t)(slash - dash) - 1)) ||
	    (e = parse_side(&step, slash + 1, strlen(slash + 1))))
		return e;
	if (hi < lo || (size_t)((hi - lo) / step) >= max)
		return det_fail(DET_INVALID,
		    "%s: 1 to %zu sides from small to large expected", text, max);
	for (*n = 0; lo <= hi; lo += step)
		size[(*n)++] = (size_t)lo;
	return DET_OK;
}

enum det_err
det_epochs_sizes(size_t *size, size_t *n, size_t max, const char *text)
{
	long side;
	size_t len;
	enum det_err e;

	if (strpbrk(text, "-/"))
		return parse_range(size, n, max, text);
	for (*n = 0;; text += len + 1) {
		len = strcspn(text, ",");
		if (*n == max)
			return det_fail(DET_LIMIT, "more than %zu sizes", max);
		if ((e = parse_side(&side, text, len)))
			return e;
		size[(*n)++] = (size_t)side;
		if (!text[len])
			return DET_OK;
	}
}

void
det_lesson_release(struct det_lesson *l)
{
	det_boxes_release(&l->gt);
	*l = (struct det_lesson){ 0 };
}

static void
release_drafts(struct det_draft *d, size_t n)
{
	for (size_t i = 0; i < n; i++)
		det_draft_release(&d[i]);
}

void
det_epochs_free(struct det_epochs *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_kept; i++)
		det_items_one_release(&s->kept[i]);
	for (int b = 0; b < BUCKETS; b++) {
		release_drafts(s->bucket[b], s->n_bucket[b]);
		free(s->bucket[b]);
	}
	if (s->batch)
		release_drafts(s->batch + s->next, s->n_batch - s->next);
	det_items_one_release(&s->ahead);
	free(s->batch);
	free(s->kept);
	free(s->order);
	free(s);
}

int
det_epochs_live(const struct det_epochs *s)
{
	return s->live;
}

size_t
det_epochs_count(const struct det_epochs *s)
{
	return s->n_kept;
}

static enum det_err
check(const struct det_epochs_params *p)
{
	if (p->batch < 1 || p->every < 1 || p->epochs < 0 || p->shards < 1 ||
	    p->shard < 0 || p->shard >= p->shards || p->n_sizes > DET_EPOCHS_SIZES)
		return det_fail(DET_INVALID,
		    "a batch of %zu, %ld epochs, shard %ld of "
		    "%ld, a size for %zu batches",
		    p->batch, p->epochs, p->shard, p->shards, p->every);
	if (p->n_sizes && p->fit.kind == DET_FIT_NONE)
		return det_fail(DET_INVALID,
		    "sizes to choose from: pictures are not resized, as their fit is "
		    "none");
	return det_augment_check(&p->augment);
}

static enum det_err
keep_all(struct det_epochs *s)
{
	struct det_items_one one = s->ahead;
	enum det_err e = DET_OK;

	s->ahead = (struct det_items_one){ 0 };
	while (one.item.path) {
		if ((e = det_grow(
			 &s->kept, &s->cap_kept, s->n_kept + 1, sizeof *s->kept)))
			break;
		s->kept[s->n_kept++] = one;
		if ((e = det_items_next(s->items, &one)))
			break;
	}
	if (e)
		det_items_one_release(&one);
	return e;
}

enum det_err
det_epochs_new(
    struct det_epochs **out, struct det_items *items, const struct det_epochs_params *p)
{
	struct det_epochs *s;
	enum det_err e;

	if ((e = check(p)) || (e = det_calloc(&s, 1, sizeof *s)))
		return e;
	s->p = *p;
	s->items = items;
	s->epoch = -1;
	for (int b = 0; b < BUCKETS && !e; b++)
		e = det_calloc(&s->bucket[b], p->batch, sizeof *s->bucket[b]);
	if (e || (e = det_calloc(&s->batch, p->batch, sizeof *s->batch)) ||
	    (e = det_items_next(items, &s->ahead)))
		goto fail;
	s->live = s->ahead.source != NULL;
	s->have_ahead = 1;
	if (!s->live && ((e = keep_all(s)) ||
			    (e = det_calloc(&s->order, s->n_kept, sizeof *s->order))))
		goto fail;
	*out = s;
	return DET_OK;
fail:
	det_epochs_free(s);
	return e;
}

/* Fisher and Yates. */
static void
new_order(struct det_epochs *s)
{
	struct det_random r;

	for (size_t i = 0; i < s->n_kept; i++)
		s->order[i] = i;
	if (!s->p.shuffle)
		return;
	det_draw_seed(&r, s->p.seed, DET_DRAW_ORDER, s->epoch, 0);
	for (size_t i = s->n_kept; i > 1; i--) {
		const size_t j = (size_t)det_random_below(&r, i);
		const size_t swap = s->order[i - 1];

		s->order[i - 1] = s->order[j];
		s->order[j] = swap;
	}
}

static enum det_err
take_kept(struct det_epochs *s, struct det_draft *d)
{
	if (s->n_kept == 0)
		return DET_OK;
	if (s->epoch < 0 || s->at == s->n_kept) {
		if (s->p.epochs > 0 && s->epoch + 1 >= s->p.epochs)
			return DET_OK;
		s->epoch++;
		s->at = 0;
		new_order(s);
	}
	d->index = s->order[s->at++];
	d->one = &s->kept[d->index];
	d->lesson.epoch = s->epoch;
	return DET_OK;
}

static enum det_err
take_live(struct det_epochs *s, struct det_draft *d)
{
	enum det_err e;

	if (s->have_ahead) {
		d->own = s->ahead;
		s->ahead = (struct det_items_one){ 0 };
		s->have_ahead = 0;
	} else if ((e = det_items_next(s->items, &d->own))) {
		det_items_one_release(&d->own);
		return e;
	}
	d->index = s->serial++;
	return DET_OK;
}

/* The next of the sequence; nothing in it at the end. */
static enum det_err
take(struct det_epochs *s, struct det_draft *d)
{
	*d = (struct det_draft){ 0 };
	return s->live ? take_live(s, d) : take_kept(s, d);
}

static void
move(struct det_draft *to, size_t *n, struct det_draft *from, size_t *n_from,
    size_t most)
{
	const size_t k = *n_from < most - *n ? *n_from : most - *n;

	memcpy(to + *n, from, k * sizeof *to);
	memmove(from, from + k, (*n_from - k) * sizeof *from);
	*n += k;
	*n_from -= k;
}

/* The next batch, of whoever's share. */
static enum det_err
gather(struct det_epochs *s)
{
	enum det_err e;

	s->n_batch = s->next = 0;
	while (!s->ended) {
		struct det_draft d;
		int b;

		if ((e = take(s, &d)))
			return e;
		if (!det_draft_item(&d)->path) {
			det_draft_release(&d);
			s->ended = 1;
			break;
		}
		det_draft_measure(&d);
		b = s->p.group && d.h > d.w;
		s->bucket[b][s->n_bucket[b]++] = d;
		if (s->n_bucket[b] == s->p.batch) {
			move(s->batch, &s->n_batch, s->bucket[b], &s->n_bucket[b],
			    s->p.batch);
			return DET_OK;
		}
	}
	for (int b = 0; b < BUCKETS; b++)
		move(s->batch, &s->n_batch, s->bucket[b], &s->n_bucket[b], s->p.batch);
	return DET_OK;
}

/* Leaves out as many as `from` says. */
static int
skip(struct det_epochs *s)
{
	if (s->given >= s->p.from)
		return 0;
	det_draft_release(&s->batch[s->next++]);
	s->given++;
	return 1;
}

/* Fills s->batch; it is empty at the end. */
static enum det_err
next_batch(struct det_epochs *s)
{
	uint64_t number;
	enum det_err e;

	for (;;) {
		if ((e = gather(s)) || s->n_batch == 0)
			return e;
		number = s->n_batches++;
		if (number % (uint64_t)s->p.shards == (uint64_t)s->p.shard)
			break;
		release_drafts(s->batch, s->n_batch);
		s->n_batch = 0;
	}
	/* nothing need be known of a batch that is left out as a whole */
	if (s->given + s->n_batch > s->p.from &&
	    (e = det_drafts_plan(s->batch, s->n_batch, number, &s->p)))
		return e;
	return DET_OK;
}

enum det_err
det_epochs_next(struct det_epochs *s, struct det_input *in, struct det_lesson *lesson)
{
	enum det_err e;

	*in = (struct det_input){ 0 };
	*lesson = (struct det_lesson){ 0 };
	do {
		if (s->next == s->n_batch && (e = next_batch(s))) {
			in->broken = s->live;
			return e;
		}
		if (s->n_batch == 0)
			return DET_OK;
	} while (skip(s));
	s->given++;
	return det_draft_finish(in, lesson, &s->batch[s->next++], s->p.name);
}
