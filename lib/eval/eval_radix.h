/* SPDX-License-Identifier: MIT
 *
 * Private: a stable sort by falling score, on the 64 bits of the double (turned so that they
 * order as whole numbers), eleven at a time. Digits that all scores share cost nothing.
 */
#ifndef DET_EVAL_RADIX_H
#define DET_EVAL_RADIX_H

#include <stddef.h>
#include <stdint.h>

#define DET_EVAL_DIGITS  6 /* of eleven bits in 64 */
#define DET_EVAL_BUCKETS 2048

struct det_eval_keyed {
	uint64_t key;          /* det_eval_score_key */
	uint32_t index, image; /* carried along */
};

/* Falling doubles as growing whole numbers; -0 equals 0. */
uint64_t det_eval_score_key(double score);

/* Sorts a[0..n) with b[0..n) for room; returns the one of them that holds the result. */
struct det_eval_keyed *det_eval_radix(struct det_eval_keyed *a,
    struct det_eval_keyed *b, size_t n,
    uint32_t count[DET_EVAL_DIGITS][DET_EVAL_BUCKETS]);

#endif
