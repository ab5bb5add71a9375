/* SPDX-License-Identifier: MIT
 *
 * What the files of the second stage share. Private to lib/train.
 */
#ifndef DET_SECOND_IMPL_H
#define DET_SECOND_IMPL_H

#include "box/nms.h"
#include "roi/rows.h"
#include "train/assign.h"
#include "train/second.h"

/* What the line asks of the decode line. */
enum det_second_norm {
	DET_SECOND_NORM_ANY,
	DET_SECOND_NORM_CLASS, /* mean and std of each class are there */
};

/* How rows are chosen and what they cost: keys of the line "rcnn". */
struct det_second_params {
	long pre,
	    post; /* proposals of a map that compete, of an image that are left; 0: all */
	struct det_assign_params assign;
	long sample;     /* rows of an image, at most */
	double positive; /* share of them that may have an object */
	double beta;     /* of smooth L1 */
	double box_weight;
	int own;  /* objects are proposals as well */
	int norm; /* enum det_second_norm */
	int hold; /* keep the rows of the step before: for tests of gradients */
};

/* One line of the text "decode", rcnn(cls, box) or rcnn(cls), over what the nets on rows put
 * out. */
struct det_second {
	struct det_second_params p;
	int given; /* proposals come with the batch */
	struct det_rows_params rows;
	struct det_nms_params nms;
	const char *map_name[DET_ROWS_MAPS]; /* in maps_text */
	struct det_system_wire map[DET_ROWS_MAPS];
	size_t levels;
	char *maps_text;
	struct det_decode *decode;
	const struct det_decode_line *line;
	struct det_system_wire cls, box;
	size_t classes;

	/* of one image */
	struct det_boxes list; /* proposals, then objects */
	struct det_boxes truth;
	float *corner; /* of the list's boxes */
	size_t corner_cap;
	struct det_spots spots;
	struct det_objects objects;
	struct det_assign assign;
	float *iou; /* of the list with an object */
	size_t iou_cap;

	struct det_tally tally; /* of given proposals */
	/* of the batch: a row each, image by image */
	struct det_boxes chosen;
	struct det_box *object; /* what it is trained towards; label -1: nothing */
	struct det_roi *roi;    /* of what is cut out: the box alone */
	size_t object_cap, roi_cap;
	size_t *first; /* row of each image, and their number at the end */
	size_t first_cap;
	struct det_roi_map *map_of; /* image * levels + level */
	float **grad_of;            /* of each */
	size_t map_cap, grad_cap;
	float *row, *row_grad; /* (rows, C, h, w) */
	size_t row_cap, row_grad_cap;
	int32_t *label;
	size_t label_cap;
};

/* The values and gradients of what the decode line names; box NULL: it has none. */
struct det_second_out {
	struct det_system_out *cls, *box;
};

/* Parses the text "decode" and takes the line (NULL: none), for a d that is {0} but for
 * `given`. What det_second_open does besides is the nets'. */
enum det_err det_second_read(
    struct det_second *d, const struct det_model *m, struct det_line *l) DET_MUST_USE;
/* Frees what d holds; det_second_free d as well. */
void det_second_release(struct det_second *d);

/* Which object each box of one image is trained towards: d->list, of the proposals given or
 * (NULL) as it is, with the objects; and d->assign. *t is the truth in the coder's
 * coordinates, until the next call. */
enum det_err det_second_match(struct det_second *d, struct det_example *t,
    const struct det_example *truth, const struct det_proposed *given) DET_MUST_USE;
/* The deltas from a box to its object, before they are normalised. */
void det_second_target(float target[4], const struct det_second *d, const float from[4],
    const struct det_box *object);

/* From the model's options of det-roipool and, unless proposals are given, det-propose, and
 * the line (NULL: none). */
enum det_err det_second_options(
    struct det_second *d, const struct det_model *m, struct det_line *l) DET_MUST_USE;

/* Fills chosen, object, first and roi (its map within the levels of its image; images follow
 * one another: image * levels + level) from the first stage's outputs, or the proposals
 * given. `maps` are those that rows are pooled from, with their scales, of one image each;
 * of what is cut out they are not looked at. */
enum det_err det_second_sample(struct det_second *d, struct det_system *s,
    const struct det_batch *b, const struct det_roi_map *maps) DET_MUST_USE;

/* The loss over all rows, after the forward pass: value[0] classes, value[1] boxes; sets
 * the gradients of o. */
enum det_err det_second_loss(
    struct det_second *d, const struct det_second_out *o, double *value) DET_MUST_USE;

#endif
