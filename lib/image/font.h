/* SPDX-License-Identifier: MIT
 *
 * Text on pictures, in the font that font.c holds: ASCII, one weight, any size.
 */
#ifndef DET_FONT_H
#define DET_FONT_H

#include "image/image.h"

struct det_rgb {
	unsigned char r, g, b;
};

/* `cap`: height of a capital in pixels, at least 6. Text is UTF-8; what is not ASCII is
 * shown as a box, one for each character. */
size_t det_text_width(const char *text, int cap);

/* Draws with the left end of the baseline at pixel (x, y); outside pixels are cut. */
void det_text_draw(struct det_image *im, long x, long y, const char *text, int cap,
    struct det_rgb color);

#endif
