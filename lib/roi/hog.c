/* SPDX-License-Identifier: MIT
 *
 * HOG features of many boxes of a picture. Along each axis a box [x1,x2) becomes a window of w
 * pixels, p of them context on each side: a pixel of the window is
 *
 *   step = (x2 - x1) / (w - 2p)
 *
 * wide in the picture, and the window begins p steps before x1. hog_blocks.c makes the blocks.
 *
 * Sliding windows of one size, whose stride is whole cells of the window, see the same cells:
 * such boxes are found (equal steps, and corners whole cells apart), and one view of the
 * picture serves them all: its blocks are computed once, and a window's row is copied out of
 * them. Steps count as equal within 2^-30 of them, corners within a pixel of the window
 * divided by 2^13: what differs is far below the resampling's own rounding. Where the view
 * that a set of boxes needs is larger than all their windows together, each has its own; where
 * it takes more than 64 MiB, the first half of them has one and the second half another, and so
 * on. So 10^4 windows of a pyramid cost what its levels cost, and any other boxes what their windows
 * do.
 */
#include "roi/hog.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "roi/hog_impl.h"

/* What a picture's numbers may be, as bytes: far more than bytes, far less than where squares
 * of their differences would overflow. */
#define FAR 1e9f

/* Floats of a view that is shared. Views of one window alone may be larger. */
#define MOST_SHARED ((size_t)1 << 24)

/* A box as a window: which others it can share a view with, and where it lies. */
struct place {
	int64_t key[4]; /* its steps, and its corner within a cell */
	double x, y, step_x, step_y;
	long cell_x, cell_y; /* in the view */
	size_t box;
};

struct task {
	size_t from, to; /* places */
	struct det_hog_view view;
};

struct job {
	float *out;
	size_t size;
	struct det_hog_source src;
	const struct det_hog_params *p;
	const struct det_hog_kernel *kernel;
	struct place *place;
	size_t places;
	struct task *task;
	size_t tasks;
	float *scratch; /* `floats` of each worker */
	size_t floats;
};

enum det_err
det_hog_size(size_t *size, const struct det_hog_params *p)
{
	*size = 0;
	if (p->cell < 2 || p->cell > 64 || p->cell % 2)
		return det_fail(DET_INVALID,
		    "cells of 2 to 64 pixels a side expected, an even number, found "
		    "%ld",
		    p->cell);
	if (p->w < 2 * p->cell || p->w > 4096 || p->w % p->cell || p->h < 2 * p->cell ||
	    p->h > 4096 || p->h % p->cell)
		return det_fail(DET_INVALID,
		    "windows of two cells or more a side, in whole cells of %ld "
		    "pixels, at "
		    "most 4096 pixels expected, found %ldx%ld",
		    p->cell, p->w, p->h);
	if (p->context < 0 || 2 * p->context >= p->w || 2 * p->context >= p->h)
		return det_fail(DET_INVALID,
		    "context of less than half of %ldx%ld pixels expected, found %ld",
		    p->w, p->h, p->context);
	*size = (size_t)((p->w / p->cell - 1) * (p->h / p->cell - 1) * DET_HOG_BLOCK);
	return DET_OK;
}

enum det_err
det_hog_fits(const struct det_hog_params *p, size_t n)
{
	size_t size, each, bytes;
	enum det_err e = det_hog_size(&size, p);

	each = size * sizeof(float) + sizeof(struct place) + sizeof(struct task);
	if (e || (e = det_mul(&bytes, n, each)) || bytes <= DET_HOG_BYTES)
		return e;
	return det_fail(DET_LIMIT,
	    "%zu windows take %zu bytes: at most %zu expected, which is %zu of them", n,
	    bytes, (size_t)DET_HOG_BYTES, (size_t)DET_HOG_BYTES / each);
}

static enum det_err
check(const struct det_hog_source *src, const struct det_boxes *b)
{
	const struct det_warp_picture *im = src->im;

	if (im->c < 1 || im->c > 3 || !im->h || !im->w || im->h > INT32_MAX ||
	    im->w > INT32_MAX)
		return det_fail(DET_INVALID,
		    "the picture is %zux%zux%zu: 1 to 3 channels expected, none empty",
		    im->c, im->h, im->w);
	for (size_t i = 0; i < b->n; i++)
		if (!det_box_finite(&b->box[i]))
			return det_fail(
			    DET_INVALID, "box %zu: a coordinate is not finite", i);
	for (size_t k = 0; k < im->c * im->h; k++) {
		const size_t c = k / im->h, y = k % im->h;
		const float *row = im->data + c * im->plane + y * im->stride;
		const float gain = fabsf(src->gain[c]);
		uint32_t far = 0;

		for (size_t x = 0; x < im->w; x++)
			far |= !(fabsf(row[x]) * gain < FAR);
		if (far)
			return det_fail(DET_INVALID,
			    "the picture has NaN, infinity or a number that no byte "
			    "becomes in row %zu of channel %zu",
			    y, c);
	}
	return DET_OK;
}

