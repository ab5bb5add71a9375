/* SPDX-License-Identifier: MIT
 *
 * Encoded pictures of kinds that the library itself does not write, for tests. Each gives
 * malloc'd bytes. All show the same scene: make_pixel().
 */
#ifndef DET_IMAGE_MAKE_H
#define DET_IMAGE_MAKE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

struct bytes {
	unsigned char *p;
	size_t n;
};

/* Smooth, not symmetric, every channel different. */
static inline unsigned char
make_pixel(size_t x, size_t y, size_t c)
{
	return (unsigned char)(40 + (c == 0      ? x * 5
					: c == 1 ? y * 6
						 : (x + y) * 3) %
					200);
}

struct jpeg_kind {
	int components; /* 1 grey, 3 colour, 4 CMYK (Adobe's, inverted) */
	int progressive;
	const unsigned char *app1; /* written as APP1 where not NULL */
	size_t app1_size;
};

static inline struct bytes
make_jpeg(size_t w, size_t h, struct jpeg_kind k)
{
	struct jpeg_compress_struct c;
	struct jpeg_error_mgr err;
	unsigned char *out = NULL, *row = malloc(w * 4);
	unsigned long n = 0;
	size_t x, y, i;

	c.err = jpeg_std_error(&err);
	jpeg_create_compress(&c);
	jpeg_mem_dest(&c, &out, &n);
	c.image_width = (JDIMENSION)w;
	c.image_height = (JDIMENSION)h;
	c.input_components = k.components;
	c.in_color_space = k.components == 1   ? JCS_GRAYSCALE
			   : k.components == 3 ? JCS_RGB
					       : JCS_CMYK;
	jpeg_set_defaults(&c);
	if (k.components == 4)
		jpeg_set_colorspace(&c, JCS_YCCK);
	jpeg_set_quality(&c, 95, TRUE);
	for (i = 0; i < (size_t)c.num_components; i++)
		c.comp_info[i].h_samp_factor = c.comp_info[i].v_samp_factor = 1;
	if (k.progressive)
		jpeg_simple_progression(&c);
	jpeg_start_compress(&c, TRUE);
	if (k.app1)
		jpeg_write_marker(&c, JPEG_APP0 + 1, k.app1, (unsigned)k.app1_size);
	for (y = 0; y < h; y++) {
		for (x = 0; x < w; x++)
			for (i = 0; i < (size_t)k.components; i++)
				row[x * (size_t)k.components + i] =
				    i == 3 ? 255 : make_pixel(x, y, i);
		(void)jpeg_write_scanlines(&c, &row, 1);
	}
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
	free(row);
	return (struct bytes){ out, n };
}

static inline void
make_png_sink(png_structp png, png_bytep p, png_size_t n)
{
	struct bytes *b = png_get_io_ptr(png);

	b->p = realloc(b->p, b->n + n);
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

static inline void
make_png_flush(png_structp png)
{
	(void)png;
}

/* color: PNG_COLOR_TYPE_*; a palette holds 16 greys. depth 1..16; trns: 1 with tRNS, -6 with
 * eXIf of orientation 6. */
static inline struct bytes
make_png(size_t w, size_t h, int color, int depth, int interlace, int trns)
{
	const size_t channels = color == PNG_COLOR_TYPE_RGB          ? 3
				: color == PNG_COLOR_TYPE_RGB_ALPHA  ? 4
				: color == PNG_COLOR_TYPE_GRAY_ALPHA ? 2
								     : 1;
	png_structp png =
	    png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png_create_info_struct(png);
	unsigned char *row = calloc(w * channels, 2);
	png_color table[16];
	png_byte exif[] =
	    "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
	png_byte alpha[2] = { 0, 128 };
	png_color_16 clear = { 0, 40, 40, 40, 40 };
	struct bytes out = { NULL, 0 };
	size_t x, y, c;
	int pass, passes = 1;

	png_set_write_fn(png, &out, make_png_sink, make_png_flush);
	png_set_IHDR(png, info, (png_uint_32)w, (png_uint_32)h, depth, color,
	    interlace ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, 0, 0);
	for (c = 0; c < 16; c++)
		table[c].red = table[c].green = table[c].blue = (png_byte)(c * 17);
	if (color == PNG_COLOR_TYPE_PALETTE)
		png_set_PLTE(png, info, table, 1 << (depth < 4 ? depth : 4));
	if (trns < 0)
		png_set_eXIf_1(png, info, sizeof exif - 1, exif);
	if (trns > 0)
		png_set_tRNS(png, info, alpha, 2, &clear);
	png_write_info(png, info);
	if (depth < 8)
		png_set_packing(png);
	if (interlace)
		passes = png_set_interlace_handling(png);
	for (pass = 0; pass < passes; pass++)
		for (y = 0; y < h; y++) {
			for (x = 0; x < w; x++)
				for (c = 0; c < channels; c++) {
					unsigned char v = make_pixel(x, y, c);

					if (color == PNG_COLOR_TYPE_PALETTE)
						v = (unsigned char)((x + y) %
								    (depth < 4
									    ? 1u << depth
									    : 16));
					else if (depth < 8)
						v = (unsigned char)(v >> (8 - depth));
					if (depth == 16) {
						row[2 * (x * channels + c)] = v;
						row[2 * (x * channels + c) + 1] = 0xee;
					} else {
						row[x * channels + c] = v;
					}
				}
			png_write_row(png, row);
		}
	png_write_end(png, info);
	png_destroy_write_struct(&png, &info);
	free(row);
	return out;
}

/* "Exif" and a TIFF whose first directory has another tag, then the orientation. */
static inline struct bytes
make_exif(int orientation, int big)
{
	static const unsigned char little[] = "Exif\0\0II*\0\x08\0\0\0\x02\0"
					      "\x0f\x01\x02\0\x04\0\0\0abc\0"
					      "\x12\x01\x03\0\x01\0\0\0O\0\0\0\0\0\0\0";
	static const unsigned char bigger[] = "Exif\0\0MM\0*\0\0\0\x08\0\x02"
					      "\x01\x0f\0\x02\0\0\0\x04"
					      "abc\0"
					      "\x01\x12\0\x03\0\0\0\x01\0O\0\0\0\0\0\0";
	const unsigned char *from = big ? bigger : little;
	struct bytes b = { malloc(sizeof little), sizeof little - 1 };

	memcpy(b.p, from, b.n);
	*(unsigned char *)memchr(b.p, 'O', b.n) = (unsigned char)orientation;
	return b;
}

#endif
