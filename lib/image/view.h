/* SPDX-License-Identifier: MIT
 *
 * How a picture is looked at in training: through a window that may be smaller or larger
 * than it, mirrored, and placed on the canvas otherwise than usual.
 *
 * A view is drawn from sizes alone (augment.h), before the picture is decoded. The item's
 * transform says where the pixels went, so boxes in space "image" stay where they are.
 */
#ifndef DET_VIEW_H
#define DET_VIEW_H

#include "image/fit.h"
#include "image/image.h"

/* Whole pixels of the upright picture. */
struct det_window {
	long x, y, w, h;
};

struct det_view {
	struct det_window
	    window;      /* may reach beyond the picture, meets it; w, h >= 1 */
	int flip, vflip; /* what is seen through it is mirrored, stands on its head */
	double aspect;   /* of the window once resized, in a letterbox; 0: its own */
	double across,
	    down; /* with aspect: its place, as shares of the room left: 0..1 */
};

/* The whole of a picture, as det_fit_place has it. */
void det_view_whole(struct det_view *v, size_t w, size_t h);

/* Where the part of a picture of w x h that shows in the window goes: *part is that part,
 * and *out a place for it (out->w, out->h are its size), with the transform of the whole
 * picture. The window takes the picture's part in the fit; what of the canvas the part does
 * not cover is padding. */
enum det_err det_view_place(struct det_place *out, struct det_window *part,
    const struct det_view *v, const struct det_fit *fit, enum det_kernel kernel,
    size_t w, size_t h) DET_MUST_USE;

/* Cuts the picture down to the part, and mirrors it as asked. full_w, full_h: the picture's size
 * before it was decoded at a fraction of it. */
enum det_err det_view_cut(struct det_image *im, const struct det_window *part, int flip,
    int vflip, size_t full_w, size_t full_h) DET_MUST_USE;

#endif
