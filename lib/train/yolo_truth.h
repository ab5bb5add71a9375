/* SPDX-License-Identifier: MIT
 *
 * What the three YOLOs share in training: their objects relative to the input, overlaps of
 * boxes given by centre and size, squares and cross-entropies with their derivatives, and
 * the loop over the images of a batch. Private to lib/train.
 */
#ifndef DET_YOLO_TRUTH_H
#define DET_YOLO_TRUTH_H

#include <float.h>
#include <math.h>

#include "base/size.h"
#include "train/anchored.h"
#include "train/objective.h"

/* Centre and size, relative to the input: 0 .. 1. */
struct det_yolo_box {
	double x, y, w, h;
};

struct det_yolo_object {
	struct det_yolo_box box;
	size_t label;
};

struct det_yolo_objects {
	struct det_yolo_object *object;
	size_t n, cap;
};

/* --- arithmetic ------------------------------------------------------------------------- */

static inline double
det_yolo_logistic(double x)
{
	return 1 / (1 + exp(-x));
}

/* exp of a raw width or height: where areas would leave the range of a float it stays, so
 * that a wild prediction overlaps nothing and spoils nothing. */
static inline double
det_yolo_exp(double x)
{
	return exp(x < -60 ? -60 : x > 60 ? 60 : x);
}

static inline double
det_yolo_entropy_part(double t)
{
	return t > 0 ? t * log(t) : 0;
}

/* -t log s - (1 - t) log(1 - s), s the logistic of x, less what it is at s = t: the same
 * gradient, s - t, and 0 where nothing is left to learn though t be between 0 and 1. */
static inline double
det_yolo_cross(double x, double t)
{
	return (x > 0 ? x : 0) - x * t + log1p(exp(-fabs(x))) +
	       det_yolo_entropy_part(t) + det_yolo_entropy_part(1 - t);
}

/* scale times the above, and its derivative. */
static inline double
det_yolo_cross_grad(float *grad, float x, double target, double scale)
{
	*grad = (float)(scale * (det_yolo_logistic((double)x) - target));
	return scale * det_yolo_cross((double)x, target);
}

/* 1/2 scale (x - target)^2 and its derivative. */
static inline double
det_yolo_square(float *grad, float x, double target, double scale)
{
	const double d = (double)x - target;

	*grad = (float)(scale * d);
	return scale * d * d / 2;
}

/* Softmax cross-entropy of n logits `stride` apart. */
static inline double
det_yolo_softmax(
    float *grad, const float *x, size_t n, size_t stride, size_t label, double scale)
{
	const struct det_columns c = { x, 1, n, stride, 1 };
	const int32_t k = (int32_t)label;

	return det_loss_softmax(grad, &c, &k, NULL, scale);
}

/* Of two boxes; 0 where they do not meet or one has no area. */
double det_yolo_iou(const struct det_yolo_box *a, const struct det_yolo_box *b);
/* As if they had one centre. */
double det_yolo_shape_iou(double aw, double ah, double bw, double bh);

/* The cell of n that a centre lies in; centres on the far edge are of the last one. */
static inline size_t
det_yolo_cell(double centre, size_t n)
{
	double at = floor(centre * (double)n);

	return at <= 0 ? 0 : det_least((size_t)at, n - 1);
}

/* --- settings --------------------------------------------------------------------------- */

enum det_yolo_norm {
	DET_YOLO_BY_IMAGES,  /* sums of an image, the mean over the batch: Darknet's */
	DET_YOLO_BY_OBJECTS, /* sums of the batch over the number of its objects, or 1 */
};

enum det_yolo_flagged {
	DET_YOLO_FLAGGED_NOTHING, /* as if they were not there */
	DET_YOLO_FLAGGED_IGNORE, /* what meets them is not taught that there is nothing */
	DET_YOLO_FLAGGED_OBJECT, /* as any object */
};

