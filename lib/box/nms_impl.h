/* SPDX-License-Identifier: MIT
 *
 * What the files of NMS share. Private to lib/box.
 */
#ifndef DET_NMS_IMPL_H
#define DET_NMS_IMPL_H

#include "box/iou.h"
#include "box/nms.h"

/* One competitor: the box it stands for, and what it is sorted by. */
struct det_rank {
	uint64_t key;   /* ascending keys are descending scores */
	uint32_t label; /* biased, so that -1 sorts before 0 */
	uint32_t index; /* into the list */
};

/* n boxes of `b` named by r[].index, which the caller has set: fills key and label, sorts
 * by score, best first, equal scores as they stand. `scratch` has room for n. */
void det_rank_by_score(
    struct det_rank *r, struct det_rank *scratch, size_t n, const struct det_boxes *b);

/* Then by label, keeping the order within each. */
void det_rank_by_label(struct det_rank *r, struct det_rank *scratch, size_t n);

/* Boxes kept so far in a class, one array a coordinate, followed by DET_KEPT_PAD places
 * that overlap nothing, so that a vector may read past the end. */
#define DET_KEPT_PAD 16

struct det_kept {
	float *x1, *y1, *x2, *y2, *area; /* one allocation, x1's */
	size_t n;
};

enum det_err det_kept_new(struct det_kept *k, size_t cap) DET_MUST_USE;
void det_kept_free(struct det_kept *k);
void det_kept_clear(struct det_kept *k);
void det_kept_add(struct det_kept *k, const struct det_fbox *b);

/* The first i >= from whose box meets *b so that intersection > lo * union (in float), or
 * k->n where there is none. One implementation for each instruction set; all give the same
 * answer. */
struct det_scan {
	const char *name;
	size_t (*next)(const struct det_kept *k, size_t from, const struct det_fbox *b,
	    float lo, float one);
};

/* The best that this processor runs; or by number, for tests: NULL past the last and where
 * the processor lacks it. */
const struct det_scan *det_scan_best(void);
const struct det_scan *det_scan_number(size_t i, int *more);

/* Soft-NMS over one class: r[0..n) are its boxes. Changes their scores; boxes that fall
 * below the minimum, or are past max_per_class, get keep[index] = 0, others 1. */
enum det_err det_nms_soft(struct det_boxes *b, unsigned char *keep,
    const struct det_rank *r, size_t n, const struct det_nms_params *p) DET_MUST_USE;

#endif
