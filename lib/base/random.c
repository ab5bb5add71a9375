/* SPDX-License-Identifier: MIT
 *
 * xoshiro256** of Blackman and Vigna ("Scrambled linear pseudorandom number generators",
 * 2018): four 64-bit words of state, period 2^256 - 1. As its authors advise, the state is
 * filled by SplitMix64, here from the seed and the number of the stream, so that nearby
 * seeds give unrelated states and the all-zero state can't arise in practice.
 *
 * Normals come in pairs by Marsaglia's polar method, in double. Its logarithm is the C
 * library's; everything else is exact, and callers round to float, so results agree
 * between machines to all but freak roundings.
 */
#include "base/random.h"

#include <math.h>

static uint64_t
splitmix(uint64_t *x)
{
	uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

void
det_random_seed(struct det_random *r, uint64_t seed, uint64_t stream)
{
	uint64_t a = seed, b = stream ^ UINT64_C(0x6a09e667f3bcc909);

	for (int i = 0; i < 4; i++)
		r->s[i] = splitmix(&a) ^ splitmix(&b);
	if (!(r->s[0] | r->s[1] | r->s[2] | r->s[3]))
		r->s[0] = 1;
	r->spare = 0;
	r->has_spare = 0;
}

static uint64_t
rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

uint64_t
det_random_next(struct det_random *r)
{
	uint64_t *s = r->s;
	uint64_t out = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return out;
}

/* Values at or above the largest multiple of n are drawn again. */
uint64_t
det_random_below(struct det_random *r, uint64_t n)
{
	uint64_t reject = (0 - n) % n, x; /* 2^64 mod n */

	do
		x = det_random_next(r);
	while (x < reject);
	return x % n;
}

double
det_random_uniform(struct det_random *r)
{
	return (double)(det_random_next(r) >> 11) * 0x1p-53;
}

double
det_random_normal(struct det_random *r)
{
	double u, v, q, f;

	if (r->has_spare) {
		r->has_spare = 0;
		return r->spare;
	}
	do {
		u = 2 * det_random_uniform(r) - 1;
		v = 2 * det_random_uniform(r) - 1;
		q = u * u + v * v;
	} while (q >= 1 || q <= 0);
	f = sqrt(-2 * log(q) / q);
	r->spare = v * f;
	r->has_spare = 1;
	return u * f;
}
