/* SPDX-License-Identifier: MIT
 *
 * Streams as text and back: what `det-show --data` prints is what `det-show --build`
 * reads, byte for byte the same stream. formats/stream.md section 9 is the grammar.
 */
#ifndef DET_RECIPE_H
#define DET_RECIPE_H

#include "base/text.h"
#include "stream/record.h"

/* Appends the bytes that `text` describes to *out. Errors are DET_INVALID "NAME:LINE: ...". */
enum det_err det_recipe_build(
    struct det_buf *out, const char *text, size_t len, const char *name) DET_MUST_USE;

/* Appends the text of one loaded record. */
enum det_err det_recipe_print(
    struct det_buf *out, const struct det_record *r) DET_MUST_USE;

#endif
