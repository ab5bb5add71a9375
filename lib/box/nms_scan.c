/* SPDX-License-Identifier: MIT
 *
 * The inner loop of NMS: one candidate against many boxes. The test is
 * intersection > lo * union, which needs no division; the caller makes `lo` a little smaller
 * than the threshold and decides the few boxes found here exactly. Vector versions use only
 * operations that round as the C ones do (no fused multiply-add), so all of them stop at the
 * same box.
 */
#include <stdlib.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "box/nms_impl.h"

#if defined(__x86_64__) || defined(__i386__)
#define X86 1
#include <immintrin.h>
#else
#define X86 0
#endif

static void
empty(struct det_kept *k, size_t i)
{
	k->x1[i] = k->y1[i] = 2e18f;
	k->x2[i] = k->y2[i] = -2e18f;
	k->area[i] = 0;
}

enum det_err
det_kept_new(struct det_kept *k, size_t cap)
{
	size_t each;
	float *mem;
	enum det_err e;

	*k = (struct det_kept){ 0 };
	if ((e = det_add(&each, cap, DET_KEPT_PAD)) || (e = det_alloc(&mem, each, 20)))
		return e;
	k->x1 = mem;
	k->y1 = k->x1 + each;
	k->x2 = k->y1 + each;
	k->y2 = k->x2 + each;
	k->area = k->y2 + each;
	det_kept_clear(k);
	return DET_OK;
}

void
det_kept_free(struct det_kept *k)
{
	free(k->x1);
	*k = (struct det_kept){ 0 };
}

void
det_kept_clear(struct det_kept *k)
{
	k->n = 0;
	for (size_t i = 0; i < DET_KEPT_PAD; i++)
		empty(k, i);
}

void
det_kept_set(struct det_kept *k, size_t i, const struct det_fbox *b)
{
	k->x1[i] = b->x1;
	k->y1[i] = b->y1;
	k->x2[i] = b->x2;
	k->y2[i] = b->y2;
	k->area[i] = b->area;
}

void
det_kept_add(struct det_kept *k, const struct det_fbox *b)
{
	det_kept_set(k, k->n++, b);
	empty(k, k->n - 1 + DET_KEPT_PAD);
}

void
det_chunk_clear(struct det_chunk *c, unsigned i)
{
	c->x1[i] = c->y1[i] = 2e18f;
	c->x2[i] = c->y2[i] = -2e18f;
	c->area[i] = 0;
	c->id[i] = 0;
}

/* Coordinates of boxes, one array each: what both lists and chunks come down to. */
struct columns {
	const float *x1, *y1, *x2, *y2, *area;
};

static inline struct columns
of_kept(const struct det_kept *k)
{
	return (struct columns){ k->x1, k->y1, k->x2, k->y2, k->area };
}

static inline struct columns
of_chunk(const struct det_chunk *c)
{
	return (struct columns){ c->x1, c->y1, c->x2, c->y2, c->area };
}

static inline int
meets(struct columns k, size_t i, const struct det_fbox *b, float lo, float one)
{
	float w = det_iou_side(
	    k.x1[i] > b->x1 ? k.x1[i] : b->x1, k.x2[i] < b->x2 ? k.x2[i] : b->x2, one);
	float h = det_iou_side(
	    k.y1[i] > b->y1 ? k.y1[i] : b->y1, k.y2[i] < b->y2 ? k.y2[i] : b->y2, one);
	float inter = w * h;

	return inter > lo * (k.area[i] + b->area - inter);
}

static size_t
next_c(const struct det_kept *k, size_t from, const struct det_fbox *b, float lo,
    float one)
{
	for (size_t i = from; i < k->n; i++)
		if (meets(of_kept(k), i, b, lo, one))
			return i;
	return k->n;
}

static unsigned
mask_c(const struct det_chunk *c, const struct det_fbox *b, float lo, float one)
{
	unsigned mask = 0;

	for (unsigned i = 0; i < DET_CHUNK; i++)
		mask |= (unsigned)meets(of_chunk(c), i, b, lo, one) << i;
	return mask;
}

/* The IoU of a chunk's boxes with one, as det_iou gives it. Nothing here branches, so that
 * the compiler makes vectors of it for each instruction set. */
static inline __attribute__((always_inline)) void
overlaps(float *out, const struct det_chunk *c, const struct det_fbox *b, float one)
{
	const float bx1 = b->x1, by1 = b->y1, bx2 = b->x2, by2 = b->y2, area = b->area;

#pragma omp simd
	for (int i = 0; i < DET_CHUNK; i++) {
		float x1 = c->x1[i] > bx1 ? c->x1[i] : bx1;
		float y1 = c->y1[i] > by1 ? c->y1[i] : by1;
		float x2 = c->x2[i] < bx2 ? c->x2[i] : bx2;
		float y2 = c->y2[i] < by2 ? c->y2[i] : by2;
		float w = x2 - x1 + one, h = y2 - y1 + one;
		float inter = (w > 0 ? w : 0) * (h > 0 ? h : 0);
		float uni = c->area[i] + area - inter;
		float v = inter / (uni > 0 ? uni : 1);

		v = uni > 0 ? v : 0;
		out[i] = inter > 0 ? v : 0;
	}
}

static void
overlaps_c(float *out, const struct det_chunk *c, const struct det_fbox *b, float one)
{
	overlaps(out, c, b, one);
}

