/* SPDX-License-Identifier: MIT
 *
 * Weights without names that help, by their order.
 *
 * A model that was imported from a Darknet cfg calls its layers conv0, conv1, ... by their
 * place in the cfg; an architecture of the same network has names of its own. Both list
 * layers in the order of computation, so the i-th of one is held against the i-th of the
 * other: the same kinds of tensors, and the same shapes but for the number of outputs, which
 * is the number of classes in a head. The first that is not so ends it: what follows might fit by
 * chance only.
 *
 * A .weights file has no names at all. It holds each layer's numbers as Darknet's parser.c
 * (load_weights_upto) reads them: the shift or bias, the normalisation's scale, mean and
 * variance, then the weights; of a [connected] layer the weights before the normalisation's,
 * transposed where the version in the header is above 1000. A file that was cut off after so
 * many layers (`darknet partial`: darknet53.conv.74) is as good as a whole one, if its end
 * is the end of a layer: that, and there being no more layers than ours, is all that can be
 * checked.
 */
#include "model/start.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/mem.h"
#include "weights/source_impl.h"

static const char *const parts[] = { ".bn.bias", ".bn.weight", ".bn.mean", ".bn.var",
	".weight", ".bias", ".mean", ".var" };

size_t
start_layer(const char *name)
{
	const size_t n = strlen(name);

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		const size_t k = strlen(parts[i]);

		if (n > k && strcmp(name + n - k, parts[i]) == 0)
			return n - k;
	}
	return n;
}

struct weight {
	char *name;
	int rank;
	size_t dims[DET_MAX_RANK];
};

struct weights {
	struct weight *v;
	size_t n, cap;
};

static void
release(struct weights *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i].name);
	free(w->v);
}

static enum det_err
add_weight(void *context, const char *name, struct det_tensor *shape)
{
	struct weights *w = context;
	enum det_err e;

	if ((e = det_grow(&w->v, &w->cap, w->n + 1, sizeof *w->v)))
		return e;
	w->v[w->n].rank = shape->rank;
	memcpy(w->v[w->n].dims, shape->dims, sizeof shape->dims);
	if ((e = det_strdup(&w->v[w->n].name, name)))
		return e;
	w->n++;
	return DET_OK;
}

/* Whether both names are of one layer. */
static int
same_layer(const char *a, const char *b)
{
	const size_t n = start_layer(a);

	return n == start_layer(b) && strncmp(a, b, n) == 0;
}

/* --- of another model ------------------------------------------------------------------ */

/* The tensor t[0 .. n) of one layer that is what `of` is of its own; NULL: none. */
static struct det_source_tensor *
counterpart(struct det_source_tensor *t, size_t n, const char *of)
{
	const char *part = of + start_layer(of);

	for (size_t i = 0; i < n; i++)
		if (strcmp(t[i].name + start_layer(t[i].name), part) == 0)
			return &t[i];
	return NULL;
}

static int
alike(const struct weight *ours, const struct det_source_tensor *x)
{
	if (ours->rank != x->rank)
		return 0;
	for (int d = 1; d < x->rank; d++)
		if (ours->dims[d] && ours->dims[d] != x->dims[d])
			return 0;
	return 1;
}

/* Names the n tensors of a layer as ours, which has as many; *fits: whether that can be. */
static enum det_err
name_layer(int *fits, struct det_source_tensor *t, const struct weight *ours, size_t n)
{
	struct det_source_tensor *x;
	enum det_err e;

	*fits = 1;
	for (size_t i = 0; i < n; i++)
		if (!(x = counterpart(t, n, ours[i].name)) || !alike(&ours[i], x)) {
			*fits = 0;
			return DET_OK;
		}
	for (size_t i = 0; i < n; i++) {
		char *name;

		x = counterpart(t, n, ours[i].name);
		if ((e = det_strdup(&name, ours[i].name)))
			return e;
		free(x->name);
		x->name = name;
	}
	return DET_OK;
}

enum det_err
start_by_order(int *n, struct det_source *s, const struct start_target *a)
{
	struct weights w = { 0 };
	size_t i = 0, k = 0, many, more;
	int fits = 1;
	enum det_err e;

	*n = 0;
	if ((e = a->each(a->of, add_weight, &w)))
		goto out;
	for (; i < w.n && k < s->n; i += many, k += more) {
		for (many = 1; i + many < w.n; many++)
			if (!same_layer(w.v[i].name, w.v[i + many].name))
				break;
		for (more = 1; k + more < s->n; more++)
			if (!same_layer(s->t[k].name, s->t[k + more].name))
				break;
		if (many != more || (e = name_layer(&fits, s->t + k, w.v + i, many)) ||
		    !fits)
			break;
		++*n;
	}
out:
	release(&w);
	return e;
}

/* --- of a .weights file ---------------------------------------------------------------- */

