/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "caffe/caffe_net.h"

enum det_err
cf_bad(const struct cf_work *w, enum det_err code, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return det_fail(code, "%s:%zu: layer '%s' (%s): %s", w->c->file, w->l->f->line,
	    w->l->name, w->l->type, text);
}

enum det_err
cf_params(struct cf_work *w, const char *name)
{
	return cf_message(&w->p, w->l->f, name);
}

enum det_err
cf_ends(
    const struct cf_work *w, size_t lo_in, size_t hi_in, size_t lo_out, size_t hi_out)
{
	const struct cf_layer *l = w->l;

	if (l->n_bottoms < lo_in || l->n_bottoms > hi_in)
		return cf_bad(w, DET_UNSUPPORTED,
		    "%zu to %zu bottoms expected, found %zu", lo_in, hi_in,
		    l->n_bottoms);
	if (l->n_tops < lo_out || l->n_tops > hi_out)
		return cf_bad(w, DET_UNSUPPORTED, "%zu to %zu tops expected, found %zu",
		    lo_out, hi_out, l->n_tops);
	return DET_OK;
}

struct cf_view *
cf_view_of(struct det_caffe *c, const char *blob)
{
	for (size_t i = c->n_views; i-- > 0;)
		if (strcmp(c->view[i].blob, blob) == 0)
			return &c->view[i];
	return NULL;
}

enum det_err
cf_bottom(struct cf_view **out, const struct cf_work *w, size_t i)
{
	*out = cf_view_of(w->c, w->l->bottom[i]);
	if (!*out)
		return cf_bad(w, DET_INVALID,
		    "bottom '%s' is no top of a layer before it", w->l->bottom[i]);
	(*out)->read = 1;
	return DET_OK;
}

enum det_err
cf_bottom_map(size_t *value, const struct cf_work *w, size_t i)
{
	static const char *const what[] = { "a map", "a permuted map", "permuted maps",
		"prior boxes", "pairs of scores", "pairs of scores", "im_info",
		"labels", "proposals", "detections" };
	struct cf_view *v;
	enum det_err e;

	if ((e = cf_bottom(&v, w, i)))
		return e;
	if (v->kind != CF_MAP)
		return cf_bad(w, DET_UNSUPPORTED,
		    "bottom '%s': a map expected, found %s", v->blob, what[v->kind]);
	*value = v->part[0];
	return DET_OK;
}

enum det_err
cf_view_add(struct cf_view **out, struct det_caffe *c, const char *blob,
    enum cf_kind_of_view kind)
{
	enum det_err e;

	if ((e = det_grow(&c->view, &c->cap_views, c->n_views + 1, sizeof *c->view)))
		return e;
	*out = &c->view[c->n_views++];
	**out = (struct cf_view){ .blob = blob, .kind = kind };
	return DET_OK;
}

enum det_err
cf_view_part(struct cf_view *v, size_t part)
{
	size_t cap = v->n;
	enum det_err e;

	/* grown by doubling only where n is a power of two */
	if ((v->n & (v->n - 1)) == 0 &&
	    (e = det_grow(&v->part, &cap, v->n ? 2 * v->n : 1, sizeof *v->part)))
		return e;
	v->part[v->n++] = part;
	return DET_OK;
}

enum det_err
cf_view_alias(struct det_caffe *c, const char *blob, const struct cf_view *of)
{
	size_t from = (size_t)(of - c->view);
	struct cf_view *v;
	enum det_err e;

	if ((e = cf_view_add(&v, c, blob, of->kind)))
		return e;
	of = &c->view[from];
	v->cols = of->cols;
	v->score = of->score;
	for (size_t i = 0; !e && i < of->n; i++)
		e = cf_view_part(v, of->part[i]);
	return e;
}

static int
name_taken(const struct det_caffe *c, const char *name)
{
	static const char *const words[] = { "net", "input", "output", "block",
		"return", "end" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i], name) == 0)
			return 1;
	for (size_t i = 0; i < c->n_values; i++)
		if (c->value[i].name && strcmp(c->value[i].name, name) == 0)
			return 1;
	return 0;
}

