/* SPDX-License-Identifier: MIT
 *
 * Linear interpolation with two taps an axis, in three dialects that agree in their form
 *
 *   out = w0y * (w0x * p00 + w1x * p01) + w1y * (w0x * p10 + w1x * p11)
 *
 * and differ in where they read. With s the position in the input:
 *
 *   Darknet  s = i * (in-1)/(out-1), float: corners on corners (pjreddie/darknet,
 *            src/image.c resize_image). The last column is the last input column. The last
 *            row lacks its second tap; where rounding puts s just below in-1, what is left
 *            is nearly black. Darknet's networks saw that row, so it is kept.
 *   OpenCV   s = (i+.5)*step - .5 in double, rounded to float; clamped at both ends
 *            (imgproc/src/resize.cpp, version 4.6). step is 1/(out/in), or 1/factor where
 *            the caller resized by a factor.
 *   torch    s = max(0, (i+.5)*(in/out) - .5), in/out rounded to float (aten UpSample,
 *            align_corners False, no antialias).
 *
 * On bytes OpenCV works in fixed point: weights round(w * 2048); a row of the horizontal
 * pass loses 4 bits, each product of the vertical one 16, the sum is rounded by 2 bits:
 *   ((b0 * (r0 >> 4)) >> 16) + ((b1 * (r1 >> 4)) >> 16) + 2 >> 2
 * Both products are cut separately, which a plain float implementation can't imitate.
 *
 * Rows are resized horizontally once, as they are needed, and kept two at a time.
 */
#include "image/resize.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/mem.h"
#include "image/simd.h"
#include "image/taps.h"

const char *const det_kernel_names[] = { "darknet", "opencv", "torch", "pil", NULL };

static struct det_tap
tap_darknet(size_t i, size_t n_out, size_t n_in, int rows)
{
	struct det_tap t = { 0, 0, 1, 0 };
	float scale, s;

	if (!rows && (i == n_out - 1 || n_in == 1)) {
		t.i0 = t.i1 = n_in - 1;
		return t;
	}
	if (n_out == 1) /* Darknet divides by zero here */
		return t;
	scale = (float)(n_in - 1) / (float)(n_out - 1);
	s = (float)i * scale;
	t.i0 = (size_t)s;
	if (t.i0 > n_in - 1)
		t.i0 = n_in - 1;
	t.i1 = t.i0 + 1 < n_in ? t.i0 + 1 : t.i0;
	t.w1 = s - (float)t.i0;
	t.w0 = 1 - t.w1;
	if (rows && (i == n_out - 1 || n_in == 1)) {
		t.i1 = t.i0;
		t.w1 = 0;
	}
	return t;
}

static struct det_tap
tap_opencv(size_t i, size_t n_in, double step, int rows)
{
	struct det_tap t;
	float f = (float)(((double)i + .5) * step - .5);
	const float whole = floorf(f);
	const float last = (float)(n_in - 1);

	f -= whole;
	if (!rows && (whole < 0 || whole >= last))
		f = 0; /* columns lose their second tap at the ends, rows don't */
	t.i0 = whole < 0 ? 0 : whole > last ? n_in - 1 : (size_t)whole;
	t.i1 = whole + 1 < 0 ? 0 : whole + 1 > last ? n_in - 1 : (size_t)(whole + 1);
	t.w1 = f;
	t.w0 = 1 - f;
	return t;
}

static struct det_tap
tap_torch(size_t i, size_t n_out, size_t n_in)
{
	const float scale = (float)n_in / (float)n_out;
	struct det_tap t;
	/* in double what torch's vector code keeps between its fused operations */
	double s = (double)scale * ((double)i + .5) - .5;

	if (s < 0)
		s = 0;
	t.i0 = (size_t)s;
	if (t.i0 > n_in - 1)
		t.i0 = n_in - 1;
	t.i1 = t.i0 + 1 < n_in ? t.i0 + 1 : t.i0;
	t.w1 = (float)fmin(s - (double)t.i0, 1);
	t.w0 = 1 - t.w1;
	return t;
}

void
det_taps_fill(struct det_tap *t, size_t n_out, size_t n_in, enum det_kernel kernel,
    double step, int rows)
{
	size_t i;

	if (step == 0) /* as OpenCV computes it, with both roundings */
		step = 1 / ((double)n_out / (double)n_in);
	for (i = 0; i < n_out; i++) {
		if (kernel == DET_KERNEL_DARKNET)
			t[i] = tap_darknet(i, n_out, n_in, rows);
		else if (kernel == DET_KERNEL_OPENCV)
			t[i] = tap_opencv(i, n_in, step, rows);
		else
			t[i] = tap_torch(i, n_out, n_in);
	}
}

/* out[c][x], three planes of ow floats one after another */
static void
row_floats(float *out, size_t ow, const unsigned char *row, const struct det_tap *tx,
    const struct det_table *table)
{
	const float *red = table->v[0], *green = table->v[1], *blue = table->v[2];
	const unsigned char *a, *b;
	size_t x;

	for (x = 0; x < ow; x++) {
		a = row + 3 * tx[x].i0;
		b = row + 3 * tx[x].i1;
		out[x] = tx[x].w0 * red[a[0]] + tx[x].w1 * red[b[0]];
		out[ow + x] = tx[x].w0 * green[a[1]] + tx[x].w1 * green[b[1]];
		out[2 * ow + x] = tx[x].w0 * blue[a[2]] + tx[x].w1 * blue[b[2]];
	}
}

