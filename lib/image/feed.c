/* SPDX-License-Identifier: MIT
 *
 * A ring of slots. A worker claims the next slot and fetches the input for it while it
 * holds `fetch`, so that slots are in the order of the inputs; then it decodes on its own.
 * The caller takes slot after slot as each becomes ready. Results don't depend on which
 * worker did what.
 */
#define _POSIX_C_SOURCE 200809L
#include "image/feed.h"

#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

#define MIRRORED 2 /* EXIF's orientation of a picture whose left is right */

struct slot {
	struct det_picture pic;
	/* the tensor's memory: kept, so that memory stays where it is over many pictures */
	float *own;
	size_t own_size;
	enum { EMPTY, READY, GIVEN } state;
};

struct det_feed {
	struct det_feed_params p;
	struct det_inputs *in;
	pthread_mutex_t fetch, lock;
	pthread_cond_t ready, space;
	struct slot *slot;
	size_t n_slots;
	uint64_t claimed, taken; /* slots, counted up for ever */
	int ended, stop;
	pthread_t *thread;
	int n_threads;
};

static void
picture_release(struct det_picture *pic)
{
	det_input_release(&pic->input);
	det_lesson_release(&pic->lesson);
	free(pic->message);
	*pic = (struct det_picture){ 0 };
}

static void
slot_release(struct slot *s)
{
	picture_release(&s->pic);
	free(s->own);
}

/* The message lives in this thread: keep it. A path at its front would be said twice. */
static void
picture_fail(struct det_picture *pic, enum det_err e)
{
	const char *m = det_errmsg(), *path = pic->input.path;
	const size_t n = path ? strlen(path) : 0;

	if (n > 0 && strncmp(m, path, n) == 0 && strncmp(m + n, ": ", 2) == 0)
		m += n + 2;
	pic->err = e;
	free(pic->message);
	if (det_strdup(&pic->message, m))
		pic->message = NULL;
}

/* Scale k of a picture, of which 0 is the input. */
static enum det_err
place_at(struct det_place *out, const struct det_feed_params *p, size_t k, size_t w,
    size_t h)
{
	struct det_fit fit = p->prep.fit;

	if (k > 0)
		fit.short_side = p->shorts[k - 1];
	return det_fit_place(out, &fit, p->prep.kernel, w, h);
}

/* The size that must be left after decoding at a fraction: that of the largest resized
 * picture. */
static void
need_size(size_t *min_w, size_t *min_h, size_t w, size_t h, const void *ctx)
{
	const struct det_feed_params *p = ctx;
	struct det_place place;

	*min_w = *min_h = 1;
	for (size_t k = 0; k <= p->more; k++) {
		if (place_at(&place, p, k, w, h)) { /* which will be told */
			*min_w = w;
			*min_h = h;
			return;
		}
		*min_w = place.new_w > *min_w ? place.new_w : *min_w;
		*min_h = place.new_h > *min_h ? place.new_h : *min_h;
	}
}

/* The same where a part of it is resized. */
static void
need_part(size_t *min_w, size_t *min_h, size_t w, size_t h, const void *ctx)
{
	const struct det_lesson *l = ctx;
	const double sx = (double)l->place.new_w / (double)l->part.w;
	const double sy = (double)l->place.new_h / (double)l->part.h;

	*min_w = sx < 1 ? (size_t)ceil(sx * (double)w) : w;
	*min_h = sy < 1 ? (size_t)ceil(sy * (double)h) : h;
}

/* Adds the floats of a tensor of a picture so placed, to whole lines of the cache. */
static enum det_err
add_room(size_t *floats, const struct det_place *at)
{
	size_t n;
	enum det_err e;

	if ((e = det_mul(&n, at->in_w, at->in_h)) || (e = det_mul(&n, n, 3)))
		return e;
	return det_add(floats, *floats, (n + 15) & ~(size_t)15);
}

static enum det_err
make_room(struct slot *s, size_t n)
{
	enum det_err e;

	if (n <= s->own_size)
		return DET_OK;
	free(s->own);
	s->own = NULL;
	s->own_size = 0;
	if ((e = det_alloc(&s->own, n, sizeof *s->own)))
		return e;
	s->own_size = n;
	return DET_OK;
}

