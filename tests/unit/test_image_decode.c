/* SPDX-License-Identifier: MIT
 *
 * Every kind of JPEG, PNG and PPM is decoded; damage of each is an error.
 */
#include <math.h>

#include "base/bytes.h"
#include "image/image.h"
#include "tests/unit/image_make.h"
#include "tests/unit/tap.h"

static const struct det_image_params usual = DET_IMAGE_DEFAULTS;

static enum det_err
decode(struct det_image *im, struct det_image_info *info, struct bytes b)
{
	return det_image_decode(im, info, b.p, b.n, &usual);
}

/* The largest difference from the scene; `mask`: bits of each byte that count. */
static int
off(const struct det_image *im, size_t w, size_t h, int grey, int mask)
{
	size_t x, y, c;
	int d, worst = 0;

	if (im->w != w || im->h != h)
		return 999;
	for (y = 0; y < h; y++)
		for (x = 0; x < w; x++)
			for (c = 0; c < 3; c++) {
				d = im->rgb[(y * w + x) * 3 + c] -
				    (make_pixel(x, y, grey ? 0 : c) & mask);
				worst = abs(d) > worst ? abs(d) : worst;
			}
	return worst;
}

static void
check_jpeg(const char *what, struct jpeg_kind k, int bound)
{
	struct bytes b = make_jpeg(37, 29, k);
	struct det_image im;
	struct det_image_info info;
	enum det_err e = decode(&im, &info, b);

	ok(e == DET_OK && info.format == DET_FORMAT_JPEG && info.orientation == 1 &&
		off(&im, 37, 29, k.components == 1, 255) <= bound,
	    "JPEG: %s%s%s", what, e ? ": " : "", e ? det_errmsg() : "");
	det_image_release(&im);
	free(b.p);
}

static void
test_cmyk(void)
{
	struct bytes b = make_jpeg(16, 16, (struct jpeg_kind){ 4, 0, NULL, 0 });
	struct det_image im;
	unsigned char *adobe;

	/* the scene as inverted inks, no black: the inks are the colours */
	ok(decode(&im, NULL, b) == DET_OK && off(&im, 16, 16, 0, 255) <= 8,
	    "JPEG: YCCK of Adobe, inks inverted");
	det_image_release(&im);
	free(b.p);
	/* plain CMYK without the Adobe marker: full black ink everywhere is black */
	{
		struct jpeg_compress_struct c;
		struct jpeg_error_mgr err;
		unsigned char *out = NULL, row[16 * 4], *r = row;
		unsigned long n = 0;
		int y;
		size_t worst = 0, i;

		c.err = jpeg_std_error(&err);
		jpeg_create_compress(&c);
		jpeg_mem_dest(&c, &out, &n);
		c.image_width = c.image_height = 16;
		c.input_components = 4;
		c.in_color_space = JCS_CMYK;
		jpeg_set_defaults(&c);
		c.write_Adobe_marker = FALSE;
		jpeg_start_compress(&c, TRUE);
		for (i = 0; i < 64; i++)
			row[i] = (unsigned char)(i % 4 == 0 ? 255 : 0); /* cyan ink */
		for (y = 0; y < 16; y++)
			(void)jpeg_write_scanlines(&c, &r, 1);
		jpeg_finish_compress(&c);
		jpeg_destroy_compress(&c);
		adobe = out;
		b = (struct bytes){ out, n };
		ok(decode(&im, NULL, b) == DET_OK, "JPEG: CMYK without Adobe's marker");
		for (i = 0; im.rgb && i < 16 * 16; i++)
			worst += abs(im.rgb[3 * i] - 0) > 3 ||
				 im.rgb[3 * i + 1] < 252 || im.rgb[3 * i + 2] < 252;
		ok(im.rgb && worst == 0,
		    "JPEG: its inks are not inverted: cyan is cyan");
		det_image_release(&im);
		free(adobe);
	}
}

/* The stored scene seen upright, from the meaning of the EXIF values. */
static unsigned char
upright_pixel(int o, size_t w, size_t h, size_t u, size_t v, size_t c)
{
	switch (o) {
	case 2: return make_pixel(w - 1 - u, v, c);
	case 3: return make_pixel(w - 1 - u, h - 1 - v, c);
	case 4: return make_pixel(u, h - 1 - v, c);
	case 5: return make_pixel(v, u, c);
	case 6: return make_pixel(v, h - 1 - u, c);
	case 7: return make_pixel(w - 1 - v, h - 1 - u, c);
	case 8: return make_pixel(w - 1 - v, u, c);
	default: return make_pixel(u, v, c);
	}
}

