/* SPDX-License-Identifier: MIT
 *
 * Maxima of many rectangles of one map. A pyramid of grids over a thousand regions asks for
 * fifty maxima each, of bins that reach from a cell to the whole map and that overlap: read
 * cell by cell (roi_kernel.c), every cell is read again for each of them.
 *
 * Instead a table T(a,b) holds at each cell the maximum of the 2^a rows and 2^b columns that
 * begin there. A bin of n rows and m columns, with 2^a <= n < 2^(a+1) and 2^b <= m < 2^(b+1),
 * is the maximum of four entries of T(a,b): blocks in its corners, which overlap. What is
 * covered twice does no harm to a maximum, so that results are those of reading all cells
 * (the sparse table of Bender and Farach-Colton, LATIN 2000, in two dimensions).
 *
 * T(a,b+1) is T(a,b) and itself 2^b columns further, T(a+1,0) the same of T(a,0) and rows; both
 * are made in place, and bins are taken by (a,b), so that no more than two tables are there at
 * a time. Entries whose block leaves the map mix rows; no bin asks for them. A task has 16
 * channels, which are the innermost dimension here: every step is one vector of 16.
 *
 * Numbers that are none would get lost in maxima: where a map has any, the caller goes the
 * other way, which knows in which RoI it met them.
 */
#include "roi/roi_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/finite.h"
#include "base/mem.h"

#define LANES  DET_ROI_LANES
#define LEVELS 27
#define CELLS  ((size_t)1 << (LEVELS - 1))
#define TILE   64 /* cells that are turned around at a time */

/* A bin: its corners' blocks, and its place among the outputs of these jobs. */
struct rect {
	uint32_t at[4], to;
};

struct det_roi_range {
	const struct det_roi_plan *plan;
	size_t from, to;
	size_t h, w;
	size_t outputs;
	struct rect *rect;
	size_t rects;
	size_t first[LEVELS * LEVELS + 1]; /* of (a,b): first[a * LEVELS + b] and on */
	int wide[LEVELS];                  /* the largest b of a; -1: none */
	int high;                          /* the largest a */
};

static unsigned
floor_log2(uint32_t n)
{
	unsigned k = 0;

	while (n >>= 1)
		k++;
	return k;
}

static size_t
level_of(const struct det_roi_bin *y, const struct det_roi_bin *x)
{
	return (size_t)floor_log2(y->n) * LEVELS + floor_log2(x->n);
}

static size_t
outputs_of(const struct det_roi_job *j)
{
	return (size_t)j->y.bins * j->x.bins;
}

/* Calls for every bin that has cells: counted where `fill` is NULL, else put into its place. */
static void
each_bin(struct det_roi_range *r, size_t *fill)
{
	const struct det_roi_plan *p = r->plan;
	size_t to = 0;

	for (size_t i = r->from; i < r->to; i++) {
		const struct det_roi_job *j = &p->job[i];
		const struct det_roi_bin *yb = p->bin + j->y.first;
		const struct det_roi_bin *xb = p->bin + j->x.first;

		for (size_t k = 0; k < outputs_of(j); k++, to++) {
			const struct det_roi_bin *y = yb + k / j->x.bins;
			const struct det_roi_bin *x = xb + k % j->x.bins;
			size_t level, y0, y1, x0, x1;
			struct rect *rect;

			if (y->n == 0 || x->n == 0)
				continue;
			level = level_of(y, x);
			if (!fill) {
				r->first[level + 1]++;
				continue;
			}
			y0 = p->tap[y->first].at;
			x0 = p->tap[x->first].at;
			y1 = y0 + y->n - ((size_t)1 << level / LEVELS);
			x1 = x0 + x->n - ((size_t)1 << level % LEVELS);
			rect = &r->rect[fill[level]++];
			rect->at[0] = (uint32_t)(y0 * r->w + x0);
			rect->at[1] = (uint32_t)(y0 * r->w + x1);
			rect->at[2] = (uint32_t)(y1 * r->w + x0);
			rect->at[3] = (uint32_t)(y1 * r->w + x1);
			rect->to = (uint32_t)to;
		}
	}
}

/* Sums up first[], finds the tables that are wanted; returns how many have to be made. */
static size_t
plan_levels(struct det_roi_range *r)
{
	size_t tables = 0;

	r->high = -1;
	for (int a = 0; a < LEVELS; a++) {
		r->wide[a] = -1;
		for (int b = 0; b < LEVELS; b++)
			if (r->first[a * LEVELS + b + 1] > 0) {
				r->wide[a] = b;
				r->high = a;
			}
		tables += (size_t)(r->wide[a] + 1);
	}
	for (size_t i = 0; i < LEVELS * LEVELS; i++)
		r->first[i + 1] += r->first[i];
	r->rects = r->first[LEVELS * LEVELS];
	return tables + (size_t)(r->high + 1);
}

/* Steps of a vector that reading the cells of the bins takes. */
static double
cost_of_cells(const struct det_roi_plan *p, size_t from, size_t to)
{
	double sum = 0;

	for (size_t i = from; i < to; i++) {
		const struct det_roi_job *j = &p->job[i];
		const double width = j->x.hi - j->x.lo;
		double rows = 0;

		for (uint32_t k = 0; k < j->y.bins; k++)
			rows += p->bin[j->y.first + k].n;
		sum += rows * (1 + width / 16);
		sum += (double)j->y.bins * (width > 32 ? 4 * width : 10);
	}
	return LANES * sum;
}

