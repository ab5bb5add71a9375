/* SPDX-License-Identifier: MIT
 *
 * A picture in memory: upright, 8 bits a channel, red green blue interleaved, rows without
 * padding. And how encoded bytes become one and back.
 */
#ifndef DET_IMAGE_H
#define DET_IMAGE_H

#include <stddef.h>

#include "base/err.h"
#include "base/text.h"

struct det_image {
	size_t w, h;
	unsigned char *rgb; /* h * w * 3 bytes, owned */
};

/* Pixels are not set. DET_INVALID where a side is 0. */
enum det_err det_image_new(struct det_image *im, size_t w, size_t h) DET_MUST_USE;
void det_image_release(struct det_image *im); /* leaves {0} */

enum det_format {
	DET_FORMAT_UNKNOWN,
	DET_FORMAT_JPEG,
	DET_FORMAT_PNG,
	DET_FORMAT_PPM, /* P5 and P6 */
};

struct det_image_info {
	enum det_format format;
	size_t w, h;     /* upright and at full size, also where decoding was scaled */
	int orientation; /* EXIF 1..8 that was undone */
};

struct det_image_params {
	size_t max_pixels; /* larger pictures are DET_LIMIT before memory is taken */
	size_t max_side;
	/* Where set, it is told the upright size and answers with the smallest size that
	 * will do: a JPEG may then be decoded at 1/2, 1/4 or 1/8 of its size. */
	void (*need)(size_t *min_w, size_t *min_h, size_t w, size_t h, const void *ctx);
	const void *ctx;
};

#define DET_IMAGE_DEFAULTS                         \
	{                                          \
		(size_t)1 << 28, 65535, NULL, NULL \
	}

/* What the bytes are, by their first bytes, whatever the file is called. */
enum det_format det_image_format(const unsigned char *data, size_t size);

/* Decodes a whole picture. JPEG: ISLOW DCT, fancy upsampling, baseline or progressive,
 * grey, YCbCr, RGB, CMYK and YCCK. PNG: every colour type; 16 bits keep the high byte;
 * alpha and transparent colours are dropped, not composited; gamma is ignored. PPM and
 * PGM: maxval up to 65535, scaled to 255 and rounded. The EXIF orientation of JPEG and PNG
 * is undone. `info` may be NULL.
 *
 * Damage is never painted over: input that ends early is DET_TRUNCATED, entropy-coded data
 * that do not decode and wrong checksums are DET_CORRUPT. */
enum det_err det_image_decode(struct det_image *out, struct det_image_info *info,
    const unsigned char *data, size_t size,
    const struct det_image_params *p) DET_MUST_USE;

/* Appends the encoded picture to `out`. quality 1..100; PNG ignores it. */
enum det_err det_image_encode(struct det_buf *out, const struct det_image *im,
    enum det_format format, int quality) DET_MUST_USE;

/* Undoes an EXIF orientation 1..8 (others: nothing). */
enum det_err det_image_upright(struct det_image *im, int orientation) DET_MUST_USE;

/* The orientation that a TIFF structure (the body of an Exif block, from its "II" or "MM")
 * states, 1 where it states none or is damaged. */
int det_exif_orientation(const unsigned char *tiff, size_t size);

#endif
