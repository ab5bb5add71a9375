/* SPDX-License-Identifier: MIT
 *
 * One line about a record, for people.
 */
#ifndef DET_SHOW_H
#define DET_SHOW_H

#include "base/text.h"
#include "stream/record.h"

/* Appends "TENS  image  f32 1x3x416x416" and the like, each kind in a form of its own; under
 * `tsv` the columns kind, name, dtype, shape, bytes, offset, attributes, parted by tabs. */
enum det_err det_show_line(
    struct det_buf *out, const struct det_record *r, int tsv) DET_MUST_USE;

/* Appends min, max, mean, standard deviation (in double, over finite elements) and the counts of
 * zeros and of NaN or infinity, of a loaded tensor. */
enum det_err det_show_stats(
    struct det_buf *out, const struct det_record *r, int tsv) DET_MUST_USE;

/* Loads a record and decodes all that a reader of its kind would: payload check, class
 * table, item, boxes. */
enum det_err det_show_check(struct det_record *r) DET_MUST_USE;

#endif
