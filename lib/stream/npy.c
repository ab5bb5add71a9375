/* SPDX-License-Identifier: MIT */
#include "stream/npy.h"

#include "base/bytes.h"

enum det_err
det_npy_header(struct det_buf *out, const struct det_tensor *t)
{
	static const char *const descr[] = { [DET_F32] = "<f4",
		[DET_F16] = "<f2",
		[DET_U8] = "|u1",
		[DET_I32] = "<i4",
		[DET_I64] = "<i8" };
	size_t begin = out->len;
	enum det_err e;

	if ((size_t)t->dtype >= sizeof descr / sizeof descr[0] || !descr[t->dtype])
		return det_fail(DET_UNSUPPORTED, "NumPy has no dtype for %s",
		    det_dtype_name(t->dtype) ? det_dtype_name(t->dtype)
					     : "this tensor");
	if ((e = det_buf_add(out, "\x93NUMPY\x01\x00\x00\x00", 10)) ||
	    (e = det_buf_printf(out,
		 "{'descr': '%s', 'fortran_order': False, 'shape': (",
		 descr[t->dtype])))
		return e;
	for (int i = 0; i < t->rank; i++)
		if ((e = det_buf_printf(
			 out, "%zu,%s", t->dims[i], i < t->rank - 1 ? " " : "")))
			return e;
	if ((e = det_buf_add(out, "), }", 4)))
		return e;
	while ((out->len - begin + 1) % 64 != 0)
		if ((e = det_buf_add(out, " ", 1)))
			return e;
	if ((e = det_buf_add(out, "\n", 1)))
		return e;
	det_put16(out->text + begin + 8, (uint16_t)(out->len - begin - 10));
	return DET_OK;
}
