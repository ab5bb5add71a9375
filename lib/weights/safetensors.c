/* SPDX-License-Identifier: MIT
 *
 * safetensors: a length, a JSON object, numbers.
 *
 *   uint64 N          little-endian, at most 100,000,000
 *   N bytes           JSON, beginning with '{': {"NAME": {"dtype": "F32", "shape": [2, 3],
 *                     "data_offsets": [begin, end]}, ..., "__metadata__": {"k": "v"}};
 *                     spaces may follow it
 *   data              begin and end count from its first byte
 *
 * The format's own rules, each of which is checked: names are unique; begin <= end; end -
 * begin is what dtype and shape need; sorted by begin the tensors follow each other without
 * hole or overlap, the first at 0, the last up to the end of the file; metadata are strings.
 * Members of a tensor that are not known are passed over, as the format's own reader does.
 * Whole numbers only where numbers are expected: 6.0 and 1e3 are refused.
 *
 * Source: the format's description and its Rust reader (github.com/huggingface/safetensors).
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "weights/source_impl.h"

#define MAX_HEADER 100000000

static const struct {
	const char *name;
	enum det_source_type type;
} dtypes[] = {
	{ "F32", DET_SOURCE_F32 },
	{ "F64", DET_SOURCE_F64 },
	{ "F16", DET_SOURCE_F16 },
	{ "BF16", DET_SOURCE_BF16 },
	{ "I8", DET_SOURCE_I8 },
	{ "U8", DET_SOURCE_U8 },
	{ "I16", DET_SOURCE_I16 },
	{ "I32", DET_SOURCE_I32 },
	{ "I64", DET_SOURCE_I64 },
	{ "BOOL", DET_SOURCE_BOOL },
};

/* Numbers that the format has and weights have not. */
static const char *const others[] = { "U16", "U32", "U64", "F8_E5M2", "F8_E4M3",
	"F8_E8M0", "F4", "F6_E2M3", "F6_E3M2", "C64" };

static enum det_err
read_dtype(struct det_source_tensor *t, const json_t *v)
{
	const char *s = json_string_value(v);

	if (!s)
		return det_fail(DET_CORRUPT, "dtype: a string expected");
	for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
		if (strcmp(s, dtypes[i].name) == 0) {
			t->type = dtypes[i].type;
			return DET_OK;
		}
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (strcmp(s, others[i]) == 0)
			return det_fail(
			    DET_UNSUPPORTED, "dtype %s is not supported", s);
	return det_fail(DET_CORRUPT, "dtype '%s' is not known", s);
}

static enum det_err
read_size(size_t *out, const json_t *v, const char *what)
{
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return det_fail(DET_CORRUPT, "%s: whole numbers from 0 expected", what);
	*out = (size_t)json_integer_value(v);
	return DET_OK;
}

static enum det_err
read_shape(struct det_source_tensor *t, const json_t *v)
{
	size_t n = json_array_size(v), step = 1;
	enum det_err e;

	if (!json_is_array(v))
		return det_fail(DET_CORRUPT, "shape: a list expected");
	if (n > DET_MAX_RANK)
		return det_fail(
		    DET_LIMIT, "%zu dimensions, the limit is %d", n, DET_MAX_RANK);
	t->rank = (int)n;
	for (size_t d = 0; d < n; d++)
		if ((e = read_size(&t->dims[d], json_array_get(v, d), "shape")))
			return e;
	for (size_t d = n; d-- > 0;) {
		t->stride[d] = step;
		/* wraps only where another dimension is 0, and then nothing is read */
		step *= t->dims[d];
	}
	return DET_OK;
}

/* One tensor: `size` bytes of data follow the header. */
static enum det_err
read_tensor(struct det_source_tensor *t, const json_t *v, const unsigned char *data,
    size_t size)
{
	const json_t *range = json_object_get(v, "data_offsets");
	size_t begin = 0, end = 0, bytes;
	enum det_err e;

	if (!json_is_object(v))
		return det_fail(DET_CORRUPT, "dtype, shape and data_offsets expected");
	if ((e = read_dtype(t, json_object_get(v, "dtype"))) ||
	    (e = read_shape(t, json_object_get(v, "shape"))))
		return e;
	if (json_array_size(range) != 2)
		return det_fail(DET_CORRUPT, "data_offsets: two numbers expected");
	if ((e = read_size(&begin, json_array_get(range, 0), "data_offsets")) ||
	    (e = read_size(&end, json_array_get(range, 1), "data_offsets")) ||
	    (e = source_count_dims(&bytes, t->dims, t->rank)) ||
	    (e = det_mul(&bytes, bytes, det_source_type_size(t->type))))
		return e;
	if (begin > end)
		return det_fail(
		    DET_CORRUPT, "data_offsets: %zu is beyond %zu", begin, end);
	if (end > size)
		return det_fail(DET_TRUNCATED,
		    "data up to byte %zu expected, the file has %zu", end, size);
	if (end - begin != bytes)
		return det_fail(DET_CORRUPT,
		    "%zu bytes between its data_offsets, its shape needs %zu",
		    end - begin, bytes);
	t->data = data + begin;
	return DET_OK;
}

