/* SPDX-License-Identifier: MIT
 *
 * The size and orientation of a picture from the head of its file: nothing is decoded.
 */
#ifndef DET_PICTURE_HEAD_H
#define DET_PICTURE_HEAD_H

#include "image/image.h"

/* JPEG (up to its frame header), PNG (up to its first pixels, where an eXIf chunk stands if
 * there is one), PPM. info->w and h are upright, as det_image_decode has them; stored_w and
 * stored_h, which may be NULL, before the orientation is undone. */
enum det_err det_image_head(struct det_image_info *info, size_t *stored_w,
    size_t *stored_h, const unsigned char *data, size_t size) DET_MUST_USE;
/* The same of a file, of which only the pages looked at are read. */
enum det_err det_image_head_file(struct det_image_info *info, size_t *stored_w,
    size_t *stored_h, const char *path) DET_MUST_USE;

#endif
