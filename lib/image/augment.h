/* SPDX-License-Identifier: MIT
 *
 * Augmentation for training: random views of a picture, its light changed, and its boxes
 * with it.
 */
#ifndef DET_AUGMENT_H
#define DET_AUGMENT_H

#include "image/light.h"
#include "image/view.h"
#include "stream/boxes.h"

struct det_augment {
	double mirror;     /* probability */
	double vmirror;    /* of standing on its head: for what has no above */
	double expand;     /* probability of looking at it from further away, ... */
	double expand_max; /* ... at most this many times its sides; >= 1 */
	int crop;          /* the seven samplers of SSD */
	/* A letterbox: the aspect changed by up to this share of either side, and put
	 * anywhere on the canvas. Otherwise: each edge of the window moved by up to this
	 * share of the side. Below .5. */
	double jitter;
	struct det_light_params light;
	/* An object that the window cuts is kept where its centre shows ... */
	int by_centre;
	double visible; /* ... and at least this share of its area does; 0..1 */
};

#define DET_AUGMENT_DEFAULTS                               \
	{                                                  \
		0, 0, 0, 1, 0, 0, DET_LIGHT_DEFAULTS, 0, 0 \
	}

/* Reads a line "PROFILE key=value ...", as "ssd expand=.5,2 hue=0": the values of a profile
 * (none, flip, ssd, yolo), and others in their place: mirror, vmirror, expand (probability, ratio),
 * crop, jitter, centre, visible, light (probability), factors (linear, ratio), brightness,
 * contrast, saturation, exposure, hue. */
enum det_err det_augment_parse(struct det_augment *a, const char *text) DET_MUST_USE;

/* DET_INVALID where a value is out of its range. */
enum det_err det_augment_check(const struct det_augment *a) DET_MUST_USE;

/* Draws a view of a picture of w x h, of which `gt` are the objects (space image, inside the
 * picture, no side 0). */
void det_augment_draw(struct det_view *out, const struct det_augment *a,
    const struct det_boxes *gt, enum det_fit_kind fit, size_t w, size_t h,
    struct det_random *r);

/* What is left of the objects of a picture seen so: those that the rule leaves out are
 * dropped, the others cut at the part that shows, with their annotated areas in proportion;
 * one that is cut is also left out where less than a pixel of the input is left of a side. */
void det_augment_boxes(struct det_boxes *gt, const struct det_augment *a,
    const struct det_window *part, const struct det_transform *map);

/* Boxes of a picture of w x h fit for training: those without an area or outside the picture
 * are dropped, the others cut at its edges. *dropped is their number, *first the first of
 * them and *why what is wrong with it. */
void det_augment_clean(struct det_boxes *gt, size_t w, size_t h, size_t *dropped,
    size_t *first, const char **why);

#endif
