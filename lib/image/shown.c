/* SPDX-License-Identifier: MIT */
#include "image/shown.h"

#include <math.h>

enum det_err
det_image_of_input(
    struct det_image *out, const struct det_tensor *t, const struct det_norm *n)
{
	const float *x = t->data;
	const size_t *dims = t->dims + (t->rank == 4);
	size_t area;
	enum det_err e;

	if (t->dtype != DET_F32 || t->rank < 3 || t->rank > 4 || dims[0] != 3 ||
	    (t->rank == 4 && t->dims[0] != 1))
		return det_fail(
		    DET_INVALID, "a tensor f32 1x3xHxW expected to be seen");
	if ((e = det_image_new(out, dims[2], dims[1])))
		return e;
	area = dims[1] * dims[2];
	for (int c = 0; c < 3; c++)
		for (size_t i = 0; i < area; i++) {
			const double v =
			    det_norm_undo((double)x[(size_t)c * area + i], n, c);

			if (!isfinite(v)) {
				det_image_release(out);
				return det_fail(DET_INVALID,
				    "value %zu of the input is not finite",
				    (size_t)c * area + i);
			}
			out->rgb[3 * i + (size_t)(n->bgr ? 2 - c : c)] =
			    (unsigned char)(fmin(fmax(v, 0), 255) + .5);
		}
	return DET_OK;
}
