/* SPDX-License-Identifier: MIT
 *
 * The light of a picture changed at random, for training: brightness, contrast, saturation,
 * exposure, hue.
 */
#ifndef DET_LIGHT_H
#define DET_LIGHT_H

#include "base/random.h"
#include "image/image.h"

/* How far each may go. With `ratio` a factor f is drawn from [1, f] and as often inverted,
 * as Darknet does; else from [2 - f, f], as Caffe-SSD does, whose .5 to 1.5 is f = 1.5. */
struct det_light_params {
	double prob;       /* of each of the five, alone */
	int ratio;         /* how the factors are drawn */
	double brightness; /* at most this many grey levels (of 255) more or less */
	double contrast, saturation, exposure; /* factors, 1: as it is; at most 2 */
	double hue;                            /* degrees to either side, at most 180 */
};

#define DET_LIGHT_DEFAULTS          \
	{                           \
		0, 0, 0, 1, 1, 1, 0 \
	}

/* DET_INVALID where a value is out of its range. */
enum det_err det_light_check(const struct det_light_params *p) DET_MUST_USE;

/* What was drawn. */
struct det_light {
	double add;                            /* grey levels */
	double contrast, saturation, exposure; /* factors */
	double hue;                            /* degrees, [0, 360) */
	int contrast_last; /* after saturation, exposure and hue, not before them */
};

/* Changes nothing. */
#define DET_LIGHT_NONE           \
	{                        \
		0, 1, 1, 1, 0, 0 \
	}

/* Draws the same number of times whatever the parameters are. */
void det_light_draw(
    struct det_light *out, const struct det_light_params *p, struct det_random *r);

/* In place. The result does not depend on the processor. */
void det_light_apply(struct det_image *im, const struct det_light *l);

#endif
