/* SPDX-License-Identifier: MIT
 *
 * The values of a pickle and their memory. A value is made once and never freed before the
 * pickle is; containers hold pointers, so that shared and even cyclic values are no trouble
 * here (who walks them must limit depth and steps).
 *
 * Bounds: what is allocated, in all, is at most 1 MiB + 160 bytes for each byte of the
 * pickle: an opcode of one byte makes an object of 48 and a slot of the stack.
 */
#include "weights/pickle_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CHUNK 1024 /* objects allocated together */

static enum det_err
spend(struct pickle *pk, size_t n)
{
	if (n > pk->budget - pk->spent)
		return det_fail(DET_LIMIT,
		    "more than %zu bytes of memory for a pickle of %zu bytes",
		    pk->budget, pk->size);
	pk->spent += n;
	return DET_OK;
}

enum det_err
pickle_grow(void *array, size_t *cap, size_t need, struct pickle *pk)
{
	size_t before = *cap;
	enum det_err e = det_grow(array, cap, need, sizeof(void *));

	return e ? e : spend(pk, (*cap - before) * sizeof(void *));
}

enum det_err
pickle_new(struct pickle_obj **o, struct pickle *pk, enum pickle_type type)
{
	size_t c = pk->n_obj / CHUNK;
	enum det_err e;

	if (pk->n_obj % CHUNK == 0) {
		if ((e = pickle_grow(&pk->chunk, &pk->cap_chunk, c + 1, pk)) ||
		    (e = spend(pk, CHUNK * sizeof **pk->chunk)))
			return e;
		pk->chunk[c] = calloc(CHUNK, sizeof **pk->chunk);
		if (!pk->chunk[c])
			return det_fail(DET_NOMEM, "no memory for a pickle");
	}
	*o = &pk->chunk[c][pk->n_obj++ % CHUNK];
	(*o)->type = type;
	return DET_OK;
}

enum det_err
pickle_append(
    struct pickle_obj *o, struct pickle *pk, struct pickle_obj *const *item, size_t n)
{
	enum det_err e;

	if (n == 0)
		return DET_OK;
	/* most hold what they are made with: no room for more before there is more */
	if (!o->cap) {
		if ((e = spend(pk, n * sizeof *item)))
			return e;
		o->u.item = malloc(n * sizeof *item);
		if (!o->u.item)
			return det_fail(DET_NOMEM, "no memory for a pickle");
		o->cap = n;
	} else if ((e = pickle_grow(&o->u.item, &o->cap, o->n + n, pk))) {
		return e;
	}
	memcpy(o->u.item + o->n, item, n * sizeof(struct pickle_obj *));
	o->n += n;
	return DET_OK;
}

static int
is_container(const struct pickle_obj *o)
{
	return o->type == PICKLE_TUPLE || o->type == PICKLE_LIST ||
	       o->type == PICKLE_DICT || o->type == PICKLE_SET ||
	       o->type == PICKLE_STORAGE || o->type == PICKLE_TENSOR;
}

void
pickle_free(struct pickle *pk)
{
	if (!pk)
		return;
	for (size_t i = 0; i < pk->n_obj; i++) {
		struct pickle_obj *o = &pk->chunk[i / CHUNK][i % CHUNK];

		if (is_container(o))
			free(o->u.item);
	}
	for (size_t i = 0; i * CHUNK < pk->n_obj; i++)
		free(pk->chunk[i]);
	free(pk->chunk);
	free(pk->stack);
	free(pk->mark);
	free(pk->memo);
	free(pk);
}

const struct pickle_obj *
pickle_root(const struct pickle *pk)
{
	return pk->root;
}

const struct pickle_obj *
pickle_object(const struct pickle *pk, size_t i)
{
	return i < pk->n_obj ? &pk->chunk[i / CHUNK][i % CHUNK] : NULL;
}

int
pickle_is(const struct pickle_obj *o, const char *s)
{
	return o->type == PICKLE_STR && o->n == strlen(s) &&
	       memcmp(o->u.s, s, o->n) == 0;
}

const struct pickle_obj *
pickle_get(const struct pickle_obj *o, const char *key)
{
	if (o->type == PICKLE_DICT)
		for (size_t i = 0; i + 1 < o->n; i += 2)
			if (pickle_is(o->u.item[i], key))
				return o->u.item[i + 1];
	return NULL;
}

enum det_err
pickle_read(struct pickle **out, size_t *used, const unsigned char *p, size_t size)
{
	struct pickle *pk = calloc(1, sizeof *pk);
	size_t budget;
	enum det_err e;

	*out = NULL;
	if (!pk)
		return det_fail(DET_NOMEM, "no memory for a pickle");
	pk->p = p;
	pk->size = size;
	if ((e = det_mul(&budget, size, 160)) ||
	    (e = det_add(&pk->budget, budget, (size_t)1 << 20)) ||
	    /* a stack of no values has a place all the same: no sums with NULL */
	    (e = pickle_grow(&pk->stack, &pk->cap_stack, 1, pk)) ||
	    (e = pickle_run(pk))) {
		pickle_free(pk);
		return e;
	}
	*used = pk->at;
	*out = pk;
	return DET_OK;
}
