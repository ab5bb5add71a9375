/* SPDX-License-Identifier: MIT
 *
 * The best of many scored candidates, kept in little memory: candidates go in in any order,
 * the `keep` best come out. Equal scores rank by number, so the order that they went in
 * does not matter. Private to the library.
 */
#ifndef DET_BEST_H
#define DET_BEST_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A score and a number in one word: small is good. */
static inline uint64_t
det_best_key(float score, uint32_t number)
{
	union {
		float f;
		uint32_t u;
	} x = { score + 0.f }; /* -0 becomes 0 */

	/* order of floats to order of unsigned numbers, then the other way round */
	x.u ^= x.u >> 31 ? 0xffffffffu : 0x80000000u;
	return (uint64_t)~x.u << 32 | number;
}

static inline uint32_t
det_best_number(uint64_t key)
{
	return (uint32_t)key;
}

static inline float
det_best_score(uint64_t key)
{
	union {
		uint32_t u;
		float f;
	} x = { ~(uint32_t)(key >> 32) };

	x.u ^= x.u >> 31 ? 0x80000000u : 0xffffffffu;
	return x.f;
}

struct det_best {
	uint64_t *key;
	size_t n, cap;
	size_t keep;  /* 0: all */
	float floor;  /* candidates scored below are not among the best */
	uint64_t bar; /* nor are those whose key is not below */
};

/* Empties it for a new search; memory is kept. Start from {0}. */
void det_best_start(struct det_best *b, size_t keep, float floor);
void det_best_release(struct det_best *b);

/* Room for n more; may throw out what is not among the best, and raise the floor. */
enum det_err det_best_room(struct det_best *b, size_t n) DET_MUST_USE;

/* After det_best_room. */
static inline void
det_best_put(struct det_best *b, float score, uint32_t number)
{
	uint64_t key = det_best_key(score, number);

	/* without a branch: which candidates pass is not to be foreseen */
	b->key[b->n] = key;
	b->n += (size_t)(score >= b->floor) & (size_t)(key < b->bar);
}

/* Leaves the `keep` best, best first. */
void det_best_sort(struct det_best *b);

/* Moves the k smallest of n keys to the front, in no order. */
void det_best_select(uint64_t *key, size_t n, size_t k);

#endif
