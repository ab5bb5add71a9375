/* SPDX-License-Identifier: MIT
 *
 * The picture that an item stands for, from its encoded bytes or its path.
 */
#ifndef DET_ORIGINAL_H
#define DET_ORIGINAL_H

#include "image/image.h"
#include "stream/item.h"

/* `bytes` are those of the item's tensor "source", size 0 where the stream has none: the
 * item's path is then read. DET_INVALID where there is neither, or the picture has not the
 * size that the item states. */
enum det_err det_original_read(struct det_image *out, const struct det_item *it,
    const unsigned char *bytes, size_t size) DET_MUST_USE;

#endif
