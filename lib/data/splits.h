/* SPDX-License-Identifier: MIT
 *
 * Which pictures of a data set are for what, as PASCAL VOC has it: DIR/ImageSets/Main/NAME.txt,
 * a name a line, of train, val, trainval (both) and test.
 */
#ifndef DET_SPLITS_H
#define DET_SPLITS_H

#include "base/text.h"

/* Names, in the order in which they came. Start from {0}. */
struct det_splits {
	struct det_buf names; /* a line each */
	size_t *end;          /* of each, in the text */
	size_t n, cap;
};
void det_splits_release(struct det_splits *s);

enum det_err det_splits_add(
    struct det_splits *s, const char *name, size_t len) DET_MUST_USE;

/* Writes the lists: the first of the names are for training, those that follow for validation,
 * the last for the test, as many as have that share of all, rounded. Shares are of their sum,
 * at least 0, not all 0. */
enum det_err det_splits_write(
    const struct det_splits *s, const char *dir, const double share[3]) DET_MUST_USE;

#endif
