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
 * What is gone through here are patches and the edges between them, by far fewer than
 * pixels; patches.c says why the result is the same.
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

#define AHEAD 16
#define ROOT  0x80000000u
#define SMALL 0x80000000u /* of a region: it was, as they were grown */

/* A patch: part of a tree whose root stands for the region. */
struct part {
	uint32_t up; /* the next towards the root; of a root ROOT + the size */
	float limit; /* of a root: the heaviest edge that may join it to another */
};

struct det_cutter {
	struct part *part;
	uint32_t *of;   /* of each patch: its region */
	uint32_t *name; /* of each piece of a tile; of each root: its number */
	size_t parts, ofs, names;
};

void
det_labels_release(struct det_labels *l)
{
	free(l->label);
	*l = (struct det_labels){ 0 };
}

static uint32_t
find(struct part *p, uint32_t i)
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
size_of(const struct part *p, uint32_t root)
{
	return p[root].up & ~ROOT;
}

static uint32_t
join(struct part *p, uint32_t a, uint32_t b)
{
	const uint32_t to = p[a].up < p[b].up ? b : a, from = a ^ b ^ to;

	p[to].up += size_of(p, from);
	p[from].up = to;
	return to;
}

/* The scale's regions. */
static void
grow(struct det_cutter *c, const struct det_patches *in, float k)
{
	const struct det_link *l = in->link;
	struct part *p = c->part;

	for (size_t i = 0; i < in->n; i++)
		p[i] = (struct part){ ROOT + in->patch[i].size,
			in->patch[i].inner + k / (float)in->patch[i].size };
	for (size_t i = 0; i < in->links; i++) {
		const float weight =
		    (float)DET_LINK_WEIGHT(l[i].key) / DET_SEGMENT_STEPS;
		uint32_t a, b;

		if (i + AHEAD < in->links) {
			__builtin_prefetch(&p[l[i + AHEAD].a]);
			__builtin_prefetch(&p[l[i + AHEAD].b]);
		}
		a = find(p, l[i].a);
		b = find(p, l[i].b);
		if (a == b || weight > p[a].limit || weight > p[b].limit)
			continue;
		a = join(p, a, b);
		p[a].limit = weight + k / (float)size_of(p, a);
	}
}

/* Small regions are joined to others. */
static void
absorb(struct det_cutter *c, const struct det_patches *in, uint32_t min_size)
{
	struct part *p = c->part;

	for (size_t i = 0; i < in->n; i++) {
		const uint32_t r = find(p, (uint32_t)i);

		c->of[i] = size_of(p, r) < min_size ? r | SMALL : r;
	}
	for (size_t i = 0; i < in->links; i++) {
		uint32_t a = c->of[in->link[i].a], b = c->of[in->link[i].b];

		if (a == b || !((a | b) & SMALL))
			continue;
		a = find(p, a & ~SMALL);
		b = find(p, b & ~SMALL);
		if (a != b && (size_of(p, a) < min_size || size_of(p, b) < min_size))
			(void)join(p, a, b);
	}
}

/* Numbers the regions by their first pixels. */
static void
number(struct det_labels *out, struct det_cutter *c, const struct det_patches *in)
{
	const uint32_t none = UINT32_MAX;

	for (size_t i = 0; i < in->n; i++) {
		c->of[i] = find(c->part, (uint32_t)i);
		c->name[i] = none;
	}
	out->n = 0;
	for (size_t y = 0, i = 0; y < in->h; y++)
		for (size_t x = 0; x < in->w; x++, i++) {
			const size_t tile = y / DET_TILE * in->across + x / DET_TILE;
			const uint32_t r =
			    c->of[in->of[in->first[tile] + in->piece[i]]];

			if (c->name[r] == none)
				c->name[r] = (uint32_t)out->n++;
			out->label[i] = c->name[r];
		}
}

enum det_err
det_segment(struct det_labels *out, struct det_cutter **cutter,
    const struct det_patches *p, double k, long min_size)
{
	const size_t area = p->w * p->h;
	struct det_cutter *c = *cutter;
	enum det_err e;

	if (!(k >= p->k_least && k <= p->k_most) || min_size < 0)
		return det_fail(DET_INVALID,
		    "k of %g to %g and a size of 0 or more expected, found %g and %ld",
		    p->k_least, p->k_most, k, min_size);
	if ((!c && (e = det_calloc(&c, 1, sizeof *c))) ||
	    (e = det_room(&c->part, &c->parts, p->n, sizeof *c->part)) ||
	    (e = det_room(&c->of, &c->ofs, p->n, sizeof *c->of)) ||
	    (e = det_room(&c->name, &c->names, p->n, sizeof *c->name)) ||
	    (e = det_room(&out->label, &out->cap, area, sizeof *out->label)))
		goto out;
	out->w = p->w;
	out->h = p->h;
	grow(c, p, (float)k);
	if (min_size)
		absorb(c, p,
		    (size_t)min_size < area ? (uint32_t)min_size : (uint32_t)area);
	number(out, c, p);
out:
	if (e)
		det_labels_release(out);
	*cutter = c;
	return e;
}

void
det_cutter_free(struct det_cutter *c)
{
	if (!c)
		return;
	free(c->part);
	free(c->of);
	free(c->name);
	free(c);
}
