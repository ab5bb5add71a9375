/* SPDX-License-Identifier: MIT
 *
 * Class names as users keep them: a file with a name a line.
 */
#ifndef DET_NAMES_H
#define DET_NAMES_H

#include "stream/item.h"

/* A name a line, with the data set's own number after a tab where it has one; blank lines
 * only at the end. */
enum det_err det_names_parse(
    struct det_classes *c, const char *text, size_t len, const char *file) DET_MUST_USE;

/* class0, class1, ... */
enum det_err det_names_make(struct det_classes *c, size_t n) DET_MUST_USE;

#endif