static void
test_orientation(void)
{
	struct bytes exif, b;
	struct det_image im;
	struct det_image_info info;
	size_t u, v, c, i;
	int o, big, worst;

	for (big = 0; big < 2; big++)
		for (o = 1; o <= 8; o++) {
			exif = make_exif(o, big);
			b = make_jpeg(
			    37, 29, (struct jpeg_kind){ 3, 0, exif.p, exif.n });
			worst = decode(&im, &info, b) ? 999 : 0;
			if (info.w != (o >= 5 ? 29u : 37u) || im.w != info.w ||
			    info.orientation != o)
				worst = 999;
			for (v = 0; worst < 999 && v < im.h; v++)
				for (u = 0; u < im.w; u++)
					for (c = 0; c < 3; c++) {
						const int d =
						    im.rgb[(v * im.w + u) * 3 + c] -
						    upright_pixel(o, 37, 29, u, v, c);

						worst = abs(d) > worst ? abs(d) : worst;
					}
			ok(worst <= 8, "EXIF orientation %d, %s-endian", o,
			    big ? "big" : "little");
			det_image_release(&im);
			free(b.p);
			/* damaged blocks: any cut, any byte changed, must be harmless */
			for (i = 6; i < exif.n; i++) {
				(void)det_exif_orientation(exif.p + 6, i - 6);
				exif.p[i] ^= 0xff;
				(void)det_exif_orientation(exif.p + 6, exif.n - 6);
				exif.p[i] ^= 0xff;
			}
			free(exif.p);
		}
	ok(det_exif_orientation((const unsigned char *)"", 0) == 1, "no EXIF: upright");
}

static void
test_jpeg_damage(void)
{
	int prog, silent = 0;
	size_t n;
	struct det_image im;

	for (prog = 0; prog < 2; prog++) {
		struct bytes b =
		    make_jpeg(37, 29, (struct jpeg_kind){ 3, prog, NULL, 0 });
		unsigned char *copy;
		int bad = 0;

		for (n = 0; n < b.n; n++) {
			/* a copy of that size, so that a read beyond is seen */
			copy = malloc(n ? n : 1);
			memcpy(copy, b.p, n);
			bad += decode(&im, NULL, (struct bytes){ copy, n }) == DET_OK;
			silent += im.rgb != NULL;
			free(copy);
		}
		ok(bad == 0, "JPEG%s: cut at each of %zu bytes: an error",
		    prog ? ", progressive" : "", b.n);
		free(b.p);
	}
	ok(silent == 0, "no memory is left behind by a failure");
}

static void
check_png(const char *what, int color, int depth, int interlace, int trns, int mask)
{
	struct bytes b = make_png(37, 29, color, depth, interlace, trns);
	struct det_image im;
	enum det_err e = decode(&im, NULL, b);

	ok(e == DET_OK && off(&im, 37, 29, !(color & PNG_COLOR_MASK_COLOR), mask) == 0,
	    "PNG: %s%s%s", what, e ? ": " : "", e ? det_errmsg() : "");
	det_image_release(&im);
	free(b.p);
}

static void
test_png(void)
{
	struct bytes b;
	struct det_image im;
	struct det_image_info info;
	int depth, bad = 0, i;
	size_t x, y;

	check_png("RGB", PNG_COLOR_TYPE_RGB, 8, 0, 0, 255);
	check_png("RGB 16 bit keeps the high byte", PNG_COLOR_TYPE_RGB, 16, 0, 0, 255);
	check_png("RGB interlaced", PNG_COLOR_TYPE_RGB, 8, 1, 0, 255);
	check_png("grey", PNG_COLOR_TYPE_GRAY, 8, 0, 0, 255);
	check_png("grey 16 bit", PNG_COLOR_TYPE_GRAY, 16, 1, 0, 255);
	check_png("RGBA, alpha dropped", PNG_COLOR_TYPE_RGB_ALPHA, 8, 0, 0, 255);
	check_png("RGBA 16 bit", PNG_COLOR_TYPE_RGB_ALPHA, 16, 1, 0, 255);
	check_png("grey and alpha", PNG_COLOR_TYPE_GRAY_ALPHA, 8, 0, 0, 255);
	check_png("grey with a transparent one", PNG_COLOR_TYPE_GRAY, 8, 0, 1, 255);
	check_png("RGB with a transparent one", PNG_COLOR_TYPE_RGB, 8, 0, 1, 255);
	for (depth = 1; depth <= 8; depth *= 2)
		for (i = 0; i < 4; i++) {
			b = make_png(
			    37, 29, PNG_COLOR_TYPE_PALETTE, depth, i & 1, i >> 1);
			bad += decode(&im, NULL, b) != DET_OK;
			for (y = 0; im.rgb && y < 29; y++)
				for (x = 0; x < 37; x++)
					bad += im.rgb[(y * 37 + x) * 3] !=
					       (x + y) %
						   (depth < 4 ? 1u << depth : 16) * 17;
			det_image_release(&im);
			free(b.p);
		}
	ok(bad == 0, "PNG: palettes of 1 to 8 bits, transparent and interlaced");
	for (bad = 0, depth = 1; depth <= 4; depth *= 2) {
		b = make_png(37, 29, PNG_COLOR_TYPE_GRAY, depth, 0, 0);
		bad += decode(&im, NULL, b) != DET_OK;
		for (y = 0; im.rgb && y < 29; y++)
			for (x = 0; x < 37; x++)
				bad += im.rgb[(y * 37 + x) * 3] !=
				       (make_pixel(x, y, 0) >> (8 - depth)) * 255 /
					   ((1 << depth) - 1);
		det_image_release(&im);
		free(b.p);
	}
	ok(bad == 0, "PNG: grey of 1, 2 and 4 bits is spread over 0..255");
	b = make_png(3, 3, PNG_COLOR_TYPE_RGB, 8, 0, 0);
	ok(decode(&im, &info, b) == DET_OK && info.orientation == 1, "PNG: upright");
	det_image_release(&im);
	free(b.p);
	b = make_png(9, 5, PNG_COLOR_TYPE_RGB, 8, 0, -6);
	ok(decode(&im, &info, b) == DET_OK && info.orientation == 6 && info.w == 5 &&
		im.w == 5 && im.rgb[0] == make_pixel(0, 4, 0) &&
		im.rgb[1] == make_pixel(0, 4, 1) &&
		im.rgb[(8 * 5 + 4) * 3 + 1] == make_pixel(8, 0, 1),
	    "PNG: its eXIf is obeyed");
	det_image_release(&im);
	free(b.p);
}

