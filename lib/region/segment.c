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

struct forest {
	uint32_t *parent;
	uint32_t *size; /* of a root's region */
	float *limit;   /* of a root: the heaviest edge that may join its region */
};

void
det_labels_release(struct det_labels *l)
{
	free(l->label);
	*l = (struct det_labels){ 0 };
}

static uint32_t
find(uint32_t *parent, uint32_t i)
{
	while (parent[i] != i) {
		parent[i] = parent[parent[i]];
		i = parent[i];
	}
	return i;
}

static uint32_t
join(struct forest *f, uint32_t a, uint32_t b)
{
	if (f->size[a] < f->size[b]) {
		const uint32_t other = a;

		a = b;
		b = other;
	}
	f->parent[b] = a;
	f->size[a] += f->size[b];
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

/* Goes through the edges; those between two regions that stay apart are left[0 .. result). */
static size_t
grow(struct forest *f, uint32_t *left, const struct det_edges *e, float k)
{
	size_t i = 0, n = 0;

	for (size_t v = 0; i < e->n; v++) {
		const float weight = (float)v / DET_SEGMENT_STEPS;

		for (; i < e->end[v]; i++) {
			uint32_t a, b;

			ends(&a, &b, e->order[i], e->ways, e->w);
			a = find(f->parent, a);
			b = find(f->parent, b);
			if (a == b)
				continue;
			if (weight <= f->limit[a] && weight <= f->limit[b]) {
				a = join(f, a, b);
				f->limit[a] = weight + k / (float)f->size[a];
			} else {
				left[n++] = e->order[i];
			}
		}
	}
	return n;
}

static void
absorb(struct forest *f, const uint32_t *left, size_t n, const struct det_edges *e,
    uint32_t min_size)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t a, b;

		ends(&a, &b, left[i], e->ways, e->w);
		a = find(f->parent, a);
		b = find(f->parent, b);
		if (a != b && (f->size[a] < min_size || f->size[b] < min_size))
			(void)join(f, a, b);
	}
}

/* Numbers the regions; the roots' sizes become their numbers. */
static size_t
number(uint32_t *label, struct forest *f, size_t area)
{
	const uint32_t none = UINT32_MAX;
	size_t n = 0;

	for (size_t i = 0; i < area; i++)
		f->size[i] = none;
	for (size_t i = 0; i < area; i++) {
		const uint32_t r = find(f->parent, (uint32_t)i);

		if (f->size[r] == none)
			f->size[r] = (uint32_t)n++;
		label[i] = f->size[r];
	}
	return n;
}

enum det_err
det_segment(struct det_labels *out, const struct det_edges *e, double k, long min_size)
{
	struct forest f = { 0 };
	const size_t area = e->w * e->h;
	uint32_t *left = NULL;
	size_t n;
	enum det_err err;

	det_labels_release(out);
	if (!(k >= 0 && k <= 1e9) || min_size < 0)
		return det_fail(DET_INVALID,
		    "k of 0 to 1e9 and a size of 0 or more expected, found %g and %ld",
		    k, min_size);
	if ((err = det_alloc(&f.parent, area, sizeof *f.parent)) ||
	    (err = det_alloc(&f.size, area, sizeof *f.size)) ||
	    (err = det_alloc(&f.limit, area, sizeof *f.limit)) ||
	    (err = det_alloc(&left, e->n, sizeof *left)))
		goto out;
	for (size_t i = 0; i < area; i++) {
		f.parent[i] = (uint32_t)i;
		f.size[i] = 1;
		f.limit[i] = (float)k;
	}
	n = grow(&f, left, e, (float)k);
	absorb(&f, left, n, e,
	    (size_t)min_size < area ? (uint32_t)min_size : (uint32_t)area);
	free(left);
	left = NULL;
	if ((err = det_alloc(&out->label, area, sizeof *out->label)))
		goto out;
	out->w = e->w;
	out->h = e->h;
	out->n = number(out->label, &f, area);
out:
	free(f.parent);
	free(f.size);
	free(f.limit);
	free(left);
	if (err)
		det_labels_release(out);
	return err;
}
