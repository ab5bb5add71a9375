/* SPDX-License-Identifier: MIT */
#include "model/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/net.h"

/* "62,001,757" into buf. */
static const char *
grouped(char *buf, size_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%zu", n), k = 0;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf[k++] = ',';
		buf[k++] = digits[i];
	}
	buf[k] = 0;
	return buf;
}

/* Length of "backbone/conv0" in "backbone/conv0.bn.mean". */
static size_t
stem(const char *name)
{
	static const char *const suffixes[] = { ".bn.weight", ".bn.bias", ".bn.mean",
		".bn.var", ".weight", ".bias", ".mean", ".var" };
	size_t n = strlen(name), k;

	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		k = strlen(suffixes[i]);
		if (n > k && strcmp(name + n - k, suffixes[i]) == 0)
			return n - k;
	}
	return n;
}

/* A layer's tensors lie together: one line with the shape of its largest. */
struct layer {
	char name[256], shape[96];
	size_t largest, count;
};

static enum det_err
put_layer(struct det_buf *out, struct layer *l)
{
	char n[32];
	enum det_err e = DET_OK;

	if (l->count)
		e = det_buf_printf(out, "  %-28s %-20s %14s\n", l->name, l->shape,
		    grouped(n, l->count));
	l->count = l->largest = 0;
	return e;
}

static enum det_err
put_layers(struct det_buf *out, const struct det_model *m, size_t *total)
{
	struct det_record r;
	struct layer l = { 0 };
	enum det_err e;

	*total = 0;
	for (size_t i = 0; det_model_record(m, i, &r); i++) {
		const char *name = det_record_name(&r);
		size_t n, k = stem(name);

		if (r.kind != DET_TENSOR)
			continue;
		if ((e = det_tensor_count(&n, &r.tensor)))
			return e;
		if ((strlen(l.name) != k || memcmp(l.name, name, k) != 0) &&
		    (e = put_layer(out, &l)))
			return e;
		(void)snprintf(l.name, sizeof l.name, "%.*s", (int)k, name);
		if (n > l.largest || !l.count) {
			l.largest = n;
			(void)det_shape_text(l.shape, sizeof l.shape, &r.tensor);
		}
		l.count += n;
		*total += n;
	}
	return put_layer(out, &l);
}

static enum det_err
put_net(struct det_buf *out, const char *name, const char *text, size_t len)
{
	struct det_net *net;
	struct det_tensor t;
	char shape[96];
	enum det_err e;

	if ((e = det_net_parse(&net, text, len, name)))
		return e;
	e = det_buf_printf(out, "%s:", name);
	for (size_t i = 0; !e && i < det_net_inputs(net); i++) {
		const char *in = det_net_input(net, i, &t);

		/* without the batch, which is the caller's */
		memmove(t.dims, t.dims + 1, (size_t)--t.rank * sizeof *t.dims);
		e = det_buf_printf(
		    out, " %s %s", in, det_shape_text(shape, sizeof shape, &t));
	}
	if (!e)
		e = det_buf_printf(out, " ->");
	for (size_t i = 0; !e && i < det_net_outputs(net); i++)
		e = det_buf_printf(out, " %s", det_net_output(net, i));
	if (!e)
		e = det_buf_add(out, "\n", 1);
	det_net_free(net);
	return e;
}

/* A text on one line, its lines parted by `by`. */
static enum det_err
put_joined(
    struct det_buf *out, const char *name, const char *text, size_t len, const char *by)
{
	const char *line;
	size_t at = 0, n;
	int some = 0;
	enum det_err e = det_buf_printf(out, "%s:", name);

	while (!e && det_line_next(&line, &n, text, len, &at)) {
		if (n)
			e = det_buf_printf(
			    out, "%s%.*s", some ? by : " ", (int)n, line);
		some |= n > 0;
	}
	return e ? e : det_buf_add(out, "\n", 1);
}

static enum det_err
put_classes(struct det_buf *out, const struct det_classes *c)
{
	enum det_err e = det_buf_printf(out, "classes: %zu", c->n);

	for (size_t i = 0; !e && i < c->n && i < 6; i++)
		e = det_buf_printf(out, "%s %s", i ? "," : ":", c->name[i]);
	return e ? e : det_buf_printf(out, "%s\n", c->n > 6 ? ", ..." : "");
}

static enum det_err
put_history(struct det_buf *out, const struct det_model *m)
{
	struct det_record r;
	size_t at = 0;
	char *key, *value;
	enum det_err e = DET_OK;

	if (!det_model_record(m, 0, &r))
		return DET_OK;
	while (!e && !(e = det_attr_next(&r.attrs, &at, &key, &value)) && key) {
		det_text_clean(value, strlen(value), 0);
		if (strcmp(key, "history") == 0)
			e = det_buf_printf(out, "made by: %s\n", value);
		free(key);
		free(value);
	}
	return e;
}

/* Texts whose lines are statements. */
static int
is_table(const char *name)
{
	return strcmp(name, "decode") == 0 || strcmp(name, "propose") == 0 ||
	       strcmp(name, "anchors") == 0 || strncmp(name, "plan/", 5) == 0;
}

enum det_err
det_model_list(struct det_buf *out, const struct det_model *m)
{
	struct det_record r;
	size_t total, begin = out->len;
	char n[32];
	enum det_err e;

	if ((e = det_buf_printf(out, "model: %s\n", det_model_digest(m))) ||
	    (e = put_history(out, m)) || (e = put_classes(out, det_model_classes(m))))
		return e;
	for (size_t i = 0; det_model_record(m, i, &r); i++) {
		const char *name = det_record_name(&r);

		if (r.kind != DET_TEXT)
			continue;
		e = strncmp(name, "net/", 4) == 0
			? put_net(out, name, r.tensor.data, r.size)
			: put_joined(out, name, r.tensor.data, r.size,
			      strcmp(name, "pipeline") == 0 ? " | "
			      : is_table(name)              ? "\n        "
							    : " ");
		if (e)
			return e;
	}
	if ((e = det_buf_printf(out, "weights:\n")) || (e = put_layers(out, m, &total)))
		return e;
	e = det_buf_printf(out, "  %-28s %-20s %14s\n", "total", "", grouped(n, total));
	if (!e)
		det_text_clean(out->text + begin, out->len - begin, 1);
	return e;
}

enum det_err
det_model_tsv(struct det_buf *out, const struct det_model *m)
{
	struct det_record r;
	char shape[96];
	size_t n;
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && det_model_record(m, i, &r); i++) {
		const char *name = det_record_name(&r);

		if (r.kind != DET_TENSOR) {
			e = det_buf_printf(out, "%s\t%s\t-\t-\t-\t%zu\n",
			    det_kind_name(r.kind), *name ? name : "-", r.size);
			continue;
		}
		if ((e = det_tensor_count(&n, &r.tensor)))
			return e;
		e = det_buf_printf(out, "%s\t%s\t%s\t%s\t%zu\t%zu\n",
		    det_kind_name(r.kind), name, det_dtype_name(r.tensor.dtype),
		    det_shape_text(shape, sizeof shape, &r.tensor), n, r.size);
	}
	return e;
}