static void
test_png_damage(void)
{
	struct bytes b = make_png(37, 29, PNG_COLOR_TYPE_RGB, 8, 0, 0);
	struct det_image im;
	unsigned char *copy;
	size_t n;
	int bad = 0;

	for (n = 0; n < b.n; n++) {
		copy = malloc(n ? n : 1);
		memcpy(copy, b.p, n);
		bad += decode(&im, NULL, (struct bytes){ copy, n }) == DET_OK;
		det_image_release(&im);
		free(copy);
	}
	ok(bad == 0, "PNG: cut at each of %zu bytes: an error", b.n);
	for (bad = 0, n = 0; n < b.n; n++) {
		b.p[n] ^= 0x20;
		bad += decode(&im, NULL, b) == DET_OK;
		det_image_release(&im);
		b.p[n] ^= 0x20;
	}
	ok(bad == 0, "PNG: a bit changed in any byte: an error");
	free(b.p);
}

static enum det_err
decode_text(struct det_image *im, const char *s, size_t n)
{
	return det_image_decode(im, NULL, (const unsigned char *)s, n, &usual);
}

static void
test_ppm(void)
{
	static const char p6[] = "P6 # a comment\n2\t1 255\n\1\2\3\xff\xfe\xfd";
	static const char p5[] = "P5\n3 1\n4\n\0\1\4";
	static const char wide[] = "P6\n1 1\n65535\n\xff\xff\0\0\x80\0";
	struct det_image im;
	size_t n;
	int bad = 0;

	ok(decode_text(&im, p6, sizeof p6 - 1) == DET_OK && im.w == 2 && im.h == 1 &&
		memcmp(im.rgb, "\1\2\3\xff\xfe\xfd", 6) == 0,
	    "PPM with a comment");
	det_image_release(&im);
	ok(decode_text(&im, p5, sizeof p5 - 1) == DET_OK && im.rgb[0] == 0 &&
		im.rgb[3] == 64 && im.rgb[8] == 255,
	    "PGM with maxval 4 is spread over 0..255");
	det_image_release(&im);
	ok(decode_text(&im, wide, sizeof wide - 1) == DET_OK && im.rgb[0] == 255 &&
		im.rgb[1] == 0 && im.rgb[2] == 128,
	    "PPM with maxval 65535");
	det_image_release(&im);
	for (n = 0; n < sizeof p6 - 1; n++) {
		bad += decode_text(&im, p6, n) == DET_OK;
		det_image_release(&im);
	}
	ok(bad == 0, "PPM cut anywhere: an error");
	ok(decode_text(&im, "P5\n1 1\n3\n\4", 10) == DET_CORRUPT,
	    "a sample above maxval");
	ok(decode_text(&im, "P5\n0 1\n3\n\4", 10) == DET_CORRUPT, "no pixels");
	ok(decode_text(&im, "P5\n1 1\n0\n\4", 10) == DET_CORRUPT, "maxval 0");
	ok(decode_text(&im, "P5\n999999 1\n9\n\4", 15) == DET_LIMIT, "a side too long");
	ok(decode_text(&im, "P5\n60000 60000\n9\n\4", 18) == DET_LIMIT,
	    "too many pixels");
	ok(decode_text(&im, "P3\n1 1\n9\n4 4 4", 15) == DET_UNSUPPORTED, "ASCII PPM");
	ok(decode_text(&im, "GIF89a....", 10) == DET_UNSUPPORTED &&
		strstr(det_errmsg(), "a GIF"),
	    "a GIF is called by its name");
	ok(decode_text(&im, "hello", 5) == DET_INVALID &&
		strstr(det_errmsg(), "text 'hello'"),
	    "so is text");
	ok(decode_text(&im, "", 0) == DET_INVALID && strstr(det_errmsg(), "empty"),
	    "and nothing");
}

