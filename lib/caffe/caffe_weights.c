/* SPDX-License-Identifier: MIT
 *
 * The weights that the texts' networks want (nn/net.h lists them with their shapes) from
 * those of a source, by the name of the Caffe layer that a line came from:
 *
 *   conv, fc, scale   LAYER.weight, LAYER.bias; InnerProduct's transposed where it says so
 *   l2norm            Normalize's weight; one number is meant for each channel
 *   bn                mean and var over BatchNorm's factor (0 where nothing was seen: then
 *                     they are 0); weight and bias of the Scale that follows, or 1 and 0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "caffe/caffe_net.h"
#include "nn/net.h"

static enum det_err
add_weight(struct det_caffe *c, const char *full, const struct det_tensor *shape,
    enum cf_part part)
{
	const char *name = strchr(full, '/') + 1, *dot = strrchr(full, '.');
	struct cf_weight *x;
	enum det_err e;

	if ((e = det_grow(
		 &c->weight, &c->cap_weights, c->n_weights + 1, sizeof *c->weight)))
		return e;
	x = &c->weight[c->n_weights];
	*x = (struct cf_weight){ .shape = *shape };
	for (size_t i = 0; i < c->n_values; i++)
		if (c->value[i].part == part && c->value[i].layer &&
		    strlen(c->value[i].name) == (size_t)(dot - name) &&
		    strncmp(c->value[i].name, name, (size_t)(dot - name)) == 0)
			x->v = &c->value[i];
	if (!x->v)
		return det_fail(
		    DET_INVALID, "%s: weight '%s' belongs to no layer", c->file, full);
	for (int i = 0; i < shape->rank; i++)
		if (shape->dims[i] == 0)
			return det_fail(DET_UNSUPPORTED,
			    "%s:%zu: layer '%s': the size of its input is not known",
			    c->file, x->v->layer->f->line, x->v->layer->name);
	if ((e = det_strdup(&x->name, full)))
		return e;
	x->suffix = x->name + (dot + 1 - full);
	c->n_weights++;
	return DET_OK;
}

enum det_err
cf_weights_list(struct det_caffe *c)
{
	struct det_tensor shape;
	struct det_net *net;
	const char *name;
	enum det_err e = DET_OK;

	for (int part = 0; !e && part < CF_PARTS; part++) {
		if (!c->net[part].len)
			continue;
		e = det_net_parse(&net, c->net[part].text, c->net[part].len, c->file);
		if (e)
			return det_fail_in(e, "as a network text");
		for (size_t i = 0; !e && (name = det_net_weight(net, i, &shape)); i++)
			e = add_weight(c, name, &shape, (enum cf_part)part);
		det_net_free(net);
	}
	return e;
}

/* LAYER.role, the layer's name as it is or with dots for slashes. */
static struct det_source_tensor *
find(const struct det_source *s, const struct cf_layer *l, const char *role)
{
	char name[300];
	struct det_source_tensor *t;

	(void)snprintf(name, sizeof name, "%s.%s", l->name, role);
	if ((t = det_source_find(s, name)))
		return t;
	for (char *p = name; *p; p++)
		if (*p == '/')
			*p = '.';
	return det_source_find(s, name);
}

/* The layer whose blob a weight is, and whether it can be done without. */
static const struct cf_layer *
layer_of(int *optional, const struct cf_weight *x)
{
	int bn = strcmp(x->v->op, "bn") == 0;

	*optional = 0;
	if (!bn || strcmp(x->suffix, "mean") == 0 || strcmp(x->suffix, "var") == 0)
		return x->v->layer;
	*optional =
	    !x->v->scale || (strcmp(x->suffix, "bias") == 0 && !x->v->scale_bias);
	return *optional ? NULL : x->v->scale;
}

/* Of a weight that the source was held against: the product fits. */
static size_t
count_of(const struct det_tensor *t)
{
	size_t n = 1;

	for (int i = 0; i < t->rank; i++)
		n *= t->dims[i];
	return n;
}

/* The first dim that is not 1. */
static size_t
lead(const size_t *dims, int rank)
{
	for (int i = 0; i < rank; i++)
		if (dims[i] != 1)
			return dims[i];
	return 1;
}

static enum det_err
check_shape(const struct det_caffe *c, const struct cf_weight *x)
{
	const struct det_source_tensor *t = x->from;
	struct det_tensor have = { DET_F32, t->rank, { 0 }, NULL };
	size_t want = count_of(&x->shape), n = det_source_count(t),
	       first = x->v->transposed && x->shape.rank == 2 ? x->shape.dims[1]
							      : x->shape.dims[0];
	char a[100], b[100];

	if (x->v->shared_scale && n == 1)
		return DET_OK;
	if (n == want && (lead(t->dims, t->rank) == first || first == 1))
		return DET_OK;
	memcpy(have.dims, t->dims, sizeof have.dims);
	return det_fail(DET_INVALID,
	    "%s:%zu: layer '%s' (%s) wants a %s of %s, %s has %s", c->file,
	    x->v->layer->f->line, x->v->layer->name, x->v->layer->type, x->suffix,
	    det_shape_text(a, sizeof a, &x->shape), c->weights_file,
	    det_shape_text(b, sizeof b, &have));
}

