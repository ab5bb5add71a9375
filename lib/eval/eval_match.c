/* SPDX-License-Identifier: MIT
 *
 * Matching of detections to objects, image by image and class by class, the best score
 * first. formats/eval.md states the two ways:
 *
 *   NEXT  (pycocotools, cocoeval.py, evaluateImg)  a detection takes, of the objects that
 *         are free and overlap it enough, the one that overlaps most, the later of equals;
 *         objects that do not count are tried only when no other is left, and a crowd is
 *         always free.
 *   BEST  (VOCdevkit, VOCevaldet.m; py-faster-rcnn, voc_eval.py)  the object that overlaps
 *         most, taken or not and whether it counts or not, the earlier of equals, is the
 *         only one that a detection can match.
 *
 * The overlap is computed once for all thresholds and ranges of area, and a detection that
 * overlaps nothing as much as the lowest threshold asks is done with there. What is taken is
 * a bit per threshold. Overlap is that of bbIou in maskApi.c, in the same order of
 * operations: intersection over (a + b - intersection); over the detection's own area where
 * the object is a crowd. Departure: two boxes whose areas underflow to zero overlap by 0,
 * not by 0/0 (which pycocotools takes for a match).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "eval/eval_impl.h"

#define CHUNK 32 /* images a thread takes at a time */

/* COCO's guard: a threshold of 1 is met by boxes that are equal but for rounding. */
#define ALMOST_ONE (1 - 1e-10)

/* A box with its sides as the rule has them: a side is x2 - x1 + add. */
struct side {
	double x1, y1, x2, y2, size;
};

/* The objects of one image and class. */
struct group {
	struct side *side;
	uint32_t *gt;     /* index into the set */
	uint8_t *crowd;   /* always free; its union is the detection's area */
	uint8_t *flagged; /* carries a flag to ignore */
	uint32_t *taken;  /* [n_area][room] bit t */
	size_t n, room;
	uint32_t *near; /* candidates of the detection at hand, with */
	double *iou;    /* their overlaps */
	size_t n_near;
	double most; /* of them */
};

struct match {
	const struct det_eval_work *w;
	struct group *group;               /* of each worker */
	double iou[DET_EVAL_MAX_IOU], low; /* "at least", whatever the rule says */
	double add;
};

static struct side
side_of(const struct det_eval_rect *r, enum det_eval_extent extent)
{
	struct side s = { r->x1, r->y1, r->x2, r->y2, r->size };

	if (extent == DET_EVAL_INCLUSIVE) {
		s.x1 += 1;
		s.y1 += 1;
	}
	if (extent != DET_EVAL_CONTINUOUS)
		s.size = (s.x2 - s.x1 + 1) * (s.y2 - s.y1 + 1);
	return s;
}

static inline double
smaller(double a, double b)
{
	return a < b ? a : b;
}

static inline double
larger(double a, double b)
{
	return a > b ? a : b;
}

static inline double
overlap(const struct side *d, const struct side *g, double add, int crowd)
{
	double w = smaller(d->x2, g->x2) - larger(d->x1, g->x1) + add;
	double h, both, all;

	if (w <= 0)
		return 0;
	h = smaller(d->y2, g->y2) - larger(d->y1, g->y1) + add;
	if (h <= 0)
		return 0;
	both = w * h;
	all = crowd ? d->size : d->size + g->size - both;
	return all > 0 ? both / all : 0;
}

/* Which objects detection d overlaps enough to be worth a look. */
static void
look_around(const struct match *m, struct group *g, const struct det_eval_det *d)
{
	const struct det_eval_rule *r = &m->w->e->rule;
	const struct side s = side_of(&d->r, r->extent);

	g->n_near = 0;
	g->most = 0;
	for (size_t i = 0; i < g->n; i++) {
		double v = overlap(&s, &g->side[i], m->add, g->crowd[i]);

		if (v < m->low || (r->match == DET_EVAL_BEST && v <= 0))
			continue;
		g->near[g->n_near] = (uint32_t)i;
		g->iou[g->n_near++] = v;
		g->most = larger(g->most, v);
	}
}

/* The free candidate that overlaps most, at least `iou`, of those that do (not) count in
 * the area; -1: none. */
static long
best_free(const struct group *g, const uint8_t *ignored, const uint32_t *taken,
    uint32_t bit, int want, double iou)
{
	long best = -1;

	for (size_t c = 0; c < g->n_near; c++) {
		uint32_t i = g->near[c];

		if (ignored[g->gt[i]] != want || g->iou[c] < iou ||
		    ((taken[i] & bit) && !g->crowd[i]))
			continue;
		iou = g->iou[c];
		best = (long)i;
	}
	return best;
}

