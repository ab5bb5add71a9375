/* SPDX-License-Identifier: MIT */
#include "stream/recipe.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "stream/boxes.h"
#include "stream/element.h"

static enum det_err
print_value(struct det_buf *out, const char *v)
{
	enum det_err e;

	if (*v && !strpbrk(v, " \t\r\n\"\\"))
		return det_buf_printf(out, "%s", v);
	e = det_buf_add(out, "\"", 1);
	for (; !e && *v; v++)
		switch (*v) {
		case '\n': e = det_buf_add(out, "\\n", 2); break;
		case '\r': e = det_buf_add(out, "\\r", 2); break;
		case '"': e = det_buf_add(out, "\\\"", 2); break;
		case '\\': e = det_buf_add(out, "\\\\", 2); break;
		default: e = det_buf_add(out, v, 1); break;
		}
	return e ? e : det_buf_add(out, "\"", 1);
}

static enum det_err
print_attrs(struct det_buf *out, const struct det_attrs *a)
{
	size_t at = 0;
	char *key, *value;
	enum det_err e;

	while (!(e = det_attr_next(a, &at, &key, &value)) && key) {
		e = det_buf_printf(out, " %s=", key);
		if (!e)
			e = print_value(out, value);
		free(key);
		free(value);
		if (e)
			return e;
	}
	return e ? e : det_buf_add(out, "\n", 1);
}

static enum det_err
print_tensor(struct det_buf *out, const struct det_record *r)
{
	const struct det_tensor *t = &r->tensor;
	size_t n, row = t->rank ? t->dims[t->rank - 1] : 1;
	char num[32];
	enum det_err e;

	if ((e = det_tensor_count(&n, t)))
		return e;
	if (row == 0 || row > 32)
		row = 32;
	for (size_t i = 0; !e && i < n; i++)
		e = det_buf_printf(out, "%s %s%s", i % row ? "" : " ",
		    det_element_text(num, t, i),
		    i % row == row - 1 || i == n - 1 ? "\n" : "");
	return e;
}

static enum det_err
print_boxes(struct det_buf *out, const struct det_record *r)
{
	const unsigned char *p = r->tensor.data;
	char num[32];
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < r->size / DET_BOX_SIZE; i++, p += DET_BOX_SIZE) {
		for (int k = 0; !e && k < 5; k++)
			e = det_buf_printf(out, "%s %s", k ? "" : " ",
			    det_double_text(num, det_lef64(p + 8 * k)));
		if (!e)
			e = det_buf_printf(out, " %d %u %d %s\n",
			    (int32_t)det_le32(p + 48), det_le32(p + 52),
			    (int32_t)det_le32(p + 56),
			    det_double_text(num, det_lef64(p + 40)));
	}
	return e;
}

/* Whether bytes can be printed as "| lines": ends with LF, no CR, NUL or other control. */
static int
is_text(const unsigned char *p, size_t n)
{
	if (n == 0 || p[n - 1] != '\n')
		return 0;
	for (size_t i = 0; i < n; i++)
		if ((p[i] < 0x20 && p[i] != '\n' && p[i] != '\t') || p[i] == 0x7f)
			return 0;
	return 1;
}

static enum det_err
print_bytes(struct det_buf *out, const unsigned char *p, size_t n)
{
	size_t at = 0, len;
	const char *line;
	enum det_err e = DET_OK;

	if (is_text(p, n)) {
		while (!e && det_line_next(&line, &len, (const char *)p, n, &at))
			e = det_buf_printf(out, "  | %.*s\n", (int)len, line);
		return e;
	}
	for (size_t i = 0; !e && i < n; i++)
		e = det_buf_printf(out, "%s %02x%s", i % 32 ? "" : "  hex", p[i],
		    i % 32 == 31 || i == n - 1 ? "\n" : "");
	return e;
}

enum det_err
det_recipe_print(struct det_buf *out, const struct det_record *r)
{
	char dims[192];
	enum det_err e;

	if ((e = det_buf_printf(out, "%s", det_kind_name(r->kind))))
		return e;
	if (r->kind == DET_TENSOR &&
	    (e = det_buf_printf(out, " %s %s", det_dtype_name(r->tensor.dtype),
		 det_shape_text(dims, sizeof dims, &r->tensor))))
		return e;
	if ((e = print_attrs(out, &r->attrs)))
		return e;
	if (r->size == 0)
		return DET_OK;
	if (r->kind == DET_TENSOR)
		return print_tensor(out, r);
	if (r->kind == DET_BOXES)
		return print_boxes(out, r);
	return print_bytes(out, r->tensor.data, r->size);
}
