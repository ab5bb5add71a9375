/* SPDX-License-Identifier: MIT */
#include "image/image.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/codec.h"

enum det_err
det_image_new(struct det_image *im, size_t w, size_t h)
{
	size_t n;
	enum det_err e;

	*im = (struct det_image){ 0 };
	if (w == 0 || h == 0)
		return det_fail(
		    DET_INVALID, "a picture of %zux%zu has no pixels", w, h);
	if ((e = det_mul(&n, w, h)) || (e = det_alloc(&im->rgb, n, 3)))
		return e;
	im->w = w;
	im->h = h;
	return DET_OK;
}

void
det_image_release(struct det_image *im)
{
	free(im->rgb);
	*im = (struct det_image){ 0 };
}

enum det_err
det_image_allow(size_t w, size_t h, const struct det_image_params *p)
{
	size_t n;

	if (w == 0 || h == 0)
		return det_fail(
		    DET_CORRUPT, "a picture of %zux%zu has no pixels", w, h);
	if (w > p->max_side || h > p->max_side)
		return det_fail(DET_LIMIT,
		    "a picture of %zux%zu: a side is above the limit of %zu pixels", w,
		    h, p->max_side);
	if (det_mul(&n, w, h) || n > p->max_pixels)
		return det_fail(DET_LIMIT,
		    "a picture of %zux%zu: more than the limit of %zu pixels", w, h,
		    p->max_pixels);
	return DET_OK;
}

/* Orientation o says where the stored rows and columns belong. For the upright pixel (u,v)
 * of a picture stored W x H the stored pixel is
 *   2 (W-1-u, v)   3 (W-1-u, H-1-v)   4 (u, H-1-v)
 *   5 (v, u)       6 (v, H-1-u)       7 (W-1-v, H-1-u)   8 (W-1-v, u)
 * so a row of the upright picture is a walk with a constant step through the stored one. */
enum det_err
det_image_upright(struct det_image *im, int orientation)
{
	const int o = orientation;
	struct det_image up;
	const unsigned char *from, *p;
	unsigned char *to;
	ptrdiff_t step, row;
	size_t u, v;
	enum det_err e;

	if (o < 2 || o > 8)
		return DET_OK;
	if (o >= 5)
		e = det_image_new(&up, im->h, im->w);
	else
		e = det_image_new(&up, im->w, im->h);
	if (e)
		return e;
	step = 3;
	row = (ptrdiff_t)im->w * 3;
	from = im->rgb;
	if (o == 2 || o == 3 || o == 7 || o == 8) {
		from += (im->w - 1) * 3;
		step = -step;
	}
	if (o == 3 || o == 4 || o == 6 || o == 7) {
		from += (im->h - 1) * im->w * 3;
		row = -row;
	}
	if (o >= 5) {
		ptrdiff_t swap = step;

		step = row;
		row = swap;
	}
	to = up.rgb;
	for (v = 0; v < up.h; v++) {
		p = from + (ptrdiff_t)v * row;
		for (u = 0; u < up.w; u++, to += 3)
			memcpy(to, p + (ptrdiff_t)u * step, 3);
	}
	det_image_release(im);
	*im = up;
	return DET_OK;
}

enum det_format
det_image_format(const unsigned char *data, size_t size)
{
	if (size >= 3 && data[0] == 0xff && data[1] == 0xd8 && data[2] == 0xff)
		return DET_FORMAT_JPEG;
	if (size >= 8 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0)
		return DET_FORMAT_PNG;
	if (size >= 3 && data[0] == 'P' && (data[1] == '5' || data[1] == '6') &&
	    (data[2] == '\n' || data[2] == ' ' || data[2] == '\t' || data[2] == '\r' ||
		data[2] == '#'))
		return DET_FORMAT_PPM;
	return DET_FORMAT_UNKNOWN;
}

/* Says what bytes that are no picture look like, so that the user sees the mistake. */
static enum det_err
fail_format(const unsigned char *data, size_t size)
{
	static const struct {
		const char *magic, *what;
	} known[] = {
		{ "GIF8", "a GIF" },
		{ "RIFF", "a RIFF (WebP?)" },
		{ "BM", "a BMP" },
		{ "II*", "a TIFF" },
		{ "MM", "a TIFF" },
		{ "P1", "an ASCII PBM" },
		{ "P2", "an ASCII PGM" },
		{ "P3", "an ASCII PPM" },
		{ "P4", "a PBM" },
		{ "%PDF", "a PDF" },
		{ "\x89"
		  "DET",
		    "a stream of det's, which is read from standard input" },
	};
	size_t i, n;

	if (size == 0)
		return det_fail(DET_INVALID,
		    "JPEG, PNG or PPM expected, found nothing: "
		    "it is empty");
	for (i = 0; i < sizeof known / sizeof *known; i++) {
		n = strlen(known[i].magic);
		if (size > n && memcmp(data, known[i].magic, n) == 0)
			return det_fail(DET_UNSUPPORTED,
			    "JPEG, PNG or PPM expected, found %s", known[i].what);
	}
	n = size < 16 ? size : 16;
	for (i = 0; i < n; i++)
		if ((data[i] < 0x20 && data[i] != '\n' && data[i] != '\r' &&
			data[i] != '\t') ||
		    data[i] == 0x7f)
			return det_fail(DET_INVALID,
			    "JPEG, PNG or PPM expected, found bytes %02x %02x", data[0],
			    size > 1 ? data[1] : 0);
	return det_fail(DET_INVALID, "JPEG, PNG or PPM expected, found text '%.*s'",
	    (int)n, (const char *)data);
}

enum det_err
det_image_decode(struct det_image *out, struct det_image_info *info,
    const unsigned char *data, size_t size, const struct det_image_params *p)
{
	struct det_image_info local;
	size_t swap;
	enum det_err e;

	if (!info)
		info = &local;
	*out = (struct det_image){ 0 };
	*info = (struct det_image_info){ .orientation = 1 };
	info->format = det_image_format(data, size);
	switch (info->format) {
	case DET_FORMAT_JPEG: e = det_jpeg_read(out, info, data, size, p); break;
	case DET_FORMAT_PNG: e = det_png_read(out, info, data, size, p); break;
	case DET_FORMAT_PPM: e = det_ppm_read(out, info, data, size, p); break;
	default: return fail_format(data, size);
	}
	if (!e)
		e = det_image_upright(out, info->orientation);
	if (e) {
		det_image_release(out);
		return e;
	}
	if (info->orientation >= 5) {
		swap = info->w;
		info->w = info->h;
		info->h = swap;
	}
	return DET_OK;
}

enum det_err
det_image_encode(struct det_buf *out, const struct det_image *im,
    enum det_format format, int quality)
{
	switch (format) {
	case DET_FORMAT_JPEG: return det_jpeg_write(out, im, quality);
	case DET_FORMAT_PNG: return det_png_write(out, im);
	case DET_FORMAT_PPM: return det_ppm_write(out, im);
	default:
		return det_fail(
		    DET_INVALID, "format JPEG, PNG or PPM expected, found none");
	}
}
