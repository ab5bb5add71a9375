/* SPDX-License-Identifier: MIT
 *
 * An evaluation set from files of other programs.
 */
#ifndef DET_EVAL_LOAD_H
#define DET_EVAL_LOAD_H

#include "base/idmap.h"
#include "base/text.h"
#include "data/truth.h"
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

/* A data set read by data/truth.h, into an empty set. */
enum det_err det_eval_load_truth(
    struct det_eval_set *s, const struct det_truth *t) DET_MUST_USE;

/* Images, classes and ground truth of `from` into an empty set, in the same order. */
enum det_err det_eval_set_copy_truth(
    struct det_eval_set *s, const struct det_eval_set *from) DET_MUST_USE;

/* Pictures by the names of their files without folder and ending, for results that know no
 * more of them. Start from {0}. */
struct det_eval_stems {
	struct det_idmap one, twice;
};
enum det_err det_eval_stems_make(
    struct det_eval_stems *m, const struct det_eval_set *s) DET_MUST_USE;
void det_eval_stems_release(struct det_eval_stems *m);
/* The image of that path, else the only one of that stem; -1 none. DET_INVALID where there
 * are two of that stem. */
enum det_err det_eval_stems_find(int64_t *image, const struct det_eval_stems *m,
    const struct det_eval_set *s, const char *path) DET_MUST_USE;

/* PASCAL VOC's results of a class, lines "stem score xmin ymin xmax ymax" with corners as
 * pixels from 1. The class is what the file's name ends with, before its ".txt". */
enum det_err det_eval_load_voc(struct det_eval_set *s, const struct det_eval_stems *m,
    const char *path, struct det_eval_misfits *misfits) DET_MUST_USE;

#endif
