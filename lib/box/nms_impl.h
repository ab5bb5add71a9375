/* SPDX-License-Identifier: MIT
 *
 * What the files of NMS share. Private to lib/box.
 */
#ifndef DET_NMS_IMPL_H
#define DET_NMS_IMPL_H

#include <float.h>

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
void det_kept_set(struct det_kept *k, size_t i, const struct det_fbox *b);
void det_kept_add(struct det_kept *k, const struct det_fbox *b);

static inline struct det_fbox
det_kept_box(const struct det_kept *k, size_t i)
{
	return (struct det_fbox){ k->x1[i], k->y1[i], k->x2[i], k->y2[i], k->area[i] };
}

/* Sixteen boxes of a grid. Places that hold none overlap nothing. */
#define DET_CHUNK 16

struct det_chunk {
	float x1[DET_CHUNK], y1[DET_CHUNK], x2[DET_CHUNK], y2[DET_CHUNK];
	float area[DET_CHUNK];
	uint32_t id[DET_CHUNK];
	uint32_t n;
};

void det_chunk_clear(struct det_chunk *c, unsigned i);

static inline struct det_fbox
det_chunk_box(const struct det_chunk *c, unsigned i)
{
	return (struct det_fbox){ c->x1[i], c->y1[i], c->x2[i], c->y2[i], c->area[i] };
}

/* Which boxes meet *b so that intersection > lo * union (in float), lo 0 or more: `next`
 * gives the first i >= from, or k->n where there is none; `mask` has bit i set for box i of
 * the chunk; `overlaps` has their IoU. One implementation for each instruction set; all give the same answer. */
struct det_nms_scan {
	const char *name;
	size_t (*next)(const struct det_kept *k, size_t from, const struct det_fbox *b,
	    float lo, float one);
	unsigned (*mask)(
	    const struct det_chunk *c, const struct det_fbox *b, float lo, float one);
	void (*overlaps)(
	    float *out, const struct det_chunk *c, const struct det_fbox *b, float one);
};

/* The best that this processor runs and DET_CPU allows; or by number, for tests: NULL past
 * the last and where the processor lacks it. */
const struct det_nms_scan *det_nms_scan_best(void);
const struct det_nms_scan *det_nms_scan_number(size_t i, int *more);

/* One class, or all boxes under `agnostic`: what every method works on. */
struct det_nms_run {
	struct det_box *box;
	unsigned char *keep;      /* of each of box[]: to be set for those in r */
	const struct det_rank *r; /* best first */
	size_t n;
	const struct det_nms_params *p;
	const struct det_nms_scan *scan;
	float *shift; /* of each of box[], added to its coordinates; NULL: none */
};

/* Box i of the run, as overlaps are computed. */
struct det_fbox det_nms_box(const struct det_nms_run *run, size_t i);
/* All n of them, the caller's to free. */
enum det_err det_nms_boxes(
    struct det_fbox **f, const struct det_nms_run *run) DET_MUST_USE;
/* Boxes that changed scores leave below min_score or past max_per_class: sets keep. */
enum det_err det_nms_cut(const struct det_nms_run *run) DET_MUST_USE;

/* A score as a float that is finite. */
static inline float
det_nms_score(double s)
{
	return s > (double)FLT_MAX    ? FLT_MAX
	       : s < -(double)FLT_MAX ? -FLT_MAX
				      : (float)s;
}

/* The methods. Only `keep`, scores (soft, matrix, fuse) and boxes (fuse) of the run are
 * changed. */
enum det_err det_nms_greedy(const struct det_nms_run *run) DET_MUST_USE;
enum det_err det_nms_soft(const struct det_nms_run *run) DET_MUST_USE;
enum det_err det_nms_matrix(const struct det_nms_run *run) DET_MUST_USE;
enum det_err det_nms_fuse(const struct det_nms_run *run) DET_MUST_USE;

#endif
