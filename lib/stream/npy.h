/* SPDX-License-Identifier: MIT
 *
 * Tensors as NumPy's .npy files (format 1.0): what numpy.load reads.
 */
#ifndef DET_NPY_H
#define DET_NPY_H

#include "base/tensor.h"
#include "base/text.h"

/* Appends the header for t; the payload follows as it is. bf16, which NumPy lacks, is
 * DET_UNSUPPORTED. */
enum det_err det_npy_header(
    struct det_buf *out, const struct det_tensor *t) DET_MUST_USE;

#endif
