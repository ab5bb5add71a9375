/* SPDX-License-Identifier: MIT */
#include "weights/source.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/finite.h"
#include "base/half.h"
#include "base/mem.h"
#include "weights/source_impl.h"

static const struct {
	const char *name;
	size_t size;
} types[] = {
	[DET_SOURCE_F32] = { "f32", 4 },
	[DET_SOURCE_F64] = { "f64", 8 },
	[DET_SOURCE_F16] = { "f16", 2 },
	[DET_SOURCE_BF16] = { "bf16", 2 },
	[DET_SOURCE_I8] = { "i8", 1 },
	[DET_SOURCE_U8] = { "u8", 1 },
	[DET_SOURCE_I16] = { "i16", 2 },
	[DET_SOURCE_I32] = { "i32", 4 },
	[DET_SOURCE_I64] = { "i64", 8 },
	[DET_SOURCE_BOOL] = { "bool", 1 },
};

/* safetensors: a brace after 8 bytes of length; zip; a pickle. No caffemodel begins so: its
 * first field is the network's name or a layer. */
int
det_source_is(const unsigned char *p, size_t n)
{
	return (n > 8 && p[8] == '{' && p[7] == 0) ||
	       (n > 4 && memcmp(p, "PK\3\4", 4) == 0) || (n > 2 && p[0] == 0x80);
}

const char *
det_source_type_name(enum det_source_type type)
{
	return types[type].name;
}

size_t
det_source_type_size(enum det_source_type type)
{
	return types[type].size;
}

struct det_source_tensor *
det_source_find(const struct det_source *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->t[i].name, name) == 0)
			return &s->t[i];
	return NULL;
}

const char *
det_source_fact(const struct det_source *s, const char *key)
{
	for (size_t i = 0; i < s->n_facts; i++)
		if (strcmp(s->fact[i].key, key) == 0)
			return s->fact[i].value;
	return NULL;
}

size_t
det_source_count(const struct det_source_tensor *t)
{
	size_t n = 1;

	for (int d = 0; d < t->rank; d++)
		n *= t->dims[d];
	return n;
}

/* n elements, `step` bytes apart, to floats. */
static void
convert(float *out, const unsigned char *p, size_t step, size_t n,
    enum det_source_type type)
{
#define EACH(value)                               \
	for (size_t i = 0; i < n; i++, p += step) \
		out[i] = (float)(value);          \
	break
	switch (type) {
	case DET_SOURCE_F32: EACH(det_lef32(p));
	case DET_SOURCE_F64: EACH(det_lef64(p));
	case DET_SOURCE_F16: EACH(det_f16_to_f32(det_le16(p)));
	case DET_SOURCE_BF16: EACH(det_bf16_to_f32(det_le16(p)));
	case DET_SOURCE_I8: EACH((int8_t)*p);
	case DET_SOURCE_U8: EACH(*p);
	case DET_SOURCE_I16: EACH((int16_t)det_le16(p));
	case DET_SOURCE_I32: EACH((int32_t)det_le32(p));
	case DET_SOURCE_I64: EACH((int64_t)det_le64(p));
	case DET_SOURCE_BOOL: EACH(*p != 0);
	}
#undef EACH
}

static enum det_err
check_finite(const float *v, size_t n, size_t first, const struct det_source_tensor *t)
{
	size_t i = det_finite_first(v, n, 1);

	if (i == n)
		return DET_OK;
	return det_fail(DET_CORRUPT, "tensor '%s': number %zu is not finite%s", t->name,
	    first + i, t->type == DET_SOURCE_F64 ? " as a 32-bit float" : "");
}

/* Whether the elements follow each other in C order. */
static int
contiguous(const struct det_source_tensor *t)
{
	size_t step = 1;

	for (int d = t->rank; d-- > 0;) {
		if (t->dims[d] != 1 && t->stride[d] != step)
			return 0;
		step *= t->dims[d];
	}
	return 1;
}

enum det_err
det_source_read(float *out, const struct det_source_tensor *t)
{
	size_t n = det_source_count(t), size = types[t->type].size, row, step;
	size_t at[DET_MAX_RANK] = { 0 }, from = 0;
	int last = t->rank - 1, d;
	enum det_err e;

	if (n == 0)
		return DET_OK;
	if (contiguous(t)) {
		row = n;
		step = size;
	} else {
		row = t->dims[last];
		step = row > 1 ? t->stride[last] * size : 0; /* of one: any number */
	}
	for (size_t i = 0; i < n; i += row) {
		convert(out + i, t->data + from * size, step, row, t->type);
		if ((e = check_finite(out + i, row, i, t)))
			return e;
		for (d = last - 1; d >= 0; d--) {
			from += t->stride[d];
			if (++at[d] < t->dims[d])
				break;
			from -= t->dims[d] * t->stride[d];
			at[d] = 0;
		}
	}
	return DET_OK;
}

