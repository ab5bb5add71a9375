/* SPDX-License-Identifier: MIT
 *
 * Boxes drawn on a picture, each with a label.
 */
#ifndef DET_DRAW_H
#define DET_DRAW_H

#include "image/font.h"
#include "stream/boxes.h"
#include "stream/item.h"

enum det_draw_label { DET_LABEL_FULL, DET_LABEL_NAME, DET_LABEL_NONE };

struct det_draw_params {
	double min_score; /* boxes below are left out */
	enum det_draw_label label;
	long line; /* width in pixels; 0: by the picture's size */
	long text; /* height of capitals in pixels; 0: by the picture's size */
};

#define DET_DRAW_DEFAULTS               \
	{                               \
		0, DET_LABEL_FULL, 0, 0 \
	}

/* The colour of a class: the same one in every picture. Twenty, chosen for eyes that see
 * no red or no green, then again from the first; labels below 0 are grey. */
struct det_rgb det_class_color(long label);

/* `boxes` in space image. The best box is drawn last, labels above all boxes, kept inside
 * the picture and, where there is room, off each other. */
enum det_err det_draw_boxes(struct det_image *im, const struct det_boxes *boxes,
    const struct det_classes *classes, const struct det_draw_params *p) DET_MUST_USE;

#endif
