/* SPDX-License-Identifier: MIT
 *
 * Resizing, in the four arithmetics that published networks were trained and measured with.
 * The same photo differs by several grey levels between them.
 */
#ifndef DET_RESIZE_H
#define DET_RESIZE_H

#include "image/image.h"

enum det_kernel {
	DET_KERNEL_DARKNET, /* two taps, corners aligned, float */
	DET_KERNEL_OPENCV, /* two taps, half-pixel centres, bytes in 11 bit fixed point */
	DET_KERNEL_TORCH, /* two taps, half-pixel centres, float */
	DET_KERNEL_PIL,   /* triangle widened when shrinking (antialiased), bytes */
};

/* "darknet", "opencv", "torch", "pil", NULL: by number. */
extern const char *const det_kernel_names[];

/* Destination: plane[c] gets channel c (red, green, blue) of the picture, rows `stride`
 * floats apart. */
struct det_planes {
	float *plane[3];
	size_t stride;
};

/* What a byte of channel c (red, green, blue) becomes before resizing. */
struct det_table {
	float v[3][256];
};

/* Two-tap kernels on floats: each byte is first mapped by the table. DARKNET, TORCH, and
 * OPENCV as cv2.resize does it on float32. step_x, step_y: input pixels per output pixel,
 * 0 for in/out; only OPENCV looks at them. */
enum det_err det_resize_floats(const struct det_planes *out, size_t ow, size_t oh,
    const struct det_image *im, const struct det_table *table, enum det_kernel kernel,
    double step_x, double step_y) DET_MUST_USE;

/* OPENCV and PIL on bytes, to the bit as cv2.resize(INTER_LINEAR) and
 * Image.resize(BILINEAR). *out is made here. */
enum det_err det_resize_bytes(struct det_image *out, size_t ow, size_t oh,
    const struct det_image *im, enum det_kernel kernel, double step_x,
    double step_y) DET_MUST_USE;

#endif
