/* SPDX-License-Identifier: MIT
 *
 * Soft-NMS (Bodla, Singh, Chellappa, Davis: Improving object detection with one line of
 * code, ICCV 2017). Instead of dropping what overlaps the best box, its score is lowered:
 *
 *   linear:  s_i *= 1 - IoU(best, i)   where IoU > threshold (>= under `ge`)
 *   gauss:   s_i *= exp(-IoU^2 / sigma), for every i, the threshold is not used
 *
 * then the next best by the lowered scores is taken, and so on. A box whose score falls
 * below min_score leaves. Equal scores: the earlier box of the input is taken first.
 *
 * Departure: the published code also moves boxes about in memory while it goes, so that its
 * ties depend on the run; here they do not.
 *
 * The plain form looks at every box left for each box taken. Here boxes lie in the chunks
 * of a grid (nms_grid.c): only those near the one taken can change. The next best comes
 * from a tournament over the chunks, replayed for the chunks that did change. The work is
 * that of the pairs that overlap, times a logarithm; scores and order are the plain form's.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "box/nms_grid.h"

/* The scores of a chunk's boxes; -infinity where there is none (any more). */
struct lane {
	float score[DET_CHUNK];
	unsigned best;
};

struct soft {
	const struct det_nms_run *run;
	struct det_grid grid;
	struct lane *lane; /* of each chunk */
	uint32_t *win;     /* the tournament: win[1] is the chunk with the best box */
	size_t leaves;
	float one, t, lo;
};

static int
better(const struct soft *s, uint32_t a, uint32_t b)
{
	const struct lane *x = &s->lane[a], *y = &s->lane[b];

	if (x->score[x->best] != y->score[y->best])
		return x->score[x->best] > y->score[y->best];
	return s->grid.chunk[a].id[x->best] < s->grid.chunk[b].id[y->best];
}

static void
find_best(struct soft *s, uint32_t chunk)
{
	const uint32_t *id = s->grid.chunk[chunk].id;
	struct lane *l = &s->lane[chunk];
	float most = -INFINITY;
	uint32_t first = UINT32_MAX;

#pragma omp simd reduction(max : most)
	for (unsigned i = 0; i < DET_CHUNK; i++)
		most = l->score[i] > most ? l->score[i] : most;
	l->best = 0;
	for (unsigned i = 0; i < DET_CHUNK; i++)
		if (l->score[i] >= most && id[i] < first) {
			first = id[i];
			l->best = i;
		}
}

static void
replay(struct soft *s, uint32_t chunk)
{
	for (size_t i = (s->leaves + chunk) / 2; i > 0; i /= 2) {
		uint32_t a = s->win[2 * i], b = s->win[2 * i + 1];

		s->win[i] =
		    b == DET_GRID_NONE || (a != DET_GRID_NONE && better(s, a, b)) ? a
										  : b;
	}
}

static enum det_err
fill(struct soft *s)
{
	const struct det_nms_run *run = s->run;
	struct det_fbox *f;
	enum det_err e;

	if ((e = det_nms_boxes(&f, run)))
		return e;
	e = det_grid_new(&s->grid, f, run->n,
	    run->p->method == DET_NMS_SOFT_LINEAR ? (double)s->lo : 0, s->one);
	/* the input's number, not the rank, decides between equal scores */
	for (size_t i = 0; !e && i < run->n; i++)
		(void)det_grid_add(&s->grid, &f[i], run->r[i].index);
	free(f);
	if (e)
		return e;
	for (s->leaves = 1; s->leaves < s->grid.n;)
		s->leaves *= 2;
	if ((e = det_alloc(&s->lane, s->grid.n, sizeof *s->lane)) ||
	    (e = det_alloc(&s->win, 2 * s->leaves, sizeof *s->win)))
		return e;
	for (size_t i = 0; i < 2 * s->leaves; i++)
		s->win[i] = DET_GRID_NONE;
	for (uint32_t i = 0; i < s->grid.n; i++) {
		const struct det_chunk *c = &s->grid.chunk[i];

		for (unsigned k = 0; k < DET_CHUNK; k++)
			s->lane[i].score[k] =
			    k < c->n ? det_nms_score(run->box[c->id[k]].score)
				     : -INFINITY;
		find_best(s, i);
		s->win[s->leaves + i] = i;
	}
	for (size_t i = s->leaves; --i > 0;) {
		uint32_t a = s->win[2 * i], b = s->win[2 * i + 1];

		s->win[i] = b == DET_GRID_NONE || better(s, a, b) ? a : b;
	}
	return DET_OK;
}

