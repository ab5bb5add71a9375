/* SPDX-License-Identifier: MIT
 *
 * Evaluation: a rule applied to a set. formats/eval.md states the rules.
 *
 * det_eval_run matches detections to ground truth once, for all classes, thresholds and
 * ranges of area, and keeps what it found in a form from which every figure follows without
 * matching again:
 *
 *   - the detections that take part, by class, best first (order), each with its place
 *     within its image and class (rank);
 *   - for each range of area and each of them a bit per threshold: hit (it met an object)
 *     and ignored (it counts neither way). hit and not ignored is a true positive, neither
 *     is a false positive;
 *   - for each cell (area, limit on detections per image, class, threshold) a curve: where
 *     the true positives are and how many detections were counted by then. Precision at the
 *     k-th true positive (from 0) is (k + 1) / seen[k], recall (k + 1) / npos; false
 *     positives between two of them lower precision and leave recall, so nothing else is
 *     needed for AP, F1 or a plot;
 *   - the figures AP and recall of each cell.
 *
 * Ties are resolved by index, as formats/eval.md says: the same set gives the same result,
 * with any number of threads.
 */
#ifndef DET_EVAL_H
#define DET_EVAL_H

#include "eval/set.h"

#define DET_EVAL_MAX_IOU  32 /* thresholds, ranges, limits of a rule */
#define DET_EVAL_MAX_AREA 8
#define DET_EVAL_MAX_DETS 8

enum det_eval_match {
	DET_EVAL_NEXT, /* COCO: the best object that is still free */
	DET_EVAL_BEST, /* VOC: the best object; where it is taken, a false positive */
};

enum det_eval_points {
	DET_EVAL_POINTS_101,       /* COCO: recall 0, .01 ... 1 */
	DET_EVAL_POINTS_11,        /* VOC 2007 as numpy has them: i * .1 */
	DET_EVAL_POINTS_11_MATLAB, /* as MATLAB has 0:.1:1 */
	DET_EVAL_POINTS_ALL,       /* VOC 2010, Darknet: area under the envelope */
};

enum det_eval_extent {
	DET_EVAL_CONTINUOUS, /* a side is x2 - x1 */
	DET_EVAL_INCLUSIVE, /* the same, computed as (x2 - (x1 + 1)) + 1: VOC's arithmetic */
	DET_EVAL_PLUS_ONE, /* a side is x2 - x1 + 1: corners taken as pixels */
};

/* What an object that carries one of the rule's `ignore` flags is. */
enum det_eval_ignore {
	DET_EVAL_IGNORE_NEITHER, /* not counted, nor what is matched to it */
	DET_EVAL_IGNORE_COUNT,   /* an object like any other */
	DET_EVAL_IGNORE_DROP,    /* not there */
	DET_EVAL_IGNORE_LAST, /* as NEITHER, but only for what met no other (Darknet) */
};

struct det_eval_rule {
	char name[32];
	enum det_eval_match match;
	enum det_eval_points points;
	enum det_eval_extent extent;
	enum det_eval_ignore ignore_as;
	uint32_t ignore; /* flags of lib/stream/boxes.h */
	int strict;      /* IoU above the threshold; else: at least */
	int classes;     /* 0: all classes are one (pycocotools' useCats=0) */
	int absent;      /* the mean over classes: classes without objects count as 0 */
	int by_image; /* equal scores: by image id, then input; else by input alone */
	int keep_gt;  /* keep which object each detection met */
	double iou[DET_EVAL_MAX_IOU];
	size_t n_iou;
	/* Ranges of object area, both ends inclusive; the first is the whole. */
	struct det_eval_area {
		char name[16];
		double lo, hi;
	} area[DET_EVAL_MAX_AREA];
	size_t n_area;
	/* Best detections per image and class that count, growing; SIZE_MAX: all. */
	size_t max_dets[DET_EVAL_MAX_DETS];
	size_t n_max;
};

/* Sets *r to the rule of that name: coco, voc07, voc10 (MATLAB's threshold: at least),
 * voc07-py, voc10-py (Python's: above), darknet. DET_INVALID for others, naming these. */
