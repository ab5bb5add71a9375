/* SPDX-License-Identifier: MIT
 *
 * The inner loops of RoI pooling. Maps stay (C,H,W) as networks write them: a pyramid is too
 * large to be turned around for what RoIs read of it. For a channel and a row of outputs,
 *
 *   1. the rows of the map that it takes are added up (or their maxima taken) over the
 *      columns of the RoI, a vector at a time: contiguous loads;
 *   2. of that one row each output takes a few columns.
 *
 * With AVX-512 a row of up to 32 columns never leaves two registers, and step 2 is a
 * permutation of those for each of the taps that outputs have at most.
 *
 * Maxima of many RoIs are another matter (roi_range.c).
 *
 * Vector versions fuse multiplication and addition, so that results of the instruction sets
 * differ in the last bits; within one, nothing depends on how the work is divided.
 */
#include "roi/roi_impl.h"

#include <string.h>

#include "base/cpu.h"
#include "base/finite.h"

#if defined(__x86_64__)
#define X86 1
#include <immintrin.h>
#else
#define X86 0
#endif

#define INLINE DET_ROI_INLINE

/* Step 1 for means, four rows at a time. row[0..n) */
INLINE void
sum_rows(float *restrict row, const float *plane, size_t stride, size_t n,
    const struct det_roi_tap *t, uint32_t taps)
{
	for (uint32_t k = 0; k < taps; k += 4) {
		const float *s[4];
		float w[4];

		for (uint32_t i = 0; i < 4; i++) {
			uint32_t from = k + i < taps ? k + i : k;

			s[i] = plane + t[from].at * stride;
			w[i] = k + i < taps ? t[from].weight : 0;
		}
		if (k == 0) {
#pragma omp simd
			for (size_t i = 0; i < n; i++)
				row[i] = (w[0] * s[0][i] + w[1] * s[1][i]) +
					 (w[2] * s[2][i] + w[3] * s[3][i]);
		} else {
#pragma omp simd
			for (size_t i = 0; i < n; i++)
				row[i] += (w[0] * s[0][i] + w[1] * s[1][i]) +
					  (w[2] * s[2][i] + w[3] * s[3][i]);
		}
	}
}

/* Step 1 for maxima; what is no number would get lost in them, so it is looked for. */
INLINE uint32_t
max_rows(float *restrict row, const float *plane, size_t stride, size_t n,
    const struct det_roi_tap *t, uint32_t taps)
{
	uint32_t bad = 0;

	for (uint32_t k = 0; k < taps; k++) {
		const float *s = plane + t[k].at * stride;

#pragma omp simd reduction(| : bad)
		for (size_t i = 0; i < n; i++) {
			bad |= det_float_odd(s[i]);
			row[i] = k > 0 && row[i] > s[i] ? row[i] : s[i];
		}
	}
	return bad;
}

/* Step 2; row[0] is column lo. */
INLINE float
take(const float *row, const struct det_roi_tap *t, uint32_t taps, uint32_t lo,
    const int max)
{
	float v = max ? row[t[0].at - lo] : 0, x;

	for (uint32_t k = 0; k < taps; k++) {
		x = row[t[k].at - lo];
		v = max ? (x > v ? x : v) : v + t[k].weight * x;
	}
	return v;
}

