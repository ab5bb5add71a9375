/* SPDX-License-Identifier: MIT
 *
 * Sorting is by bytes, equal names in their order. Shuffling is Fisher and Yates' (Knuth,
 * TAOCP 2, 3.4.2 P) with the library's generator, so that a seed gives one order everywhere;
 * shards come after it: those of one seed are disjoint and together the whole.
 */
#include "data/pick.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"

enum det_err
det_pick_shard(struct det_pick *p, const char *text)
{
	char tail, mark;

	if (strlen(text) > 20 ||
	    sscanf(text, "%9ld%c%9ld%c", &p->shard, &mark, &p->shards, &tail) != 3 ||
	    mark != '/' || p->shards < 1)
		return det_fail(DET_INVALID,
		    "two numbers parted by '/' expected, found '%s'", text);
	if (p->shard < 1 || p->shard > p->shards)
		return det_fail(
		    DET_INVALID, "there is no share %ld of %ld", p->shard, p->shards);
	p->shard--;
	return DET_OK;
}

struct key {
	const char *name;
	size_t index;
};

static int
by_name(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	return c ? c : x->index < y->index ? -1 : x->index > y->index;
}

static enum det_err
sort(size_t *order, const struct det_truth *t)
{
	struct key *key;
	enum det_err e;

	if ((e = det_alloc(&key, t->n_images, sizeof *key)))
		return e;
	for (size_t i = 0; i < t->n_images; i++) {
		const char *slash = strrchr(t->image[i].path, '/');

		key[i] = (struct key){ slash ? slash + 1 : t->image[i].path, i };
	}
	if (t->n_images)
		qsort(key, t->n_images, sizeof *key, by_name);
	for (size_t i = 0; i < t->n_images; i++)
		order[i] = key[i].index;
	free(key);
	return DET_OK;
}

enum det_err
det_pick_order(
    size_t **order, size_t *n, const struct det_truth *t, const struct det_pick *p)
{
	struct det_random r;
	size_t *o, kept = 0;
	enum det_err e;

	if ((e = det_alloc(&o, t->n_images, sizeof *o)))
		return e;
	for (size_t i = 0; i < t->n_images; i++)
		o[i] = i;
	if (p->sort && (e = sort(o, t))) {
		free(o);
		return e;
	}
	det_random_seed(&r, (uint64_t)p->seed, 0);
	for (size_t i = t->n_images; p->shuffle && i > 1; i--) {
		size_t k = (size_t)det_random_below(&r, i), v = o[i - 1];

		o[i - 1] = o[k];
		o[k] = v;
	}
	for (size_t i = (size_t)p->shard; i < t->n_images; i += (size_t)p->shards)
		o[kept++] = o[i];
	*order = o;
	*n = kept;
	return DET_OK;
}

enum det_err
det_pick_numbers(size_t **number, const struct det_truth *t, const struct det_pick *p)
{
	const struct det_pick all = { .sort = p->sort, .shards = 1 };
	size_t *order, n;
	enum det_err e;

	if ((e = det_pick_order(&order, &n, t, &all)))
		return e;
	if (!(e = det_alloc(number, n, sizeof **number)))
		for (size_t i = 0; i < n; i++)
			(*number)[order[i]] = i;
	free(order);
	return e;
}
