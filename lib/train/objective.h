/* SPDX-License-Identifier: MIT
 *
 * What a detector is trained towards: from the output maps of a net and the objects of each
 * image to terms of a loss, and to the gradient of their sum by the maps. Each kind of
 * detector has one in a file of its own (obj_ssd.c, obj_yolo2.c, ...); this is what they have
 * in common, and how the loop finds them.
 *
 * An objective takes its anchors, coder and classes from the text that decodes the same maps
 * ("decode", or "propose" of an RPN), so that training and detection can't disagree, and the
 * rest from a line of keys,
 *
 *   ssd profile=tv iou=.5 neg=3
 *
 * which comes from the model's text "train" or from the user; without one, the profile's
 * values hold. formats/train.md has the keys.
 */
#ifndef DET_OBJECTIVE_H
#define DET_OBJECTIVE_H

#include <stdint.h>

#include "base/line.h"
#include "base/tensor.h"
#include "box/anchors.h"
#include "box/decode_line.h"
#include "stream/boxes.h"

/* The objects of an image. Corners in pixels of the network's input, sides above 0; labels
 * below the number of classes; flags as annotated. */
struct det_example {
	const struct det_box *box;
	size_t n;
	/* where the picture lies in the input, without padding */
	double x1, y1, x2, y2;
};

/* Boxes that came with an image: where its objects may be. Corners in pixels of the
 * network's input, within the picture, sides above 0. */
struct det_proposed {
	const struct det_box *box;
	size_t n;
};

/* A batch, after the forward pass. */
struct det_objective_in {
	const struct det_tensor
	    *map; /* (N,C,H,W), those of the text's lines, in order */
	const struct det_example *truth; /* N */
	size_t n;
	size_t in_h, in_w;  /* of the input tensor */
	uint64_t seed, run; /* samplers draw from (seed, purpose, run) */
	uint64_t seen;      /* images trained on before this batch */
};

#define DET_OBJECTIVE_TERMS 12

/* Objects, and those of them that none of the detector's candidates was to learn: their
 * anchors overlap them too little, their cell is another object's, they are too small. */
struct det_tally {
	uint64_t objects, unmatched;
};

struct det_objective {
	void *self;
	const char *const
	    *term; /* names of the terms, NULL-ended; at most DET_OBJECTIVE_TERMS */
	/* Sets grad[i], of map i's shape, to the gradient of the sum of the terms, and
	 * value[t]. An object that no anchor can be matched to is counted (tally), not an
	 * error. DET_INVALID where a value is not finite, naming the term and the image. */
	enum det_err (*run)(void *self, const struct det_objective_in *in,
	    float *const *grad, double *value);
	void (*free)(void *self);
	/* Numbers that the next run depends on (a moving average): saved in checkpoints and
	 * put back. Owned by self; NULL and 0 where there are none. */
	double *state;
	size_t n_state;
	/* Of the last run, owned by self; NULL: of pictures, not objects. */
	const struct det_tally *tally;
};

struct det_objective_params {
	const struct det_decode *decode;
	const struct det_anchors *anchors; /* NULL: the model has none */
	struct det_line
	    *line; /* keys; an objective takes those it knows, the caller calls
				* det_line_unused */
	int threads;
};

struct det_objective_kind {
	const char *name; /* the first word of the line: "ssd" */
	const char *about;
	/* Whether a model of this decode text is trained so where nothing is said. */
	int (*fits)(const struct det_decode *d);
	enum det_err (*open)(
	    struct det_objective *out, const struct det_objective_params *p);
};

/* One a file, obj_NAME.c. */
extern const struct det_objective_kind det_objective_ssd, det_objective_retinanet,
    det_objective_rpn, det_objective_yolo1, det_objective_yolo2, det_objective_yolo3,
    det_objective_classes;

/* By name; and by the decode text. NULL where there is none. */
const struct det_objective_kind *det_objective_find(const char *name);
const struct det_objective_kind *det_objective_for(const struct det_decode *d);

#endif
