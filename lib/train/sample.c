/* SPDX-License-Identifier: MIT
 *
 * Samplers. A draw of m among n goes through them in order and takes each with the
 * probability (still wanted) / (still to come): Knuth's selection sampling (TAOCP 2, 3.4.2,
 * algorithm S). It needs no memory, and all sets of m are equally likely.
 */
#include "train/sample.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/size.h"
#include "box/best.h"
#include "train/assign.h"

void
det_sample_seed(struct det_random *r, uint64_t seed, enum det_sample_purpose purpose,
    uint64_t run, size_t image)
{
	/* 8 bits say what for, 36 the run, 20 the image */
	det_random_seed(r, seed,
	    (uint64_t)purpose << 56 | (run & UINT64_C(0xfffffffff)) << 20 |
		((uint64_t)image & 0xfffff));
}

/* Keeps `want` of the `all` numbers that are objects (or are not). */
static void
draw(int32_t *to, size_t n, int object, size_t all, size_t want, struct det_random *r)
{
	for (size_t i = 0; i < n && all > want; i++) {
		if (to[i] == DET_ASSIGN_IGNORE || (to[i] >= 0) != object)
			continue;
		if (want && det_random_below(r, all) < want)
			want--;
		else
			to[i] = DET_ASSIGN_IGNORE;
		all--;
	}
}

void
det_sample(int32_t *to, size_t n, size_t positive, size_t total, struct det_random *r,
    size_t *pos, size_t *neg)
{
	size_t have_pos = 0, have_neg = 0;

	for (size_t i = 0; i < n; i++) {
		have_pos += to[i] >= 0;
		have_neg += to[i] == DET_ASSIGN_NONE;
	}
	*pos = det_least(have_pos, det_least(positive, total));
	*neg = det_least(have_neg, total - *pos);
	draw(to, n, 1, have_pos, *pos, r);
	draw(to, n, 0, have_neg, *neg, r);
}

enum det_err
det_sample_hard(int32_t *to, const float *loss, size_t n, size_t keep, size_t *kept)
{
	uint64_t *key;
	size_t have = 0;
	enum det_err e;

	*kept = 0;
	if (n > UINT32_MAX)
		return det_fail(DET_LIMIT, "more than 2^32 - 1 boxes to choose from");
	if ((e = det_alloc(&key, n, sizeof *key)))
		return e;
	for (size_t i = 0; i < n; i++)
		if (to[i] == DET_ASSIGN_NONE) {
			key[have++] = det_best_key(loss[i], (uint32_t)i);
			to[i] = DET_ASSIGN_IGNORE;
		}
	keep = det_least(keep, have);
	if (keep && keep < have)
		det_best_select(key, have, keep);
	for (size_t i = 0; i < keep; i++)
		to[det_best_number(key[i])] = DET_ASSIGN_NONE;
	*kept = keep;
	free(key);
	return DET_OK;
}
