/* SPDX-License-Identifier: MIT */
#include "data/join.h"

#include <stdlib.h>

#include "base/mem.h"
#include "data/truth_impl.h"

static enum det_err
add(struct det_classes *c, struct det_strings *names, const char *name, long source)
{
	enum det_err e;

	if ((e = det_strings_add(names, name)) ||
	    (e = det_strdup(&c->name[c->n], name)))
		return e;
	c->source[c->n++] = source;
	return DET_OK;
}

enum det_err
det_classes_join(struct det_classes *out, int32_t *map, const struct det_classes *first,
    const struct det_classes *second)
{
	struct det_strings names = { 0 };
	enum det_err e = DET_OK;

	*out = (struct det_classes){ 0 };
	out->name = calloc(first->n + second->n + 1, sizeof *out->name);
	out->source = calloc(first->n + second->n + 1, sizeof *out->source);
	if (!out->name || !out->source)
		e = det_fail(DET_NOMEM, "no memory for a class table");
	for (size_t i = 0; i < first->n && !e; i++)
		e = add(out, &names, first->name[i], first->source[i]);
	for (size_t i = 0; i < second->n && !e; i++) {
		size_t at = det_strings_find(&names, second->name[i]);

		map[i] = (int32_t)at;
		if (at == out->n)
			e = add(out, &names, second->name[i], second->source[i]);
		else if (second->source[i] >= 0)
			out->source[at] = second->source[i];
	}
	det_strings_release(&names);
	if (e)
		det_classes_release(out);
	return e;
}