static void
blend_floats(
    float *restrict out, const float *r0, const float *r1, size_t n, float w0, float w1)
{
	size_t i;

	DET_SIMD
	for (i = 0; i < n; i++)
		out[i] = w0 * r0[i] + w1 * r1[i];
}

/* The two rows last resized horizontally: which input row lies in which buffer, and the
 * buffers of the output row at hand. */
struct kept_rows {
	size_t row[2];
	int buffer[2];
};

/* Finds the buffer of the k-th of the two input rows wanted; 1: it has to be filled. The
 * second must not take the place of the first, nor the first that of the second. */
static int
seek_row(struct kept_rows *r, int k, size_t want0, size_t want1)
{
	size_t want = k == 0 ? want0 : want1;

	r->buffer[k] = r->row[1] == want;
	if (r->row[r->buffer[k]] == want)
		return 0;
	r->buffer[k] = k == 0 ? r->row[0] == want1 : !r->buffer[0];
	r->row[r->buffer[k]] = want;
	return 1;
}

enum det_err
det_resize_floats(const struct det_planes *out, size_t ow, size_t oh,
    const struct det_image *im, const struct det_table *table, enum det_kernel kernel,
    double step_x, double step_y)
{
	struct det_tap *tx = NULL, *ty = NULL;
	struct kept_rows kept = { { SIZE_MAX, SIZE_MAX }, { 0, 0 } };
	float *rows = NULL, *r[2];
	size_t y, c, n;
	int k;
	enum det_err e;

	if ((e = det_mul(&n, ow, 6)) || (e = det_alloc(&rows, n, sizeof *rows)) ||
	    (e = det_alloc(&tx, ow, sizeof *tx)) ||
	    (e = det_alloc(&ty, oh, sizeof *ty)))
		goto done;
	r[0] = rows;
	r[1] = rows + 3 * ow;
	det_taps_fill(tx, ow, im->w, kernel, step_x, 0);
	det_taps_fill(ty, oh, im->h, kernel, step_y, 1);
	for (y = 0; y < oh; y++) {
		for (k = 0; k < 2; k++)
			if (seek_row(&kept, k, ty[y].i0, ty[y].i1))
				row_floats(r[kept.buffer[k]], ow,
				    im->rgb + kept.row[kept.buffer[k]] * im->w * 3, tx,
				    table);
		for (c = 0; c < 3; c++)
			blend_floats(out->plane[c] + y * out->stride,
			    r[kept.buffer[0]] + c * ow, r[kept.buffer[1]] + c * ow, ow,
			    ty[y].w0, ty[y].w1);
	}
done:
	free(rows);
	free(tx);
	free(ty);
	return e;
}

/* Weights as OpenCV rounds them: half to even, each on its own. */
struct fixed_tap {
	size_t i0, i1; /* bytes for columns, rows for rows */
	int16_t w0, w1;
};

static enum det_err
fixed_taps(struct fixed_tap **out, size_t n_out, size_t n_in, double step, int rows)
{
	struct det_tap *t = NULL;
	size_t i;
	enum det_err e;

	if ((e = det_alloc(&t, n_out, sizeof *t)) ||
	    (e = det_alloc(out, n_out, sizeof **out)))
		goto done;
	det_taps_fill(t, n_out, n_in, DET_KERNEL_OPENCV, step, rows);
	for (i = 0; i < n_out; i++) {
		(*out)[i].i0 = t[i].i0 * (rows ? 1 : 3);
		(*out)[i].i1 = t[i].i1 * (rows ? 1 : 3);
		(*out)[i].w0 = (int16_t)lrintf(t[i].w0 * 2048);
		(*out)[i].w1 = (int16_t)lrintf(t[i].w1 * 2048);
	}
done:
	free(t);
	return e;
}

#ifdef __SSE2__
static __m128i
load_four(const void *p)
{
	int v;

	memcpy(&v, p, sizeof v);
	return _mm_cvtsi32_si128(v);
}

/* The channels of a pixel, and of the byte after it, times the tap's weights and cut. */
static __m128i
tap_pixel(const unsigned char *row, const struct fixed_tap *t)
{
	const __m128i bytes =
	    _mm_unpacklo_epi8(load_four(row + t->i0), load_four(row + t->i1));
	const __m128i pairs = _mm_unpacklo_epi8(bytes, _mm_setzero_si128());
	const __m128i w = _mm_shuffle_epi32(load_four(&t->w0), 0);

	return _mm_srai_epi32(_mm_madd_epi16(pairs, w), 4);
}

/* As many columns as there is a byte after their pixels and a place after their results,
 * two at a time; how many. */
