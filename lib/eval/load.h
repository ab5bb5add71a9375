/* SPDX-License-Identifier: MIT
 *
 * An evaluation set from files of other programs.
 */
#ifndef DET_EVAL_LOAD_H
#define DET_EVAL_LOAD_H

#include "base/text.h"
#include "eval/set.h"

/* What did not fit together and was left out; the first few are named. Start from {0}. */
struct det_eval_misfits {
	size_t images, classes, boxes;       /* boxes of the first two kinds */
	struct det_buf image_ids, class_ids; /* "17, 391895" */
	size_t listed_images, listed_classes;
	long long last_image, last_class;
};
void det_eval_misfits_release(struct det_eval_misfits *m);
/* Counts one box whose image (class) nobody knows. */
enum det_err det_eval_misfit_image(
    struct det_eval_misfits *m, int64_t id, const char *name) DET_MUST_USE;
enum det_err det_eval_misfit_class(
    struct det_eval_misfits *m, int64_t id, const char *name) DET_MUST_USE;

/* COCO's instances: images, classes (in order of their ids) and ground truth of an empty
 * set. DET_INVALID for a box that is none, naming its byte. */
enum det_err det_eval_load_coco(struct det_eval_set *s, const char *path,
    struct det_eval_misfits *misfits) DET_MUST_USE;

/* COCO's results: detections of images and classes that the set has. */
enum det_err det_eval_load_results(struct det_eval_set *s, const char *path,
    struct det_eval_misfits *misfits) DET_MUST_USE;

#endif
