/* SPDX-License-Identifier: MIT
 *
 * Binary PPM (P6) and PGM (P5): "P6", width, height, maxval, each after white space or
 * comments (# to the end of the line), one white space, samples. Samples above 255 take
 * two bytes, the high one first. Another maxval than 255 is scaled: (v * 255 + max/2) / max.
 */
#include "image/codec.h"

#include <stdlib.h>

#include "base/mem.h"

#define MAX_HEAD 4096 /* bytes; there may be comments */

static int
is_space(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* One number; -1 damage, 0 more bytes are needed, 1 done. */
static int
read_number(size_t *v, size_t *at, const unsigned char *data, size_t size)
{
	size_t i = *at, digits = 0;

	for (;;) {
		if (i < size && is_space(data[i])) {
			i++;
		} else if (i < size && data[i] == '#') {
			while (i < size && data[i] != '\n')
				i++;
		} else {
			break;
		}
	}
	*v = 0;
	for (; i < size && data[i] >= '0' && data[i] <= '9'; i++) {
		if (++digits > 9)
			return -1;
		*v = *v * 10 + (size_t)(data[i] - '0');
	}
	*at = i;
	if (i == size)
		return 0;
	return digits > 0 ? 1 : -1;
}

enum det_err
det_ppm_head(
    struct det_ppm_head *out, size_t *need, const unsigned char *data, size_t size)
{
	size_t at = 2, n, *field[3] = { &out->w, &out->h, &out->maxval };
	int i, r;
	enum det_err e;

	*need = 0;
	for (i = 0; i < 3; i++) {
		r = read_number(field[i], &at, data, size);
		if (r > 0)
			continue;
		if (r == 0 && size < MAX_HEAD)
			return DET_OK;
		return det_fail(
		    DET_CORRUPT, "PPM: width, height and maxval expected in the head");
	}
	if (!is_space(data[at]))
		return det_fail(DET_CORRUPT, "PPM: white space expected after maxval");
	if (out->maxval < 1 || out->maxval > 65535)
		return det_fail(DET_CORRUPT,
		    "PPM: maxval 1 to 65535 expected, found %zu", out->maxval);
	out->channels = data[1] == '6' ? 3 : 1;
	out->body = at + 1;
	if ((e = det_mul(&n, out->w, out->h)) ||
	    (e = det_mul(&n, n, out->channels * (out->maxval > 255 ? 2 : 1))) ||
	    (e = det_add(need, n, out->body)))
		return e;
	return DET_OK;
}

static enum det_err
read_samples(
    struct det_image *im, const struct det_ppm_head *h, const unsigned char *from)
{
	const size_t max = h->maxval, n = im->w * im->h * h->channels;
	const int wide = max > 255;
	size_t i, v;

	for (i = 0; i < n; i++) {
		v = wide ? (size_t)from[2 * i] << 8 | from[2 * i + 1] : from[i];
		if (v > max)
			return det_fail(DET_CORRUPT,
			    "PPM: a sample of %zu, above maxval %zu", v, max);
		if (max != 255)
			v = (v * 255 + max / 2) / max;
		if (h->channels == 3) {
			im->rgb[i] = (unsigned char)v;
		} else {
			im->rgb[3 * i] = (unsigned char)v;
			im->rgb[3 * i + 1] = (unsigned char)v;
			im->rgb[3 * i + 2] = (unsigned char)v;
		}
	}
	return DET_OK;
}

enum det_err
det_ppm_read(struct det_image *out, struct det_image_info *info,
    const unsigned char *data, size_t size, const struct det_image_params *p)
{
	struct det_ppm_head h = { 0 };
	size_t need;
	enum det_err e;

	if ((e = det_ppm_head(&h, &need, data, size)))
		return e;
	if (need == 0)
		return det_fail(DET_TRUNCATED, "PPM: it ends inside its head");
	info->w = h.w;
	info->h = h.h;
	if ((e = det_image_allow(h.w, h.h, p)))
		return e;
	if (size < need)
		return det_fail(DET_TRUNCATED,
		    "PPM: %zu bytes expected, it ends after %zu", need, size);
	if ((e = det_image_new(out, h.w, h.h)))
		return e;
	if ((e = read_samples(out, &h, data + h.body)))
		det_image_release(out);
	return e;
}

enum det_err
det_ppm_write(struct det_buf *out, const struct det_image *im)
{
	enum det_err e;

	if ((e = det_buf_printf(out, "P6\n%zu %zu\n255\n", im->w, im->h)))
		return e;
	return det_buf_add(out, im->rgb, im->w * im->h * 3);
}
