/* SPDX-License-Identifier: MIT
 *
 * From the object in a .pth to tensors by name.
 *
 * A state dict is a dict of tensors; training scripts put it into another one, beside the
 * state of the optimiser (which holds more tensors than the net does), the epoch and the
 * options. So: where a dict has no tensor of its own, the first of `wrappers` that it has
 * and that holds tensors is taken instead, and the rest left, with a note. What remains is
 * walked: names of dicts within dicts are joined with '.', items of lists are numbered.
 * Optimisers and schedulers are left out even where no wrapper is found. If all names begin
 * with "module.", as DataParallel makes them, that is taken off. What is no tensor is left,
 * with a note that counts.
 *
 * A tensor is a storage, an offset and strides into it; several may share one storage, and
 * none needs to be contiguous. Every element must lie in the storage.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "weights/source_impl.h"
#include "weights/torch_file.h"

#define MAX_DEPTH 32
#define MAX_STEPS ((size_t)1 << 23)

static const char *const wrappers[] = { "state_dict", "model_state_dict", "model_state",
	"model", "net", "network", "module", "weights", "params", "model_ema", "ema" };
static const char *const training[] = { "optimizer", "optimizer_state_dict",
	"optim_dict", "lr_scheduler", "scheduler", "scaler" };

struct walk {
	struct det_source *s;
	const struct torch_file *f;
	struct det_buf path;
	struct det_nameset names;
	size_t steps, others;
	char first_other[64];
};

/* --- one tensor ------------------------------------------------------------------------- */

/* The part of the storage that may be used, in numbers: all of it, or a legacy view. */
static enum det_err
find_view(size_t *from, size_t *count, const struct pickle_obj *so,
    const struct torch_storage *st)
{
	const struct pickle_obj *v = so->n > 3 ? so->u.item[3] : NULL;
	struct pickle_obj *const *x;

	*from = 0;
	*count = st->count;
	if (!v || v->type == PICKLE_NONE)
		return DET_OK;
	x = v->u.item;
	if (v->type != PICKLE_TUPLE || v->n != 3 || x[1]->type != PICKLE_INT ||
	    x[2]->type != PICKLE_INT || x[1]->i < 0 || x[2]->i < 0 ||
	    (uint64_t)x[1]->i > st->count ||
	    (uint64_t)x[2]->i > st->count - (size_t)x[1]->i)
		return det_fail(DET_CORRUPT, "a view that is not inside its storage");
	*from = (size_t)x[1]->i;
	*count = (size_t)x[2]->i;
	return DET_OK;
}

static enum det_err
read_sizes(size_t *out, const struct pickle_obj *o, const char *what)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct pickle_obj *v = o->u.item[i];

		if (v->type != PICKLE_INT || v->i < 0)
			return det_fail(
			    DET_CORRUPT, "%s: whole numbers from 0 expected", what);
		out[i] = (size_t)v->i;
	}
	return DET_OK;
}

/* The last element that is touched must be among the `count` of the storage. */
static enum det_err
check_reach(const struct det_source_tensor *t, size_t offset, size_t count)
{
	size_t last = offset, n;
	enum det_err e;

	for (int d = 0; d < t->rank; d++)
		if ((e = det_mul(&n, t->dims[d] - 1, t->stride[d])) ||
		    (e = det_add(&last, last, n)))
			return det_fail(DET_CORRUPT, "it reaches beyond all storages");
	if (last >= count)
		return det_fail(DET_CORRUPT,
		    "it reaches number %zu of a storage of %zu", last, count);
	return DET_OK;
}

static enum det_err
read_tensor(
    struct det_source_tensor *t, const struct pickle_obj *o, const struct torch_file *f)
{
	const struct pickle_obj *so = o->u.item[0], *sizes = o->u.item[2],
				*strides = o->u.item[3], *key = so->u.item[1];
	const struct torch_storage *st = torch_file_find(f, key->u.s, key->n);
	size_t from = 0, count = 0, n = 0;
	enum det_err e;

