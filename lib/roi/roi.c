/* SPDX-License-Identifier: MIT
 *
 * RoI pooling: plans every RoI (roi_axis.c), then computes them channel by channel
 * (roi_kernel.c; backward: roi_back.c), or where that is quicker the maxima of many of them
 * together (roi_range.c). A task is a block of channels of one map and the RoIs on it, from
 * the top of the map to its bottom: what neighbouring RoIs share stays in the cache, and a
 * map is read from memory once.
 */
#include "roi/roi_impl.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/parallel.h"

/* With 7x7 outputs, blocks of 16 channels begin and end on cache lines. */
#define BLOCK DET_ROI_LANES

/* Outputs of a channel that are computed together: with 16 channels, 4 MiB. */
#define TOGETHER 65536

enum det_err
det_roi_bins(size_t *bins, const struct det_roi_params *p)
{
	*bins = 0;
	if (p->op == DET_ROI_SPP) {
		if (p->levels < 1 || p->levels > DET_ROI_LEVELS)
			return det_fail(DET_INVALID,
			    "1 to %d levels of a pyramid expected, found %zu",
			    DET_ROI_LEVELS, p->levels);
		for (size_t i = 0; i < p->levels; i++) {
			if (p->level[i] < 1 || p->level[i] > DET_ROI_BINS)
				return det_fail(DET_INVALID,
				    "a level of 1 to %d bins a side expected, found "
				    "%ld",
				    DET_ROI_BINS, p->level[i]);
			*bins += (size_t)(p->level[i] * p->level[i]);
		}
		if (isfinite(p->offset0) && isfinite(p->offset))
			return DET_OK;
		return det_fail(DET_INVALID, "an offset is not finite");
	}
	if (p->h < 1 || p->h > DET_ROI_BINS || p->w < 1 || p->w > DET_ROI_BINS)
		return det_fail(DET_INVALID,
		    "1 to %d bins a side expected, found %ldx%ld", DET_ROI_BINS, p->h,
		    p->w);
	if (p->sampling < 0 || p->sampling > 64)
		return det_fail(DET_INVALID,
		    "0 to 64 samples a side of a bin expected, found %ld", p->sampling);
	*bins = (size_t)(p->h * p->w);
	return DET_OK;
}

static enum det_err
check(const struct det_roi_map *m, size_t maps, const struct det_roi *roi, size_t n)
{
	for (size_t i = 0; i < maps; i++) {
		if (!m[i].c || !m[i].h || !m[i].w || m[i].h > INT32_MAX ||
		    m[i].w > INT32_MAX)
			return det_fail(DET_INVALID,
			    "map '%s' is %zux%zux%zu: CxHxW expected", m[i].name,
			    m[i].c, m[i].h, m[i].w);
		if (m[i].c != m[0].c)
			return det_fail(DET_INVALID,
			    "map '%s' has %zu channels, map '%s' %zu: as many expected",
			    m[i].name, m[i].c, m[0].name, m[0].c);
		if (!isfinite(m[i].scale) || !(m[i].scale > 0))
			return det_fail(DET_INVALID,
			    "map '%s': a scale above 0 expected, found %g", m[i].name,
			    m[i].scale);
	}
	for (size_t i = 0; i < n; i++) {
		if (roi[i].map >= maps)
			return det_fail(DET_INVALID, "RoI %zu: no map %zu of %zu", i,
			    roi[i].map, maps);
		if (!isfinite(roi[i].x1) || !isfinite(roi[i].y1) ||
		    !isfinite(roi[i].x2) || !isfinite(roi[i].y2))
			return det_fail(
			    DET_INVALID, "RoI %zu: a coordinate is not finite", i);
	}
	return DET_OK;
}

static float
limited(float v)
{
	return v > 1e18f ? 1e18f : v < -1e18f ? -1e18f : v;
}

/* The grid of one RoI, or of one level of its pyramid. */
static enum det_err
plan_job(struct det_roi_plan *p, const struct det_roi *roi, const struct det_roi_map *m,
    size_t h, size_t w, const struct det_roi_params *params)
{
	struct det_roi_job *j = &p->job[p->jobs];
	const float scale = (float)m->scale;
	const float x1 = limited(roi->x1), y1 = limited(roi->y1);
	const float x2 = limited(roi->x2), y2 = limited(roi->y2);
	enum det_err e;

	switch (params->op) {
	case DET_ROI_ALIGN:
		e = det_roi_axis_align(
		    &j->y, p, y1 * scale, y2 * scale, m->h, h, params);
		return e ? e
			 : det_roi_axis_align(
			       &j->x, p, x1 * scale, x2 * scale, m->w, w, params);
	case DET_ROI_MAX:
		e = det_roi_axis_max(&j->y, p, y1 * scale, y2 * scale, m->h, h);
		return e ? e
			 : det_roi_axis_max(&j->x, p, x1 * scale, x2 * scale, m->w, w);
	case DET_ROI_SPP:
		e = det_roi_axis_spp(&j->y, p, y1, y2, m->h, h, 1 / m->scale, params);
		return e ? e
			 : det_roi_axis_spp(
			       &j->x, p, x1, x2, m->w, w, 1 / m->scale, params);
	default:
		return det_fail(DET_INVALID, "no RoI pooling of number %d", params->op);
	}
}

