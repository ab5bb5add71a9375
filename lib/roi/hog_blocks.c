/* SPDX-License-Identifier: MIT
 *
 * Histograms of oriented gradients of a view: the picture resampled, its gradients, their
 * votes, the blocks. The rules (Dalal and Triggs, Histograms of oriented gradients for human
 * detection, CVPR 2005, section 6), for a view of cells of c pixels:
 *
 *   resampling  a pixel of the view is the weighted mean of the picture's pixels under a tent
 *               of half-width max(1, step) around its centre: linear interpolation where the
 *               view is larger than the picture, without aliasing where it is smaller. Taps
 *               beyond the picture are left out, the others' weights sum to 1; where none is
 *               left the nearest pixel stands.
 *   gradient    [-1 0 1] along x and y, of the channel where it is longest (ties: the first)
 *   votes       the gradient's length, shared between the two nearest of 9 orientations
 *               (centres at 10, 30 .. 170 degrees; opposite directions are one) and, within
 *               each block that the pixel lies in, bilinearly between its 2x2 cells; what
 *               would go to a cell outside the block is lost
 *   window      in each block votes are weighted by a Gaussian around its middle, with a
 *               sigma of half the block's side (c pixels)
 *   blocks      2x2 cells, a cell apart, each a vector v of 36: v / (|v| + 3.6), cut at .2,
 *               then v / (|v| + .001): L2-Hys with the constants of OpenCV's HOGDescriptor,
 *               for bytes
 *
 * A pixel lies in up to four blocks and, in all, nine of their cells. Both the Gaussian and
 * the sharing between cells are products of one factor for x and one for y, so rows are
 * summed first: a pixel votes in at most four (block column, cell) pairs, and a whole row's
 * sums are then added, with a weight, to at most four rows of cells.
 *
 * Departures: no gamma compression (the paper gains 1 % by it); OpenCV's Gaussian stands half
 * a pixel off the middle, and its sigma is half of ours unless told; blocks here come row by
 * row, there column by column.
 */
#include "roi/hog_impl.h"

#include <math.h>
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"

#define INLINE static inline __attribute__((always_inline))

enum {
	ROOM = DET_HOG_BINS + 1, /* a cell's bins, and bin 0 once more as 9 */
	PAIR = 24,               /* floats of two cells beside each other, padded */
	BOTH = 2 * PAIR,         /* of a block */
	NEXT = 12                /* from one cell of a pair to the other */
};

static size_t
rounded(size_t n)
{
	return (n + 15) & ~(size_t)15;
}

static size_t
taps_of(double step, size_t pixels)
{
	double n = 2 * fmax(step, 1) + 2;

	return n < (double)pixels ? (size_t)n : pixels;
}

enum det_err
det_hog_scratch_set(struct det_hog_scratch *s, size_t *floats, float *base,
    const struct det_hog_source *src, const struct det_hog_view *v)
{
	const size_t cols = v->cells_w * src->cell + 2, wide = v->cells_w - 1;
	struct {
		float **at;
		size_t n;
	} part[] = { { &s->weight, 0 }, { &s->mixed, rounded(src->im->w) },
		{ &s->ring, 0 }, { &s->gx, rounded(cols) }, { &s->gy, rounded(cols) },
		{ &s->square, rounded(cols) }, { &s->cast, rounded((wide + 2) * PAIR) },
		{ &s->open, 2 * rounded(wide * BOTH) }, { &s->block, 0 } };
	const size_t parts = sizeof part / sizeof part[0];
	const size_t taps = rounded((cols + 1) * 2); /* a tap is two words */
	size_t used = taps;
	enum det_err e;

	s->most_x = taps_of(v->step_x, src->im->w);
	s->most_y = taps_of(v->step_y, src->im->h);
	s->span = rounded(cols);
	if ((e = det_mul(&part[0].n, s->most_x, cols)) ||
	    (e = det_add(&part[0].n, part[0].n, s->most_y + 15)) ||
	    (e = det_mul(&part[2].n, s->span, 3 * src->im->c)) ||
	    (e = det_mul(&part[8].n, wide * DET_HOG_BLOCK, v->cells_h - 1)))
		return e;
	part[0].n = rounded(part[0].n);
	s->tap = (struct det_hog_tap *)(void *)base;
	for (size_t i = 0; i < parts; i++) {
		*part[i].at = base ? base + used : NULL;
		if ((e = det_add(&used, used, part[i].n)))
			return e;
	}
	*floats = used;
	return DET_OK;
}

