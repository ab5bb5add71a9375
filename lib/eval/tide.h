/* SPDX-License-Identifier: MIT
 *
 * What kinds of error an evaluation's AP is lost to.
 */
#ifndef DET_TIDE_H
#define DET_TIDE_H

#include "eval/byimage.h"

enum det_tide_type {
	DET_TIDE_CLS,  /* well placed, of another class */
	DET_TIDE_LOC,  /* of the right class, badly placed */
	DET_TIDE_BOTH, /* neither */
	DET_TIDE_DUPE, /* a second detection of an object */
	DET_TIDE_BKG,  /* nothing there */
	DET_TIDE_MISS, /* an object that no error above would find if mended */
	DET_TIDE_TYPES,
};

struct det_tide_params {
	double pos, bg;  /* IoU of a hit; below bg nothing is there */
	size_t max_dets; /* best detections of an image, over all classes */
	uint32_t ignore; /* DET_BOX_* flags of objects that count neither way */
};

#define DET_TIDE_DEFAULTS                  \
	{                                  \
		.5, .1, 100, DET_BOX_CROWD \
	}

struct det_tide {
	struct det_tide_params p;
	double ap;                    /* at IoU pos, 0 .. 1; -1: nothing to be found */
	size_t count[DET_TIDE_TYPES]; /* errors */
	double
	    gain[DET_TIDE_TYPES]; /* of AP, were that type alone mended; not below 0 */
	double gain_fp,
	    gain_fn; /* no false positive scored above a true one; all found */
};

/* "Cls" and so on; and a line on it. */
const char *det_tide_name(enum det_tide_type type, const char **about);

enum det_err det_tide_run(struct det_tide *out, const struct det_eval_set *s,
    const struct det_tide_params *p) DET_MUST_USE;

#endif