/* An item's boxes are those of a picture of its size. */
static enum det_err
same_size(const struct det_item *it, const struct det_image_info *info)
{
	if (it->width <= 0 || it->height <= 0 ||
	    (info->w == (size_t)it->width && info->h == (size_t)it->height))
		return DET_OK;
	return det_fail(DET_INVALID,
	    "a picture of %ldx%ld expected, as its annotations say, found %zux%zu%s",
	    it->width, it->height, info->w, info->h,
	    info->orientation > 1 ? ", turned by its EXIF orientation" : "");
}

/* The picture, upright; its encoded bytes only stay where they are wanted. */
static enum det_err
decode(struct det_image *im, struct det_picture *pic, const struct det_feed_params *p)
{
	struct det_image_params how = p->decode;
	struct det_input *in = &pic->input;
	const int from_stdin = in->data != NULL;
	char *bytes;
	enum det_err e;

	if (in->one && in->one->item.error)
		return det_fail(DET_INVALID, "%s", in->one->item.error);
	if (!in->data) {
		if ((e = det_file_read(&bytes, &in->size, in->path, p->max_bytes)))
			return e;
		in->data = (unsigned char *)bytes;
	}
	if (p->scaled && !p->epochs) {
		how.need = need_size;
		how.ctx = p;
	} else if (p->scaled && pic->lesson.known) {
		how.need = need_part;
		how.ctx = &pic->lesson;
	}
	if ((e = det_image_decode(im, &pic->info, in->data, in->size, &how)) ||
	    (in->one && (e = same_size(&in->one->item, &pic->info))))
		return e;
	if (!p->keep_source && (!from_stdin || p->epochs)) {
		free(in->data);
		in->data = NULL;
	}
	return DET_OK;
}

static enum det_err
make_plain(struct slot *s, struct det_image *im, const struct det_feed_params *p)
{
	struct det_picture *pic = &s->pic;
	struct det_prep prep = p->prep;
	size_t n = 0, at[DET_SCALES];
	enum det_err e = p->flip ? det_image_upright(im, MIRRORED) : DET_OK;

	for (size_t k = 0; !e && k <= p->more; k++) {
		struct det_place *to = k ? &pic->more_place[k - 1] : &pic->place;

		at[k] = n;
		if ((e = place_at(to, p, k, pic->info.w, pic->info.h)) ||
		    (e = add_room(&n, to)))
			return e;
		to->map.flip = p->flip;
	}
	if (e || (e = make_room(s, n)) ||
	    (e = det_prep_run(s->own, &prep, &pic->place, im)))
		return e;
	for (size_t k = 0; !e && k < p->more; k++) {
		prep.fit.short_side = p->shorts[k];
		pic->more_tensor[k] = s->own + at[k + 1];
		e = det_prep_run(pic->more_tensor[k], &prep, &pic->more_place[k], im);
	}
	return e;
}

static enum det_err
make_lesson(struct slot *s, struct det_image *im, const struct det_feed_params *p)
{
	struct det_picture *pic = &s->pic;
	const struct det_lesson *l = &pic->lesson;
	struct det_prep prep = p->prep;
	size_t n = 0;
	enum det_err e;

	if (!l->known)
		return det_fail(DET_INVALID, "the size of the picture can't be told");
	prep.fit = l->fit;
	pic->place = l->place;
	if ((e = det_view_cut(
		 im, &l->part, l->flip, l->vflip, pic->info.w, pic->info.h)) ||
	    (e = add_room(&n, &pic->place)) || (e = make_room(s, n)))
		return e;
	det_light_apply(im, &l->light);
	return det_prep_run(s->own, &prep, &pic->place, im);
}

static enum det_err
make(struct slot *s, const struct det_feed_params *p)
{
	struct det_image im = { 0 };
	enum det_err e;

	if (!(e = decode(&im, &s->pic, p)))
		e = p->epochs ? make_lesson(s, &im, p) : make_plain(s, &im, p);
	if (!e)
		s->pic.tensor = s->own;
	det_image_release(&im);
	return e;
}