/* The candidate that overlaps most, the first of equals; -1: none. `flagged` chooses those
 * that do not or do carry a flag to ignore, or all (-1). */
static long
best_of_all(double *iou, const struct group *g, int flagged)
{
	long best = -1;

	*iou = -1;
	for (size_t c = 0; c < g->n_near; c++) {
		uint32_t i = g->near[c];

		if (g->iou[c] <= *iou || (flagged >= 0 && g->flagged[i] != flagged))
			continue;
		*iou = g->iou[c];
		best = (long)i;
	}
	return best;
}

/* Detection at place `pos` meets object i (of the group) at threshold t in area a. */
static void
meet(struct det_eval *e, const struct group *g, size_t a, size_t t, size_t pos, long i)
{
	const uint32_t bit = UINT32_C(1) << t, gt = g->gt[i];

	e->hit[a * e->n + pos] |= bit;
	if (e->gt_ignored[a * e->set->n_gt + gt])
		e->ignored[a * e->n + pos] |= bit;
	else
		e->ignored[a * e->n + pos] &= ~bit;
	g->taken[a * g->room + (size_t)i] |= bit;
	if (e->gt && a == 0)
		e->gt[t * e->n + pos] = (int32_t)gt;
}

static void
match_next(const struct match *m, struct group *g, size_t a, size_t pos)
{
	struct det_eval *e = m->w->e;
	const uint8_t *ignored = e->gt_ignored + a * e->set->n_gt;
	const uint32_t *taken = g->taken + a * g->room;

	for (size_t t = 0; t < e->rule.n_iou; t++) {
		const uint32_t bit = UINT32_C(1) << t;
		long i;

		if (g->most < m->iou[t])
			continue;
		i = best_free(g, ignored, taken, bit, 0, m->iou[t]);
		if (i < 0)
			i = best_free(g, ignored, taken, bit, 1, m->iou[t]);
		if (i >= 0)
			meet(e, g, a, t, pos, i);
	}
}

static void
match_best(const struct match *m, struct group *g, size_t a, size_t pos)
{
	struct det_eval *e = m->w->e;
	const int last = e->rule.ignore_as == DET_EVAL_IGNORE_LAST;
	const uint8_t *ignored = e->gt_ignored + a * e->set->n_gt;
	double iou, iou_last = -1;
	long best = best_of_all(&iou, g, last ? 0 : -1);
	long best_last = last ? best_of_all(&iou_last, g, 1) : -1;

	for (size_t t = 0; t < e->rule.n_iou; t++) {
		const uint32_t bit = UINT32_C(1) << t;

		if (best >= 0 && iou >= m->iou[t]) {
			if (ignored[g->gt[best]] ||
			    !(g->taken[a * g->room + (size_t)best] & bit))
				meet(e, g, a, t, pos, best);
		} else if (best_last >= 0 && iou_last >= m->iou[t]) {
			meet(e, g, a, t, pos, best_last);
		}
	}
}

static void
group_fill(const struct match *m, struct group *g, const uint32_t *gt, size_t n)
{
	const struct det_eval_rule *r = &m->w->e->rule;

	g->n = 0;
	for (size_t j = 0; j < n; j++) {
		const struct det_eval_gt *o = &m->w->e->set->gt[gt[j]];
		int flagged = (o->flags & r->ignore) != 0 &&
			      r->ignore_as != DET_EVAL_IGNORE_COUNT;

		if (flagged && r->ignore_as == DET_EVAL_IGNORE_DROP)
			continue;
		g->side[g->n] = side_of(&o->r, r->extent);
		g->gt[g->n] = gt[j];
		g->flagged[g->n] = (uint8_t)flagged;
		g->crowd[g->n++] =
		    flagged && (o->flags & DET_BOX_CROWD) && r->match == DET_EVAL_NEXT;
	}
	for (size_t a = 0; a < r->n_area; a++)
		memset(g->taken + a * g->room, 0, g->n * sizeof *g->taken);
}

/* Places in the order of scores are all over the memory: ask for them in time. */
static void
expect(const struct match *m, const uint32_t *det, size_t n)
{
	const struct det_eval *e = m->w->e;

	for (size_t k = 0; k < n; k++) {
		const uint32_t pos = m->w->pos[det[k]];

		if (pos == DET_EVAL_CUT)
			return;
		for (size_t a = 0; a < e->rule.n_area; a++) {
			__builtin_prefetch(&e->hit[a * e->n + pos], 1);
			__builtin_prefetch(&e->ignored[a * e->n + pos], 1);
		}
	}
}

