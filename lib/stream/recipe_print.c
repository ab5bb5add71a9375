/* SPDX-License-Identifier: MIT */
#include "stream/recipe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "stream/boxes.h"
#include "stream/element.h"

/* Control characters as escapes: what is printed must not drive a terminal. */
static enum det_err
print_char(struct det_buf *out, char c)
{
	switch (c) {
	case '\n': return det_buf_add(out, "\\n", 2);
	case '\r': return det_buf_add(out, "\\r", 2);
	case '\t': return det_buf_add(out, "\\t", 2);
	case '"': return det_buf_add(out, "\\\"", 2);
	case '\\': return det_buf_add(out, "\\\\", 2);
	default:
		if ((unsigned char)c < 0x20 || c == 0x7f)
			return det_buf_printf(out, "\\x%02x", (unsigned char)c);
		return det_buf_add(out, &c, 1);
	}
}

static int
plain(const char *v)
{
	for (; *v; v++)
		if ((unsigned char)*v <= ' ' || *v == 0x7f || *v == '"' || *v == '\\')
			return 0;
	return 1;
}

static enum det_err
print_value(struct det_buf *out, const char *v)
{
	enum det_err e;

	if (*v && plain(v))
		return det_buf_printf(out, "%s", v);
	e = det_buf_add(out, "\"", 1);
	for (; !e && *v; v++)
		e = print_char(out, *v);
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

/* Lines of `row` bytes in hex. */
static enum det_err
print_hex(struct det_buf *out, const unsigned char *p, size_t n, size_t row)
{
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < n; i++)
		e = det_buf_printf(out, "%s %02x%s", i % row ? "" : "  hex", p[i],
		    i % row == row - 1 || i == n - 1 ? "\n" : "");
	return e;
}

/* Whether all elements survive decimal text: the text "nan" stands for one NaN of many. */
static int
is_decimal(const struct det_tensor *t, size_t n)
{
	unsigned char again[8];
	size_t size = det_dtype_size(t->dtype);

	if (t->dtype == DET_I64)
		return 1;
	for (size_t i = 0; i < n; i++) {
		double v = det_element_get(t, i);

		if (!isnan(v))
			continue;
		if (det_element_put(again, t->dtype, 0, (double)NAN) ||
		    memcmp(again, (const char *)t->data + i * size, size) != 0)
			return 0;
	}
	return 1;
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
	if (!is_decimal(t, n))
		return print_hex(out, t->data, r->size, 32);
	if (row == 0 || row > 32)
		row = 32;
	for (size_t i = 0; !e && i < n; i++)
		e = det_buf_printf(out, "%s %s%s", i % row ? "" : " ",
		    det_element_text(num, t, i),
		    i % row == row - 1 || i == n - 1 ? "\n" : "");
	return e;
}

/* Whether a box is one that the decimal form can give. */
static int
is_plain_box(const unsigned char *p)
{
	for (int i = 0; i < 6; i++)
		if (isnan(det_lef64(p + 8 * i)))
			return 0;
	return (int32_t)det_le32(p + 48) >= -1 && (int32_t)det_le32(p + 52) >= 0 &&
	       (int32_t)det_le32(p + 56) >= -1 && !det_le32(p + 60);
}

static enum det_err
print_boxes(struct det_buf *out, const struct det_record *r)
{
	const unsigned char *p = r->tensor.data;
	char num[32];
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < r->size / DET_BOX_SIZE; i++, p += DET_BOX_SIZE) {
		if (!is_plain_box(p)) {
			e = print_hex(out, p, DET_BOX_SIZE, DET_BOX_SIZE);
			continue;
		}
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
			if (!(e = det_buf_add(out, "  | ", 4)) &&
			    !(e = det_buf_add(out, line, len)))
				e = det_buf_add(out, "\n", 1);
		return e;
	}
	return print_hex(out, p, n, 32);
}

/* What the builder would not write by itself: a payload without its check, a newer minor
 * version, an unknown kind's shape. */
static enum det_err
print_head(struct det_buf *out, const struct det_record *r)
{
	enum det_err e = DET_OK;

	if (r->size && !(r->flags & DET_HAS_CRC))
		e = det_buf_printf(out, "!head flags 0\n!head crc 0\n");
	if (!e && r->minor != DET_STREAM_MINOR)
		e = det_buf_printf(out, "!head minor %u\n", r->minor);
	if (e || r->kind == DET_TENSOR)
		return e;
	if (r->tensor.dtype != DET_NONE)
		e = det_buf_printf(out, "!head dtype %d\n", (int)r->tensor.dtype);
	if (!e && r->tensor.rank)
		e = det_buf_printf(out, "!head rank %d\n", r->tensor.rank);
	for (int i = 0; !e && i < r->tensor.rank; i++)
		e = det_buf_printf(out, "!head dim%d %zu\n", i, r->tensor.dims[i]);
	return e;
}

static enum det_err
print_payload(struct det_buf *out, const struct det_record *r)
{
	if (r->size == 0)
		return DET_OK;
	if (r->kind == DET_TENSOR)
		return print_tensor(out, r);
	if (r->kind == DET_BOXES)
		return print_boxes(out, r);
	return print_bytes(out, r->tensor.data, r->size);
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
	if ((e = print_attrs(out, &r->attrs)) || (e = print_payload(out, r)))
		return e;
	return print_head(out, r);
}
