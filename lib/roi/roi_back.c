/* SPDX-License-Identifier: MIT
 *
 * The way back through RoI pooling: each output's gradient goes to the cells that it was
 * made of, a share as large as its tap in means, all of it to the largest cell in maxima (the
 * first of equal ones in reading order, as Caffe and torchvision have it).
 *
 * Means are separable here too: the gradients of a row of outputs are spread over the columns
 * of the RoI once, and that row is added to each row of the map that the outputs took.
 *
 * RoIs overlap, so sums need an order. A task has some channels of one map to itself and goes
 * through that map's RoIs by place, then by number: no two tasks write to one cell, and
 * equal calls give equal bits on any number of threads.
 */
#include "roi/roi_impl.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))

/* row[0 .. n): what a row of outputs gives to each column from `lo` on. */
INLINE void
spread(float *row, size_t n, const float *g, const struct det_roi_axis *x,
    const struct det_roi_bin *b, const struct det_roi_tap *tap)
{
	memset(row, 0, n * sizeof *row);
	for (uint32_t i = 0; i < x->bins; i++)
		for (uint32_t k = 0; k < b[i].n; k++) {
			const struct det_roi_tap *t = &tap[b[i].first + k];

			row[t->at - x->lo] += t->weight * g[i];
		}
}

INLINE int
mean_any(const struct det_roi_work *w)
{
	const struct det_roi_job *j = w->job;
	const struct det_roi_bin *yb = w->plan->bin + j->y.first;
	const struct det_roi_bin *xb = w->plan->bin + j->x.first;
	const struct det_roi_tap *tap = w->plan->tap;
	const size_t bins = (size_t)j->y.bins * j->x.bins, n = j->x.hi - j->x.lo;
	const size_t stride = w->map->w, area = w->map->h * stride;
	const float *g = w->out + j->out + w->c0 * bins;
	float *restrict row = w->row;

	for (size_t c = w->c0; c < w->c1 && n > 0; c++) {
		float *plane = w->grad + c * area + j->x.lo;

		for (uint32_t y = 0; y < j->y.bins; y++, g += j->x.bins) {
			const struct det_roi_tap *t = tap + yb[y].first;

			if (yb[y].n == 0)
				continue;
			spread(row, n, g, &j->x, xb, tap);
			for (uint32_t k = 0; k < yb[y].n; k++) {
				float *restrict to = plane + t[k].at * stride;
				const float weight = t[k].weight;

#pragma omp simd
				for (size_t i = 0; i < n; i++)
					to[i] += weight * row[i];
			}
		}
	}
	return 0;
}

static int
mean_c(const struct det_roi_work *w)
{
	return mean_any(w);
}

/* The largest cell of a bin, the first of equal ones. */
static size_t
largest(const float *plane, size_t stride, const struct det_roi_tap *ty, uint32_t ny,
    const struct det_roi_tap *tx, uint32_t nx)
{
	size_t best = ty->at * stride + tx->at;

	for (uint32_t y = 0; y < ny; y++)
		for (uint32_t x = 0; x < nx; x++) {
			const size_t at = ty[y].at * stride + tx[x].at;

			if (plane[at] > plane[best])
				best = at;
		}
	return best;
}

static int
max_c(const struct det_roi_work *w)
{
	const struct det_roi_job *j = w->job;
	const struct det_roi_bin *yb = w->plan->bin + j->y.first;
	const struct det_roi_bin *xb = w->plan->bin + j->x.first;
	const struct det_roi_tap *tap = w->plan->tap;
	const size_t bins = (size_t)j->y.bins * j->x.bins;
	const size_t stride = w->map->w, area = w->map->h * stride;
	const float *g = w->out + j->out + w->c0 * bins;

	for (size_t c = w->c0; c < w->c1; c++) {
		const float *plane = w->map->data + c * area;

		for (uint32_t y = 0; y < j->y.bins; y++)
			for (uint32_t x = 0; x < j->x.bins; x++, g++)
				if (yb[y].n > 0 && xb[x].n > 0)
					w->grad[c * area +
						largest(plane, stride,
						    tap + yb[y].first, yb[y].n,
						    tap + xb[x].first, xb[x].n)] += *g;
	}
	return 0;
}

const struct det_roi_kernel det_roi_back_c = { "c", mean_c, max_c };

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static int
mean_avx2(const struct det_roi_work *w)
{
	return mean_any(w);
}

const struct det_roi_kernel det_roi_back_avx2 = { "avx2", mean_avx2, max_c };
#endif
