/* SPDX-License-Identifier: MIT
 *
 * What must hold of a source that a reader took, whatever the bytes were.
 */
#ifndef DET_FUZZ_WEIGHTS_H
#define DET_FUZZ_WEIGHTS_H

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "weights/source_impl.h"

#define FUZZ_MAX_COUNT ((size_t)1 << 20)

/* The first and the last element that a tensor reaches are in the file. */
static inline void
check_reach(const struct det_source_tensor *t, const uint8_t *data, size_t size)
{
	size_t last = 0, type = det_source_type_size(t->type);

	for (int d = 0; d < t->rank; d++)
		last += (t->dims[d] - 1) * t->stride[d];
	if (t->data < data || (size_t)(t->data - data) > size ||
	    last >= size / type + 1 ||
	    (last + 1) * type > size - (size_t)(t->data - data))
		abort();
}

static inline void
check_tensors(const struct det_source *s, const uint8_t *data, size_t size)
{
	size_t read = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct det_source_tensor *t = &s->t[i];
		size_t n = det_source_count(t);
		float *v;

		if (source_check_name(t->name, strlen(t->name)) ||
		    t->rank > DET_MAX_RANK)
			abort();
		if (n == 0)
			continue;
		check_reach(t, data, size);
		/* strides of 0 make large tensors of small files */
		if (n > FUZZ_MAX_COUNT - read)
			continue;
		read += n;
		if (det_alloc(&v, n, sizeof *v))
			abort();
		if (det_source_read(v, t) && !*det_errmsg())
			abort();
		free(v);
	}
}

#endif
