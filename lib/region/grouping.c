/* SPDX-License-Identifier: MIT
 *
 * Hierarchical grouping (Uijlings, van de Sande, Gevers, Smeulders: Selective search for
 * object recognition, IJCV 2013). The similarity of two regions is a sum of up to four:
 *
 *   colour, texture   sum over bins of min(h_a, h_b), each histogram divided by its sum
 *   size              1 - (|a| + |b|) / |picture|
 *   fill              1 - (|box around both| - |a| - |b|) / |picture|
 *
 * Since histograms are counts, those of a joined region are the sums of its parts': the mean
 * weighted by size that the paper has, without its rounding. OpenCV divides the sum by the
 * number of similarities, which changes no order.
 *
 * Of equally similar pairs the one with the lower numbers comes first, so that the hierarchy
 * is defined. A joined region is a new one with a new number, but has the row of the first of
 * its parts. Neighbours are lists of at most two nodes a pair: joining regions joins their
 * lists, and what became the same neighbour is dropped as the new region meets it.
 *
 * A region that has grown large has many neighbours, most often joins the next one soon, and
 * then has to meet all of them again. So as little as possible is done for a pair that
 * may never matter. Each pair is with one of its regions, the later; only the best pair of each
 * region waits in the heap of the picture, and the others go when the region does. And
 * a pair has a bound at first in place of its similarity: histograms of few bins, each of
 * which is the sum of many, intersect in no less than the whole ones. Only what has the
 * largest bound of its region is computed, and again until the largest is computed. That
 * changes no result: what a region shows is its largest similarity.
 *
 * The sums run over sixteen lanes, added up in a fixed order: the same bits with any vector
 * width.
 */
#include "region/grouping.h"

#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"

#define NONE  UINT32_MAX
#define BOUND 0x80000000u
#define FEW   16    /* coarse bins of a histogram */
#define SLACK 1e-4f /* more than what rounding does to a sum of shares */

typedef float lanes __attribute__((vector_size(64)));
typedef int32_t masks __attribute__((vector_size(64)));

/* sum of min(a[i] * by_a, b[i] * by_b) over n, a multiple of 16 */
static inline __attribute__((always_inline)) float
shared(const float *a, const float *b, size_t n, float by_a, float by_b)
{
	lanes sum = { 0 };
	float part[16], total = 0;

	for (size_t i = 0; i < n; i += 16) {
		lanes x, y;
		masks less;

		memcpy(&x, a + i, sizeof x);
		memcpy(&y, b + i, sizeof y);
		x *= by_a;
		y *= by_b;
		less = x < y;
		sum += (lanes)((less & (masks)x) | (~less & (masks)y));
	}
	memcpy(part, &sum, sizeof part);
	for (int i = 0; i < 16; i++)
		total += part[i];
	return total;
}

static float
shared_c(const float *a, const float *b, size_t n, float by_a, float by_b)
{
	return shared(a, b, n, by_a, by_b);
}

#if defined __x86_64__
__attribute__((target("avx2"))) static float
shared_avx2(const float *a, const float *b, size_t n, float by_a, float by_b)
{
	return shared(a, b, n, by_a, by_b);
}
#endif

typedef float shared_fn(const float *, const float *, size_t, float, float);

static shared_fn *
choose(void)
{
#if defined __x86_64__
	if (det_cpu_level() >= DET_CPU_AVX2)
		return shared_avx2;
#endif
	return shared_c;
}

/* What a similarity is computed from. */
struct side {
	const float *count;
	uint32_t size;
	struct det_extent box;
};

struct likeness {
	const struct det_regions *r;
	unsigned like;
	shared_fn *shared;
};

/* The similarities by size and box, added to those by histograms. */
static float
add_boxes(
    float sum, const struct likeness *l, const struct side *a, const struct side *b)
{
	const float picture = (float)l->r->area, both = (float)(a->size + b->size);

	if (l->like & DET_LIKE_SIZE)
		sum += 1 - both / picture;
	if (l->like & DET_LIKE_FILL) {
		const struct det_extent e = det_extent_both(a->box, b->box);
		const int64_t area = (int64_t)(e.x2 - e.x1) * (e.y2 - e.y1);

		sum += 1 - (float)(area - a->size - b->size) / picture;
	}
	return sum;
}