static enum det_err
read_metadata(struct det_source *s, json_t *v)
{
	const char *key;
	json_t *value;
	enum det_err e;

	if (!json_is_object(v))
		return det_fail(DET_CORRUPT, "__metadata__: an object expected");
	json_object_foreach(v, key, value)
	{
		if (!json_is_string(value))
			return det_fail(
			    DET_CORRUPT, "__metadata__: '%s': a string expected", key);
		if ((e = source_add_fact(s, key, json_string_value(value))))
			return e;
	}
	return DET_OK;
}

static size_t
tensor_bytes(const struct det_source_tensor *t)
{
	return det_source_count(t) * det_source_type_size(t->type);
}

/* By place; an empty tensor before the one that begins where it lies. */
static int
by_place(const void *a, const void *b)
{
	const struct det_source_tensor *x = a, *y = b;
	size_t nx = tensor_bytes(x), ny = tensor_bytes(y);

	if (x->data != y->data)
		return x->data < y->data ? -1 : 1;
	if (nx != ny)
		return nx < ny ? -1 : 1;
	return strcmp(x->name, y->name);
}

static enum det_err
check_places(struct det_source *s, const unsigned char *data, size_t size)
{
	size_t at = 0;

	if (s->n)
		qsort(s->t, s->n, sizeof *s->t, by_place);
	for (size_t i = 0; i < s->n; i++) {
		size_t begin = (size_t)(s->t[i].data - data);

		if (begin != at)
			return det_fail(DET_CORRUPT,
			    "tensor '%s' begins at byte %zu of the data, %zu "
			    "expected: %s",
			    s->t[i].name, begin, at,
			    begin < at ? "tensors overlap" : "a hole");
		at += tensor_bytes(&s->t[i]);
	}
	if (at != size)
		return det_fail(
		    DET_CORRUPT, "%zu bytes after the last tensor", size - at);
	return DET_OK;
}

static enum det_err
read_members(struct det_source *s, json_t *root, const unsigned char *data, size_t size)
{
	struct det_source_tensor *t;
	const char *key;
	json_t *value;
	enum det_err e;

	json_object_foreach(root, key, value)
	{
		if (strcmp(key, "__metadata__") == 0) {
			if ((e = read_metadata(s, value)))
				return e;
			continue;
		}
		if ((e = source_add(&t, s, key, strlen(key))))
			return e;
		if ((e = read_tensor(t, value, data, size)))
			return det_fail_in(e, "tensor '%s'", key);
	}
	return check_places(s, data, size);
}

enum det_err
safetensors_parse(struct det_source *s, const unsigned char *p, size_t size)
{
	json_error_t bad;
	json_t *root;
	uint64_t n;
	enum det_err e;

	if (size < 8)
		return det_fail(DET_TRUNCATED,
		    "a safetensors file expected, found %zu bytes", size);
	n = det_le64(p);
	if (n > MAX_HEADER && (memcmp(p, "PK\3\4", 4) == 0 || p[0] == 0x80))
		return det_fail(DET_INVALID,
		    "a safetensors file expected, found what torch.save writes");
	if (n > MAX_HEADER)
		return det_fail(DET_LIMIT,
		    "a safetensors header of %llu bytes, the limit is %d",
		    (unsigned long long)n, MAX_HEADER);
	if (n > size - 8)
		return det_fail(DET_TRUNCATED,
		    "a safetensors header of %llu bytes in a file of %zu",
		    (unsigned long long)n, size);
	if (n == 0 || p[8] != '{')
		return det_fail(
		    DET_CORRUPT, "the safetensors header does not begin with '{'");
	root = json_loadb((const char *)p + 8, (size_t)n, JSON_REJECT_DUPLICATES, &bad);
	if (!root)
		return det_fail(DET_CORRUPT, "the safetensors header: byte %d: %s",
		    bad.position, bad.text);
	e = read_members(s, root, p + 8 + n, size - 8 - (size_t)n);
	json_decref(root);
	return e;
}
