/* SPDX-License-Identifier: MIT
 *
 * PNG through libpng. Every colour type becomes 8 bit RGB the way that the readers of the
 * reference frameworks do it: palettes and grey are expanded, 16 bits keep their high byte,
 * an alpha channel or transparent colour is dropped (what lies under it shows), gamma and
 * profiles are ignored. Checksums of all chunks must be right, also of those not used.
 */
#include "image/codec.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "base/mem.h"

struct job {
	png_structp png;
	png_infop info;
	jmp_buf jump;
	enum det_err code;
	/* reading */
	const unsigned char *data;
	size_t size, at;
	struct det_image image;
	png_bytepp rows;
	/* writing */
	struct det_buf *out;
};

static void
on_error(png_structp png, png_const_charp text)
{
	struct job *j = png_get_error_ptr(png);

	if (!j->code) /* else said already, with its own code */
		j->code = det_fail(DET_CORRUPT, "PNG: %s", text);
	longjmp(j->jump, 1);
}

static void
on_warning(png_structp png, png_const_charp text)
{
	(void)png;
	(void)text; /* about chunks that are not used here */
}

static void
on_read(png_structp png, png_bytep to, png_size_t n)
{
	struct job *j = png_get_io_ptr(png);

	if (n > j->size - j->at) {
		j->code = det_fail(DET_TRUNCATED,
		    "PNG: it ends after %zu bytes, inside a chunk", j->size);
		png_error(png, "");
	}
	memcpy(to, j->data + j->at, n);
	j->at += n;
}

static void
on_write(png_structp png, png_bytep bytes, png_size_t n)
{
	struct job *j = png_get_io_ptr(png);

	j->code = det_buf_add(j->out, bytes, n);
	if (j->code)
		png_error(png, "");
}

static void
on_flush(png_structp png)
{
	(void)png;
}

static void
set_transforms(png_structp png, int color)
{
	png_set_strip_16(png);
	png_set_packing(png);
	if (color == PNG_COLOR_TYPE_PALETTE)
		png_set_palette_to_rgb(png);
	if (!(color & PNG_COLOR_MASK_COLOR)) {
		png_set_expand_gray_1_2_4_to_8(png);
		png_set_gray_to_rgb(png);
	}
	png_set_strip_alpha(png);
	(void)png_set_interlace_handling(png);
}

static int
find_orientation(png_structp png, png_infop info)
{
	png_bytep exif = NULL;
	png_uint_32 n = 0;

	if (!png_get_eXIf_1(png, info, &n, &exif) || !exif)
		return 1;
	return det_exif_orientation(exif, n);
}

static enum det_err
decode(struct job *j, struct det_image_info *info, const struct det_image_params *p)
{
	png_structp png = j->png;
	int color;
	size_t y;
	enum det_err e;

	png_set_read_fn(png, j, on_read);
	png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
	/* our own limits say which; a text chunk may not take much memory either */
	png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
	png_set_chunk_malloc_max(png, (png_alloc_size_t)1 << 26);
	png_read_info(png, j->info);
	info->w = png_get_image_width(png, j->info);
	info->h = png_get_image_height(png, j->info);
	if ((e = det_image_allow(info->w, info->h, p)))
		return e;
	color = png_get_color_type(png, j->info);
	set_transforms(png, color);
	png_read_update_info(png, j->info);
	if (png_get_rowbytes(png, j->info) != info->w * 3)
		return det_fail(DET_UNSUPPORTED, "PNG: colour type %d", color);
	if ((e = det_image_new(&j->image, info->w, info->h)) ||
	    (e = det_alloc(&j->rows, info->h, sizeof *j->rows)))
		return e;
	for (y = 0; y < info->h; y++)
		j->rows[y] = j->image.rgb + y * info->w * 3;
	png_read_image(png, j->rows);
	png_read_end(png, j->info);
	if (color == PNG_COLOR_TYPE_PALETTE) {
		png_colorp table;
		int n = 0;

		(void)png_get_PLTE(png, j->info, &table, &n);
		if (png_get_palette_max(png, j->info) >= n)
			return det_fail(DET_CORRUPT,
			    "PNG: a pixel of colour %d, the palette has %d",
			    png_get_palette_max(png, j->info), n);
	}
	info->orientation = find_orientation(png, j->info);
	return DET_OK;
}

static enum det_err
decode_guarded(
    struct job *j, struct det_image_info *info, const struct det_image_params *p)
{
	if (setjmp(j->jump))
		return j->code;
	return decode(j, info, p);
}

enum det_err
det_png_read(struct det_image *out, struct det_image_info *info,
    const unsigned char *data, size_t size, const struct det_image_params *p)
{
	struct job j = { .data = data, .size = size };
	enum det_err e;

	j.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &j, on_error, on_warning);
	if (j.png)
		j.info = png_create_info_struct(j.png);
	if (j.info)
		e = decode_guarded(&j, info, p);
	else
		e = det_fail(DET_NOMEM, "no memory for a PNG reader");
	png_destroy_read_struct(&j.png, &j.info, NULL);
	free(j.rows);
	if (e)
		det_image_release(&j.image);
	else
		*out = j.image;
	return e;
}

static enum det_err
encode_guarded(struct job *j, const struct det_image *im)
{
	png_structp png = j->png;
	size_t y;

	if (setjmp(j->jump))
		return j->code;
	png_set_write_fn(png, j, on_write, on_flush);
	png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
	/* half the time of the usual level 6 for a few per cent of the size */
	png_set_compression_level(png, 4);
	png_set_IHDR(png, j->info, (png_uint_32)im->w, (png_uint_32)im->h, 8,
	    PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
	    PNG_FILTER_TYPE_DEFAULT);
	png_write_info(png, j->info);
	for (y = 0; y < im->h; y++)
		png_write_row(png, im->rgb + y * im->w * 3);
	png_write_end(png, j->info);
	return DET_OK;
}

enum det_err
det_png_write(struct det_buf *out, const struct det_image *im)
{
	struct job j = { .out = out };
	enum det_err e;

	if (im->w > 0x7fffffff || im->h > 0x7fffffff)
		return det_fail(DET_LIMIT, "a picture of %zux%zu is too large for PNG",
		    im->w, im->h);
	j.png =
	    png_create_write_struct(PNG_LIBPNG_VER_STRING, &j, on_error, on_warning);
	if (j.png)
		j.info = png_create_info_struct(j.png);
	if (j.info)
		e = encode_guarded(&j, im);
	else
		e = det_fail(DET_NOMEM, "no memory for a PNG writer");
	png_destroy_write_struct(&j.png, &j.info);
	return e;
}