static void
match_group(const struct match *m, struct group *g, const uint32_t *det, size_t n)
{
	struct det_eval *e = m->w->e;

	for (size_t k = 0; k < n; k++) {
		uint32_t pos = m->w->pos[det[k]];

		if (pos == DET_EVAL_CUT)
			return;
		look_around(m, g, &e->set->det[det[k]]);
		for (size_t a = 0; a < e->rule.n_area && g->n_near; a++)
			if (e->rule.match == DET_EVAL_NEXT)
				match_next(m, g, a, pos);
			else
				match_best(m, g, a, pos);
	}
}

static void
match_image(const struct match *m, struct group *g, size_t image)
{
	const struct det_eval_work *w = m->w;
	const struct det_eval_set *s = w->e->set;
	const uint32_t *gt = w->gt + w->gt_start[image];
	const uint32_t *gt_end = w->gt + w->gt_start[image + 1];
	const uint32_t *det = w->det + w->det_start[image];
	const uint32_t *det_end = w->det + w->det_start[image + 1];

	while (gt < gt_end && det < det_end) {
		uint32_t class = w->class_place[s->gt[*gt].label];
		const uint32_t *from = gt, *first = det;

		while (gt < gt_end && w->class_place[s->gt[*gt].label] == class)
			gt++;
		while (first < det_end && w->class_place[s->det[*first].label] < class)
			first++;
		for (det = first;
		     det < det_end && w->class_place[s->det[*det].label] == class;)
			det++;
		if (first < det) {
			expect(m, first, (size_t)(det - first));
			group_fill(m, g, from, (size_t)(gt - from));
			match_group(m, g, first, (size_t)(det - first));
		}
	}
}

static void
match_chunk(const void *ctx, size_t chunk, int worker)
{
	const struct match *m = ctx;
	const size_t n = m->w->e->set->n_image, first = chunk * CHUNK;

	for (size_t i = first; i < n && i < first + CHUNK; i++)
		match_image(m, &m->group[worker], i);
}

static void
group_release(struct group *g)
{
	free(g->side);
	free(g->gt);
	free(g->crowd);
	free(g->flagged);
	free(g->taken);
	free(g->near);
	free(g->iou);
}

static enum det_err
group_new(struct group *g, size_t room, size_t n_area)
{
	size_t bits;
	enum det_err e;

	g->room = room;
	if ((e = det_mul(&bits, room, n_area)) ||
	    (e = det_alloc(&g->side, room, sizeof *g->side)) ||
	    (e = det_alloc(&g->gt, room, sizeof *g->gt)) ||
	    (e = det_alloc(&g->crowd, room, sizeof *g->crowd)) ||
	    (e = det_alloc(&g->flagged, room, sizeof *g->flagged)) ||
	    (e = det_alloc(&g->taken, bits, sizeof *g->taken)) ||
	    (e = det_alloc(&g->near, room, sizeof *g->near)))
		return e;
	return det_alloc(&g->iou, room, sizeof *g->iou);
}

/* "Above t" is "at least the next double after t". */
static void
thresholds(struct match *m, const struct det_eval_rule *r)
{
	m->low = 2;
	for (size_t t = 0; t < r->n_iou; t++) {
		m->iou[t] = r->strict ? nextafter(r->iou[t], 2) : r->iou[t];
		if (r->match == DET_EVAL_NEXT)
			m->iou[t] = smaller(m->iou[t], ALMOST_ONE);
		m->low = smaller(m->low, m->iou[t]);
	}
}

enum det_err
det_eval_match_all(const struct det_eval_work *w)
{
	const struct det_eval_rule *r = &w->e->rule;
	const size_t n_image = w->e->set->n_image;
	struct match m = { .w = w, .add = r->extent == DET_EVAL_CONTINUOUS ? 0 : 1 };
	size_t threads = w->threads > 1 ? (size_t)w->threads : 1, room = 0;
	enum det_err e;

	thresholds(&m, r);
	for (size_t i = 0; i < n_image; i++)
		if (w->gt_start[i + 1] - w->gt_start[i] > room)
			room = w->gt_start[i + 1] - w->gt_start[i];
	if ((e = det_calloc(&m.group, threads, sizeof *m.group)))
		return e;
	for (size_t i = 0; i < threads && !e; i++)
		e = group_new(&m.group[i], room, r->n_area);
	if (!e)
		det_parallel(
		    (int)threads, (n_image + CHUNK - 1) / CHUNK, match_chunk, &m);
	for (size_t i = 0; i < threads; i++)
		group_release(&m.group[i]);
	free(m.group);
	return e;
}
