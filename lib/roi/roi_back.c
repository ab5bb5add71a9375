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

#include "base/cpu.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

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

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static int
mean_avx2(const struct det_roi_work *w)
{
	return mean_any(w);
}

#define T512  __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl")))
#define BINS  16 /* outputs of a row, at most, in the narrow form */
#define WIDTH 32 /* columns */

/* share[i][x]: how much of output i's gradient column x gets. */
static void
shares_set(float share[BINS][WIDTH], const struct det_roi_work *w)
{
	const struct det_roi_axis *a = &w->job->x;
	const struct det_roi_bin *b = w->plan->bin + a->first;

	for (uint32_t i = 0; i < a->bins; i++) {
		memset(share[i], 0, sizeof share[i]);
		for (uint32_t k = 0; k < b[i].n; k++) {
			const struct det_roi_tap *t = &w->plan->tap[b[i].first + k];

			share[i][t->at - a->lo] += t->weight;
		}
	}
}

/* A row of up to 32 columns stays in two registers. `wide`, more than 16, is a constant. */
T512 INLINE void
mean_narrow(const struct det_roi_work *w, const int wide)
{
	const struct det_roi_job *j = w->job;
	const struct det_roi_bin *yb = w->plan->bin + j->y.first;
	const uint32_t n = j->x.hi - j->x.lo, bins = j->x.bins;
	const __mmask16 m0 = (__mmask16)(n >= 16 ? 0xffff : (1u << n) - 1);
	const __mmask16 m1 = (__mmask16)(wide ? (1ull << (n - 16)) - 1 : 0);
	const size_t stride = w->map->w, area = w->map->h * stride;
	const float *g = w->out + j->out + w->c0 * j->y.bins * bins;
	float share[BINS][WIDTH];
	__m512 v0, v1 = _mm512_setzero_ps(), x;

	shares_set(share, w);
	for (size_t c = w->c0; c < w->c1; c++) {
		float *plane = w->grad + c * area + j->x.lo;

		for (uint32_t y = 0; y < j->y.bins; y++, g += bins) {
			const struct det_roi_tap *t = w->plan->tap + yb[y].first;

			v0 = _mm512_mul_ps(
			    _mm512_set1_ps(g[0]), _mm512_loadu_ps(share[0]));
			if (wide)
				v1 = _mm512_mul_ps(_mm512_set1_ps(g[0]),
				    _mm512_loadu_ps(share[0] + 16));
			for (uint32_t i = 1; i < bins; i++) {
				x = _mm512_set1_ps(g[i]);
				v0 = _mm512_fmadd_ps(x, _mm512_loadu_ps(share[i]), v0);
				if (wide)
					v1 = _mm512_fmadd_ps(
					    x, _mm512_loadu_ps(share[i] + 16), v1);
			}
			for (uint32_t k = 0; k < yb[y].n; k++) {
				float *to = plane + t[k].at * stride;

				x = _mm512_set1_ps(t[k].weight);
				_mm512_mask_storeu_ps(to, m0,
				    _mm512_fmadd_ps(
					v0, x, _mm512_maskz_loadu_ps(m0, to)));
				if (wide)
					_mm512_mask_storeu_ps(to + 16, m1,
					    _mm512_fmadd_ps(v1, x,
						_mm512_maskz_loadu_ps(m1, to + 16)));
			}
		}
	}
}

T512 static int
mean_avx512(const struct det_roi_work *w)
{
	const uint32_t n = w->job->x.hi - w->job->x.lo;

	if (n > WIDTH || w->job->x.bins > BINS)
		return mean_any(w);
	if (n > 16)
		mean_narrow(w, 1);
	else if (n > 0)
		mean_narrow(w, 0);
	return 0;
}

#endif

const struct det_roi_kernel *
det_roi_back_number(size_t i, int *more)
{
	static const struct det_roi_kernel kernels[] = {
		{ "c", mean_c, max_c, NULL },
#if defined(__x86_64__)
		{ "avx2", mean_avx2, max_c, NULL },
		{ "avx512", mean_avx512, max_c, NULL },
#endif
	};

	*more = i < sizeof kernels / sizeof kernels[0];
	return *more && i <= (size_t)det_cpu_supported() ? &kernels[i] : NULL;
}

const struct det_roi_kernel *
det_roi_back_best(void)
{
	int more;

	return det_roi_back_number((size_t)det_cpu_level(), &more);
}