INLINE int
run_any(const struct det_roi_work *w, const int max)
{
	const struct det_roi_job *j = w->job;
	const struct det_roi_bin *yb = w->plan->bin + j->y.first;
	const struct det_roi_bin *xb = w->plan->bin + j->x.first;
	const struct det_roi_tap *tap = w->plan->tap;
	const size_t bins = (size_t)j->y.bins * j->x.bins, n = j->x.hi - j->x.lo;
	const size_t area = w->map->h * w->map->w;
	float *out = w->out + j->out + w->c0 * bins;
	uint32_t bad = 0;

	for (size_t c = w->c0; c < w->c1; c++) {
		const float *plane = w->map->data + c * area + j->x.lo;

		for (uint32_t y = 0; y < j->y.bins; y++, out += j->x.bins) {
			const struct det_roi_tap *t = tap + yb[y].first;

			if (yb[y].n == 0 || n == 0) {
				memset(out, 0, j->x.bins * sizeof *out);
				continue;
			}
			if (max)
				bad |=
				    max_rows(w->row, plane, w->map->w, n, t, yb[y].n);
			else
				sum_rows(w->row, plane, w->map->w, n, t, yb[y].n);
			for (uint32_t x = 0; x < j->x.bins; x++) {
				out[x] = xb[x].n == 0 ? 0
						      : take(w->row, tap + xb[x].first,
							    xb[x].n, j->x.lo, max);
				bad |= det_float_odd(out[x]);
			}
		}
	}
	return bad != 0;
}

static int
mean_c(const struct det_roi_work *w)
{
	return run_any(w, 0);
}

static int
max_c(const struct det_roi_work *w)
{
	return run_any(w, 1);
}

#if X86
__attribute__((target("avx2,fma"))) static int
mean_avx2(const struct det_roi_work *w)
{
	return run_any(w, 0);
}

__attribute__((target("avx2,fma"))) static int
max_avx2(const struct det_roi_work *w)
{
	return run_any(w, 1);
}

#define T512  __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl")))
#define MOST  8          /* taps of an output, at most, in the narrow form */
#define ODD   0x99       /* fpclass: quiet and signalling NaN, both infinities */
#define BINS  16         /* outputs of a row */
#define WIDTH (2 * BINS) /* columns */

/* Step 2 as tables: tap k of output x is column at[k][x]. */
struct columns {
	int32_t at[MOST][BINS];
	float weight[MOST][BINS];
	__mmask16 some; /* outputs that have taps */
};

static void
columns_set(struct columns *t, const struct det_roi_work *w, uint32_t taps)
{
	const struct det_roi_axis *a = &w->job->x;
	const struct det_roi_bin *b = w->plan->bin + a->first;

	memset(t->at, 0, taps * sizeof t->at[0]);
	memset(t->weight, 0, taps * sizeof t->weight[0]);
	t->some = 0;
	for (uint32_t x = 0; x < a->bins; x++)
		for (uint32_t k = 0; b[x].n > 0 && k < taps; k++) {
			const struct det_roi_tap *from =
			    w->plan->tap + b[x].first + (k < b[x].n ? k : 0);

			t->at[k][x] = (int32_t)(from->at - a->lo);
			t->weight[k][x] = k < b[x].n ? from->weight : 0;
			t->some = (__mmask16)(t->some | 1u << x);
		}
}

/* At most 32 columns and 16 outputs of `taps` each: `taps` and `wide` (more than 16 columns)
 * are constants here. */
