/* SPDX-License-Identifier: MIT
 *
 * What the decoders share. Private to lib/box.
 */
#ifndef DET_DECODE_IMPL_H
#define DET_DECODE_IMPL_H

#include <math.h>

#include "base/line.h"
#include "box/coder.h"
#include "box/decode_line.h"

struct det_decode_job;

struct det_decode_names {
	const char **name;
	size_t n, cap;
};

struct det_decode {
	struct det_decode_line *line;
	size_t n, cap;
	struct det_decode_names maps, lists, grids; /* strings are the lines' */
	const struct det_anchors *anchors;          /* bound; NULL: none */
};

struct det_decode_kind {
	const char *name;
	/* takes its keys from the line; may set list and grid, malloc'd */
	enum det_err (*parse)(struct det_decode_line *m, struct det_line *l);
	/* `x` is the (first) map's data, `count` its elements; checks the shape */
	enum det_err (*run)(struct det_decode_job *j, const struct det_tensor *t,
	    const float *x, size_t count);
	size_t maps; /* how many it takes, at least 1 */
	int spare;   /* the last of them may be missing */
	int rows;    /* maps have a row a proposal, maybe none, instead of N = 1 */
	int scans;   /* run looks for NaN and infinity by itself, as it reads */
};

extern const struct det_decode_kind det_decode_yolo3, det_decode_region,
    det_decode_detection, det_decode_classes, det_decode_anchors, det_decode_rcnn;

/* One line at work. */
struct det_decode_job {
	const struct det_decode_line *m;
	const struct det_tensor *map[DET_DECODE_INPUTS];
	const struct det_boxes *list;      /* what `boxes=` names */
	const struct det_tensor *grid;     /* what `map=` names; NULL: none came ... */
	const struct det_anchors *anchors; /* ... but the model's text has it, as
					    * number m->bound */
	struct det_boxes *out;
	float thresh;
	double in_w, in_h;
	double clip[4]; /* x1 y1 x2 y2 of the picture in the input */
	double scale;   /* input pixels a pixel of the original */
	long top;       /* of this line; 0: all */
	/* of each class: as many boxes as top_per_class asks for are scored so, or
	 * better; NULL: no line has that key */
	float *class_floor;
	size_t
	    base; /* number of this map's first candidate; run adds how many it has */
};

/* Keys that kinds share. Anchors are required, in pairs, above 0. */
enum det_err det_decode_anchor_pairs(
    struct det_decode_line *m, struct det_line *l) DET_MUST_USE;
enum det_err det_decode_class_count(
    struct det_decode_line *m, struct det_line *l) DET_MUST_USE;
/* classes= and all of struct det_decode_delta: weights= clamp= coder= plus_one background=
 * score= clip= min_size= min_scaled. The caller sets the defaults before. */
enum det_err det_decode_delta_keys(
    struct det_decode_line *m, struct det_line *l) DET_MUST_USE;

/* Checks that t is (1, channels, H, W). */
enum det_err det_decode_check_map(const struct det_decode_line *m,
    const struct det_tensor *t, size_t channels) DET_MUST_USE;

/* The message for the NaN or infinity at element i of the line's map number `which`. */
enum det_err det_decode_fail_bad(
    const struct det_decode_job *j, size_t which, size_t i) DET_MUST_USE;

/* Adds a box given by centre and size relative to the input; DET_INVALID where it is not
 * finite, saying where. */
struct det_decode_at {
	size_t row, col, anchor; /* for messages; of `rcnn`: the proposal is the row */
	size_t candidate;        /* within the map */
};
struct det_decode_rel {
	float x, y, w, h;
};
enum det_err det_decode_add(struct det_decode_job *j, const struct det_decode_rel *r,
    float score, size_t label, const struct det_decode_at *at) DET_MUST_USE;

/* Adds a finite box by its corners in the input's pixels: what all of these end in. */
enum det_err det_decode_add_box(struct det_decode_job *j, const double box[4],
    float score, int32_t label, const struct det_decode_at *at) DET_MUST_USE;

/* A box from an anchor (or proposal) and its delta (NULL: none), decoded, cut by `clip` and held against
 * min_size: *keep says whether it is left. DET_INVALID where it is not finite. */
enum det_err det_decode_delta_box(float box[4], int *keep,
    const struct det_decode_job *j, const float anchor[4], const float *delta,
    const struct det_decode_at *at) DET_MUST_USE;
/* Adds it. label -1: none. */
enum det_err det_decode_add_corners(struct det_decode_job *j, const float box[4],
    float score, int32_t label, const struct det_decode_at *at) DET_MUST_USE;

/* Darknet's logistic: exp in double, rounded once to float. */
static inline float
det_decode_logistic(float x)
{
	return (float)(1. / (1. + exp(-(double)x)));
}

/* Darknet's softmax over n values `stride` apart; y has n places, together. */
void det_decode_softmax(float *y, const float *x, size_t n, size_t stride);

#endif
