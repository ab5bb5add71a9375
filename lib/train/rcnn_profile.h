/* SPDX-License-Identifier: MIT
 *
 * What the two stages of Faster R-CNN in training have in common. Private to lib/train.
 */
#ifndef DET_RCNN_PROFILE_H
#define DET_RCNN_PROFILE_H

#include "train/assign.h"
#include "train/objective.h"

/* Whose rules: torchvision's, Detectron2's, py-faster-rcnn's. */
enum det_rcnn_profile { DET_RCNN_TV, DET_RCNN_D2, DET_RCNN_CAFFE };

/* profile=; where it is not said, py-faster-rcnn's if `coder` counts inclusive pixels, else
 * torchvision's. Also what annotations with a flag become by that profile. */
enum det_err det_rcnn_profile(int *profile, struct det_flag_rules *flag,
    struct det_line *l, const struct det_coder *coder) DET_MUST_USE;

/* The objects in the coordinates of a coder: *out is t itself, or, where sides are
 * x2 - x1 + 1, a copy whose corners are the first and the last pixel; decoding undoes that
 * (py-faster-rcnn's has no -1). */
enum det_err det_rcnn_truth(struct det_example *out, struct det_boxes *store,
    const struct det_example *t, const struct det_coder *coder) DET_MUST_USE;

#endif
