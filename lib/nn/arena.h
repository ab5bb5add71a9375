/* SPDX-License-Identifier: MIT
 *
 * Places buffers with known lifetimes into one piece of memory. Private to lib/nn.
 */
#ifndef DET_ARENA_H
#define DET_ARENA_H

#include <stddef.h>

#include "base/err.h"

/* A buffer of `size` bytes (a multiple of 64) that holds something from step `first` to
 * step `last`, both included. `at` is set by det_arena_place. */
struct det_span {
	size_t size, first, last, at;
};

/* Gives every span its offset, so that no two that live at the same time overlap; *total
 * is the memory needed. The result depends on the spans alone. */
enum det_err det_arena_place(
    struct det_span *span, size_t n, size_t *total) DET_MUST_USE;

#endif