static void
test_limits(void)
{
	struct det_image_params p = DET_IMAGE_DEFAULTS;
	struct bytes jpeg = make_jpeg(37, 29, (struct jpeg_kind){ 3, 0, NULL, 0 });
	struct bytes png = make_png(37, 29, PNG_COLOR_TYPE_RGB, 8, 0, 0);
	struct det_image im;

	p.max_pixels = 37 * 29;
	ok(det_image_decode(&im, NULL, jpeg.p, jpeg.n, &p) == DET_OK, "at the limit");
	det_image_release(&im);
	p.max_pixels--;
	ok(det_image_decode(&im, NULL, jpeg.p, jpeg.n, &p) == DET_LIMIT &&
		det_image_decode(&im, NULL, png.p, png.n, &p) == DET_LIMIT,
	    "a pixel more than the limit");
	p = usual;
	p.max_side = 36;
	ok(det_image_decode(&im, NULL, jpeg.p, jpeg.n, &p) == DET_LIMIT &&
		det_image_decode(&im, NULL, png.p, png.n, &p) == DET_LIMIT,
	    "a side longer than the limit");
	free(jpeg.p);
	free(png.p);
}

static void
need_16x12(size_t *w, size_t *h, size_t full_w, size_t full_h, const void *ctx)
{
	(void)ctx;
	*w = full_w > full_h ? 16 : 12;
	*h = full_w > full_h ? 12 : 16;
}

static void
test_scaled(void)
{
	struct det_image_params p = DET_IMAGE_DEFAULTS;
	struct bytes exif = make_exif(6, 0), b;
	struct det_image im;
	struct det_image_info info;

	p.need = need_16x12;
	b = make_jpeg(64, 48, (struct jpeg_kind){ 3, 0, NULL, 0 });
	ok(det_image_decode(&im, &info, b.p, b.n, &p) == DET_OK && im.w == 16 &&
		im.h == 12 && info.w == 64 && info.h == 48,
	    "a JPEG is decoded at 1/4 where that is enough");
	det_image_release(&im);
	free(b.p);
	b = make_jpeg(63, 48, (struct jpeg_kind){ 3, 0, exif.p, exif.n });
	ok(det_image_decode(&im, &info, b.p, b.n, &p) == DET_OK && im.w == 24 &&
		im.h == 32 && info.w == 48 && info.h == 63,
	    "at 1/2 where 1/4 is too small, and turned");
	det_image_release(&im);
	free(b.p);
	free(exif.p);
}

static void
test_encode(void)
{
	static const enum det_format formats[] = { DET_FORMAT_PNG, DET_FORMAT_PPM,
		DET_FORMAT_JPEG };
	struct det_image im, back;
	struct det_buf buf = { 0 };
	size_t x, y, c, i;
	int worst;

	if (det_image_new(&im, 21, 13))
		exit(2);
	for (y = 0; y < 13; y++)
		for (x = 0; x < 21; x++)
			for (c = 0; c < 3; c++)
				im.rgb[(y * 21 + x) * 3 + c] = make_pixel(x, y, c);
	for (i = 0; i < 3; i++) {
		buf.len = 0;
		worst = det_image_encode(&buf, &im, formats[i], 95) ||
				det_image_decode(&back, NULL, (unsigned char *)buf.text,
				    buf.len, &usual)
			    ? 999
			    : off(&back, 21, 13, 0, 255);
		ok(worst <= (formats[i] == DET_FORMAT_JPEG ? 20 : 0),
		    "what is written is read back (%d)", worst);
		det_image_release(&back);
	}
	ok(det_image_encode(&buf, &im, DET_FORMAT_UNKNOWN, 9) == DET_INVALID,
	    "no format");
	det_buf_free(&buf);
	det_image_release(&im);
}

int
main(void)
{
	check_jpeg("baseline", (struct jpeg_kind){ 3, 0, NULL, 0 }, 8);
	check_jpeg("progressive", (struct jpeg_kind){ 3, 1, NULL, 0 }, 8);
	check_jpeg("grey", (struct jpeg_kind){ 1, 0, NULL, 0 }, 6);
	test_cmyk();
	test_orientation();
	test_jpeg_damage();
	test_png();
	test_png_damage();
	test_ppm();
	test_limits();
	test_scaled();
	test_encode();
	return done();
}
