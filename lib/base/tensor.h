/* SPDX-License-Identifier: MIT
 *
 * A tensor is a view: dtype, shape and a pointer. Elements are contiguous in C order,
 * images and feature maps are (N,C,H,W). The view owns nothing; whoever made `data` says
 * how long it lives.
 */
#ifndef DET_TENSOR_H
#define DET_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define DET_MAX_RANK 8

/* Values are those of the stream (formats/stream.md); never renumber. */
enum det_dtype {
	DET_NONE = 0,
	DET_F32 = 1,
	DET_F16 = 2,
	DET_BF16 = 3,
	DET_U8 = 4,
	DET_I32 = 5,
	DET_I64 = 6,
};

struct det_tensor {
	enum det_dtype dtype;
	int rank;
	size_t dims[DET_MAX_RANK];
	void *data;
};

/* Bytes per element, 0 for DET_NONE and unknown values; "f32" and so on, NULL if unknown. */
size_t det_dtype_size(enum det_dtype dtype);
const char *det_dtype_name(enum det_dtype dtype);
enum det_err det_dtype_parse(enum det_dtype *out, const char *name) DET_MUST_USE;

/* Number of elements / bytes; DET_LIMIT on overflow, DET_INVALID for rank or dtype out of
 * range. A rank of 0 is a scalar: one element. */
enum det_err det_tensor_count(size_t *out, const struct det_tensor *t) DET_MUST_USE;
enum det_err det_tensor_bytes(size_t *out, const struct det_tensor *t) DET_MUST_USE;

/* "1x3x416x416" into buf (always terminated); returns buf. */
char *det_shape_text(char *buf, size_t size, const struct det_tensor *t);

#endif