/* Keys of all three: coord= object= noobj= class= min_side= norm= and those of flags. */
struct det_yolo_keys {
	double coord, object, noobj, cls; /* weights of the terms */
	double min_side; /* objects with a side below, of the input's, are left out */
	int norm;        /* enum det_yolo_norm */
	struct det_flag_rules flag;
};

#define DET_YOLO_FLAGS                           \
	{                                        \
		DET_FLAG_DROP, DET_FLAG_DROP, .7 \
	}

/* What is not on the line stays as it is. */
enum det_err det_yolo_keys_parse(
    struct det_yolo_keys *k, struct det_line *l) DET_MUST_USE;

/* --- a batch ---------------------------------------------------------------------------- */

/* An image at work. */
struct det_yolo_image {
	const struct det_objective_in *in;
	size_t number;
	const struct det_yolo_object *object; /* to be learnt */
	size_t n;
	const struct det_yolo_object *region; /* to be left alone */
	size_t regions;
	double region_over; /* by what lies in it by this share of itself */
	double share;       /* the factor of all terms, in values and gradients */
	float *const *grad; /* zeroed; of the whole batch */
	double *value;      /* terms of this image */
};

/* Whether a box that is no object's is to be taught so: it overlaps no object by more than
 * `ignore` and does not lie in a region to be left alone. */
int det_yolo_is_nothing(
    const struct det_yolo_image *im, const struct det_yolo_box *b, double ignore);

/* Each objective's self begins with one. */
struct det_yolo {
	/* adds the terms of one image, and writes their gradients; sets `learnt` */
	enum det_err (*image)(struct det_yolo *y, const struct det_yolo_image *im);
	size_t learnt; /* how many of the image's objects have a box that learns them */
	struct det_tally tally;
	const struct det_decode *decode;
	struct det_yolo_keys keys;
	const char *const *term;
	size_t terms;
	size_t classes;
	struct det_objects truth; /* of an image */
	struct det_yolo_objects object, region;
};

/* The run of an objective (self is its det_yolo): takes the objects of each image, calls
 * `image` for it and adds up its terms. DET_INVALID where a map or a term is not finite or a
 * label is no class. */
enum det_err det_yolo_run(void *self, const struct det_objective_in *in,
    float *const *grad, double *value) DET_MUST_USE;
void det_yolo_release(struct det_yolo *y);

/* Whether all lines of a decode text begin with `word`. */
int det_yolo_fits(const struct det_decode *d, const char *word);

/* --- maps of anchors, YOLOv2's and v3's --------------------------------------------------- */

/* One image's part of the map (N, A*(5+K), H, W) of a line. Planes of an anchor are x, y,
 * w, h, objectness, classes, each `hw` apart. */
struct det_yolo_map {
	const struct det_decode_line *line;
	const float *x;
	float *grad;
	size_t anchors, entries, h, w, hw;
};

/* DET_INVALID where the map's shape is not what the line says. */
enum det_err det_yolo_map_at(struct det_yolo_map *m, const struct det_yolo *y,
    const struct det_yolo_image *im, size_t line) DET_MUST_USE;

/* A candidate of it: an anchor at a cell. They are numbered anchor, row, column. */
struct det_yolo_spot {
	size_t anchor, row, col;
	size_t at; /* of its plane 0, in x and grad */
};

static inline struct det_yolo_spot
det_yolo_spot(const struct det_yolo_map *m, size_t number)
{
	const size_t anchor = number / m->hw, cell = number % m->hw;
	const struct det_yolo_spot s = { anchor, cell / m->w, cell % m->w,
		anchor * m->entries * m->hw + cell };

	return s;
}

/* Cross-entropies of K logistics, planes from `at` on, towards the labels of all objects
 * whose place is the candidate. */
double det_yolo_class_bits(const struct det_yolo_map *m,
    const struct det_yolo_image *im, const size_t *place, size_t candidate, size_t at,
    double scale);

#endif