#if X86
/* Eight boxes from the i-th. */
__attribute__((target("avx2"))) static inline unsigned
meets8(struct columns k, size_t i, const struct det_fbox *b, float lo, float one)
{
	const __m256 o = _mm256_set1_ps(one), zero = _mm256_setzero_ps();
	__m256 w = _mm256_sub_ps(
	    _mm256_min_ps(_mm256_loadu_ps(k.x2 + i), _mm256_set1_ps(b->x2)),
	    _mm256_max_ps(_mm256_loadu_ps(k.x1 + i), _mm256_set1_ps(b->x1)));
	__m256 h = _mm256_sub_ps(
	    _mm256_min_ps(_mm256_loadu_ps(k.y2 + i), _mm256_set1_ps(b->y2)),
	    _mm256_max_ps(_mm256_loadu_ps(k.y1 + i), _mm256_set1_ps(b->y1)));
	__m256 in = _mm256_mul_ps(_mm256_max_ps(_mm256_add_ps(w, o), zero),
	    _mm256_max_ps(_mm256_add_ps(h, o), zero));
	__m256 un = _mm256_sub_ps(
	    _mm256_add_ps(_mm256_loadu_ps(k.area + i), _mm256_set1_ps(b->area)), in);

	return (unsigned)_mm256_movemask_ps(
	    _mm256_cmp_ps(in, _mm256_mul_ps(_mm256_set1_ps(lo), un), _CMP_GT_OQ));
}

__attribute__((target("avx2"))) static size_t
next_avx2(const struct det_kept *k, size_t from, const struct det_fbox *b, float lo,
    float one)
{
	unsigned hit;

	for (size_t i = from; i < k->n; i += 8)
		if ((hit = meets8(of_kept(k), i, b, lo, one)))
			return i + (size_t)__builtin_ctz(hit);
	return k->n;
}

__attribute__((target("avx2"))) static unsigned
mask_avx2(const struct det_chunk *c, const struct det_fbox *b, float lo, float one)
{
	return meets8(of_chunk(c), 0, b, lo, one) | meets8(of_chunk(c), 8, b, lo, one)
							<< 8;
}

__attribute__((target("avx2"))) static void
overlaps_avx2(
    float *out, const struct det_chunk *c, const struct det_fbox *b, float one)
{
	overlaps(out, c, b, one);
}

/* Sixteen boxes from the i-th. */
__attribute__((target("avx512f"))) static inline unsigned
meets16(struct columns k, size_t i, const struct det_fbox *b, float lo, float one)
{
	const __m512 o = _mm512_set1_ps(one), zero = _mm512_setzero_ps();
	__m512 w = _mm512_sub_ps(
	    _mm512_min_ps(_mm512_loadu_ps(k.x2 + i), _mm512_set1_ps(b->x2)),
	    _mm512_max_ps(_mm512_loadu_ps(k.x1 + i), _mm512_set1_ps(b->x1)));
	__m512 h = _mm512_sub_ps(
	    _mm512_min_ps(_mm512_loadu_ps(k.y2 + i), _mm512_set1_ps(b->y2)),
	    _mm512_max_ps(_mm512_loadu_ps(k.y1 + i), _mm512_set1_ps(b->y1)));
	__m512 in = _mm512_mul_ps(_mm512_max_ps(_mm512_add_ps(w, o), zero),
	    _mm512_max_ps(_mm512_add_ps(h, o), zero));
	__m512 un = _mm512_sub_ps(
	    _mm512_add_ps(_mm512_loadu_ps(k.area + i), _mm512_set1_ps(b->area)), in);

	return _mm512_cmp_ps_mask(
	    in, _mm512_mul_ps(_mm512_set1_ps(lo), un), _CMP_GT_OQ);
}

__attribute__((target("avx512f"))) static size_t
next_avx512(const struct det_kept *k, size_t from, const struct det_fbox *b, float lo,
    float one)
{
	unsigned hit;

	for (size_t i = from; i < k->n; i += 16)
		if ((hit = meets16(of_kept(k), i, b, lo, one)))
			return i + (size_t)__builtin_ctz(hit);
	return k->n;
}

__attribute__((target("avx512f"))) static unsigned
mask_avx512(const struct det_chunk *c, const struct det_fbox *b, float lo, float one)
{
	return meets16(of_chunk(c), 0, b, lo, one);
}

__attribute__((target("avx512f"))) static void
overlaps_avx512(
    float *out, const struct det_chunk *c, const struct det_fbox *b, float one)
{
	overlaps(out, c, b, one);
}
#endif

const struct det_nms_scan *
det_nms_scan_number(size_t i, int *more)
{
	static const struct det_nms_scan scans[] = {
		{ "C", next_c, mask_c, overlaps_c },
#if X86
		{ "AVX2", next_avx2, mask_avx2, overlaps_avx2 },
		{ "AVX-512", next_avx512, mask_avx512, overlaps_avx512 },
#endif
	};

	*more = i < sizeof scans / sizeof scans[0];
	if (!*more)
		return NULL;
#if X86
	if ((i == 1 && !__builtin_cpu_supports("avx2")) ||
	    (i == 2 && !__builtin_cpu_supports("avx512f")))
		return NULL;
#endif
	return &scans[i];
}

const struct det_nms_scan *
det_nms_scan_best(void)
{
	const struct det_nms_scan *best = NULL, *s;
	int more = 1;

	/* in the order of the levels of DET_CPU */
	for (size_t i = 0; more && i <= (size_t)det_cpu_level(); i++)
		if ((s = det_nms_scan_number(i, &more)))
			best = s;
	return best;
}
