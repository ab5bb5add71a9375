/* SPDX-License-Identifier: MIT
 *
 * A model as a safetensors file. Tensors keep their names; what else a model holds goes
 * into __metadata__, whose values are strings:
 *
 *   format           pt: how other readers know that shapes are (out, in, h, w)
 *   det.model        1, the version of this layout
 *   det.classes      the class table, as STRM holds it
 *   det.text/NAME    a TEXT record, in the order of the file
 *   det.hex/NAME     the same in hexadecimal digits, where it is not valid UTF-8 (a
 *                    Darknet cfg with comments of another time)
 *
 * Tensors are written in the order of the model, those of wider numbers first so that all
 * are aligned; the header is padded with spaces to a multiple of 8.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/mem.h"
#include "model/convert.h"
#include "model/safetensors_keys.h"

static const struct {
	enum det_dtype dtype;
	const char *name;
} dtypes[] = {
	{ DET_I64, "I64" },
	{ DET_F32, "F32" },
	{ DET_I32, "I32" },
	{ DET_F16, "F16" },
	{ DET_BF16, "BF16" },
	{ DET_U8, "U8" },
};

static const char *
dtype_name(enum det_dtype d)
{
	for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
		if (dtypes[i].dtype == d)
			return dtypes[i].name;
	return NULL;
}

/* Puts a new value (or NULL: no memory) into an object. */
static enum det_err
put(json_t *o, const char *key, json_t *value)
{
	if (!value || json_object_set_new(o, key, value))
		return det_fail(DET_NOMEM, "no memory for a safetensors header");
	return DET_OK;
}

static enum det_err
put_hex(json_t *meta, const char *name, const char *text, size_t n)
{
	struct det_buf key = { 0 }, hex = { 0 };
	enum det_err e = det_buf_printf(&key, "%s%s", SAFETENSORS_HEX, name);

	for (size_t i = 0; !e && i < n; i++)
		e = det_buf_printf(&hex, "%02x", (unsigned)(unsigned char)text[i]);
	if (!e)
		e = put(meta, key.text, json_string(hex.text));
	det_buf_free(&key);
	det_buf_free(&hex);
	return e;
}

static enum det_err
put_text(json_t *meta, const char *name, const char *text, size_t n)
{
	struct det_buf key = { 0 };
	json_t *value = memchr(text, 0, n) ? NULL : json_stringn(text, n);
	enum det_err e;

	if (!value)
		return put_hex(meta, name, text, n);
	if ((e = det_buf_printf(&key, "%s%s", SAFETENSORS_TEXT, name)))
		json_decref(value);
	else
		e = put(meta, key.text, value);
	det_buf_free(&key);
	return e;
}

/* A record whose name is all it says of itself. */
static enum det_err
check_plain(const struct det_record *r)
{
	size_t at = 0;
	char *key, *value;
	enum det_err e;

	for (;;) {
		if ((e = det_attr_next(&r->attrs, &at, &key, &value)))
			return e;
		free(value);
		if (!key)
			return DET_OK;
		if (strcmp(key, "name") != 0)
			e = det_fail(DET_UNSUPPORTED,
			    "%s '%s': its attribute '%s' has no place in safetensors",
			    det_kind_name(r->kind), det_record_name(r), key);
		free(key);
		if (e)
			return e;
	}
}

static enum det_err
put_metadata(json_t *root, const struct det_model *m)
{
	json_t *meta = json_object();
	struct det_record r;
	const char *text;
	enum det_err e;

	if ((e = put(root, "__metadata__", meta)) ||
	    (e = put(meta, "format", json_string("pt"))) ||
	    (e = put(meta, SAFETENSORS_VERSION, json_string("1"))))
		return e;
	for (size_t i = 0; det_model_record(m, i, &r); i++) {
		text = r.size ? r.tensor.data : "";
		if (r.kind == DET_STREAM) {
			json_t *table = json_stringn(text, r.size);

			if (!table)
				return det_fail(DET_UNSUPPORTED,
				    "the class table is not valid UTF-8");
			e = put(meta, SAFETENSORS_CLASSES, table);
		} else if (r.kind == DET_TEXT && !(e = check_plain(&r))) {
			e = put_text(meta, det_record_name(&r), text, r.size);
		}
		if (e)
			return e;
	}
	return DET_OK;
}

static enum det_err
put_tensor(json_t *root, size_t *at, const struct det_record *r)
{
	json_t *o = json_object(), *shape = json_array();
	enum det_err e;

	if (json_object_get(root, det_record_name(r)))
		e = det_fail(DET_UNSUPPORTED,
		    "a tensor '%s' has no place in safetensors", det_record_name(r));
	else
		e = DET_OK;
	if (e || (e = put(root, det_record_name(r), o)) || (e = check_plain(r)) ||
	    (e = put(o, "dtype", json_string(dtype_name(r->tensor.dtype)))) ||
	    (e = put(o, "shape", shape)))
		return e;
	for (int d = 0; d < r->tensor.rank; d++)
		if (json_array_append_new(
			shape, json_integer((json_int_t)r->tensor.dims[d])))
			return det_fail(
			    DET_NOMEM, "no memory for a safetensors header");
	e = put(o, "data_offsets",
	    json_pack("[I,I]", (json_int_t)*at, (json_int_t)(*at + r->size)));
	*at += r->size;
	return e;
}

/* Every tensor in the order in which data follow: `put` with the header or to the file. */
static enum det_err
each_tensor(const struct det_model *m, json_t *root, int fd, const char *name)
{
	struct det_record r;
	size_t at = 0;
	enum det_err e = DET_OK;

	for (size_t size = 8; size; size /= 2)
		for (size_t i = 0; det_model_record(m, i, &r); i++) {
			if (r.kind != DET_TENSOR ||
			    det_dtype_size(r.tensor.dtype) != size)
				continue;
			e = root ? put_tensor(root, &at, &r)
				 : det_write_all(fd, r.tensor.data, r.size, name);
			if (e)
				return e;
		}
	return DET_OK;
}

static enum det_err
write_head(int fd, const json_t *root, const char *name)
{
	struct det_buf b = { 0 };
	unsigned char n[8];
	char *text = json_dumps(root, JSON_COMPACT);
	enum det_err e;

	if (!text)
		return det_fail(DET_NOMEM, "no memory for a safetensors header");
	e = det_buf_add(&b, text, strlen(text));
	while (!e && b.len % 8)
		e = det_buf_add(&b, " ", 1);
	free(text);
	if (!e && b.len > SAFETENSORS_MAX_HEADER)
		e = det_fail(DET_LIMIT, "a header of %zu bytes, safetensors takes %d",
		    b.len, SAFETENSORS_MAX_HEADER);
	det_put64(n, b.len);
	if (!e)
		e = det_write_all(fd, n, sizeof n, name);
	if (!e)
		e = det_write_all(fd, b.text, b.len, name);
	det_buf_free(&b);
	return e;
}

enum det_err
det_model_to_safetensors(int fd, const struct det_model *m, const char *name)
{
	json_t *root = json_object();
	enum det_err e;

	if (!root)
		return det_fail(DET_NOMEM, "no memory for a safetensors header");
	if (!(e = put_metadata(root, m)) && !(e = each_tensor(m, root, -1, name)) &&
	    !(e = write_head(fd, root, name)))
		e = each_tensor(m, NULL, fd, name);
	json_decref(root);
	return e;
}
