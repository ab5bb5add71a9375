/* SPDX-License-Identifier: MIT
 *
 * A picture made into a network's input: placed, resized, normalised.
 */
#ifndef DET_PREP_H
#define DET_PREP_H

#include "image/fit.h"
#include "image/norm.h"

struct det_prep {
	struct det_fit fit;
	enum det_kernel kernel;
	struct det_norm norm;
	/* 0: resize, then normalise. 1: normalise, then resize as floats (torchvision,
	 * py-faster-rcnn); matters in the last bits, and to OpenCV, which rounds bytes. */
	int norm_first;
	double fill;  /* of a letterbox, as a byte 0..255 before normalisation */
	int fill_all; /* of whatever the picture does not cover */
};

#define DET_PREP_DEFAULTS                                                        \
	{                                                                        \
		{ DET_FIT_NONE, 0, 0, 0, 0, DET_RULE_TV, 0, DET_MAP_FRAMEWORK }, \
		    DET_KERNEL_DARKNET, DET_NORM_DEFAULTS, 0, 127.5, 0           \
	}

/* DET_INVALID where the parameters contradict each other or miss something. */
enum det_err det_prep_check(const struct det_prep *p) DET_MUST_USE;

/* out (1,3,in_h,in_w), allocated by the caller, from a picture that `place` was computed
 * for; the picture may be smaller than that by scaled decoding. What the picture does not
 * cover is the fill value (letterbox, fill_all) or 0 (padding to a multiple). */
enum det_err det_prep_run(float *out, const struct det_prep *p,
    const struct det_place *place, const struct det_image *im) DET_MUST_USE;

#endif