/* Jobs of RoI i; `bins` outputs a channel. */
static enum det_err
plan_roi(struct det_roi_plan *p, size_t i, const struct det_roi *roi,
    const struct det_roi_map *m, size_t bins, const struct det_roi_params *params)
{
	const size_t grids = params->op == DET_ROI_SPP ? params->levels : 1;
	size_t done = 0, h = (size_t)params->h, w = (size_t)params->w;
	enum det_err e;

	for (size_t g = 0; g < grids; g++) {
		if (params->op == DET_ROI_SPP)
			h = w = (size_t)params->level[g];
		if ((e = det_grow(
			 &p->job, &p->jobs_cap, p->jobs + 1, sizeof *p->job)) ||
		    (e = plan_job(p, roi, m, h, w, params)))
			return e;
		p->job[p->jobs].roi = i;
		p->job[p->jobs].map = roi->map;
		p->job[p->jobs].out = (i * bins + done) * m->c;
		p->jobs++;
		done += h * w;
	}
	return DET_OK;
}

static int
by_place(const void *a, const void *b)
{
	const struct det_roi_job *p = a, *q = b;

	if (p->map != q->map)
		return p->map < q->map ? -1 : 1;
	if (p->y.lo != q->y.lo)
		return p->y.lo < q->y.lo ? -1 : 1;
	return p->out < q->out ? -1 : p->out > q->out;
}

/* A block of channels of the jobs [from, to), which are on one map. */
struct task {
	size_t from, to, c0, c1;
	const struct det_roi_range *range; /* NULL: every job by itself */
	size_t bad; /* the first RoI in which no number was met, + 1 */
};

struct pool {
	const struct det_roi_plan *plan;
	const struct det_roi_map *map;
	const struct det_roi_kernel *kernel;
	int max;
	float *out;
	float *const *grad; /* of each map, on the way back; else NULL */
	struct task *task;
	size_t tasks;
	struct det_roi_range **range;
	size_t ranges;
	float *row; /* `width` of each worker */
	size_t width;
};

/* Whether maxima may be computed together. */
static int
shares(const struct pool *p)
{
	return p->max && !p->grad && p->kernel->range != NULL;
}

/* Where the jobs end that begin at `from` and are on one map; not too many, where they may be
 * computed together. On the way back all must be in one task: they add to the same cells. */
static size_t
task_end(const struct pool *p, size_t from)
{
	const struct det_roi_plan *plan = p->plan;
	const size_t most = shares(p) ? TOGETHER : SIZE_MAX;
	size_t to = from, outputs = 0;

	for (; to < plan->jobs && plan->job[to].map == plan->job[from].map; to++) {
		outputs += (size_t)plan->job[to].y.bins * plan->job[to].x.bins;
		if (outputs > most && to > from)
			break;
	}
	return to;
}

/* The range of the jobs from .. to, the last of p->range: NULL where there shall be none. */
static enum det_err
make_range(struct pool *p, size_t *cap, size_t from, size_t to)
{
	struct det_roi_range *r = NULL;
	size_t room;
	enum det_err e;

	if ((e = det_grow(
		 &p->range, cap, p->ranges + 1, sizeof(struct det_roi_range *))))
		return e;
	if (shares(p) && (e = det_roi_range_make(
			      &r, p->plan, &p->map[p->plan->job[from].map], from, to)))
		return e;
	p->range[p->ranges++] = r;
	room = r ? det_roi_range_room(r) : 0;
	p->width = room > p->width ? room : p->width;
	return DET_OK;
}

static enum det_err
make_tasks(struct pool *p)
{
	const struct det_roi_plan *plan = p->plan;
	size_t blocks = (p->map[0].c + BLOCK - 1) / BLOCK, cap = 0, caps = 0, need, to;
	enum det_err e;

	for (size_t from = 0; from < plan->jobs; from = to) {
		to = task_end(p, from);
		if ((e = make_range(p, &caps, from, to)) ||
		    (e = det_add(&need, p->tasks, blocks)) ||
		    (e = det_grow(&p->task, &cap, need, sizeof *p->task)))
			return e;
		for (size_t c = 0; c < p->map[0].c; c += BLOCK)
			p->task[p->tasks++] = (struct task){ from, to, c,
				c + BLOCK < p->map[0].c ? c + BLOCK : p->map[0].c,
				p->range[p->ranges - 1], 0 };
	}
	return DET_OK;
}

