/* SPDX-License-Identifier: MIT
 *
 * Private to lib/image: one reader and one writer a format. Readers give the picture as it
 * is stored and say in info how it has to be turned; info->w and h are the stored size.
 */
#ifndef DET_CODEC_H
#define DET_CODEC_H

#include "image/image.h"

enum det_err det_jpeg_read(struct det_image *out, struct det_image_info *info,
    const unsigned char *data, size_t size,
    const struct det_image_params *p) DET_MUST_USE;
enum det_err det_png_read(struct det_image *out, struct det_image_info *info,
    const unsigned char *data, size_t size,
    const struct det_image_params *p) DET_MUST_USE;
enum det_err det_ppm_read(struct det_image *out, struct det_image_info *info,
    const unsigned char *data, size_t size,
    const struct det_image_params *p) DET_MUST_USE;

enum det_err det_jpeg_write(
    struct det_buf *out, const struct det_image *im, int quality) DET_MUST_USE;
enum det_err det_png_write(
    struct det_buf *out, const struct det_image *im) DET_MUST_USE;
enum det_err det_ppm_write(
    struct det_buf *out, const struct det_image *im) DET_MUST_USE;

/* The head of a PPM or PGM: *need = 0 while `size` bytes don't hold all of it (DET_OK),
 * else bytes of the whole picture. */
struct det_ppm_head {
	size_t w, h, channels, maxval, body; /* body: offset of the first sample */
};
enum det_err det_ppm_head(struct det_ppm_head *out, size_t *need,
    const unsigned char *data, size_t size) DET_MUST_USE;

/* Whether a picture of this size may be decoded. */
enum det_err det_image_allow(
    size_t w, size_t h, const struct det_image_params *p) DET_MUST_USE;

#endif
