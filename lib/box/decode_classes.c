/* SPDX-License-Identifier: MIT
 *
 * Networks that classify whole pictures, so that they go through the same pipe: the map is
 * (1, K, ...), one number a class, and the result is a box over the whole input for each of
 * the `top` best classes, best first (equal scores by class number), whose score is that
 * number, or with `softmax` its softmax. The threshold of boxes is not applied: the best
 * classes are the answer however low they are.
 */
#include "box/decode_impl.h"

#include <stdlib.h>

#include "base/mem.h"

static enum det_err
parse(struct det_decode_line *m, struct det_line *l)
{
	enum det_err e;

	m->top = 5;
	if ((e = det_line_long(&m->classes, l, "classes", 1, DET_DECODE_CLASSES)) ||
	    (e = det_line_bool(&m->softmax, l, "softmax")))
		return e;
	return det_line_long(&m->top, l, "top", 1, DET_DECODE_CLASSES);
}

struct rank {
	float p;
	size_t label;
};

/* Best first, equals by class number. */
static int
by_rank(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->p != y->p)
		return x->p > y->p ? -1 : 1;
	return x->label < y->label ? -1 : x->label > y->label;
}

static enum det_err
run(struct det_decode_job *j, const struct det_tensor *t, const float *x, size_t count)
{
	const struct det_decode_line *m = j->m;
	const struct det_decode_rel all = { .5f, .5f, 1, 1 };
	struct det_decode_at at = { 0 };
	struct rank *rank = NULL;
	float *p = NULL;
	char shape[96];
	enum det_err e;

	if (t->dims[1] != count || count > DET_DECODE_CLASSES ||
	    (m->classes && count != (size_t)m->classes))
		return det_fail(DET_INVALID, "map '%s' is %s: 1 x %ld classes expected",
		    m->map[0], det_shape_text(shape, sizeof shape, t),
		    m->classes ? m->classes : (long)DET_DECODE_CLASSES);
	if ((e = det_alloc(&p, count, sizeof *p)) ||
	    (e = det_alloc(&rank, count, sizeof *rank)))
		goto out;
	if (m->softmax)
		det_decode_softmax(p, x, count, 1);
	else
		for (size_t i = 0; i < count; i++)
			p[i] = x[i];
	for (size_t i = 0; i < count; i++)
		rank[i] = (struct rank){ p[i], i };
	qsort(rank, count, sizeof *rank, by_rank);
	for (size_t n = 0; n < (size_t)m->top && n < count && !e; n++)
		e = det_decode_add(j, &all, rank[n].p, rank[n].label, &at);
	j->base += 1;
out:
	free(rank);
	free(p);
	return e;
}

const struct det_decode_kind det_decode_classes = {
	.name = "classes", .maps = 1, .parse = parse, .run = run
};