void
det_source_close(struct det_source *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->t[i].name);
	for (size_t i = 0; i < s->n_facts; i++) {
		free(s->fact[i].key);
		free(s->fact[i].value);
	}
	free(s->t);
	free(s->fact);
	det_buf_free(&s->notes);
	if (s->close)
		s->close(s->file);
	*s = (struct det_source){ 0 };
}

static void
close_map(void *file)
{
	det_map_close(file);
	free(file);
}

enum det_err
source_map(struct det_source *s, const struct det_map **map, const char *path)
{
	struct det_map *m = calloc(1, sizeof *m);
	enum det_err e;

	if (!m)
		return det_fail(DET_NOMEM, "no memory for a file of weights");
	if ((e = det_map_open(m, path))) {
		free(m);
		return e;
	}
	s->file = m;
	s->close = close_map;
	*map = m;
	return DET_OK;
}

enum det_err
source_check_name(const char *name, size_t n)
{
	if (n == 0)
		return det_fail(DET_CORRUPT, "a tensor without a name");
	if (n > SOURCE_MAX_NAME)
		return det_fail(DET_LIMIT,
		    "a tensor's name of %zu bytes, the limit is %zu", n,
		    SOURCE_MAX_NAME);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
			return det_fail(DET_CORRUPT,
			    "a tensor's name with byte %#x in it: '%.*s'",
			    (unsigned)(unsigned char)name[i], (int)n, name);
	return DET_OK;
}

enum det_err
source_add(
    struct det_source_tensor **t, struct det_source *s, const char *name, size_t n)
{
	char *copy;
	enum det_err e;

	if ((e = source_check_name(name, n)))
		return e;
	if (s->n >= SOURCE_MAX_TENSORS)
		return det_fail(DET_LIMIT, "more than %zu tensors", SOURCE_MAX_TENSORS);
	if ((e = det_grow(&s->t, &s->cap, s->n + 1, sizeof *s->t)) ||
	    (e = det_strndup(&copy, name, n)))
		return e;
	*t = &s->t[s->n++];
	**t = (struct det_source_tensor){ .name = copy };
	return DET_OK;
}

enum det_err
source_add_fact(struct det_source *s, const char *key, const char *value)
{
	struct det_source_fact f = { 0 };
	enum det_err e;

	if ((e = det_grow(&s->fact, &s->cap_facts, s->n_facts + 1, sizeof *s->fact)) ||
	    (e = det_strdup(&f.key, key)))
		return e;
	if ((e = det_strdup(&f.value, value))) {
		free(f.key);
		return e;
	}
	s->fact[s->n_facts++] = f;
	return DET_OK;
}

enum det_err
source_count_dims(size_t *n, const size_t *dims, int rank)
{
	enum det_err e;

	*n = 1;
	for (int d = 0; d < rank; d++)
		if ((e = det_mul(n, *n, dims[d])))
			return e;
	if (*n > SOURCE_MAX_COUNT)
		return det_fail(DET_LIMIT,
		    "%zu numbers in one tensor, the limit is %zu", *n,
		    SOURCE_MAX_COUNT);
	return DET_OK;
}

/* One file through one reader; nothing is left open where it fails. */
static enum det_err
open_with(struct det_source *out, const char *path,
    enum det_err (*parse)(struct det_source *, const unsigned char *, size_t))
{
	struct det_source s = { 0 };
	const struct det_map *m;
	enum det_err e;

	*out = s;
	if ((e = source_map(&s, &m, path)))
		return e;
	if ((e = parse(&s, m->data, m->size))) {
		det_source_close(&s);
		return det_fail_in(e, "%s", path);
	}
	*out = s;
	return DET_OK;
}

enum det_err
det_safetensors_open(struct det_source *out, const char *path)
{
	return open_with(out, path, safetensors_parse);
}

enum det_err
det_torch_open(struct det_source *out, const char *path)
{
	return open_with(out, path, torch_parse);
}

/* A header length that can be and the brace that follows tell safetensors; the rest is
 * torch's to refuse. */
static enum det_err
parse_any(struct det_source *s, const unsigned char *p, size_t size)
{
	if (size >= 9 && p[8] == '{' && det_le64(p) >> 32 == 0)
		return safetensors_parse(s, p, size);
	return torch_parse(s, p, size);
}

enum det_err
det_source_open(struct det_source *out, const char *path)
{
	return open_with(out, path, parse_any);
}