static float
alike(const struct likeness *l, const struct side *a, const struct side *b)
{
	const struct det_regions *r = l->r;
	const float by_a = 1 / ((float)a->size * (float)r->channels);
	const float by_b = 1 / ((float)b->size * (float)r->channels);
	float sum = 0;

	if (l->like & DET_LIKE_COLOUR)
		sum += l->shared(a->count, b->count, r->colour, by_a, by_b);
	if (l->like & DET_LIKE_TEXTURE)
		sum += l->shared(a->count + r->colour, b->count + r->colour, r->texture,
		    by_a / DET_TEXTURE_WAYS, by_b / DET_TEXTURE_WAYS);
	return add_boxes(sum, l, a, b);
}

float
det_regions_alike(const struct det_regions *r, uint32_t a, uint32_t b, unsigned like)
{
	const struct likeness l = { r, like, choose() };
	const size_t row = r->colour + r->texture;
	const struct side x = { r->count + a * row, r->size[a], r->box[a] },
			  y = { r->count + b * row, r->size[b], r->box[b] };

	return alike(&l, &x, &y);
}

/* A pair of the region that has it with another. */
struct tie {
	float like;
	uint32_t other; /* and BOUND: like is no less than the similarity */
};

/* Its pairs: a heap. */
struct ties {
	size_t at;
	uint32_t n;
};

/* The best pair of a region, a < b. */
struct couple {
	float like;
	uint32_t a, b;
};

/* A list of neighbours, one after the other. */
struct node {
	uint32_t of, next;
};

struct grouping {
	struct likeness like;
	struct det_group *group;
	size_t n; /* groups so far */
	/* of each group */
	uint32_t *size, *row; /* row: whose counts it has */
	uint32_t *top;        /* the group that it is part of now; path-halved */
	uint32_t *first, *last;
	uint32_t *seen; /* the group that met it last as a neighbour */
	struct ties *ties;
	float *coarse; /* of each row: FEW shares of colour, FEW of texture */
	unsigned char
	    *bin; /* of each count of a row, the coarse one; textures from FEW */
	struct node *node;
	struct tie *tie;
	size_t used, room;
	struct couple *heap;
	size_t waiting;
};

static int
before(const struct couple *x, const struct couple *y)
{
	if (x->like != y->like)
		return x->like > y->like;
	return x->a != y->a ? x->a < y->a : x->b < y->b;
}

/* There is room for all groups: each has one couple at most. */
static void
push(struct grouping *g, struct couple c)
{
	size_t i = g->waiting++;

	for (; i > 0 && before(&c, &g->heap[(i - 1) / 2]); i = (i - 1) / 2)
		g->heap[i] = g->heap[(i - 1) / 2];
	g->heap[i] = c;
}

static struct couple
pop(struct grouping *g)
{
	const struct couple best = g->heap[0], c = g->heap[--g->waiting];
	size_t i = 0, next;

	while ((next = 2 * i + 1) < g->waiting) {
		if (next + 1 < g->waiting && before(&g->heap[next + 1], &g->heap[next]))
			next++;
		if (!before(&g->heap[next], &c))
			break;
		g->heap[i] = g->heap[next];
		i = next;
	}
	g->heap[i] = c;
	return best;
}

static uint32_t
top(uint32_t *of, uint32_t i)
{
	while (of[i] != i) {
		of[i] = of[of[i]];
		i = of[i];
	}
	return i;
}

static struct side
side(const struct grouping *g, uint32_t i)
{
	const struct det_regions *r = g->like.r;

	return (struct side){ r->count + g->row[i] * (r->colour + r->texture),
		g->size[i], g->group[i].box };
}

/* Of equal ones bounds come first: what they stand for may have the lower number. */
static int
ahead(struct tie x, struct tie y)
{
	if (x.like != y.like)
		return x.like > y.like;
	if ((x.other ^ y.other) & BOUND)
		return (x.other & BOUND) != 0;
	return x.other < y.other;
}

/* Moves the tie at i down to its place. */
static void
sink(struct tie *t, size_t n, size_t i)
{
	const struct tie moved = t[i];
	size_t next;

	while ((next = 2 * i + 1) < n) {
		if (next + 1 < n && ahead(t[next + 1], t[next]))
			next++;
		if (!ahead(t[next], moved))
			break;
		t[i] = t[next];
		i = next;
	}
	t[i] = moved;
}

/* The best of the region's pairs, computed, with a region that there still is, waits. */
static void
offer(struct grouping *g, uint32_t i)
{
	struct ties *l = &g->ties[i];
	struct tie *t = g->tie + l->at;

	while (l->n) {
		const uint32_t other = t->other & ~BOUND;

		if (g->top[other] != other)
			*t = t[--l->n];
		else if (t->other & BOUND) {
			const uint32_t a = other < i ? other : i, b = other ^ i ^ a;
			const struct side x = side(g, a), y = side(g, b);

			*t = (struct tie){ alike(&g->like, &x, &y), other };
		} else {
			push(g, (struct couple){ t->like, other < i ? other : i,
				    other < i ? i : other });
			return;
		}
		if (l->n)
			sink(t, l->n, 0);
	}
}

