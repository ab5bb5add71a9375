/* SPDX-License-Identifier: MIT
 *
 * Sizes that can't overflow and memory aligned to 64 bytes (a cache line, the widest
 * vector register, and the stream's padding). Everything allocated here is freed with
 * free().
 */
#ifndef DET_MEM_H
#define DET_MEM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define DET_ALIGN 64

/* *out = a * b or a + b; DET_LIMIT with a message where the result does not fit. */
enum det_err det_mul(size_t *out, size_t a, size_t b) DET_MUST_USE;
enum det_err det_add(size_t *out, size_t a, size_t b) DET_MUST_USE;

/* n rounded up to the next multiple of 64; the caller knows that n + 63 fits. */
size_t det_pad(size_t n);

/* Zeroed / uninitialised arrays of n elements of `size` bytes, 64-byte aligned. *out is a
 * pointer to any object pointer. n == 0 gives a valid pointer of no length. */
enum det_err det_calloc(void *out, size_t n, size_t size) DET_MUST_USE;
enum det_err det_alloc(void *out, size_t n, size_t size) DET_MUST_USE;

/* Grows *array (malloc'd or NULL, of *cap elements of `size` bytes) so that it holds at
 * least `need` elements; doubles. On failure *array is untouched. */
enum det_err det_grow(void *array, size_t *cap, size_t need, size_t size) DET_MUST_USE;

/* The same for what is written anew each time: *array is as det_alloc gives it, of `need`
 * elements where it had fewer, and what was in it may be lost. On failure it is NULL, *cap 0. */
enum det_err det_room(void *array, size_t *cap, size_t need, size_t size) DET_MUST_USE;

/* A malloc'd copy of n bytes of s, with a NUL after them. */
enum det_err det_strndup(char **out, const char *s, size_t n) DET_MUST_USE;
enum det_err det_strdup(char **out, const char *s) DET_MUST_USE;

#endif
