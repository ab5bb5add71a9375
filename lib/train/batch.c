/* SPDX-License-Identifier: MIT
 *
 * One thread reads the stream and fills a ring of batches, the caller takes them in order.
 * What a batch holds depends on the stream alone; time decides only how far the thread is
 * ahead.
 */
#define _POSIX_C_SOURCE 200809L
#include "train/batch_impl.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

#define LOOK 100 /* ms between looks at `stop` and `quit` */

/* --- the thread: slots --- */

struct det_batch_slot *
det_batch_slot_next(struct det_batches *b)
{
	struct det_batch_slot *s = NULL;

	(void)pthread_mutex_lock(&b->lock);
	/* the caller still looks at the one it took last */
	while (!b->quit && b->filled + 1 > b->taken + b->n_slots - (b->taken > 0))
		(void)pthread_cond_wait(&b->changed, &b->lock);
	if (!b->quit)
		s = &b->slot[b->filled % b->n_slots];
	(void)pthread_mutex_unlock(&b->lock);
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->out.n; i++)
		free(s->path[i]);
	s->out.n = 0;
	s->out.cut = 0;
	s->boxes.n = s->places.n = 0;
	memset(s->out.faults, 0, sizeof s->out.faults);
	return s;
}

void
det_batch_slot_give(struct det_batches *b, struct det_batch_slot *s)
{
	for (size_t i = 0; i < s->out.n; i++) {
		s->truth[i].box = s->truth[i].n ? s->boxes.box + s->first[i] : NULL;
		s->proposed[i].box =
		    s->proposed[i].n ? s->places.box + s->first[b->p.size + i] : NULL;
	}
	s->out.image.dims[0] = s->out.n;
	s->out.truth = s->truth;
	s->out.proposed = b->p.proposals ? s->proposed : NULL;
	s->out.path = s->path;
	for (int f = 0; f < DET_BATCH_FAULTS; f++)
		s->out.fault[f] = s->text[f];
	(void)pthread_mutex_lock(&b->lock);
	b->filled++;
	(void)pthread_cond_broadcast(&b->changed);
	(void)pthread_mutex_unlock(&b->lock);
}

static enum det_err
slot_make(struct det_batch_slot *s, size_t size)
{
	enum det_err e;

	if ((e = det_calloc(&s->truth, size, sizeof *s->truth)) ||
	    (e = det_calloc(&s->proposed, size, sizeof *s->proposed)) ||
	    (e = det_calloc(&s->first, size, 2 * sizeof *s->first)))
		return e;
	return det_calloc(&s->path, size, sizeof *s->path);
}

static void
slot_release(struct det_batch_slot *s)
{
	for (size_t i = 0; i < s->out.n; i++)
		free(s->path[i]);
	free(s->out.image.data);
	free(s->truth);
	free(s->proposed);
	free(s->first);
	free(s->path);
	det_boxes_release(&s->boxes);
	det_boxes_release(&s->places);
}

/* --- the thread --- */

static int
has_faults(const struct det_batch_slot *s)
{
	size_t n = 0;

	for (int f = 0; f < DET_BATCH_FAULTS; f++)
		n += s->out.faults[f];
	return n > 0;
}

/* 0 where nobody wants more. */
static int
wait_bytes(struct det_batches *b)
{
	struct pollfd p = { .fd = b->p.fd, .events = POLLIN };
	int quit = 0;

	while (b->p.fd >= 0 && !quit && det_reader_would_block(b->p.in)) {
		(void)poll(&p, 1, LOOK);
		(void)pthread_mutex_lock(&b->lock);
		quit = b->quit;
		(void)pthread_mutex_unlock(&b->lock);
	}
	return !quit;
}

static enum det_err
read_all(struct det_batches *b)
{
	struct det_batch_slot *s = det_batch_slot_next(b);
	enum det_err e;
	int more;

	while (s && wait_bytes(b)) {
		if ((e = det_reader_next(b->p.in, &b->r, &more)))
			return e;
		if (!more)
			break;
		if ((e = det_batch_record(b, &s)))
			return e;
	}
	if (s && (s->out.n > 0 || has_faults(s)))
		det_batch_slot_give(b, s);
	return DET_OK;
}

