/* SPDX-License-Identifier: MIT
 *
 * Private to lib/image: where a two-tap kernel reads along one axis.
 */
#ifndef DET_TAPS_H
#define DET_TAPS_H

#include "image/resize.h"

/* out[i] = w0 * in[i0] + w1 * in[i1] */
struct det_tap {
	size_t i0, i1;
	float w0, w1;
};

/* Fills n_out taps. `rows`: the vertical axis, where Darknet and OpenCV treat the last
 * ones otherwise than columns. step 0: n_in / n_out. */
void det_taps_fill(struct det_tap *t, size_t n_out, size_t n_in, enum det_kernel kernel,
    double step, int rows);

/* Pillow's path; the picture has other size than asked in at least one side. */
enum det_err det_resize_pil(
    struct det_image *out, const struct det_image *im) DET_MUST_USE;

#endif
