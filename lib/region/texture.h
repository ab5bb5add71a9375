/* SPDX-License-Identifier: MIT
 *
 * How each pixel of a picture changes, in eight directions: what texture histograms count.
 */
#ifndef DET_TEXTURE_H
#define DET_TEXTURE_H

#include <stdint.h>

#include "region/colour.h"

#define DET_TEXTURE_WAYS 8                                     /* directions */
#define DET_TEXTURE_BINS 10                                    /* of each */
#define DET_TEXTURE_SIZE (DET_TEXTURE_WAYS * DET_TEXTURE_BINS) /* of a channel */

enum det_gradient {
	DET_GRADIENT_GAUSS,  /* derivatives of a Gaussian of sigma 1: the paper's */
	DET_GRADIENT_SCHARR, /* 3, 10, 3: OpenCV's */
};

/* For each pixel n codes, one a channel, of four bytes: of the derivatives along x, y, and
 * the two diagonals. A byte is 0 where that derivative is in the lowest bin in either
 * direction; b where it is positive, in bin b of 1..9; DET_TEXTURE_BINS + b where negative. */
struct det_texture {
	size_t w, h, n;
	uint32_t *code; /* n planes of h * w, owned; the first byte is the lowest */
};

/* Start from {0}. */
enum det_err det_texture_make(struct det_texture *out, const struct det_colours *c,
    enum det_gradient gradient) DET_MUST_USE;
void det_texture_release(struct det_texture *t);

#endif
