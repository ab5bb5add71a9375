/* SPDX-License-Identifier: MIT
 *
 * Pillow's Image.resize(BILINEAR) on 8 bit RGB, as Detectron2 and torchvision's image
 * transforms use it (libImaging/Resample.c, version 9.4). A triangle of half-width
 * max(1, in/out) centred on (i+.5) * in/out, normalised to sum 1, in double; then fixed
 * point with 22 bits. First all columns, rounded to bytes, then all rows; a side that does
 * not change is not filtered.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/simd.h"
#include "image/taps.h"

#define BITS 22

struct filter {
	size_t taps; /* room for each output */
	size_t *first, *n;
	int32_t *k; /* n_out x taps */
};

static void
filter_release(struct filter *f)
{
	free(f->first);
	free(f->n);
	free(f->k);
}

static void
fill_one(int32_t *k, double *w, size_t first, size_t n, double center, double width)
{
	double sum = 0, d;
	size_t j;

	for (j = 0; j < n; j++) {
		d = fabs(((double)(j + first) - center + .5) * (1 / width));
		w[j] = d < 1 ? 1 - d : 0;
		sum += w[j];
	}
	for (j = 0; j < n; j++) {
		if (sum != 0)
			w[j] *= 1 / sum;
		k[j] = (int32_t)(.5 + w[j] * (1 << BITS));
	}
}

static enum det_err
filter_new(struct filter *f, size_t n_out, size_t n_in)
{
	const double scale = (double)n_in / (double)n_out;
	const double width = scale < 1 ? 1 : scale;
	double center, lo, hi, *w = NULL;
	size_t i, n;
	enum det_err e;

	*f = (struct filter){ .taps = (size_t)ceil(width) * 2 + 1 };
	if ((e = det_mul(&n, n_out, f->taps)) ||
	    (e = det_calloc(&f->k, n, sizeof *f->k)) ||
	    (e = det_alloc(&f->first, n_out, sizeof *f->first)) ||
	    (e = det_alloc(&f->n, n_out, sizeof *f->n)) ||
	    (e = det_alloc(&w, f->taps, sizeof *w))) {
		filter_release(f);
		return e;
	}
	for (i = 0; i < n_out; i++) {
		center = ((double)i + .5) * scale;
		lo = trunc(center - width + .5);
		hi = trunc(center + width + .5);
		f->first[i] = lo < 0 ? 0 : (size_t)lo;
		f->n[i] = (hi > (double)n_in ? n_in : (size_t)hi) - f->first[i];
		fill_one(f->k + i * f->taps, w, f->first[i], f->n[i], center, width);
	}
	free(w);
	return DET_OK;
}

static unsigned char
clip(int32_t v)
{
	v >>= BITS;
	return (unsigned char)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void
filter_columns(
    struct det_image *out, const struct det_image *im, const struct filter *f)
{
	const int32_t half = 1 << (BITS - 1), *k;
	const unsigned char *p;
	unsigned char *to = out->rgb;
	size_t x, y, j;
	int32_t r, g, b;

	for (y = 0; y < out->h; y++)
		for (x = 0; x < out->w; x++, to += 3) {
			p = im->rgb + (y * im->w + f->first[x]) * 3;
			k = f->k + x * f->taps;
			r = g = b = half;
			for (j = 0; j < f->n[x]; j++, p += 3) {
				r += p[0] * k[j];
				g += p[1] * k[j];
				b += p[2] * k[j];
			}
			to[0] = clip(r);
			to[1] = clip(g);
			to[2] = clip(b);
		}
}

static enum det_err
filter_rows(struct det_image *out, const struct det_image *im, const struct filter *f)
{
	const size_t n = out->w * 3;
	const unsigned char *p;
	unsigned char *to;
	size_t i, y, j;
	int32_t *sum, k;
	enum det_err e;

	if ((e = det_alloc(&sum, n, sizeof *sum)))
		return e;
	for (y = 0; y < out->h; y++) {
		to = out->rgb + y * n;
		for (i = 0; i < n; i++)
			sum[i] = 1 << (BITS - 1);
		for (j = 0; j < f->n[y]; j++) {
			p = im->rgb + (f->first[y] + j) * n;
			k = f->k[y * f->taps + j];
			DET_SIMD
			for (i = 0; i < n; i++)
				sum[i] += p[i] * k;
		}
		for (i = 0; i < n; i++)
			to[i] = clip(sum[i]);
	}
	free(sum);
	return DET_OK;
}

enum det_err
det_resize_pil(struct det_image *out, const struct det_image *im)
{
	struct det_image half = { 0 };
	const struct det_image *from = im;
	struct filter f;
	enum det_err e;

	if (out->w != im->w) {
		if ((e = filter_new(&f, out->w, im->w)))
			return e;
		if (out->h != im->h && (e = det_image_new(&half, out->w, im->h))) {
			filter_release(&f);
			return e;
		}
		filter_columns(out->h != im->h ? &half : out, im, &f);
		filter_release(&f);
		if (out->h == im->h)
			return DET_OK;
		from = &half;
	}
	if ((e = filter_new(&f, out->h, im->h)) == DET_OK) {
		e = filter_rows(out, from, &f);
		filter_release(&f);
	}
	det_image_release(&half);
	return e;
}