	if (!st)
		return det_fail(DET_CORRUPT, "its storage is nowhere");
	if (sizes->n > DET_MAX_RANK)
		return det_fail(DET_LIMIT, "%zu dimensions, the limit is %d", sizes->n,
		    DET_MAX_RANK);
	if (o->u.item[1]->i < 0)
		return det_fail(DET_CORRUPT, "its offset is %lld: from 0 expected",
		    (long long)o->u.item[1]->i);
	if (strides->n != sizes->n)
		return det_fail(DET_CORRUPT, "%zu strides for %zu dimensions",
		    strides->n, sizes->n);
	t->type = st->type;
	t->rank = (int)sizes->n;
	if ((e = read_sizes(t->dims, sizes, "sizes")) ||
	    (e = read_sizes(t->stride, strides, "strides")) ||
	    (e = find_view(&from, &count, so, st)) ||
	    (e = source_count_dims(&n, t->dims, t->rank)))
		return e;
	t->data = st->data;
	if (n == 0)
		return DET_OK;
	if ((e = check_reach(t, (size_t)o->u.item[1]->i, count)))
		return e;
	t->data += (from + (size_t)o->u.item[1]->i) * det_source_type_size(t->type);
	return DET_OK;
}

static enum det_err
add_tensor(struct walk *w, const struct pickle_obj *o, int alone)
{
	const char *name = alone ? "tensor" : w->path.text;
	size_t n = alone ? strlen(name) : w->path.len;
	struct det_source_tensor *t = NULL;
	int is_new = 0;
	enum det_err e;

	if ((e = source_add(&t, w->s, name, n)))
		return e;
	if ((e = read_tensor(t, o, w->f)))
		return det_fail_in(e, "tensor '%s'", t->name);
	if ((e = det_nameset_add(&is_new, &w->names, t->name)))
		return e;
	if (!is_new)
		return det_fail(DET_CORRUPT, "two tensors named '%s'", t->name);
	return DET_OK;
}

/* --- the tree --------------------------------------------------------------------------- */

static enum det_err
walk_step(struct walk *w, size_t depth)
{
	if (depth > MAX_DEPTH)
		return det_fail(
		    DET_LIMIT, "dicts or lists nested deeper than %d", MAX_DEPTH);
	if (++w->steps > MAX_STEPS)
		return det_fail(
		    DET_LIMIT, "more than %zu values in dicts and lists", MAX_STEPS);
	return DET_OK;
}

/* Tensors in o, at any depth. */
static enum det_err
count_tensors(size_t *n, struct walk *w, const struct pickle_obj *o, size_t depth)
{
	enum det_err e;

	if ((e = walk_step(w, depth)))
		return e;
	if (o->type == PICKLE_TENSOR)
		++*n;
	if (o->type == PICKLE_DICT || o->type == PICKLE_LIST || o->type == PICKLE_TUPLE)
		for (size_t i = 0; i < o->n; i++)
			if ((e = count_tensors(n, w, o->u.item[i], depth + 1)))
				return e;
	return DET_OK;
}

static int
listed(const struct pickle_obj *key, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (pickle_is(key, list[i]))
			return 1;
	return 0;
}

static int
has_own_tensor(const struct pickle_obj *o)
{
	for (size_t i = 1; i < o->n; i += 2)
		if (o->u.item[i]->type == PICKLE_TENSOR)
			return 1;
	return 0;
}

/* The dict in *root that the state dict is, if it is a wrapper's. */
static enum det_err
unwrap(struct walk *w, const struct pickle_obj **root)
{
	const struct pickle_obj *o = *root, *in = NULL;
	size_t n = 0, all = 0, i;
	enum det_err e;

	if (o->type != PICKLE_DICT || has_own_tensor(o))
		return DET_OK;
	for (i = 0; n == 0 && i < sizeof wrappers / sizeof *wrappers; i++)
		if ((in = pickle_get(o, wrappers[i])) && in->type == PICKLE_DICT)
			if ((e = count_tensors(&n, w, in, 0)))
				return e;
	if (n == 0)
		return DET_OK;
	if ((e = count_tensors(&all, w, o, 0)))
		return e;
	if (all > n && (e = det_buf_printf(&w->s->notes,
			    "%zu tensors under '%s' taken, %zu beside it left\n", n,
			    wrappers[i - 1], all - n)))
		return e;
	*root = in;
	return DET_OK;
}