static size_t
row_fixed_fast(int16_t *out, size_t ow, const unsigned char *row, size_t bytes,
    const struct fixed_tap *tx)
{
	size_t x;

	for (x = 0;
	     x + 2 < ow && tx[x + 1].i0 + 4 <= bytes && tx[x + 1].i1 + 4 <= bytes;
	     x += 2) {
		const __m128i v =
		    _mm_packs_epi32(tap_pixel(row, &tx[x]), tap_pixel(row, &tx[x + 1]));

		_mm_storel_epi64((__m128i *)(void *)(out + 3 * x), v);
		_mm_storel_epi64(
		    (__m128i *)(void *)(out + 3 * x + 3), _mm_unpackhi_epi64(v, v));
	}
	return x;
}

static size_t
blend_fixed_fast(unsigned char *out, const int16_t *r0, const int16_t *r1, size_t n,
    int16_t w0, int16_t w1)
{
	const __m128i v0 = _mm_set1_epi16(w0), v1 = _mm_set1_epi16(w1);
	size_t i;

	for (i = 0; i + 8 <= n; i += 8) {
		const __m128i a =
		    _mm_loadu_si128((const __m128i *)(const void *)(r0 + i));
		const __m128i b =
		    _mm_loadu_si128((const __m128i *)(const void *)(r1 + i));
		const __m128i sum =
		    _mm_add_epi16(_mm_mulhi_epi16(a, v0), _mm_mulhi_epi16(b, v1));
		const __m128i v =
		    _mm_srai_epi16(_mm_add_epi16(sum, _mm_set1_epi16(2)), 2);

		_mm_storel_epi64((__m128i *)(void *)(out + i), _mm_packus_epi16(v, v));
	}
	return i;
}
#else
static size_t
row_fixed_fast(int16_t *out, size_t ow, const unsigned char *row, size_t bytes,
    const struct fixed_tap *tx)
{
	(void)out, (void)ow, (void)row, (void)bytes, (void)tx;
	return 0;
}

static size_t
blend_fixed_fast(unsigned char *out, const int16_t *r0, const int16_t *r1, size_t n,
    int16_t w0, int16_t w1)
{
	(void)out, (void)r0, (void)r1, (void)n, (void)w0, (void)w1;
	return 0;
}
#endif

/* Already cut by 4 bits: at most 255 * 2048 / 16, which a short holds. */
static void
row_fixed(int16_t *out, size_t ow, const unsigned char *row, size_t bytes,
    const struct fixed_tap *tx)
{
	const unsigned char *a, *b;
	size_t x, c;

	for (x = row_fixed_fast(out, ow, row, bytes, tx); x < ow; x++) {
		a = row + tx[x].i0;
		b = row + tx[x].i1;
		for (c = 0; c < 3; c++)
			out[3 * x + c] =
			    (int16_t)((a[c] * tx[x].w0 + b[c] * tx[x].w1) >> 4);
	}
}

static void
blend_fixed(unsigned char *restrict out, const int16_t *r0, const int16_t *r1, size_t n,
    int16_t w0, int16_t w1)
{
	size_t i;

	for (i = blend_fixed_fast(out, r0, r1, n, w0, w1); i < n; i++)
		out[i] =
		    (unsigned char)((((r0[i] * w0) >> 16) + ((r1[i] * w1) >> 16) + 2) >>
				    2);
}

static enum det_err
resize_opencv(
    struct det_image *out, const struct det_image *im, double step_x, double step_y)
{
	struct fixed_tap *tx = NULL, *ty = NULL;
	struct kept_rows kept = { { SIZE_MAX, SIZE_MAX }, { 0, 0 } };
	int16_t *rows = NULL, *r[2];
	size_t y, n;
	int k;
	enum det_err e;

	if ((e = det_mul(&n, out->w, 6)) || (e = det_alloc(&rows, n, sizeof *rows)) ||
	    (e = fixed_taps(&tx, out->w, im->w, step_x, 0)) ||
	    (e = fixed_taps(&ty, out->h, im->h, step_y, 1)))
		goto done;
	r[0] = rows;
	r[1] = rows + 3 * out->w;
	for (y = 0; y < out->h; y++) {
		for (k = 0; k < 2; k++)
			if (seek_row(&kept, k, ty[y].i0, ty[y].i1))
				row_fixed(r[kept.buffer[k]], out->w,
				    im->rgb + kept.row[kept.buffer[k]] * im->w * 3,
				    im->w * 3, tx);
		blend_fixed(out->rgb + y * out->w * 3, r[kept.buffer[0]],
		    r[kept.buffer[1]], out->w * 3, ty[y].w0, ty[y].w1);
	}
done:
	free(rows);
	free(tx);
	free(ty);
	return e;
}

enum det_err
det_resize_bytes(struct det_image *out, size_t ow, size_t oh,
    const struct det_image *im, enum det_kernel kernel, double step_x, double step_y)
{
	enum det_err e;

	if ((e = det_image_new(out, ow, oh)))
		return e;
	if (ow == im->w && oh == im->h)
		memcpy(out->rgb, im->rgb, ow * oh * 3);
	else if (kernel == DET_KERNEL_PIL)
		e = det_resize_pil(out, im);
	else
		e = resize_opencv(out, im, step_x, step_y);
	if (e)
		det_image_release(out);
	return e;
}
