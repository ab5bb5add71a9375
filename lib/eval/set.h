/* SPDX-License-Identifier: MIT
 *
 * What an evaluation compares: images, classes, ground truth and detections, in arrays as
 * compact as exactness allows. Filled from streams, from COCO JSON, from VOC folders and
 * text; read by the rules (eval/eval.h).
 *
 * A box is held by its corners in continuous pixel coordinates and by the product of its
 * sides, taken from what the source has: of x y w h the product w h and the corner x + w, of
 * corners the product (x2 - x1)(y2 - y1). So each rule computes from exactly the numbers
 * that the implementation which it follows computes from, to the last bit.
 *
 * Order of filling: classes, then images, then boxes.
 */
#ifndef DET_EVAL_SET_H
#define DET_EVAL_SET_H

#include <stddef.h>
#include <stdint.h>

#include "base/idmap.h"
#include "stream/boxes.h"
#include "stream/item.h"

/* Larger coordinates are refused, so that no area is infinite. */
#define DET_EVAL_MAX_COORD 1e100

struct det_eval_image {
	int64_t id; /* the data set's, or a number in order */
	char *name; /* path or stem; "" where unknown */
};

struct det_eval_rect {
	double x1, y1, x2, y2;
	double size; /* product of the sides */
};

struct det_eval_gt {
	struct det_eval_rect r;
	double area;    /* as annotated; r.size where it is not */
	int64_t id;     /* of the annotation, or its number in its file */
	uint32_t image; /* index into set->image */
	int32_t label;  /* index into set->classes; -1: unknown, takes no part */
	uint32_t flags; /* DET_BOX_DIFFICULT, DET_BOX_CROWD, DET_BOX_IGNORE */
};

struct det_eval_det {
	struct det_eval_rect r;
	double score;
	uint32_t image;
	int32_t label;
};

struct det_eval_set {
	struct det_classes classes;
	struct det_eval_image *image;
	struct det_eval_gt *gt;   /* in the order they were added, */
	struct det_eval_det *det; /* which decides between equals */
	size_t n_image, n_gt, n_det;
	/* private */
	size_t cap_image, cap_gt, cap_det;
	struct det_idmap ids, sources; /* names below: by their hashes */
	struct det_idmap names, stems, class_names;
};

/* Start from {0}. */
void det_eval_set_release(struct det_eval_set *s);

/* Copies the class table; once, before any box. DET_INVALID where a source id occurs
 * twice. Of classes with the same name the first is found. */
enum det_err det_eval_set_classes(
    struct det_eval_set *s, const struct det_classes *c) DET_MUST_USE;

/* Adds an image. DET_INVALID where its id is there already. `name` is copied; may be NULL. */
enum det_err det_eval_set_image(
    uint32_t *index, struct det_eval_set *s, int64_t id, const char *name) DET_MUST_USE;

/* Index or label; -1 where there is none. A class that has no source id is found by name
 * only. Of images with the same name the first is found. */
int64_t det_eval_find_image(const struct det_eval_set *s, int64_t id);
int64_t det_eval_find_image_name(const struct det_eval_set *s, const char *name);
/* By the name without folders and without its last ending, as VOC's files have it. */
int64_t det_eval_find_image_stem(const struct det_eval_set *s, const char *stem);
int32_t det_eval_find_class(const struct det_eval_set *s, int64_t source);
int32_t det_eval_find_class_name(const struct det_eval_set *s, const char *name);

/* A rectangle of x y w h or of corners. DET_INVALID, saying what was found, for NaN,
 * infinity, a negative side, or more than DET_EVAL_MAX_COORD. */
enum det_err det_eval_rect_xywh(
    struct det_eval_rect *r, const double xywh[4]) DET_MUST_USE;
enum det_err det_eval_rect_corners(
    struct det_eval_rect *r, const double c[4]) DET_MUST_USE;

/* Adds a box whose rectangle was made by one of the above. A negative area means
 * that none is annotated. DET_INVALID for a score or an area that is no number, an image or
 * a label out of range. */
enum det_err det_eval_add_gt(
    struct det_eval_set *s, const struct det_eval_gt *b) DET_MUST_USE;
enum det_err det_eval_add_det(
    struct det_eval_set *s, const struct det_eval_det *b) DET_MUST_USE;

/* A stream's list: all boxes of `b` (which must be in space image) as ground truth or as
 * detections of the image. label[i] is the set's label for label i of the stream's class
 * table of n labels (-1: none); NULL: they are the same. DET_INVALID where a label is not in
 * that table. */
enum det_err det_eval_add_gt_list(struct det_eval_set *s, uint32_t image,
    const struct det_boxes *b, const int32_t *label, size_t n) DET_MUST_USE;
enum det_err det_eval_add_det_list(struct det_eval_set *s, uint32_t image,
    const struct det_boxes *b, const int32_t *label, size_t n) DET_MUST_USE;

#endif
