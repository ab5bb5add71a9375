/* SPDX-License-Identifier: MIT
 *
 * What a line of a decode text says, for those who need the arithmetic of a head and not its
 * boxes: training makes targets by the same anchors, coder and classes that decoding undoes.
 */
#ifndef DET_DECODE_LINE_H
#define DET_DECODE_LINE_H

#include "box/coder.h"
#include "box/decode.h"

#define DET_DECODE_ANCHORS 64    /* at most, of one map */
#define DET_DECODE_CLASSES 65536 /* at most */
#define DET_DECODE_INPUTS  2     /* maps of a line, at most */

enum det_decode_background {
	DET_BACKGROUND_NONE,
	DET_BACKGROUND_FIRST,
	DET_BACKGROUND_LAST,
};

enum det_decode_score {
	DET_SCORE_SIGMOID,
	DET_SCORE_SOFTMAX,
	DET_SCORE_LINEAR, /* the number itself: the margin of an SVM; rcnn only */
};

enum det_decode_clip {
	DET_CLIP_NONE,
	DET_CLIP_EDGE,      /* to [0, W] */
	DET_CLIP_INCLUSIVE, /* to [0, W - 1]: py-faster-rcnn's last pixel */
};

/* What the decoders of box deltas (anchors, rcnn) share. */
struct det_decode_delta {
	struct det_coder coder;
	int background; /* enum det_decode_background */
	int score;      /* enum det_decode_score */
	int clip;       /* enum det_decode_clip */
	float min_size; /* boxes with a side below are dropped; 0: none are */
	int min_scaled; /* ... which counts pixels of the original picture */
};

struct det_decode_kind;

/* One line of the text. Fields that a kind does not use are 0. */
struct det_decode_line {
	const struct det_decode_kind *kind;
	char *map[DET_DECODE_INPUTS]; /* names; NULL beyond `maps` */
	size_t maps;                  /* how many: rcnn has one where boxes stay */
	char *list;                   /* boxes=; NULL: none is wanted */
	char *grid;                   /* map=, whose anchors are wanted; NULL: none */
	long classes, net_w, net_h;
	long side, num;                       /* detection */
	float anchor[2 * DET_DECODE_ANCHORS]; /* w, h */
	size_t anchors;
	float scale_xy;                /* yolo3 */
	int new_coords;                /* yolo3 */
	int softmax;                   /* region, detection, classes */
	int background;                /* region */
	int square_root;               /* detection */
	long top;                      /* classes, anchors */
	struct det_decode_delta delta; /* anchors, rcnn */
	long top_per_class;            /* anchors */
	int class_major;               /* anchors: channel k*A + a */
	int min_first;                 /* anchors: min_size before top */
	int agnostic;                  /* rcnn */
	int unscaled;                  /* rcnn */
	/* rcnn: what the network's deltas were normalised by, four numbers each of one
	 * class after another, or four for all; norms 0: by nothing, NULL */
	float *mean, *std;
	size_t norms; /* 0, 1, classes */
	/* where its inputs stand among those of the whole text */
	size_t map_at, list_at, grid_at;
	size_t bound; /* the grid's map in the model's anchors */
};

/* The i-th line, NULL past the end, and the word that it begins with ("anchors"). */
const struct det_decode_line *det_decode_line(const struct det_decode *d, size_t i);
const char *det_decode_line_word(const struct det_decode_line *m);

/* Where things stand in the rows of a line `rcnn`. */
struct det_decode_columns {
	size_t classes, scores, deltas; /* K; columns of CLS; columns of BOX */
	size_t first_score;             /* column of class 0 */
	size_t first_delta, step;       /* of class 0, and to the next class */
};
/* For a BOX of so many columns; 0 where no such line has as many. A line without BOX has
 * none of them. */
int det_decode_columns(struct det_decode_columns *y, const struct det_decode_line *m,
    size_t deltas) DET_MUST_USE;

/* Between deltas of class k as the coder has them and as the network does: target to network,
 * and back. */
void det_decode_normalise(float delta[4], const struct det_decode_line *m, size_t k);
void det_decode_restore(
    float out[4], const struct det_decode_line *m, size_t k, const float delta[4]);

#endif
