/* SPDX-License-Identifier: MIT
 *
 * Where a picture of w x h goes in the input tensor: its new size, its place on the canvas,
 * and the transform that takes boxes there and back. No pixels here.
 */
#ifndef DET_FIT_H
#define DET_FIT_H

#include <stddef.h>

#include "base/err.h"
#include "image/resize.h"
#include "stream/item.h"

enum det_fit_kind {
	DET_FIT_NONE,      /* as it is */
	DET_FIT_STRETCH,   /* to w x h, whatever its shape */
	DET_FIT_LETTERBOX, /* into w x h with its shape kept, centred, the rest filled */
	DET_FIT_SHORT, /* shorter side to short_side unless the longer passes long_side */
};

/* The frameworks differ in how they round DET_FIT_SHORT. */
enum det_fit_rule {
	DET_RULE_TV,   /* torchvision >= 0.15, eager: floor(side * s), s in double */
	DET_RULE_TV32, /* torchvision scripted, exported and 0.14: s in float */
	DET_RULE_CAFFE, /* py-faster-rcnn: round(side * s), s kept for sampling and boxes */
	DET_RULE_D2, /* Detectron2: short side exact, long floor(x + .5) */
};

/* Which transform the item states. */
enum det_fit_map {
	/* As the framework itself maps boxes: out/in, and for a letterbox Darknet's
	 * (net - new) / 2 with its half pixel although pixels move by whole ones. */
	DET_MAP_FRAMEWORK,
	/* As the pixels really went: whole offsets, and (out-1)/(in-1) for a kernel that
	 * aligns corners. */
	DET_MAP_EXACT,
};

struct det_fit {
	enum det_fit_kind kind;
	size_t w, h;
	long short_side, long_side; /* long_side 0: no bound */
	enum det_fit_rule rule;
	size_t multiple; /* canvas sides are rounded up to it; 0 and 1: not */
	enum det_fit_map map;
};

struct det_place {
	size_t w, h;           /* the picture, upright and at full size */
	size_t new_w, new_h;   /* the resized picture */
	size_t x, y;           /* its place on the canvas */
	size_t in_w, in_h;     /* the canvas */
	double step_x, step_y; /* input pixels per output pixel; 0: in/out */
	struct det_transform map;
};

/* DET_LIMIT where the canvas would have more than 2^28 pixels. A side never becomes 0:
 * where a framework's rule says so (and the framework fails), it is 1. */
enum det_err det_fit_place(struct det_place *out, const struct det_fit *fit,
    enum det_kernel kernel, size_t w, size_t h) DET_MUST_USE;

/* One axis of the transform of `old` pixels that became `new` ones from `offset` on. */
void det_fit_axis(double *s, double *t, const struct det_fit *f, enum det_kernel kernel,
    size_t old, size_t new, size_t offset);

#endif