static void
count_other(struct walk *w)
{
	size_t n = w->path.len;

	if (w->others++ || !n)
		return;
	n = n < sizeof w->first_other ? n : sizeof w->first_other - 1;
	memcpy(w->first_other, w->path.text, n);
	w->first_other[n] = 0;
	det_text_clean(w->first_other, n, 0);
}

static enum det_err walk(struct walk *w, const struct pickle_obj *o, size_t depth);

/* An item under its key or, key == NULL, its number. */
static enum det_err
walk_item(struct walk *w, const struct pickle_obj *key, size_t i,
    const struct pickle_obj *o, size_t depth)
{
	size_t before = w->path.len;
	const char *dot = before ? "." : "";
	enum det_err e;

	if (key && key->type == PICKLE_STR) {
		if (!(e = det_buf_printf(&w->path, "%s", dot)))
			e = det_buf_add(&w->path, key->u.s, key->n);
	} else if (!key || key->type == PICKLE_INT) {
		e = det_buf_printf(
		    &w->path, "%s%lld", dot, key ? (long long)key->i : (long long)i);
	} else {
		w->others++;
		return DET_OK;
	}
	if (!e)
		e = walk(w, o, depth + 1);
	w->path.len = before;
	return e;
}

static enum det_err
walk(struct walk *w, const struct pickle_obj *o, size_t depth)
{
	enum det_err e;

	if ((e = walk_step(w, depth)))
		return e;
	switch (o->type) {
	case PICKLE_TENSOR: return add_tensor(w, o, depth == 0);
	case PICKLE_DICT:
		for (size_t i = 0; i + 1 < o->n; i += 2) {
			if (depth == 0 && listed(o->u.item[i], training,
					      sizeof training / sizeof *training))
				continue;
			if ((e = walk_item(
				 w, o->u.item[i], 0, o->u.item[i + 1], depth)))
				return e;
		}
		return DET_OK;
	case PICKLE_LIST:
	case PICKLE_TUPLE:
		for (size_t i = 0; i < o->n; i++)
			if ((e = walk_item(w, NULL, i, o->u.item[i], depth)))
				return e;
		return DET_OK;
	default: count_other(w); return DET_OK;
	}
}

/* DataParallel's "module." off all names, where all have it. */
static enum det_err
strip_module(struct det_source *s)
{
	static const char prefix[] = "module.";
	const size_t n = sizeof prefix - 1;

	for (size_t i = 0; i < s->n; i++)
		if (strncmp(s->t[i].name, prefix, n) != 0 || !s->t[i].name[n])
			return DET_OK;
	for (size_t i = 0; i < s->n; i++)
		memmove(s->t[i].name, s->t[i].name + n, strlen(s->t[i].name + n) + 1);
	return det_buf_printf(
	    &s->notes, "'module.' taken off the names of all tensors\n");
}

static enum det_err
read_object(struct walk *w)
{
	const struct pickle_obj *root = pickle_root(w->f->pickle), *before;
	int depth = 0;
	enum det_err e;

	do {
		before = root;
		if ((e = unwrap(w, &root)))
			return e;
	} while (root != before && ++depth < MAX_DEPTH);
	if ((e = walk(w, root, 0)))
		return e;
	if (w->s->n == 0)
		return det_fail(DET_INVALID, "there are no tensors in it");
	if (w->others && (e = det_buf_printf(&w->s->notes,
			      "%zu values that are no tensors left%s%s%s\n", w->others,
			      w->first_other[0] ? ", '" : "", w->first_other,
			      w->first_other[0] ? "' the first" : "")))
		return e;
	return strip_module(w->s);
}

enum det_err
torch_parse(struct det_source *s, const unsigned char *p, size_t size)
{
	struct torch_file f;
	struct walk w = { .s = s, .f = &f };
	enum det_err e;

	if ((e = torch_file_open(&f, p, size)))
		return e;
	e = read_object(&w);
	det_buf_free(&w.path);
	det_nameset_release(&w.names);
	torch_file_close(&f);
	return e;
}