/* Claims a slot and fetches its input; NULL when there is no more to do. */
static struct slot *
claim(struct det_feed *f, enum det_err *e)
{
	struct slot *s = NULL;

	(void)pthread_mutex_lock(&f->fetch);
	(void)pthread_mutex_lock(&f->lock);
	while (!f->stop && !f->ended && f->claimed - f->taken >= f->n_slots)
		(void)pthread_cond_wait(&f->space, &f->lock);
	if (!f->stop && !f->ended)
		s = &f->slot[f->claimed % f->n_slots];
	(void)pthread_mutex_unlock(&f->lock);
	if (s) {
		*e = f->p.epochs
			 ? det_epochs_next(f->p.epochs, &s->pic.input, &s->pic.lesson)
			 : det_inputs_next(f->in, &s->pic.input);
		if (*e)
			picture_fail(&s->pic, *e);
		(void)pthread_mutex_lock(&f->lock);
		if (*e || !s->pic.input.path) {
			f->ended = 1;
			(void)pthread_cond_broadcast(&f->ready);
		}
		if (!*e && !s->pic.input.path)
			s = NULL;
		else
			f->claimed++;
		(void)pthread_mutex_unlock(&f->lock);
	}
	(void)pthread_mutex_unlock(&f->fetch);
	return s;
}

static void *
work(void *arg)
{
	struct det_feed *f = arg;
	struct slot *s;
	enum det_err e = DET_OK;

	while ((s = claim(f, &e))) {
		if (!e && (e = make(s, &f->p)))
			picture_fail(&s->pic, e);
		(void)pthread_mutex_lock(&f->lock);
		s->state = READY;
		(void)pthread_cond_broadcast(&f->ready);
		(void)pthread_mutex_unlock(&f->lock);
	}
	return NULL;
}

enum det_err
det_feed_new(
    struct det_feed **out, struct det_inputs *in, const struct det_feed_params *p)
{
	struct det_feed *f;
	enum det_err e;

	if ((e = det_prep_check(&p->prep)))
		return e;
	if ((e = det_calloc(&f, 1, sizeof *f)))
		return e;
	f->p = *p;
	f->in = in;
	(void)pthread_mutex_init(&f->fetch, NULL);
	(void)pthread_mutex_init(&f->lock, NULL);
	(void)pthread_cond_init(&f->ready, NULL);
	(void)pthread_cond_init(&f->space, NULL);
	f->n_slots = (size_t)p->threads + 1;
	if ((e = det_calloc(&f->slot, f->n_slots, sizeof *f->slot)) ||
	    (e = det_calloc(&f->thread, (size_t)p->threads, sizeof *f->thread)))
		goto fail;
	/* fewer threads than wanted are no error */
	while (f->n_threads < p->threads &&
	       pthread_create(&f->thread[f->n_threads], NULL, work, f) == 0)
		f->n_threads++;
	if (f->n_threads == 0) {
		e = det_fail(DET_NOMEM, "a thread can't be started");
		goto fail;
	}
	*out = f;
	return DET_OK;
fail:
	det_feed_free(f);
	return e;
}

void
det_feed_free(struct det_feed *f)
{
	size_t i;
	int t;

	if (!f)
		return;
	(void)pthread_mutex_lock(&f->lock);
	f->stop = 1;
	(void)pthread_cond_broadcast(&f->space);
	(void)pthread_mutex_unlock(&f->lock);
	for (t = 0; t < f->n_threads; t++)
		(void)pthread_join(f->thread[t], NULL);
	for (i = 0; f->slot && i < f->n_slots; i++)
		slot_release(&f->slot[i]);
	(void)pthread_mutex_destroy(&f->fetch);
	(void)pthread_mutex_destroy(&f->lock);
	(void)pthread_cond_destroy(&f->ready);
	(void)pthread_cond_destroy(&f->space);
	free(f->slot);
	free(f->thread);
	free(f);
}

struct det_picture *
det_feed_next(struct det_feed *f)
{
	struct slot *s;
	struct det_picture *pic = NULL;

	(void)pthread_mutex_lock(&f->lock);
	s = &f->slot[f->taken % f->n_slots];
	if (s->state == GIVEN) { /* given out at the last call */
		picture_release(&s->pic);
		s->state = EMPTY;
		f->taken++;
		s = &f->slot[f->taken % f->n_slots];
		(void)pthread_cond_signal(&f->space);
	}
	while (s->state != READY && !(f->ended && f->taken == f->claimed))
		(void)pthread_cond_wait(&f->ready, &f->lock);
	if (s->state == READY) {
		s->state = GIVEN;
		pic = &s->pic;
	}
	(void)pthread_mutex_unlock(&f->lock);
	return pic;
}
