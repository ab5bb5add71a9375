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
 * Pairs wait in a heap, ordered by similarity and then by the regions' numbers, so that the
 * hierarchy is defined where similarities are equal. A joined region is a new one with a new
 * number, but has the row of the first of its parts; pairs that name a part are stale and
 * dropped when they come up. Neighbours are lists of at most two nodes a pair: joining
 * regions joins their lists, and what became the same neighbour is dropped as the new
 * region's similarities are computed. So memory does not grow as regions are joined.
 *
 * The sums run over sixteen lanes, added up in a fixed order: the same bits with any vector
 * width.
 */
#include "region/grouping.h"

#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"

#define NONE UINT32_MAX

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

static float
alike(const struct likeness *l, const struct side *a, const struct side *b)
{
	const struct det_regions *r = l->r;
	const float by_a = 1 / ((float)a->size * (float)r->channels);
	const float by_b = 1 / ((float)b->size * (float)r->channels);
	const float picture = (float)r->area, both = (float)(a->size + b->size);
	float sum = 0;

	if (l->like & DET_LIKE_COLOUR)
		sum += l->shared(a->count, b->count, r->colour, by_a, by_b);
	if (l->like & DET_LIKE_TEXTURE)
		sum += l->shared(a->count + r->colour, b->count + r->colour, r->texture,
		    by_a / DET_TEXTURE_WAYS, by_b / DET_TEXTURE_WAYS);
	if (l->like & DET_LIKE_SIZE)
		sum += 1 - both / picture;
	if (l->like & DET_LIKE_FILL) {
		const struct det_extent e = det_extent_both(a->box, b->box);
		const int64_t area = (int64_t)(e.x2 - e.x1) * (e.y2 - e.y1);

		sum += 1 - (float)(area - a->size - b->size) / picture;
	}
	return sum;
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
	struct node *node;
	struct couple *heap;
	size_t waiting, cap;
};

static int
before(const struct couple *x, const struct couple *y)
{
	if (x->like != y->like)
		return x->like > y->like;
	return x->a != y->a ? x->a < y->a : x->b < y->b;
}

static enum det_err
push(struct grouping *g, struct couple c)
{
	size_t i = g->waiting;
	enum det_err e;

	if ((e = det_grow(&g->heap, &g->cap, i + 1, sizeof *g->heap)))
		return e;
	g->waiting++;
	for (; i > 0 && before(&c, &g->heap[(i - 1) / 2]); i = (i - 1) / 2)
		g->heap[i] = g->heap[(i - 1) / 2];
	g->heap[i] = c;
	return DET_OK;
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

static enum det_err
meet(struct grouping *g, uint32_t a, uint32_t b)
{
	const struct side x = side(g, a), y = side(g, b);

	return push(g, (struct couple){ alike(&g->like, &x, &y), a, b });
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

	while (*from != NONE) {
		struct node *node = &g->node[*from];
		const uint32_t of = top(g->top, node->of);

		if (of == c || g->seen[of] == c) {
			*from = node->next;
			continue;
		}
		g->seen[of] = c;
		node->of = of;
		if ((e = meet(g, of, c)))
			return e;
		kept = *from;
		from = &node->next;
	}
	g->last[c] = kept;
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
	if (g->like.like & (DET_LIKE_COLOUR | DET_LIKE_TEXTURE))
#pragma omp simd
		for (size_t i = 0; i < row; i++)
			to[i] += from[i];
	/* each has the other among its neighbours: no list is empty */
	g->first[c] = g->first[a];
	g->node[g->last[a]].next = g->first[b];
	return meet_all(g, c);
}

static enum det_err
start(struct grouping *g, const struct det_regions *r)
{
	const size_t most = 2 * r->n;
	enum det_err e;

	if ((e = det_alloc(&g->size, most, 6 * sizeof *g->size)) ||
	    (e = det_alloc(&g->node, r->pairs, 2 * sizeof *g->node)))
		return e;
	g->row = g->size + most;
	g->top = g->row + most;
	g->first = g->top + most;
	g->last = g->first + most;
	g->seen = g->last + most;
	for (uint32_t i = 0; i < r->n; i++) {
		g->group[i] = (struct det_group){ r->box[i], 1, { i, i } };
		g->size[i] = r->size[i];
		g->row[i] = g->top[i] = i;
		g->first[i] = g->last[i] = g->seen[i] = NONE;
	}
	g->n = r->n;
	for (uint32_t i = 0; i < r->pairs; i++) {
		const uint32_t a = r->pair[i][0], b = r->pair[i][1];

		link_node(g, 2 * i, a, b);
		link_node(g, 2 * i + 1, b, a);
		if ((e = meet(g, a, b)))
			return e;
	}
	return DET_OK;
}

enum det_err
det_regions_group(
    struct det_group *out, size_t *n, struct det_regions *r, unsigned like)
{
	struct grouping g = { .like = { r, like, choose() }, .group = out };
	enum det_err e;

	if (r->n == 0 || r->n > NONE / 2 || r->pairs > NONE / 2)
		return det_fail(
		    DET_LIMIT, "1 to %u regions expected, found %zu", NONE / 2, r->n);
	e = start(&g, r);
	while (!e && g.waiting) {
		const struct couple c = pop(&g);

		if (g.top[c.a] == c.a && g.top[c.b] == c.b)
			e = unite(&g, r, c.a, c.b);
	}
	*n = g.n;
	free(g.size);
	free(g.node);
	free(g.heap);
	return e;
}
