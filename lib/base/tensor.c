/* SPDX-License-Identifier: MIT */
#include "base/tensor.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static const struct {
	const char *name;
	size_t size;
} types[] = {
	[DET_NONE] = { "none", 0 },
	[DET_F32] = { "f32", 4 },
	[DET_F16] = { "f16", 2 },
	[DET_BF16] = { "bf16", 2 },
	[DET_U8] = { "u8", 1 },
	[DET_I32] = { "i32", 4 },
	[DET_I64] = { "i64", 8 },
};

#define NTYPES (sizeof types / sizeof types[0])

size_t
det_dtype_size(enum det_dtype dtype)
{
	return (size_t)dtype < NTYPES ? types[dtype].size : 0;
}

const char *
det_dtype_name(enum det_dtype dtype)
{
	return (size_t)dtype < NTYPES ? types[dtype].name : NULL;
}

enum det_err
det_dtype_parse(enum det_dtype *out, const char *name)
{
	for (size_t i = 1; i < NTYPES; i++)
		if (!strcmp(name, types[i].name)) {
			*out = (enum det_dtype)i;
			return DET_OK;
		}
	return det_fail(DET_INVALID,
	    "'%s' is not a dtype: f32, f16, bf16, u8, i32 or i64 expected", name);
}

enum det_err
det_tensor_count(size_t *out, const struct det_tensor *t)
{
	size_t n = 1;
	enum det_err e;

	if (t->rank < 0 || t->rank > DET_MAX_RANK)
		return det_fail(
		    DET_INVALID, "a tensor of %d dims: 0 to 8 expected", t->rank);
	for (int i = 0; i < t->rank; i++)
		if ((e = det_mul(&n, n, t->dims[i])))
			return e;
	*out = n;
	return DET_OK;
}

enum det_err
det_tensor_bytes(size_t *out, const struct det_tensor *t)
{
	size_t n, size = det_dtype_size(t->dtype);
	enum det_err e;

	if (!size)
		return det_fail(
		    DET_INVALID, "a tensor of unknown dtype %d", (int)t->dtype);
	if ((e = det_tensor_count(&n, t)))
		return e;
	return det_mul(out, n, size);
}

char *
det_shape_text(char *buf, size_t size, const struct det_tensor *t)
{
	size_t at = 0;

	if (size == 0)
		return buf;
	buf[0] = 0;
	if (t->rank == 0)
		(void)snprintf(buf, size, "scalar");
	for (int i = 0; i < t->rank && i < DET_MAX_RANK && at < size; i++)
		at += (size_t)snprintf(
		    buf + at, size - at, "%s%zu", i ? "x" : "", t->dims[i]);
	return buf;
}
