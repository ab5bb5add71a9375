/* SPDX-License-Identifier: MIT
 *
 * What is wrong with a data set, before anyone trains on it.
 */
#ifndef DET_AUDIT_H
#define DET_AUDIT_H

#include "base/text.h"
#include "data/truth.h"

struct det_check_params {
	struct det_truth_params truth; /* finding and ctx are set here */
	int heads;   /* read the heads of the pictures only; else decode all */
	int threads; /* at least 1 */
};

/* Appends a table parted by tabs, with a head line: level kind file line image text. Level
 * is "bad" for what is wrong, "note" for what can't be told, "count" for figures (classes,
 * sizes of boxes). *bad is the number of the first. What keeps the data set from being read
 * at all is an error. */
enum det_err det_check(
    struct det_buf *out, size_t *bad, const struct det_check_params *p) DET_MUST_USE;

#endif