static void
run_task(const void *ctx, size_t i, int worker)
{
	const struct pool *p = ctx;
	struct task *t = &p->task[i];
	struct det_roi_work w = { p->plan, NULL, NULL, t->c0, t->c1, p->out,
		p->row + (size_t)worker * p->width, NULL };
	size_t roi;

	if (t->range) {
		w.map = &p->map[p->plan->job[t->from].map];
		if (!p->kernel->range(t->range, &w, w.row))
			return;
	}
	for (size_t j = t->from; j < t->to; j++) {
		w.job = &p->plan->job[j];
		w.map = &p->map[w.job->map];
		w.grad = p->grad ? p->grad[w.job->map] : NULL;
		roi = w.job->roi + 1;
		if ((p->max ? p->kernel->max(&w) : p->kernel->mean(&w)) &&
		    (!t->bad || roi < t->bad))
			t->bad = roi;
	}
}

static enum det_err
run_tasks(struct pool *p, int threads, const struct det_roi *roi)
{
	size_t bad = 0;

	det_parallel(threads, p->tasks, run_task, p);
	for (size_t i = 0; i < p->tasks; i++)
		if (p->task[i].bad && (!bad || p->task[i].bad < bad))
			bad = p->task[i].bad;
	if (!bad)
		return DET_OK;
	return det_fail(DET_INVALID, "map '%s' has NaN or infinity within RoI %zu",
	    p->map[roi[bad - 1].map].name, bad - 1);
}

/* Plans, sorts, shares out. p has the kernel and where numbers come from and go to. */
static enum det_err
run_all(struct pool *p, size_t maps, const struct det_roi *roi, size_t n,
    const struct det_roi_params *params, int threads)
{
	struct det_roi_plan plan = { 0 };
	const struct det_roi_map *m = p->map;
	size_t bins;
	enum det_err e;

	if ((e = det_roi_bins(&bins, params)) || (e = check(m, maps, roi, n)) || n == 0)
		return e;
	for (size_t i = 0; i < n && !e; i++)
		e = plan_roi(&plan, i, &roi[i], &m[roi[i].map], bins, params);
	if (e)
		goto out;
	qsort(plan.job, plan.jobs, sizeof *plan.job, by_place);
	for (size_t i = 0; i < maps; i++)
		p->width = m[i].w > p->width ? m[i].w : p->width;
	p->plan = &plan;
	p->max = params->op != DET_ROI_ALIGN;
	threads = threads > 0 ? threads : 1;
	if ((e = make_tasks(p)))
		goto out;
	p->width = det_pad(p->width);
	if ((e = det_alloc(&p->row, p->width, (size_t)threads * sizeof *p->row)))
		goto out;
	e = run_tasks(p, threads, roi);
out:
	for (size_t i = 0; i < p->ranges; i++)
		det_roi_range_free(p->range[i]);
	free(p->range);
	free(p->row);
	free(p->task);
	free(plan.tap);
	free(plan.bin);
	free(plan.job);
	return e;
}

enum det_err
det_roi_pool_by(float *out, const struct det_roi_kernel *k, const struct det_roi_map *m,
    size_t maps, const struct det_roi *roi, size_t n, const struct det_roi_params *p,
    int threads)
{
	struct pool to = { .map = m, .kernel = k, .out = out };

	return run_all(&to, maps, roi, n, p, threads);
}

enum det_err
det_roi_back_by(float *const *grad, const float *out_grad,
    const struct det_roi_kernel *k, const struct det_roi_map *m, size_t maps,
    const struct det_roi *roi, size_t n, const struct det_roi_params *p, int threads)
{
	/* read only: the struct serves both ways */
	struct pool to = {
		.map = m, .kernel = k, .out = (float *)(uintptr_t)out_grad, .grad = grad
	};

	return run_all(&to, maps, roi, n, p, threads);
}

enum det_err
det_roi_pool(float *out, const struct det_roi_map *m, size_t maps,
    const struct det_roi *roi, size_t n, const struct det_roi_params *p, int threads)
{
	return det_roi_pool_by(out, det_roi_kernel_best(), m, maps, roi, n, p, threads);
}

enum det_err
det_roi_pool_back(float *const *grad, const float *out_grad,
    const struct det_roi_map *m, size_t maps, const struct det_roi *roi, size_t n,
    const struct det_roi_params *p, int threads)
{
	return det_roi_back_by(
	    grad, out_grad, det_roi_back_best(), m, maps, roi, n, p, threads);
}
