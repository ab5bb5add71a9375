/* SPDX-License-Identifier: MIT
 *
 * Every match of an evaluation, a line each, for sort and awk.
 */
#ifndef DET_MATCHES_H
#define DET_MATCHES_H

#include "base/text.h"
#include "eval/eval.h"

/* The head line. */
enum det_err det_matches_head(struct det_buf *out) DET_MUST_USE;

/* Lines of a class at threshold `iou`, of a result with keep_gt: detections, best first,
 *
 *   image class verdict score iou x1 y1 x2 y2 object image_id
 *
 * parted by tabs; verdict is tp, fp, or ignored; iou is that with the object it met, whose id
 * is `object`, both "-" where there is none. Then the objects that nothing met, verdict fn,
 * score and iou "-". */
enum det_err det_matches_class(struct det_buf *out, const struct det_eval *e,
    size_t iou, size_t class) DET_MUST_USE;

#endif
