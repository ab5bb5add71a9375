/* SPDX-License-Identifier: MIT
 *
 * Reads, decodes and prepares pictures on other threads, ahead of the caller; gives them in
 * the order of their inputs. Memory holds no more than threads + 1 prepared pictures.
 */
#ifndef DET_FEED_H
#define DET_FEED_H

#include "image/epochs.h"
#include "image/image.h"
#include "image/inputs.h"
#include "image/prep.h"
#include "stream/scale.h"

struct det_feed_params {
	/* Training: the items come from here, each with its lesson; there are no inputs, and
	 * flip is not looked at. NULL: none. */
	struct det_epochs *epochs;
	struct det_prep prep; /* of a lesson: all but its fit */
	/* Besides prep.fit.short_side: each picture is also resized to these. Not of
	 * lessons. */
	long shorts[DET_SCALES - 1];
	size_t more;
	struct det_image_params decode; /* need and ctx are set here */
	int flip;        /* mirror each: left becomes right; place.map says so */
	int scaled;      /* decode JPEGs at a fraction where that is enough */
	int keep_source; /* give the encoded bytes too; those of standard input always */
	size_t max_bytes;
	int threads; /* at least 1 */
};

struct det_picture {
	struct det_input input; /* .path; .data and .size where the source is kept */
	enum det_err err;       /* why there is no tensor */
	char *message;
	struct det_image_info info;
	struct det_place place;
	struct det_lesson lesson; /* in training */
	float *tensor;            /* (1,3,place.in_h,place.in_w) */
	/* the same at further scales, as many as `more` */
	struct det_place more_place[DET_SCALES - 1];
	float *more_tensor[DET_SCALES - 1];
};

struct det_feed;

/* The inputs (or epochs) are used by the feed's threads until det_feed_free, which waits for them;
 * one that waits for standard input is waited for. */
enum det_err det_feed_new(struct det_feed **out, struct det_inputs *in,
    const struct det_feed_params *p) DET_MUST_USE;
void det_feed_free(struct det_feed *f);

/* The next picture, the feed's until the next call; NULL at the end. A picture that can't
 * be had is given with .err; an input that can't be cut into pictures ends the sequence
 * with one such. */
struct det_picture *det_feed_next(struct det_feed *f);

#endif
