/* SPDX-License-Identifier: MIT
 *
 * Crop and warp with context, after R-CNN's rcnn_im_crop.m. Along each axis, with S the side
 * of the output, p its context, and a box [x1,x2) of our kind (pixels x1+1 .. x2 of the
 * reference, which counts from 1 and includes the last):
 *
 *   half = (x2 - x1) / 2, centre = x1 + 1 + half          (`square`: both axes take the
 *                                                          larger half)
 *   first, last = round(centre -+ half * S / (S - 2p))    (halves away from 0)
 *   size  = last - first + 1
 *
 * The reference's centre lies half a pixel right of the box's middle, and the crop with
 * context is a pixel longer than the box with it; trained weights have seen just that. Of
 * the size, what lies in the picture is `clipped` pixels, after `before` that don't:
 *
 *   pad = round(before * S / size), crop = min(round(clipped * S / size), S - pad)
 *
 * The clipped pixels are resized to `crop` by bilinear interpolation with half-pixel centres
 * and no antialiasing, and stand after `pad` zeros; zeros fill the rest. Pixels come with
 * their mean subtracted, so that 0 is the mean.
 *
 * Without context and `square` the region is round(x1 + 1) .. round(x2), the reference's for
 * boxes of whole pixels, stretched to S.
 *
 * Departures: the reference subtracts an image of means, this takes pixels as they come;
 * boxes that don't meet the picture are rows of zeros, there an error.
 */
#include "roi/warp.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "box/iou.h"

struct place {
	long first; /* pixel of the picture, from 0 */
	long clipped, pad, crop;
};

/* Two pixels of the clipped region that an output pixel lies between. */
struct tap {
	size_t a, b;
	float part; /* of b */
};

/* lo, hi: a box in the picture's pixels. crop is 0 where nothing is left. */
static struct place
place_axis(double lo, double hi, double half, double pixels, long side,
    const struct det_warp_params *p)
{
	const double s = (double)side, centre = lo + 1 + (hi - lo) / 2;
	const double grow = s / (s - 2 * (double)p->context);
	const int plain = p->context == 0 && !p->square;
	double first = round(plain ? lo + 1 : centre - half * grow);
	double last = round(plain ? hi : centre + half * grow);
	double size = last - first + 1, from = fmax(first, 1), to = fmin(last, pixels);
	double pad = round(fmax(0, 1 - first) * s / size);
	double crop = fmin(round((to - from + 1) * s / size), s - pad);
	struct place out = { 0 };

	if (!(size >= 1) || !(to >= from) || !(crop >= 1))
		return out;
	out.first = (long)from - 1;
	out.clipped = (long)(to - from) + 1;
	out.pad = (long)pad;
	out.crop = (long)crop;
	return out;
}

static void
set_taps(struct tap *t, const struct place *at)
{
	const double step = (double)at->clipped / (double)at->crop;
	const double last = (double)(at->clipped - 1);

	for (long i = 0; i < at->crop; i++) {
		double x = ((double)i + .5) * step - .5, low = floor(x);

		t[i].part = (float)(x - low);
		t[i].a = (size_t)(fmin(fmax(low, 0), last)) + (size_t)at->first;
		t[i].b = (size_t)(fmin(fmax(low + 1, 0), last)) + (size_t)at->first;
	}
}

struct job {
	float *out;
	const struct det_warp_picture *im;
	const struct det_boxes *b;
	const struct det_warp_params *p;
	struct tap *tap;    /* w + h of each worker */
	unsigned char *bad; /* of each box */
};