T512 INLINE int
run_narrow(
    const struct det_roi_work *w, const int max, const uint32_t taps, const int wide)
{
	const struct det_roi_job *j = w->job;
	const struct det_roi_bin *yb = w->plan->bin + j->y.first;
	const uint32_t n = j->x.hi - j->x.lo, bins = j->x.bins;
	const __mmask16 m0 = (__mmask16)(n >= 16 ? 0xffff : (1u << n) - 1);
	const __mmask16 m1 = (__mmask16)(wide ? (1ull << (n - 16)) - 1 : 0);
	const __mmask16 mo = (__mmask16)((1u << bins) - 1);
	const size_t area = w->map->h * w->map->w, stride = w->map->w;
	float *out = w->out + j->out + w->c0 * j->y.bins * bins;
	struct columns cols;
	__m512i at[MOST];
	__m512 weight[MOST], v0, v1, s0, s1 = _mm512_setzero_ps(), o, x;
	__mmask16 bad = 0;

	columns_set(&cols, w, taps);
	for (uint32_t k = 0; k < taps; k++) {
		at[k] = _mm512_loadu_si512(cols.at[k]);
		weight[k] = _mm512_loadu_ps(cols.weight[k]);
	}
	for (size_t c = w->c0; c < w->c1; c++) {
		const float *plane = w->map->data + c * area + j->x.lo;

		for (uint32_t y = 0; y < j->y.bins; y++, out += bins) {
			const struct det_roi_tap *t = w->plan->tap + yb[y].first;
			const float *from = plane + t->at * stride;

			if (yb[y].n == 0) {
				_mm512_mask_storeu_ps(out, mo, _mm512_setzero_ps());
				continue;
			}
			v0 = _mm512_maskz_loadu_ps(m0, from);
			v1 = wide ? _mm512_maskz_loadu_ps(m1, from + 16)
				  : _mm512_setzero_ps();
			if (max) {
				bad |= _mm512_fpclass_ps_mask(v0, ODD);
				bad |= wide ? _mm512_fpclass_ps_mask(v1, ODD) : 0;
			} else {
				v0 = _mm512_mul_ps(v0, _mm512_set1_ps(t->weight));
				v1 = _mm512_mul_ps(v1, _mm512_set1_ps(t->weight));
			}
			for (uint32_t k = 1; k < yb[y].n; k++) {
				from = plane + t[k].at * stride;
				s0 = _mm512_maskz_loadu_ps(m0, from);
				if (wide)
					s1 = _mm512_maskz_loadu_ps(m1, from + 16);
				if (max) {
					bad |= _mm512_fpclass_ps_mask(s0, ODD);
					v0 = _mm512_max_ps(v0, s0);
					if (wide) {
						bad |= _mm512_fpclass_ps_mask(s1, ODD);
						v1 = _mm512_max_ps(v1, s1);
					}
				} else {
					x = _mm512_set1_ps(t[k].weight);
					v0 = _mm512_fmadd_ps(s0, x, v0);
					if (wide)
						v1 = _mm512_fmadd_ps(s1, x, v1);
				}
			}
			o = _mm512_setzero_ps();
			for (uint32_t k = 0; k < taps; k++) {
				x = wide ? _mm512_permutex2var_ps(v0, at[k], v1)
					 : _mm512_permutexvar_ps(at[k], v0);
				if (max)
					o = k ? _mm512_max_ps(o, x) : x;
				else
					o = k ? _mm512_fmadd_ps(x, weight[k], o)
					      : _mm512_mul_ps(x, weight[k]);
			}
			o = _mm512_maskz_mov_ps(cols.some, o);
			bad |= _mm512_fpclass_ps_mask(o, ODD);
			_mm512_mask_storeu_ps(out, mo, o);
		}
	}
	return bad != 0;
}

T512 INLINE int
run_512(const struct det_roi_work *w, const int max)
{
	const struct det_roi_axis *x = &w->job->x;
	const uint32_t n = x->hi - x->lo;

	if (n == 0 || n > WIDTH || x->bins > BINS || x->most > MOST)
		return run_any(w, max);
	if (x->most <= 4)
		return n > 16 ? run_narrow(w, max, 4, 1) : run_narrow(w, max, 4, 0);
	return n > 16 ? run_narrow(w, max, 8, 1) : run_narrow(w, max, 8, 0);
}

T512 static int
mean_avx512(const struct det_roi_work *w)
{
	return run_512(w, 0);
}

T512 static int
max_avx512(const struct det_roi_work *w)
{
	return run_512(w, 1);
}
#endif

const struct det_roi_kernel *
det_roi_kernel_number(size_t i, int *more)
{
	static const struct det_roi_kernel kernels[] = {
		{ "c", mean_c, max_c, det_roi_range_c },
#if X86
		{ "avx2", mean_avx2, max_avx2, det_roi_range_avx2 },
		{ "avx512", mean_avx512, max_avx512, det_roi_range_avx512 },
#endif
	};

	*more = i < sizeof kernels / sizeof kernels[0];
	return *more && i <= (size_t)det_cpu_supported() ? &kernels[i] : NULL;
}

const struct det_roi_kernel *
det_roi_kernel_best(void)
{
	int more;

	return det_roi_kernel_number((size_t)det_cpu_level(), &more);
}
