/* SPDX-License-Identifier: MIT
 *
 * What the objectives of detectors with anchors (SSD, RetinaNet, RPN) have in common: the
 * lines "anchors" of the decode text as levels, the anchors of a batch, which depend on the
 * sizes of its maps, and the loss of the boxes. Private to lib/train.
 *
 * Anchors are numbered through all levels in the order level, row, column, anchor of the
 * cell, as decoding and torchvision number them; ties are told by these numbers.
 */
#ifndef DET_ANCHORED_H
#define DET_ANCHORED_H

#include "train/assign.h"
#include "train/loss.h"
#include "train/objective.h"

struct det_anchored_level {
	const struct det_decode_line *line;
	size_t cls, box;     /* numbers of its maps */
	size_t grid;         /* of its anchors in the text */
	size_t anchors;      /* a cell */
	size_t h, w, hw;     /* of the batch */
	size_t first, count; /* its anchors in the batch's numbering */
};

struct det_anchored {
	struct det_anchored_level *level;
	size_t levels;
	size_t classes,
	    planes;         /* planes: classes, and the background where there is one */
	int32_t background; /* its plane; -1: none */
	int32_t front;      /* the plane of class 0 */
	const struct det_anchors *text;
	float *anchor; /* x1 y1 x2 y2 each */
	size_t n, cap; /* of all levels */
	size_t in_h, in_w;
	struct det_spots spots;
};

/* *a becomes one to be fitted and released. `what` names the objective in messages; `score`
 * is what all lines must have. DET_INVALID where they are not alike, or have no anchors. */
enum det_err det_anchored_open(struct det_anchored *a,
    const struct det_objective_params *p, const char *what,
    enum det_decode_score score) DET_MUST_USE;
void det_anchored_release(struct det_anchored *a);

/* Checks the maps of a batch and makes its anchors, unless they are those of the last. */
enum det_err det_anchored_fit(
    struct det_anchored *a, const struct det_objective_in *in) DET_MUST_USE;

/* Sets the gradients of all maps to 0. */
void det_anchored_clear(const struct det_anchored *a, const struct det_objective_in *in,
    float *const *grad);

/* Where the logits of plane `plane` of anchor `anchor` (of the cell) of an image begin, in
 * the level's map of classes: hw of them follow, and the next plane's come after
 * det_anchored_stride. */
size_t det_anchored_plane(const struct det_anchored *a,
    const struct det_anchored_level *l, size_t image, size_t anchor, size_t plane);
size_t det_anchored_stride(
    const struct det_anchored *a, const struct det_anchored_level *l);

/* The loss of boxes: encoded or, by GIoU, as they are. */
struct det_box_loss {
	double beta; /* of smooth L1; 0: L1 */
	int giou;
};

/* Adds the gradient of the boxes of an image's positive anchors, `to` (a->n), and returns
 * scale times the sum of their losses. */
double det_anchored_boxes(const struct det_anchored *a,
    const struct det_objective_in *in, float *const *grad, size_t image,
    const int32_t *to, const struct det_box_loss *b, double scale);

/* difficult=, crowd= (use, ignore, drop) and ignore_over= of an objective's line. */
enum det_err det_anchored_flags(
    struct det_flag_rules *r, struct det_line *l) DET_MUST_USE;

/* DET_INVALID where the value of a term, so far, is not finite. */
enum det_err det_anchored_check(
    double value, const char *term, size_t image) DET_MUST_USE;

#endif