/* Returns whether all were numbers. */
static int
resize_plane(float *out, const struct job *j, const float *plane, const struct tap *tx,
    const struct tap *ty, const struct place *px, const struct place *py)
{
	const size_t w = (size_t)j->p->w;
	float sum = 0;

	for (long y = 0; y < py->crop; y++) {
		const float *r0 = plane + ty[y].a * j->im->stride;
		const float *r1 = plane + ty[y].b * j->im->stride;
		float *o = out + (size_t)(py->pad + y) * w + (size_t)px->pad;

		for (long x = 0; x < px->crop; x++) {
			float top =
			    r0[tx[x].a] + (r0[tx[x].b] - r0[tx[x].a]) * tx[x].part;
			float low =
			    r1[tx[x].a] + (r1[tx[x].b] - r1[tx[x].a]) * tx[x].part;

			o[x] = top + (low - top) * ty[y].part;
			sum += o[x] - o[x]; /* 0, but of what is no number */
		}
	}
	return sum == 0;
}

static void
warp(const void *ctx, size_t i, int worker)
{
	const struct job *j = ctx;
	const size_t w = (size_t)j->p->w, h = (size_t)j->p->h;
	struct tap *tx = j->tap + (size_t)worker * (w + h), *ty = tx + w;
	float *out = j->out + i * j->im->c * h * w;
	const struct det_box *b = &j->b->box[i];
	const double x1 = (double)det_iou_coord(b->x1 - j->im->x0);
	const double y1 = (double)det_iou_coord(b->y1 - j->im->y0);
	const double x2 = (double)det_iou_coord(b->x2 - j->im->x0);
	const double y2 = (double)det_iou_coord(b->y2 - j->im->y0);
	double half_w = (x2 - x1) / 2, half_h = (y2 - y1) / 2;
	struct place px, py;

	if (j->p->square)
		half_w = half_h = fmax(half_w, half_h);
	px = place_axis(x1, x2, half_w, (double)j->im->w, j->p->w, j->p);
	py = place_axis(y1, y2, half_h, (double)j->im->h, j->p->h, j->p);
	for (size_t k = 0; k < j->im->c * h * w; k++)
		out[k] = 0;
	if (px.crop == 0 || py.crop == 0)
		return;
	set_taps(tx, &px);
	set_taps(ty, &py);
	for (size_t c = 0; c < j->im->c; c++)
		if (!resize_plane(out + c * h * w, j, j->im->data + c * j->im->plane,
			tx, ty, &px, &py))
			j->bad[i] = 1;
}

enum det_err
det_warp_check(const struct det_warp_params *p)
{
	if (p->w < 1 || p->w > 4096 || p->h < 1 || p->h > 4096)
		return det_fail(DET_INVALID,
		    "1 to 4096 pixels a side expected, found %ldx%ld", p->w, p->h);
	if (p->context < 0 || 2 * p->context >= p->w || 2 * p->context >= p->h)
		return det_fail(DET_INVALID,
		    "a context of %ld pixels on each side leaves nothing of %ldx%ld",
		    p->context, p->w, p->h);
	return DET_OK;
}

static enum det_err
check(const struct det_warp_picture *im, const struct det_boxes *b)
{
	if (!im->c || !im->h || !im->w)
		return det_fail(DET_INVALID, "a picture expected, found %zux%zux%zu",
		    im->c, im->h, im->w);
	for (size_t i = 0; i < b->n; i++)
		if (!det_box_finite(&b->box[i]))
			return det_fail(
			    DET_INVALID, "box %zu: a coordinate is not finite", i);
	return DET_OK;
}

enum det_err
det_warp_boxes(float *out, const struct det_warp_picture *im, const struct det_boxes *b,
    const struct det_warp_params *p, int threads)
{
	struct job j = { out, im, b, p, NULL, NULL };
	enum det_err e;

	if ((e = det_warp_check(p)) || (e = check(im, b)) || b->n == 0)
		return e;
	threads = threads > 0 ? threads : 1;
	if ((e = det_alloc(
		 &j.tap, (size_t)threads, (size_t)(p->w + p->h) * sizeof *j.tap)) ||
	    (e = det_calloc(&j.bad, b->n, 1)))
		goto out;
	det_parallel(threads, b->n, warp, &j);
	for (size_t i = 0; i < b->n && !e; i++)
		if (j.bad[i])
			e = det_fail(DET_INVALID,
			    "the picture has NaN or infinity within box %zu", i);
out:
	free(j.tap);
	free(j.bad);
	return e;
}