/* The pixels and weights of one pixel of a view whose centre is `centre`. */
static void
set_tap(struct det_hog_tap *t, float *weight, size_t most, double centre, double step,
    size_t pixels)
{
	const double half = fmax(step, 1), last = (double)pixels;
	const double lo = fmax(floor(centre - half + .5), 0);
	const double hi = fmin(floor(centre + half + .5), last);
	double sum = 0, w;

	t->n = 0;
	if (hi > lo) {
		t->first = (uint32_t)lo;
		for (double k = lo; k < hi && t->n < most; k++) {
			w = fmax(0, 1 - fabs(k + .5 - centre) / half);
			weight[t->n++] = (float)w;
			sum += w;
		}
	}
	if (!(sum > 0)) {
		t->first = (uint32_t)(centre < last ? fmax(centre, 0) : last - 1);
		t->n = 1;
		weight[0] = 1;
		return;
	}
	for (uint32_t k = 0; k < t->n; k++)
		weight[k] = (float)((double)weight[k] / sum);
}

static void
set_columns(const struct det_hog_scratch *s, const struct det_hog_source *src,
    const struct det_hog_view *v)
{
	const size_t cols = v->cells_w * src->cell + 2;

	for (size_t i = 0; i < cols; i++)
		set_tap(&s->tap[i], s->weight + i * s->most_x, s->most_x,
		    v->x + ((double)i - .5) * v->step_x, v->step_x, src->im->w);
}

/* Row `row` of the view, -1 the one above it, all channels, into its place in the ring. */
INLINE void
resample_row(const struct det_hog_scratch *s, const struct det_hog_source *src,
    const struct det_hog_view *v, long row)
{
	const struct det_warp_picture *im = src->im;
	const size_t cols = v->cells_w * src->cell + 2;
	const struct det_hog_tap *tx = s->tap, *end = tx + cols - 1;
	const size_t lo = tx->first, hi = end->first + end->n;
	float *wy = s->weight + cols * s->most_x, *mixed = s->mixed;
	struct det_hog_tap ty;

	set_tap(&ty, wy, s->most_y, v->y + ((double)row + .5) * v->step_y, v->step_y,
	    im->h);
	for (size_t c = 0; c < im->c; c++) {
		const float *from = im->data + c * im->plane + ty.first * im->stride;
		float *to = s->ring + (c * 3 + (size_t)(row + 3) % 3) * s->span;

		for (uint32_t k = 0; k < ty.n; k++, from += im->stride) {
			const float w = wy[k] * src->gain[c];

			if (k == 0) {
#pragma omp simd
				for (size_t x = lo; x < hi; x++)
					mixed[x] = w * from[x];
			} else {
#pragma omp simd
				for (size_t x = lo; x < hi; x++)
					mixed[x] += w * from[x];
			}
		}
		for (size_t i = 0; i < cols; i++) {
			const float *w = s->weight + i * s->most_x;
			const float *m = mixed + tx[i].first;
			float sum = 0;

			for (uint32_t k = 0; k < tx[i].n; k++)
				sum += w[k] * m[k];
			to[i] = sum;
		}
	}
}

