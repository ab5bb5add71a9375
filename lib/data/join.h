/* SPDX-License-Identifier: MIT
 *
 * Two class tables as one, by the names of the classes.
 */
#ifndef DET_JOIN_H
#define DET_JOIN_H

#include <stdint.h>

#include "stream/item.h"

/* *out: the classes of `first` with their labels, then those of `second` that are not among
 * them. A class has the source id of `second` where that gives one, else of `first`.
 * map[i], room for second->n, is what label i of `second` has become. */
enum det_err det_classes_join(struct det_classes *out, int32_t *map,
    const struct det_classes *first, const struct det_classes *second) DET_MUST_USE;

#endif
