/* SPDX-License-Identifier: MIT
 *
 * An architecture with the weights of another program's file. Everything is found and held
 * against its shape before the first byte is written.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/arch_names.h"

/* What is wrong with the source's tensors, up to ten of them in one line. */
struct trouble {
	struct det_buf text;
	size_t n;
};

struct taking {
	struct det_writer *w; /* NULL: only find out what is missing */
	struct arch_names names;
	struct trouble trouble;
};

static enum det_err
add_trouble(struct trouble *t, const char *name, const char *what)
{
	const char *sep = t->n ? ", " : "";

	if (t->n++ >= 10)
		return DET_OK;
	return det_buf_printf(&t->text, "%s%s %s", sep, name, what);
}

int
arch_same_shape(const struct det_tensor *ours, const struct det_source_tensor *theirs)
{
	int i = 0, k = 0;

	for (;;) {
		while (i < ours->rank && ours->dims[i] == 1)
			i++;
		while (k < theirs->rank && theirs->dims[k] == 1)
			k++;
		if (i == ours->rank || k == theirs->rank)
			return i == ours->rank && k == theirs->rank;
		if (ours->dims[i] && ours->dims[i] != theirs->dims[k])
			return 0;
		i++;
		k++;
	}
}

static enum det_err
wrong_shape(struct trouble *t, const char *name, const struct det_tensor *ours,
    const struct det_source_tensor *x)
{
	struct det_tensor theirs = { .rank = x->rank };
	struct det_buf b = { 0 };
	char have[96], want[96];
	enum det_err e;

	memcpy(theirs.dims, x->dims, sizeof theirs.dims);
	e = det_buf_printf(&b, "should be %s, but %s is %s",
	    det_shape_text(want, sizeof want, ours), x->name,
	    det_shape_text(have, sizeof have, &theirs));
	if (!e)
		e = add_trouble(t, name, b.text);
	det_buf_free(&b);
	return e;
}

/* Dims that the net leaves open are the source's. */
static void
settle(struct det_tensor *shape, const struct det_source_tensor *x)
{
	for (int i = 0; i < shape->rank; i++)
		if (!shape->dims[i] && shape->rank == x->rank)
			shape->dims[i] = x->dims[i];
}

enum det_err
arch_copy_weight(struct det_writer *w, const char *name, struct det_tensor *shape,
    const struct det_source_tensor *x)
{
	float *v;
	size_t n;
	enum det_err e;

	settle(shape, x);
	shape->dtype = DET_F32;
	if ((e = det_tensor_count(&n, shape)) || (e = det_alloc(&v, n, sizeof *v)))
		return e;
	shape->data = v;
	if (!(e = det_source_read(v, x)))
		e = det_writer_tensor(w, name, shape, NULL);
	free(v);
	return e;
}

static enum det_err
take_weight(void *context, const char *name, struct det_tensor *shape)
{
	struct taking *t = context;
	struct det_source_tensor *x;
	enum det_err e;

	if ((e = arch_names_find(&x, &t->names, name)))
		return e;
	if (!x)
		return t->w ? DET_OK : add_trouble(&t->trouble, name, "is missing");
	if (!arch_same_shape(shape, x))
		return t->w ? DET_OK : wrong_shape(&t->trouble, name, shape, x);
	x->used = 1;
	return t->w ? arch_copy_weight(t->w, name, shape, x) : DET_OK;
}

/* Tensors that nobody took, a line each. */
static enum det_err
find_unused(struct det_buf *notes, const struct taking *t, int strict)
{
	size_t n = 0;
	const char *first = NULL;
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < t->names.source->n; i++) {
		const struct det_source_tensor *x = &t->names.source->t[i];

		if (x->used || arch_names_ignored(&t->names, x->name))
			continue;
		if (!n++)
			first = x->name;
		e = det_buf_printf(notes, "not used: %s\n", x->name);
	}
	if (!e && n && strict)
		e = det_fail(DET_INVALID, "%zu tensors are of no use, the first is %s",
		    n, first);
	return e;
}

enum det_err
det_arch_import(struct det_writer *w, const struct det_arch *a, struct det_source *s,
    const char *form, int strict, struct det_buf *notes)
{
	struct taking t = { 0 };
	enum det_err e;

	if ((e = arch_names_open(&t.names, a, s, form)))
		return e;
	/* first look, then write: what is wrong is told before any output */
	if ((e = arch_each_weight(a, take_weight, &t)))
		goto out;
	if (t.trouble.n) {
		e = det_fail(DET_INVALID, "%zu of the weights of %s can't be had: %s%s",
		    t.trouble.n, a->name, t.trouble.text.text,
		    t.trouble.n > 10 ? ", ..." : "");
		goto out;
	}
	if ((e = find_unused(notes, &t, strict)) ||
	    (e = arch_write_texts(w, a, "weights=imported\n")))
		goto out;
	t.w = w;
	e = arch_each_weight(a, take_weight, &t);
out:
	det_buf_free(&t.trouble.text);
	return e;
}
