/* SPDX-License-Identifier: MIT
 *
 * Cuts a stream of bytes that holds pictures one after another (JPEG, PNG, PPM, mixed as
 * they come) into single pictures, each as soon as its last byte has arrived: what
 * `ffmpeg -f image2pipe` or `cat *.jpg` write.
 */
#ifndef DET_SPLIT_H
#define DET_SPLIT_H

#include "image/image.h"

struct det_split;

/* Fills buf with 1..n bytes, *got = 0 at the end; waits no longer than for the first. */
struct det_bytes {
	enum det_err (*read)(void *ctx, void *buf, size_t n, size_t *got);
	void *ctx;
};

/* Reads a descriptor: .ctx is a pointer to int. */
enum det_err det_bytes_fd(void *ctx, void *buf, size_t n, size_t *got) DET_MUST_USE;

/* `limit`: the most bytes one picture may have; memory stays below about twice that. */
enum det_err det_split_new(
    struct det_split **out, const struct det_bytes *src, size_t limit) DET_MUST_USE;
void det_split_free(struct det_split *s);

/* The next picture's bytes, owned by the splitter until the next call; *size = 0 at the
 * end. A picture that the end of the input cuts short is given as far as it goes (its
 * decoder will say that it is truncated). DET_CORRUPT, DET_INVALID: the bytes at the
 * stated offset begin no picture, or its parts don't follow each other; nothing after
 * them can be cut. */
enum det_err det_split_next(
    struct det_split *s, const unsigned char **data, size_t *size) DET_MUST_USE;

#endif