/* The longest gradients of row `row`, and their squared lengths. */
INLINE void
gradient_row(const struct det_hog_scratch *s, const struct det_hog_source *src,
    size_t cols, size_t row)
{
	float *restrict gx = s->gx, *restrict gy = s->gy, *restrict square = s->square;

	for (size_t c = 0; c < src->im->c; c++) {
		const float *ring = s->ring + c * 3 * s->span;
		const float *up = ring + (row + 2) % 3 * s->span + 1;
		const float *mid = ring + row % 3 * s->span;
		const float *low = ring + (row + 1) % 3 * s->span + 1;

		if (c == 0) {
#pragma omp simd
			for (size_t x = 0; x < cols; x++) {
				gx[x] = mid[x + 2] - mid[x];
				gy[x] = low[x] - up[x];
				square[x] = gx[x] * gx[x] + gy[x] * gy[x];
			}
			continue;
		}
#pragma omp simd
		for (size_t x = 0; x < cols; x++) {
			float dx = mid[x + 2] - mid[x], dy = low[x] - up[x];
			float q = dx * dx + dy * dy, old = square[x];

			gx[x] = q > old ? dx : gx[x];
			gy[x] = q > old ? dy : gy[x];
			square[x] = q > old ? q : old;
		}
	}
}

/* gx becomes the orientation, in bins from the centre of bin 0: [0,9). The polynomial is
 * arctan(r) 9 / pi on [0,1] within 1.5e-6, interpolated at Chebyshev's points. */
INLINE void
turn_row(float *restrict gx, const float *restrict gy, size_t cols)
{
#pragma omp simd
	for (size_t x = 0; x < cols; x++) {
		float ax = gx[x] < 0 ? -gx[x] : gx[x], ay = gy[x] < 0 ? -gy[x] : gy[x];
		float hi = ax > ay ? ax : ay, lo = ax > ay ? ay : ax;
		float r = lo / (hi > 1e-30f ? hi : 1e-30f), u = r * r, t;

		t = 0.02241835727f;
		t = t * u - 0.1057067863f;
		t = t * u + 0.239901888f;
		t = t * u - 0.3861851737f;
		t = t * u + 0.5695163859f;
		t = t * u - 0.9547303033f;
		t = (t * u + 2.86478705f) * r;
		t = ay > ax ? 4.5f - t : t;
		t = (gx[x] < 0) != (gy[x] < 0) ? 9 - t : t;
		t = t - .5f;
		t = t < 0 ? t + 9 : t;
		gx[x] = t < 9 ? t : 0;
	}
}

/* The weights of a pixel in a block: of place k along one axis to cell 0 and cell 1, with
 * the Gaussian's factor. */
struct shares {
	float to[2][2 * 64];
};

static void
set_shares(struct shares *s, size_t cell)
{
	const double c = (double)cell;

	for (size_t k = 0; k < 2 * cell; k++) {
		double at = ((double)k + .5) / c - .5, off = ((double)k + .5 - c) / c;
		double g = exp(-off * off / 2);

		s->to[0][k] = (float)(g * fmax(0, 1 - fabs(at)));
		s->to[1][k] = (float)(g * fmax(0, 1 - fabs(at - 1)));
	}
}

/* Sums a row's votes along x: s->cast[block column + 1], (2, NEXT). The first and last of
 * them are of columns that the view does not have. */
INLINE void
cast_row(const struct det_hog_scratch *s, const struct shares *share, size_t cell,
    size_t cells)
{
	const float *l0 = share->to[0] + cell, *l1 = share->to[1] + cell;
	const float *r0 = share->to[0], *r1 = share->to[1];

	memset(s->cast, 0, (cells + 1) * PAIR * sizeof *s->cast);
	for (size_t i = 0; i < cells; i++) {
		const float *turn = s->gx + i * cell, *square = s->square + i * cell;
		float *left = s->cast + i * PAIR, *right = left + PAIR;

		for (size_t k = 0; k < cell; k++) {
			size_t bin = (size_t)turn[k];
			float length = sqrtf(square[k]);
			float far = length * (turn[k] - (float)bin),
			      near = length - far;
			float *l = left + bin, *r = right + bin;

			l[0] += l0[k] * near;
			l[1] += l0[k] * far;
			l[NEXT] += l1[k] * near;
			l[NEXT + 1] += l1[k] * far;
			r[0] += r0[k] * near;
			r[1] += r0[k] * far;
			r[NEXT] += r1[k] * near;
			r[NEXT + 1] += r1[k] * far;
		}
	}
}