enum det_err det_eval_rule_find(struct det_eval_rule *r, const char *name) DET_MUST_USE;
/* The i-th name and a line on it; NULL after the last. */
const char *det_eval_rule_name(size_t i, const char **about);

struct det_eval_curve {
	size_t npos;    /* objects that count */
	size_t ntp;     /* true positives */
	size_t counted; /* detections that count: true and false positives */
	uint32_t *at;   /* [ntp] place in the class's order, from its start */
	uint32_t *seen; /* [ntp] counted detections up to this one, itself included */
	double eps;     /* what the rule adds to seen (COCO) */
};

struct det_eval {
	struct det_eval_rule rule;
	const struct det_eval_set *set; /* the caller's; must outlive this */
	size_t n_class; /* of the set's table; 1 where classes are one */
	size_t n;       /* detections that take part */
	size_t n_unknown_gt, n_unknown_det; /* left out: no class */
	uint32_t *order;                    /* [n] index into set->det */
	uint32_t *image;                    /* [n] index into set->image */
	uint32_t *rank; /* [n] place in its image and class, from 0 */
	size_t *start; /* [n_class + 1] class k has order[start[k]] .. [start[k+1]-1] */
	uint32_t *hit; /* [n_area][n] bit t: of threshold t */
	uint32_t *ignored; /* [n_area][n] */
	int32_t *gt; /* [n_iou][n] index into set->gt that it met, -1: none; first area.
			NULL without keep_gt */
	uint8_t *gt_ignored; /* [n_area][set->n_gt] 1: does not count (or no class) */
	/* A cell is one of [n_area][n_max][n_class][n_iou]: det_eval_cell. */
	size_t n_cell;
	struct det_eval_curve *curve; /* [n_cell] */
	double *ap;                   /* [n_cell] -1 where nothing is to be found */
	double *recall;   /* [n_cell] of all counted detections; -1 likewise */
	uint32_t *points; /* private: what the curves point into */
};

/* Threads > 1 share the classes; the result does not depend on it. */
enum det_err det_eval_run(struct det_eval *e, const struct det_eval_set *s,
    const struct det_eval_rule *r, int threads) DET_MUST_USE;
void det_eval_release(struct det_eval *e);

static inline size_t
det_eval_cell(
    const struct det_eval *e, size_t area, size_t max, size_t class, size_t iou)
{
	return ((area * e->rule.n_max + max) * e->n_class + class) * e->rule.n_iou +
	       iou;
}

/* The index of a threshold (within 1e-9), range or limit; -1 where the rule has none such. */
long det_eval_iou_index(const struct det_eval_rule *r, double iou);
long det_eval_area_index(const struct det_eval_rule *r, const char *name);
long det_eval_max_index(const struct det_eval_rule *r, size_t max_dets);

#define DET_EVAL_EVERY (-1L)

/* Means of AP or recall over classes and thresholds, those left out that are -1; -1 where
 * none is left. klass, iou: an index or DET_EVAL_EVERY. */
double det_eval_mean_ap(
    const struct det_eval *e, size_t area, size_t max, long klass, long iou);
double det_eval_mean_recall(
    const struct det_eval *e, size_t area, size_t max, long klass, long iou);

/* AP of a curve; -1 where npos is 0. */
double det_eval_curve_ap(const struct det_eval_curve *c, enum det_eval_points points);

/* The envelope at the n recalls at[0..n) (growing): the best precision at that recall or
 * above; 0 where it is not reached. */
void det_eval_curve_envelope(
    double *out, const struct det_eval_curve *c, const double *at, size_t n);
/* Precision and recall at the k-th true positive, as the rules compute them. */
double det_eval_curve_precision(const struct det_eval_curve *c, size_t k);
double det_eval_curve_recall(const struct det_eval_curve *c, size_t k);

/* AP where image i occurs weight[i] times (a bootstrap's draw): ap[class * n_iou + iou], -1
 * where nothing is to be found. Equals det_eval_run on the repeated images but for the order
 * of equal scores. scratch has 2 * e->n numbers: calls may run at once, each with its own.
 * The sum of all weights of detections must be below 2^32. */
void det_eval_weighted(double *ap, const struct det_eval *e, size_t area, size_t max,
    const uint32_t *weight, uint32_t *scratch);

#endif
