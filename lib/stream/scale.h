/* SPDX-License-Identifier: MIT
 *
 * One picture at several scales: besides a tensor NAME, whose pixels are the item's input,
 * NAME.1, NAME.2 and so on, each with an attribute `scale` (formats/stream.md, 5.3).
 */
#ifndef DET_SCALE_H
#define DET_SCALE_H

#include "stream/record.h"

#define DET_SCALES 16 /* at most, the input among them */

/* K where name is BASE.K, 1 .. DET_SCALES - 1; else 0. */
size_t det_scale_index(const char *name, const char *base);

/* BASE.K, or for k = 0 BASE: cut short where it would not fit. */
#define DET_SCALE_NAME 264
char *det_scale_name(char buf[DET_SCALE_NAME], const char *base, size_t k);

/* The attribute: an x of the input times f[0], a y times f[1] is where it lies in the tensor.
 * Reading it, DET_INVALID where it is absent or not two finite numbers above 0. */
enum det_err det_scale_add(struct det_attrs *a, const double f[2]) DET_MUST_USE;
enum det_err det_scale_read(
    double f[2], const struct det_attrs *a, const char *name) DET_MUST_USE;

#endif
