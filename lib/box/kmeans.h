/* SPDX-License-Identifier: MIT
 *
 * Widths and heights that stand for those of many boxes: YOLOv2's anchors.
 */
#ifndef DET_KMEANS_H
#define DET_KMEANS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* k-means with 1 - IoU as the distance, boxes laid on one another's middle. wh[0 .. 2n) are
 * widths and heights, finite and above 0; out[0 .. 2k) becomes k of them, smallest area
 * first, and *iou the mean over all boxes of the IoU with the best of the k. The same seed
 * gives the same result. DET_INVALID where n < k or k is 0. */
enum det_err det_kmeans(double *out, double *iou, size_t k, const float *wh, size_t n,
    uint64_t seed) DET_MUST_USE;

/* IoU of two boxes of the same middle. */
double det_kmeans_iou(double w1, double h1, double w2, double h2);

#endif
