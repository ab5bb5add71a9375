/* SPDX-License-Identifier: MIT
 *
 * Private: AP gathered from the last true positive to the first, for curves and for weighted
 * curves. Recalls are compared as counts: a point is reached by so many true positives, and
 * how many is found once for a class. One division a true positive remains.
 */
#ifndef DET_EVAL_GATHER_H
#define DET_EVAL_GATHER_H

#include "eval/eval.h"

#define DET_EVAL_POINTS_MOST 101

/* How many true positives reach each of the points, 1 at least. */
struct det_eval_reach {
	uint64_t need[DET_EVAL_POINTS_MOST];
	size_t n; /* points; 0: the area under the curve */
	double npos;
};

void det_eval_reach(
    struct det_eval_reach *r, enum det_eval_points points, uint64_t npos);

struct det_eval_gather {
	const struct det_eval_reach *r;
	size_t n;         /* points not yet passed */
	double best, sum; /* envelope, what it made so far */
};

static inline struct det_eval_gather
det_eval_gather_start(const struct det_eval_reach *r, uint64_t hits)
{
	struct det_eval_gather g = { .r = r, .n = r->n };

	while (g.n && r->need[g.n - 1] > hits)
		g.n--;
	return g;
}

/* The next true positive towards the first: the precision at it, the hits with it and those
 * before it. Points that need more than `before` are reached by it and have the envelope as
 * it is now. */
static inline void
det_eval_gather_add(
    struct det_eval_gather *g, double precision, uint64_t hits, uint64_t before)
{
	g->best = precision > g->best ? precision : g->best;
	if (g->r->n == 0)
		g->sum +=
		    ((double)hits / g->r->npos - (double)before / g->r->npos) * g->best;
	for (; g->n && g->r->need[g->n - 1] > before; g->n--)
		g->sum += g->best;
}

static inline double
det_eval_gather_end(const struct det_eval_gather *g)
{
	return g->r->n ? g->sum / (double)g->r->n : g->sum;
}

#endif
