/* SPDX-License-Identifier: MIT
 *
 * A set from COCO's JSON.
 */
#ifndef DET_EVAL_SET_COCO_H
#define DET_EVAL_SET_COCO_H

#include "eval/set.h"

#define DET_EVAL_STRAYS 5

/* Entries that name an image or a category that is not there, and so were left out: how
 * many, and the first different ids. */
struct det_eval_strays {
	size_t n_image, n_class;       /* entries */
	size_t kept_image, kept_class; /* ids below */
	int64_t image[DET_EVAL_STRAYS], class[DET_EVAL_STRAYS];
	char *name; /* the first image that is named by a string; malloc'd, or NULL */
};

void det_eval_strays_release(struct det_eval_strays *v);

/* Fills an empty set with images, classes (in the order of the file) and objects. A box that
 * is no box is DET_INVALID, naming file and line. *strays may be {0} or in use. */
enum det_err det_eval_read_coco_gt(struct det_eval_set *s,
    struct det_eval_strays *strays, const char *path) DET_MUST_USE;

/* Adds detections to a set that has images and classes. A string as image_id is a name or
 * a stem. */
enum det_err det_eval_read_coco_det(struct det_eval_set *s,
    struct det_eval_strays *strays, const char *path) DET_MUST_USE;

#endif