static void
drop(struct soft *s, uint32_t chunk, unsigned i)
{
	det_chunk_clear(&s->grid.chunk[chunk], i);
	s->lane[chunk].score[i] = -INFINITY;
}

/* By what overlaps multiply scores, in place. */
static void
decay(const struct soft *s, float *v)
{
	const struct det_nms_params *p = s->run->p;

	for (unsigned i = 0; i < DET_CHUNK; i++)
		if (p->method == DET_NMS_SOFT_LINEAR)
			v[i] = (p->ge ? v[i] >= s->t : v[i] > s->t) ? 1 - v[i] : 1;
		else if (v[i] > 0)
			v[i] = (float)exp(-(double)v[i] * (double)v[i] / p->sigma);
		else
			v[i] = 1;
}

/* Lowers the scores of a chunk by the box taken. */
static void
lower(struct soft *s, uint32_t chunk, const struct det_fbox *best)
{
	const struct det_chunk *c = &s->grid.chunk[chunk];
	float *score = s->lane[chunk].score, v[DET_CHUNK];

	if (!s->run->scan->mask(c, best, s->lo, s->one))
		return;
	s->run->scan->overlaps(v, c, best, s->one);
	decay(s, v);
	for (unsigned i = 0; i < DET_CHUNK; i++) {
		score[i] *= v[i];
		/* it can't come up again unless it is negative */
		if (score[i] >= 0 && (double)score[i] < s->run->p->min_score)
			drop(s, chunk, i);
	}
	find_best(s, chunk);
	replay(s, chunk);
}

/* Takes the best box; 0 when there is none left that may be kept. */
static int
take(struct soft *s)
{
	const struct det_nms_run *run = s->run;
	uint32_t chunk = s->win[1];
	struct det_chunk *c = &s->grid.chunk[chunk];
	unsigned i = s->lane[chunk].best;
	struct det_fbox best = det_chunk_box(c, i);
	float score = s->lane[chunk].score[i];
	uint32_t index = c->id[i];
	size_t near;

	if (score < -FLT_MAX || (double)score < run->p->min_score)
		return 0;
	run->keep[index] = 1;
	/* a score that nothing lowered keeps its digits */
	if (score != det_nms_score(run->box[index].score))
		run->box[index].score = (double)score;
	drop(s, chunk, i);
	find_best(s, chunk);
	replay(s, chunk);
	near = det_grid_near(&s->grid, &best);
	for (size_t k = 0; k < near; k++)
		lower(s, s->grid.found[k], &best);
	return 1;
}

enum det_err
det_nms_soft(const struct det_nms_run *run)
{
	const struct det_nms_params *p = run->p;
	size_t limit = p->max_per_class ? (size_t)p->max_per_class : run->n;
	struct soft s = { .run = run, .one = p->plus_one ? 1 : 0, .t = (float)p->iou };
	enum det_err e;

	s.lo = p->method == DET_NMS_SOFT_LINEAR ? s.t * .9999f : 0;
	for (size_t i = 0; i < run->n; i++)
		run->keep[run->r[i].index] = 0;
	e = fill(&s);
	while (!e && limit > 0 && take(&s))
		limit--;
	free(s.lane);
	free(s.win);
	det_grid_free(&s.grid);
	return e;
}
