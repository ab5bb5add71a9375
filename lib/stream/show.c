/* SPDX-License-Identifier: MIT */
#include "stream/show.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stream/boxes.h"
#include "stream/element.h"
#include "stream/item.h"

/* Attributes besides the name as "key=value key=value"; control characters never. */
static enum det_err
rest(struct det_buf *out, const struct det_record *r, const char *between)
{
	size_t at = 0;
	char *key, *value;
	enum det_err e;
	int first = 1;

	while (!(e = det_attr_next(&r->attrs, &at, &key, &value)) && key) {
		det_text_clean(value, strlen(value), 0);
		if (strcmp(key, "name") != 0) {
			e = det_buf_printf(
			    out, "%s%s=%s", first ? "" : between, key, value);
			first = 0;
		}
		free(key);
		free(value);
		if (e)
			return e;
	}
	return e;
}

static enum det_err
line_tsv(struct det_buf *out, const struct det_record *r)
{
	char dims[192];
	int tensor = r->kind == DET_TENSOR;
	enum det_err e;

	if ((e = det_buf_printf(out, "%s\t%s\t%s\t%s\t%zu\t%llu\t",
		 det_kind_name(r->kind), det_record_name(r),
		 tensor ? det_dtype_name(r->tensor.dtype) : "",
		 tensor ? det_shape_text(dims, sizeof dims, &r->tensor) : "", r->size,
		 (unsigned long long)r->offset)) ||
	    (e = rest(out, r, " ")))
		return e;
	return det_buf_add(out, "\n", 1);
}

static enum det_err
line_item(struct det_buf *out, const struct det_record *r)
{
	struct det_item it = { 0 };
	enum det_err e = det_item_read(&it, r);

	if (!e) {
		det_text_clean(it.path, strlen(it.path), 0);
		if (it.error)
			det_text_clean(it.error, strlen(it.error), 0);
		e = det_buf_printf(out, "ITEM  %ld '%s'", it.id, it.path);
	}
	if (!e && it.error)
		e = det_buf_printf(out, "  BAD: %s", it.error);
	if (!e && it.width)
		e = det_buf_printf(out, "  %ldx%ld", it.width, it.height);
	if (!e && it.orientation > 1)
		e = det_buf_printf(out, " (orientation %ld undone)", it.orientation);
	if (!e && it.in_w)
		e = det_buf_printf(out, " -> %ldx%ld", it.in_w, it.in_h);
	det_item_release(&it);
	return e ? e : det_buf_add(out, "\n", 1);
}

enum det_err
det_show_line(struct det_buf *out, const struct det_record *r, int tsv)
{
	char dims[192];
	enum det_err e;

	if (tsv)
		return line_tsv(out, r);
	switch (r->kind) {
	case DET_ITEM: return line_item(out, r);
	case DET_TENSOR:
		e = det_buf_printf(out, "TENS  %s  %s %s", det_record_name(r),
		    det_dtype_name(r->tensor.dtype),
		    det_shape_text(dims, sizeof dims, &r->tensor));
		break;
	case DET_BOXES:
		e = det_buf_printf(out, "BOXS  %s  %zu box%s", det_record_name(r),
		    r->size / DET_BOX_SIZE, r->size == DET_BOX_SIZE ? "" : "es");
		break;
	case DET_TEXT:
		e = det_buf_printf(
		    out, "TEXT  %s  %zu bytes", det_record_name(r), r->size);
		break;
	case DET_STREAM: e = det_buf_printf(out, "STRM"); break;
	case DET_END: e = det_buf_printf(out, "END."); break;
	default:
		e = det_buf_printf(
		    out, "%s  unknown, %zu bytes", det_kind_name(r->kind), r->size);
	}
	if (e)
		return e;
	if ((r->kind == DET_STREAM || r->attrs.len) &&
	    ((e = det_buf_add(out, "  ", 2)) ||
		(e = rest(out, r, r->kind == DET_STREAM ? "\n      " : "  "))))
		return e;
	while (out->len && out->text[out->len - 1] == ' ')
		out->text[--out->len] = 0;
	return det_buf_add(out, "\n", 1);
}

enum det_err
det_show_stats(struct det_buf *out, const struct det_record *r, int tsv)
{
	double lo = INFINITY, hi = -INFINITY, sum = 0, squares = 0, mean, var;
	size_t n, finite = 0, zeros = 0;
	enum det_err e;

	if ((e = det_tensor_count(&n, &r->tensor)))
		return e;
	for (size_t i = 0; i < n; i++) {
		double v = det_element_get(&r->tensor, i);

		if (!isfinite(v))
			continue;
		finite++;
		zeros += v == 0;
		lo = v < lo ? v : lo;
		hi = v > hi ? v : hi;
		sum += v;
	}
	mean = finite ? sum / (double)finite : 0;
	for (size_t i = 0; i < n; i++) {
		double v = det_element_get(&r->tensor, i);

		if (isfinite(v))
			squares += (v - mean) * (v - mean);
	}
	var = finite ? squares / (double)finite : 0;
	if (!finite)
		lo = hi = 0;
	return det_buf_printf(out,
	    tsv ? "STAT\t%s\t%.9g\t%.9g\t%.9g\t%.9g\t%zu\t%zu\n"
		: "      %s: min %.6g  max %.6g  mean %.6g  sd %.6g  zeros %zu  not "
		  "finite %zu\n",
	    det_record_name(r), lo, hi, mean, sqrt(var), zeros, n - finite);
}

enum det_err
det_show_check(struct det_record *r)
{
	struct det_boxes boxes = { 0 };
	struct det_classes classes = { 0 };
	struct det_item item = { 0 };
	enum det_err e = det_record_load(r);

	if (!e && r->kind == DET_BOXES)
		e = det_boxes_read(&boxes, r);
	if (!e && r->kind == DET_STREAM)
		e = det_classes_parse(&classes, r->tensor.data, r->size);
	if (!e && r->kind == DET_ITEM)
		e = det_item_read(&item, r);
	det_boxes_release(&boxes);
	det_classes_release(&classes);
	det_item_release(&item);
	return e;
}
