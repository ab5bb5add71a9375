/* SPDX-License-Identifier: MIT
 *
 * What the decoders share. Private to lib/box.
 */
#ifndef DET_DECODE_IMPL_H
#define DET_DECODE_IMPL_H

#include <math.h>

#include "base/line.h"
#include "box/decode.h"

#define DET_DECODE_ANCHORS 64    /* at most, of one map */
#define DET_DECODE_CLASSES 65536 /* at most */

struct det_decode_job;

/* One line of the text. Fields that a kind does not use are 0. */
struct det_decode_map {
	const struct det_decode_kind *kind;
	char *name;
	long classes, net_w, net_h;
	long side, num;                       /* detection */
	float anchor[2 * DET_DECODE_ANCHORS]; /* w, h */
	size_t anchors;
	float scale_xy;  /* yolo3 */
	int new_coords;  /* yolo3 */
	int softmax;     /* region, detection, classes */
	int background;  /* region */
	int square_root; /* detection */
	long top;        /* classes */
};

struct det_decode_kind {
	const char *name;
	/* takes its keys from the line */
	enum det_err (*parse)(struct det_decode_map *m, struct det_line *l);
	/* `x` is the map's data, `count` its elements, all finite; checks the shape */
	enum det_err (*run)(struct det_decode_job *j, const struct det_tensor *t,
	    const float *x, size_t count);
};

extern const struct det_decode_kind det_decode_yolo3, det_decode_region,
    det_decode_detection, det_decode_classes;

/* One map at work. */
struct det_decode_job {
	const struct det_decode_map *m;
	struct det_boxes *out;
	float thresh;
	double in_w, in_h;
	size_t
	    base; /* number of this map's first candidate; run adds how many it has */
};

/* Keys that kinds share. Anchors are required, in pairs, above 0. */
enum det_err det_decode_anchors(
    struct det_decode_map *m, struct det_line *l) DET_MUST_USE;
enum det_err det_decode_class_count(
    struct det_decode_map *m, struct det_line *l) DET_MUST_USE;

/* Checks that t is (1, channels, H, W). */
enum det_err det_decode_check_map(const struct det_decode_map *m,
    const struct det_tensor *t, size_t channels) DET_MUST_USE;

/* Adds a box given by centre and size relative to the input; DET_INVALID where it is not
 * finite, saying where. */
struct det_decode_at {
	size_t row, col, anchor; /* for messages */
	size_t candidate;        /* within the map */
};
struct det_decode_rel {
	float x, y, w, h;
};
enum det_err det_decode_add(struct det_decode_job *j, const struct det_decode_rel *r,
    float score, size_t label, const struct det_decode_at *at) DET_MUST_USE;

/* Darknet's logistic: exp in double, rounded once to float. */
static inline float
det_decode_logistic(float x)
{
	return (float)(1. / (1. + exp(-(double)x)));
}

/* Darknet's softmax over n values `stride` apart; y has n places, together. */
void det_decode_softmax(float *y, const float *x, size_t n, size_t stride);

#endif
