/* SPDX-License-Identifier: MIT
 *
 * What a tensor was made under, held against what a model records. A stage whose values
 * matter to those after it writes them beside its tensor, as the attribute
 *
 *   made=det-roipool op=align size=7x7 sampling=2 ...
 *
 * in words of its own options, and a model's text options/det-roipool tells the values that
 * its weights were trained under.
 */
#ifndef DET_MADE_H
#define DET_MADE_H

#include "image/norm.h"
#include "model/model.h"

/* DET_INVALID where a word of `made` contradicts the model's options, naming both; what
 * only one of them states is no contradiction. Numbers that are written in two ways are the
 * same. */
enum det_err det_made_agrees(const struct det_model *m, const char *made) DET_MUST_USE;

#define DET_OPTION_MAX 256 /* bytes of a value, with its NUL */

/* The value that the text "options/TOOL" gives an option: of the last line "KEY=...", as
 * for the tools. 0 where there is none that fits. */
int det_option_find(char out[DET_OPTION_MAX], const char *text, size_t len,
    const char *key, size_t key_len);

/* What pixels the model was trained on, as det_norm_text has it: of its text
 * "options/det-image"; "" where it has none. */
enum det_err det_made_norm(
    char out[DET_NORM_TEXT], const struct det_model *m) DET_MUST_USE;
/* DET_INVALID where the tensor "image" with these attributes states another than `want`,
 * which is that of `model`, a name for the message. */
enum det_err det_made_norm_agrees(
    const struct det_attrs *a, const char *want, const char *model) DET_MUST_USE;

#endif
