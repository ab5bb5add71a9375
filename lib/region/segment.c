/* SPDX-License-Identifier: MIT
 *
 * Efficient graph-based segmentation. Each pixel begins as a region; the edges are gone
 * through from the lightest, and one that joins two regions A and B makes them one where its
 * weight is at most
 *
 *   min(Int(A) + k / |A|, Int(B) + k / |B|),   Int: the heaviest edge within, 0 for a pixel
 *
 * so that small regions need strong evidence to stay apart, and k sets what is small. Then
 * the edges that did not join are gone through again, in the same order, and join where one
 * of the two regions has fewer than min_size pixels.
 *
 * Regions are trees in one array, found with path halving; what a region knows is kept at
 * its root. Which of two roots is kept changes no result, since regions are numbered by
 * their first pixels in the end. OpenCV goes through each edge twice, once from either end:
 * the second time both are in one region, or the edge was refused and is refused again
 * unless an edge of the same weight came between.
 */
#include "region/segment.h"

#include <stdlib.h>

#include "base/mem.h"

#define AHEAD 32
#define ROOT  0x80000000u

/* A pixel, of a tree whose root stands for the region. */
struct pixel {
	uint32_t up; /* the next towards the root; of a root ROOT + the region's size */
	float limit; /* of a root: the heaviest edge that may join it to another */
};

void
det_labels_release(struct det_labels *l)
{
	free(l->label);
	*l = (struct det_labels){ 0 };
}

static uint32_t
find(struct pixel *p, uint32_t i)
{
	while (!(p[i].up & ROOT)) {
		const uint32_t up = p[i].up;

		if (!(p[up].up & ROOT))
			p[i].up = p[up].up;
		i = up;
	}
	return i;
}

static uint32_t
size_of(const struct pixel *p, uint32_t root)
{
	return p[root].up & ~ROOT;
}

static uint32_t
join(struct pixel *p, uint32_t a, uint32_t b)
{
	if (p[a].up < p[b].up) {
		const uint32_t other = a;

		a = b;
		b = other;
	}
	p[a].up += size_of(p, b);
	p[b].up = a;
	return a;
}

/* The two pixels of an edge. */
static void
ends(uint32_t *a, uint32_t *b, uint32_t edge, unsigned ways, size_t w)
{
	const uint32_t step[4] = { 1, (uint32_t)w, (uint32_t)w + 1, 1 - (uint32_t)w };

	*a = edge / ways;
	*b = *a + step[edge & (ways - 1)];
}

/* Edges of one weight lie all over the picture, and the caches hold little of a large one:
 * what the edges some way ahead will ask for is fetched meanwhile, in two steps. */
static void
fetch(const struct pixel *p, const struct det_edges *e, size_t i)
{
	uint32_t a, b;

	if (i + AHEAD >= e->n)
		return;
	ends(&a, &b, e->order[i + AHEAD], e->ways, e->w);
	__builtin_prefetch(&p[a], 1);
	__builtin_prefetch(&p[b], 1);
	ends(&a, &b, e->order[i + AHEAD / 2], e->ways, e->w);
	if (!(p[a].up & ROOT))
		__builtin_prefetch(&p[p[a].up], 1);
	if (!(p[b].up & ROOT))
		__builtin_prefetch(&p[p[b].up], 1);
}

/* Goes through the edges; those between two regions that stay apart are left[0 .. result). */
static size_t
grow(struct pixel *p, uint32_t *left, const struct det_edges *e, float k)
{
	size_t i = 0, n = 0;

	for (size_t v = 0; i < e->n; v++) {
		const float weight = (float)v / DET_SEGMENT_STEPS;

		for (; i < e->end[v]; i++) {
			uint32_t a, b;

			fetch(p, e, i);
			ends(&a, &b, e->order[i], e->ways, e->w);
			a = find(p, a);
			b = find(p, b);
			if (a == b)
				continue;
			if (weight <= p[a].limit && weight <= p[b].limit) {
				a = join(p, a, b);
				p[a].limit = weight + k / (float)size_of(p, a);
			} else {
				left[n++] = e->order[i];
			}
		}
	}
	return n;
}

static void
absorb(struct pixel *p, const uint32_t *left, size_t n, const struct det_edges *e,
    uint32_t min_size)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t a, b;

		ends(&a, &b, left[i], e->ways, e->w);
		a = find(p, a);
		b = find(p, b);
		if (a != b && (size_of(p, a) < min_size || size_of(p, b) < min_size))
			(void)join(p, a, b);
	}
}

/* Numbers the regions. */
static size_t
number(uint32_t *label, struct pixel *p, size_t area)
{
	const uint32_t none = UINT32_MAX;
	size_t n = 0;

	for (size_t i = 0; i < area; i++)
		label[i] = none;
	for (size_t i = 0; i < area; i++) {
		const uint32_t r = find(p, (uint32_t)i);

		/* the root may lie further on: its label is set before its turn */
		if (label[r] == none)
			label[r] = (uint32_t)n++;
		label[i] = label[r];
	}
	return n;
}

enum det_err
det_segment(struct det_labels *out, const struct det_edges *e, double k, long min_size)
{
	struct pixel *p = NULL;
	const size_t area = e->w * e->h;
	uint32_t *left = NULL;
	size_t n;
	enum det_err err;

	det_labels_release(out);
	if (!(k >= 0 && k <= 1e9) || min_size < 0)
		return det_fail(DET_INVALID,
		    "k of 0 to 1e9 and a size of 0 or more expected, found %g and %ld",
		    k, min_size);
	if ((err = det_alloc(&p, area, sizeof *p)) ||
	    (err = det_alloc(&left, e->n, sizeof *left)))
		goto out;
	for (size_t i = 0; i < area; i++)
		p[i] = (struct pixel){ ROOT + 1, (float)k };
	n = grow(p, left, e, (float)k);
	absorb(p, left, n, e,
	    (size_t)min_size < area ? (uint32_t)min_size : (uint32_t)area);
	free(left);
	left = NULL;
	if ((err = det_alloc(&out->label, area, sizeof *out->label)))
		goto out;
	out->w = e->w;
	out->h = e->h;
	out->n = number(out->label, p, area);
out:
	free(p);
	free(left);
	if (err)
		det_labels_release(out);
	return err;
}
