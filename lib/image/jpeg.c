/* SPDX-License-Identifier: MIT
 *
 * JPEG through libjpeg-turbo, with the settings that decoders of the reference frameworks
 * share: accurate integer DCT (ISLOW) and "fancy" (triangle) chroma upsampling.
 *
 * libjpeg means to show something whatever happens: data that end early become grey pixels
 * and a warning. A detector fed with grey pixels reports that nothing is there, so warnings
 * that mean lost pixels are errors here. Those that don't are let pass: stray bytes between
 * markers are common in photographs that every other program shows well.
 *
 * CMYK: Adobe's programs store inverted inks and say so by an Adobe marker; others store
 * ink. Either way red = 255 (1 - cyan)(1 - black), which is what Pillow computes.
 */
#include "image/codec.h"

#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs FILE */
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "base/mem.h"

#define MAX_SCANS 500 /* progressive; cameras and encoders write about 10 */

struct fault {
	struct jpeg_error_mgr base;
	jmp_buf jump;
	enum det_err code;
};

static void
fail_with(j_common_ptr c, enum det_err code)
{
	struct fault *f = (struct fault *)c->err;
	char text[JMSG_LENGTH_MAX];

	c->err->format_message(c, text);
	f->code = det_fail(code, "JPEG: %s", text);
	longjmp(f->jump, 1);
}

static void
on_error(j_common_ptr c)
{
	switch (c->err->msg_code) {
	case JERR_OUT_OF_MEMORY: fail_with(c, DET_NOMEM); break;
	case JERR_INPUT_EMPTY:
	case JERR_INPUT_EOF: fail_with(c, DET_TRUNCATED); break;
	case JERR_SOF_UNSUPPORTED:
	case JERR_ARITH_NOTIMPL:
	case JERR_BAD_PRECISION:
	case JERR_CONVERSION_NOTIMPL:
	case JERR_NOT_COMPILED: fail_with(c, DET_UNSUPPORTED); break;
	default: fail_with(c, DET_CORRUPT);
	}
}

static void
on_message(j_common_ptr c, int level)
{
	if (level >= 0)
		return; /* trace */
	switch (c->err->msg_code) {
	case JWRN_EXTRANEOUS_DATA:
	case JWRN_ADOBE_XFORM:
	case JWRN_TOO_MUCH_DATA: return;
	case JWRN_JPEG_EOF: fail_with(c, DET_TRUNCATED); break;
	default: fail_with(c, DET_CORRUPT);
	}
}

static void
on_print(j_common_ptr c)
{
	(void)c; /* the library never prints */
}

static void
on_progress(j_common_ptr c)
{
	struct fault *f = (struct fault *)c->err;

	if (((j_decompress_ptr)c)->input_scan_number <= MAX_SCANS)
		return;
	f->code = det_fail(DET_LIMIT, "JPEG: more than %d scans", MAX_SCANS);
	longjmp(f->jump, 1);
}

static struct jpeg_error_mgr *
fault_init(struct fault *f)
{
	(void)jpeg_std_error(&f->base);
	f->base.error_exit = on_error;
	f->base.emit_message = on_message;
	f->base.output_message = on_print;
	f->code = DET_OK;
	return &f->base;
}

static int
find_orientation(const struct jpeg_decompress_struct *c)
{
	jpeg_saved_marker_ptr m;

	for (m = c->marker_list; m; m = m->next)
		if (m->marker == JPEG_APP0 + 1 && m->data_length > 6 &&
		    memcmp(m->data, "Exif\0", 6) == 0)
			return det_exif_orientation(m->data + 6, m->data_length - 6);
	return 1;
}

/* Picks 1/2, 1/4 or 1/8 where what is left still has the size that the caller needs. */
static void
choose_scale(struct jpeg_decompress_struct *c, const struct det_image_info *info,
    const struct det_image_params *p)
{
	const int turned = info->orientation >= 5;
	size_t min_w = 0, min_h = 0, d;

	if (!p->need)
		return;
	p->need(&min_w, &min_h, turned ? info->h : info->w, turned ? info->w : info->h,
	    p->ctx);
	for (d = 8; d > 1; d /= 2)
		if ((turned ? info->h : info->w) / d >= min_w &&
		    (turned ? info->w : info->h) / d >= min_h)
			break;
	c->scale_num = 1;
	c->scale_denom = (unsigned)d;
}

static void
cmyk_to_rgb(unsigned char *rgb, const unsigned char *cmyk, size_t n, int inverted)
{
	unsigned flip = inverted ? 0 : 255, k;
	size_t i, j;

	for (i = 0; i < n; i++) {
		k = cmyk[4 * i + 3] ^ flip;
		for (j = 0; j < 3; j++)
			rgb[3 * i + j] =
			    (unsigned char)(((cmyk[4 * i + j] ^ flip) * k + 127) / 255);
	}
}