enum det_err
det_roi_range_make(struct det_roi_range **out, const struct det_roi_plan *plan,
    const struct det_roi_map *m, size_t from, size_t to)
{
	const double cells = (double)m->h * (double)m->w;
	struct det_roi_range *r;
	size_t fill[LEVELS * LEVELS], tables;
	enum det_err e;

	*out = NULL;
	if (cells > (double)CELLS)
		return DET_OK;
	if (!(r = calloc(1, sizeof *r)))
		return det_fail(DET_NOMEM, "no memory for the bins of RoIs");
	r->plan = plan;
	r->from = from;
	r->to = to;
	r->h = m->h;
	r->w = m->w;
	for (size_t i = from; i < to; i++)
		r->outputs += outputs_of(&plan->job[i]);
	each_bin(r, NULL);
	tables = plan_levels(r);
	if (r->outputs > UINT32_MAX ||
	    2 * cells * (double)(tables + 2) + 24 * (double)r->outputs >
		cost_of_cells(plan, from, to)) {
		free(r);
		return DET_OK;
	}
	if ((e = det_alloc(&r->rect, r->rects + 1, sizeof *r->rect))) {
		free(r);
		return e;
	}
	memcpy(fill, r->first, sizeof fill);
	each_bin(r, fill);
	*out = r;
	return DET_OK;
}

void
det_roi_range_free(struct det_roi_range *r)
{
	if (r)
		free(r->rect);
	free(r);
}

size_t
det_roi_range_room(const struct det_roi_range *r)
{
	return (2 * r->h * r->w + r->outputs) * LANES;
}

/* Cells with their channels together; returns whether there is what is no number. */
DET_ROI_INLINE uint32_t
turn(float *restrict t, const struct det_roi_work *w)
{
	const size_t cells = w->map->h * w->map->w, n = w->c1 - w->c0;
	uint32_t bad = 0;

	if (n < LANES)
		memset(t, 0, cells * LANES * sizeof *t);
	for (size_t from = 0; from < cells; from += TILE) {
		const size_t to = from + TILE < cells ? from + TILE : cells;

		for (size_t c = 0; c < n; c++) {
			const float *plane = w->map->data + (w->c0 + c) * cells;

			for (size_t i = from; i < to; i++) {
				bad |= det_float_odd(plane[i]);
				t[i * LANES + c] = plane[i];
			}
		}
	}
	return bad;
}

/* Every cell takes the maximum with the one `step` further. */
DET_ROI_INLINE void
grow(float *t, size_t cells, size_t step)
{
	for (size_t i = 0; i + step < cells; i++) {
		float *to = t + i * LANES;
		const float *from = t + (i + step) * LANES;

#pragma omp simd
		for (size_t c = 0; c < LANES; c++)
			to[c] = to[c] > from[c] ? to[c] : from[c];
	}
}

DET_ROI_INLINE void
take_rects(
    float *restrict stage, const float *restrict t, const struct rect *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const float *a = t + (size_t)r[i].at[0] * LANES;
		const float *b = t + (size_t)r[i].at[1] * LANES;
		const float *c = t + (size_t)r[i].at[2] * LANES;
		const float *d = t + (size_t)r[i].at[3] * LANES;
		float *to = stage + (size_t)r[i].to * LANES;

#pragma omp simd
		for (size_t k = 0; k < LANES; k++) {
			float x = a[k] > b[k] ? a[k] : b[k];
			float y = c[k] > d[k] ? c[k] : d[k];

			to[k] = x > y ? x : y;
		}
	}
}

/* From the outputs with their channels together to rows. */
DET_ROI_INLINE void
turn_back(const struct det_roi_range *r, const struct det_roi_work *w,
    const float *restrict stage)
{
	const size_t n = w->c1 - w->c0;

	for (size_t i = r->from; i < r->to; i++) {
		const struct det_roi_job *j = &r->plan->job[i];
		const size_t bins = outputs_of(j);
		float *out = w->out + j->out + w->c0 * bins;

		for (size_t c = 0; c < n; c++)
			for (size_t k = 0; k < bins; k++)
				out[c * bins + k] = stage[k * LANES + c];
		stage += bins * LANES;
	}
}

DET_ROI_INLINE int
range_any(const struct det_roi_range *r, const struct det_roi_work *w, float *room)
{
	const size_t cells = r->h * r->w, size = cells * LANES;
	float *rows = room, *both = room + size, *stage = room + 2 * size;

	if (turn(rows, w))
		return 1;
	if (r->rects < r->outputs)
		memset(stage, 0, r->outputs * LANES * sizeof *stage);
	for (int a = 0; a <= r->high; a++) {
		const size_t *first = r->first + (size_t)a * LEVELS;

		if (r->wide[a] >= 0)
			memcpy(both, rows, size * sizeof *both);
		for (int b = 0; b <= r->wide[a]; b++) {
			take_rects(
			    stage, both, r->rect + first[b], first[b + 1] - first[b]);
			if (b < r->wide[a])
				grow(both, cells, (size_t)1 << b);
		}
		if (a < r->high)
			grow(rows, cells, ((size_t)1 << a) * r->w);
	}
	turn_back(r, w, stage);
	return 0;
}

int
det_roi_range_c(
    const struct det_roi_range *r, const struct det_roi_work *w, float *room)
{
	return range_any(r, w, room);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) int
det_roi_range_avx2(
    const struct det_roi_range *r, const struct det_roi_work *w, float *room)
{
	return range_any(r, w, room);
}

__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl"))) int
det_roi_range_avx512(
    const struct det_roi_range *r, const struct det_roi_work *w, float *room)
{
	return range_any(r, w, room);
}
#endif