static enum det_err
bind(struct cf_weight *x, struct det_source *s, const struct det_caffe *c,
    struct det_buf *missing, size_t *n_missing)
{
	int optional;
	const struct cf_layer *l = layer_of(&optional, x);
	struct det_source_tensor *t, *factor;

	if (!l)
		return DET_OK;
	if (!(t = find(s, l, x->suffix))) {
		++*n_missing;
		return *n_missing > 10
			   ? DET_OK
			   : det_buf_printf(missing, "%s %s.%s",
				 *n_missing > 1 ? "," : "", l->name, x->suffix);
	}
	t->used = 1;
	x->from = t;
	if (strcmp(x->v->op, "bn") == 0 && l == x->v->layer &&
	    (factor = find(s, l, "factor"))) {
		factor->used = 1;
		x->factor = factor;
	}
	return check_shape(c, x);
}

enum det_err
det_caffe_load(
    struct det_caffe *c, struct det_source *s, const char *file, struct det_buf *notes)
{
	struct det_buf missing = { 0 };
	size_t n = 0;
	const char *slash = strrchr(file, '/');
	enum det_err e = DET_OK;

	free(c->weights_file);
	c->weights_file = NULL;
	if ((e = det_strdup(&c->weights_file, file)))
		return e;
	for (size_t i = 0; !e && i < c->n_weights; i++)
		e = bind(&c->weight[i], s, c, &missing, &n);
	if (!e && n)
		e = det_fail(DET_INVALID, "%s lacks what %s wants:%s%s", file, c->file,
		    missing.text, n > 10 ? ", ..." : "");
	det_buf_free(&missing);
	for (size_t i = 0; !e && i < s->n; i++)
		if (!s->t[i].used)
			e = det_buf_printf(notes, "%s: '%s' is not used by %s\n", file,
			    s->t[i].name, c->file);
	return e ? e
		 : det_buf_printf(&c->meta, "weights=%s\n", slash ? slash + 1 : file);
}

/* Mean and variance are sums of BatchNorm's moving average: over its factor. */
static enum det_err
divide(float *v, size_t n, const struct det_source_tensor *factor)
{
	float f;
	enum det_err e;

	if (det_source_count(factor) != 1)
		return det_fail(DET_INVALID, "'%s': one number expected", factor->name);
	if ((e = det_source_read(&f, factor)))
		return e;
	f = f < 0 || f > 0 ? 1 / f : 0;
	for (size_t i = 0; i < n; i++)
		v[i] *= f;
	return DET_OK;
}

/* v (rows, cols) in place of (cols, rows). */
static enum det_err
transpose(float **v, size_t rows, size_t cols)
{
	float *out;
	enum det_err e;

	if ((e = det_alloc(&out, rows * cols, sizeof *out)))
		return e;
	for (size_t r = 0; r < rows; r++)
		for (size_t k = 0; k < cols; k++)
			out[r * cols + k] = (*v)[k * rows + r];
	free(*v);
	*v = out;
	return DET_OK;
}

static enum det_err
values(float **v, const struct cf_weight *x)
{
	size_t n = count_of(&x->shape);
	int one = x->from && x->v->shared_scale && det_source_count(x->from) == 1;
	enum det_err e = DET_OK;

	if (!x->from)
		for (size_t i = 0; i < n; i++)
			(*v)[i] = strcmp(x->suffix, "weight") == 0;
	else
		e = det_source_read(*v, x->from);
	for (size_t i = 1; !e && one && i < n; i++)
		(*v)[i] = (*v)[0];
	if (!e && x->factor)
		e = divide(*v, n, x->factor);
	if (!e && x->v->transposed && x->shape.rank == 2)
		e = transpose(v, x->shape.dims[0], x->shape.dims[1]);
	return e;
}

enum det_err
det_caffe_write(struct det_writer *w, const struct det_caffe *c)
{
	enum det_err e = cf_texts_write(w, c);

	for (size_t i = 0; !e && i < c->n_weights; i++) {
		struct det_tensor t = c->weight[i].shape;
		float *v;

		if ((e = det_alloc(&v, count_of(&t), sizeof *v)))
			return e;
		t.dtype = DET_F32;
		if (!(e = values(&v, &c->weight[i]))) {
			t.data = v;
			e = det_writer_tensor(w, c->weight[i].name, &t, NULL);
		} else if (c->weights_file)
			e = det_fail_in(e, "%s", c->weights_file);
		free(v);
	}
	return e;
}
