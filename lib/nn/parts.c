/* SPDX-License-Identifier: MIT */
#include "nn/parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { MOST_INPUTS = 16, SIDE = 32, PART = 1 << 24 };

size_t
det_parts_rows(const struct det_tensor *in, long rows)
{
	const size_t all = in->dims[0] ? in->dims[0] : 1;
	size_t bytes;

	if (rows > 0)
		return (size_t)rows < all ? (size_t)rows : all;
	if (in->rank != 4 || in->dims[2] < SIDE || in->dims[3] < SIDE || all == 1 ||
	    det_tensor_bytes(&bytes, in))
		return all;
	rows = (long)(PART / (bytes / all));
	return rows < 1 ? 1 : (size_t)rows < all ? (size_t)rows : all;
}

static enum det_err
set_outputs(struct det_parts *p, const struct det_engine *e)
{
	const size_t n = det_engine_outputs(e);
	enum det_err err;

	if (p->n == n)
		return DET_OK;
	det_parts_release(p);
	p->n = n;
	if ((err = det_calloc(&p->out, n, sizeof *p->out)) ||
	    (err = det_calloc(&p->own, n, sizeof *p->own)) ||
	    (err = det_calloc(&p->cap, n, sizeof *p->cap)))
		det_parts_release(p);
	return err;
}

/* Rows [from, from + rows) of output i into the whole, which has `all`. */
static enum det_err
collect(struct det_parts *p, const struct det_engine *e, size_t i, size_t from,
    size_t rows, size_t all)
{
	struct det_tensor part, *out = &p->out[i];
	const char *name = det_engine_output(e, i, &part);
	size_t bytes;
	enum det_err err;

	if (part.rank < 1 || part.dims[0] != rows)
		return det_fail(DET_INVALID,
		    "output '%s' has no row for each of the input's: it can't be made "
		    "in "
		    "parts",
		    name);
	if (from == 0) {
		*out = part;
		out->dims[0] = all;
		if ((err = det_tensor_bytes(&bytes, out)) ||
		    (err = det_room(&p->own[i], &p->cap[i], bytes / sizeof **p->own,
			 sizeof **p->own)))
			return err;
		out->data = p->own[i];
	}
	if ((err = det_tensor_bytes(&bytes, &part)))
		return err;
	memcpy((char *)p->own[i] + bytes / rows * from, part.data, bytes);
	return DET_OK;
}

enum det_err
det_parts_run(struct det_parts *p, struct det_engine *e, const struct det_tensor *in,
    size_t inputs, size_t rows)
{
	struct det_tensor part[MOST_INPUTS];
	const size_t all = inputs ? in[0].dims[0] : 0;
	size_t bytes, n;
	enum det_err err = set_outputs(p, e);

	if (err)
		return err;
	for (size_t i = 0; i < inputs; i++)
		if (in[i].dims[0] != all || in[i].rank < 1 || inputs > MOST_INPUTS)
			rows = all;
	if (rows >= all) {
		if ((err = det_engine_run(e, in)))
			return err;
		for (size_t i = 0; i < p->n; i++)
			(void)det_engine_output(e, i, &p->out[i]);
		return DET_OK;
	}
	for (size_t from = 0; from < all; from += n) {
		n = all - from < rows ? all - from : rows;
		for (size_t i = 0; i < inputs; i++) {
			if ((err = det_tensor_bytes(&bytes, &in[i])))
				return err;
			part[i] = in[i];
			part[i].dims[0] = n;
			part[i].data =
			    (char *)(uintptr_t)in[i].data + bytes / all * from;
		}
		if ((err = det_engine_run(e, part)))
			return err;
		for (size_t i = 0; i < p->n; i++)
			if ((err = collect(p, e, i, from, n, all)))
				return err;
	}
	return DET_OK;
}

void
det_parts_release(struct det_parts *p)
{
	for (size_t i = 0; p->own && i < p->n; i++)
		free(p->own[i]);
	free(p->own);
	free(p->out);
	free(p->cap);
	*p = (struct det_parts){ 0 };
}
