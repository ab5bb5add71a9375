/* SPDX-License-Identifier: MIT
 *
 * What is made of each item of a batch: decided from its size and its objects, before its
 * picture is decoded.
 *
 * View and light are drawn from streams of their own, so that a picture keeps its view when
 * the options of the light are changed.
 */
#include "image/epochs_impl.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/size.h"
#include "image/picture_head.h"

#define MAX_CANVAS ((size_t)1 << 28)

void
det_draw_seed(
    struct det_random *r, uint64_t seed, enum det_draw what, long epoch, uint64_t index)
{
	det_random_seed(
	    r, seed, ((uint64_t)what << 60) ^ ((uint64_t)epoch << 36) ^ index);
}

void
det_draft_release(struct det_draft *d)
{
	det_items_one_release(&d->own);
	det_lesson_release(&d->lesson);
	*d = (struct det_draft){ 0 };
}

void
det_draft_measure(struct det_draft *d)
{
	const struct det_item *it = det_draft_item(d);
	struct det_image_info info = { 0 };
	enum det_err e = DET_OK;

	if (it->error)
		return;
	if (it->width > 0 && it->height > 0) {
		d->w = (size_t)it->width;
		d->h = (size_t)it->height;
		return;
	}
	/* what is wrong with a picture is said when it is decoded */
	if (d->own.source)
		e = det_image_head(
		    &info, NULL, NULL, d->own.source, d->own.source_size);
	else
		e = det_image_head_file(&info, NULL, NULL, it->path);
	if (!e) {
		d->w = info.w;
		d->h = info.h;
	}
}

static size_t
largest(const struct det_epochs_params *p)
{
	size_t most = 0;

	for (size_t i = 0; i < p->n_sizes; i++)
		most = det_most(most, p->size[i]);
	return most;
}

static struct det_fit
fit_of_batch(const struct det_epochs_params *p, uint64_t batch)
{
	struct det_fit fit = p->fit;
	struct det_random r;
	size_t side;

	if (p->n_sizes == 0)
		return fit;
	det_draw_seed(&r, p->seed, DET_DRAW_SIZE, 0, batch / p->every);
	side = p->largest_from && batch >= p->largest_from
		   ? largest(p)
		   : p->size[det_random_below(&r, p->n_sizes)];
	if (fit.kind == DET_FIT_SHORT)
		fit.short_side = (long)side;
	else
		fit.w = fit.h = side;
	return fit;
}

static enum det_err
read_objects(struct det_draft *d, const char *name)
{
	struct det_record *r = det_items_one_boxes(d->one ? d->one : &d->own, name);
	struct det_lesson *l = &d->lesson;
	enum det_err e;

	l->gt.space = DET_SPACE_IMAGE;
	if (!r)
		return DET_OK;
	l->listed = 1;
	if ((e = det_boxes_read(&l->gt, r)))
		return e;
	if (l->gt.space != DET_SPACE_IMAGE)
		return det_fail(DET_INVALID,
		    "boxes '%s' in space image expected, found them in space input",
		    name);
	det_augment_clean(&l->gt, d->w, d->h, &l->dropped, &l->first, &l->why);
	return DET_OK;
}

static enum det_err
plan(struct det_draft *d, const struct det_epochs_params *p, const struct det_fit *fit)
{
	struct det_lesson *l = &d->lesson;
	struct det_random r;
	struct det_view view;
	enum det_err e;

	if (d->w == 0 || d->h == 0)
		return DET_OK;
	if ((e = read_objects(d, p->name)))
		return e;
	det_draw_seed(&r, p->seed, DET_DRAW_VIEW, l->epoch, d->index);
	det_augment_draw(&view, &p->augment, &l->gt, fit->kind, d->w, d->h, &r);
	if ((e = det_view_place(
		 &l->place, &l->part, &view, fit, p->kernel, d->w, d->h)))
		return e;
	det_augment_boxes(&l->gt, &p->augment, &l->part, &l->place.map);
	det_draw_seed(&r, p->seed, DET_DRAW_LIGHT, l->epoch, d->index);
	det_light_draw(&l->light, &p->augment.light, &r);
	l->fit = *fit;
	l->flip = view.flip;
	l->vflip = view.vflip;
	l->known = 1;
	return DET_OK;
}

enum det_err
det_drafts_plan(
    struct det_draft *d, size_t n, uint64_t batch, const struct det_epochs_params *p)
{
	const struct det_fit fit = fit_of_batch(p, batch);
	size_t w = 0, h = 0;
	enum det_err e;

	for (size_t i = 0; i < n; i++) {
		if ((e = plan(&d[i], p, &fit)))
			return det_fail_in(e, "'%s'", det_draft_item(&d[i])->path);
		if (d[i].lesson.place.in_w > w)
			w = d[i].lesson.place.in_w;
		if (d[i].lesson.place.in_h > h)
			h = d[i].lesson.place.in_h;
	}
	if (w > MAX_CANVAS || h > MAX_CANVAS || w * h > MAX_CANVAS)
		return det_fail(DET_LIMIT,
		    "a batch of %zux%zu: at most 2^28 pixels are allowed", w, h);
	for (size_t i = 0; i < n; i++) {
		d[i].lesson.place.in_w = w;
		d[i].lesson.place.in_h = h;
	}
	return DET_OK;
}

/* The objects are in the lesson now. */
static void
drop_record(struct det_items_one *one, const struct det_record *r)
{
	size_t i;

	if (!r)
		return;
	i = (size_t)(r - one->with);
	det_record_release(&one->with[i]);
	for (one->n--; i < one->n; i++)
		one->with[i] = one->with[i + 1];
}

enum det_err
det_draft_finish(struct det_input *in, struct det_lesson *lesson, struct det_draft *d,
    const char *name)
{
	struct det_items_one *one;
	enum det_err e;

	*lesson = d->lesson;
	d->lesson = (struct det_lesson){ 0 };
	in->id = det_draft_item(d)->id;
	if ((e = det_strdup(&in->path, det_draft_item(d)->path)) ||
	    (e = det_calloc(&in->one, 1, sizeof *in->one)))
		goto fail;
	one = in->one;
	if (d->one && (e = det_items_one_copy(one, d->one)))
		goto fail;
	if (!d->one) {
		*one = d->own;
		d->own = (struct det_items_one){ 0 };
	}
	in->data = one->source;
	in->size = one->source_size;
	one->source = NULL;
	if (lesson->known)
		drop_record(one, det_items_one_boxes(one, name));
	return DET_OK;
fail:
	det_draft_release(d);
	return e;
}
