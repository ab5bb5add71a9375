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
parse(struct det_decode_map *m, struct det_line *l)
{
	enum det_err e;

	m->top = 5;
	if ((e = det_line_long(&m->classes, l, "classes", 1, DET_DECODE_CLASSES)) ||
	    (e = det_line_bool(&m->softmax, l, "softmax")))
		return e;
	return det_line_long(&m->top, l, "top", 1, DET_DECODE_CLASSES);
}

static enum det_err
run(struct det_decode_job *j, const struct det_tensor *t, const float *x, size_t count)
{
	const struct det_decode_map *m = j->m;
	const struct det_decode_rel all = { .5f, .5f, 1, 1 };
	struct det_decode_at at = { 0 };
	float *p = NULL;
	char shape[96];
	enum det_err e;

	if (t->dims[1] != count || count > DET_DECODE_CLASSES ||
	    (m->classes && count != (size_t)m->classes))
		return det_fail(DET_INVALID, "map '%s' is %s: 1 x %ld classes expected",
		    m->name, det_shape_text(shape, sizeof shape, t),
		    m->classes ? m->classes : (long)DET_DECODE_CLASSES);
	if ((e = det_alloc(&p, count, sizeof *p)))
		return e;
	if (m->softmax)
		det_decode_softmax(p, x, count, 1);
	else
		for (size_t i = 0; i < count; i++)
			p[i] = x[i];
	for (long n = 0; n < m->top && n < (long)count && !e; n++) {
		size_t best = 0;

		for (size_t i = 1; i < count; i++)
			if (p[i] > p[best])
				best = i;
		e = det_decode_add(j, &all, p[best], best, &at);
		p[best] = -INFINITY;
	}
	j->base += 1;
	free(p);
	return e;
}

const struct det_decode_kind det_decode_classes = { "classes", parse, run };
