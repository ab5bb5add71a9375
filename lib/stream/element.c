/* SPDX-License-Identifier: MIT */
#include "stream/element.h"

#include <math.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/half.h"
#include "base/text.h"

double
det_element_get(const struct det_tensor *t, size_t i)
{
	const unsigned char *p =
	    (const unsigned char *)t->data + i * det_dtype_size(t->dtype);

	switch (t->dtype) {
	case DET_F32: return (double)det_lef32(p);
	case DET_F16: return (double)det_f16_to_f32(det_le16(p));
	case DET_BF16: return (double)det_bf16_to_f32(det_le16(p));
	case DET_U8: return *p;
	case DET_I32: return (int32_t)det_le32(p);
	case DET_I64: return (double)(int64_t)det_le64(p);
	default: return 0;
	}
}

static enum det_err
whole(double v, double lo, double hi)
{
	if (!(v >= lo && v <= hi) || v != floor(v))
		return det_fail(
		    DET_INVALID, "%g is no whole number from %g to %g", v, lo, hi);
	return DET_OK;
}

enum det_err
det_element_put(void *base, enum det_dtype dtype, size_t i, double v)
{
	unsigned char *p = (unsigned char *)base + i * det_dtype_size(dtype);
	float f = (float)v;
	uint32_t u;
	enum det_err e;

	switch (dtype) {
	case DET_F32:
		__builtin_memcpy(&u, &f, sizeof u);
		det_put32(p, u);
		return DET_OK;
	case DET_F16: det_put16(p, det_f32_to_f16(f)); return DET_OK;
	case DET_BF16: det_put16(p, det_f32_to_bf16(f)); return DET_OK;
	case DET_U8:
		if ((e = whole(v, 0, 255)))
			return e;
		*p = (unsigned char)v;
		return DET_OK;
	case DET_I32:
		if ((e = whole(v, -0x1p31, 0x1p31 - 1)))
			return e;
		det_put32(p, (uint32_t)(int32_t)v);
		return DET_OK;
	case DET_I64:
		if ((e = whole(v, -0x1p53, 0x1p53)))
			return e;
		det_put64(p, (uint64_t)(int64_t)v);
		return DET_OK;
	default:
		return det_fail(
		    DET_INVALID, "a tensor of unknown dtype %d", (int)dtype);
	}
}

char *
det_element_text(char *buf, const struct det_tensor *t, size_t i)
{
	double v = det_element_get(t, i);

	if (t->dtype == DET_I64)
		(void)snprintf(buf, 32, "%lld",
		    (long long)det_le64((const unsigned char *)t->data + 8 * i));
	else if (t->dtype == DET_U8 || t->dtype == DET_I32)
		(void)snprintf(buf, 32, "%.0f", v);
	else
		(void)det_float_text(buf, (float)v);
	return buf;
}
