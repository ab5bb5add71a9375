/* SPDX-License-Identifier: MIT
 *
 * What the two halves of the recipe's builder share. Private to lib/stream.
 */
#ifndef DET_RECIPE_PARTS_H
#define DET_RECIPE_PARTS_H

#include "base/text.h"

/* Cuts the next word of *s: bare, key="quoted" or key=bare; NULL at the end of the line.
 * Quotes and escapes are resolved in place. */
enum det_err det_recipe_word(char **word, char **s) DET_MUST_USE;

/* Appends the bytes that the rest of the line gives as pairs of hex digits. */
enum det_err det_recipe_hex(struct det_buf *out, char *line) DET_MUST_USE;

/* Does what a line "!..." says to the stream built so far, whose last record begins at
 * byte `last`; `line` is what follows the '!'. */
enum det_err det_recipe_damage(
    struct det_buf *out, size_t last, char *line) DET_MUST_USE;

#endif
