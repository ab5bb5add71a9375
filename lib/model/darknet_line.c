/* SPDX-License-Identifier: MIT */
#include "model/darknet_line.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum det_err
dk_bad(const struct dk_making *m, enum det_err e, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return det_fail(e, "%s:%zu: [%s] (layer %zu): %s", m->d->cfg.file, m->s->line,
	    m->s->name, m->index, text);
}

/* Names the layer "conv12" and opens its line. */
enum det_err
dk_begin(struct dk_making *m, const char *prefix, const char *op)
{
	(void)snprintf(m->l->name, sizeof m->l->name, "%s%zu", prefix, m->index);
	return det_buf_printf(&m->d->net, "%s = %s(%s)", m->l->name, op, m->in);
}

enum det_err
dk_key(struct dk_making *m, const char *name, long v, long def)
{
	return v == def ? DET_OK : det_buf_printf(&m->d->net, " %s=%ld", name, v);
}

enum det_err
dk_real_key(struct dk_making *m, const char *name, double v)
{
	char text[32];

	return det_buf_printf(&m->d->net, " %s=%s", name, det_double_text(text, v));
}

enum det_err
dk_end(struct dk_making *m)
{
	return det_buf_add(&m->d->net, "\n", 1);
}

enum det_err
dk_get(long *v, const struct dk_making *m, const char *name, long def, long lo, long hi)
{
	return dk_long(v, &m->d->cfg, m->s, name, def, lo, hi);
}

/* " act=leaky"; nothing for linear. */
enum det_err
dk_activation(struct dk_making *m, const char *def)
{
	static const char *const names[][2] = {
		{ "linear", "" },
		{ "leaky", " act=leaky" },
		{ "relu", " act=relu" },
		{ "relu6", " act=relu6" },
		{ "logistic", " act=sigmoid" },
		{ "mish", " act=mish" },
		{ "swish", " act=silu" },
		{ "relie", " act=leaky alpha=0.01" },
	};
	const struct dk_option *o = dk_find(m->s, "activation");
	const char *v = o ? o->value : def;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(v, names[i][0]) == 0)
			return det_buf_printf(&m->d->net, "%s", names[i][1]);
	return det_fail(DET_UNSUPPORTED,
	    "%s:%zu: activation '%.40s': linear, leaky, relu, relu6, logistic, mish, "
	    "swish or relie expected",
	    m->d->cfg.file, o ? o->line : m->s->line, v);
}

/* Out size of a window over a side; 0 is an error the caller reports. */
size_t
dk_steps(size_t side, size_t pads, size_t size, size_t stride)
{
	return side + pads < size ? 0 : (side + pads - size) / stride + 1;
}

enum det_err
dk_set_shape(struct dk_making *m, size_t c, size_t h, size_t w)
{
	if (!c || !h || !w)
		return dk_bad(m, DET_INVALID,
		    "nothing is left of an input of %zux%zux%zu", m->c, m->h, m->w);
	if (c > DK_MAX_CHAN || h > DK_MAX_SIDE || w > DK_MAX_SIDE)
		return dk_bad(m, DET_LIMIT, "an output of %zux%zux%zu", c, h, w);
	m->l->c = c;
	m->l->h = h;
	m->l->w = w;
	return DET_OK;
}

enum det_err
dk_add_weight(struct dk_making *m, const char *suffix, enum dk_role role, int rank,
    const size_t *dims, struct dk_weight **out)
{
	struct det_darknet *d = m->d;
	struct dk_weight *x;
	enum det_err e;

	if ((e = det_grow(
		 &d->weight, &d->cap_weights, d->n_weights + 1, sizeof *d->weight)))
		return e;
	x = &d->weight[d->n_weights];
	*x = (struct dk_weight){ .layer = m->index, .role = role, .rank = rank };
	(void)snprintf(x->name, sizeof x->name, "backbone/%s.%s", m->l->name, suffix);
	x->count = 1;
	for (int i = 0; i < rank; i++) {
		x->dims[i] = dims[i];
		if ((e = det_mul(&x->count, x->count, dims[i])))
			return e;
	}
	if (x->count > ((size_t)1 << 32))
		return dk_bad(m, DET_LIMIT, "%zu weights", x->count);
	if ((e = det_add(&d->floats, d->floats, x->count)))
		return e;
	d->n_weights++;
	if (out)
		*out = x;
	return DET_OK;
}

/* scales, mean and variance, as they follow each other in the file. */
enum det_err
dk_add_norm(struct dk_making *m, const char *prefix, size_t n)
{
	static const struct {
		const char *suffix;
		enum dk_role role;
	} parts[] = {
		{ "weight", DK_BN_WEIGHT },
		{ "mean", DK_BN_MEAN },
		{ "var", DK_BN_VAR },
	};
	char name[32];
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < 3; i++) {
		(void)snprintf(name, sizeof name, "%s%s", prefix, parts[i].suffix);
		e = dk_add_weight(m, name, parts[i].role, 1, &n, NULL);
	}
	return e;
}

/* Stride of a window: `stride`, or the fork's stride_x and stride_y. */
enum det_err
dk_get_stride(long *y, long *x, const struct dk_making *m, long hi)
{
	long both;
	enum det_err e;

	if ((e = dk_get(&both, m, "stride", 1, 1, hi)) ||
	    (e = dk_get(y, m, "stride_y", both, 1, hi)))
		return e;
	return dk_get(x, m, "stride_x", both, 1, hi);
}

enum det_err
dk_stride_key(struct dk_making *m, long y, long x)
{
	if (y == x)
		return dk_key(m, "stride", y, 1);
	return det_buf_printf(&m->d->net, " stride=%ld,%ld", y, x);
}