/* The coarse histograms of a region. */
static void
make_coarse(struct grouping *g, uint32_t i)
{
	const struct side s = side(g, i);
	const size_t row = g->like.r->colour + g->like.r->texture;
	const float by = 1 / ((float)s.size * (float)g->like.r->channels);
	float *to = g->coarse + g->row[i] * 2 * FEW;

	for (size_t k = 0; k < 2 * FEW; k++)
		to[k] = 0;
	for (size_t k = 0; k < row; k++)
		to[g->bin[k]] += s.count[k];
	for (size_t k = 0; k < FEW; k++) {
		to[k] *= by;
		to[FEW + k] *= by / DET_TEXTURE_WAYS;
	}
}

/* Of colours 16 bins over all channels; of textures the derivative, either way, and 0, 1, 2
 * to 3, or more. */
static void
choose_bins(struct grouping *g)
{
	static const unsigned char size[DET_TEXTURE_BINS] = { 0, 1, 2, 2, 3, 3, 3, 3, 3,
		3 };
	const struct det_regions *r = g->like.r;
	const size_t colours = r->channels * DET_COLOUR_BINS;

	for (size_t i = 0; i < r->colour; i++)
		g->bin[i] = (unsigned char)(i < colours ? i * FEW / colours : 0);
	for (size_t i = 0; i < r->texture; i++)
		g->bin[r->colour + i] =
		    (unsigned char)(FEW +
				    i % DET_TEXTURE_SIZE / (2 * DET_TEXTURE_BINS) * 4 +
				    size[i % DET_TEXTURE_BINS]);
}

/* The pair of c with another. */
static struct tie
meet(const struct grouping *g, uint32_t c, uint32_t other)
{
	const struct side x = side(g, other), y = side(g, c);
	const float *a = g->coarse + g->row[other] * 2 * FEW,
		    *b = g->coarse + g->row[c] * 2 * FEW;
	float sum = SLACK;

	if (!g->bin)
		return (struct tie){ alike(&g->like, &x, &y), other };
	if (g->like.like & DET_LIKE_COLOUR)
		sum += g->like.shared(a, b, FEW, 1, 1);
	if (g->like.like & DET_LIKE_TEXTURE)
		sum += g->like.shared(a + FEW, b + FEW, FEW, 1, 1);
	return (struct tie){ add_boxes(sum, &g->like, &x, &y), other | BOUND };
}

/* Room for one more tie. What belongs to regions that are no more goes. */
static enum det_err
make_room(struct grouping *g)
{
	size_t used = 0;

	if (g->used < g->room)
		return DET_OK;
	for (size_t i = 0; i < g->n; i++)
		if (g->top[i] == i && g->ties[i].n) {
			memmove(g->tie + used, g->tie + g->ties[i].at,
			    g->ties[i].n * sizeof *g->tie);
			g->ties[i].at = used;
			used += g->ties[i].n;
		}
	g->used = used;
	return det_grow(&g->tie, &g->room, 2 * used + 1, sizeof *g->tie);
}

/* One more tie of the group that had one last. */
static enum det_err
tie(struct grouping *g, uint32_t c, uint32_t other)
{
	enum det_err e;

	if ((e = make_room(g)))
		return e;
	if (g->ties[c].n == 0)
		g->ties[c].at = g->used;
	g->tie[g->used++] = meet(g, c, other);
	g->ties[c].n++;
	return DET_OK;
}

/* All ties of a group are known. */
static void
finish(struct grouping *g, uint32_t c)
{
	const struct ties *l = &g->ties[c];

	for (size_t i = l->n / 2; i-- > 0;)
		sink(g->tie + l->at, l->n, i);
	offer(g, c);
}

static void
link_node(struct grouping *g, uint32_t at, uint32_t from, uint32_t to)
{
	g->node[at] = (struct node){ to, NONE };
	if (g->first[from] == NONE)
		g->first[from] = at;
	else
		g->node[g->last[from]].next = at;
	g->last[from] = at;
}

