/* SPDX-License-Identifier: MIT
 *
 * Matchers: which object each anchor, prior or proposal is trained towards, by how much they
 * overlap. They decide on IoU in float as box/iou.h has it (an empty box has IoU 0 with
 * anything), of an anchor's equal overlaps the first object's counts, and of an object's the
 * first anchor's.
 *
 *   det_spots        the boxes to be matched, as columns of coordinates
 *   det_objects      the truth of an image, sorted into objects and regions to leave alone
 *   det_assign_run   thresholds: RPN, RetinaNet, RoI heads
 *   det_assign_ssd   a prior for each object, then a threshold
 *
 * All write one number a spot: the object's index in the truth of the image, or
 */
#ifndef DET_ASSIGN_H
#define DET_ASSIGN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "train/objective.h"

enum {
	DET_ASSIGN_NONE = -1,   /* trained towards "nothing" */
	DET_ASSIGN_IGNORE = -2, /* not trained */
};

/* Boxes to be matched. Start from {0}; memory is kept from call to call. */
struct det_spots {
	float *x1, *y1, *x2, *y2, *area;
	size_t n, cap;
	float one; /* 1: corners are inclusive pixels, a side is x2 - x1 + 1 */
};
/* From n boxes of x1 y1 x2 y2; DET_INVALID naming one that is not finite. */
enum det_err det_spots_set(
    struct det_spots *s, const float *box, size_t n, int plus_one) DET_MUST_USE;
void det_spots_release(struct det_spots *s);

/* iou[s->n] of each spot with one box, and the largest of them; 0 where there are none. */
float det_spots_iou(float *iou, const struct det_spots *s, const struct det_box *b);

/* What becomes of annotations with a flag; of one with several flags, the last of these. */
enum det_flag_rule {
	DET_FLAG_USE, /* an object like others */
	DET_FLAG_IGNORE, /* no object; spots that lie in it by `ignore_over` of their area or
			  * more and match no object are DET_ASSIGN_IGNORE */
	DET_FLAG_DROP, /* as if it were not there */
};
struct det_flag_rules {
	int difficult, crowd; /* enum det_flag_rule; flag IGNORE is always ignored */
	double ignore_over;
};
#define DET_FLAG_RULES_DEFAULTS                   \
	{                                         \
		DET_FLAG_USE, DET_FLAG_IGNORE, .7 \
	}

struct det_objects {
	uint32_t *object; /* indices into the truth */
	size_t n;
	uint32_t *region; /* to be left alone */
	size_t regions;
	size_t cap;
};
/* DET_INVALID where a box is not finite, a side is not above 0 or the label of an object is
 * not below `classes`, naming the box. */
enum det_err det_objects_set(struct det_objects *o, const struct det_example *t,
    const struct det_flag_rules *r, size_t classes) DET_MUST_USE;
void det_objects_release(struct det_objects *o);

struct det_assign_params {
	double high; /* an IoU of at least this matches */
	double low;  /* below: nothing; from here to `high`: ignored */
	/* below this a spot is ignored, not trained towards nothing: Fast R-CNN's .1. Does
	 * not count in an image without objects. */
	double least;
	int low_open; /* 1: an IoU of `low` itself is nothing too (keras-retinanet) */
	/* Spots that overlap an object as much as any other does (all that tie) match,
	 * however little that is - each with its own best object, which may be another.
	 * Where the most is 0, all spots that don't touch that object match:
	 * py-faster-rcnn's and torchvision's rule. */
	int low_quality;
	int touching; /* ... but not where the most is 0 */
	/* Only spots that lie within the input, 0 .. in_w and 0 .. in_h, take part (of
	 * inclusive corners: x2 < in_w); the others are ignored. 0, 0: all do. */
	double in_w, in_h;
	/* 1: spots whose centre is outside the picture (truth x2, y2) are ignored. */
	int centred;
	struct det_flag_rules flag;
};
#define DET_ASSIGN_RPN                                   \
	{                                                \
		.high = .7, .low = .3, .low_quality = 1, \
		.flag = DET_FLAG_RULES_DEFAULTS          \
	}
#define DET_ASSIGN_ROI                                                 \
	{                                                              \
		.high = .5, .low = .5, .flag = DET_FLAG_RULES_DEFAULTS \
	}
#define DET_ASSIGN_RETINANET                             \
	{                                                \
		.high = .5, .low = .4, .low_quality = 1, \
		.flag = DET_FLAG_RULES_DEFAULTS          \
	}

/* Memory and results of matchers. Start from {0}. */
struct det_assign {
	int32_t *to; /* s->n: object of the truth, or DET_ASSIGN_* */
	float *iou;  /* s->n: with the best object; 0 where there is none */
	size_t n;
	size_t positive, negative; /* how many have an object, are NONE */
	size_t unmatched;          /* objects that no spot was given */
	/* private */
	float *row, *most;
	int32_t *best;
	unsigned char *skip;
	size_t *seat;
	size_t cap, cap_most;
};
void det_assign_release(struct det_assign *a);

/* out->to and the counts. */
enum det_err det_assign_run(struct det_assign *out, const struct det_spots *s,
    const struct det_example *t, const struct det_objects *o,
    const struct det_assign_params *p) DET_MUST_USE;

enum det_assign_ssd_form {
	/* Each spot with its best object where that is `iou` or more; then each object's
	 * best spot is its own, a later object taking it from an earlier one. An object that
	 * touches no spot gets the first. torchvision's. */
	DET_ASSIGN_SSD_TV,
	/* The pair that overlaps most, of those whose object and spot are both free, again
	 * and again while more than 1e-6; then the others by the threshold. Caffe's. */
	DET_ASSIGN_SSD_CAFFE,
};
struct det_assign_ssd_params {
	double iou; /* .5 */
	int form;
	struct det_flag_rules flag;
};
enum det_err det_assign_ssd(struct det_assign *out, const struct det_spots *s,
    const struct det_example *t, const struct det_objects *o,
    const struct det_assign_ssd_params *p) DET_MUST_USE;

#endif