void
cf_clean_name(char out[200], const char *from)
{
	size_t n = 0;

	if (!isalnum((unsigned char)from[0]) && from[0] != '_')
		out[n++] = '_';
	for (; *from && n < 160; from++)
		out[n++] = isalnum((unsigned char)*from) || strchr("-_.", *from) ? *from
			   : *from == '/'                                        ? '.'
										 : '_';
	out[n] = 0;
}

/* One that is not taken. */
static enum det_err
net_name(char **out, const struct det_caffe *c, const char *from)
{
	char name[200];
	size_t n;

	cf_clean_name(name, from);
	n = strlen(name);
	for (size_t k = 2; name_taken(c, name); k++)
		(void)snprintf(name + n, sizeof name - n, "_%zu", k);
	return det_strdup(out, name);
}

enum det_err
cf_value_add(size_t *out, struct det_caffe *c, const char *name, const char *op,
    const struct cf_layer *l)
{
	struct cf_value *v;
	enum det_err e;

	if ((e = det_grow(
		 &c->value, &c->cap_values, c->n_values + 1, sizeof *c->value)))
		return e;
	v = &c->value[c->n_values];
	*v = (struct cf_value){ .op = op, .layer = l };
	if ((e = net_name(&v->name, c, name)))
		return e;
	*out = c->n_values++;
	return DET_OK;
}

enum det_err
cf_value_in(struct det_caffe *c, size_t value, size_t in)
{
	struct cf_value *v = &c->value[value];
	size_t cap = v->n_in;
	enum det_err e;

	if ((e = det_grow(&v->in, &cap, v->n_in + 1, sizeof *v->in)))
		return e;
	v->in[v->n_in++] = in;
	v->after_roi |= c->value[in].after_roi;
	return DET_OK;
}

enum det_err
cf_unary(size_t *out, struct cf_work *w, const char *op)
{
	struct cf_value *v;
	struct cf_view *top;
	size_t in;
	enum det_err e;

	if ((e = cf_ends(w, 1, 1, 1, 1)) || (e = cf_bottom_map(&in, w, 0)) ||
	    (e = cf_value_add(out, w->c, w->l->name, op, w->l)) ||
	    (e = cf_value_in(w->c, *out, in)) ||
	    (e = cf_view_add(&top, w->c, w->l->top[0], CF_MAP)) ||
	    (e = cf_view_part(top, *out)))
		return e;
	v = &w->c->value[*out];
	v->c = w->c->value[in].c;
	v->vector = w->c->value[in].vector;
	return DET_OK;
}

enum det_err
cf_key_long(struct cf_value *v, const char *key, long n, long def)
{
	return n == def ? DET_OK : det_buf_printf(&v->keys, " %s=%ld", key, n);
}

enum det_err
cf_key_double(struct cf_value *v, const char *key, double x, double def)
{
	char text[32];

	if (!(x < def) && !(x > def))
		return DET_OK;
	return det_buf_printf(&v->keys, " %s=%s", key, det_double_text(text, x));
}

int
cf_read_later(const struct det_caffe *c, size_t at, const char *blob)
{
	for (at++; at < c->n_layers; at++) {
		const struct cf_layer *l = &c->layer[at];

		for (size_t i = 0; i < l->n_bottoms; i++)
			if (strcmp(l->bottom[i], blob) == 0)
				return 1;
		for (size_t i = 0; i < l->n_tops; i++)
			if (strcmp(l->top[i], blob) == 0)
				return 0;
	}
	return 0;
}

void
cf_output(struct det_caffe *c, size_t value)
{
	c->value[value].output = 1;
}

int
cf_is_end(const struct det_caffe *c, size_t view)
{
	if (c->view[view].read)
		return 0;
	for (size_t i = view + 1; i < c->n_views; i++)
		if (strcmp(c->view[i].blob, c->view[view].blob) == 0)
			return 0;
	return 1;
}
