/* SPDX-License-Identifier: MIT
 *
 * Seeded pseudo-random numbers: the same seed gives the same numbers on every machine.
 * Not for secrets.
 */
#ifndef DET_RANDOM_H
#define DET_RANDOM_H

#include <stdint.h>

struct det_random {
	uint64_t s[4];
	double spare; /* the second of a pair of normals */
	int has_spare;
};

/* Numbers of different `stream`s under one seed are independent: give each user (a layer,
 * an image) its own, and what one draws does not move the others. */
void det_random_seed(struct det_random *r, uint64_t seed, uint64_t stream);

uint64_t det_random_next(struct det_random *r); /* 64 uniform bits */
uint64_t det_random_below(
    struct det_random *r, uint64_t n);           /* uniform in [0, n), n > 0; no bias */
double det_random_uniform(struct det_random *r); /* [0, 1), 53 bits */
double det_random_normal(struct det_random *r);  /* mean 0, variance 1 */

#endif
