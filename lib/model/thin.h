/* SPDX-License-Identifier: MIT
 *
 * Fully connected layers of a network made of two thin ones each: the text and the names;
 * the numbers are nn/svd.h's.
 */
#ifndef DET_THIN_H
#define DET_THIN_H

#include "base/text.h"

/* Adds the network's text with `layer = fc(IN) KEYS` in two lines,
 *
 *   layer_svd = fc(IN) out=RANK bias=0
 *   layer = fc(layer_svd) KEYS
 *
 * Other lines stay as they are. DET_INVALID where the text has no such layer, it is no fc, or
 * layer_svd is there already. */
enum det_err det_thin_text(struct det_buf *out, const char *text, size_t len,
    const char *layer, size_t rank) DET_MUST_USE;

#endif