/* Where a tensor stands among those of its layer, of a convolution or of [connected]. */
static int
place(const struct weight *x, int connected)
{
	static const int conv[] = { 0, 1, 2, 3, 4, 0, 2, 3 },
			 fc[] = { 0, 2, 3, 4, 1, 0, 3, 4 };
	const char *part = x->name + start_layer(x->name);
	size_t i = 0;

	while (i + 1 < sizeof parts / sizeof *parts && strcmp(part, parts[i]) != 0)
		i++;
	return (connected ? fc : conv)[i];
}

/* The tensors of one layer, v[0 .. n), in the order of the file. */
static void
sort_layer(struct weight *v, size_t n)
{
	int connected = 0;

	for (size_t i = 0; i < n; i++)
		connected |= v[i].rank == 2;
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0; k--) {
			struct weight x = v[k];

			if (place(&v[k - 1], connected) <= place(&x, connected))
				break;
			v[k] = v[k - 1];
			v[k - 1] = x;
		}
}

struct reading {
	struct det_source *s;
	const struct det_map *map;
	struct weights w;
	const char *target, *path;
	size_t header; /* bytes */
	int transposed;
};

static enum det_err
add_tensor(struct reading *r, const struct weight *x, size_t at)
{
	struct det_source_tensor *t;
	size_t step = 1;
	enum det_err e;

	if ((e = source_add(&t, r->s, x->name, strlen(x->name))))
		return e;
	t->type = DET_SOURCE_F32;
	t->rank = x->rank;
	t->data = r->map->data + at;
	memcpy(t->dims, x->dims, sizeof t->dims);
	for (int d = t->rank; d-- > 0;) {
		t->stride[d] = step;
		step *= t->dims[d];
	}
	if (t->rank == 2 && r->transposed) {
		t->stride[0] = 1;
		t->stride[1] = t->dims[0];
	}
	return DET_OK;
}

/* Adds what the file holds to the source; *fits: it ends where a layer does. */
static enum det_err
read_layers(int *fits, struct reading *r, char *last, size_t cap)
{
	size_t at = r->header, n;
	enum det_err e;

	*fits = 1;
	for (size_t i = 0; i < r->w.n; i++) {
		const struct weight *x = &r->w.v[i];
		const int new = i == 0 || !same_layer(x[-1].name, x->name);

		if (at == r->map->size && new)
			return DET_OK;
		(void)snprintf(last, cap, "%.*s", (int)start_layer(x->name), x->name);
		if ((e = source_count_dims(&n, x->dims, x->rank)))
			return e;
		if (!n)
			return det_fail(DET_UNSUPPORTED,
			    "%s: %s has an open shape: a file without shapes can't "
			    "tell it",
			    r->target, x->name);
		if (n > (r->map->size - at) / 4) {
			*fits = 0;
			return DET_OK;
		}
		if ((e = add_tensor(r, x, at)))
			return e;
		at += 4 * n;
	}
	*fits = at == r->map->size;
	*last = 0;
	return DET_OK;
}

/* As the version asks for, or the other: forks disagree (darknet_weights.c). */
static enum det_err
read_file(struct reading *r)
{
	const unsigned char *p = r->map->data;
	const long major = (int32_t)det_le32(p), minor = (int32_t)det_le32(p + 4);
	const int wide = major * 10 + minor >= 2 && major < 1000 && minor < 1000;
	char last[256];
	int fits;
	enum det_err e;

	r->transposed = major > 1000 || minor > 1000;
	for (int i = 0; i < 2; i++) {
		while (r->s->n)
			free(r->s->t[--r->s->n].name);
		r->header = wide == (i == 0) ? 20 : 16;
		if (r->header > r->map->size)
			continue;
		if ((e = read_layers(&fits, r, last, sizeof last)) || fits)
			return e;
	}
	if (!*last)
		return det_fail(DET_INVALID,
		    "%s holds more than the layers of %s, which is read layer after "
		    "layer: is it another network's? (import one with its cfg)",
		    r->path, r->target);
	return det_fail(DET_INVALID,
	    "%s, read layer after layer of %s, ends within layer '%s': is it another "
	    "network's, or one of other classes? (import that with its cfg first)",
	    r->path, r->target, last);
}

enum det_err
start_darknet(struct det_source *out, const struct start_target *a, const char *path)
{
	struct reading r = { .s = out, .target = a->name, .path = path };
	size_t from = 0;
	enum det_err e;

	*out = (struct det_source){ 0 };
	if ((e = source_map(out, &r.map, path)) ||
	    (e = a->each(a->of, add_weight, &r.w)))
		goto out;
	for (size_t i = 1; i <= r.w.n; i++)
		if (i == r.w.n || !same_layer(r.w.v[i - 1].name, r.w.v[i].name)) {
			sort_layer(r.w.v + from, i - from);
			from = i;
		}
	e = read_file(&r);
out:
	release(&r.w);
	if (e)
		det_source_close(out);
	return e;
}

int
det_darknet_is_weights(const unsigned char *p, size_t size)
{
	if (size < 20)
		return 0;
	/* major, minor, revision: small numbers, in every file; a transposed one's is above
	 * 1000 */
	return det_le32(p) < 1100 && det_le32(p + 4) < 1100 && det_le32(p + 8) < 100 &&
	       det_le32(p) + det_le32(p + 4) > 0;
}