static void *
reader(void *arg)
{
	struct det_batches *b = arg;
	enum det_err e = read_all(b);

	(void)pthread_mutex_lock(&b->lock);
	b->ended = 1;
	b->err = e;
	if (e)
		(void)snprintf(b->message, sizeof b->message, "%s", det_errmsg());
	(void)pthread_cond_broadcast(&b->changed);
	(void)pthread_mutex_unlock(&b->lock);
	return NULL;
}

/* --- the caller --- */

enum det_err
det_batches_new(struct det_batches **out, const struct det_batches_params *p)
{
	struct det_batches *b;
	enum det_err e;

	*out = NULL;
	if (p->size < 1 || p->size > 65536 || p->ahead < 1 ||
	    p->ahead > DET_BATCH_MAX_AHEAD)
		return det_fail(DET_INVALID,
		    "batches of 1 to 65536 images and 1 to %d ahead expected, found "
		    "%zu "
		    "and %d",
		    DET_BATCH_MAX_AHEAD, p->size, p->ahead);
	if (p->first > p->skip)
		return det_fail(DET_INVALID,
		    "a stream from item %llu or before expected, found one from %llu",
		    (unsigned long long)p->skip, (unsigned long long)p->first);
	if ((e = det_calloc(&b, 1, sizeof *b)))
		return e;
	b->p = *p;
	b->items = p->first;
	b->p.image = p->image ? p->image : "image";
	b->p.gt = p->gt ? p->gt : "gt";
	b->n_slots = (size_t)p->ahead + 1;
	(void)pthread_mutex_init(&b->lock, NULL);
	(void)pthread_cond_init(&b->changed, NULL);
	for (size_t i = 0; !e && i < b->n_slots; i++)
		e = slot_make(&b->slot[i], p->size);
	if (!e && pthread_create(&b->thread, NULL, reader, b))
		e = det_fail(DET_NOMEM, "no thread to read with");
	b->started = !e;
	if (e) {
		det_batches_free(b);
		return e;
	}
	*out = b;
	return DET_OK;
}

void
det_batches_free(struct det_batches *b)
{
	if (!b)
		return;
	(void)pthread_mutex_lock(&b->lock);
	b->quit = 1;
	(void)pthread_cond_broadcast(&b->changed);
	(void)pthread_mutex_unlock(&b->lock);
	if (b->started)
		(void)pthread_join(b->thread, NULL);
	for (size_t i = 0; i < b->n_slots; i++)
		slot_release(&b->slot[i]);
	(void)pthread_cond_destroy(&b->changed);
	(void)pthread_mutex_destroy(&b->lock);
	det_record_release(&b->r);
	det_record_release(&b->image);
	det_item_release(&b->item);
	det_boxes_release(&b->gt);
	det_boxes_release(&b->proposals);
	det_classes_release(&b->classes);
	free(b->label);
	free(b->head.text);
	free(b);
}

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Waits for a batch, under the lock; looks at `stop` in between. */
static void
wait_batch(struct det_batches *b)
{
	const double start = now();

	while (b->filled == b->taken && !b->ended && !(b->p.stop && *b->p.stop)) {
		struct timespec t;

		(void)clock_gettime(CLOCK_REALTIME, &t);
		t.tv_nsec += LOOK * 1000000L;
		if (t.tv_nsec >= 1000000000L) {
			t.tv_nsec -= 1000000000L;
			t.tv_sec++;
		}
		(void)pthread_cond_timedwait(&b->changed, &b->lock, &t);
	}
	b->waited += now() - start;
}

enum det_err
det_batches_next(const struct det_labelled **out, struct det_batches *b)
{
	enum det_err e = DET_OK;

	*out = NULL;
	(void)pthread_mutex_lock(&b->lock);
	wait_batch(b);
	if (b->p.stop && *b->p.stop) {
		(void)pthread_mutex_unlock(&b->lock);
		return DET_OK;
	}
	if (b->filled > b->taken) {
		*out = &b->slot[b->taken++ % b->n_slots].out;
		(void)pthread_cond_broadcast(&b->changed);
	} else {
		e = b->err;
	}
	(void)pthread_mutex_unlock(&b->lock);
	return e ? det_fail(e, "%s", b->message) : DET_OK;
}

double
det_batches_waited(const struct det_batches *b)
{
	return b->waited;
}

const struct det_attrs *
det_batches_head(const struct det_batches *b)
{
	return &b->head;
}