/* v to 30 bits, with its power of two. */
static int64_t
rounded(double v)
{
	int power;
	double part = frexp(v, &power);

	return power * ((int64_t)1 << 32) + (int64_t)rint(ldexp(part, 30));
}

static int64_t
phase(double corner, double step, long cell)
{
	double cells = corner / (step * (double)cell);

	return (int64_t)rint(ldexp(cells - floor(cells), 16)) & 0xffff;
}

static double
limited(double v)
{
	return v > 1e18 ? 1e18 : v < -1e18 ? -1e18 : v;
}

/* Whether the box makes more than zeros. */
static int
set_place(struct place *a, const struct job *j, const struct det_box *b, size_t i)
{
	const struct det_warp_picture *im = j->src.im;
	const double p = (double)j->p->context;
	const double x = limited(b->x1 - im->x0), y = limited(b->y1 - im->y0);
	const double w = limited(b->x2 - im->x0) - x, h = limited(b->y2 - im->y0) - y;

	if (!(w >= 0x1p-10) || !(h >= 0x1p-10))
		return 0;
	a->step_x = w / ((double)j->p->w - 2 * p);
	a->step_y = h / ((double)j->p->h - 2 * p);
	a->x = x - p * a->step_x;
	a->y = y - p * a->step_y;
	a->box = i;
	a->key[0] = rounded(a->step_x);
	a->key[1] = rounded(a->step_y);
	a->key[2] = phase(a->x, a->step_x, j->p->cell);
	a->key[3] = phase(a->y, a->step_y, j->p->cell);
	return a->x < (double)im->w && a->y < (double)im->h &&
	       a->x + a->step_x * (double)j->p->w > 0 &&
	       a->y + a->step_y * (double)j->p->h > 0;
}

static int
same_view(const struct place *a, const struct place *b)
{
	return memcmp(a->key, b->key, sizeof a->key) == 0;
}

static int
by_view(const void *p, const void *q)
{
	const struct place *a = p, *b = q;

	for (size_t i = 0; i < 4; i++)
		if (a->key[i] != b->key[i])
			return a->key[i] < b->key[i] ? -1 : 1;
	return a->box < b->box ? -1 : a->box > b->box;
}

/* Places [from, to) as one task: cells are counted from the view's first, which all of the
 * windows lie at or after. Returns how many pixels the view has. */
static double
join(struct task *t, struct place *a, size_t from, size_t to, const struct job *j)
{
	const double cell = (double)j->p->cell;
	long lo_x = 0, lo_y = 0, hi_x = 0, hi_y = 0;
	struct place *first = &a[from];

	for (size_t i = from; i < to; i++) {
		a[i].cell_x = lrint((a[i].x - first->x) / (first->step_x * cell));
		a[i].cell_y = lrint((a[i].y - first->y) / (first->step_y * cell));
		lo_x = a[i].cell_x < lo_x ? a[i].cell_x : lo_x;
		lo_y = a[i].cell_y < lo_y ? a[i].cell_y : lo_y;
		hi_x = a[i].cell_x > hi_x ? a[i].cell_x : hi_x;
		hi_y = a[i].cell_y > hi_y ? a[i].cell_y : hi_y;
	}
	*t = (struct task){ from, to,
		{ first->x + (double)lo_x * cell * first->step_x,
		    first->y + (double)lo_y * cell * first->step_y, first->step_x,
		    first->step_y, (size_t)(hi_x - lo_x + j->p->w / j->p->cell),
		    (size_t)(hi_y - lo_y + j->p->h / j->p->cell) } };
	for (size_t i = from; i < to; i++) {
		a[i].cell_x -= lo_x;
		a[i].cell_y -= lo_y;
	}
	return ((double)t->view.cells_w * cell + 2) *
	       ((double)t->view.cells_h * cell + 2);
}

/* Floats that a worker needs for the task. */
static enum det_err
count_floats(size_t *floats, const struct job *j, const struct task *t)
{
	struct det_hog_scratch s;

	return det_hog_scratch_set(&s, floats, NULL, &j->src, &t->view);
}

