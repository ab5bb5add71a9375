/* SPDX-License-Identifier: MIT
 *
 * Dimension clusters (Redmon, Farhadi: YOLO9000, 2016, section 2): k-means over widths and
 * heights with the distance
 *
 *   d(box, centre) = 1 - IoU,  IoU = min(w) min(h) / (w1 h1 + w2 h2 - min(w) min(h))
 *
 * so that large boxes do not count more than small ones. A centre is the mean width and the
 * mean height of its boxes. Seeding is k-means++ (Arthur, Vassilvitskii 2007): the first
 * centre is any box, each further one a box chosen with a probability in proportion to its
 * squared distance from the centres there are. A box belongs to the nearest centre, the
 * first of equals; a centre without boxes moves to the box that is farthest from its own.
 * It ends when no box moves, or after 1000 rounds. With this distance a round may make the
 * mean IoU a little worse, so the best round is kept.
 */
#include "box/kmeans.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"

#define MAX_ROUNDS 1000

double
det_kmeans_iou(double w1, double h1, double w2, double h2)
{
	double both = fmin(w1, w2) * fmin(h1, h2);

	return both / (w1 * h1 + w2 * h2 - both);
}

struct work {
	size_t k, n;
	const float *wh;
	double *centre; /* k pairs */
	double *sum;    /* k of w, h, number */
	size_t *of;     /* of each box: its centre */
	double *near;   /* of each box: the distance from it */
};

static double
distance(const struct work *m, size_t box, size_t centre)
{
	return 1 - det_kmeans_iou((double)m->wh[2 * box], (double)m->wh[2 * box + 1],
		       m->centre[2 * centre], m->centre[2 * centre + 1]);
}

static void
put_centre(struct work *m, size_t centre, size_t box)
{
	m->centre[2 * centre] = (double)m->wh[2 * box];
	m->centre[2 * centre + 1] = (double)m->wh[2 * box + 1];
}

static void
seed_centres(struct work *m, uint64_t seed)
{
	struct det_random r;

	det_random_seed(&r, seed, 0);
	put_centre(m, 0, (size_t)det_random_below(&r, m->n));
	for (size_t i = 0; i < m->n; i++)
		m->near[i] = INFINITY;
	for (size_t c = 1; c < m->k; c++) {
		double total = 0, at;
		size_t pick = 0, last = 0;

		for (size_t i = 0; i < m->n; i++) {
			m->near[i] = fmin(m->near[i], distance(m, i, c - 1));
			total += m->near[i] * m->near[i];
		}
		at = det_random_uniform(&r) * total;
		for (; pick < m->n; pick++) {
			double d2 = m->near[pick] * m->near[pick];

			if (d2 > 0) {
				last = pick;
				if (at < d2)
					break;
			}
			at -= d2;
		}
		/* rounding may run past the end; all may lie on centres */
		put_centre(m, c, pick < m->n ? pick : last);
	}
}

/* Gives each box to its nearest centre; returns how many moved, and the mean IoU. */
static size_t
assign(struct work *m, double *iou)
{
	size_t moved = 0;
	double total = 0;

	for (size_t i = 0; i < m->n; i++) {
		size_t best = 0;

		m->near[i] = distance(m, i, 0);
		for (size_t c = 1; c < m->k; c++) {
			double d = distance(m, i, c);

			if (d < m->near[i]) {
				m->near[i] = d;
				best = c;
			}
		}
		moved += m->of[i] != best;
		m->of[i] = best;
		total += 1 - m->near[i];
	}
	*iou = total / (double)m->n;
	return moved;
}

static void
move_centres(struct work *m)
{
	size_t far;

	memset(m->sum, 0, 3 * m->k * sizeof *m->sum);
	for (size_t i = 0; i < m->n; i++) {
		m->sum[3 * m->of[i]] += (double)m->wh[2 * i];
		m->sum[3 * m->of[i] + 1] += (double)m->wh[2 * i + 1];
		m->sum[3 * m->of[i] + 2] += 1;
	}
	for (size_t c = 0; c < m->k; c++) {
		if (m->sum[3 * c + 2] > 0) {
			m->centre[2 * c] = m->sum[3 * c] / m->sum[3 * c + 2];
			m->centre[2 * c + 1] = m->sum[3 * c + 1] / m->sum[3 * c + 2];
			continue;
		}
		far = 0;
		for (size_t i = 1; i < m->n; i++)
			if (m->near[i] > m->near[far])
				far = i;
		put_centre(m, c, far);
		m->near[far] = 0;
	}
}

static int
by_area(const void *a, const void *b)
{
	const double *x = a, *y = b;
	double p = x[0] * x[1], q = y[0] * y[1];

	if (p != q)
		return p < q ? -1 : 1;
	return x[0] < y[0] ? -1 : x[0] > y[0];
}

static void
rounds(struct work *m, double *out, double *iou)
{
	double now;
	size_t moved;

	*iou = -1;
	for (int i = 0; i < MAX_ROUNDS; i++) {
		moved = assign(m, &now);
		if (now > *iou) {
			*iou = now;
			memcpy(out, m->centre, 2 * m->k * sizeof *out);
		}
		if (i > 0 && !moved)
			return;
		move_centres(m);
	}
}

enum det_err
det_kmeans(double *out, double *iou, size_t k, const float *wh, size_t n, uint64_t seed)
{
	struct work m = { .k = k, .n = n, .wh = wh };
	enum det_err e;

	if (k == 0 || n < k)
		return det_fail(DET_INVALID,
		    "%zu clusters of %zu boxes: at least a box for "
		    "each expected",
		    k, n);
	for (size_t i = 0; i < 2 * n; i++)
		if (!(wh[i] > 0) || !isfinite(wh[i]))
			return det_fail(DET_INVALID,
			    "box %zu: a width and height above 0 expected", i / 2);
	if ((e = det_calloc(&m.centre, k, 2 * sizeof *m.centre)) ||
	    (e = det_calloc(&m.sum, k, 3 * sizeof *m.sum)) ||
	    (e = det_calloc(&m.of, n, sizeof *m.of)) ||
	    (e = det_calloc(&m.near, n, sizeof *m.near)))
		goto out;
	seed_centres(&m, seed);
	rounds(&m, out, iou);
	qsort(out, k, 2 * sizeof *out, by_area);
out:
	free(m.centre);
	free(m.sum);
	free(m.of);
	free(m.near);
	return e;
}
