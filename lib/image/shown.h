/* SPDX-License-Identifier: MIT
 *
 * An input tensor as a picture again: what a network is shown.
 */
#ifndef DET_SHOWN_H
#define DET_SHOWN_H

#include "base/tensor.h"
#include "image/image.h"
#include "image/norm.h"

/* `t` is (1,3,H,W) or (3,H,W), f32, and *n what it was normalised by. What is no byte is cut
 * to 0..255. DET_INVALID for another tensor, and for values that are not finite. */
enum det_err det_image_of_input(struct det_image *out, const struct det_tensor *t,
    const struct det_norm *n) DET_MUST_USE;

#endif