/* Places [from, to), which could share a view, as one task or as several. */
static enum det_err
add_tasks(struct job *j, size_t from, size_t to)
{
	const double window = ((double)j->p->w + 2) * ((double)j->p->h + 2);
	struct task *t = &j->task[j->tasks];
	const size_t half = from + (to - from) / 2;
	const int shared =
	    join(t, j->place, from, to, j) <= (double)(to - from) * window;
	size_t floats;
	enum det_err e;

	if (to - from == 1 || shared) {
		if ((e = count_floats(&floats, j, t)))
			return e;
		if (to - from == 1 || floats <= MOST_SHARED) {
			j->tasks++;
			j->floats = floats > j->floats ? floats : j->floats;
			return DET_OK;
		}
		e = add_tasks(j, from, half);
		return e ? e : add_tasks(j, half, to);
	}
	for (; from < to; from++)
		if ((e = add_tasks(j, from, from + 1)))
			return e;
	return DET_OK;
}

static enum det_err
make_tasks(struct job *j, int alone)
{
	size_t to;
	enum det_err e;

	if ((e = det_alloc(&j->task, j->places, sizeof *j->task)))
		return e;
	for (size_t from = 0; from < j->places; from = to) {
		for (to = from + 1; to < j->places; to++)
			if (alone || !same_view(&j->place[from], &j->place[to]))
				break;
		if ((e = add_tasks(j, from, to)))
			return e;
	}
	return DET_OK;
}

static void
run_task(const void *ctx, size_t i, int worker)
{
	const struct job *j = ctx;
	const struct task *t = &j->task[i];
	const size_t wide = t->view.cells_w - 1;
	const size_t h = (size_t)(j->p->h / j->p->cell) - 1;
	const size_t row = ((size_t)(j->p->w / j->p->cell) - 1) * DET_HOG_BLOCK;
	struct det_hog_scratch s;
	size_t floats;

	/* cannot fail: it didn't in make_tasks */
	if (det_hog_scratch_set(&s, &floats, j->scratch + (size_t)worker * j->floats,
		&j->src, &t->view))
		return;
	j->kernel->blocks(&s, &j->src, &t->view);
	for (size_t k = t->from; k < t->to; k++) {
		const struct place *a = &j->place[k];
		float *out = j->out + a->box * j->size;

		for (size_t y = 0; y < h; y++, out += row)
			memcpy(out,
			    s.block +
				(((size_t)a->cell_y + y) * wide + (size_t)a->cell_x) *
				    DET_HOG_BLOCK,
			    row * sizeof *out);
	}
}

enum det_err
det_hog_boxes_by(float *out, const struct det_hog_kernel *k, int alone,
    const struct det_warp_picture *im, const struct det_norm *norm,
    const struct det_boxes *b, const struct det_hog_params *p, int threads)
{
	struct job j = { .out = out,
		.src = { .im = im, .cell = (size_t)p->cell },
		.p = p,
		.kernel = k };
	size_t bytes;
	enum det_err e;

	if ((e = det_hog_size(&j.size, p)) || (e = det_hog_fits(p, b->n)) ||
	    (e = det_norm_check(norm)))
		return e;
	for (size_t c = 0; c < 3; c++)
		j.src.gain[c] = (float)(norm->std[c] / norm->scale);
	if ((e = check(&j.src, b)) || b->n == 0)
		return e;
	if ((e = det_alloc(&j.place, b->n, sizeof *j.place)))
		return e;
	for (size_t i = 0; i < b->n; i++)
		if (set_place(&j.place[j.places], &j, &b->box[i], i))
			j.places++;
		else
			memset(out + i * j.size, 0, j.size * sizeof *out);
	qsort(j.place, j.places, sizeof *j.place, by_view);
	if ((e = make_tasks(&j, alone)))
		goto out;
	threads = threads < 1 ? 1 : threads;
	if (j.tasks && (size_t)threads > j.tasks)
		threads = (int)j.tasks;
	if ((e = det_mul(&bytes, j.floats, sizeof *j.scratch)) ||
	    (e = det_alloc(&j.scratch, (size_t)threads, bytes)))
		goto out;
	det_parallel(threads, j.tasks, run_task, &j);
out:
	free(j.place);
	free(j.task);
	free(j.scratch);
	return e;
}

enum det_err
det_hog_boxes(float *out, const struct det_warp_picture *im,
    const struct det_norm *norm, const struct det_boxes *b,
    const struct det_hog_params *p, int threads)
{
	return det_hog_boxes_by(out, det_hog_kernel_best(), 0, im, norm, b, p, threads);
}
