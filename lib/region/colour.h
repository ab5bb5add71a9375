/* SPDX-License-Identifier: MIT
 *
 * A picture in another colour space, 8 bits a channel, as the programs that group regions
 * want it.
 */
#ifndef DET_COLOUR_H
#define DET_COLOUR_H

#include "image/image.h"

enum det_colour {
	DET_COLOUR_RGB,
	DET_COLOUR_HSV,    /* hue 0..255 is a whole turn */
	DET_COLOUR_HUE,    /* its first channel alone */
	DET_COLOUR_HSV180, /* hue 0..179 is a whole turn: OpenCV's bytes, to the bit */
	DET_COLOUR_HUE180, /* its first channel alone */
	DET_COLOUR_LAB,    /* CIE 1976, white D65: L * 2.55, a + 128, b + 128 */
	DET_COLOUR_GREY,   /* .299 R + .587 G + .114 B */
	DET_COLOUR_RED_GREEN_GREY, /* R and G as they are, and grey */
	DET_COLOUR_RGI, /* shares of R and of G in their sum (* 255), and grey */
};

/* n planes of h rows of w bytes each, without padding. */
struct det_colours {
	size_t w, h;
	size_t n;                /* 1 or 3 */
	unsigned char *plane[3]; /* in one block, owned */
};

/* How many channels a space has: 1 or 3. */
size_t det_colour_channels(enum det_colour space);

/* Start from {0}; what *out had is freed. */
enum det_err det_colours_make(struct det_colours *out, const struct det_image *im,
    enum det_colour space) DET_MUST_USE;
void det_colours_release(struct det_colours *c);

#endif
