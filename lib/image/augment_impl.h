/* SPDX-License-Identifier: MIT
 *
 * Private to lib/image: the parts of augmentation.
 */
#ifndef DET_AUGMENT_IMPL_H
#define DET_AUGMENT_IMPL_H

#include "image/augment.h"

double det_augment_between(struct det_random *r, double lo, double hi); /* uniform */

/* SSD's crop of a window; leaves it where no sampler finds one. */
void det_augment_crop(
    struct det_window *win, const struct det_boxes *gt, struct det_random *r);

#endif
