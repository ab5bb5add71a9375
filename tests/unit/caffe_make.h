/* SPDX-License-Identifier: MIT
 *
 * A caffemodel for a prototxt, its numbers a function of the layer's name, so that another
 * program can be given the same ones: for test_caffe.c and tests/oracle/caffe_gold.py.
 */
#ifndef DET_CAFFE_MAKE_H
#define DET_CAFFE_MAKE_H

#include <math.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "caffe/caffe_net.h"
#include "caffe/caffemodel.h"

/* How a file is written. */
enum make_form {
	MAKE_V2 = 0,
	MAKE_V1 = 1,       /* `layers`, types as numbers */
	MAKE_OLD_DIMS = 2, /* num channels height width */
	MAKE_UNPACKED = 4, /* a field for each number */
	MAKE_DOUBLE = 8,
};

static inline void
make_add(struct det_buf *b, const void *bytes, size_t n)
{
	if (det_buf_add(b, bytes, n))
		abort();
}

static inline void
make_varint(struct det_buf *b, uint64_t v)
{
	unsigned char c;

	for (; v >= 0x80; v >>= 7) {
		c = (unsigned char)(v | 0x80);
		make_add(b, &c, 1);
	}
	c = (unsigned char)v;
	make_add(b, &c, 1);
}

static inline void
make_number(struct det_buf *b, unsigned field, uint64_t v)
{
	make_varint(b, field << 3);
	make_varint(b, v);
}

static inline void
make_bytes(struct det_buf *b, unsigned field, const void *p, size_t n)
{
	make_varint(b, field << 3 | 2);
	make_varint(b, n);
	make_add(b, p, n);
}

/* Ends a message that was gathered in m. */
static inline void
make_message(struct det_buf *b, unsigned field, struct det_buf *m)
{
	make_bytes(b, field, m->text ? m->text : "", m->len);
	det_buf_free(m);
}

/* The i-th of the numbers that a name stands for, in [-.5, .5). */
static inline double
make_uniform(const char *name, size_t i)
{
	uint32_t x = 2166136261u;

	for (; *name; name++)
		x = (x ^ (unsigned char)*name) * 16777619u;
	x += (uint32_t)i * 2654435761u;
	x = (x ^ x >> 15) * 2246822519u;
	x ^= x >> 13;
	return x / 4294967296. - .5;
}

/* The value of a blob as the network means it. */
static inline float
make_value(const char *layer, const char *type, const char *role, size_t fan, size_t i)
{
	char name[300];
	double u;

	(void)snprintf(name, sizeof name, "%s.%s", layer, role);
	u = make_uniform(name, i);
	if (strcmp(role, "var") == 0)
		return (float)(1 + u);
	if (strcmp(role, "weight") != 0)
		return (float)(.2 * u);
	if (strcmp(type, "Scale") == 0)
		return (float)(1 + .5 * u);
	if (strcmp(type, "Normalize") == 0)
		return (float)(10 * (1 + u));
	return (float)(u * sqrt(24. / (double)fan));
}

static inline void
make_blob(struct det_buf *layer, int form, const struct cf_layer *l, const char *role,
    const struct det_tensor *shape)
{
	struct det_buf b = { 0 }, s = { 0 }, data = { 0 };
	size_t n = 1, fan;
	unsigned field = form & MAKE_DOUBLE ? 8 : 5;
	int old = form & (MAKE_OLD_DIMS | MAKE_V1);
	float factor = strcmp(l->type, "BatchNorm") == 0 ? 4 : 1;

	for (int i = 0; i < shape->rank; i++)
		n *= shape->dims[i];
	fan = shape->rank ? n / shape->dims[0] : 1;
	for (int i = 0; old && i < 4; i++)
		make_number(&b, (unsigned)i + 1,
		    i < 4 - shape->rank ? 1 : shape->dims[i - (4 - shape->rank)]);
	for (int i = 0; i < shape->rank; i++)
		make_varint(&s, shape->dims[i]);
	if (!old) {
		struct det_buf m = { 0 };

		make_bytes(&m, 1, s.text ? s.text : "", s.len);
		make_message(&b, 7, &m);
	}
	det_buf_free(&s);
	for (size_t i = 0; i < n; i++) {
		float v = strcmp(role, "factor") == 0
			      ? factor
			      : factor * make_value(l->name, l->type, role, fan, i);
		unsigned char raw[8];
		size_t size = form & MAKE_DOUBLE ? 8 : 4;
		uint32_t u;

		memcpy(&u, &v, 4);
		if (form & MAKE_DOUBLE)
			det_putf64(raw, (double)v);
		else
			det_put32(raw, u);
		if (form & MAKE_UNPACKED)
			make_varint(&data, field << 3 | (size == 8 ? 1u : 5u));
		make_add(&data, raw, size);
	}
	if (form & MAKE_UNPACKED) {
		make_add(&b, data.text, data.len);
		det_buf_free(&data);
	} else {
		make_message(&b, field, &data);
	}
	make_message(layer, form & MAKE_V1 ? 6 : 7, &b);
}

/* The shape of a layer's blob, from the weights that the network wants of it. */
static inline int
make_shape(struct det_tensor *out, const struct det_caffe *c, const struct cf_layer *l,
    const char *role)
{
	for (size_t i = 0; i < c->n_weights; i++) {
		const struct cf_weight *x = &c->weight[i];
		int scale = x->v->scale == l;

		if ((x->v->layer != l && !scale) || strcmp(x->suffix, role) != 0)
			continue;
		if (!scale && strcmp(l->type, "BatchNorm") == 0 &&
		    strcmp(role, "mean") != 0 && strcmp(role, "var") != 0)
			continue;
		if (scale && strcmp(role, "bias") == 0 && !x->v->scale_bias)
			continue;
		*out = x->shape;
		return 1;
	}
	*out = (struct det_tensor){ DET_F32, 1, { 1 }, NULL };
	return strcmp(role, "factor") == 0;
}

static inline long
make_type(const char *type)
{
	for (long i = 0; i < 64; i++)
		if (det_caffe_type(i) && strcmp(det_caffe_type(i), type) == 0)
			return i;
	return 0;
}

/* Appends the file. */
static inline void
make_caffemodel(struct det_buf *out, const struct det_caffe *c, int form)
{
	int v1 = form & MAKE_V1;

	make_bytes(out, 1, c->net_name, strlen(c->net_name));
	for (size_t i = 0; i < c->n_layers; i++) {
		const struct cf_layer *l = &c->layer[i];
		struct det_buf b = { 0 };
		struct det_tensor shape;

		make_bytes(&b, v1 ? 4 : 1, l->name, strlen(l->name));
		if (v1)
			make_number(&b, 5, (uint64_t)make_type(l->type));
		else
			make_bytes(&b, 2, l->type, strlen(l->type));
		for (size_t k = 0; k < 3 && det_caffe_role(l->type, k); k++)
			if (make_shape(&shape, c, l, det_caffe_role(l->type, k)))
				make_blob(
				    &b, form, l, det_caffe_role(l->type, k), &shape);
		make_message(out, v1 ? 2 : 100, &b);
	}
}

/* The input that the golden outputs were computed of. */
static inline void
make_image(float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = (float)(2 * make_uniform("image", i));
}

#endif