static enum det_err
read_rows(struct jpeg_decompress_struct *c, struct det_image *out, unsigned char *line)
{
	JSAMPROW row;

	while (c->output_scanline < c->output_height) {
		unsigned char *to = out->rgb + (size_t)c->output_scanline * out->w * 3;

		row = line ? line : to;
		if (jpeg_read_scanlines(c, &row, 1) != 1)
			return det_fail(DET_CORRUPT, "JPEG: a row is missing");
		if (line)
			cmyk_to_rgb(to, line, out->w, c->saw_Adobe_marker);
	}
	return DET_OK;
}

/* Locals of the function that calls setjmp are lost by the longjmp, so what has to be
 * freed lies in a job that its caller holds. */
struct read_job {
	struct jpeg_decompress_struct c;
	struct jpeg_progress_mgr progress;
	struct fault fault;
	struct det_image image;
	unsigned char *line; /* a row of CMYK */
};

static enum det_err
decompress(struct read_job *j, struct det_image_info *info, const unsigned char *data,
    size_t size, const struct det_image_params *p)
{
	struct jpeg_decompress_struct *c = &j->c;
	enum det_err e;

	jpeg_create_decompress(c);
	c->progress = &j->progress;
	jpeg_mem_src(c, data, (unsigned long)size);
	jpeg_save_markers(c, JPEG_APP0 + 1, 0xffff);
	(void)jpeg_read_header(c, TRUE);
	info->w = c->image_width;
	info->h = c->image_height;
	info->orientation = find_orientation(c);
	if ((e = det_image_allow(info->w, info->h, p)))
		return e;
	choose_scale(c, info, p);
	c->out_color_space = JCS_RGB;
	c->dct_method = JDCT_ISLOW;
	c->do_fancy_upsampling = TRUE;
	if (c->jpeg_color_space == JCS_CMYK || c->jpeg_color_space == JCS_YCCK)
		c->out_color_space = JCS_CMYK;
	(void)jpeg_start_decompress(c);
	if ((e = det_image_new(&j->image, c->output_width, c->output_height)))
		return e;
	if (c->out_color_space == JCS_CMYK && (e = det_alloc(&j->line, j->image.w, 4)))
		return e;
	if ((e = read_rows(c, &j->image, j->line)))
		return e;
	(void)jpeg_finish_decompress(c);
	return DET_OK;
}

static enum det_err
decompress_guarded(struct read_job *j, struct det_image_info *info,
    const unsigned char *data, size_t size, const struct det_image_params *p)
{
	if (setjmp(j->fault.jump))
		return j->fault.code;
	return decompress(j, info, data, size, p);
}

enum det_err
det_jpeg_read(struct det_image *out, struct det_image_info *info,
    const unsigned char *data, size_t size, const struct det_image_params *p)
{
	struct read_job j;
	enum det_err e;

	memset(&j, 0, sizeof j);
	j.c.err = fault_init(&j.fault);
	j.progress.progress_monitor = on_progress;
	e = decompress_guarded(&j, info, data, size, p);
	jpeg_destroy_decompress(&j.c);
	free(j.line);
	if (e)
		det_image_release(&j.image);
	else
		*out = j.image;
	return e;
}

struct write_job {
	struct jpeg_compress_struct c;
	struct fault fault;
	unsigned char *bytes;
	unsigned long size;
};

static enum det_err
compress(struct write_job *j, const struct det_image *im, int quality)
{
	struct jpeg_compress_struct *c = &j->c;
	JSAMPROW row;

	if (setjmp(j->fault.jump))
		return j->fault.code;
	jpeg_create_compress(c);
	jpeg_mem_dest(c, &j->bytes, &j->size);
	c->image_width = (JDIMENSION)im->w;
	c->image_height = (JDIMENSION)im->h;
	c->input_components = 3;
	c->in_color_space = JCS_RGB;
	jpeg_set_defaults(c);
	jpeg_set_quality(c, quality, TRUE);
	jpeg_start_compress(c, TRUE);
	while (c->next_scanline < c->image_height) {
		row = im->rgb + (size_t)c->next_scanline * im->w * 3;
		(void)jpeg_write_scanlines(c, &row, 1);
	}
	jpeg_finish_compress(c);
	return DET_OK;
}

enum det_err
det_jpeg_write(struct det_buf *out, const struct det_image *im, int quality)
{
	struct write_job j;
	enum det_err e;

	if (im->w > JPEG_MAX_DIMENSION || im->h > JPEG_MAX_DIMENSION)
		return det_fail(DET_LIMIT,
		    "a picture of %zux%zu: JPEG holds at most %ld pixels a side", im->w,
		    im->h, (long)JPEG_MAX_DIMENSION);
	memset(&j, 0, sizeof j);
	j.c.err = fault_init(&j.fault);
	e = compress(&j, im, quality);
	jpeg_destroy_compress(&j.c);
	if (!e)
		e = det_buf_add(out, j.bytes, j.size);
	free(j.bytes);
	return e;
}
