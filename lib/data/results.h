/* SPDX-License-Identifier: MIT
 *
 * Results of other programs, as lists of boxes for the pictures of a data set.
 */
#ifndef DET_RESULTS_H
#define DET_RESULTS_H

#include "data/truth.h"

struct det_results {
	struct det_box *box; /* by picture, in each as the file has them */
	size_t *first;       /* of each picture of the data set; and one more */
	size_t n;
};

/* path: a file of COCO results, or a directory of VOC results; pictures are found by COCO's
 * id, else by the names of their files without ending. DET_INVALID, with the place, for a
 * picture or a category that the data set does not have, and an inverted box. */
enum det_err det_results_read(struct det_results *out, const struct det_truth *t,
    const char *path, int corners) DET_MUST_USE;
void det_results_release(struct det_results *r);

/* The list of picture i; reused. */
enum det_err det_results_boxes(
    struct det_boxes *out, const struct det_results *r, size_t i) DET_MUST_USE;

#endif