/* The new group c meets the neighbours of its parts, each once. */
static enum det_err
meet_all(struct grouping *g, uint32_t c)
{
	uint32_t *from = &g->first[c], kept = NONE;
	enum det_err e;

	g->ties[c] = (struct ties){ 0, 0 };
	while (*from != NONE) {
		struct node *node = &g->node[*from];
		const uint32_t of = top(g->top, node->of);

		if (of == c || g->seen[of] == c) {
			*from = node->next;
			continue;
		}
		g->seen[of] = c;
		node->of = of;
		if ((e = tie(g, c, of)))
			return e;
		kept = *from;
		from = &node->next;
	}
	g->last[c] = kept;
	finish(g, c);
	return DET_OK;
}

static enum det_err
unite(struct grouping *g, struct det_regions *r, uint32_t a, uint32_t b)
{
	const size_t row = r->colour + r->texture;
	const uint32_t c = (uint32_t)g->n++;
	const struct det_group *x = &g->group[a], *y = &g->group[b];
	float *to = r->count + g->row[a] * row;
	const float *from = r->count + g->row[b] * row;

	g->group[c] = (struct det_group){ det_extent_both(x->box, y->box),
		1 + (x->level > y->level ? x->level : y->level), { a, b } };
	g->size[c] = g->size[a] + g->size[b];
	g->row[c] = g->row[a];
	g->top[a] = g->top[b] = g->top[c] = c;
	g->seen[c] = NONE;
	if (g->bin) {
#pragma omp simd
		for (size_t i = 0; i < row; i++)
			to[i] += from[i];
		make_coarse(g, c);
	}
	/* each has the other among its neighbours: no list is empty */
	g->first[c] = g->first[a];
	g->node[g->last[a]].next = g->first[b];
	return meet_all(g, c);
}

static enum det_err
allocate(struct grouping *g, const struct det_regions *r)
{
	const size_t most = 2 * r->n;
	enum det_err e;

	if ((e = det_alloc(&g->size, most, 6 * sizeof *g->size)) ||
	    (e = det_alloc(&g->ties, most, sizeof *g->ties)) ||
	    (e = det_alloc(&g->heap, most, sizeof *g->heap)) ||
	    (e = det_alloc(&g->node, r->pairs, 2 * sizeof *g->node)))
		return e;
	g->row = g->size + most;
	g->top = g->row + most;
	g->first = g->top + most;
	g->last = g->first + most;
	g->seen = g->last + most;
	if (!(g->like.like & (DET_LIKE_COLOUR | DET_LIKE_TEXTURE)))
		return DET_OK;
	if ((e = det_alloc(&g->bin, r->colour + r->texture, 1)) ||
	    (e = det_alloc(&g->coarse, r->n, 2 * FEW * sizeof *g->coarse)))
		return e;
	choose_bins(g);
	return DET_OK;
}

static enum det_err
start(struct grouping *g, const struct det_regions *r)
{
	enum det_err e;

	if ((e = allocate(g, r)))
		return e;
	for (uint32_t i = 0; i < r->n; i++) {
		g->group[i] = (struct det_group){ r->box[i], 1, { i, i } };
		g->size[i] = r->size[i];
		g->row[i] = g->top[i] = i;
		g->first[i] = g->last[i] = g->seen[i] = NONE;
		g->ties[i] = (struct ties){ 0, 0 };
		if (g->bin)
			make_coarse(g, i);
	}
	g->n = r->n;
	for (uint32_t i = 0; i < r->pairs; i++) {
		const uint32_t a = r->pair[i][0], b = r->pair[i][1];

		link_node(g, 2 * i, a, b);
		link_node(g, 2 * i + 1, b, a);
		/* pairs are sorted: those of a are one after the other */
		if ((e = tie(g, a, b)))
			return e;
	}
	for (uint32_t i = 0; i < r->n; i++)
		finish(g, i);
	return DET_OK;
}

enum det_err
det_regions_group(
    struct det_group *out, size_t *n, struct det_regions *r, unsigned like)
{
	struct grouping g = { .like = { r, like, choose() }, .group = out };
	enum det_err e;

	if (r->n == 0 || r->n > NONE / 4 || r->pairs > NONE / 2)
		return det_fail(
		    DET_LIMIT, "1 to %u regions expected, found %zu", NONE / 4, r->n);
	e = start(&g, r);
	while (!e && g.waiting) {
		const struct couple c = pop(&g);
		/* whose pair it is */
		const uint32_t of = c.b < r->n ? c.a : c.b;

		if (g.top[c.a] == c.a && g.top[c.b] == c.b)
			e = unite(&g, r, c.a, c.b);
		else if (g.top[of] == of)
			offer(&g, of);
	}
	*n = g.n;
	free(g.size);
	free(g.ties);
	free(g.heap);
	free(g.node);
	free(g.coarse);
	free(g.bin);
	free(g.tie);
	return e;
}
