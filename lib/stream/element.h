/* SPDX-License-Identifier: MIT
 *
 * Single elements of tensors of any dtype, for viewers and converters (not for loops that
 * must be fast).
 */
#ifndef DET_ELEMENT_H
#define DET_ELEMENT_H

#include "base/tensor.h"

/* Element i as a double (i64 beyond 2^53 rounds). */
double det_element_get(const struct det_tensor *t, size_t i);
/* Stores v into element i at `p` little-endian; integers must be whole and in range. */
enum det_err det_element_put(
    void *p, enum det_dtype dtype, size_t i, double v) DET_MUST_USE;
/* Decimal text that reads back to the same element; buf holds 32 bytes. */
char *det_element_text(char *buf, const struct det_tensor *t, size_t i);

#endif