/* Adds a row's votes to a row of blocks, `to` (wide, 2, PAIR), of which it is row k. */
INLINE void
add_row(float *restrict to, const float *restrict cast, const struct shares *share,
    size_t k, size_t wide)
{
	for (size_t y = 0; y < 2; y++) {
		const float w = share->to[y][k];

		for (size_t b = 0; b < wide && w > 0; b++) {
			float *restrict o = to + b * BOTH + y * PAIR;
			const float *restrict v = cast + b * PAIR;

#pragma omp simd
			for (size_t i = 0; i < PAIR; i++)
				o[i] += w * v[i];
		}
	}
}

static void
normalize(float *v, float more, float most)
{
	float sum = 0, scale;

	for (size_t i = 0; i < DET_HOG_BLOCK; i++)
		sum += v[i] * v[i];
	scale = 1 / (sqrtf(sum) + more);
	for (size_t i = 0; i < DET_HOG_BLOCK; i++)
		v[i] = v[i] * scale < most ? v[i] * scale : most;
}

/* A finished row of blocks, which is then cleared for the next but one. */
static void
finish_row(float *out, float *open, size_t wide)
{
	for (size_t b = 0; b < wide; b++, out += DET_HOG_BLOCK) {
		for (size_t cell = 0; cell < 4; cell++) {
			const float *v =
			    open + b * BOTH + cell / 2 * PAIR + cell % 2 * NEXT;
			float *o = out + cell * DET_HOG_BINS;

			memcpy(o, v, DET_HOG_BINS * sizeof *o);
			o[0] += v[DET_HOG_BINS];
		}
		normalize(out, .1f * DET_HOG_BLOCK, .2f);
		normalize(out, 1e-3f, 1);
	}
	memset(open, 0, wide * BOTH * sizeof *open);
}

INLINE void
blocks_any(const struct det_hog_scratch *s, const struct det_hog_source *src,
    const struct det_hog_view *v)
{
	const size_t cell = src->cell, cols = v->cells_w * cell, wide = v->cells_w - 1;
	const size_t rows = v->cells_h * cell, each = rounded(wide * BOTH);
	struct shares share;

	set_shares(&share, cell);
	set_columns(s, src, v);
	memset(s->open, 0, 2 * each * sizeof *s->open);
	resample_row(s, src, v, -1);
	resample_row(s, src, v, 0);
	for (size_t y = 0; y < rows; y++) {
		const size_t row = y / cell, k = y % cell; /* of cells */
		float *above = s->open + (row + 1) % 2 * each;
		float *below = s->open + row % 2 * each;

		resample_row(s, src, v, (long)y + 1);
		gradient_row(s, src, cols, y);
		turn_row(s->gx, s->gy, cols);
		cast_row(s, &share, cell, v->cells_w);
		if (row > 0)
			add_row(above, s->cast + PAIR, &share, k + cell, wide);
		if (row + 1 < v->cells_h)
			add_row(below, s->cast + PAIR, &share, k, wide);
		if (row > 0 && k + 1 == cell)
			finish_row(
			    s->block + (row - 1) * wide * DET_HOG_BLOCK, above, wide);
	}
}

static void
blocks_c(const struct det_hog_scratch *s, const struct det_hog_source *src,
    const struct det_hog_view *v)
{
	blocks_any(s, src, v);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void
blocks_avx2(const struct det_hog_scratch *s, const struct det_hog_source *src,
    const struct det_hog_view *v)
{
	blocks_any(s, src, v);
}
#endif

const struct det_hog_kernel *
det_hog_kernel_number(size_t i, int *more)
{
	static const struct det_hog_kernel kernels[] = {
		{ "c", blocks_c },
#if defined(__x86_64__)
		{ "avx2", blocks_avx2 },
#endif
	};

	*more = i < sizeof kernels / sizeof kernels[0];
	return *more && i <= (size_t)det_cpu_supported() ? &kernels[i] : NULL;
}

const struct det_hog_kernel *
det_hog_kernel_best(void)
{
	size_t level = (size_t)det_cpu_level();
	int more;

	return det_hog_kernel_number(level < 1 ? 0 : 1, &more) && level
		   ? det_hog_kernel_number(1, &more)
		   : det_hog_kernel_number(0, &more);
}
